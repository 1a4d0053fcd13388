// One moving picture. A seat changes its source without telling the browser, so the old picture would stand until the new one comes: it
// is hidden at once, and shown again when a frame of the new source is there.

import { isOfNewSource } from '../health.js';
import { h } from './dom.js';

/** @typedef {{ media: MediaStreamTrack, since: number }} Showing */

export class Picture {
  element = h('video', { class: 'picture', playsinline: true, autoplay: true, disablepictureinpicture: true });
  /** @type {Showing | null} */ #showing = null;
  /** @type {number | undefined} */ #first;
  #handle = 0;
  #visible = false;
  #seatedAt = 0;

  /** @param {() => void} changed called when the picture appears or disappears */
  constructor(changed = () => {}) {
    this.changed = changed;
    this.element.muted = true;
    // Not display: none, for which a browser need not make frames.
    this.element.style.visibility = 'hidden';
    this.element.addEventListener('resize', () => changed());
  }

  get visible() {
    return this.#visible;
  }

  /** One's own camera: there is no old picture to wait out. @param {MediaStreamTrack | null} media */
  showOwn(media) {
    if (this.#showing?.media === media) return;
    this.clear();
    if (!media) return;
    this.#attach({ media, since: 0 });
    this.#reveal();
  }

  /** @param {Showing | null} seat @param {number} [first] RTP timestamp of the source's first packet, as soon as it is known */
  show(seat, first) {
    this.#first = first;
    if (!seat) {
      this.clear();
      return;
    }
    if (this.#showing?.media === seat.media && this.#showing.since === seat.since) return;
    this.clear();
    this.#attach(seat);
    this.#seatedAt = performance.now();
    this.#await();
  }

  clear() {
    if (!this.#showing) return;
    if (this.#handle) this.element.cancelVideoFrameCallback?.(this.#handle);
    this.#handle = 0;
    this.#showing = null;
    this.element.srcObject = null;
    this.#setVisible(false);
  }

  /** @param {Showing} showing */
  #attach(showing) {
    this.#showing = showing;
    this.element.srcObject = new MediaStream([showing.media]);
    // A muted video may always play; a browser that still refuses does so for a page that is hidden, and plays it later.
    this.element.play().catch(() => {});
  }

  #await() {
    if (!this.element.requestVideoFrameCallback) {
      this.element.addEventListener('timeupdate', () => this.#reveal(), { once: true });
      return;
    }
    this.#handle = this.element.requestVideoFrameCallback((_, { rtpTimestamp }) => {
      if (isOfNewSource(rtpTimestamp, this.#first, performance.now() - this.#seatedAt)) this.#reveal();
      else this.#await();
    });
  }

  #reveal() {
    this.#handle = 0;
    if (this.#showing) this.#setVisible(true);
  }

  /** @param {boolean} visible */
  #setVisible(visible) {
    if (this.#visible === visible) return;
    this.#visible = visible;
    this.element.style.visibility = visible ? 'visible' : 'hidden';
    this.changed();
  }
}
