import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';

import { Connection } from '../static/connection.js';
import { RequestError } from '../static/socket.js';
import { Session } from '../static/session.js';
import { FakeClock, settle } from './support/clock.js';
import { FakePeerConnection, fakeTrack } from './support/peer.js';
import { FakeSocket } from './support/socket.js';

const INFO = /** @type {any} */ ({ room: 'kitchen', protocol: 'sfu.v1', auth: 'open', codecs: { video: ['VP8', 'VP9'] }, limits: { slotsFirst: 2, slots: 8 } });
const VIDEO = ['VP8', 'VP9'].map((name) => ({ mimeType: `video/${name}`, clockRate: 90000 }));
const GRACE = { id: 'grace', name: 'Grace', connected: true, tracks: [{ id: 'T', participant: 'grace', kind: 'video', source: 'camera', muted: false, codec: 'VP8' }] };

beforeEach(() => {
  FakePeerConnection.all = [];
});
const { info } = console;
beforeEach(() => {
  console.info = () => {};
});
afterEach(() => {
  console.info = info;
});

/** @param {{ info?: any, fetchRoom?: any, options?: any }} [how] */
function make({ fetchRoom = async () => INFO, options = {} } = {}) {
  const clock = new FakeClock();
  const socket = new FakeSocket();
  const session = new Session({ root: new URL('http://x/'), room: 'kitchen', name: 'Ada', ...options }, /** @type {any} */ ({
    clock, fetchRoom, makeSocket: () => socket, videoCapabilities: () => VIDEO,
    makeConnection: (/** @type {string} */ name, /** @type {any} */ config) => new Connection(name, config, /** @type {any} */ (FakePeerConnection)),
  }));
  /** @type {any[]} */
  const notices = [];
  session.addEventListener('notice', (event) => notices.push(/** @type {any} */ (event).detail));
  return { clock, socket, session, notices, pc: () => /** @type {FakePeerConnection} */ (FakePeerConnection.all.at(-1)) };
}

/** @param {object} [more] */
const joined = (more = {}) => ({
  type: 'joined', session: 'secret', self: 'ada', room: 'kitchen', resumed: false, permissions: { publish: ['camera'] },
  participants: [{ id: 'ada', name: 'Ada', connected: true }, GRACE],
  answers: [{ pc: 'main', n: 1, sdp: 'v=0' }], bound: [], unavailable: [], messages: [], iceServers: [], ...more,
});

/** @param {ReturnType<typeof make>} made @param {object} [more] */
async function enter({ session, socket, pc }, more) {
  session.join();
  await settle();
  socket.open();
  await settle();
  socket.answer('join', joined(more));
  await settle();
  pc().become('connected', 'connected');
  await settle();
}

test('a join takes the offer along', async () => {
  const made = make({ options: { token: 'tok' } });
  const { session, socket } = made;
  session.publish('microphone', fakeTrack('audio'), { muted: true });
  await enter(made);
  const [join] = socket.of('join');
  assert.equal(join.token, 'tok');
  assert.equal(join.name, 'Ada');
  assert.deepEqual(join.offers[0].tracks, { 0: { source: 'microphone', muted: true } });
  assert.deepEqual([session.life.phase, session.life.step], ['connected', null]);
  assert.equal(session.room.people.size, 2);
  assert.equal(socket.settledCount, 1);
});

test('a seat is known when the track is bound and the place is there', async () => {
  const made = make();
  await enter(made, { bound: [{ pc: 'main', mid: '1', track: 'T' }] });
  assert.equal(made.session.seat('T')?.mid, '1');
  made.socket.tell({ type: 'slots', bound: [{ pc: 'main', mid: '1', track: null }] });
  assert.equal(made.session.seat('T'), undefined);
});

