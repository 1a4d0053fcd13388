// The smaller pure modules.
import assert from 'node:assert/strict';
import test from 'node:test';

import { choosePublishCodec, isForwarded, preferences } from '../static/codecs.js';
import { audioPlan, cameraPlan, canSimulcast, screenPlan, withoutScalability } from '../static/encodings.js';
import { undelivered } from '../static/outbox.js';
import { fetchRoom, roomPage, rootOf, signalURL } from '../static/rooms.js';
import { Slots } from '../static/slots.js';
import { ViewTeller, changedViews, viewsOf } from '../static/views.js';
import { FakeClock } from './support/clock.js';

const CHROMIUM = [
  { mimeType: 'video/VP8', clockRate: 90000, scalabilityModes: ['L1T1', 'L1T2', 'L1T3'] },
  { mimeType: 'video/rtx', clockRate: 90000 },
  { mimeType: 'video/H264', clockRate: 90000, sdpFmtpLine: 'level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f' },
  { mimeType: 'video/H264', clockRate: 90000, sdpFmtpLine: 'level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f' },
  { mimeType: 'video/H264', clockRate: 90000, sdpFmtpLine: 'level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f', scalabilityModes: ['L1T1', 'L1T2', 'L1T3'] },
  { mimeType: 'video/AV1', clockRate: 90000, sdpFmtpLine: 'level-idx=5;profile=0;tier=0', scalabilityModes: ['L1T1', 'L1T2', 'L1T3', 'L3T3'] },
  { mimeType: 'video/VP9', clockRate: 90000, sdpFmtpLine: 'profile-id=2' },
  { mimeType: 'video/VP9', clockRate: 90000, sdpFmtpLine: 'profile-id=0', scalabilityModes: ['L1T1', 'L1T2', 'L1T3'] },
  { mimeType: 'video/red', clockRate: 90000 },
  { mimeType: 'video/ulpfec', clockRate: 90000 },
];
const FIREFOX = [
  { mimeType: 'video/VP8', clockRate: 90000, sdpFmtpLine: 'max-fs=12288;max-fr=60' },
  { mimeType: 'video/VP9', clockRate: 90000, sdpFmtpLine: 'max-fs=12288;max-fr=60' },
  { mimeType: 'video/rtx', clockRate: 90000 },
];

test('only what the server forwards is preferred', () => {
  const chosen = preferences(CHROMIUM, ['VP8', 'VP9', 'H264', 'AV1']);
  assert.deepEqual(chosen.map(({ mimeType }) => mimeType), ['video/VP8', 'video/VP9', 'video/H264', 'video/AV1', 'video/rtx']);
  assert.match(chosen[1].sdpFmtpLine ?? '', /profile-id=0/);
  assert.match(chosen[2].sdpFmtpLine ?? '', /mode=1;profile-level-id=42e0/);
  assert.deepEqual(preferences(FIREFOX, ['H264']), []);
  assert.ok(!isForwarded({ mimeType: 'audio/PCMU', clockRate: 8000 }));
});

test('the codec to publish with', () => {
  const server = ['VP8', 'VP9', 'H264', 'AV1'];
  assert.equal(choosePublishCodec({ capabilities: CHROMIUM, server }), 'VP8');
  assert.equal(choosePublishCodec({ capabilities: CHROMIUM, server, wanted: 'vp9' }), 'VP9');
  assert.equal(choosePublishCodec({ capabilities: FIREFOX, server: ['H264', 'VP9', 'VP8'] }), 'VP9');
  assert.equal(choosePublishCodec({ capabilities: FIREFOX, server, wanted: 'h264' }), 'VP8');
  assert.equal(choosePublishCodec({ capabilities: [], server }), undefined);
});

