// One WebSocket that comes back by itself: requests and their answers, a ping of its own (pages cannot see WebSocket pings), back-off. It
// knows frames and their ids, and nothing of rooms.
//
// Events: `open` (a new connection; the owner says hello), `message` (detail: what the server said without being asked),
// `lost` (detail: {code, reason, opened}: `opened` once it was open; the next attempt is on its way unless close() was called).

import { backoff } from './backoff.js';
import { realClock } from './clock.js';
import { parseMessage } from './protocol.js';

/** @typedef {import('./protocol.js').Request} Request */
/** @typedef {import('./protocol.js').ServerMessage} ServerMessage */
/** @typedef {import('./clock.js').Clock} Clock */

/** A request was refused by the server, or the socket went before it was answered (code `socket_lost`). */
export class RequestError extends Error {
  /** @param {string} code @param {string} message @param {number} [retryAfter] milliseconds */
  constructor(code, message, retryAfter) {
    super(message);
    this.name = 'RequestError';
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

const PING_EVERY = 2000;
/** A server that is busy letting us in answers nothing else meanwhile. */
const FIRST_PING = 5000;
const PONG_WITHIN = 6000;
/** When no media comes either, an answer that is missing this long tells enough. */
const SILENT_WITHIN = 2000;
/** How often one looks while an answer is missing. */
const LOOK_EVERY = 1000;
/** A handshake that takes longer is given up: some proxies swallow upgrades without a word. A node may take 6 s to replace the owner of a room. */
const OPEN_WITHIN = 8000;
/** A timer that comes this late means that the page was asleep, and says nothing about the server. */
const ASLEEP = 2000;

export class Socket extends EventTarget {
  /** @type {WebSocket | null} */ #ws = null;
  /** @type {Map<number, { resolve: (answer: any) => void, reject: (error: Error) => void }>} */ #waiting = new Map();
  #nextId = 1;
  #attempt = 0;
  #wanted = false;
  /** The present connection has been open. */ #opened = false;
  /** Which ping is not answered yet, 0 for none. */ #asking = 0;
  /** When the next attempt is made, null while none is planned. @type {number | null} */ retryAt = null;
  /**
   * Whether media that should come does not. It is asked while an answer is missing.
   * @type {() => Promise<boolean>}
   */
  silent = async () => false;
  /** @type {() => void} */ #cancelTimer = () => {};
  /** @type {() => void} */ #cancelPing = () => {};

  /**
   * @param {string | URL} url
   * @param {string} protocol
   * @param {{ WebSocket?: typeof WebSocket, clock?: Clock, random?: () => number }} [parts]
   */
  constructor(url, protocol, { WebSocket: Native = WebSocket, clock = realClock, random = Math.random } = {}) {
    super();
    this.url = url;
    this.protocol = protocol;
    this.Native = Native;
    this.clock = clock;
    this.random = random;
  }

  get isOpen() {
    return this.#ws?.readyState === this.Native.OPEN;
  }

  /** Connects, now or after `delay` ms, and again whenever the connection is lost, until close(). @param {number} [delay] */
  connect(delay = 0) {
    this.#wanted = true;
    if (this.#ws) return;
    this.#cancelTimer();
    if (delay > 0) this.#openAfter(delay);
    else this.#open();
  }

  /** Where to connect from now on. What is being opened elsewhere is given up for it. @param {string | URL} url */
  aim(url) {
    if (String(url) === String(this.url)) return;
    this.url = url;
    const ws = this.#ws;
    if (!ws || this.isOpen) return;
    this.#ws = null;
    ws.close();
    this.#open();
  }

  /** The other side has accepted us: the next loss starts the back-off anew, and answers are expected soon. */
  settled() {
    this.#attempt = 0;
    if (this.isOpen && this.#asking === 0) this.#schedulePing(PING_EVERY);
  }

  /** Something suggests that the network changed: try at once, or see whether the connection still lives. */
  nudge() {
    if (!this.#wanted) return;
    if (this.isOpen) this.#ping(PONG_WITHIN / 2);
    else if (!this.#ws) this.connect();
  }

  /** Drops the present connection, if there is one, and makes a new one after `after` ms and the back-off. @param {number} after */
  reconnect(after) {
    const delay = after + backoff(this.#attempt++, this.random());
    const ws = this.#ws;
    if (!ws) {
      this.connect(delay);
      return;
    }
    this.#lose({ code: 0, reason: 'reconnect' }, delay);
    ws.close(1000);
  }

  /** @param {number} [code] @param {string} [reason] */
  close(code = 1000, reason = '') {
    this.#wanted = false;
    this.#cancelTimer();
    this.retryAt = null;
    const ws = this.#ws;
    if (!ws) return;
    this.#lose({ code, reason });
    ws.close(code, reason);
  }

  /** Sends and does not ask for the answer: the last words of a page that is closed. @param {Request} message */
  send(message) {
    if (!this.isOpen) return false;
    this.#ws?.send(JSON.stringify({ ...message, id: this.#nextId++ }));
    return true;
  }

  /**
   * @param {Request} message
   * @returns {Promise<any>} the answer; rejected with a RequestError
   */
  request(message) {
    const ws = this.#ws;
    if (!ws || !this.isOpen) return Promise.reject(new RequestError('socket_lost', 'not connected'));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      ws.send(JSON.stringify({ ...message, id }));
    });
  }

  /** @param {number} delay */
  #openAfter(delay) {
    this.retryAt = this.clock.now() + delay;
    this.#cancelTimer = this.clock.after(delay, () => this.#open());
  }

  #open() {
    this.#cancelTimer();
    this.retryAt = null;
    /** @type {WebSocket} */
    let ws;
    try {
      ws = new this.Native(this.url, this.protocol);
    } catch (error) {
      this.#lost({ code: 0, reason: String(error) });
      return;
    }
    this.#ws = ws;
    this.#opened = false;
    this.#cancelTimer = this.clock.after(OPEN_WITHIN, () => {
      if (ws.readyState === this.Native.CONNECTING) ws.close();
      if (this.#ws === ws) this.#lose({ code: 0, reason: 'no answer' });
    });
    ws.onopen = () => {
      if (this.#ws !== ws) return;
      this.#cancelTimer();
      this.#opened = true;
      this.#schedulePing(FIRST_PING);
      this.dispatchEvent(new Event('open'));
    };
    ws.onmessage = ({ data }) => this.#ws === ws && this.#receive(data);
    ws.onclose = ({ code, reason }) => this.#ws === ws && this.#lose({ code, reason });
  }

  /** @param {unknown} data */
  #receive(data) {
    const message = parseMessage(data);
    if (!message) {
      console.warn('a message that this page does not understand', typeof data === 'string' ? data.slice(0, 200) : data);
      return;
    }
    if (message.re === undefined) {
      this.dispatchEvent(new CustomEvent('message', { detail: message }));
      return;
    }
    const waiting = this.#waiting.get(message.re);
    this.#waiting.delete(message.re);
    if (message.type === 'error') waiting?.reject(new RequestError(message.code, message.message, message.retryAfter));
    else waiting?.resolve(message);
  }

  /** @param {number} after */
  #schedulePing(after) {
    this.#cancelPing();
    this.#cancelPing = this.clock.after(after, () => this.#ping(PONG_WITHIN));
  }

  /** @param {number} within */
  #ping(within) {
    const ws = this.#ws;
    const id = this.#nextId;
    this.#asking = id;
    this.request({ type: 'ping' }).then(() => {
      if (this.#asking !== id) return;
      this.#asking = 0;
      if (this.#ws === ws) this.#schedulePing(PING_EVERY);
    }, () => {});
    this.#awaitPong(id, this.clock.now(), within);
  }

  /** @param {number} id of the ping @param {number} asked @param {number} within */
  #awaitPong(id, asked, within) {
    const due = this.clock.now() + LOOK_EVERY;
    this.#cancelPing();
    this.#cancelPing = this.clock.after(LOOK_EVERY, () => {
      const now = this.clock.now();
      if (now > due + ASLEEP) this.#ping(within);
      else if (now - asked >= within) this.#giveUp(id, 'no pong');
      else {
        this.#doubt(id, asked);
        this.#awaitPong(id, asked, within);
      }
    });
  }

  /** @param {number} id @param {number} asked */
  async #doubt(id, asked) {
    const silent = await this.silent();
    if (silent && this.clock.now() - asked >= SILENT_WITHIN) this.#giveUp(id, 'no pong, no media');
  }

  /** @param {number} id @param {string} reason */
  #giveUp(id, reason) {
    const ws = this.#ws;
    if (this.#asking !== id || !ws) return;
    this.#lose({ code: 0, reason });
    ws.close();
  }

  /** @param {{ code: number, reason: string }} why @param {number} [delay] */
  #lose(why, delay) {
    this.#ws = null;
    this.#asking = 0;
    this.#cancelPing();
    this.#cancelTimer();
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(new RequestError('socket_lost', 'the connection was lost'));
    this.#lost(why, delay);
  }

  /** @param {{ code: number, reason: string }} why @param {number} [delay] */
  #lost(why, delay) {
    if (this.#wanted) this.#openAfter(delay ?? backoff(this.#attempt++, this.random()));
    this.dispatchEvent(new CustomEvent('lost', { detail: { ...why, opened: this.#opened } }));
  }
}
