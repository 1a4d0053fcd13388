// The one state machine of a session. Pure: what happened and when in, the next state and what to do out.
//
//   idle -> joining -> connected <-> resuming
//                ^         |             |  (the seat is gone)
//                |         v             v
//                +---- rejoining <-------+         failed, left: ends, until the person rejoins
//
// Two things can break apart from each other, the socket and the media. The phase follows the socket; `media` follows the connection.

/** @typedef {'idle' | 'joining' | 'connected' | 'resuming' | 'rejoining' | 'failed' | 'left'} Phase */
/** @typedef {'socket' | 'join' | 'ice' | 'dtls' | 'media'} Step what is being waited for */
/** @typedef {'moved' | 'shutdown' | 'lost' | 'away'} Cause why one joins again: the room moved, its server ends, it was lost, one was away too long */
/** @typedef {'none' | 'ice' | 'dtls' | 'connected' | 'broken' | 'over'} Media `broken` may come back, `over` may not */
/** @typedef {import('./protocol.js').Refusal} Fault */
/**
 * @typedef {object} Life
 * @property {Phase} phase
 * @property {Step | null} step null when nothing is waited for
 * @property {number} since when the phase, or what is wrong with the media, began
 * @property {number} stepSince when this step began
 * @property {Media} media
 * @property {number} mediaSince
 * @property {boolean} seated a session secret is held that may still be good
 * @property {boolean} member one has been in the room since the person joined
 * @property {Cause | null} cause why one joins again, null while one does not
 * @property {number | null} contestedAt since when one's place is said to be taken, perhaps by oneself
 * @property {number} networkAt when the network last changed under us, by what the browser says
 * @property {number} overAt when a connection was last given up for good, and another one made
 * @property {number} restarts ICE restarts and new connections since the media last worked
 * @property {Fault | null} fault why the last attempt was refused, or why all ended
 */
/** @typedef {{ type: 'join' } | { type: 'open' } | { type: 'lost', code?: number } | { type: 'joined' } |
 *   { type: 'refused', code: string, message: string, retryAfter?: number } | { type: 'left', reason: string, code?: string, message?: string } |
 *   { type: 'media', state: 'ice' | 'dtls' | 'connected' | 'disconnected' | 'failed' } | { type: 'over' } | { type: 'network' } |
 *   { type: 'tick' } |
 *   { type: 'leave' }} LifeEvent */
/** `after`: milliseconds, to which the back-off is added; `fresh`: the attempts before do not count.
 * @typedef {{ do: 'connect', after?: number, fresh?: boolean } | { do: 'greet', with: 'join' | 'resume' } | { do: 'restart-ice' } | { do: 'replace-media' } |
 *   { do: 'stop' }} Effect */

/** Interruptions shorter than this are not worth acting upon: Firefox makes one at each negotiation. */
export const PATIENCE = 3000;
/** This soon after the network changed an interruption is no accident and is acted upon at once. */
const NETWORK_FRESH = 10_000;
/** How long an ICE restart, or a first connection, may take before another connection is tried. */
const RESTART_WITHIN = 10_000;
const CONNECT_WITHIN = 20_000;

/** A refusal that may pass: it is tried again by itself, for as long as it takes. */
const RETRY = new Set(['room_unavailable', 'overloaded', 'draining', 'rate_limited', 'hello_timeout', 'internal', 'slow_consumer', 'socket_lost',
  'server_unreachable']);
const RETRY_AFTER = 1000;
/** What may be said because one's own old seat is not given up yet: who was in the room tries again, for a while. */
const CONTESTED = new Set(['identity_in_use', 'room_full']);
const CONTESTED_FOR = 15_000;
const CONTESTED_AFTER = 500;
/** A seat that is gone sooner after the socket was lost was not given up, but lost with its server. */
const SEAT_KEPT = 11_000;

/** Close codes after which coming back by itself would be wrong. @type {Map<number, Fault>} */
const FINAL_CLOSE = new Map([
  [4009, { code: 'replaced', message: '' }],
  [4010, { code: 'removed', message: '' }],
]);
const MOVED_CLOSE = 4002;

/** Whether a refusal may pass by itself. @param {string} code */
export const mayPass = (code) => RETRY.has(code);

/** @type {Life} */
export const IDLE = Object.freeze({
  phase: 'idle', step: null, since: 0, stepSince: 0, media: 'none', mediaSince: 0, networkAt: -Infinity, overAt: -Infinity, seated: false,
  member: false, cause: null, contestedAt: null, restarts: 0, fault: null,
});