test('the server is told what the m-lines carry, once', async () => {
  const made = make();
  const { session, socket, pc } = made;
  session.publish('microphone', fakeTrack('audio'));
  await enter(made, { answers: [{ pc: 'main', n: 1, sdp: 'v=0', published: { 0: 'mine' } }] });
  assert.equal(session.publication('microphone')?.id, 'mine');
  const camera = fakeTrack('video', { height: 720 });
  session.publish('camera', camera);
  await settle();
  const [offer] = socket.of('offer');
  const [mid] = Object.keys(offer.tracks);
  assert.deepEqual(offer.tracks[mid], { source: 'camera', muted: false });
  socket.answer('offer', { type: 'answer', pc: 'main', n: 2, sdp: 'v=0', published: { [mid]: 'cam' } });
  await settle();
  session.mute('camera', true);
  await settle();
  assert.deepEqual(socket.of('mute').map(({ track, muted }) => [track, muted]), [['cam', true]]);
  assert.equal(pc().transceivers.find((t) => t.mid === mid)?.sender.track, null);
  assert.equal(camera.enabled, false);
  session.publish('camera', camera);
  await settle();
  assert.deepEqual(socket.of('mute').map(({ track, muted }) => [track, muted]), [['cam', true], ['cam', false]]);
  assert.equal(pc().transceivers.find((t) => t.mid === mid)?.sender.track, camera);
  assert.equal(socket.of('offer').length, 1);
});

test('a mute that comes before the name of the track is told with it', async () => {
  const made = make();
  const { session, socket } = made;
  session.publish('microphone', fakeTrack('audio'));
  session.join();
  await settle();
  socket.open();
  await settle();
  session.mute('microphone', true);
  socket.answer('join', joined({ answers: [{ pc: 'main', n: 1, sdp: 'v=0', published: { 0: 'mine' } }] }));
  await settle();
  assert.deepEqual(socket.of('mute').map(({ track, muted }) => [track, muted]), [['mine', true]]);
});

test('a screen that is shared again uses its line', async () => {
  const made = make();
  const { session, socket } = made;
  await enter(made);
  session.publish('screen', fakeTrack('video', { height: 1080 }));
  await settle();
  const [mid] = Object.keys(socket.of('offer')[0].tracks);
  socket.answer('offer', { type: 'answer', pc: 'main', n: 2, sdp: 'v=0', published: { [mid]: 's1' } });
  await settle();
  session.unpublish('screen');
  assert.deepEqual(socket.of('unpublish').map(({ track }) => track), ['s1']);
  session.publish('screen', fakeTrack('video', { height: 1080 }));
  await settle();
  assert.deepEqual(socket.of('publish').map(({ pc, mid: m, source }) => [pc, m, source]), [['main', mid, 'screen']]);
  socket.answer('publish', { type: 'published', track: 's2' });
  await settle();
  assert.equal(session.publication('screen')?.id, 's2');
  assert.equal(socket.of('offer').length, 1);
});

test('what was stopped before the server named it is taken back', async () => {
  const made = make();
  const { session, socket } = made;
  await enter(made);
  session.publish('screen', fakeTrack('video'));
  await settle();
  const [mid] = Object.keys(socket.of('offer')[0].tracks);
  session.unpublish('screen');
  socket.answer('offer', { type: 'answer', pc: 'main', n: 2, sdp: 'v=0', published: { [mid]: 's1' } });
  await settle();
  assert.deepEqual(socket.of('unpublish').map(({ track }) => track), ['s1']);
});

test('what may not be sent is said with its source', async () => {
  const made = make();
  const { session, notices } = made;
  session.publish('camera', fakeTrack('video'));
  await enter(made, { answers: [{ pc: 'main', n: 1, sdp: 'v=0', rejected: { 0: { code: 'not_allowed', message: 'no' } } }] });
  assert.deepEqual(notices, [{ code: 'not_allowed', message: 'no', source: 'camera' }]);
  assert.equal(session.publication('camera'), undefined);
});

test('a refused offer is said, and the call goes on', async () => {
  const made = make();
  const { session, socket, notices } = made;
  await enter(made);
  session.publish('screen', fakeTrack('video'));
  await settle();
  socket.refuse('offer', 'bad_sdp');
  await settle();
  assert.deepEqual(notices.map(({ code, source }) => [code, source]), [['bad_sdp', 'screen'], ['bad_sdp', undefined]]);
  assert.equal(session.life.phase, 'connected');
  session.publish('screen', fakeTrack('video'));
  await settle();
  assert.equal(socket.of('offer').at(-1).n, 3);
});

