// Choosing a camera, a microphone and a loudspeaker.

import { canChooseSpeaker } from '../features.js';
import { h, setAttribute, uniqueId } from './dom.js';

/** @typedef {'camera' | 'microphone' | 'speaker'} Kind */
/** @typedef {import('../capture.js').Capture} Capture */
/** @typedef {import('../preferences.js').Preferences} Preferences */

/** @type {Record<Kind, string>} */
const NAMES = { camera: 'Camera', microphone: 'Microphone', speaker: 'Speaker' };

/**
 * A labelled list for each kind of device, kept up to date with what is plugged in.
 * @param {{ capture: Capture, preferences: Preferences, kinds: Kind[], choose: (kind: Kind, id: string) => void }} parts
 */
export function deviceSelects({ capture, preferences, kinds, choose }) {
  const shown = kinds.filter((kind) => kind !== 'speaker' || canChooseSpeaker(globalThis));
  /** @type {Map<Kind, HTMLSelectElement>} */
  const selects = new Map();
  const rows = shown.map((kind) => {
    const id = uniqueId();
    const select = h('select', { id, on: { change: () => choose(kind, select.value) } });
    selects.set(kind, select);
    return h('div', { class: 'setting' }, h('label', { for: id }, NAMES[kind]), select);
  });

  function update() {
    for (const [kind, select] of selects) {
      const options = capture.choices[kind];
      const wanted = [{ id: '', label: options.length ? 'Automatic' : 'None found' }, ...options];
      const same = wanted.length === select.options.length && wanted.every(({ id, label }, i) => select.options[i].value === id && select.options[i].text === label);
      if (!same) select.replaceChildren(...wanted.map(({ id, label }) => h('option', { value: id }, label)));
      const chosen = kind === 'speaker' ? preferences.get('speaker') : capture.chosen[kind];
      select.value = options.some(({ id }) => id === chosen) ? chosen : '';
      setAttribute(select, 'disabled', options.length === 0);
    }
  }

  update();
  capture.addEventListener('change', update);
  return { elements: rows, update, stop: () => capture.removeEventListener('change', update) };
}
