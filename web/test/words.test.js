// What the page says, and why.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import { placeOf, readFragment } from '../static/address.js';
import { KNOWN_CODES, adviceFor, deviceFault } from '../static/faults.js';
import { captureSupport, missingFeatures } from '../static/features.js';
import { STALLED, follow, isBlankGreen, isOfNewSource, readReceived, whyNoPicture } from '../static/health.js';
import { colourOf, initials, linkify, randomRoomName } from '../static/names.js';
import { Preferences } from '../static/preferences.js';
import { isRoomName } from '../static/protocol.js';
import { listen, meterOf, rootMeanSquare, silence } from '../static/speaking.js';

test('there is a sentence for every code of the protocol', () => {
  const page = readFileSync(new URL('../../pkg/signaling/PROTOCOL.md', import.meta.url), 'utf8');
  const codes = [...page.slice(page.indexOf('## Codes')).matchAll(/^\| `([a-z_]+)` \|/gm)].map((match) => match[1]);
  assert.ok(codes.length > 30);
  for (const code of codes) {
    assert.ok(KNOWN_CODES.includes(code), code);
    const { sentence } = adviceFor({ code, message: '' });
    assert.match(sentence, /^[A-Z].*[.]$/u, code);
    assert.doesNotMatch(sentence, /SDP|JSON|SSRC|m-line/u, code);
  }
});

test('an unknown code shows what the server says', () => {
  assert.equal(adviceFor({ code: 'new_thing', message: 'The moon is full.' }).sentence, 'The moon is full.');
  assert.match(adviceFor({ code: 'new_thing' }).sentence, /new_thing/);
});

test('why a device could not be opened', () => {
  /** @type {[string, string, 'camera' | 'microphone' | 'screen', string | undefined][]} */
  const cases = [
    ['NotAllowedError', 'Permission denied', 'camera', 'denied'],
    ['NotAllowedError', 'Permission denied by system', 'camera', 'denied_by_system'],
    ['NotAllowedError', 'Permission denied by system', 'screen', 'denied_by_system'],
    ['NotAllowedError', 'Permission denied by user', 'screen', undefined],
    ['NotAllowedError', 'The request is not allowed by the user agent or the platform in the current context, possibly because of permissions policy', 'camera', 'denied_by_page'],
    ['NotFoundError', 'Requested device not found', 'microphone', 'not_found'],
    ['NotReadableError', 'Could not start video source', 'camera', 'not_readable'],
    ['OverconstrainedError', '', 'camera', 'overconstrained'],
    ['InsecureContextError', '', 'microphone', 'insecure'],
    ['NotSupportedError', '', 'screen', 'not_supported'],
    ['Whatever', 'odd', 'camera', 'unknown'],
  ];
  for (const [name, message, device, code] of cases) {
    const fault = deviceFault({ name, message }, device);
    assert.equal(fault?.code, code, `${name} ${device}`);
    if (fault) assert.match(fault.sentence, /^[A-Z]/u);
  }
});

test('what an old browser lacks', () => {
  const whole = {
    WebSocket: class {}, RTCPeerConnection: class {
      addTransceiver() {}

      get connectionState() {
        return 'new';
      }
    }, RTCRtpSender: class {
      replaceTrack() {}
    }, AbortSignal: { timeout() {} }, HTMLDialogElement: class {}, ResizeObserver: class {},
  };
  assert.deepEqual(missingFeatures(whole), []);
  assert.deepEqual(missingFeatures({ ...whole, RTCPeerConnection: undefined }).map(({ name }) => name), ['WebRTC']);
  assert.equal(missingFeatures({}).length, 6);
  assert.equal(captureSupport({ isSecureContext: false, navigator: {} }), 'insecure');
  assert.equal(captureSupport({ isSecureContext: true, navigator: {} }), 'no');
  assert.equal(captureSupport({ navigator: { mediaDevices: { getUserMedia() {} } } }), 'yes');
});

const TRACK = /** @type {const} */ ({ id: 'T', participant: 'p', kind: 'video', source: 'camera', muted: false, codec: 'VP8' });
const WELL = { since: 0, packets: 9, frames: 9, packetAt: 9900, frameAt: 9900, seen: true };
const LAYER = { pc: 'main', mid: '1', track: 'T', sending: true };

/** @param {Partial<import('../static/health.js').Facts>} facts */
const why = (facts) => whyNoPicture({
  name: 'Grace', connected: true, track: TRACK, layer: LAYER, unavailable: undefined, seated: true, reception: WELL, pageHidden: false, blank: false, now: 10_000, ...facts,
});