test('as many encodings as the capture is worth', () => {
  /** @param {number} height @param {string} codec @param {any[]} capabilities */
  const rids = (height, codec, capabilities) => cameraPlan({ height, codec, capabilities }).encodings
    .map(({ rid = '-', scaleResolutionDownBy, maxBitrate }) => `${rid}/${scaleResolutionDownBy}/${maxBitrate}`).join(' ');
  assert.equal(rids(1080, 'VP8', CHROMIUM), 'q/4/150000 h/2/500000 f/1/1700000');
  assert.equal(rids(720, 'VP8', FIREFOX), 'q/4/150000 h/2/500000 f/1/1700000');
  assert.equal(rids(480, 'VP8', CHROMIUM), 'h/2/150000 f/1/500000');
  assert.equal(rids(240, 'VP8', CHROMIUM), '-/1/200000');
  assert.equal(rids(720, 'VP9', CHROMIUM), 'q/4/150000 h/2/500000 f/1/1700000');
  assert.equal(rids(720, 'VP9', FIREFOX), '-/1/1700000');
  assert.ok(canSimulcast('AV1', CHROMIUM) && !canSimulcast('AV1', FIREFOX));
});

test('temporal layers where the browser has them', () => {
  assert.deepEqual(cameraPlan({ height: 720, codec: 'VP8', capabilities: CHROMIUM }).encodings.map((e) => e.scalabilityMode), ['L1T3', 'L1T3', 'L1T3']);
  const plain = cameraPlan({ height: 720, codec: 'VP8', capabilities: FIREFOX });
  assert.ok(plain.encodings.every((e) => !('scalabilityMode' in e)));
  const two = cameraPlan({ height: 720, codec: 'VP8', capabilities: [{ mimeType: 'video/VP8', clockRate: 90000, scalabilityModes: ['L1T2'] }] });
  assert.equal(two.encodings[0].scalabilityMode, 'L1T2');
  assert.ok(withoutScalability(two).encodings.every((e) => !('scalabilityMode' in e) && e.rid));
});

test('a screen is sent once or twice, sound as it is worth', () => {
  assert.deepEqual(screenPlan({ height: 1080, codec: 'VP8', capabilities: CHROMIUM }).encodings.map(({ rid, maxFramerate }) => [rid, maxFramerate]), [['h', 15], ['f', 15]]);
  assert.equal(screenPlan({ height: 1080, codec: 'VP9', capabilities: FIREFOX }).encodings.length, 1);
  assert.ok(Number(audioPlan('screen_audio').encodings[0].maxBitrate) > Number(audioPlan('microphone').encodings[0].maxBitrate));
});

test('who sits where, and since when', () => {
  const slots = new Slots();
  /** @param {string} mid */
  const place = (mid) => slots.add({ pc: 'main', mid, receiver: /** @type {any} */ ({ track: `media ${mid}` }) });
  slots.bind(new Map([['main/3', 'T']]), 10);
  assert.equal(slots.of('T'), undefined);
  place('3');
  assert.equal(/** @type {any} */ (slots.of('T')?.media), 'media 3');
  assert.equal(slots.of('T')?.since, 10);
  slots.bind(new Map([['main/3', 'T'], ['main/5', 'U']]), 20);
  assert.equal(slots.of('T')?.since, 10);
  place('5');
  slots.bind(new Map([['main/5', 'T']]), 30);
  assert.deepEqual([slots.of('T')?.mid, slots.of('T')?.since, slots.of('U')], ['5', 30, undefined]);
  slots.bind(new Map(), 40);
  slots.bind(new Map([['main/5', 'T']]), 50);
  assert.equal(slots.of('T')?.since, 50);
  slots.drop('main');
  assert.equal(slots.of('T'), undefined);
});

test('views in device pixels, the larger of two, nothing for a hidden page', () => {
  const page = { hidden: false, pixelRatio: 2 };
  const views = viewsOf([{ track: 'a', width: 100, height: 50, priority: 3 }, { track: 'b', width: 0, height: 0 },
    { track: 'a', width: 300, height: 200, priority: 10 }, { track: 'a', width: 10, height: 10 }], page);
  assert.deepEqual(views.get('a'), { track: 'a', width: 608, height: 400, priority: 10 });
  assert.deepEqual(views.get('b'), { track: 'b', width: 0, height: 0, priority: 1 });
  assert.deepEqual(viewsOf([{ track: 'a', width: 100, height: 50, fps: 15 }], { ...page, hidden: true }).get('a'), { track: 'a', width: 0, height: 0, priority: 1 });
  assert.equal(viewsOf([{ track: 'a', width: 9999, height: 9999 }], page).get('a')?.width, 4096);
});

