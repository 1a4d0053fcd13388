// Whether media that should come does come, asked while the server owes an answer: together the two say that the way to it is gone.

import { layerOf } from './state.js';

/** @typedef {import('./state.js').RoomState} RoomState */
/** @typedef {import('./protocol.js').Track} Track */

/** What was counted longer ago belongs to another doubt. */
const ONE_DOUBT = 5000;

/** Whether the server should be sending a track that has a seat. @param {RoomState} room @param {Track} track */
export const isSent = (room, { id, kind, muted }) => !muted && (kind === 'audio' || layerOf(room, id)?.sending === true);

/** How much has arrived on a connection, in packets. @param {Iterable<any>} report as RTCPeerConnection gives it */
export function packetsIn(report) {
  let packets = 0;
  for (const entry of report) if (entry.type === 'inbound-rtp') packets += entry.packetsReceived ?? 0;
  return packets;
}

export class Silence {
  /** @type {{ packets: number, at: number } | null} */ #before = null;

  /**
   * Whether nothing has come since one looked before, although the server should be sending.
   * @param {Pick<import('./session.js').Session, 'life' | 'room' | 'arriving' | 'seat' | 'stats'>} call @param {import('./clock.js').Clock} clock
   */
  async look(call, clock) {
    const flowing = call.life.media === 'connected' || call.life.media === 'broken';
    const expecting = flowing && call.arriving.some((track) => call.seat(track.id) && isSent(call.room, track));
    const report = expecting ? await call.stats() : null;
    return this.since(report && packetsIn(report.values()), clock.now());
  }

  /**
   * Whether nothing has arrived since this was asked before.
   * @param {number | null} packets that have arrived, null where none need come @param {number} now
   */
  since(packets, now) {
    const before = this.#before;
    this.#before = packets === null ? null : { packets, at: now };
    return packets !== null && before !== null && before.packets === packets && now - before.at < ONE_DOUBT;
  }
}
