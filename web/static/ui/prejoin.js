// A look at oneself before going in. Nothing is opened until the person asks; joining works with nothing at all, and the preview works
// with the server down.

import { permissionOf } from '../capture.js';
import { adviceFor } from '../faults.js';
import { initials } from '../names.js';
import { cleanName, LIMITS } from '../protocol.js';
import { fetchRoom } from '../rooms.js';
import { deviceSelects } from './devices.js';
import { focusUnlessTouch, h, icon, setAttribute, setIcon, setText, uniqueId, wordmark } from './dom.js';
import { createMeter } from './meter.js';
import { themeButton } from './theme.js';

/** @typedef {import('../protocol.js').RoomInfo} RoomInfo */
/** @typedef {'camera' | 'microphone'} Device */

const ASK_AGAIN = 5000;

/**
 * @param {object} parts
 * @param {URL} parts.root @param {string} parts.room @param {string | undefined} parts.token
 * @param {import('../capture.js').Capture} parts.capture @param {import('../preferences.js').Preferences} parts.preferences
 * @param {(choice: { name: string, info: RoomInfo | undefined }) => void} parts.join
 */
export function prejoin({ root, room, token, capture, preferences, join }) {
  /** @type {RoomInfo | undefined} */ let info;
  let stopped = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ let timer;

  // The preview.
  const video = h('video', { class: 'preview-video', playsinline: true, autoplay: true, 'aria-label': 'Your camera' });
  video.muted = true;
  const avatar = h('span', { class: 'avatar large hue-0', 'aria-hidden': 'true' });
  const ask = h('button', { type: 'button', class: 'primary', on: { click: () => open(() => capture.openBoth()) } }, icon('camera'), 'Turn on camera and microphone');
  const askSound = h('button', { type: 'button', class: 'plain', on: { click: () => open(() => capture.open('microphone')) } }, icon('mic'), 'Microphone only');
  const hint = h('p', { class: 'preview-hint' });
  const invitation = h('div', { class: 'preview-ask' }, hint, ask, askSound);
  const meter = createMeter('Microphone level');
  /** @type {Record<Device, ReturnType<typeof toggle>>} */
  const toggles = { microphone: toggle('microphone'), camera: toggle('camera') };
  const strip = h('div', { class: 'preview-strip' }, toggles.microphone.element, toggles.camera.element, meter.element);
  const faults = h('div', { class: 'faults', role: 'alert' });
  const preview = h('section', { class: 'preview', 'aria-label': 'Preview' }, h('div', { class: 'preview-picture' }, avatar, video, invitation, strip), faults);

  // What there is to decide.
  const nameId = uniqueId();
  const name = h('input', {
    id: nameId, type: 'text', autocomplete: 'name', maxlength: LIMITS.nameLength, value: preferences.get('name'), placeholder: 'Guest', enterkeyhint: 'go',
    on: { input: () => showAvatar() },
  });
  const selects = deviceSelects({ capture, preferences, kinds: ['camera', 'microphone', 'speaker'], choose });
  const devices = h('div', { class: 'prejoin-devices' }, ...selects.elements);
  const inside = h('p', { class: 'inside' });
  const server = h('p', { class: 'server-note', role: 'status' });
  const openNote = h('p', { class: 'open-note' });
  const button = h('button', { type: 'submit', class: 'primary big' }, 'Join the call');
  const form = h('form', { class: 'prejoin-form', on: { submit: (/** @type {Event} */ event) => {
    event.preventDefault();
    const chosen = cleanName(name.value);
    preferences.set('name', chosen);
    join({ name: chosen, info });
  } } },
  h('p', { class: 'eyebrow' }, 'You are about to join'), h('h1', {}, h('bdi', {}, room)), inside,
  h('div', { class: 'setting' }, h('label', { for: nameId }, 'Your name'), name), server, button, openNote, devices);

  /** @param {Device} device */
  function toggle(device) {
    const picture = icon(device === 'camera' ? 'camera' : 'mic');
    const element = h('button', { type: 'button', class: 'control', on: { click: () => {
      if (capture.tracks.has(device)) capture.close(device);
      else open(() => capture.open(device));
    } } }, picture);
    return { element, picture };
  }

  /** @param {() => Promise<unknown>} work */
  async function open(work) {
    setAttribute(preview, 'aria-busy', 'true');
    await work();
    setAttribute(preview, 'aria-busy', null);
  }

  /** @param {'camera' | 'microphone' | 'speaker'} kind @param {string} id */
  function choose(kind, id) {
    preferences.set(kind, id);
    if (kind === 'speaker') return;
    if (capture.tracks.has(kind)) open(() => capture.open(kind, id));
    else capture.chosen[kind] = id;
  }

  function showDevices() {
    const camera = capture.tracks.get('camera') ?? null;
    const microphone = capture.tracks.get('microphone') ?? null;
    const shown = /** @type {MediaStream | null} */ (video.srcObject)?.getVideoTracks()[0] ?? null;
    if (shown !== camera) video.srcObject = camera && new MediaStream([camera]);
    const mirrored = preferences.get('mirror') && camera?.getSettings().facingMode !== 'environment';
    preview.classList.toggle('mirrored', mirrored);
    preview.classList.toggle('has-picture', camera !== null);
    const nothing = !camera && !microphone;
    invitation.hidden = !nothing;
    strip.hidden = nothing;
    devices.hidden = nothing;
    meter.listen(microphone);
    meter.element.hidden = !microphone;
    for (const device of /** @type {Device[]} */ (['microphone', 'camera'])) {
      const on = capture.tracks.has(device);
      const { element, picture } = toggles[device];
      const label = device === 'camera' ? 'Camera' : 'Microphone';
      setIcon(picture, `${device === 'camera' ? 'camera' : 'mic'}${on ? '' : '-off'}`);
      setAttribute(element, 'aria-pressed', on ? 'true' : 'false');
      setAttribute(element, 'aria-label', label);
      setAttribute(element, 'title', on ? `Turn the ${device} off` : `Turn the ${device} on`);
    }
    faults.replaceChildren(...[...capture.faults].map(([, { sentence }]) => h('p', {}, icon('warning'), sentence)));
  }

  function showAvatar() {
    setText(avatar, initials(cleanName(name.value) || 'Guest'));
  }

  async function showPermissions() {
    const [camera, microphone] = await Promise.all([permissionOf('camera'), permissionOf('microphone')]);
    setText(hint, camera === 'denied' && microphone === 'denied'
      ? 'This page may not use your camera and microphone. Allow them beside the address, or join without.'
      : camera === 'granted' || microphone === 'granted' ? 'Your devices are off until you turn them on.'
        : 'Your devices are off. The browser will ask before it turns them on.');
  }

  async function askServer() {
    try {
      info = await fetchRoom(root, room, { token });
      showServer(null);
    } catch (error) {
      info = undefined;
      showServer(/** @type {{ code: string, message: string }} */ (error));
    }
    if (!stopped) timer = setTimeout(askServer, info ? ASK_AGAIN * 2 : ASK_AGAIN);
  }

  /** @param {{ code: string, message: string } | null} fault */
  function showServer(fault) {
    server.classList.toggle('bad', fault !== null);
    setText(server, fault ? `${adviceFor(fault).sentence}${fault.code === 'server_unreachable' ? ' Your preview works all the same; this page keeps trying.' : ''}` : '');
    const count = info?.participants;
    setText(inside, count === undefined ? '' : count === 0 ? 'Nobody is here yet.' : count === 1 ? 'One person is inside.' : `${count} people are inside.`);
    setText(openNote, info?.auth === 'open' ? 'This server is open: anyone who knows the room’s name can join.' : '');
    if (info?.auth === 'token' && !token) {
      server.classList.add('bad');
      setText(server, adviceFor({ code: 'token_required' }).sentence);
    }
  }

  capture.addEventListener('change', showDevices);
  showDevices();
  showAvatar();
  showPermissions();
  askServer();

  return {
    element: h('div', { class: 'page prejoin' }, h('header', { class: 'top' }, h('a', { href: root.href, class: 'home', 'aria-label': 'sfu, start page' }, wordmark()), themeButton(preferences)),
      h('main', { class: 'prejoin-main' }, preview, form)),
    focus: () => focusUnlessTouch(name.value && !ask.closest('[hidden]') ? ask : name),
    stop() {
      stopped = true;
      clearTimeout(timer);
      capture.removeEventListener('change', showDevices);
      selects.stop();
      meter.stop();
      video.srcObject = null;
    },
  };
}