test('an offer that came too fast is made again a little later', async () => {
  const made = make();
  const { session, socket, clock, notices } = made;
  await enter(made);
  session.publish('screen', fakeTrack('video'));
  await settle();
  socket.refuse('offer', 'rate_limited', 400);
  await clock.advance(400);
  assert.deepEqual(socket.of('offer').map(({ n }) => n), [2, 2]);
  assert.deepEqual(Object.values(socket.of('offer')[1].tracks), [{ source: 'screen', muted: false }]);
  assert.deepEqual(notices, []);
});

test('more places are offered when the server needs them', async () => {
  const made = make();
  const { socket, pc } = made;
  await enter(made);
  socket.tell({ type: 'slots', need: 4 });
  socket.tell({ type: 'slots', need: 4 });
  await settle();
  assert.equal(socket.of('offer').length, 1);
  assert.equal(pc().transceivers.length, 12);
});

test('the server is told that an answer is applied, and again after a resume', async () => {
  const made = make();
  const { socket } = made;
  await enter(made);
  assert.equal(socket.of('applied').length, 0, 'the first answer needs no word');
  socket.tell({ type: 'slots', need: 4 });
  await settle();
  const answers = [{ pc: 'main', n: 2, sdp: 'v=0' }];
  socket.answer('offer', { type: 'answer', ...answers[0] });
  await settle();
  assert.deepEqual(socket.of('applied').map(({ pc, n }) => [pc, n]), [['main', 2]]);
  socket.lose(1006);
  socket.open();
  await settle();
  socket.answer('resume', joined({ resumed: true, answers }));
  await settle();
  assert.deepEqual(socket.of('applied').map(({ pc, n }) => [pc, n]), [['main', 2], ['main', 2]]);
});

test('a lost socket is resumed; what was said meanwhile is said then', async () => {
  const made = make();
  const { session, socket, clock } = made;
  session.publish('microphone', fakeTrack('audio'));
  await enter(made, { answers: [{ pc: 'main', n: 1, sdp: 'v=0', published: { 0: 'mine' } }] });
  const [pc] = FakePeerConnection.all;
  socket.lose(1006);
  assert.equal(session.life.phase, 'resuming');
  session.mute('microphone', true);
  session.say('are you there?');
  session.publish('screen', fakeTrack('video'));
  await clock.advance(1000);
  socket.open();
  await settle();
  assert.deepEqual(socket.sent.at(-1), { type: 'resume', session: 'secret', id: socket.sent.length });
  socket.answer('resume', joined({ resumed: true, session: 'next', answers: [] }));
  await settle();
  assert.deepEqual(socket.of('mute').map(({ muted }) => muted), [true]);
  assert.deepEqual(socket.of('message').map(({ body }) => body), ['are you there?']);
  assert.deepEqual(Object.values(socket.of('offer')[0].tracks), [{ source: 'screen', muted: false }]);
  assert.equal(FakePeerConnection.all.length, 1);
  assert.equal(pc.closed, false);
  assert.deepEqual([session.life.phase, session.life.step], ['connected', null]);
  socket.lose(1006);
  socket.open();
  await settle();
  assert.equal(socket.of('resume').at(-1).session, 'next');
});

test('a message that arrived before the socket was lost is not said twice', async () => {
  const made = make();
  const { session, socket } = made;
  await enter(made);
  session.say('one');
  session.say('two');
  socket.lose(1006);
  socket.open();
  await settle();
  socket.answer('resume', joined({ resumed: true, answers: [], messages: [{ id: 1, from: 'ada', name: 'Ada', body: 'one', at: 5 }] }));
  await settle();
  assert.deepEqual(socket.of('message').map(({ body }) => body), ['one', 'two', 'two']);
  socket.answer('message', { type: 'ok' });
  await settle();
  assert.deepEqual(session.outbox, []);
});

test('a message that is refused is kept and marked', async () => {
  const made = make();
  await enter(made);
  made.session.say('x'.repeat(9));
  made.socket.refuse('message', 'message_too_big');
  await settle();
  assert.equal(made.session.outbox[0].fault, 'message_too_big');
});

