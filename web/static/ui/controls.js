// The bar at the bottom: what a person does during a call.

import { canShareScreen } from '../features.js';
import { deviceSelects } from './devices.js';
import { h, icon, setAttribute, setIcon, setText } from './dom.js';
import { attachPopover } from './popover.js';

/**
 * @typedef {object} Actions
 * @property {() => void} mic @property {() => void} camera @property {() => void} share @property {() => void} chat
 * @property {() => void} people @property {() => void} settings @property {() => void} leave
 * @property {(kind: import('./devices.js').Kind, id: string) => void} choose
 */
/**
 * @typedef {object} ControlsModel
 * @property {boolean} mic @property {boolean} camera @property {boolean} sharing
 * @property {'chat' | 'people' | null} panel
 * @property {number} unread
 * @property {number} people
 * @property {Set<string>} mayPublish sources
 * @property {number} level of one's own voice, 0 to 1
 */

/** @param {{ actions: Actions, capture: import('../capture.js').Capture, preferences: import('../preferences.js').Preferences }} parts */
export function createControls({ actions, capture, preferences }) {
  const mic = control('mic', 'Microphone', 'M', actions.mic);
  const camera = control('camera', 'Camera', 'V', actions.camera);
  const share = control('screen', 'Share screen', 'S', actions.share);
  const chat = control('chat', 'Chat', 'C', actions.chat);
  const people = control('people', 'People', 'P', actions.people);
  const settings = control('settings', 'Settings', '', actions.settings);
  const leave = h('button', { type: 'button', class: 'control leave', 'aria-label': 'Leave the call', title: 'Leave', on: { click: actions.leave } },
    icon('leave'), h('span', { class: 'control-text', 'aria-hidden': 'true' }, 'Leave'));
  const badge = h('span', { class: 'badge', hidden: true });
  const count = h('span', { class: 'count', 'aria-hidden': 'true' });
  chat.button.append(badge);
  people.button.append(count);
  const level = h('span', { class: 'mic-level', 'aria-hidden': 'true' });
  mic.button.prepend(level);

  const sound = deviceSelects({ capture, preferences, kinds: ['microphone', 'speaker'], choose: actions.choose });
  const picture = deviceSelects({ capture, preferences, kinds: ['camera'], choose: actions.choose });
  const micMenu = caret('Choose microphone and speaker', sound.elements, () => capture.refresh());
  const cameraMenu = caret('Choose camera', picture.elements, () => capture.refresh());

  const element = h('section', { class: 'controls', 'aria-label': 'Call controls' },
    h('div', { class: 'controls-main' },
      h('div', { class: 'split' }, mic.button, micMenu.button, micMenu.panel),
      h('div', { class: 'split' }, camera.button, cameraMenu.button, cameraMenu.panel),
      share.button),
    h('div', { class: 'controls-side' }, chat.button, people.button, settings.button),
    leave);

  /** @param {ControlsModel} model */
  function update({ mic: micOn, camera: cameraOn, sharing, panel, unread, people: number, mayPublish, level: loudness }) {
    toggle(mic, micOn, micOn ? 'mic' : 'mic-off', mayPublish.has('microphone'));
    toggle(camera, cameraOn, cameraOn ? 'camera' : 'camera-off', mayPublish.has('camera'));
    toggle(share, sharing, 'screen', mayPublish.has('screen'));
    mic.button.classList.toggle('off', !micOn);
    camera.button.classList.toggle('off', !cameraOn);
    share.button.hidden = !canShareScreen(globalThis);
    setAttribute(share.button, 'aria-label', sharing ? 'Stop sharing the screen' : 'Share screen');
    setAttribute(chat.button, 'aria-pressed', panel === 'chat' ? 'true' : 'false');
    setAttribute(people.button, 'aria-pressed', panel === 'people' ? 'true' : 'false');
    badge.hidden = unread === 0;
    setText(badge, unread > 9 ? '9+' : String(unread));
    setAttribute(chat.button, 'aria-label', unread ? `Chat, ${unread} unread` : 'Chat');
    setText(count, String(number));
    setAttribute(people.button, 'aria-label', `People, ${number}`);
    level.style.setProperty('--level', micOn ? loudness.toFixed(2) : '0');
  }

  return {
    element, update,
    focusFirst: () => mic.button.focus(),
    stop() {
      sound.stop();
      picture.stop();
    },
  };
}

/** @typedef {{ button: HTMLButtonElement, picture: SVGElement }} Control */

/** @param {string} name @param {string} label @param {string} key @param {() => void} act @returns {Control} */
function control(name, label, key, act) {
  const picture = icon(name);
  const button = h('button', {
    type: 'button', class: 'control', 'aria-label': label, title: key ? `${label} (${key})` : label, 'aria-keyshortcuts': key || null, on: { click: act },
  }, picture);
  return { button, picture };
}

/** @param {Control} control @param {boolean} pressed @param {string} name @param {boolean} allowed */
function toggle({ button, picture }, pressed, name, allowed) {
  setAttribute(button, 'aria-pressed', pressed ? 'true' : 'false');
  setAttribute(button, 'disabled', !allowed);
  setIcon(picture, name);
}

/** @param {string} label @param {Node[]} content @param {() => void} opening */
function caret(label, content, opening) {
  const button = h('button', { type: 'button', class: 'caret', 'aria-label': label, title: label }, icon('up'));
  const { panel } = attachPopover(button, label, content, opening);
  return { button, panel };
}
