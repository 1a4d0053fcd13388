import { RequestError } from '../../static/socket.js';
import { isRequest } from './requests.js';

/** Stands in for Socket: what is sent is kept, answers are given by the test. */
export class FakeSocket extends EventTarget {
  isOpen = false;
  closed = false;
  /** @type {any[]} */ sent = [];
  /** @type {{ message: any, resolve: (answer: any) => void, reject: (error: Error) => void }[]} */ #waiting = [];
  /** @type {number[]} delays of the attempts that were asked for */ attempts = [];
  settledCount = 0;
  /** @type {string[]} where it was to connect to */ aims = [];
  /** @type {number | null} */ retryAt = null;
  silent = async () => false;

  connect() {
    this.closed = false;
    this.attempts.push(0);
  }

  /** @param {number} after */
  reconnect(after) {
    this.attempts.push(after);
    if (this.isOpen) this.lose(0, 'reconnect');
  }

  /** @param {URL} url */
  aim(url) {
    if (this.aims.at(-1) !== String(url)) this.aims.push(String(url));
  }

  settled() {
    this.settledCount++;
  }

  nudge() {}

  close() {
    this.closed = true;
    this.isOpen = false;
    this.#drop();
  }

  /** @param {any} message */
  send(message) {
    if (!this.isOpen) return false;
    this.#keep(message);
    return true;
  }

  /** @param {any} message */
  request(message) {
    if (!this.isOpen) return Promise.reject(new RequestError('socket_lost', 'not connected'));
    this.#keep(message);
    return new Promise((resolve, reject) => this.#waiting.push({ message, resolve, reject }));
  }

  // The test's side.

  open() {
    this.isOpen = true;
    this.dispatchEvent(new Event('open'));
  }

  /** @param {number} code @param {string} [reason] */
  lose(code, reason = '') {
    const opened = this.isOpen;
    this.isOpen = false;
    this.#drop();
    this.dispatchEvent(new CustomEvent('lost', { detail: { code, reason, opened } }));
  }

  /** @param {any} message */
  tell(message) {
    this.dispatchEvent(new CustomEvent('message', { detail: message }));
  }

  /** Answers the oldest open request of a type. @param {string} type @param {any} answer */
  answer(type, answer) {
    this.#take(type).resolve(answer);
  }

  /** @param {string} type @param {string} code @param {number} [retryAfter] */
  refuse(type, code, retryAfter) {
    this.#take(type).reject(new RequestError(code, `no: ${code}`, retryAfter));
  }

  /** @param {string} type */
  of(type) {
    return this.sent.filter((message) => message.type === type);
  }

  /** @param {string} type */
  #take(type) {
    const i = this.#waiting.findIndex(({ message }) => message.type === type);
    if (i < 0) throw new Error(`no open ${type}; sent were ${this.sent.map((m) => m.type).join(' ')}`);
    return this.#waiting.splice(i, 1)[0];
  }

  /** @param {any} message */
  #keep(message) {
    // As it would look on the wire.
    const wire = JSON.parse(JSON.stringify({ ...message, id: this.sent.length + 1 }));
    if (!isRequest(wire)) throw new Error(`not a message of the protocol: ${JSON.stringify(wire)}`);
    this.sent.push(wire);
  }

  #drop() {
    for (const { reject } of this.#waiting.splice(0)) reject(new RequestError('socket_lost', 'lost'));
  }
}