test('when the seat is gone, a new join with a new connection and the same camera', async () => {
  const made = make();
  const { session, socket, pc } = made;
  const camera = fakeTrack('video', { height: 720 });
  session.publish('camera', camera);
  await enter(made);
  const [first] = FakePeerConnection.all;
  socket.lose(1006);
  socket.open();
  await settle();
  socket.refuse('resume', 'resume_invalid');
  await settle();
  assert.equal(session.life.phase, 'rejoining');
  assert.equal(first.closed, true);
  socket.open();
  await settle();
  assert.equal(socket.of('join').length, 2);
  assert.equal(socket.of('join')[1].offers[0].pc, 'main1');
  assert.equal(pc().transceivers[0].sender.track, camera);
  socket.answer('join', joined({ answers: [{ pc: 'main1', n: 1, sdp: 'v=0', published: { 0: 'again' } }] }));
  await settle();
  pc().become('connected', 'connected');
  assert.equal(session.life.phase, 'connected');
  assert.equal(session.publication('camera')?.id, 'again');
});

/** A call in a room with people, chat and a muted microphone, at the moment when its server sends everyone away. */
async function moving() {
  const made = make();
  const { session, socket } = made;
  const microphone = fakeTrack('audio');
  const camera = fakeTrack('video', { height: 720 });
  session.publish('microphone', microphone);
  session.publish('camera', camera);
  await enter(made, {
    answers: [{ pc: 'main', n: 1, sdp: 'v=0', published: { 0: 'mine', 1: 'cam' } }], bound: [{ pc: 'main', mid: '3', track: 'T' }],
    messages: [{ id: 1, from: 'grace', name: 'Grace', body: 'before', at: 5 }],
  });
  session.mute('microphone', true);
  session.say('on its way');
  let parted = 0;
  session.addEventListener('parting', () => parted++);
  await settle();
  socket.tell({ type: 'left', reason: 'moved', code: 'moved', message: 'on' });
  await settle();
  return { ...made, microphone, camera, parted: () => parted };
}

test('a room that moves is followed with everything that was there', async () => {
  const { session, socket, clock, pc, microphone, camera, notices, parted } = await moving();
  assert.deepEqual([session.life.phase, session.life.cause, socket.attempts.at(-1), socket.settledCount], ['rejoining', 'moved', 0, 2]);
  assert.deepEqual([session.room.people.size, session.room.messages.length, parted()], [2, 1, 1], 'what was there is still shown');
  socket.open();
  await settle();
  const join = socket.of('join')[1];
  assert.deepEqual([join.name, join.offers[0].pc, Object.values(join.offers[0].tracks)],
    ['Ada', 'main1', [{ source: 'microphone', muted: true }, { source: 'camera', muted: false }]]);
  assert.deepEqual(pc().transceivers.slice(0, 2).map(({ sender }) => sender.track), [microphone, camera]);
  assert.deepEqual([microphone.enabled, camera.enabled, microphone.stopped, camera.stopped], [false, true, undefined, undefined]);
  const grace = { ...GRACE, id: 'grace2', tracks: [{ ...GRACE.tracks[0], id: 'T2', participant: 'grace2' }] };
  socket.answer('join', joined({
    self: 'ada2', session: 'other', participants: [{ id: 'ada2', name: 'Ada', connected: true }, grace], answers: [{ pc: 'main1', n: 1, sdp: 'v=0', published: { 0: 'm2', 1: 'c2' } }],
    messages: [{ id: 1, from: 'grace', name: 'Grace', body: 'before', at: 5 }],
  }));
  await settle();
  pc().become('connected', 'connected');
  await settle();
  assert.deepEqual([session.life.phase, session.life.step, session.life.cause], ['connected', null, null]);
  assert.deepEqual(session.room.messages.map(({ body }) => body), ['before']);
  assert.deepEqual(socket.of('message').map(({ body }) => body), ['on its way', 'on its way'], 'what did not arrive is said again');
  assert.deepEqual([session.publication('microphone'), session.publication('camera')], [{ muted: true, id: 'm2' }, { muted: false, id: 'c2' }]);
  assert.deepEqual([session.isSelf('ada'), session.isSelf('ada2'), session.room.keys.get('grace2')], [true, true, 'grace']);
  assert.deepEqual(notices, []);
  await clock.advance(6000);
  assert.equal(session.room.returning.size, 0);
});

