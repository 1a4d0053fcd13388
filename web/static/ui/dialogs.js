// Settings and help, in the browser's own dialogs: focus stays inside, Esc closes, focus goes back.

import { VIDEO_CODECS, capabilitiesOf, preferences as codecPreferences } from '../codecs.js';
import { KEYS } from '../keys.js';
import { cleanName, LIMITS } from '../protocol.js';
import { deviceSelects } from './devices.js';
import { h, icon, uniqueId } from './dom.js';
import { THEME_NAMES, applyTheme } from './theme.js';

/** @param {string} title @param {...Node} content */
function dialog(title, ...content) {
  const id = uniqueId();
  const element = h('dialog', { class: 'dialog', 'aria-labelledby': id },
    h('header', {}, h('h2', { id }, title), h('button', { type: 'button', class: 'quiet round', 'aria-label': 'Close', on: { click: () => element.close() } }, icon('close'))),
    h('div', { class: 'dialog-body' }, ...content));
  element.addEventListener('click', ({ target }) => target === element && element.close());
  return element;
}

export function helpDialog() {
  return dialog('Keys', h('dl', { class: 'keys' }, ...KEYS.map(([key, what]) => h('div', {}, h('dt', {}, ...key.split(' ').map((part) => h('kbd', {}, part))), h('dd', {}, what)))));
}

/**
 * @param {object} parts
 * @param {import('../capture.js').Capture} parts.capture @param {import('../preferences.js').Preferences} parts.preferences
 * @param {(kind: import('./devices.js').Kind, id: string) => void} parts.choose
 * @param {(name: string) => void} parts.rename @param {(codec: string) => void} parts.useCodec @param {() => void} parts.changed @param {() => void} parts.help
 */
export function settingsDialog({ capture, preferences, choose, rename, useCodec, changed, help }) {
  const selects = deviceSelects({ capture, preferences, kinds: ['camera', 'microphone', 'speaker'], choose });
  const name = h('input', { id: uniqueId(), type: 'text', maxlength: LIMITS.nameLength, value: preferences.get('name'), on: { change: () => {
    const chosen = cleanName(name.value);
    preferences.set('name', chosen);
    rename(chosen);
  } } });
  const codecs = VIDEO_CODECS.filter((codec) => codecPreferences(capabilitiesOf('send', 'video'), [codec]).length > 0);
  const codec = select(preferences.get('codec'), [['', 'Automatic'], ...codecs.map((c) => /** @type {[string, string]} */ ([c, c]))], (value) => {
    preferences.set('codec', value);
    useCodec(value);
  });
  const theme = select(preferences.get('theme'), /** @type {[string, string][]} */ (Object.entries(THEME_NAMES)), (value) => {
    preferences.set('theme', /** @type {import('../preferences.js').Theme} */ (value));
    applyTheme(preferences);
  });
  /** @param {'showSelf' | 'mirror' | 'shortcuts'} key @param {string} label */
  const check = (key, label) => {
    const box = h('input', { type: 'checkbox', checked: preferences.get(key), on: { change: () => {
      preferences.set(key, box.checked);
      changed();
    } } });
    return h('label', { class: 'check' }, box, h('span', {}, label));
  };
  return dialog('Settings',
    row('Your name', name), ...selects.elements, row('Video codec', codec), row('Colours', theme),
    check('showSelf', 'Show my own picture'), check('mirror', 'Mirror my own picture'), check('shortcuts', 'Single-letter keys'),
    h('button', { type: 'button', class: 'plain', on: { click: help } }, icon('help'), 'Show all keys'));
}

/** @param {string} value @param {[string, string][]} options @param {(value: string) => void} choose */
function select(value, options, choose) {
  const element = h('select', { id: uniqueId(), on: { change: () => choose(element.value) } },
    ...options.map(([v, label]) => h('option', { value: v, selected: v === value }, label)));
  return element;
}

/** @param {string} label @param {HTMLElement} field */
const row = (label, field) => h('div', { class: 'setting' }, h('label', { for: field.id }, label), field);
