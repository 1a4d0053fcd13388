// One moving picture. A seat changes its source without telling the browser, so the old picture would stand until the new one comes: it
// is hidden at once, and shown again when a frame of the new source is there. What is about to go with its connection can be frozen: the last
// frame then stands in its place until the new source has one.

import { isOfNewSource } from '../health.js';
import { h } from './dom.js';

/** @typedef {{ media: MediaStreamTrack, since: number }} Showing */

export class Picture {
  element = h('video', { class: 'picture', playsinline: true, autoplay: true, disablepictureinpicture: true });
  /** @type {Showing | null} */ #showing = null;
  /** @type {number | undefined} */ #first;
  #handle = 0;
  #moving = false;
  #seatedAt = 0;
  still = h('canvas', { class: 'picture still', hidden: true });

  /** @param {() => void} changed called when the picture appears or disappears */
  constructor(changed = () => {}) {
    this.changed = changed;
    this.element.muted = true;
    // Not display: none, for which a browser need not make frames.
    this.element.style.visibility = 'hidden';
    this.element.addEventListener('resize', () => changed());
  }

  /** Whether there is anything to see. */
  get visible() {
    return this.#moving || !this.still.hidden;
  }

  get moving() {
    return this.#moving;
  }

  /** One's own camera: there is no old picture to wait out. @param {MediaStreamTrack | null} media */
  showOwn(media) {
    if (this.#showing?.media === media) return;
    this.clear();
    if (!media) return;
    this.#attach({ media, since: 0 });
    this.#reveal();
  }

  /**
   * @param {Showing | null} seat @param {number} [first] RTP timestamp of the source's first packet, as soon as it is known
   * @param {boolean} [held] what was frozen stays until there is a frame
   */
  show(seat, first, held = false) {
    this.#first = first;
    if (!held) this.#thaw();
    if (!seat) {
      this.#detach();
      return;
    }
    if (this.#showing?.media === seat.media && this.#showing.since === seat.since) return;
    this.#detach();
    this.#attach(seat);
    this.#seatedAt = performance.now();
    this.#await();
  }

  clear() {
    this.#thaw();
    this.#detach();
  }

  /** Keeps the frame that is seen now. */
  freeze() {
    const { element, still } = this;
    if (!this.#moving || element.videoWidth === 0) return;
    still.width = element.videoWidth;
    still.height = element.videoHeight;
    still.getContext('2d')?.drawImage(element, 0, 0);
    still.hidden = false;
  }

  #thaw() {
    if (this.still.hidden) return;
    this.still.hidden = true;
    this.still.width = 0;
    this.changed();
  }

  #detach() {
    if (!this.#showing) return;
    if (this.#handle) this.element.cancelVideoFrameCallback?.(this.#handle);
    this.#handle = 0;
    this.#showing = null;
    this.element.srcObject = null;
    this.#setMoving(false);
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
    if (!this.#showing) return;
    this.#setMoving(true);
    this.#thaw();
  }

  /** @param {boolean} moving */
  #setMoving(moving) {
    if (this.#moving === moving) return;
    this.#moving = moving;
    this.element.style.visibility = moving ? 'visible' : 'hidden';
    this.changed();
  }
}
