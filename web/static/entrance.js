// What a session has in its hand before it enters a room: what the server told of the room, and the first offer, which is made while the socket
// opens.

import { LIMITS } from './protocol.js';
import { RequestError } from './socket.js';

/** @typedef {import('./protocol.js').RoomInfo} RoomInfo */
/** @typedef {import('./protocol.js').Offer} Offer */

const INFO_FRESH = 60_000;

export class Entrance {
  /** @type {RoomInfo | null} */ info = null;
  #infoAt = -Infinity;
  /** @type {Promise<Offer> | null} */ #offer = null;
  /** @type {Promise<RoomInfo> | null} */ #asked = null;
  #generation = 0;

  /** @param {{ clock: import('./clock.js').Clock, ask: () => Promise<RoomInfo>, open: (slots: number) => Promise<Offer> }} parts */
  constructor(parts) {
    this.parts = parts;
  }

  /** How many places to begin with. */
  get slots() {
    return this.info?.limits?.slotsFirst ?? LIMITS.slotsFirst;
  }

  /** @param {RoomInfo} info that was just heard */
  know(info) {
    this.info = info;
    this.#infoAt = this.parts.clock.now();
  }

  /** Asks for the room, whatever is known of it. Two who ask at a time get one answer. */
  async refresh() {
    const asked = this.#asked ?? this.parts.ask();
    this.#asked = asked;
    try {
      this.know(await asked);
    } finally {
      if (this.#asked === asked) this.#asked = null;
    }
  }

  /** Credentials run out, and every welcome brings new ones. @param {RTCIceServer[] | undefined} iceServers */
  renew(iceServers) {
    if (iceServers?.length && this.info) this.info = { ...this.info, iceServers };
  }

  /** The first offer. It serves until it is answered, however many sockets that takes. */
  offer() {
    this.#offer ??= this.#made();
    return this.#offer;
  }

  /** An offer turned out to be of no use: the next try makes another. @param {Promise<Offer>} offer as offer() gave it */
  drop(offer) {
    if (this.#offer === offer) this.done();
  }

  /** The offer was answered, or nobody wants to enter any more. What is still being made is for nobody. */
  done() {
    this.#offer = null;
    this.#asked = null;
    this.#generation++;
  }

  /** Who waits for an offer that nobody wants any more hears `socket_lost`, whatever became of it. */
  async #made() {
    const generation = this.#generation;
    try {
      return await this.#make(generation);
    } catch (error) {
      this.#check(generation);
      this.#offer = null;
      throw error;
    }
  }

  /** @param {number} generation */
  async #make(generation) {
    if (!this.info || this.parts.clock.now() - this.#infoAt > INFO_FRESH) {
      await this.refresh();
      this.#check(generation);
    }
    return this.parts.open(this.slots);
  }

  /** @param {number} generation */
  #check(generation) {
    if (generation !== this.#generation) throw new RequestError('socket_lost', 'overtaken');
  }
}
