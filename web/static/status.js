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
/** A wait this long is counted down. */
const LONG_WAIT = 3000;
/** Shorter interruptions of the socket are not worth a word: sound and pictures go on meanwhile. */
const SOCKET_QUIET = 1500;

/** Why one joins again. @type {Record<import('./lifecycle.js').Cause, string>} */
const AGAIN = {
  moved: 'This call is moving to another server …',
  shutdown: 'The server of this call was shut down. Joining again …',
  lost: 'The server of this call was lost. Joining again …',
  away: 'You were away too long and your place was given up. Joining again …',
};

/**
 * @typedef {object} Situation
 * @property {Life} life
 * @property {number} now
 * @property {boolean} soundBlocked the browser wants a gesture before it plays sound
 * @property {number | null} silentSince since when nothing arrives although the server sends
 * @property {number | null} drainAt
 * @property {number | null} [retryAt] when the server is tried again, where that is planned
 */

/** @param {Situation} situation @returns {Status | null} */
export function statusOf({ life, now, soundBlocked, silentSince, drainAt, retryAt = null }) {
  if (!isLive(life)) return null;
  const broken = brokenStep(life, now);
  if (broken) return waiting(life, broken, now, retryAt);
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

/**
 * @param {Life} life @param {{ step: import('./lifecycle.js').Step, since: number }} broken @param {number} now @param {number | null} retryAt
 * @returns {Status}
 */
function waiting(life, { step, since }, now, retryAt) {
  const joining = life.phase === 'joining';
  const stuck = now - Math.max(life.stepSince, since) >= STUCK_AFTER;
  return {
    tone: (joining || life.cause === 'moved') && !stuck && !life.fault ? 'calm' : 'warning',
    text: sentenceOf(life, step, now - since, retryAt === null ? 0 : retryAt - now),
    detail: detailOf(life, step, stuck),
    action: now - since >= REJOIN_AFTER ? 'rejoin' : null,
    joining,
  };
}

/** What a server says that gives no reason. */
const NOT_NOW = 'The server cannot open this room at the moment.';

/** @param {Life} life @param {import('./lifecycle.js').Step} step @param {number} waited @param {number} wait until the next attempt @returns {string} */
function sentenceOf({ phase, cause, fault }, step, waited, wait) {
  const seconds = Math.floor(waited / 1000);
  if (fault?.code === 'room_unavailable') {
    return `${NOT_NOW} Trying again ${wait >= LONG_WAIT ? `in ${Math.ceil(wait / 1000)} s.` : '…'}`;
  }
  const doing = DOING[step];
  const time = seconds >= 3 ? ` (${seconds} s)` : '';
  if (phase === 'joining') return `${doing}${time}`;
  if (cause) return `${AGAIN[cause]}${time}`;
  return `Reconnecting (${seconds} s): ${doing[0].toLowerCase()}${doing.slice(1)}`;
}

/** @param {Life} life @param {import('./lifecycle.js').Step} step @param {boolean} stuck */
function detailOf({ fault, member }, step, stuck) {
  if (fault && member && (fault.code === 'identity_in_use' || fault.code === 'room_full')) {
    return 'The place that you had before may not be given up yet. That takes a few seconds.';
  }
  // The server answers, so nothing is stuck on the way to it, and it knows why.
  if (fault?.code === 'room_unavailable') return fault.message === NOT_NOW ? '' : fault.message;
  if (fault) return adviceFor(fault).sentence;
  return stuck ? STUCK[step] : '';
}
