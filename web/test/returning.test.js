// Who is who when everyone comes back under another id.

import assert from 'node:assert/strict';
import test from 'node:test';

import { KEPT, keyOf, participantOf, passed, presence } from '../static/returning.js';
import { emptyRoom, reduce } from '../static/state.js';
import { comingsAndGoings, tilesOf } from '../static/tiles.js';

/** @typedef {import('../static/state.js').RoomState} RoomState */

/** @param {string} id @param {string} name @param {string[]} [sources] */
const person = (id, name, sources = []) => ({
  id, name, connected: true, tracks: sources.map((source) => ({ id: `${id}-${source}`, participant: id, kind: 'video', source, muted: false, codec: 'VP8' })),
});
/** @param {string} self @param {ReturnType<typeof person>[]} others @param {object} [more] @returns {any} */
const joined = (self, others, more = {}) => ({
  type: 'joined', session: 's', self, room: 'r', resumed: false, permissions: {}, participants: [person(self, 'Ada'), ...others], messages: [], ...more,
});
/** @param {[number, any][]} script @param {RoomState} [room] */
const after = (script, room = emptyRoom()) => script.reduce((state, [now, message]) => reduce(state, message, now), room);
/** @param {RoomState} room */
const keys = (room) => tilesOf(room).map(({ key, name }) => `${name} ${key}`);

const BEFORE = after([[0, joined('a1', [person('g1', 'Grace', ['camera']), person('l1', 'Alan', ['camera', 'screen'])])]]);

test('who was never in another room stands under the own id', () => {
  assert.deepEqual(keys(BEFORE), ['Ada a1', 'Grace g1', 'Alan l1-screen', 'Alan l1']);
  assert.equal(BEFORE.returning.size, 0);
});

test('those who are back already take their places, the others are missed for a while', () => {
  const room = after([[1000, joined('a2', [person('g2', 'Grace')])]], BEFORE);
  assert.deepEqual(keys(room), ['Ada a1', 'Grace g1', 'Alan l1-screen', 'Alan l1']);
  assert.deepEqual([...presence(room).keys()].sort(), ['a1', 'g1', 'l1']);
  assert.deepEqual([participantOf(room, 'g1'), participantOf(room, 'l1'), participantOf(room, 'x')], ['g2', 'l1', 'x']);
  assert.deepEqual(tilesOf(room).map(({ self, connected, returning, silent }) => [self, connected, returning, silent]),
    [[true, true, false, true], [false, true, true, false], [false, false, true, false], [false, false, true, false]]);
  const later = after([[2000, { type: 'participant', ...person('l2', 'Alan') }], [2500, { type: 'track', ...person('l2', '', ['screen']).tracks[0] }]], room);
  assert.deepEqual(keys(later), ['Ada a1', 'Grace g1', 'Alan l1-screen', 'Alan l1']);
  assert.equal(keyOf(later, 'l2-screen'), 'l1-screen');
  assert.equal(passed(later, 1000 + KEPT - 1), later);
  const whole = passed(later, 1000 + KEPT);
  assert.equal(whole.returning.size, 0);
  assert.deepEqual(keys(whole), ['Ada a1', 'Grace g1', 'Alan l1-screen', 'Alan l1']);
});

test('nothing is said of those who are back in time, and one word of those who are not', () => {
  const steps = [BEFORE];
  const then = (/** @type {RoomState} */ room) => steps.push(room);
  then(after([[1000, joined('a2', [])]], BEFORE));
  then(after([[3000, { type: 'participant', ...person('g2', 'Grace') }]], steps[1]));
  assert.deepEqual(steps.slice(1).flatMap((room, i) => comingsAndGoings(presence(steps[i]), presence(room), 'a1')), []);
  const late = passed(steps[2], 1000 + KEPT);
  assert.deepEqual(comingsAndGoings(presence(steps[2]), presence(late), 'a1'), ['Alan left.']);
  const stranger = after([[7000, { type: 'participant', ...person('l2', 'Alan') }]], late);
  assert.deepEqual(comingsAndGoings(presence(late), presence(stranger), 'a1'), ['Alan joined.']);
  assert.equal(keyOf(stranger, 'l2'), 'l2');
});