test('a room that no server can open is tried until one can', async () => {
  let open = true;
  const made = make({ fetchRoom: async () => {
    if (!open) throw new RequestError('room_unavailable', 'later', 2000);
    return INFO;
  } });
  const { session, socket } = made;
  await enter(made);
  open = false;
  socket.tell({ type: 'left', reason: 'shutdown' });
  await settle();
  for (let i = 0; i < 3; i++) {
    // The upgrade is refused, which a browser tells as a socket that was lost; asking for the room tells why.
    const attempts = socket.attempts.length;
    socket.lose(1006);
    await settle();
    assert.deepEqual([session.life.phase, session.life.fault?.code, socket.attempts.slice(attempts)], ['rejoining', 'room_unavailable', [2000]]);
  }
  open = true;
  socket.open();
  await settle();
  assert.equal(socket.of('join').length, 2);
});

test('while a session may be resumed only that is tried', async () => {
  let code = '';
  const made = make({ fetchRoom: async () => {
    if (code) throw new RequestError(code, 'no', 2000);
    return INFO;
  } });
  const { session, socket } = made;
  await enter(made);
  socket.lose(1006);
  for (code of ['token_expired', 'room_unavailable']) {
    socket.lose(1006);
    await settle();
    assert.equal(session.life.phase, 'resuming');
  }
  assert.equal(session.life.fault?.code, 'room_unavailable');
  socket.open();
  await settle();
  assert.equal(socket.of('resume').length, 1);
});

test('the socket is opened where the room is', async () => {
  let signal = /** @type {string | undefined} */ ('wss://n2.example/signal');
  const made = make({ fetchRoom: async () => ({ ...INFO, ...(signal ? { signal } : {}) }) });
  const { socket } = made;
  await enter(made);
  assert.deepEqual(socket.aims, ['ws://x/v1/rooms/kitchen/signal']);
  socket.tell({ type: 'left', reason: 'moved' });
  await settle();
  assert.equal(socket.aims.at(-1), 'wss://n2.example/signal');
  signal = undefined;
  socket.lose(1006);
  await settle();
  assert.equal(socket.aims.at(-1), 'ws://x/v1/rooms/kitchen/signal', 'when that fails the room is asked for again');
});

test('media are missed only where some should come', async () => {
  const made = make();
  const { socket, session, pc, clock } = made;
  await enter(made, { bound: [{ pc: 'main', mid: '1', track: 'T' }] });
  let packets = 10;
  pc().getStats = async () => /** @type {any} */ (new Map([['a', { type: 'inbound-rtp', packetsReceived: packets }]]));
  const silent = async () => {
    await clock.advance(1000);
    return socket.silent();
  };
  assert.deepEqual([await silent(), await silent()], [false, false], 'the server does not send');
  socket.tell({ type: 'layers', layers: [{ pc: 'main', mid: '1', track: 'T', sending: true }] });
  assert.deepEqual([await silent(), await silent()], [false, true]);
  packets++;
  assert.deepEqual([await silent(), await silent()], [false, true]);
  session.leave();
  assert.equal(await silent(), false);
});

test('media that broke is restarted on the same connection, then replaced on the same seat', async () => {
  const made = make();
  const { socket, clock, pc, session } = made;
  session.publish('camera', fakeTrack('video'));
  await enter(made, { bound: [{ pc: 'main', mid: '2', track: 'T' }] });
  pc().become('disconnected', 'disconnected');
  await clock.advance(3500);
  assert.equal(pc().restarts, 1);
  assert.equal(socket.of('offer').length, 1);
  assert.ok(session.seat('T'));
  await clock.advance(10_500);
  assert.deepEqual(socket.of('close').map((m) => m.pc), ['main']);
  const offer = socket.of('offer').at(-1);
  assert.deepEqual([offer.pc, offer.n, offer.tracks], ['main1', 1, { 0: { source: 'camera', muted: false } }]);
  assert.equal(session.seat('T'), undefined);
  assert.equal(FakePeerConnection.all[0].closed, true);
  // The restart's answer may still come.
  socket.answer('offer', { type: 'answer', pc: 'main', n: 2, sdp: 'v=0' });
  socket.answer('offer', { type: 'answer', pc: 'main1', n: 1, sdp: 'v=0', published: { 0: 'cam' } });
  await settle();
  pc().become('connected', 'connected');
  assert.deepEqual([session.life.phase, session.life.step], ['connected', null]);
  assert.equal(session.publication('camera')?.id, 'cam');
});

