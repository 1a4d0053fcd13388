// The page after a call, and the page instead of one.

import { adviceFor } from '../faults.js';
import { h, icon, wordmark } from './dom.js';

/**
 * @param {{ root: URL, title: string, sentence: string, more?: Node[], rejoin?: () => void, retry?: () => void }} parts
 */
export function messagePage({ root, title, sentence, more = [], rejoin, retry }) {
  const heading = h('h1', { tabindex: -1 }, title);
  return {
    element: h('div', { class: 'page message-page' }, h('header', { class: 'top' }, h('a', { href: root.href, class: 'home', 'aria-label': 'sfu, start page' }, wordmark())),
      h('main', { class: 'message-main' }, heading, h('p', { class: 'lead' }, sentence), ...more,
        h('div', { class: 'buttons' },
          rejoin && h('button', { type: 'button', class: 'primary big', on: { click: rejoin } }, 'Rejoin', icon('arrow')),
          retry && h('button', { type: 'button', class: 'primary big', on: { click: retry } }, 'Try again', icon('dice')),
          h('a', { class: 'plain button', href: root.href }, 'To the start page')))),
    focus: () => heading.focus(),
  };
}

/** @param {{ root: URL, room: string, life: import('../lifecycle.js').Life, rejoin: () => void, retry: () => void }} parts */
export function endedPage({ root, room, life, rejoin, retry }) {
  if (life.phase === 'left' || !life.fault) {
    return messagePage({ root, title: 'You left the call', sentence: `The room “${room}” stays open for those who are in it.`, rejoin });
  }
  const { sentence, action } = adviceFor(life.fault);
  const title = life.fault.code === 'removed' ? 'You were removed' : life.fault.code === 'replaced' ? 'You are in another window' : 'You are not in the call';
  return messagePage({ root, title, sentence, ...(action === 'rejoin' ? { rejoin } : {}), ...(action === 'retry' ? { retry } : {}) });
}
