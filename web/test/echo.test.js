import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';

import { Connection } from '../static/connection.js';
import { ECHO } from '../static/echo.js';
import { Session } from '../static/session.js';
import { echoTile, isPerson, selfPlace } from '../static/tiles.js';
import { FakeClock, settle } from './support/clock.js';
import { FakePeerConnection, fakeTrack } from './support/peer.js';
import { FakeSocket } from './support/socket.js';

const INFO = { room: 'kitchen', protocol: 'sfu.v1', auth: 'open', limits: { slotsFirst: 2, slots: 8 } };
const SELF = { id: 'ada', name: 'Ada', connected: true };
const GRACE = { id: 'grace', name: 'Grace', connected: true };

const { info } = console;
beforeEach(() => {
  FakePeerConnection.all = [];
  console.info = () => {};
});
afterEach(() => {
  console.info = info;
});

/** @param {object} [more] */
const joined = (more = {}) => ({
  type: 'joined', session: 'secret', self: 'ada', room: 'kitchen', resumed: false, permissions: {}, participants: [SELF],
  answers: [{ pc: 'main', n: 1, sdp: 'v=0', published: { 0: 'mic', 1: 'cam' } }], bound: [], ...more,
});

/** Somebody alone with microphone and camera. @param {object} [more] */
async function alone(more) {
  const clock = new FakeClock();
  const socket = new FakeSocket();
  const session = new Session({ root: new URL('http://x/'), room: 'kitchen' }, /** @type {any} */ ({
    clock, fetchRoom: async () => INFO, makeSocket: () => socket, videoCapabilities: () => [{ mimeType: 'video/VP8', clockRate: 90000 }],
    makeConnection: (/** @type {string} */ name, /** @type {any} */ config) => new Connection(name, config, /** @type {any} */ (FakePeerConnection)),
  }));
  session.publish('microphone', fakeTrack('audio'));
  session.publish('camera', fakeTrack('video', { height: 720 }));
  session.join();
  await settle();
  socket.open();
  await settle();
  socket.answer('join', joined(more));
  await settle();
  FakePeerConnection.all[0].become('connected', 'connected');
  await settle();
  /** What the server was asked for since the last time. */
  let read = 0;
  const wishes = () => {
    const news = socket.sent.slice(read).filter(({ type }) => type === 'subscribe' || type === 'unsubscribe').map(({ type, tracks }) => [type, ...tracks.toSorted()]);
    read = socket.sent.length;
    return news;
  };
  return { clock, socket, session, wishes };
}

/** @param {Awaited<ReturnType<typeof alone>>} made */
async function begin({ session }) {
  session.test(true);
  await settle();
}

test('what one sends comes back for the asking, and is shown at the size that is told', async () => {
  const made = await alone();
  const { session, socket, clock, wishes } = made;
  session.publish('screen', fakeTrack('video', { height: 1080 }));
  await settle();
  assert.deepEqual([wishes(), session.arriving], [[], []]);
  await begin(made);
  assert.deepEqual(wishes(), [['subscribe', 'cam', 'mic']]);
  assert.equal(session.testing, true);
  socket.tell({ type: 'slots', bound: [{ pc: 'main', mid: '2', track: 'mic' }, { pc: 'main', mid: '3', track: 'cam' }] });
  assert.equal(session.seat('cam')?.mid, '3');
  assert.deepEqual(session.arriving.map(({ id, kind, participant }) => [id, kind, participant]), [['mic', 'audio', ECHO], ['cam', 'video', ECHO]]);
  session.show(new Map(['cam', 'nobody'].map((track) => [track, { track, width: 640, height: 360 }])));
  await clock.advance(300);
  assert.deepEqual(socket.of('view').map(({ tracks }) => tracks), [[{ track: 'cam', width: 640, height: 360 }]]);
  session.mute('camera', true);
  await settle();
  assert.equal(session.arriving.find(({ id }) => id === 'cam')?.muted, true);
  session.test(false);
  await settle();
  assert.deepEqual([wishes(), session.arriving, session.testing], [[['unsubscribe', 'cam', 'mic']], [], false]);
});