// S18
test('why there is no picture', () => {
  /** @type {[Partial<import('../static/health.js').Facts>, string | undefined][]} */
  const cases = [
    [{}, undefined],
    [{ connected: false }, 'away'],
    [{ track: { ...TRACK, muted: true } }, 'muted'],
    [{ unavailable: { track: 'T', reason: 'codec', codec: 'AV1' } }, 'codec'],
    [{ unavailable: { track: 'T', reason: 'slots' } }, 'slots'],
    [{ seated: false, layer: undefined, reception: undefined }, 'seat'],
    [{ layer: { ...LAYER, sending: false, reason: 'keyframe' } }, 'keyframe'],
    [{ layer: { ...LAYER, sending: false, reason: 'publisher' } }, 'publisher'],
    [{ layer: { ...LAYER, sending: false, reason: 'congestion' } }, 'congestion'],
    [{ layer: { ...LAYER, sending: false, reason: 'codec' } }, 'codec'],
    [{ layer: { ...LAYER, sending: false, reason: 'muted' } }, 'muted'],
    [{ layer: { ...LAYER, sending: false, reason: 'view' } }, undefined],
    [{ layer: { ...LAYER, sending: false } }, 'server'],
    [{ layer: { ...LAYER, reason: 'congestion' } }, 'congestion'],
    [{ reception: { ...WELL, frameAt: 10_000 - STALLED } }, 'decoder'],
    [{ reception: { ...WELL, frameAt: 0, packetAt: 0 } }, 'lost'],
    [{ reception: { ...WELL, frameAt: 0, packetAt: 0 }, layer: undefined }, 'publisher'],
    [{ reception: { ...WELL, seen: false, frameAt: 9000 } }, 'first'],
    [{ reception: { ...WELL, frameAt: 0, packetAt: 0 }, pageHidden: true }, undefined],
    [{ blank: true }, 'blank'],
  ];
  for (const [facts, code] of cases) assert.equal(why(facts)?.code, code, JSON.stringify(facts));
  assert.match(String(why({ unavailable: { track: 'T', reason: 'codec', codec: 'AV1' } })?.sentence), /AV1/);
  assert.equal(why({ layer: { ...LAYER, reason: 'congestion' } })?.veil, false);
});

test('how reception goes on', () => {
  const received = readReceived([
    { type: 'inbound-rtp', mid: '3', packetsReceived: 10, framesDecoded: 5, frameWidth: 640, frameHeight: 360 }, { type: 'codec' },
    { type: 'inbound-rtp', mid: '2', packetsReceived: 4, audioLevel: 0.5 },
  ]);
  assert.deepEqual([received.get('3')?.frames, received.get('2')?.level, received.size], [5, 0.5, 2]);
  const at = (/** @type {number} */ frames, /** @type {number} */ packets) => ({ ...(/** @type {any} */ (received.get('3'))), frames, packets });
  let r = follow(undefined, { since: 7 }, at(5, 10), 1000);
  assert.equal(r.seen, false);
  r = follow(r, { since: 7 }, at(5, 20), 2000);
  assert.deepEqual([r.seen, r.packetAt, r.frameAt], [false, 2000, 1000]);
  r = follow(r, { since: 7 }, at(6, 20), 3000);
  assert.deepEqual([r.seen, r.packetAt, r.frameAt], [true, 2000, 3000]);
  r = follow(r, { since: 8 }, at(9, 30), 4000);
  assert.deepEqual([r.seen, r.frameAt], [false, 4000]);
  assert.equal(follow(undefined, { since: 1 }, undefined, 5).frames, 0);
});

test('frames of the source before are told from those of the new one', () => {
  assert.ok(isOfNewSource(undefined, 5, 0));
  assert.ok(!isOfNewSource(5, undefined, 100));
  assert.ok(isOfNewSource(5, undefined, 600));
  assert.ok(isOfNewSource(1000, 1000, 0));
  assert.ok(!isOfNewSource(999, 1000, 0));
  assert.ok(isOfNewSource(3, 2 ** 32 - 5, 0));
  assert.ok(!isOfNewSource(2 ** 32 - 5, 3, 0));
});

test('the green of a decoder that has nothing', () => {
  const flat = (/** @type {number[]} */ colour) => Array.from({ length: 64 }, () => colour).flat();
  assert.ok(isBlankGreen(flat([0, 135, 0, 255])));
  assert.ok(!isBlankGreen(flat([0, 0, 0, 255])));
  assert.ok(!isBlankGreen(flat([200, 200, 200, 255])));
  assert.ok(!isBlankGreen([...flat([0, 135, 0, 255]), 9, 99, 9, 255]));
  assert.ok(!isBlankGreen([]));
});

