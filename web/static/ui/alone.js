// What is said to somebody who is alone: how to ask others in, and how to try camera and sound meanwhile.

import { h, icon, setAttribute, setText } from './dom.js';

/** @param {{ invite: () => void, test: () => void }} actions */
export function createAlone({ invite, test }) {
  const text = h('p', {}, 'You are the only one here.');
  const link = h('button', { type: 'button', class: 'primary small', on: { click: invite } }, icon('link'), 'Copy the invitation link');
  // One button for both, so that the keyboard stays where it is.
  const label = h('span');
  const trial = h('button', { type: 'button', class: 'plain small', on: { click: test } }, label);
  const element = h('div', { class: 'alone', hidden: true }, text, link, trial);

  /**
   * @param {{ shown: boolean, mayTest: boolean, testing: boolean }} state
   * @param {Element} screen makes room for it where there is little
   */
  function update({ shown, mayTest, testing }, screen) {
    element.hidden = !shown;
    for (const place of [element, screen]) {
      place.classList.toggle('testing', shown && testing);
      place.classList.toggle('offering', shown && mayTest && !testing);
    }
    setText(text, testing ? 'This is how others see and hear you. A headset avoids howling.' : 'You are the only one here.');
    setText(label, testing ? 'Stop the test' : 'Test your camera and sound');
    setAttribute(trial, 'class', testing ? 'primary small' : 'plain small');
    link.hidden = testing;
    trial.hidden = !testing && !mayTest;
  }

  return { element, update };
}
