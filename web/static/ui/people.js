// The list of everyone in the room.

import { colourOf, initials } from '../names.js';
import { h, icon, keyed, setAttribute, setText } from './dom.js';
import { HUES } from './tile.js';

/** @typedef {import('../tiles.js').TileModel} TileModel */
/** @typedef {TileModel & { pinned: boolean, speaking: boolean, note: string }} PersonModel */

/** @param {{ close: () => void, pin: (key: string) => void, remove: (participant: string) => void, invite: () => void }} actions */
export function createPeople({ close, pin, remove, invite }) {
  const list = h('ul', { class: 'people' });
  const title = h('h2', {}, 'People');
  const element = h('aside', { class: 'panel people-panel', 'aria-label': 'People', hidden: true },
    h('header', {}, title, h('button', { type: 'button', class: 'quiet round', 'aria-label': 'Close the list', on: { click: close } }, icon('close'))),
    list, h('div', { class: 'panel-foot' }, h('button', { type: 'button', class: 'plain wide', on: { click: invite } }, icon('link'), 'Copy the invitation link')));

  /** @param {PersonModel} model */
  function make({ key, name }) {
    const avatar = h('span', { class: `avatar hue-${colourOf(name, HUES)}`, 'aria-hidden': 'true' }, initials(name));
    return h('li', { class: 'person' }, avatar, h('div', { class: 'person-text' }, h('bdi', { class: 'person-name' }), h('span', { class: 'person-note' })),
      icon('mic-off'), icon('camera-off'),
      h('button', { type: 'button', class: 'quiet round pin', on: { click: () => pin(key) } }, icon('pin')),
      h('button', { type: 'button', class: 'quiet round remove', on: { click: () => confirm(`Remove ${name} from the room?`) && remove(key) } }, icon('remove')));
  }

  /** @param {PersonModel[]} models @param {boolean} moderate */
  function update(models, moderate) {
    setText(title, `People (${models.length})`);
    keyed(list, models, ({ key }) => key, make, (/** @type {HTMLElement} */ row, { name, self, silent, video, connected, pinned, speaking, note }) => {
      const [avatar, text, micOff, cameraOff, pinButton, removeButton] = row.children;
      setText(avatar, initials(name));
      setText(text.children[0], self ? `${name} (you)` : name);
      setText(text.children[1], connected ? note : 'Reconnecting');
      row.classList.toggle('speaking', speaking);
      setAttribute(micOff, 'class', silent ? 'icon' : 'icon gone');
      setAttribute(cameraOff, 'class', !video || video.muted ? 'icon' : 'icon gone');
      setAttribute(pinButton, 'hidden', self);
      setAttribute(pinButton, 'aria-pressed', pinned ? 'true' : 'false');
      setAttribute(pinButton, 'aria-label', pinned ? `Unpin ${name}` : `Pin ${name}`);
      setAttribute(removeButton, 'hidden', self || !moderate);
      setAttribute(removeButton, 'aria-label', `Remove ${name}`);
      setAttribute(row, 'aria-label', [name, self ? 'you' : '', silent ? 'microphone off' : 'microphone on', !video || video.muted ? 'camera off' : 'camera on'].filter(Boolean).join(', '));
    });
  }

  return { element, update };
}
