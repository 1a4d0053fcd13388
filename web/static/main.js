// Page glue: reads the address, builds the parts, shows one page after the other. The only module with state of its own.

import { placeOf, readFragment } from './address.js';
import { Capture } from './capture.js';
import { missingFeatures } from './features.js';
import { Preferences, storageOf } from './preferences.js';
import { cleanRoomName, isRoomName } from './protocol.js';
import { roomPage, rootOf } from './rooms.js';
import { Session } from './session.js';
import { Call } from './ui/call.js';
import { h } from './ui/dom.js';
import { endedPage, messagePage } from './ui/ended.js';
import { landing } from './ui/landing.js';
import { prejoin } from './ui/prejoin.js';
import { applyTheme } from './ui/theme.js';

/** @typedef {{ element: HTMLElement, focus?: () => void, stop?: () => void }} Page */

const root = rootOf(import.meta.url);
const preferences = new Preferences(storageOf('localStorage'));
const app = /** @type {HTMLElement} */ (document.getElementById('app'));
/** @type {Page | null} */
let current = null;

/** @param {string} title @param {Page} page @param {boolean} [focus] */
function show(title, page, focus = true) {
  current?.stop?.();
  current = page;
  document.title = title;
  app.replaceChildren(page.element);
  if (focus) page.focus?.();
}

/** A token that came with the link stays with this tab, so that a reload works, and nowhere else. @param {string} room @param {string | undefined} token */
function tokenFor(room, token) {
  const storage = storageOf('sessionStorage');
  const key = `sfu.token.${room}`;
  try {
    if (token) storage?.setItem(key, token);
    return token ?? storage?.getItem(key) ?? undefined;
  } catch {
    return token;
  }
}

/** @param {string} room */
function enterRoom(room) {
  const { token: fromLink, codec, rest } = readFragment(location.hash);
  if (fromLink) history.replaceState(null, '', location.pathname + location.search + rest);
  const token = tokenFor(room, fromLink);
  const capture = new Capture(navigator.mediaDevices, isSecureContext);
  capture.chosen = { camera: preferences.get('camera'), microphone: preferences.get('microphone') };

  // A device that opens only after the call has ended is closed again.
  let over = false;
  capture.addEventListener('change', () => over && capture.closeAll());

  const lookInMirror = () => show(`${room} · sfu`, prejoin({ root, room, token, capture, preferences, join: start }));

  /** @param {{ name: string, info: import('./protocol.js').RoomInfo | undefined }} choice */
  function start({ name, info }) {
    preferences.visited(room);
    const session = new Session({ root, room, name, token, info, codec: codec ?? (preferences.get('codec') || undefined) });
    call(session);
  }

  /** @param {Session} session */
  function call(session) {
    over = false;
    // The call publishes what is open, so that the first offer carries it.
    show(`${room} · sfu`, new Call({ session, capture, preferences, root, ended: () => ended(session) }));
    session.join();
  }

  /** Devices are off after a call. Who rejoins is as they were. @param {Session} session */
  function ended(session) {
    const were = /** @type {const} */ (['microphone', 'camera']).filter((device) => session.publication(device)?.muted === false);
    for (const source of /** @type {const} */ (['microphone', 'camera', 'screen', 'screen_audio'])) session.unpublish(source);
    capture.closeAll();
    over = true;
    const rejoin = async () => {
      call(session);
      for (const device of were) {
        const track = await capture.open(device);
        if (track) session.publish(device, track);
      }
    };
    show(`${room} · sfu`, endedPage({ root, room, life: session.life, rejoin, retry: () => location.reload() }));
  }

  lookInMirror();
}

/** @param {string} name */
function badRoom(name) {
  const better = cleanRoomName(name);
  const more = better ? [h('p', {}, 'Did you mean ', h('a', { href: roomPage(root, better).href }, better), '?')] : [];
  show('sfu', messagePage({
    root, title: 'No room has this name', more,
    sentence: 'Room names are made of letters, digits, hyphens and underscores, up to 64 of them.',
  }));
}

function begin() {
  applyTheme(preferences);
  const missing = missingFeatures(globalThis);
  const place = placeOf(root, new URL(location.href));
  if (missing.length > 0 && place.page === 'room') {
    show('sfu', messagePage({
      root, title: 'This browser cannot make calls',
      sentence: 'Something is missing or switched off. Current versions of Chrome, Edge and Firefox have it; any other browser that has it works as well.',
      more: [h('ul', { class: 'missing' }, ...missing.map(({ name, why }) => h('li', {}, h('strong', {}, name), ` ${why}`)))],
    }));
  } else if (place.page === 'landing') show('sfu', landing({ root, preferences }));
  else if (place.page === 'room' && isRoomName(place.room)) enterRoom(place.room);
  else badRoom(place.page === 'room' ? place.room : '');
}

begin();