/** Whether the session is meant to go on. @param {Life} life */
export const isLive = ({ phase }) => phase === 'joining' || phase === 'connected' || phase === 'resuming' || phase === 'rejoining';

/**
 * @param {Life} life @param {LifeEvent} event @param {number} now
 * @returns {[Life, Effect[]]}
 */
export function advance(life, event, now) {
  if (event.type === 'join') return [{ ...IDLE, phase: 'joining', step: 'socket', since: now, stepSince: now }, [{ do: 'connect' }]];
  if (!isLive(life)) return [life, []];
  switch (event.type) {
    case 'open': return opened(life, now);
    case 'lost': return lost(life, event.code ?? 0, now);
    case 'joined': return welcomed(life, now);
    case 'refused': return refused(life, event, now);
    case 'left': return left(life, event, now);
    case 'media': return media(life, event.state, now);
    case 'over': return over(life, now);
    case 'network': return network(life, now);
    case 'tick': return tick(life, now);
    case 'leave': return ended(life, 'left', null, now);
  }
}

/** @param {Life} life @param {number} now @returns {[Life, Effect[]]} */
function opened(life, now) {
  const resume = life.phase === 'resuming' && life.seated;
  return [at({ ...life, ...(resume ? {} : { media: 'none', mediaSince: now }) }, 'join', now), [{ do: 'greet', with: resume ? 'resume' : 'join' }]];
}

/** @param {Life} life @param {number} code @param {number} now @returns {[Life, Effect[]]} */
function lost(life, code, now) {
  const final = FINAL_CLOSE.get(code);
  if (final) return ended(life, 'failed', final, now);
  if (code === MOVED_CLOSE && life.seated) return rejoin(life, 'moved', now);
  if (life.seated && life.phase !== 'resuming') return [at({ ...life, phase: 'resuming', since: now, fault: null }, 'socket', now), []];
  return [at(life, 'socket', now), []];
}

/** @param {Life} life @param {number} now @returns {[Life, Effect[]]} */
function welcomed(life, now) {
  const next = { ...life, seated: true, member: true, contestedAt: null, fault: null };
  // A connection that was found broken while there was no socket to say so needs its restart now.
  if (life.media === 'broken' && life.phase === 'resuming') {
    return [{ ...next, phase: 'connected', step: 'ice', stepSince: now, mediaSince: now, restarts: life.restarts + 1 }, [{ do: 'restart-ice' }]];
  }
  if (life.media === 'over') return replace({ ...next, phase: 'connected', overAt: now }, now);
  return [settle(next, now), []];
}

/** A socket that is welcome and media that flows make a call; what is missing is the step. @param {Life} life @param {number} now @returns {Life} */
function settle(life, now) {
  if (life.media === 'connected') {
    return { ...life, phase: 'connected', step: null, cause: null, restarts: 0, since: life.phase === 'connected' && !life.step ? life.since : now };
  }
  const phase = life.phase === 'resuming' ? 'connected' : life.phase;
  const begun = life.media === 'none' ? { media: /** @type {const} */ ('ice'), mediaSince: now } : {};
  return at({ ...life, phase, ...begun }, life.media === 'dtls' ? 'dtls' : 'ice', now);
}

/** @param {Life} life @param {{ code: string, message: string, retryAfter?: number }} why @param {number} now @returns {[Life, Effect[]]} */
function refused(life, { code, message, retryAfter }, now) {
  if (code === 'resume_invalid') return rejoin(life, now - life.since < SEAT_KEPT ? 'lost' : 'away', now);
  const next = { ...life, fault: { code, message } };
  if (RETRY.has(code)) return [at(next, 'socket', now), [{ do: 'connect', after: retryAfter ?? RETRY_AFTER }]];
  const contestedAt = life.contestedAt ?? now;
  if (life.member && CONTESTED.has(code) && now - contestedAt < CONTESTED_FOR) {
    return [at({ ...next, contestedAt }, 'socket', now), [{ do: 'connect', after: CONTESTED_AFTER }]];
  }
  return ended(life, 'failed', next.fault, now);
}

/** The seat is gone, and one comes back by oneself. For the person it is one interruption, so since stays. @param {Life} life @param {Cause} cause
 * @param {number} now @returns {[Life, Effect[]]} */
function rejoin(life, cause, now) {
  const since = life.phase === 'connected' && !life.step ? now : life.since;
  const next = { ...life, phase: /** @type {const} */ ('rejoining'), since, seated: false, media: /** @type {const} */ ('none'), mediaSince: now, cause, fault: null };
  return [at(next, 'socket', now), [{ do: 'connect', after: 0, fresh: true }]];
}

