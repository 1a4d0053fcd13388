// The room as one plain object, and the reducer that makes the next from what the server says. Pure. Collections are Maps, because their keys
// come from others; every change makes new ones, so that a view can tell by identity what changed.

import { arrived, rejoined, sentAhead, shared } from './returning.js';

/** @typedef {import('./protocol.js').ServerMessage} ServerMessage */
/** @typedef {import('./protocol.js').Participant} Participant */
/** @typedef {import('./protocol.js').Track} Track */
/** @typedef {import('./protocol.js').Layer} Layer */
/** @typedef {import('./protocol.js').Unavailable} Unavailable */
/** @typedef {import('./protocol.js').ChatMessage} ChatMessage */
/** @typedef {import('./protocol.js').Source} Source */

/** @typedef {{ id: string, name: string, connected: boolean }} Person */
/**
 * @typedef {object} RoomState
 * @property {string} self
 * @property {string} room
 * @property {import('./protocol.js').Permissions} permissions
 * @property {Map<string, Person>} people in the order in which they came
 * @property {Map<string, Track>} tracks by id
 * @property {Map<string, string>} bound what a place carries: seat key to track id
 * @property {Map<string, Layer>} layers by track id, the last said
 * @property {Map<string, Unavailable>} unavailable by track id
 * @property {ChatMessage[]} messages
 * @property {number | null} drainAt when the server will end, by our clock
 * @property {Map<string, string>} keys what stands on the screen for an id, where that is not the id
 * @property {Map<string, import('./returning.js').Returning>} returning by key: who was here before everyone joined anew
 */

const CHAT_KEPT = 500;

/** @type {() => RoomState} */
export const emptyRoom = () => ({
  self: '', room: '', permissions: {}, people: new Map(), tracks: new Map(), bound: new Map(), layers: new Map(), unavailable: new Map(),
  messages: [], drainAt: null, keys: new Map(), returning: new Map(),
});

/** The name of a place for a remote track. @param {{ pc: string, mid: string }} place */
export const seatKey = ({ pc, mid }) => `${pc}/${mid}`;

/**
 * @param {RoomState} state @param {ServerMessage} message @param {number} now
 * @returns {RoomState} the same object when nothing changed
 */
export function reduce(state, message, now) {
  switch (message.type) {
    case 'joined': return message.resumed ? resumed(state, joined(state, message)) : rejoined(state, joined(state, message), now);
    case 'participant': return { ...(state.people.has(message.id) ? state : arrived(state, person(message))), people: with_(state.people, message.id, person(message)) };
    case 'gone': {
      const after = gone(state, message.participant);
      return message.reason === 'moved' ? sentAhead(state, after, message.participant, now) : after;
    }
    case 'track': return { ...shared(state, trackOf(message)), tracks: with_(state.tracks, message.id, trackOf(message)) };
    case 'untrack': return withoutTracks(state, [message.track]);
    case 'slots': return slots(state, message);
    case 'layers': return layers(state, message.layers);
    case 'message': return { ...state, messages: say(state.messages, [message]) };
    case 'drain': return { ...state, drainAt: now + message.deadline };
    case 'undrain': return { ...state, drainAt: null };
    default: return state;
  }
}

/** @param {RoomState} state @param {import('./protocol.js').Joined} message @returns {RoomState} */
function joined(state, message) {
  const tracks = message.participants.flatMap((p) => p.tracks ?? []);
  const bound = (message.bound ?? []).flatMap((b) => (b.track === null ? [] : [/** @type {[string, string]} */ ([seatKey(b), b.track])]));
  // Layers are not part of the snapshot; what was said of tracks that still sit where they sat holds.
  const kept = [...state.layers].filter(([id, layer]) => bound.some(([key, track]) => track === id && key === seatKey(layer)));
  return {
    self: message.self,
    room: message.room,
    permissions: message.permissions,
    people: new Map(message.participants.map((p) => [p.id, person(p)])),
    tracks: new Map(tracks.map((t) => [t.id, trackOf(t)])),
    bound: new Map(bound),
    layers: new Map(message.resumed ? kept : []),
    unavailable: new Map((message.unavailable ?? []).map((u) => [u.track, u])),
    messages: say(state.messages, message.messages ?? []),
    drainAt: null,
    keys: state.keys,
    returning: state.returning,
  };
}

