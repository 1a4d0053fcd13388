// The bar that says what is wrong, and the short notes that come and go.

import { h, icon, setAttribute, setText } from './dom.js';

/** @typedef {import('../status.js').Status} Status */

const NOTE_STAYS = 8000;
const MOST_NOTES = 3;

/** @param {(action: import('../status.js').StatusAction) => void} act */
export function createBanner(act) {
  const text = h('p', { class: 'banner-text' });
  const detail = h('p', { class: 'banner-detail' });
  /** @type {import('../status.js').StatusAction | null} */ let action = null;
  const button = h('button', { type: 'button', class: 'primary small', on: { click: () => action && act(action) } });
  const element = h('div', { class: 'banner', role: 'status', hidden: true }, icon('warning'), h('div', { class: 'banner-words' }, text, detail), button);

  /** @param {Status | null} status */
  function update(status) {
    element.hidden = status === null;
    if (!status) return;
    element.classList.toggle('warning', status.tone === 'warning');
    element.classList.toggle('joining', status.joining);
    setText(text, status.text);
    setText(detail, status.detail);
    action = status.action;
    button.hidden = action === null;
    setText(button, action === 'hear' ? 'Tap to hear' : 'Rejoin');
  }

  return { element, update };
}

/** Short notes in a corner; each goes by itself, or when it is dismissed. */
export function createNotes() {
  const element = h('div', { class: 'notes', role: 'alert' });

  /** @param {string} sentence @param {'calm' | 'warning'} [tone] */
  function say(sentence, tone = 'warning') {
    if ([...element.children].some((note) => note.querySelector('p')?.textContent === sentence)) return;
    const note = h('div', { class: `note ${tone}` }, tone === 'warning' && icon('warning'), h('p', {}, sentence),
      h('button', { type: 'button', class: 'quiet round', 'aria-label': 'Dismiss', on: { click: () => note.remove() } }, icon('close')));
    element.append(note);
    while (element.children.length > MOST_NOTES) element.firstElementChild?.remove();
    setTimeout(() => note.remove(), NOTE_STAYS);
  }

  return { element, say };
}

/** What a screen reader says of what happens in the room. @param {'polite' | 'assertive'} manner */
export function createAnnouncer(manner) {
  const element = h('div', { class: 'unseen', 'aria-live': manner, 'aria-atomic': 'true' });
  return {
    element,
    /** @param {string} sentence */
    say(sentence) {
      setAttribute(element, 'aria-live', manner);
      element.textContent = sentence;
    },
  };
}
