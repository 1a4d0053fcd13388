// A bar that moves with the microphone: the proof that sound is captured.

import { meterOf } from '../speaking.js';
import { h, setAttribute } from './dom.js';
import { LevelReader } from './level.js';

const BARS = 12;

/** @param {string} label */
export function createMeter(label) {
  const bars = Array.from({ length: BARS }, () => h('i'));
  const element = h('div', { class: 'meter', role: 'meter', 'aria-label': label, 'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-valuenow': 0 }, ...bars);
  const reader = new LevelReader();
  let listening = false;

  function look() {
    if (!listening) return;
    const lit = Math.round(meterOf(reader.read()) * BARS);
    for (const [i, bar] of bars.entries()) bar.classList.toggle('lit', i < lit);
    setAttribute(element, 'aria-valuenow', Math.round((lit / BARS) * 100));
    requestAnimationFrame(look);
  }

  /** @param {MediaStreamTrack | null} track */
  function listen(track) {
    reader.listen(track);
    const before = listening;
    listening = track !== null;
    if (listening && !before) look();
  }

  return { element, listen, stop: () => listen(null) };
}