test('the server may see first that the media failed, and the connection is over then', async () => {
  const made = make();
  await enter(made);
  made.socket.tell({ type: 'media', pc: 'main', state: 'failed', step: 'ice' });
  await settle();
  assert.deepEqual(made.socket.of('offer').map(({ pc, n }) => [pc, n]), [['main1', 1]]);
  assert.equal(FakePeerConnection.all[0].closed, true);
  made.socket.tell({ type: 'media', pc: 'other', state: 'failed' });
  assert.equal(made.session.mediaStatus?.pc, 'main');
});

test('an offer that the server knows nothing of means another connection', async () => {
  const made = make();
  const { socket, session } = made;
  await enter(made);
  session.publish('screen', fakeTrack('video'));
  await settle();
  socket.refuse('offer', 'no_match');
  await settle();
  assert.deepEqual(socket.of('offer').map(({ pc, n }) => [pc, n]), [['main', 2], ['main1', 1]]);
  assert.deepEqual(Object.values(socket.of('offer')[1].tracks), [{ source: 'screen', muted: false }]);
});

/** How an answer to the second offer may come. @type {Record<string, (socket: FakeSocket, answer: any) => Promise<void>>} */
const WAYS = {
  'to the request': async (socket, answer) => socket.answer('offer', { type: 'answer', ...answer }),
  'as an event': async (socket, answer) => socket.tell({ type: 'answer', ...answer }),
  'with the welcome': async (socket, answer) => {
    socket.lose(1006);
    socket.open();
    await settle();
    socket.answer('resume', joined({ resumed: true, answers: [answer] }));
  },
};

for (const [way, come] of Object.entries(WAYS)) {
  test(`an answer that cannot be applied and comes ${way} means another connection`, async () => {
    const made = make();
    const { socket, session, notices, pc } = made;
    await enter(made);
    session.publish('screen', fakeTrack('video'));
    await settle();
    await come(socket, { pc: 'main', n: 2, sdp: 'unusable' });
    await settle();
    assert.deepEqual(socket.of('close').map((m) => m.pc), ['main']);
    assert.deepEqual(socket.of('offer').map(({ pc: name, n }) => [name, n]), [['main', 2], ['main1', 1]]);
    assert.deepEqual(Object.values(socket.of('offer')[1].tracks), [{ source: 'screen', muted: false }]);
    assert.equal(socket.of('applied').length, 0);
    assert.deepEqual(notices.map(({ code }) => code), ['bad_sdp']);
    assert.equal(FakePeerConnection.all[0].closed, true);
    socket.tell({ type: 'answer', pc: 'main1', n: 1, sdp: 'v=0', published: { 0: 's' } });
    await settle();
    pc().become('connected', 'connected');
    assert.deepEqual([session.life.phase, session.life.step, session.publication('screen')?.id], ['connected', null, 's']);
  });
}

test('a first answer that cannot be applied means another connection on the same seat', async () => {
  const made = make();
  const { session, socket } = made;
  session.join();
  await settle();
  socket.open();
  await settle();
  socket.answer('join', joined({ answers: [{ pc: 'main', n: 1, sdp: 'unusable' }] }));
  await settle();
  assert.equal(session.life.phase, 'joining');
  assert.equal(socket.of('join').length, 1);
  assert.deepEqual(socket.of('offer').map(({ pc, n }) => [pc, n]), [['main1', 1]]);
});

test('answers that can never be applied do not make connections without end', async () => {
  const made = make();
  const { session, socket, clock } = made;
  await enter(made);
  session.publish('screen', fakeTrack('video'));
  await settle();
  socket.answer('offer', { type: 'answer', pc: 'main', n: 2, sdp: 'unusable' });
  await settle();
  socket.answer('offer', { type: 'answer', pc: 'main1', n: 1, sdp: 'unusable' });
  await clock.advance(5000);
  assert.equal(FakePeerConnection.all.length, 2);
  await clock.advance(6000);
  assert.equal(FakePeerConnection.all.length, 3);
});

test('an answer to a connection that was closed meanwhile spoils nothing', async () => {
  const made = make();
  const { session, socket, notices } = made;
  await enter(made);
  session.publish('screen', fakeTrack('video'));
  await settle();
  socket.tell({ type: 'answer', pc: 'main', n: 2, sdp: 'unusable' });
  session.leave();
  await settle();
  assert.deepEqual([session.life.phase, FakePeerConnection.all.length, notices.length], ['left', 1, 0]);
});

