// The first page: name a room.

import { randomRoomName } from '../names.js';
import { cleanRoomName } from '../protocol.js';
import { roomPage } from '../rooms.js';
import { focusUnlessTouch, h, icon, setText, uniqueId, wordmark } from './dom.js';
import { themeButton } from './theme.js';

/**
 * @param {{ root: URL, preferences: import('../preferences.js').Preferences, go?: (url: URL) => void, random?: () => number }} parts
 */
export function landing({ root, preferences, go = (url) => location.assign(url), random = Math.random }) {
  const prefix = `${root.host}${root.pathname}r/`;
  let offered = randomRoomName(random);
  const field = h('input', {
    id: uniqueId(), class: 'room-field', name: 'room', type: 'text', autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false',
    placeholder: offered, maxlength: 200, enterkeyhint: 'go', on: { input: () => show() },
  });
  const link = h('output', { class: 'room-link', for: field.id });
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    const room = cleanRoomName(field.value) || (field.value.trim() === '' ? offered : '');
    if (room) go(roomPage(root, room));
    else show();
  };
  const another = h('button', { type: 'button', class: 'quiet small', on: { click: () => {
    offered = randomRoomName(random);
    field.value = offered;
    show();
    field.focus();
  } } }, icon('dice'), 'Another name');
  const recent = h('div', { class: 'recent' });

  function show() {
    const typed = field.value.trim();
    const room = cleanRoomName(typed);
    field.placeholder = offered;
    link.classList.toggle('bad', typed !== '' && room === '');
    setText(link, typed !== '' && room === '' ? 'Use at least one letter or digit.' : `${prefix}${room || offered}`);
  }

  function showRecent() {
    const rooms = preferences.get('recent');
    recent.replaceChildren(...(rooms.length === 0 ? [] : [
      h('h2', {}, 'Where you were'),
      h('ul', { class: 'chips' }, ...rooms.map((room) => h('li', {},
        h('a', { class: 'chip', href: roomPage(root, room).href }, room),
        h('button', { type: 'button', class: 'chip-close', 'aria-label': `Forget ${room}`, on: { click: () => {
          preferences.forget(room);
          showRecent();
          field.focus();
        } } }, icon('close')),
      ))),
    ]));
  }

  show();
  showRecent();
  const element = h('div', { class: 'page landing' },
    h('header', { class: 'top' }, wordmark(), themeButton(preferences)),
    h('main', { class: 'landing-main' },
      h('section', { class: 'landing-text' },
        h('h1', {}, h('span', {}, 'Name a room. '), h('span', {}, 'Send the link. '), h('span', {}, 'Talk.')),
        h('p', { class: 'lead' }, 'Whoever opens the link is in the call. No account, nothing to install.'),
        h('form', { class: 'landing-form', on: { submit } },
          h('label', { for: field.id }, 'Room name'),
          h('div', { class: 'field-row' }, field, h('button', { type: 'submit', class: 'primary big' }, 'Join', icon('arrow'))),
          h('div', { class: 'under-field' }, link, another)),
        recent),
      mosaic()));
  return { element, focus: () => focusUnlessTouch(field) };
}

/** A picture of a call, for the eye only. */
function mosaic() {
  const people = [['M', 0], ['R', 3], ['J', 1], ['A', 5], ['T', 2], ['K', 4]];
  return h('div', { class: 'mosaic', 'aria-hidden': 'true' }, ...people.map(([letter, colour], i) => h('div', { class: `mosaic-tile hue-${colour} m${i}` },
    h('span', { class: 'avatar' }, String(letter)))));
}
