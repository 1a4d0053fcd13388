// Which tiles a call shows, from the state of the room. Pure.

import { ECHO } from './echo.js';
import { keyOf } from './returning.js';

/** @typedef {import('./state.js').RoomState} RoomState */
/** @typedef {import('./protocol.js').Track} Track */

/**
 * @typedef {object} TileModel
 * @property {string} key of the participant, or of the track for a shared screen; it stays when they come back under other ids
 * @property {string} participant
 * @property {string} name
 * @property {boolean} self
 * @property {boolean} connected
 * @property {Track | undefined} video the camera or the screen
 * @property {boolean} silent nothing is heard from there: muted, or no microphone at all
 * @property {boolean} screen
 * @property {boolean} [returning] the picture of before is shown until there is another
 * @property {boolean} [echo] oneself, as it comes back from the server
 */

const NAMELESS = 'Guest';

/** Everyone who is there, in the order of coming, every shared screen, and who is missing since everyone joined anew. @param {RoomState} room @returns {TileModel[]} */
export function tilesOf(room) {
  /** @type {TileModel[]} */
  const tiles = [];
  for (const { id, name, connected } of room.people.values()) {
    const key = keyOf(room, id);
    const back = room.returning.get(key);
    const who = { participant: id, name: name || NAMELESS, self: id === room.self, connected, returning: back !== undefined };
    /** @type {Track | undefined} */ let video;
    /** @type {Track | undefined} */ let sound;
    for (const track of room.tracks.values()) {
      if (track.participant !== id) continue;
      if (track.source === 'camera') video = track;
      else if (track.source === 'microphone') sound = track;
      else if (track.source === 'screen' && id !== room.self) tiles.push({ ...who, key: keyOf(room, track.id), video: track, silent: false, screen: true });
    }
    tiles.push(...missingScreens(back, who));
    tiles.push({ ...who, key, video, silent: sound ? sound.muted : back === undefined, screen: false });
  }
  for (const [key, gone] of room.returning) {
    if (gone.id !== null) continue;
    const who = { participant: key, name: gone.name || NAMELESS, self: false, connected: false, returning: true };
    tiles.push(...missingScreens(gone, who), { ...who, key, video: undefined, silent: false, screen: false });
  }
  return tiles;
}

/** @param {import('./returning.js').Returning | undefined} back @param {Omit<TileModel, 'key' | 'video' | 'silent' | 'screen'>} who @returns {TileModel[]} */
function missingScreens(back, who) {
  return (back?.screens ?? []).map((key) => ({ ...who, key, video: undefined, silent: false, screen: true }));
}

/** Oneself, as others would see it. @param {Track[]} tracks that arrive @param {string} name @returns {TileModel} */
export function echoTile(tracks, name) {
  const own = tracks.filter(({ participant }) => participant === ECHO);
  const sound = own.find(({ source }) => source === 'microphone');
  return {
    key: ECHO, participant: ECHO, name: name || NAMELESS, self: false, connected: true, video: own.find(({ source }) => source === 'camera'),
    silent: !sound || sound.muted, screen: false, echo: true,
  };
}

/** Whether a tile is one of those by which people are counted. @param {TileModel} tile */
export const isPerson = ({ screen, echo }) => !screen && !echo;

/**
 * What stands on the stage: what was pinned, else the screen that was shared last.
 * @param {TileModel[]} tiles @param {string | null} pinned @returns {TileModel | undefined}
 */
export function stagedTile(tiles, pinned) {
  return tiles.find(({ key }) => key === pinned) ?? tiles.filter(({ screen }) => screen).at(-1);
}

/** @typedef {'tile' | 'floating' | 'hidden'} SelfPlace */

/**
 * Where oneself is shown: small and out of the way where the others need the room.
 * @param {{ others: number, staged: boolean, phone: boolean, wanted: boolean }} situation @returns {SelfPlace}
 */
export function selfPlace({ others, staged, phone, wanted }) {
  if (others === 0 && !staged) return 'tile';
  if (!wanted) return 'hidden';
  if (staged) return phone ? 'hidden' : 'tile';
  return others === 1 || (phone && others <= 3) ? 'floating' : 'tile';
}

/**
 * What changed among people, as a sentence for those who listen to the page.
 * @param {Map<string, { name: string }>} before @param {Map<string, { name: string }>} after @param {string} self @returns {string[]}
 */
export function comingsAndGoings(before, after, self) {
  /** @type {string[]} */
  const sentences = [];
  for (const [id, { name }] of after) if (!before.has(id) && id !== self) sentences.push(`${name || NAMELESS} joined.`);
  for (const [id, { name }] of before) if (!after.has(id) && id !== self) sentences.push(`${name || NAMELESS} left.`);
  return sentences;
}