test('an answer that the lost socket swallowed comes with the welcome, or the offer is sent again', async () => {
  for (const how of ['welcome', 'event', 'again']) {
    const made = make();
    const { socket, session } = made;
    await enter(made);
    session.publish('screen', fakeTrack('video'));
    await settle();
    const [offer] = socket.of('offer');
    const answer = { pc: 'main', n: 2, sdp: 'v=0', published: { [Object.keys(offer.tracks)[0]]: 's' } };
    socket.lose(1006);
    socket.open();
    await settle();
    socket.answer('resume', joined({ resumed: true, answers: [how === 'welcome' ? answer : { pc: 'main', n: 1, sdp: 'v=0' }] }));
    await settle();
    if (how === 'event') socket.tell({ type: 'answer', ...answer });
    if (how === 'again') {
      const { id: _, ...same } = offer;
      assert.deepEqual({ ...socket.of('offer')[1], id: undefined }, { ...same, id: undefined });
      socket.answer('offer', { type: 'answer', ...answer });
    }
    await settle();
    assert.equal(session.publication('screen')?.id, 's', how);
    assert.equal(socket.of('offer').length, how === 'welcome' ? 1 : 2);
  }
});

test('nothing is said between the socket and the welcome', async () => {
  const made = make();
  const { socket, session } = made;
  session.publish('microphone', fakeTrack('audio'));
  await enter(made, { answers: [{ pc: 'main', n: 1, sdp: 'v=0', published: { 0: 'mine' } }] });
  socket.lose(1006);
  socket.open();
  await settle();
  session.mute('microphone', true);
  session.say('x');
  session.publish('screen', fakeTrack('video'));
  await settle();
  assert.equal(socket.sent.at(-1).type, 'resume');
  socket.answer('resume', joined({ resumed: true, answers: [] }));
  await settle();
  assert.deepEqual(['mute', 'message', 'offer'].map((type) => socket.of(type).length), [1, 1, 1]);
});

test('a refusal before the socket is heard at once', async () => {
  const made = make({ fetchRoom: async () => {
    throw new RequestError('bad_room_name', 'no such name');
  } });
  made.session.join();
  await settle();
  assert.deepEqual([made.session.life.phase, made.session.life.fault?.code], ['failed', 'bad_room_name']);
  assert.equal(made.socket.closed, true);
});

test('a server that is down is asked again when the socket opens', async () => {
  let down = true;
  const made = make({ fetchRoom: async () => {
    if (down) throw new RequestError('server_unreachable', 'down');
    return INFO;
  } });
  made.session.join();
  await made.clock.advance(11_000);
  assert.deepEqual([made.session.life.phase, made.session.life.step], ['joining', 'socket']);
  down = false;
  made.socket.open();
  await settle();
  assert.equal(made.socket.of('join').length, 1);
});

test('a socket that goes before the join is answered does not spoil the offer', async () => {
  const made = make();
  const { session, socket } = made;
  session.join();
  await settle();
  socket.open();
  await settle();
  socket.lose(1006);
  assert.equal(session.life.phase, 'joining');
  socket.open();
  await settle();
  assert.equal(socket.of('join').length, 2);
  assert.deepEqual(socket.of('join')[0].offers, socket.of('join')[1].offers);
  socket.answer('join', joined());
  await settle();
  assert.equal(FakePeerConnection.all.length, 1);
});

/** A server whose answers about the room are given by the test. */
function slowRoom() {
  /** @type {{ resolve: (info: any) => void, reject: (error: Error) => void }[]} */
  const asked = [];
  return { asked, fetchRoom: () => new Promise((resolve, reject) => asked.push({ resolve, reject })) };
}

test('leaving while the room is asked about opens nothing afterwards', async () => {
  const { asked, fetchRoom } = slowRoom();
  const { session } = make({ fetchRoom });
  session.publish('camera', fakeTrack('video'));
  session.join();
  session.leave();
  asked[0].resolve(INFO);
  await settle();
  assert.equal(FakePeerConnection.all.length, 0);
  assert.equal(session.life.phase, 'left');
});

