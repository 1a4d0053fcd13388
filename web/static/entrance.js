// What a session has in its hand before it enters a room: what the server told of the room, and the first offer, which is made while the socket
// opens.

import { LIMITS } from './protocol.js';

/** @typedef {import('./protocol.js').RoomInfo} RoomInfo */
/** @typedef {import('./protocol.js').Offer} Offer */

const INFO_FRESH = 60_000;

export class Entrance {
  /** @type {RoomInfo | null} */ info = null;
  #infoAt = -Infinity;
  /** @type {Promise<Offer> | null} */ #offer = null;

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

  /** Credentials run out, and every welcome brings new ones. @param {RTCIceServer[] | undefined} iceServers */
  renew(iceServers) {
    if (iceServers?.length && this.info) this.info = { ...this.info, iceServers };
  }

  /** The first offer. It serves until it is answered, however many sockets that takes. */
  offer() {
    this.#offer ??= this.#make().catch((error) => {
      this.#offer = null;
      throw error;
    });
    return this.#offer;
  }

  /** The offer was answered, or nobody wants to enter any more. */
  done() {
    this.#offer = null;
  }

  async #make() {
    if (!this.info || this.parts.clock.now() - this.#infoAt > INFO_FRESH) this.know(await this.parts.ask());
    return this.parts.open(this.slots);
  }
}
