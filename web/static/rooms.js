// What can be asked before the socket: how a room is, and whether the server is there at all.

import { RequestError } from './socket.js';
import { isRefusal, isRoomInfo } from './protocol.js';

/** @typedef {import('./protocol.js').RoomInfo} RoomInfo */

/** The server's root, wherever a proxy has put it: these modules are in static/ below it. @param {string} moduleURL */
export const rootOf = (moduleURL) => new URL('..', moduleURL);

/** @param {URL} root @param {string} room */
export const roomPage = (root, room) => new URL(`r/${room}`, root);

/**
 * Where the room's socket is: on this server, unless it says where else.
 * @param {URL} root @param {string} room @param {string} [elsewhere] as the room's information tells
 */
export function signalURL(root, room, elsewhere) {
  const there = elsewhere !== undefined && URL.canParse(elsewhere) ? new URL(elsewhere) : null;
  if (there?.protocol === 'wss:' || there?.protocol === 'ws:') return there;
  const url = new URL(`v1/rooms/${encodeURIComponent(room)}/signal`, root);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url;
}

/**
 * Asks the server for a room. Fails with a RequestError: a code of the protocol, or `server_unreachable`.
 * @param {URL} root @param {string} room @param {{ token?: string, fetch?: typeof fetch, within?: number }} [options]
 * @returns {Promise<RoomInfo>}
 */
export async function fetchRoom(root, room, { token, fetch: ask = fetch, within = 5000 } = {}) {
  const url = new URL(`v1/rooms/${encodeURIComponent(room)}`, root);
  let body;
  try {
    const answer = await ask(url, {
      headers: token ? { Authorization: `Bearer ${token}` } : {}, cache: 'no-store', signal: AbortSignal.timeout(within),
    });
    body = await answer.json();
  } catch {
    // No connection, too late, or something between us and the server answered with a page of its own.
    throw new RequestError('server_unreachable', 'the server does not answer');
  }
  if (isRoomInfo(body)) return body;
  if (isRefusal(body)) throw new RequestError(body.code, body.message, body.retryAfter);
  throw new RequestError('server_unreachable', 'the server answers with something else');
}
