// What the bar above the call says while something is wrong. Pure.

import { DOING, STUCK, adviceFor } from './faults.js';
import { PATIENCE, isLive } from './lifecycle.js';

/** @typedef {import('./lifecycle.js').Life} Life */
/** @typedef {'rejoin' | 'hear'} StatusAction */
/** @typedef {{ tone: 'calm' | 'warning', text: string, detail: string, action: StatusAction | null, joining: boolean }} Status */

/** A step that takes longer than this is said to be stuck, and why. */
export const STUCK_AFTER = 10_000;
/** After this a person may want to begin anew. */
export const REJOIN_AFTER = 30_000;
/** Shorter interruptions of the socket are not worth a word: sound and pictures go on meanwhile. */
const SOCKET_QUIET = 1500;

/**
 * @typedef {object} Situation
 * @property {Life} life
 * @property {number} now
 * @property {boolean} soundBlocked the browser wants a gesture before it plays sound
 * @property {number | null} silentSince since when nothing arrives although the server sends
 * @property {number | null} drainAt
 */

/** @param {Situation} situation @returns {Status | null} */
export function statusOf({ life, now, soundBlocked, silentSince, drainAt }) {
  if (!isLive(life)) return null;
  const broken = brokenStep(life, now);
  if (broken) return waiting(life, broken, now);
  if (silentSince !== null && now - silentSince >= STUCK_AFTER / 2) {
    return { tone: 'warning', text: 'Nothing arrives from the server', detail: STUCK.media, action: now - silentSince > REJOIN_AFTER ? 'rejoin' : null, joining: false };
  }
  if (soundBlocked) return { tone: 'calm', text: 'The browser holds the sound back', detail: '', action: 'hear', joining: false };
  if (drainAt !== null) {
    return { tone: 'calm', text: 'The server is about to restart', detail: 'You will be moved and need not do anything.', action: null, joining: false };
  }
  return null;
}

/** @param {Life} life @param {number} now @returns {{ step: import('./lifecycle.js').Step, since: number } | null} */
function brokenStep(life, now) {
  if (life.phase === 'joining' || life.phase === 'rejoining') return { step: life.step ?? 'socket', since: life.since };
  if (life.phase === 'resuming') return now - life.since < SOCKET_QUIET && life.media === 'connected' ? null : { step: life.step ?? 'socket', since: life.since };
  if (life.step) return { step: life.step, since: life.since };
  // Firefox calls a connection anything but connected for a moment at each negotiation.
  if (life.media === 'broken' && now - life.mediaSince >= PATIENCE) return { step: 'ice', since: life.mediaSince };
  return null;
}

/** @param {Life} life @param {{ step: import('./lifecycle.js').Step, since: number }} broken @param {number} now @returns {Status} */
function waiting(life, { step, since }, now) {
  const joining = life.phase === 'joining';
  const seconds = Math.floor((now - since) / 1000);
  const stuck = now - Math.max(life.stepSince, since) >= STUCK_AFTER;
  const doing = DOING[step];
  return {
    tone: joining && !stuck && !life.fault ? 'calm' : 'warning',
    text: joining ? `${doing}${seconds >= 3 ? ` (${seconds} s)` : ''}` : `Reconnecting (${seconds} s): ${doing[0].toLowerCase()}${doing.slice(1)}`,
    detail: life.fault ? adviceFor(life.fault).sentence : stuck ? STUCK[step] : '',
    action: now - since >= REJOIN_AFTER ? 'rejoin' : null,
    joining,
  };
}