test('the test ends when somebody comes in, and does not begin while somebody is there', async () => {
  const made = await alone();
  const { session, socket, wishes } = made;
  await begin(made);
  wishes();
  socket.tell({ type: 'participant', ...GRACE });
  await settle();
  assert.deepEqual([wishes(), session.arriving, session.testing], [[['unsubscribe', 'cam', 'mic']], [], false]);
  await begin(made);
  assert.deepEqual([wishes(), session.testing], [[], false]);
  socket.tell({ type: 'gone', participant: 'grace', reason: 'left' });
  await settle();
  assert.equal(session.testing, false);
});

test('what is sent later comes back too, and the test ends with the last of it', async () => {
  const made = await alone({ answers: [{ pc: 'main', n: 1, sdp: 'v=0', published: { 0: 'mic' } }] });
  const { session, socket, wishes } = made;
  await begin(made);
  assert.deepEqual(wishes(), [['subscribe', 'mic']]);
  session.unpublish('camera');
  session.publish('camera', fakeTrack('video', { height: 720 }));
  await settle();
  socket.answer('publish', { type: 'published', track: 'cam2' });
  await settle();
  assert.deepEqual(wishes(), [['subscribe', 'cam2']]);
  session.unpublish('camera');
  await settle();
  assert.deepEqual(wishes(), [['unsubscribe', 'cam2']]);
  session.unpublish('microphone');
  await settle();
  assert.deepEqual([wishes(), session.testing], [[['unsubscribe', 'mic']], false]);
});

/** @param {Awaited<ReturnType<typeof alone>>} made @param {object} [more] */
async function resume({ socket }, more) {
  socket.open();
  await settle();
  socket.answer('resume', joined({ resumed: true, answers: [], ...more }));
  await settle();
}

test('after a resume the server knows what is wished now', async () => {
  const made = await alone();
  const { session, socket, wishes } = made;
  await begin(made);
  wishes();
  const tracks = [{ id: 'cam', participant: 'ada', kind: 'video', source: 'camera', muted: false, codec: 'VP8' }];
  socket.lose(1006);
  await resume(made, { participants: [{ ...SELF, tracks }], bound: [{ pc: 'main', mid: '3', track: 'cam' }] });
  assert.deepEqual(wishes(), [['subscribe', 'cam', 'mic']]);
  assert.equal(session.seat('cam')?.mid, '3');
  assert.deepEqual(session.arriving.map(({ id }) => id), ['mic', 'cam']);
  socket.lose(1006);
  session.test(false);
  await settle();
  await resume(made);
  assert.deepEqual(wishes(), [['unsubscribe', 'cam', 'mic']]);
  session.test(true);
  await settle();
  wishes();
  socket.lose(1006);
  await resume(made, { participants: [SELF, GRACE] });
  assert.deepEqual([wishes(), session.testing], [[['unsubscribe', 'cam', 'mic']], false]);
});

test('with another seat the test goes on, with what is sent from there', async () => {
  const made = await alone();
  const { session, socket, wishes } = made;
  await begin(made);
  socket.lose(1006);
  socket.open();
  await settle();
  socket.refuse('resume', 'resume_invalid');
  await settle();
  socket.open();
  await settle();
  wishes();
  socket.answer('join', joined({ self: 'ada2', participants: [{ ...SELF, id: 'ada2' }], answers: [{ pc: 'main1', n: 1, sdp: 'v=0', published: { 0: 'mic2', 1: 'cam2' } }] }));
  await settle();
  assert.deepEqual(wishes(), [['subscribe', 'cam2', 'mic2']]);
  assert.deepEqual(session.arriving.map(({ id }) => id), ['mic2', 'cam2']);
});

test('who leaves has ended the test', async () => {
  const made = await alone();
  await begin(made);
  made.session.leave();
  await settle();
  assert.deepEqual([made.session.testing, made.session.arriving], [false, []]);
});

test('the tile of what comes back is no person, and stands large', () => {
  /** @type {(id: string, source: any, muted: boolean, participant?: string) => any} */
  const track = (id, source, muted, participant = ECHO) => ({ id, participant, kind: source === 'camera' ? 'video' : 'audio', source, muted, codec: '' });
  const tile = echoTile([track('other', 'camera', false, 'grace'), track('mic', 'microphone', true), track('cam', 'camera', false)], '');
  assert.deepEqual([tile.video?.id, tile.silent, tile.self, tile.name, isPerson(tile)], ['cam', true, false, 'Guest', false]);
  assert.equal(echoTile([track('cam', 'camera', false)], 'Ada').silent, true);
  assert.equal(selfPlace({ others: 1, staged: false, phone: false, wanted: true }), 'floating');
});