test('who was moved before us is missed until we have followed', () => {
  const ahead = after([[1000, { type: 'gone', participant: 'g1', reason: 'moved' }], [1000, { type: 'gone', participant: 'l1', reason: 'left' }]], BEFORE);
  assert.deepEqual(keys(ahead), ['Ada a1', 'Grace g1']);
  assert.deepEqual(comingsAndGoings(presence(BEFORE), presence(ahead), 'a1'), ['Alan left.']);
  const waiting = passed(ahead, 1000 + 2 * KEPT);
  assert.equal(waiting, ahead);
  const there = after([[12_000, joined('a2', [person('g2', 'Grace')])]], waiting);
  assert.deepEqual(keys(there), ['Ada a1', 'Grace g1']);
  assert.equal(passed(there, 12_000 + KEPT).returning.size, 0);
});

test('people of one name come back in their order, each once', () => {
  const two = after([[0, joined('a1', [person('x1', ''), person('y1', '')])]]);
  const room = after([[100, joined('a2', [person('p2', '')])], [200, { type: 'participant', ...person('q2', '') }], [300, { type: 'participant', ...person('r2', '') }]], two);
  assert.deepEqual(['p2', 'q2', 'r2'].map((id) => keyOf(room, id)), ['x1', 'y1', 'r2']);
});

test('a rename is no return, and oneself is never taken for another', () => {
  const room = after([[100, joined('a2', [person('g2', 'Grace')])], [200, { type: 'participant', ...person('g2', 'Alan') }]], BEFORE);
  assert.equal(keyOf(room, 'g2'), 'g1');
  assert.equal(room.returning.get('l1')?.id, null);
  const same = after([[0, joined('a1', [person('b1', 'Ada')])], [100, joined('a2', [])]]);
  assert.deepEqual(keys(same), ['Ada a1', 'Ada b1']);
});

test('places are kept over a second move, and over a resume', () => {
  let room = after([[100, joined('a2', [person('g2', 'Grace', ['screen'])])]], BEFORE);
  room = after([[200, joined('a2', [person('g2', 'Grace', ['screen']), person('l2', 'Alan')], { resumed: true })]], room);
  assert.deepEqual([keyOf(room, 'g2'), keyOf(room, 'l2')], ['g1', 'l1']);
  room = after([[300, joined('a3', [person('l3', 'Alan', ['screen']), person('g3', 'Grace')])]], room);
  assert.deepEqual([keyOf(room, 'a3'), keyOf(room, 'g3'), keyOf(room, 'l3'), keyOf(room, 'l3-screen')], ['a1', 'g1', 'l1', 'l1-screen']);
  assert.deepEqual(keys(room), ['Ada a1', 'Alan l1-screen', 'Alan l1', 'Grace g2-screen', 'Grace g1']);
});

test('who is back and leaves is gone', () => {
  const room = after([[100, joined('a2', [person('g2', 'Grace')])], [200, { type: 'gone', participant: 'g2', reason: 'left' }]], BEFORE);
  assert.deepEqual([...presence(room).keys()].sort(), ['a1', 'l1']);
  assert.equal(room.keys.has('g2'), false);
});

test('nothing is changed in place', () => {
  const room = after([[100, joined('a2', [person('g2', 'Grace')])]], BEFORE);
  const copy = structuredClone(room);
  after([[200, { type: 'participant', ...person('l2', 'Alan') }], [300, { type: 'track', ...person('l2', '', ['screen']).tracks[0] }],
    [400, { type: 'gone', participant: 'g2', reason: 'moved' }], [500, joined('a3', [])]], room);
  passed(room, 1e9);
  assert.deepEqual(room, copy);
});
