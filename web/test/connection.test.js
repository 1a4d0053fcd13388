import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';

import { Connection } from '../static/connection.js';
import { FakePeerConnection, fakeTrack } from './support/peer.js';
import { settle } from './support/clock.js';

const CAMERA = { codec: 'VP8', encodings: [{ rid: 'q', scaleResolutionDownBy: 4, scalabilityMode: 'L1T3' }, { rid: 'f', scaleResolutionDownBy: 1 }] };
const AUDIO = { codec: undefined, encodings: [{ maxBitrate: 40000 }] };
const CODECS = {
  audio: [{ mimeType: 'audio/opus', clockRate: 48000 }, { mimeType: 'audio/PCMU', clockRate: 8000 }],
  video: [{ mimeType: 'video/VP8', clockRate: 90000 }, { mimeType: 'video/red', clockRate: 90000 }, { mimeType: 'video/AV1', clockRate: 90000 }, { mimeType: 'video/rtx', clockRate: 90000 }],
};

beforeEach(() => {
  FakePeerConnection.all = [];
  FakePeerConnection.refuses = null;
  const api = { getCapabilities: (/** @type {'audio' | 'video'} */ kind) => ({ codecs: CODECS[kind] }) };
  Object.assign(globalThis, { RTCRtpSender: api, RTCRtpReceiver: api });
});
afterEach(() => {
  Object.assign(globalThis, { RTCRtpSender: undefined, RTCRtpReceiver: undefined });
});

function make() {
  const connection = new Connection('main', { iceServers: [] }, /** @type {any} */ (FakePeerConnection));
  const pc = FakePeerConnection.all[0];
  /** @type {any[]} */
  const orders = [];
  /** @type {string[]} */
  const places = [];
  /** @type {string[]} */
  const links = [];
  connection.addEventListener('order', (event) => orders.push(/** @type {any} */ (event).detail));
  connection.addEventListener('place', (event) => places.push(/** @type {any} */ (event).detail.mid));
  connection.addEventListener('link', (event) => links.push(/** @type {any} */ (event).detail));
  return { connection, pc, orders, places, links };
}

/** @param {number} n @param {object} [more] */
const answer = (n, more = {}) => ({ pc: 'main', n, sdp: 'v=0', ...more });

test('the first offer carries what is sent and the first slots', async () => {
  const { connection, pc, orders, places } = make();
  connection.carry('microphone', AUDIO, fakeTrack('audio'), () => true);
  connection.carry('camera', CAMERA, fakeTrack('video'), () => false);
  const offer = await connection.first(2);
  assert.equal(pc.config.bundlePolicy, 'max-bundle');
  assert.deepEqual(offer, { pc: 'main', n: 1, sdp: 'v=0 1', tracks: { 0: { source: 'microphone', muted: true }, 1: { source: 'camera', muted: false } } });
  assert.deepEqual(pc.transceivers.map(({ direction, receiver }) => `${direction} ${receiver.track.kind}`),
    ['sendonly audio', 'sendonly video', 'recvonly audio', 'recvonly video', 'recvonly audio', 'recvonly video']);
  assert.equal(connection.slots, 2);
  assert.deepEqual(places, []);
  assert.equal(await connection.accept(answer(1)), true);
  assert.deepEqual(places, ['2', '3', '4', '5']);
  assert.deepEqual(orders, []);
});

test('codec lists are trimmed', async () => {
  const { connection, pc } = make();
  connection.carry('camera', CAMERA, fakeTrack('video'), () => false);
  await connection.first(1);
  assert.deepEqual(pc.transceivers.map(({ codecs }) => codecs?.map((c) => c.mimeType.split('/')[1]).join(' ')), ['VP8 rtx', 'opus', 'VP8 AV1 rtx']);
});

test('a later source and later slots share the next offer, which names only what is new', async () => {
  const { connection, orders, places } = make();
  connection.carry('microphone', AUDIO, fakeTrack('audio'), () => false);
  await connection.first(1);
  connection.grow(4);
  connection.carry('screen', CAMERA, fakeTrack('video'), () => false);
  assert.deepEqual(orders, []);
  await connection.accept(answer(1));
  assert.deepEqual(orders, [{ n: 2, restart: false, slots: 4 }]);
  const offer = await connection.offer(orders[0]);
  assert.deepEqual(Object.values(offer.tracks ?? {}), [{ source: 'screen', muted: false }]);
  await connection.accept(answer(2));
  assert.equal(places.length, 10);
  assert.equal(connection.slots, 5);
});

test('slots end where a client may have no more', async () => {
  const { connection, orders } = make();
  await connection.first(4);
  await connection.accept(answer(1));
  connection.grow(8, 6);
  assert.equal(orders[0].slots, 2);
  await connection.offer(orders[0]);
  await connection.accept(answer(2));
  connection.grow(8, 6);
  assert.equal(orders.length, 1);
});