test('what a join that was left behind hears late does not touch the next one', async () => {
  for (const late of ['info', 'refusal']) {
    FakePeerConnection.all = [];
    const { asked, fetchRoom } = slowRoom();
    const { session, socket } = make({ fetchRoom });
    session.join();
    socket.open();
    session.leave();
    session.join();
    socket.open();
    asked[1].resolve(INFO);
    await settle();
    if (late === 'info') asked[0].resolve(INFO);
    else asked[0].reject(new RequestError('bad_room_name', 'no such name'));
    await settle();
    assert.equal(FakePeerConnection.all.length, 1, late);
    assert.equal(session.life.phase, 'joining');
    assert.equal(socket.of('join').length, 1);
    socket.lose(1006);
    socket.open();
    await settle();
    assert.deepEqual(socket.of('join')[1].offers, socket.of('join')[0].offers, 'the offer serves on');
    assert.equal(asked.length, 2);
  }
});

test('two sockets that waited for one answer about the room make one join', async () => {
  const { asked, fetchRoom } = slowRoom();
  const { session, socket } = make({ fetchRoom });
  session.join();
  socket.open();
  socket.lose(1006);
  socket.open();
  asked[0].resolve(INFO);
  await settle();
  assert.equal(socket.of('join').length, 1);
});

test('views are told once there is a seat, and again after each welcome', async () => {
  const made = make();
  const { session, socket, clock } = made;
  await enter(made);
  session.show(new Map([['T', { track: 'T', width: 320, height: 180 }], ['gone', { track: 'gone', width: 1, height: 1 }]]));
  await clock.advance(200);
  assert.deepEqual(socket.of('view').map(({ tracks }) => tracks), [[{ track: 'T', width: 320, height: 180 }]]);
  socket.lose(1006);
  socket.open();
  await settle();
  socket.answer('resume', joined({ resumed: true, answers: [] }));
  await settle();
  assert.equal(socket.of('view').length, 2);
});

test('leaving says so and ends everything; one can join again', async () => {
  const made = make();
  const { session, socket, clock } = made;
  await enter(made);
  session.leave();
  assert.equal(socket.sent.at(-1).type, 'leave');
  assert.equal(session.life.phase, 'left');
  assert.equal(made.pc().closed, true);
  assert.equal(session.room.people.size, 0);
  await clock.advance(60_000);
  assert.equal(clock.pending, 0);
  session.join();
  await settle();
  assert.equal(FakePeerConnection.all.length, 2);
  assert.equal(session.life.phase, 'joining');
});

test('rejoin gives up the seat and begins anew', async () => {
  const made = make();
  const { session, socket } = made;
  await enter(made);
  session.rejoin();
  await settle();
  assert.equal(socket.of('leave').length, 1);
  assert.equal(session.life.phase, 'joining');
  socket.open();
  await settle();
  assert.equal(socket.of('join').length, 2);
});

test('another codec is another publication', async () => {
  const made = make();
  const { session, socket } = made;
  session.publish('camera', fakeTrack('video', { height: 720 }));
  await enter(made, { answers: [{ pc: 'main', n: 1, sdp: 'v=0', published: { 0: 'vp8' } }] });
  session.useCodec('VP9');
  await settle();
  assert.deepEqual(socket.of('unpublish').map(({ track }) => track), ['vp8']);
  assert.deepEqual(Object.values(socket.of('offer')[0].tracks), [{ source: 'camera', muted: false }]);
  session.useCodec('VP9');
  await settle();
  assert.equal(socket.of('offer').length, 1);
});

test('a notice of the server ends nothing', async () => {
  const made = make();
  await enter(made);
  made.socket.tell({ type: 'error', code: 'bitrate_limited', message: 'less', track: 'mine' });
  assert.equal(made.notices[0].code, 'bitrate_limited');
  assert.equal(made.session.life.phase, 'connected');
});

test('changes that come together are told together', async () => {
  const made = make();
  await enter(made);
  let changes = 0;
  made.session.addEventListener('change', () => changes++);
  for (let i = 0; i < 5; i++) made.socket.tell({ type: 'participant', id: `p${i}`, name: 'x', connected: true });
  await settle();
  assert.equal(changes, 1);
  assert.equal(made.session.room.people.size, 7);
});
