// Which remote track sits in which place, and since when. Places come from the connection (pc and mid to a receiver), who sits where from
// the server's word. Pure but for holding the receivers.

import { seatKey } from './state.js';

/** @typedef {import('./connection.js').Place} Place */
/** @typedef {{ key: string, mid: string, pc: string, receiver: RTCRtpReceiver, media: MediaStreamTrack, since: number }} Seat */

export class Slots {
  /** @type {Map<string, Place>} */ #places = new Map();
  /** @type {Map<string, { key: string, since: number }>} */ #sitting = new Map();

  /** @param {Place} place */
  add(place) {
    this.#places.set(seatKey(place), place);
  }

  /** A connection is gone, and its places with it. @param {string} pc */
  drop(pc) {
    for (const [key, place] of this.#places) if (place.pc === pc) this.#places.delete(key);
  }

  /**
   * Takes over who sits where. A track that was moved, or that came back, sits anew.
   * @param {Map<string, string>} bound seat key to track @param {number} now
   */
  bind(bound, now) {
    const next = new Map();
    for (const [key, track] of bound) {
      const before = this.#sitting.get(track);
      next.set(track, before?.key === key ? before : { key, since: now });
    }
    this.#sitting = next;
  }

  /** @param {string} track @returns {Seat | undefined} undefined while the track has no seat, or its place is not negotiated yet */
  of(track) {
    const sitting = this.#sitting.get(track);
    const place = sitting && this.#places.get(sitting.key);
    if (!sitting || !place) return undefined;
    return { ...sitting, mid: place.mid, pc: place.pc, receiver: place.receiver, media: place.receiver.track };
  }
}
