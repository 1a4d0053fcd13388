// A room in a page of your own, in a few lines; example.js shows them. It is the same session as the page's, without its looks.
//
//   const room = join({ room: 'kitchen', name: 'Guest', camera: true, microphone: true });
//   room.play(document.querySelector('#people'));
//
// Events: `change` (people, or how far things are), `message` (detail: {name, body, at, own}), `fault` (detail: {code, sentence}).

import { Capture } from './capture.js';
import { adviceFor } from './faults.js';
import { rootOf } from './rooms.js';
import { Session } from './session.js';
import { layerOf, messageKey } from './state.js';
import { tilesOf } from './tiles.js';
import { h, keyed } from './ui/dom.js';
import { Picture } from './ui/picture.js';
import { Sound } from './ui/sound.js';
import { viewsOf } from './views.js';

/** @typedef {import('./protocol.js').Source} Source */
/** @typedef {{ room: string, name?: string, token?: string, camera?: boolean, microphone?: boolean, codec?: string, server?: string | URL }} Options */

/** What may be asked for; anything else is a slip of the pen, and said so. */
const OPTIONS = ['room', 'name', 'token', 'camera', 'microphone', 'codec', 'server'];

/** Enters a room. @param {Options} options @returns {Room} */
export function join(options) {
  for (const key of Object.keys(options)) if (!OPTIONS.includes(key)) throw new TypeError(`join: there is no option "${key}"; there are ${OPTIONS.join(', ')}`);
  return new Room(options);
}

export class Room extends EventTarget {
  #capture = new Capture(globalThis.navigator?.mediaDevices, globalThis.isSecureContext);
  #session;
  /** @type {HTMLElement | null} */ #container = null;
  /** @type {WeakMap<Element, Picture>} */ #pictures = new WeakMap();
  #sound = new Sound(() => this.#changed());
  /** @type {Set<string>} */ #heard = new Set();

  /** @param {Options} options */
  constructor({ room, name, token, camera = false, microphone = false, codec, server }) {
    super();
    this.#session = new Session({ root: server ? new URL(server, globalThis.location?.href) : rootOf(import.meta.url), room, name, token, codec });
    this.#session.addEventListener('change', () => this.#changed());
    this.#session.addEventListener('notice', (event) => this.#fault(/** @type {CustomEvent} */ (event).detail));
    this.#session.join();
    if (microphone) this.unmute('microphone');
    if (camera) this.unmute('camera');
  }

  /** joining, connected, resuming, rejoining, failed or left. */
  get state() {
    return this.#session.life.phase;
  }

  /** Everyone in the room, oneself included. */
  get people() {
    return tilesOf(this.#session.room).filter(({ screen }) => !screen).map(({ key, name, self, silent, video, connected }) => ({
      id: key, name, self, connected, microphone: !silent, camera: Boolean(video && !video.muted),
    }));
  }

  /** Whether the browser waits for a click before it lets sound through; then call hear() from one. */
  get silenced() {
    return this.#sound.blocked;
  }

  hear() {
    this.#sound.unblock();
  }

  /** Plays everyone in this element: a `figure` with video and name for each picture, and the sound. @param {HTMLElement} container */
  play(container) {
    this.#container = container;
    container.after(this.#sound.element);
    new ResizeObserver(() => this.#changed()).observe(container);
    document.addEventListener('visibilitychange', () => this.#changed());
    this.#changed();
  }

  /** Opens the device if need be, and sends it. @param {'camera' | 'microphone'} source */
  async unmute(source) {
    const track = await this.#capture.open(source);
    if (track) this.#session.publish(source, track);
    else this.dispatchEvent(new CustomEvent('fault', { detail: this.#capture.faults.get(source) }));
  }

  /** @param {'camera' | 'microphone'} source */
  mute(source) {
    this.#session.mute(source, true);
    this.#capture.close(source);
  }

  /** @param {string} body */
  say(body) {
    this.#session.say(body);
  }

  leave() {
    this.#session.leave();
    this.#capture.closeAll();
    this.#changed();
  }

  #changed() {
    const { room } = this.#session;
    for (const message of room.messages) {
      const key = messageKey(message);
      if (this.#heard.has(key)) continue;
      this.#heard.add(key);
      const { name, body, at, from } = message;
      this.dispatchEvent(new CustomEvent('message', { detail: { name, body, at, own: this.#session.isSelf(from) } }));
    }
    if (this.#container) this.#show(this.#container);
    this.dispatchEvent(new Event('change'));
  }

  /** @param {HTMLElement} container */
  #show(container) {
    const { room } = this.#session;
    const tiles = tilesOf(room).filter(({ self }) => !self);
    keyed(container, tiles, ({ key }) => key, ({ name }) => {
      const picture = new Picture();
      const figure = h('figure', {}, picture.element, h('figcaption', {}, name));
      this.#pictures.set(figure, picture);
      return figure;
    }, (/** @type {HTMLElement} */ figure, { name, video, screen }) => {
      const seat = video && !video.muted ? this.#session.seat(video.id) : undefined;
      this.#pictures.get(figure)?.show(seat ?? null, video && layerOf(room, video.id)?.timestamp);
      /** @type {HTMLElement} */ (figure.lastElementChild).textContent = screen ? `${name}’s screen` : name;
    });
    this.#session.show(viewsOf(tiles.flatMap(({ key, video }) => (video ? [{ track: video.id, ...sizeOf(container, key) }] : [])),
      { hidden: document.hidden, pixelRatio: devicePixelRatio }));
    this.#sound.play([...room.tracks.values()].flatMap(({ id, kind, participant }) => {
      const seat = kind === 'audio' && participant !== room.self ? this.#session.seat(id) : undefined;
      return seat ? [{ track: seat.key, media: seat.media }] : [];
    }));
  }

  /** @param {{ code: string, message: string }} notice */
  #fault(notice) {
    this.dispatchEvent(new CustomEvent('fault', { detail: { code: notice.code, sentence: adviceFor(notice).sentence } }));
  }
}

/** @param {HTMLElement} container @param {string} key */
function sizeOf(container, key) {
  const figure = [...container.children].find((child) => /** @type {HTMLElement} */ (child).dataset.key === key);
  const { width = 0, height = 0 } = figure?.getBoundingClientRect() ?? {};
  // Before there is a picture an element may have no height yet.
  return { width: Math.max(width, 160), height: Math.max(height, 90) };
}