/** @param {Life} life @param {{ reason: string, code?: string, message?: string }} why @param {number} now @returns {[Life, Effect[]]} */
function left(life, { reason, code, message }, now) {
  if (reason === 'left') return ended(life, 'left', null, now);
  if (reason === 'moved' || reason === 'shutdown' || reason === 'lost') return rejoin(life, reason, now);
  return ended(life, 'failed', { code: code ?? reason, message: message ?? '' }, now);
}

/** @param {Life} life @param {'ice' | 'dtls' | 'connected' | 'disconnected' | 'failed'} state @param {number} now @returns {[Life, Effect[]]} */
function media(life, state, now) {
  if (state === 'connected' && life.media !== 'over') {
    const next = { ...life, media: /** @type {const} */ ('connected'), mediaSince: now, restarts: 0 };
    return [life.seated && life.phase !== 'resuming' ? settle(next, now) : next, []];
  }
  if (life.media === 'over') return [life, []];
  if (life.media === 'connected' || life.media === 'broken') {
    // What once worked is broken until it works again, by whatever names the browser calls the way back.
    const next = { ...life, media: /** @type {const} */ ('broken'), mediaSince: life.media === 'broken' ? life.mediaSince : now };
    return state === 'failed' ? repair(next, now, 0) : [next, []];
  }
  const next = { ...life, media: state === 'dtls' ? /** @type {const} */ ('dtls') : /** @type {const} */ ('ice') };
  if (life.media === 'none') next.mediaSince = now;
  if (state === 'failed') return replace(next, now);
  return [life.seated && life.phase !== 'resuming' ? settle(next, now) : next, []];
}

/** One side has given the connection up: no restart can save it. @param {Life} life @param {number} now @returns {[Life, Effect[]]} */
function over(life, now) {
  if (!life.seated || life.media === 'over') return [life, []];
  const next = { ...life, media: /** @type {const} */ ('over'), mediaSince: now };
  if (life.phase === 'resuming') return [next, []];
  // What spoils every connection must not make one after the other as fast as it can.
  if (now - life.overAt < RESTART_WITHIN) return [at({ ...next, since: life.step ? life.since : now }, 'ice', now), []];
  return replace({ ...next, overAt: now }, now);
}

/** @param {Life} life @param {number} now @returns {[Life, Effect[]]} */
function network(life, now) {
  return repair({ ...life, networkAt: now }, now, 0);
}

/** @param {Life} life @param {number} now @returns {[Life, Effect[]]} */
function tick(life, now) {
  if (life.media === 'broken') return repair(life, now, now - life.networkAt < NETWORK_FRESH ? 0 : PATIENCE);
  if (life.media === 'over' && life.phase !== 'resuming' && now - life.overAt >= RESTART_WITHIN) return replace({ ...life, overAt: now }, now);
  const waiting = life.seated && (life.media === 'ice' || life.media === 'dtls');
  if (waiting && now - life.mediaSince >= CONNECT_WITHIN) return replace(life, now);
  return [life, []];
}

/**
 * Media that broke is first given time, then a restart of ICE, then another connection. Each needs the socket.
 * @param {Life} life @param {number} now @param {number} patience @returns {[Life, Effect[]]}
 */
function repair(life, now, patience) {
  if (life.phase !== 'connected' || life.media !== 'broken') return [life, []];
  if (life.restarts === 0) {
    if (now - life.mediaSince < patience) return [life, []];
    return [at({ ...life, restarts: 1, since: life.step ? life.since : life.mediaSince }, 'ice', now), [{ do: 'restart-ice' }]];
  }
  return now - life.stepSince >= RESTART_WITHIN ? replace(life, now) : [life, []];
}

/** @param {Life} life @param {number} now @returns {[Life, Effect[]]} */
function replace(life, now) {
  if (life.phase === 'resuming' || !life.seated) return [life, []];
  const next = { ...life, media: /** @type {const} */ ('ice'), mediaSince: now, restarts: life.restarts + 1, step: /** @type {const} */ ('ice') };
  const since = life.step ? life.since : now;
  return [{ ...next, since, stepSince: life.step === 'ice' ? life.stepSince : now }, [{ do: 'replace-media' }]];
}

/** @param {Life} life @param {'failed' | 'left'} phase @param {Fault | null} fault @param {number} now @returns {[Life, Effect[]]} */
function ended(life, phase, fault, now) {
  return [{ ...life, phase, fault, step: null, since: now, seated: false, media: 'none' }, [{ do: 'stop' }]];
}

/** @param {Life} life @param {Step} step @param {number} now @returns {Life} */
function at(life, step, now) {
  return life.step === step ? life : { ...life, step, stepSince: now };
}
