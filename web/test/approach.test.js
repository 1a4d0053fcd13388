// How a session gets to its room: where the socket is, why it was refused, and whether media that should come does.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Approach } from '../static/approach.js';
import { Entrance } from '../static/entrance.js';
import { Silence, isSent, packetsIn } from '../static/liveness.js';
import { signalURL } from '../static/rooms.js';
import { RequestError } from '../static/socket.js';
import { emptyRoom } from '../static/state.js';
import { FakeClock, settle } from './support/clock.js';
import { FakeSocket } from './support/socket.js';

const ROOT = new URL('https://lb.example/calls/');
const HERE = 'wss://lb.example/calls/v1/rooms/kitchen/signal';
const THERE = 'wss://n2.example/v1/rooms/kitchen/signal';

/** @param {(() => any)[]} answers of the server, one after the other @param {{ seated?: boolean }} [how] */
function make(answers, { seated = false } = {}) {
  const socket = new FakeSocket();
  /** @type {string[]} */
  const refused = [];
  let asked = 0;
  const ask = async () => {
    asked++;
    return (answers.length > 1 ? answers.shift() : answers[0])?.();
  };
  const entrance = new Entrance({ clock: new FakeClock(), ask, open: async () => ({ pc: 'main', n: 1, sdp: 'v=0' }) });
  const approach = new Approach(/** @type {any} */ ({ socket, entrance, root: ROOT, room: 'kitchen', seated: () => seated, refused: (/** @type {any} */ { code }) => refused.push(code) }));
  return { approach, socket, entrance, refused, asked: () => asked };
}

const here = () => ({ room: 'kitchen' });
const there = () => ({ room: 'kitchen', signal: THERE });
/** @param {string} code */
const refuse = (code) => () => {
  throw new RequestError(code, 'no', 2000);
};

test('where the socket of a room is', () => {
  assert.equal(signalURL(ROOT, 'kitchen').href, HERE);
  assert.equal(signalURL(ROOT, 'kitchen', THERE).href, THERE);
  for (const odd of ['', 'n2.example', 'https://n2.example/', 'javascript:alert(1)']) assert.equal(signalURL(ROOT, 'kitchen', odd).href, HERE, odd);
});

test('the socket goes where the server says that the room is, and back', async () => {
  const { approach, socket, asked } = make([here, there, here]);
  approach.connect({});
  await settle();
  assert.deepEqual([socket.aims, asked()], [[HERE], 1]);
  await approach.ask();
  await approach.ask();
  assert.deepEqual(socket.aims, [HERE, THERE, HERE]);
});

test('who joins again asks at once and does not wait for the word', async () => {
  const { approach, socket, entrance, asked } = make([here, there]);
  approach.connect({});
  await settle();
  entrance.done();
  approach.connect({ after: 0, fresh: true });
  assert.deepEqual([socket.attempts, socket.settledCount], [[0, 0], 1]);
  await settle();
  assert.deepEqual([socket.aims.at(-1), asked()], [THERE, 2]);
});

test('a refusal that a browser hides is heard, once', async () => {
  const { approach, refused, asked } = make([refuse('room_unavailable')]);
  approach.connect({});
  approach.ask();
  await settle();
  assert.deepEqual([refused, asked()], [['room_unavailable'], 1]);
  await approach.ask();
  assert.deepEqual([refused, asked()], [['room_unavailable', 'room_unavailable'], 2]);
});

test('a server that is not there says nothing, and an open socket is not refused', async () => {
  const { approach, refused } = make([refuse('server_unreachable')]);
  await approach.ask();
  assert.deepEqual(refused, []);
  const other = make([refuse('overloaded')]);
  other.socket.isOpen = true;
  await other.approach.ask();
  assert.deepEqual(other.refused, []);
});

test('a session that may be resumed is not ended by what a join would need', async () => {
  for (const [code, heard] of /** @type {[string, string[]][]} */ ([['token_expired', []], ['room_unavailable', ['room_unavailable']]])) {
    const { approach, refused } = make([refuse(code)], { seated: true });
    await approach.ask();
    assert.deepEqual(refused, heard);
  }
});

test('two who ask at a time get one answer, also a refusal', async () => {
  const { entrance, asked } = make([refuse('overloaded'), here]);
  const both = await Promise.allSettled([entrance.refresh(), entrance.refresh()]);
  assert.deepEqual([both.map(({ status }) => status), asked()], [['rejected', 'rejected'], 1]);
  await entrance.refresh();
  assert.equal(entrance.info?.room, 'kitchen');
});

test('silence is when nothing came since one asked before', () => {
  const silence = new Silence();
  /** @type {[number | null, number, boolean][]} */
  const asked = [[10, 0, false], [10, 1000, true], [12, 2000, false], [12, 3000, true], [null, 4000, false], [12, 5000, false], [12, 20_000, false], [12, 21_000, true]];
  assert.deepEqual(asked.map(([packets, now]) => silence.since(packets, now)), asked.map(([, , silent]) => silent));
});

test('what should arrive, and what has', () => {
  const room = {
    ...emptyRoom(), bound: new Map([['main/1', 'v'], ['main/3', 'w']]),
    layers: new Map([['v', { pc: 'main', mid: '1', track: 'v', sending: true }], ['w', { pc: 'main', mid: '3', track: 'w', sending: false }]]),
  };
  /** @param {string} id @param {string} kind @param {boolean} [muted] */
  const sent = (id, kind, muted = false) => isSent(room, /** @type {any} */ ({ id, kind, muted }));
  assert.deepEqual([sent('a', 'audio'), sent('a', 'audio', true), sent('v', 'video'), sent('w', 'video'), sent('x', 'video')], [true, false, true, false, false]);
  assert.equal(packetsIn([{ type: 'inbound-rtp', packetsReceived: 3 }, { type: 'outbound-rtp', packetsSent: 9 }, { type: 'inbound-rtp' }, { type: 'inbound-rtp', packetsReceived: 4 }]), 7);
});
