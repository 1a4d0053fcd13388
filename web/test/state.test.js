import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import { parseMessage } from '../static/protocol.js';
import { emptyRoom, layerOf, reduce, seatOf, trackBySource } from '../static/state.js';

/** @param {string} name @returns {any} */
const golden = (name) => parseMessage(readFileSync(new URL(`../../pkg/signaling/testdata/server-${name}.json`, import.meta.url), 'utf8'));

/** @param {any[]} messages @param {import('../static/state.js').RoomState} [state] */
const after = (messages, state = emptyRoom()) => messages.reduce((s, message) => reduce(s, message, 1000), state);

const GRACE = 'p_9tYw4Lz1Hc7n';
const CAMERA = 't_c5Ek7Wi2Sp0a';

test('the snapshot', () => {
  const room = after([golden('joined')]);
  assert.deepEqual([...room.people.values()].map(({ name }) => name), ['Ada Lovelace', 'Grace Hopper']);
  assert.equal(trackBySource(room, GRACE, 'camera')?.id, CAMERA);
  assert.equal(seatOf(room, CAMERA), 'main/3');
  assert.equal(room.messages[0].body, 'I am early.');
  assert.deepEqual(room.permissions.publish, ['microphone', 'camera', 'screen', 'screen_audio']);
});

test('a snapshot replaces what it does not name', () => {
  const room = after([golden('joined'), { ...golden('joined.resumed'), bound: [], unavailable: [] }]);
  assert.equal(room.people.size, 1);
  assert.equal(room.tracks.size, 0);
  assert.equal(room.bound.size, 0);
  assert.equal(room.messages.length, 1);
});

test('people and tracks come, change and go', () => {
  let room = after([golden('joined'), golden('participant'), golden('track')]);
  assert.equal(room.people.get(GRACE)?.connected, false);
  assert.equal(room.tracks.get(CAMERA)?.muted, true);
  assert.deepEqual([...room.people.keys()][1], GRACE);
  room = after([golden('untrack')], room);
  assert.equal(room.tracks.has(CAMERA), false);
  assert.equal(seatOf(room, CAMERA), undefined);
  room = after([golden('gone')], room);
  assert.deepEqual([...room.people.keys()], ['p_5dGm2Qx8Rk0v']);
  assert.equal(room.tracks.size, 0);
  assert.equal(room.bound.size, 0);
});

test('places are bound and freed, and what is unavailable is replaced', () => {
  let room = after([golden('joined'), golden('slots')]);
  assert.deepEqual([...room.bound], [['main/2', 't_m8Hd3Uy6Fo1b']]);
  assert.deepEqual([...room.unavailable.keys()], [CAMERA, 't_s4Xr6Tg0Ly2h']);
  room = after([golden('slots.seated')], room);
  assert.equal(seatOf(room, CAMERA), 'main/3');
  assert.equal(room.unavailable.size, 0);
  const same = reduce(room, { type: 'slots', bound: [] }, 0);
  assert.deepEqual(same.unavailable, room.unavailable);
});

test('a layer counts for the place that it speaks of', () => {
  let room = after([golden('joined'), golden('layers')]);
  assert.equal(layerOf(room, CAMERA)?.rid, 'h');
  room = after([{ type: 'slots', bound: [{ pc: 'main', mid: '3', track: null }, { pc: 'main', mid: '7', track: CAMERA }] }], room);
  assert.equal(layerOf(room, CAMERA), undefined);
  room = after([{ type: 'layers', layers: [{ pc: 'main', mid: '7', track: CAMERA, sending: false, reason: 'keyframe' }] }], room);
  assert.equal(layerOf(room, CAMERA)?.reason, 'keyframe');
});

test('layers of what sits still survive a resume, not a rejoin', () => {
  const room = after([golden('joined'), golden('layers')]);
  assert.equal(layerOf(after([{ ...golden('joined'), resumed: true }], room), CAMERA)?.rid, 'h');
  assert.equal(layerOf(after([golden('joined')], room), CAMERA), undefined);
});

test('messages are in order, once each, and not without end', () => {
  let room = after([golden('joined'), golden('message'), golden('message'), golden('message.private')]);
  assert.deepEqual(room.messages.map((/** @type {any} */ m) => m.id), [1, 2, 3]);
  assert.equal(room.messages[2].to, GRACE);
  // A room that began anew counts from 1 again.
  room = after([{ type: 'message', id: 1, from: 'x', name: 'x', body: 'new', at: 1790000099999 }], room);
  assert.equal(room.messages.at(-1)?.body, 'new');
  assert.equal(room.messages.length, 4);
  room = after(Array.from({ length: 700 }, (_, i) => ({ type: 'message', id: 10 + i, from: 'x', name: 'x', body: `${i}`, at: 1800000000000 + i })), room);
  assert.equal(room.messages.length, 500);
  assert.equal(room.messages.at(-1)?.body, '699');
});

test('the reducer changes nothing in place', () => {
  const room = after([golden('joined')]);
  const copy = structuredClone(room);
  after([golden('gone'), golden('slots'), golden('layers'), golden('message'), golden('drain')], room);
  assert.deepEqual(room, copy);
  assert.equal(reduce(room, /** @type {any} */ ({ type: 'ok' }), 0), room);
});

test('keys that come from others are only keys', () => {
  const room = after([
    golden('joined'),
    { type: 'participant', id: '__proto__', name: 'x', connected: true },
    { type: 'track', id: 'constructor', participant: '__proto__', kind: 'video', source: 'camera', muted: false, codec: 'VP8' },
  ]);
  assert.equal(trackBySource(room, '__proto__', 'camera')?.id, 'constructor');
  assert.equal(/** @type {any} */ ({}).name, undefined);
});

test('a drain is kept by our own clock, and may be taken back', () => {
  assert.equal(after([golden('drain')]).drainAt, 31_000);
  assert.equal(after([golden('drain'), golden('undrain')]).drainAt, null);
});