test('names', () => {
  for (let i = 0; i < 200; i++) assert.ok(isRoomName(randomRoomName(Math.random)));
  /** @type {[string, string][]} */
  const cases = [['Ada Lovelace', 'AL'], ['ada', 'A'], ['Jean-Luc Picard', 'JP'], ['', '?'], ['🎉', '?'], ['李小龍', '李'], ['a b c', 'AC']];
  for (const [name, want] of cases) assert.equal(initials(name), want, name);
  assert.equal(colourOf('Ada', 8), colourOf('Ada', 8));
  for (const name of ['a', 'b', 'c', '', '🎉']) assert.ok(colourOf(name, 8) >= 0 && colourOf(name, 8) < 8);
});

test('links in chat are safe to follow', () => {
  assert.deepEqual(linkify('see https://x.example/a?b=1, or (http://y.example).'), [
    { text: 'see ' }, { text: 'https://x.example/a?b=1', href: 'https://x.example/a?b=1' }, { text: ', or (' },
    { text: 'http://y.example', href: 'http://y.example/' }, { text: ').' },
  ]);
  for (const text of ['javascript:alert(1)', 'data:text/html,x', '<img src=x onerror=alert(1)>', 'https://', 'plain']) {
    assert.deepEqual(linkify(text), [{ text }], text);
  }
  assert.equal(linkify('HTTPS://X.example/<b>')[0].href, 'https://x.example/');
});

test('who is speaking', () => {
  let s = listen(silence(), new Map([['a', 0.2], ['b', 0.001]]), 0);
  assert.deepEqual([...s.speaking], ['a']);
  s = listen(s, new Map([['a', 0], ['b', 0.3]]), 500);
  assert.deepEqual([...s.speaking], ['a', 'b']);
  s = listen(s, new Map([['a', 0], ['b', 0]]), 1000);
  assert.deepEqual([...s.speaking], ['b']);
  s = listen(s, new Map(), 1001);
  assert.deepEqual([...s.speaking], []);
  assert.equal(meterOf(0), 0);
  assert.equal(meterOf(1), 1);
  assert.ok(meterOf(0.1) > meterOf(0.01) && meterOf(0.01) > 0);
  assert.equal(rootMeanSquare([1, -1, 1, -1]), 1);
  assert.equal(rootMeanSquare([]), 0);
});

test('the page’s own address', () => {
  const root = new URL('https://x.example/meet/');
  const at = (/** @type {string} */ path) => placeOf(root, new URL(path, root));
  assert.deepEqual(at('./'), { page: 'landing' });
  assert.deepEqual(at('r/kitchen'), { page: 'room', room: 'kitchen' });
  assert.deepEqual(at('r/a%20b'), { page: 'room', room: 'a b' });
  assert.deepEqual(at('r/%ff'), { page: 'room', room: '%ff' });
  assert.deepEqual(at('/other'), { page: 'unknown' });
  assert.deepEqual(at('r/a/b'), { page: 'unknown' });
  assert.deepEqual(readFragment('#token=a.b.c&codec=vp9'), { token: 'a.b.c', codec: 'VP9', rest: '#codec=vp9' });
  assert.deepEqual(readFragment(''), { token: undefined, codec: undefined, rest: '' });
});

test('what is remembered survives bad storage', () => {
  /** @type {Map<string, string>} */
  const kept = new Map([['sfu.name', '"Ada"'], ['sfu.recent', '{"not":"a list"}'], ['sfu.showSelf', 'rubbish'], ['sfu.theme', '7']]);
  const storage = /** @type {any} */ ({ getItem: (/** @type {string} */ k) => kept.get(k) ?? null, setItem: (/** @type {string} */ k, /** @type {string} */ v) => kept.set(k, v) });
  const preferences = new Preferences(storage);
  assert.deepEqual([preferences.get('name'), preferences.get('recent'), preferences.get('showSelf'), preferences.get('theme')], ['Ada', [], true, 'auto']);
  for (const room of ['a', 'b', 'a', 'c', 'd', 'e', 'f', 'g']) preferences.visited(room);
  assert.deepEqual(new Preferences(storage).get('recent'), ['g', 'f', 'e', 'd', 'c', 'a']);
  const throwing = new Preferences(/** @type {any} */ ({ getItem() {
    throw new Error('no');
  }, setItem() {
    throw new Error('no');
  } }));
  throwing.set('name', 'x');
  assert.equal(throwing.get('name'), 'x');
  assert.equal(new Preferences(null).get('name'), '');
});
