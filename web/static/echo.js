// The test that somebody alone can make: the own camera and microphone come back from the server, the way others would get them. It ends when
// somebody else comes in.

/** @typedef {import('./protocol.js').Source} Source */
/** @typedef {import('./protocol.js').Track} Track */
/** @typedef {{ source: Source, id: string | null, muted: boolean }} Sent what we publish; without an id while the server has not named it */

/** Stands for the participant of what comes back, so that it is not mixed up with what is sent. */
export const ECHO = 'echo';

const RETURNED = ['camera', 'microphone'];

export class Echo {
  #on = false;
  /** @type {Track[]} */ #tracks = [];
  /** What the server was told of each track: to send it, or not. @type {Map<string, boolean>} */ #told = new Map();
  #repeat = false;

  /** @param {(wanted: boolean, tracks: string[]) => void} subscribe */
  constructor(subscribe) {
    this.subscribe = subscribe;
  }

  get on() {
    return this.#on;
  }

  /** What comes back, or is about to. */
  get tracks() {
    return this.#tracks;
  }

  start() {
    this.#on = true;
  }

  stop() {
    this.#on = false;
    this.#tracks = [];
  }

  /** The server knows of no wish, because the seat is another; or a wish may have been lost with the socket. @param {boolean} resumed */
  anew(resumed) {
    if (resumed) this.#repeat = true;
    else this.#told.clear();
  }

  /**
   * Takes over what is sent now and how many people there are, and asks the server for what is missing.
   * @param {Sent[]} sent @param {number} people @param {boolean} welcomed false while the server cannot be asked
   */
  follow(sent, people, welcomed) {
    const returned = sent.filter(({ source }) => RETURNED.includes(source));
    if (people > 1 || returned.length === 0) this.stop();
    if (this.#on) this.#tracks = returned.flatMap(({ id, source, muted }) => (id === null ? [] : [trackOf(id, source, muted)]));
    if (welcomed) this.#ask(this.#tracks.map(({ id }) => id));
  }

  /** @param {string[]} wanted */
  #ask(wanted) {
    const more = wanted.filter((id) => this.#repeat || !this.#told.get(id));
    const less = [...this.#told].filter(([id, told]) => !wanted.includes(id) && (this.#repeat || told)).map(([id]) => id);
    this.#repeat = false;
    for (const id of more) this.#told.set(id, true);
    for (const id of less) this.#told.set(id, false);
    if (more.length > 0) this.subscribe(true, more);
    if (less.length > 0) this.subscribe(false, less);
  }
}

/** @param {string} id @param {Source} source @param {boolean} muted @returns {Track} */
const trackOf = (id, source, muted) => ({ id, participant: ECHO, kind: source === 'camera' ? 'video' : 'audio', source, muted, codec: '' });
