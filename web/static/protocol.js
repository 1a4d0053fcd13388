// The messages of the signalling protocol `sfu.v1` as the page knows them. PROTOCOL.md is the contract; the golden files beside it are read by
// the server's tests and by ours, so that the two stay twins.

/** @typedef {'microphone' | 'camera' | 'screen' | 'screen_audio'} Source */
/** @typedef {'audio' | 'video'} Kind */
/** @typedef {'left' | 'lost' | 'removed' | 'replaced' | 'shutdown' | 'moved'} Reason */

/** @typedef {{ source: Source, muted?: boolean }} Announced What the client sends on an m-line. */
/** @typedef {{ pc: string, n: number, sdp: string, tracks?: Record<string, Announced> }} Offer */
/** @typedef {{ code: string, message: string }} Refusal */
/** @typedef {{ pc: string, n: number, sdp: string, published?: Record<string, string>, rejected?: Record<string, Refusal>,
 *   slots?: { audio?: string, video?: string }[] }} Answer */
/** @typedef {{ id: string, participant: string, kind: Kind, source: Source, muted: boolean, codec: string }} Track */
/** @typedef {{ id: string, name: string, connected: boolean, tracks?: Track[] }} Participant */
/** @typedef {{ pc: string, mid: string, track: string | null }} Binding */
/** @typedef {{ track: string, reason: 'codec' | 'slots', codec?: string }} Unavailable */
/** @typedef {'view' | 'muted' | 'keyframe' | 'publisher' | 'codec' | 'congestion'} LayerReason */
/** @typedef {{ pc: string, mid: string, track: string, sending: boolean, reason?: LayerReason, rid?: string, width?: number,
 *   height?: number, temporal?: number, timestamp?: number }} Layer */
/** @typedef {{ id: number | string, from: string, name: string, body: string, at: number, to?: string }} ChatMessage */
/** @typedef {{ publish?: Source[], subscribe?: boolean, chat?: boolean, moderate?: boolean }} Permissions */
/** @typedef {{ urls: string | string[], username?: string, credential?: string }} ICEServer */
/** @typedef {{ track: string, width: number, height: number, fps?: number, priority?: number }} View */

/** @typedef {{ messageBytes: number, sdpLines: number, slots: number, slotsFirst: number, slotsGrow: number, nameLength: number,
 *   chatBytes: number }} Limits */
/** @typedef {{ room: string, protocol: string, auth: 'open' | 'token', participants?: number, iceServers?: ICEServer[],
 *   codecs?: { audio?: string[], video?: string[] }, limits?: Partial<Limits>, signal?: string }} RoomInfo `signal`: where the socket is, if elsewhere */

/** What a client may ask for; the socket adds `id`.
 * @typedef {(
 *   { type: 'join', token?: string, name?: string, offers?: Offer[], subscribe?: 'auto' | 'manual', client?: { name: string, version: string } } |
 *   { type: 'resume', session: string } | ({ type: 'offer' } & Offer) | { type: 'close', pc: string } |
 *   { type: 'applied', pc: string, n: number } |
 *   ({ type: 'publish', pc: string, mid: string } & Announced) | { type: 'unpublish', track: string } |
 *   { type: 'mute', track: string, muted: boolean } | { type: 'subscribe' | 'unsubscribe', tracks: string[] } |
 *   { type: 'view', tracks: View[] } | { type: 'message', body: string, to?: string } | { type: 'rename', name: string } |
 *   { type: 'remove', participant: string } | { type: 'ping' } | { type: 'leave' })} Request */

/** @typedef {{ type: 'joined', session: string, self: string, room: string, resumed: boolean, permissions: Permissions,
 *   participants: Participant[], answers?: Answer[], bound?: Binding[], unavailable?: Unavailable[], messages?: ChatMessage[],
 *   iceServers?: ICEServer[], serverTime?: number }} Joined */
/** @typedef {{ type: 'media', pc: string, state: 'connecting' | 'connected' | 'disconnected' | 'failed' | 'closed', step?: 'ice' | 'dtls',
 *   path?: 'udp' | 'tcp', code?: string, message?: string }} MediaStatus */
/** @typedef {{ type: 'error', code: string, message: string, retryAfter?: number, track?: string, pc?: string, n?: number }} ErrorMessage */
/** @typedef {{ type: 'left', reason: Reason, code?: string, message?: string }} Left */

/** Everything the server says.
 * @typedef {({ re?: number }) & (Joined | ({ type: 'answer' } & Answer) | { type: 'published', track: string } |
 *   ({ type: 'participant' } & Participant) | { type: 'gone', participant: string, reason: Reason } | ({ type: 'track' } & Track) |
 *   { type: 'untrack', track: string } | { type: 'slots', bound?: Binding[], need?: number, unavailable?: Unavailable[] } |
 *   { type: 'layers', layers: Layer[] } | MediaStatus | ({ type: 'message' } & ChatMessage) | { type: 'drain', deadline: number } | { type: 'undrain' } | Left |
 *   { type: 'ok' } | ErrorMessage)} ServerMessage */

export const VERSION = 'sfu.v1';

/** What a client assumes where the server does not say. @type {Limits} */
export const LIMITS = { messageBytes: 262144, sdpLines: 8000, slots: 32, slotsFirst: 4, slotsGrow: 4, nameLength: 64, chatBytes: 4096 };

const ROOM_NAME = /^[A-Za-z0-9_-]{1,64}$/;

/** @param {string} name */
export const isRoomName = (name) => ROOM_NAME.test(name);

