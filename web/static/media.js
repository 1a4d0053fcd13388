// The media half of a session: the connection in use, what is sent through it, and where remote tracks arrive. Connections may be replaced
// under a session; the rest of the session does not notice.

import { Publications } from './publications.js';
import { Slots } from './slots.js';
import { RequestError } from './socket.js';

/** @typedef {import('./connection.js').Connection} Connection */
/** @typedef {import('./connection.js').Link} Link */
/** @typedef {import('./protocol.js').Offer} Offer */
/** @typedef {import('./protocol.js').Answer} Answer */
/** @typedef {import('./protocol.js').Source} Source */
/** @typedef {{ code: string, message: string, source?: Source }} Notice */
/**
 * @typedef {object} Host
 * @property {(message: import('./protocol.js').Request) => Promise<any>} request
 * @property {() => RTCConfiguration} config
 * @property {(source: Source, track: MediaStreamTrack) => import('./encodings.js').Plan} plan
 * @property {(link: Link) => void} linked
 * @property {() => void} parting a connection is about to be closed
 * @property {() => void} over the connection is of no more use, for the server or for us
 * @property {(notice: Notice) => void} notice
 * @property {import('./clock.js').Clock} clock
 * @property {() => void} changed
 */

const RETRY_DELAY = 1000;

export class Media {
  slots = new Slots();
  /** @type {Connection | null} */ #connection = null;
  #made = 0;

  /** @param {(name: string, config: RTCConfiguration) => Connection} make @param {Host} host */
  constructor(make, host) {
    this.make = make;
    this.host = host;
    this.publications = new Publications({
      request: host.request,
      plan: host.plan,
      named: host.changed,
      refused: (source, fault) => host.notice({ ...fault, source }),
    });
  }

  /** The name of the connection in use, '' for none. */
  get name() {
    return this.#connection?.name ?? '';
  }

  /** @returns {Promise<RTCStatsReport | null>} */
  async stats() {
    return this.#connection?.stats() ?? null;
  }

  /** A new connection in place of the one before, with everything that is sent. @param {number} slots @returns {Promise<Offer>} its first offer */
  async open(slots) {
    // Who comes back sees as many people as before, without asking for places twice.
    const places = Math.max(slots, this.#connection?.slots ?? 0);
    this.close();
    const connection = this.make(`main${this.#made++ || ''}`, this.host.config());
    connection.addEventListener('link', (event) => {
      if (this.#connection === connection) this.host.linked(/** @type {CustomEvent} */ (event).detail);
    });
    connection.addEventListener('place', (event) => {
      this.slots.add(/** @type {CustomEvent} */ (event).detail);
      this.host.changed();
    });
    connection.addEventListener('order', (event) => this.#offer(connection, /** @type {CustomEvent} */ (event).detail));
    this.#connection = connection;
    this.publications.use(connection);
    return connection.first(places);
  }

  /** Nothing helped the connection: another one, on the same seat. @param {number} slots */
  async replace(slots) {
    const old = this.name;
    if (old) this.host.request({ type: 'close', pc: old }).catch(() => {});
    const offer = await this.open(slots);
    if (this.#connection?.name === offer.pc) await this.#carry(this.#connection, offer);
  }

  /**
   * Applies an answer. Where the browser cannot, the two sides no longer agree on what the connection carries: the server takes it as applied.
   * @param {Answer} answer
   */
  async accept(answer) {
    const connection = this.#connection;
    if (!connection || answer.pc !== connection.name) return;
    try {
      if (!await connection.accept(answer)) return;
    } catch (error) {
      if (this.#connection !== connection) return;
      console.error('apply an answer', error);
      this.host.notice({ code: 'bad_sdp', message: String(error) });
      this.host.over();
      return;
    }
    this.publications.answered(answer);
    if (answer.n > 1) this.#applied(answer);
  }

  /** Media may come on the places that were new. Where the socket is lost, it is said with the next one. @param {Answer} answer */
  #applied({ pc, n }) {
    this.host.request({ type: 'applied', pc, n }).catch(() => {});
  }

  interrupt() {
    this.#connection?.interrupt();
  }

  /** The socket is back with the seat kept, and the answers that it may have swallowed are applied. @param {Answer[]} answers */
  resume(answers) {
    const connection = this.#connection;
    for (const answer of answers) if (answer.pc === this.name && answer.n > 1) this.#applied(answer);
    const unanswered = connection?.resume();
    if (connection && unanswered) this.#carry(connection, unanswered);
    this.publications.replay();
  }

  restart() {
    this.#connection?.restart(this.host.config().iceServers);
  }

  /** @param {number} slots @param {number} [most] */
  grow(slots, most) {
    this.#connection?.grow(slots, most);
  }

  close() {
    if (!this.#connection) return;
    this.host.parting();
    this.publications.use(null);
    this.slots.drop(this.#connection.name);
    this.#connection.close();
    this.#connection = null;
  }

  /** @param {Connection} connection @param {import('./negotiator.js').Order} order */
  async #offer(connection, order) {
    try {
      await this.#carry(connection, await connection.offer(order));
    } catch (error) {
      console.error('make an offer', error);
    }
  }

  /** @param {Connection} connection @param {Offer} offer */
  #again(connection, offer) {
    if (connection.awaits(offer)) this.#carry(connection, offer);
  }

  /** Takes an offer to the server and its answer back. @param {Connection} connection @param {Offer} offer */
  async #carry(connection, offer) {
    let answer;
    try {
      answer = await this.host.request({ type: 'offer', ...offer });
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      await this.#refused(connection, offer, error);
      return;
    }
    await this.accept(answer);
  }

  /** @param {Connection} connection @param {Offer} offer @param {RequestError} why */
  async #refused(connection, offer, { code, message, retryAfter = RETRY_DELAY }) {
    if (code === 'socket_lost') return;
    if (code === 'rate_limited' || code === 'overloaded' || code === 'bad_state') {
      this.host.clock.after(retryAfter, () => this.#again(connection, offer));
      return;
    }
    if (code === 'no_match') {
      // The server has given this connection up, and says so before its own word of it has come.
      if (this.#connection === connection) this.host.over();
      return;
    }
    await connection.refuse(offer.n);
    this.publications.offerRefused({ code, message });
    this.host.notice({ code, message });
  }
}
