// One person, or one shared screen, on the call screen.

import { colourOf, initials } from '../names.js';
import { h, icon, setAttribute, setText } from './dom.js';
import { Picture } from './picture.js';

/** @typedef {import('../tiles.js').TileModel} TileModel */
/** @typedef {import('../health.js').Why} Why */
/** @typedef {import('../layout.js').Rect} Rect */
/**
 * What a tile shows beyond who it is.
 * @typedef {object} Look
 * @property {import('./picture.js').Showing | null} seat of someone else's picture
 * @property {boolean} held what was seen last stays until there is something to see
 * @property {number | undefined} first
 * @property {MediaStreamTrack | null} own one's own camera
 * @property {boolean} mirrored
 * @property {boolean} speaking
 * @property {Why | null} why
 * @property {boolean} pinned
 * @property {boolean} staged
 */

export const HUES = 8;
/** A picture that would lose more than this is shown whole instead. */
const CROPPED_MOST = 2.7;

/** @param {TileModel} model */
function nameOf({ name, self, screen, echo }) {
  if (echo) return 'You, as others see you';
  if (self) return `${name} (you)`;
  return screen ? `${name}’s screen` : name;
}

export class Tile {
  /** @param {{ pin: () => void, full: () => void }} act */
  constructor(act) {
    this.picture = new Picture(() => this.#fit());
    this.avatar = h('span', { class: 'avatar', 'aria-hidden': 'true' });
    this.why = h('p', { class: 'why' });
    this.name = h('bdi');
    this.muted = icon('mic-off');
    this.label = h('p', { class: 'label' }, this.muted, this.name);
    this.pin = h('button', { type: 'button', class: 'tile-action', on: { click: act.pin } }, icon('pin'));
    this.full = h('button', { type: 'button', class: 'tile-action', on: { click: act.full } }, icon('full'));
    this.actions = h('div', { class: 'tile-actions' }, this.pin, this.full);
    this.element = h('li', { class: 'tile' }, h('div', { class: 'face' }, this.avatar), this.picture.element, this.picture.still, this.why, this.label, this.actions);
    /** @type {Rect | null} */ this.rect = null;
    /** @type {string | undefined} the track that it is for */ this.video = undefined;
  }

  /** @param {TileModel} model @param {Look} look */
  update(model, look) {
    const { element } = this;
    this.video = model.video?.id;
    const name = nameOf(model);
    setText(this.name, model.self ? 'You' : name);
    setText(this.avatar, initials(model.name));
    element.dataset.hue = String(colourOf(model.name, HUES));
    if (model.self) this.picture.showOwn(look.own);
    else this.picture.show(look.seat, look.first, look.held);
    // "On its way" is not worth a word once it is there, which the picture knows before the statistics do.
    const why = look.why?.code === 'first' && this.picture.moving ? null : look.why;
    element.classList.toggle('self', model.self);
    element.classList.toggle('screen', model.screen);
    element.classList.toggle('mirrored', look.mirrored);
    element.classList.toggle('speaking', look.speaking);
    element.classList.toggle('veiled', why?.veil === true);
    element.classList.toggle('staged', look.staged);
    element.classList.toggle('has-picture', this.picture.visible);
    setText(this.why, why?.sentence ?? '');
    element.dataset.why = why?.code ?? '';
    const silent = model.silent && !model.screen;
    setAttribute(this.muted, 'class', silent ? 'icon' : 'icon gone');
    setAttribute(element, 'aria-label', [name, silent ? 'microphone off' : '', why?.sentence ?? ''].filter(Boolean).join(', '));
    setAttribute(this.pin, 'aria-pressed', look.pinned ? 'true' : 'false');
    setAttribute(this.pin, 'aria-label', look.pinned ? `Unpin ${name}` : `Pin ${name}`);
    setAttribute(this.pin, 'title', look.pinned ? 'Unpin' : 'Pin');
    setAttribute(this.full, 'aria-label', `Show ${name} on the full screen`);
    setAttribute(this.full, 'title', 'Full screen');
    this.full.hidden = model.self || !document.fullscreenEnabled;
    this.actions.hidden = model.self;
  }

  /** @param {Rect} rect @param {boolean} floating */
  place(rect, floating) {
    this.rect = rect;
    const { style } = this.element;
    style.setProperty('--x', `${rect.x}px`);
    style.setProperty('--y', `${rect.y}px`);
    style.setProperty('--w', `${rect.width}px`);
    style.setProperty('--h', `${rect.height}px`);
    this.element.classList.toggle('floating', floating);
    this.element.classList.toggle('small', rect.width < 200 || rect.height < 110);
    this.element.classList.toggle('tiny', rect.width < 130);
    this.#fit();
  }

  /** A picture fills its tile unless that would cut most of it off. */
  #fit() {
    const { videoWidth, videoHeight } = this.picture.element;
    if (this.rect && videoWidth && videoHeight) {
      const ratio = (videoWidth / videoHeight) / (this.rect.width / this.rect.height);
      this.element.classList.toggle('contained', ratio > CROPPED_MOST || ratio < 1 / CROPPED_MOST);
    }
    this.element.classList.toggle('has-picture', this.picture.visible);
  }
}
