// A small panel that belongs to a button: it opens beside it, and closes with Esc, with a click elsewhere, and when focus leaves it.

import { h, setAttribute, uniqueId } from './dom.js';

/**
 * @param {HTMLButtonElement} button @param {string} label @param {Node[]} content @param {() => void} [opening]
 */
export function attachPopover(button, label, content, opening = () => {}) {
  const id = uniqueId();
  const panel = h('div', { id, class: 'popover', role: 'group', 'aria-label': label, hidden: true, tabindex: -1 }, ...content);
  setAttribute(button, 'aria-expanded', 'false');
  setAttribute(button, 'aria-controls', id);

  const close = (/** @type {boolean} */ refocus) => {
    if (panel.hidden) return;
    panel.hidden = true;
    setAttribute(button, 'aria-expanded', 'false');
    document.removeEventListener('pointerdown', outside, true);
    if (refocus) button.focus();
  };
  const outside = (/** @type {Event} */ { target }) => {
    if (target instanceof Node && !panel.contains(target) && !button.contains(target)) close(false);
  };
  const open = () => {
    opening();
    panel.hidden = false;
    setAttribute(button, 'aria-expanded', 'true');
    document.addEventListener('pointerdown', outside, true);
    /** @type {HTMLElement} */ (panel.querySelector('select:not([disabled]), button, input') ?? panel).focus();
  };
  button.addEventListener('click', () => (panel.hidden ? open() : close(true)));
  panel.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    close(true);
  });
  panel.addEventListener('focusout', ({ relatedTarget }) => {
    if (relatedTarget instanceof Node && !panel.contains(relatedTarget) && relatedTarget !== button) close(false);
  });
  return { panel, close };
}