/** Somebody who is missing may have come meanwhile. @param {RoomState} before @param {RoomState} after @returns {RoomState} */
const resumed = (before, after) => [...after.people.values()].filter(({ id }) => !before.people.has(id)).reduce(arrived, after);

/** @param {Participant} p @returns {Person} */
const person = ({ id, name, connected }) => ({ id, name, connected });

/** @param {Track} t @returns {Track} */
const trackOf = ({ id, participant, kind, source, muted, codec }) => ({ id, participant, kind, source, muted, codec: codec ?? '' });

/** @param {RoomState} state @param {string} id @returns {RoomState} */
function gone(state, id) {
  const left = withoutTracks(state, [...state.tracks.values()].filter((t) => t.participant === id).map((t) => t.id));
  const returning = new Map(left.returning);
  for (const [key, back] of left.returning) if (back.id === id) returning.delete(key);
  return { ...left, people: without(left.people, [id]), keys: without(left.keys, [id]), returning };
}

/** @param {RoomState} state @param {string[]} ids @returns {RoomState} */
function withoutTracks(state, ids) {
  return {
    ...state,
    tracks: without(state.tracks, ids),
    layers: without(state.layers, ids),
    unavailable: without(state.unavailable, ids),
    bound: new Map([...state.bound].filter(([, track]) => !ids.includes(track))),
  };
}

/** @param {RoomState} state @param {Extract<ServerMessage, { type: 'slots' }>} message @returns {RoomState} */
function slots(state, { bound, unavailable }) {
  let next = state;
  if (bound?.length) {
    const places = new Map(state.bound);
    for (const binding of bound) {
      if (binding.track === null) places.delete(seatKey(binding));
      else places.set(seatKey(binding), binding.track);
    }
    next = { ...next, bound: places };
  }
  if (unavailable) next = { ...next, unavailable: new Map(unavailable.map((u) => [u.track, u])) };
  return next;
}

/** @param {RoomState} state @param {Layer[]} said @returns {RoomState} */
function layers(state, said) {
  const next = new Map(state.layers);
  for (const layer of said) next.set(layer.track, layer);
  return { ...state, layers: next };
}

/** Ids are counted by the room, and a room that was gone counts from 1 again. @param {ChatMessage} message */
export const messageKey = ({ id, at }) => `${id}@${at}`;

/** Messages by time, each once: a snapshot repeats what was heard. @param {ChatMessage[]} heard @param {ChatMessage[]} more */
function say(heard, more) {
  /** @type {Map<string, ChatMessage>} */
  const byKey = new Map();
  for (const message of [...heard, ...more]) {
    const { id, from, name, body, at, to } = message;
    byKey.set(messageKey(message), { id, from, name, body, at, ...(to ? { to } : {}) });
  }
  return [...byKey.values()].sort((a, b) => a.at - b.at).slice(-CHAT_KEPT);
}

/** @template V @param {Map<string, V>} map @param {string} key @param {V} value */
const with_ = (map, key, value) => new Map(map).set(key, value);

/** @template V @param {Map<string, V>} map @param {string[]} keys */
function without(map, keys) {
  const next = new Map(map);
  for (const key of keys) next.delete(key);
  return next;
}

/** The place in which a track sits, if it has one. @param {RoomState} state @param {string} track @returns {string | undefined} */
export function seatOf(state, track) {
  for (const [key, id] of state.bound) if (id === track) return key;
  return undefined;
}

/** What the server last said of sending a track, unless it spoke of another place. @param {RoomState} state @param {string} track */
export function layerOf(state, track) {
  const layer = state.layers.get(track);
  return layer && state.bound.get(seatKey(layer)) === track ? layer : undefined;
}

/** @param {RoomState} state @param {string} participant @param {Source} source @returns {Track | undefined} */
export function trackBySource(state, participant, source) {
  for (const track of state.tracks.values()) if (track.participant === participant && track.source === source) return track;
  return undefined;
}
