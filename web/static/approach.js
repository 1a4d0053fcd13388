// The way to a room's socket: where it is, which may be another server, and why it was refused, which browsers do not tell of a WebSocket. Both
// are heard by asking for the room.

import { mayPass } from './lifecycle.js';
import { signalURL } from './rooms.js';

/** @typedef {import('./protocol.js').Refusal & { retryAfter?: number }} Refused */
/**
 * @typedef {object} Host
 * @property {Pick<import('./socket.js').Socket, 'aim' | 'connect' | 'reconnect' | 'settled' | 'isOpen'>} socket
 * @property {import('./entrance.js').Entrance} entrance
 * @property {URL} root
 * @property {string} room
 * @property {() => boolean} seated a session may still be resumed, which asks for less than to join
 * @property {(why: Refused) => void} refused
 */

/** What says nothing of why. */
const VAGUE = new Set(['server_unreachable', 'socket_lost']);

export class Approach {
  /** @type {unknown} what was heard last: one refusal may come in several ways */ #heard = null;
  #asking = false;

  /** @param {Host} host */
  constructor(host) {
    this.host = host;
  }

  /** As the lifecycle says. @param {{ after?: number, fresh?: boolean }} how */
  connect({ after, fresh = false }) {
    const { socket, seated } = this.host;
    this.#aim();
    if (fresh) socket.settled();
    if (after === undefined) socket.connect();
    else socket.reconnect(after);
    // Where one joins again the room may be elsewhere; the socket does not wait for the word.
    if (fresh) this.ask();
    if (!seated()) this.#prepare();
  }

  /** Asks for the room: the socket was refused, or may be another one now. */
  async ask() {
    if (this.#asking) return;
    this.#asking = true;
    try {
      await this.host.entrance.refresh();
      this.#aim();
    } catch (why) {
      this.#refused(why);
    } finally {
      this.#asking = false;
    }
  }

  #aim() {
    const { socket, entrance, root, room } = this.host;
    socket.aim(signalURL(root, room, entrance.info?.signal));
  }

  /** The offer is made while the socket opens, and what forbids it is heard at once. */
  #prepare() {
    this.host.entrance.offer().catch((why) => this.#refused(why));
  }

  /** @param {any} why */
  #refused(why) {
    const { code, message, retryAfter } = why;
    if (why === this.#heard || !code || VAGUE.has(code) || this.host.socket.isOpen) return;
    this.#heard = why;
    if (mayPass(code) || !this.host.seated()) this.host.refused({ code, message, retryAfter });
  }
}
