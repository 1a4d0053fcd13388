// People who come back under new ids, because everyone joins anew when a room moves or its server is lost. Whoever was here keeps the place on
// the screen for a while, and whoever comes with the name of someone who is missing takes it over. Pure.

/** @typedef {import('./state.js').RoomState} RoomState */
/** @typedef {import('./state.js').Person} Person */
/** @typedef {import('./protocol.js').Track} Track */
/**
 * Someone who was here before and is back since a moment, or may come back.
 * @typedef {object} Returning
 * @property {string} name
 * @property {string | null} id null while they are missing
 * @property {string[]} screens the keys of screens that they shared and do not share again yet
 * @property {number} until when their old picture, and a place that is not taken again, are given up
 */
/** @typedef {{ keys: Map<string, string>, returning: Map<string, Returning> }} Kept `keys`: what stands on the screen for an id, where that is not the id */

/** How long the place of someone who is missing is kept. */
export const KEPT = 5000;
/** Who was sent away before us cannot come back before we are sent after them. */
const KEPT_UNTIL_WE_FOLLOW = 30_000;

/** What stands on the screen for a participant or a screen, over all rejoins. @param {Kept} room @param {string} id */
export const keyOf = ({ keys }, id) => keys.get(id) ?? id;

/** Who is behind a key now. @param {RoomState} room @param {string} key */
export const participantOf = (room, key) => [...room.people.keys()].find((id) => keyOf(room, id) === key) ?? key;

/** Everyone who is here or may be back in a moment, by key. @param {RoomState} room @returns {Map<string, { name: string }>} */
export function presence(room) {
  /** @type {Map<string, { name: string }>} */
  const all = new Map([...room.people.values()].map((person) => [keyOf(room, person.id), person]));
  for (const [key, gone] of room.returning) if (gone.id === null) all.set(key, gone);
  return all;
}

/** One has joined anew: all who were there may have new ids now. @param {RoomState} before @param {RoomState} after @param {number} now @returns {RoomState} */
export function rejoined(before, after, now) {
  if (before.self === '') return after;
  let next = { ...after, keys: new Map([[after.self, keyOf(before, before.self)]]), returning: new Map() };
  for (const [key, gone] of before.returning) if (gone.id === null) next.returning.set(key, { ...gone, until: now + KEPT });
  for (const person of before.people.values()) if (person.id !== before.self) next.returning.set(keyOf(before, person.id), missing(before, person, now + KEPT));
  for (const person of after.people.values()) if (person.id !== after.self) next = arrived(next, person);
  for (const track of after.tracks.values()) next = shared(next, track);
  return next;
}

/** Someone has come: perhaps one who is missing. @param {RoomState} room @param {Person} person @returns {RoomState} */
export function arrived(room, { id, name }) {
  if (room.keys.has(id)) return room;
  for (const [key, gone] of room.returning) {
    if (gone.id !== null || gone.name !== name) continue;
    return { ...room, keys: new Map(room.keys).set(id, key), returning: new Map(room.returning).set(key, { ...gone, id }) };
  }
  return room;
}

/** A track has come: perhaps a screen that was shared before. @param {RoomState} room @param {Track} track @returns {RoomState} */
export function shared(room, { id, participant, source }) {
  const key = keyOf(room, participant);
  const back = room.returning.get(key);
  if (source !== 'screen' || room.keys.has(id) || !back?.screens.length) return room;
  const [screen, ...screens] = back.screens;
  return { ...room, keys: new Map(room.keys).set(id, screen), returning: new Map(room.returning).set(key, { ...back, screens }) };
}

/** Someone was sent to the room's next server, where we shall meet. @param {RoomState} before @param {RoomState} after @param {string} id @param {number} now */
export function sentAhead(before, after, id, now) {
  const person = before.people.get(id);
  if (!person) return after;
  const key = keyOf(before, id);
  return { ...after, returning: new Map(after.returning).set(key, missing(before, person, now + KEPT_UNTIL_WE_FOLLOW)) };
}

/** Gives up whom one has waited for long enough. @param {RoomState} room @param {number} now @returns {RoomState} the same where nobody is */
export function passed(room, now) {
  const kept = [...room.returning].filter(([, { until }]) => until > now);
  return kept.length === room.returning.size ? room : { ...room, returning: new Map(kept) };
}

/** @param {RoomState} room @param {Person} person @param {number} until @returns {Returning} */
function missing(room, { id, name }, until) {
  const screens = [...room.tracks.values()].filter(({ participant, source }) => participant === id && source === 'screen').map((track) => keyOf(room, track.id));
  return { name, id: null, screens: [...screens, ...(room.returning.get(keyOf(room, id))?.screens ?? [])], until };
}
