// Chat that was typed but not yet confirmed. A message that was on its way when the socket was lost may or may not have arrived; the snapshot
// of the next welcome tells, so that nothing is lost and nothing is said twice.

import { messageKey } from './state.js';

/** @typedef {import('./protocol.js').ChatMessage} ChatMessage */
/** @typedef {{ key: number, body: string, at: number, to?: string, fault?: string }} Pending `fault` is a code: refused, and not tried again */

/**
 * Which of the pending messages did not arrive.
 * @param {Pending[]} pending @param {ChatMessage[]} before what was known when the socket was lost @param {ChatMessage[]} after
 * @param {Set<string>} selves the ids that we have had
 */
export function undelivered(pending, before, after, selves) {
  const known = new Set(before.map(messageKey));
  const fresh = after.filter((message) => !known.has(messageKey(message)) && selves.has(message.from));
  return pending.filter(({ body, to }) => {
    const i = fresh.findIndex((message) => message.body === body && message.to === to);
    if (i < 0) return true;
    fresh.splice(i, 1);
    return false;
  });
}

export class Outbox {
  /** @type {Pending[]} */ pending = [];
  #nextKey = 1;

  /** @param {(message: import('./protocol.js').Request) => Promise<any>} request @param {() => void} changed */
  constructor(request, changed) {
    this.request = request;
    this.changed = changed;
  }

  /** @param {string} body @param {string} [to] */
  say(body, to) {
    /** @type {Pending} */
    const pending = { key: this.#nextKey++, body, at: Date.now(), ...(to ? { to } : {}) };
    this.pending = [...this.pending, pending];
    this.#post(pending);
    this.changed();
  }

  /** The socket is back: says again what did not arrive. @param {ChatMessage[]} before @param {ChatMessage[]} after @param {Set<string>} selves */
  replay(before, after, selves) {
    this.pending = undelivered(this.pending, before, after, selves);
    for (const pending of this.pending) if (!pending.fault) this.#post(pending);
  }

  /** @param {Pending} pending */
  async #post({ key, body, to }) {
    try {
      await this.request({ type: 'message', body, ...(to ? { to } : {}) });
      this.pending = this.pending.filter((other) => other.key !== key);
    } catch (error) {
      const code = /** @type {{ code?: string }} */ (error).code ?? 'internal';
      if (code === 'socket_lost') return;
      this.pending = this.pending.map((other) => (other.key === key ? { ...other, fault: code } : other));
    }
    this.changed();
  }
}