/**
 * The nearest name that a room can have: accents are dropped, anything else that does not fit becomes one hyphen.
 * @param {string} text
 */
export function cleanRoomName(text) {
  return text.normalize('NFKD').replace(/\p{M}+/gu, '').replace(/[^A-Za-z0-9_-]+/g, '-').replace(/-{2,}/g, '-').replace(/^-+/, '')
    .slice(0, 64).replace(/-+$/, '');
}

/**
 * What a person is called on the screen of others: one line, no control or direction characters, at most two marks on a letter, bounded.
 * @param {string} text @param {number} [length]
 */
export function cleanName(text, length = LIMITS.nameLength) {
  const line = text.normalize('NFC').replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').replace(/(?!\u200D)[\p{Cf}\p{Co}\p{Cs}]/gu, '')
    .replace(/(\p{M}{2})\p{M}+/gu, '$1').replace(/\s+/g, ' ').trim();
  return [...line].slice(0, length).join('').trim();
}

/** @typedef {(value: any) => boolean} Check */

/** @type {Check} */
const string = (v) => typeof v === 'string';
/** @type {Check} */
const number = (v) => typeof v === 'number' && Number.isFinite(v);
/** @type {Check} */
const boolean = (v) => typeof v === 'boolean';
/** @type {Check} */
const object = (v) => typeof v === 'object' && v !== null && !Array.isArray(v);
/** @type {(...values: unknown[]) => Check} */
const oneOf = (...values) => (v) => values.includes(v);
/** @type {(...checks: Check[]) => Check} */
const either = (...checks) => (v) => checks.some((check) => check(v));
/** @type {(check: Check) => Check} */
const maybe = (check) => (v) => v === undefined || v === null || check(v);
/** An absent list is an empty one. @type {(check: Check) => Check} */
const list = (check) => maybe((v) => Array.isArray(v) && v.every(check));
/** @type {(check: Check) => Check} */
const map = (check) => maybe((v) => object(v) && Object.values(v).every(check));
/** @type {(fields: Record<string, Check>) => Check} */
const shape = (fields) => (v) => object(v) && Object.entries(fields).every(([key, check]) => check(v[key]));

const refusal = shape({ code: string, message: string });
const track = { id: string, participant: string, kind: oneOf('audio', 'video'), source: string, muted: boolean, codec: maybe(string) };
const participant = { id: string, name: string, connected: boolean, tracks: list(shape(track)) };
const binding = shape({ pc: string, mid: string, track: maybe(string) });
const unavailable = shape({ track: string, reason: string, codec: maybe(string) });
const answer = {
  pc: string, n: number, sdp: string, published: map(string), rejected: map(refusal),
  slots: list(shape({ audio: maybe(string), video: maybe(string) })),
};
const layer = shape({
  pc: string, mid: string, track: string, sending: boolean, reason: maybe(string), rid: maybe(string), width: maybe(number),
  height: maybe(number), temporal: maybe(number), timestamp: maybe(number),
});
const message = { id: either(number, string), from: string, name: string, body: string, at: number, to: maybe(string) };
const iceServer = shape({ urls: either(string, list(string)), username: maybe(string), credential: maybe(string) });
const reason = string;

/** @type {Map<string, Check>} */
const CHECKS = new Map(Object.entries({
  joined: shape({
    session: string, self: string, room: string, resumed: boolean, permissions: object, participants: list(shape(participant)),
    answers: list(shape(answer)), bound: list(binding), unavailable: list(unavailable), messages: list(shape(message)), iceServers: list(iceServer),
    serverTime: maybe(number),
  }),
  answer: shape(answer),
  published: shape({ track: string }),
  participant: shape(participant),
  gone: shape({ participant: string, reason }),
  track: shape(track),
  untrack: shape({ track: string }),
  slots: shape({ bound: list(binding), need: maybe(number), unavailable: list(unavailable) }),
  layers: shape({ layers: list(layer) }),
  media: shape({ pc: string, state: string, step: maybe(string), path: maybe(string), code: maybe(string), message: maybe(string) }),
  message: shape(message),
  drain: shape({ deadline: number }),
  undrain: object,
  left: shape({ reason, code: maybe(string), message: maybe(string) }),
  ok: object,
  error: shape({
    code: string, message: string, retryAfter: maybe(number), track: maybe(string), pc: maybe(string), n: maybe(number),
  }),
}));

/** The names of all messages that a server sends. */
export const SERVER_MESSAGES = Object.freeze([...CHECKS.keys()]);

/**
 * Reads one frame. Undefined when it is not a message that this client can rely on: not JSON, of unknown type, or of another shape.
 * @param {unknown} frame
 * @returns {ServerMessage | undefined}
 */
export function parseMessage(frame) {
  if (typeof frame !== 'string') return undefined;
  let value;
  try {
    value = JSON.parse(frame);
  } catch {
    return undefined;
  }
  const check = object(value) && string(value.type) ? CHECKS.get(value.type) : undefined;
  if (!check?.(value) || !maybe(number)(value.re)) return undefined;
  return value;
}

const ROOM_INFO = shape({
  room: string, protocol: string, auth: oneOf('open', 'token'), participants: maybe(number), iceServers: list(iceServer),
  codecs: maybe(shape({ audio: list(string), video: list(string) })), limits: map(number),
  signal: maybe(string),
});

/** @param {unknown} value @returns {value is RoomInfo} */
export const isRoomInfo = (value) => ROOM_INFO(value);

/** @param {unknown} value @returns {value is Refusal & { retryAfter?: number }} */
export const isRefusal = (value) => refusal(value);