test('a stale answer is not applied', async () => {
  const { connection, pc } = make();
  await connection.first(1);
  assert.equal(await connection.accept(answer(9)), false);
  assert.equal(pc.signalingState, 'have-local-offer');
  await connection.accept(answer(1));
  assert.equal(await connection.accept(answer(1)), false);
});

test('a parked line is used again by what has its form', async () => {
  const { connection, pc, orders } = make();
  await connection.first(0);
  await connection.accept(answer(1));
  const track = fakeTrack('video');
  const line = connection.carry('screen', CAMERA, track, () => false);
  await connection.offer(orders[0]);
  await connection.accept(answer(2));
  connection.park(line);
  await settle();
  assert.equal(pc.transceivers[0].sender.track, null);
  const again = connection.carry('screen', CAMERA, track, () => false);
  assert.equal(again, line);
  assert.equal(orders.length, 1);
  const other = connection.carry('camera', { ...CAMERA, codec: 'VP9' }, track, () => false);
  assert.notEqual(other, line);
  assert.equal(orders.length, 2);
  assert.ok(connection.fits(line, 'camera', CAMERA) && !connection.fits(line, 'camera', { ...CAMERA, codec: 'VP9' }));
});

test('a browser that refuses scalability modes still sends', async () => {
  FakePeerConnection.refuses = 'L1T3';
  const { connection, pc } = make();
  connection.carry('camera', CAMERA, fakeTrack('video'), () => false);
  assert.deepEqual(pc.transceivers[0].sendEncodings, [{ rid: 'q', scaleResolutionDownBy: 4 }, { rid: 'f', scaleResolutionDownBy: 1 }]);
});

test('an interrupted offer is sent again as it was, and answered once', async () => {
  const { connection, orders, pc } = make();
  await connection.first(1);
  await connection.accept(answer(1));
  assert.equal(connection.resume(), null);
  connection.grow(2);
  const offer = await connection.offer(orders[0]);
  connection.interrupt();
  connection.restart();
  assert.equal(connection.resume(), offer);
  assert.equal(orders.length, 1);
  assert.equal(await connection.accept(answer(1)), false);
  assert.equal(await connection.accept(answer(2)), true);
  assert.equal(await connection.accept(answer(2)), false);
  assert.equal(pc.transceivers.length, 6);
  assert.deepEqual(orders[1], { n: 3, restart: true, slots: 0 });
});

test('an answer that cannot be applied is said, and nothing is rolled back', async () => {
  const { connection, orders, pc } = make();
  await connection.first(1);
  await assert.rejects(connection.accept(answer(1, { sdp: 'unusable' })));
  connection.restart();
  assert.equal(pc.signalingState, 'have-local-offer');
  assert.deepEqual(orders, []);
});

test('a refused offer is rolled back and its m-lines go', async () => {
  const { connection, orders, pc } = make();
  const mic = connection.carry('microphone', AUDIO, fakeTrack('audio'), () => false);
  await connection.first(1);
  await connection.accept(answer(1));
  connection.carry('screen', CAMERA, fakeTrack('video'), () => false);
  await connection.offer(orders[0]);
  await connection.refuse(2);
  assert.equal(pc.signalingState, 'stable');
  assert.equal(pc.getTransceivers().length, 3);
  assert.equal(connection.lineOf('0'), mic);
  connection.restart();
  const offer = await connection.offer(orders[1]);
  assert.equal(offer.tracks, undefined);
  assert.equal(pc.restarts, 1);
});

test('an m-line that the server turned down is not used again', async () => {
  const { connection } = make();
  connection.carry('camera', CAMERA, fakeTrack('video'), () => false);
  await connection.first(0);
  await connection.accept(answer(1, { rejected: { 0: { code: 'not_allowed', message: '' } } }));
  assert.equal(connection.lineOf('0'), undefined);
});

test('a restart takes fresh credentials along', async () => {
  const { connection, orders, pc } = make();
  await connection.first(0);
  await connection.accept(answer(1));
  connection.restart([{ urls: 'turn:x', username: 'u', credential: 'c' }]);
  await connection.offer(orders[0]);
  assert.equal(pc.config.iceServers[0].urls, 'turn:x');
  assert.equal(pc.config.bundlePolicy, 'max-bundle');
  assert.equal(pc.restarts, 1);
});

test('how far the connection is', () => {
  const { connection, pc, links } = make();
  pc.become('checking', 'connecting');
  pc.become('connected', 'connecting');
  pc.become('connected', 'connected');
  pc.become('connected', 'connected');
  pc.become('disconnected', 'disconnected');
  pc.become('failed', 'failed');
  assert.deepEqual(links, ['dtls', 'connected', 'disconnected', 'failed']);
  connection.close();
  assert.equal(pc.closed, true);
});
