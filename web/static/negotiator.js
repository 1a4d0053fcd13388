// Decides when one PeerConnection offers. Pure: wishes and answers in, "make this offer" out. There is never more than one offer in flight;
// wishes that come meanwhile are merged into the next.

/** What an offer should bring about. @typedef {{ restart?: boolean, slots?: number }} Wish `slots` more places for remote tracks */
/** @typedef {{ n: number, restart: boolean, slots: number }} Order Make offer `n`: with new ICE credentials, with that many more slots. */

export class Negotiator {
  #n = 0;
  /** @type {Order | null} */ #flight = null;
  /** @type {{ restart: boolean, slots: number } | null} */ #wishes = null;
  #paused = false;

  /** @param {Wish} [wish] @returns {Order | null} */
  wish({ restart = false, slots = 0 } = {}) {
    // Slots are a level and not a sum: the server repeats what it needs until it gets it.
    this.#wishes = { restart: restart || Boolean(this.#wishes?.restart), slots: Math.max(slots, this.#wishes?.slots ?? 0) };
    return this.#next();
  }

  /** The answer to offer `n` was applied. @param {number} n @returns {Order | null} */
  answered(n) {
    if (n !== this.#flight?.n) return null;
    this.#flight = null;
    return this.#next();
  }

  /** Whether an answer is the one that is waited for; any other is stale. @param {number} n */
  expects(n) {
    return this.#flight?.n === n;
  }

  /** Offer `n` was refused. Its wishes are dropped, since the same offer would be refused again. @param {number} n @returns {Order | null} */
  refused(n) {
    return this.answered(n);
  }

  /** The socket is lost: nothing new is begun. What is in flight stays so, and may be sent again as it was. */
  interrupt() {
    this.#paused = true;
  }

  /** The socket is back. @returns {Order | null} */
  resume() {
    this.#paused = false;
    return this.#next();
  }

  /** @returns {Order | null} */
  #next() {
    if (this.#paused || this.#flight || !this.#wishes) return null;
    this.#flight = { n: ++this.#n, ...this.#wishes };
    this.#wishes = null;
    return this.#flight;
  }
}