test('only what changed is told, a little later', async () => {
  const clock = new FakeClock();
  /** @type {string[][]} */
  const told = [];
  let works = true;
  const teller = new ViewTeller(clock, (views) => {
    if (works) told.push(views.map(({ track }) => track));
    return works;
  });
  /** @param {string} track @param {number} width */
  const view = (track, width) => /** @type {[string, any]} */ ([track, { track, width, height: width }]);
  teller.show(new Map([view('a', 16)]));
  teller.show(new Map([view('a', 32), view('b', 16)]));
  await clock.advance(199);
  assert.deepEqual(told, []);
  await clock.advance(1);
  assert.deepEqual(told, [['a', 'b']]);
  teller.show(new Map([view('a', 32), view('b', 48)]));
  await clock.advance(200);
  assert.deepEqual(told.at(-1), ['b']);
  works = false;
  teller.show(new Map([view('a', 64), view('b', 48)]));
  await clock.advance(200);
  works = true;
  teller.anew();
  assert.deepEqual(told.at(-1), ['a', 'b']);
  assert.deepEqual(changedViews(new Map(), new Map()), []);
});

test('chat that was on its way when the socket was lost', () => {
  /** @param {number} id @param {string} from @param {string} body */
  const message = (id, from, body) => ({ id, from, name: from, body, at: id * 1000 });
  /** @param {number} key @param {string} body */
  const pending = (key, body) => ({ key, body, at: 0 });
  const before = [message(1, 'me', 'hi')];
  const after = [message(1, 'me', 'hi'), message(2, 'me', 'hi'), message(3, 'you', 'there')];
  const left = undelivered([pending(1, 'hi'), pending(2, 'hi'), pending(3, 'there')], before, after, new Set(['me']));
  assert.deepEqual(left.map(({ key }) => key), [2, 3]);
});

test('addresses come from where the modules are', () => {
  const root = rootOf('https://x.example/meet/static/rooms.js');
  assert.equal(String(roomPage(root, 'kitchen')), 'https://x.example/meet/r/kitchen');
  assert.equal(String(signalURL(root, 'kitchen')), 'wss://x.example/meet/v1/rooms/kitchen/signal');
  assert.equal(String(signalURL(rootOf('http://localhost:8080/static/rooms.js'), 'a')), 'ws://localhost:8080/v1/rooms/a/signal');
});

test('asking for a room', async () => {
  const root = new URL('http://x/');
  /** @type {any[]} */
  const asked = [];
  /** @param {any} body */
  const answering = (body) => /** @type {typeof fetch} */ (async (url, options) => {
    asked.push([String(url), options?.headers]);
    if (body instanceof Error) throw body;
    return /** @type {any} */ ({ json: async () => body });
  });
  const info = { room: 'k', protocol: 'sfu.v1', auth: 'open', iceServers: [], codecs: { audio: [], video: [] }, limits: {} };
  assert.equal((await fetchRoom(root, 'k', { fetch: answering(info), token: 't' })).room, 'k');
  assert.deepEqual(asked[0], ['http://x/v1/rooms/k', { Authorization: 'Bearer t' }]);
  await assert.rejects(fetchRoom(root, 'k', { fetch: answering({ code: 'room_full', message: 'full', retryAfter: 9 }) }), { code: 'room_full', retryAfter: 9 });
  await assert.rejects(fetchRoom(root, 'k', { fetch: answering(new TypeError('down')) }), { code: 'server_unreachable' });
  await assert.rejects(fetchRoom(root, 'k', { fetch: answering('<html>') }), { code: 'server_unreachable' });
});
