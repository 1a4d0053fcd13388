import assert from 'node:assert/strict';
import test from 'node:test';

import { backoff } from '../static/backoff.js';
import { Socket } from '../static/socket.js';
import { FakeClock, settle } from './support/clock.js';

class FakeWebSocket {
  static CONNECTING = 0;
  static OPEN = 1;
  /** @type {FakeWebSocket[]} */ static all = [];
  readyState = 0;
  /** @type {any[]} */ sent = [];
  /** @type {any} */ onopen;
  /** @type {any} */ onmessage;
  /** @type {any} */ onclose;

  /** @param {string} url @param {string} protocol */
  constructor(url, protocol) {
    Object.assign(this, { url, protocol });
    FakeWebSocket.all.push(this);
  }

  /** @param {string} text */
  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.readyState = 3;
  }

  open() {
    this.readyState = 1;
    this.onopen();
  }

  /** @param {any} message */
  say(message) {
    this.onmessage({ data: JSON.stringify(message) });
  }

  /** @param {number} code */
  drop(code) {
    this.readyState = 3;
    this.onclose({ code, reason: '' });
  }
}

function make() {
  FakeWebSocket.all = [];
  const clock = new FakeClock();
  const socket = new Socket('ws://x/', 'sfu.v1', { WebSocket: /** @type {any} */ (FakeWebSocket), clock, random: () => 0.5 });
  /** @type {string[]} */
  const events = [];
  socket.addEventListener('open', () => events.push('open'));
  socket.addEventListener('lost', (event) => events.push(`lost ${/** @type {any} */ (event).detail.code} ${/** @type {any} */ (event).detail.reason}`.trim()));
  socket.addEventListener('message', (event) => events.push(/** @type {any} */ (event).detail.type));
  const last = () => /** @type {FakeWebSocket} */ (FakeWebSocket.all.at(-1));
  return { clock, socket, events, last, count: () => FakeWebSocket.all.length };
}

test('back-off is full jitter under a bound', () => {
  assert.equal(backoff(0, 0), 0);
  for (let attempt = 0; attempt < 20; attempt++) {
    assert.ok(backoff(attempt, 0.999) <= 8000);
    assert.ok(backoff(attempt, 0.2) <= backoff(attempt + 1, 0.2) || attempt > 3);
  }
  assert.ok(backoff(0, 0.999) < 500);
});

test('requests are numbered and matched with their answers', async () => {
  const { socket, last, events } = make();
  socket.connect();
  last().open();
  const one = socket.request({ type: 'ping' });
  const two = socket.request({ type: 'rename', name: 'x' });
  assert.deepEqual(last().sent, [{ type: 'ping', id: 1 }, { type: 'rename', name: 'x', id: 2 }]);
  last().say({ type: 'error', re: 2, code: 'bad_name', message: 'no', retryAfter: 5 });
  last().say({ type: 'ok', re: 1 });
  last().say({ type: 'drain', deadline: 5 });
  assert.equal((await one).type, 'ok');
  await assert.rejects(two, { code: 'bad_name', message: 'no', retryAfter: 5 });
  assert.deepEqual(events, ['open', 'drain']);
});

test('it comes back by itself, later each time, and at once after it was settled', async () => {
  const { socket, last, clock, count, events } = make();
  socket.connect();
  last().drop(1006);
  await clock.advance(125);
  assert.equal(count(), 2);
  last().drop(1006);
  await clock.advance(499);
  assert.equal(count(), 2);
  await clock.advance(1);
  assert.equal(count(), 3);
  last().open();
  socket.settled();
  last().drop(1006);
  await clock.advance(125);
  assert.equal(count(), 4);
  assert.deepEqual(events, ['lost 1006', 'lost 1006', 'open', 'lost 1006']);
});

test('open requests fail when the socket is lost', async () => {
  const { socket, last } = make();
  await assert.rejects(socket.request({ type: 'ping' }), { code: 'socket_lost' });
  socket.connect();
  last().open();
  const open = socket.request({ type: 'ping' });
  last().drop(1006);
  await assert.rejects(open, { code: 'socket_lost' });
});

test('a ping that is not answered ends the connection', async () => {
  const { socket, last, clock, events } = make();
  socket.connect();
  last().open();
  socket.settled();
  await clock.advance(2000);
  assert.equal(last().sent.length, 1);
  last().say({ type: 'ok', re: 1 });
  await clock.advance(2000);
  assert.equal(last().sent.length, 2);
  const silent = last();
  await clock.advance(5999);
  assert.deepEqual(events, ['open']);
  await clock.advance(1);
  assert.deepEqual(events, ['open', 'lost 0 no pong']);
  assert.equal(silent.readyState, 3);
});

test('a server that lets nobody in is given more time before it must answer', async () => {
  const { socket, last, clock, events } = make();
  socket.connect();
  last().open();
  await clock.advance(4999);
  assert.equal(last().sent.length, 0);
  await clock.advance(1);
  assert.deepEqual(last().sent.map(({ type }) => type), ['ping']);
  // The welcome does not forget the ping that is under way.
  socket.settled();
  await clock.advance(6000);
  assert.deepEqual(events, ['open', 'lost 0 no pong']);
});

test('a page that slept asks again before it gives up', async () => {
  const { socket, last, clock, events } = make();
  socket.connect();
  last().open();
  socket.settled();
  await clock.advance(2000);
  clock.sleep(60_000);
  await clock.advance(1);
  assert.deepEqual(events, ['open']);
  assert.equal(last().sent.length, 2);
  last().say({ type: 'ok', re: 2 });
  await settle();
  await clock.advance(2000);
  assert.equal(last().sent.length, 3);
  assert.deepEqual(events, ['open']);
});

test('a page whose timers run once a minute never gives up by itself', async () => {
  const { socket, last, clock, events } = make();
  socket.connect();
  last().open();
  socket.settled();
  await clock.advance(2000);
  for (let i = 0; i < 5; i++) {
    clock.sleep(60_000);
    await clock.advance(1);
  }
  assert.deepEqual(events, ['open']);
  assert.equal(last().sent.length, 6);
});

test('without an answer and without media the connection is lost sooner', async () => {
  for (const [silentFrom, lostAfter] of [[0, 2000], [1000, 2000], [2500, 3000], [Infinity, 6000]]) {
    const { socket, last, clock, events } = make();
    socket.connect();
    last().open();
    socket.settled();
    await clock.advance(2000);
    const asked = clock.now();
    socket.silent = async () => clock.now() - asked >= silentFrom;
    await clock.advance(lostAfter - 1);
    assert.deepEqual(events, ['open'], `silent from ${silentFrom}`);
    await clock.advance(1);
    assert.deepEqual(events, ['open', `lost 0 no pong${silentFrom < Infinity ? ', no media' : ''}`]);
  }
});

test('silent media are no matter while answers come, nor when one comes late', async () => {
  const { socket, last, clock, events } = make();
  /** @type {((silent: boolean) => void)[]} */
  const asked = [];
  socket.silent = () => new Promise((resolve) => asked.push(resolve));
  socket.connect();
  last().open();
  socket.settled();
  for (let n = 1; n < 10; n++) {
    await clock.advance(2000);
    last().say({ type: 'ok', re: n });
    await settle();
  }
  assert.equal(asked.length, 0);
  await clock.advance(4100);
  assert.equal(asked.length, 2);
  last().say({ type: 'ok', re: 10 });
  await settle();
  for (const answer of asked) answer(true);
  await settle();
  assert.deepEqual(events, ['open']);
});

test('a handshake without an answer is given up', async () => {
  const { socket, last, clock, events, count } = make();
  socket.connect();
  const first = last();
  await clock.advance(8000);
  assert.equal(first.readyState, 3);
  assert.deepEqual(events, ['lost 0 no answer']);
  first.drop(1006);
  assert.equal(events.length, 1);
  await clock.advance(500);
  assert.equal(count(), 2);
});

test('close ends it for good', async () => {
  const { socket, last, clock, events, count } = make();
  socket.connect();
  last().open();
  socket.close();
  assert.equal(last().readyState, 3);
  await clock.advance(60_000);
  assert.equal(count(), 1);
  assert.deepEqual(events, ['open', 'lost 1000']);
  assert.equal(clock.pending, 0);
});

test('reconnect drops the connection and waits as long as it is told, and longer each time', async () => {
  const { socket, last, clock, count, events } = make();
  socket.connect();
  last().open();
  socket.reconnect(3000);
  assert.deepEqual(events, ['open', 'lost 0 reconnect']);
  assert.equal(socket.retryAt, 3125);
  await clock.advance(3124);
  assert.equal(count(), 1);
  await clock.advance(1);
  assert.equal(count(), 2);
  assert.equal(socket.retryAt, null);
  for (const backoffs of [500, 1000, 2000, 4000, 4000]) {
    last().open();
    const before = count();
    socket.reconnect(7000);
    await clock.advance(7000 + backoffs - 1);
    assert.equal(count(), before);
    await clock.advance(1);
    assert.equal(count(), before + 1);
  }
});

test('a socket that is being opened in one place is opened in another', async () => {
  const { socket, last, count, events } = make();
  socket.aim('ws://elsewhere/');
  assert.equal(count(), 0);
  socket.connect();
  assert.equal(/** @type {any} */ (last()).url, 'ws://elsewhere/');
  const first = last();
  socket.aim('ws://elsewhere/');
  assert.equal(count(), 1);
  socket.aim('ws://there/');
  assert.deepEqual([count(), first.readyState, /** @type {any} */ (last()).url], [2, 3, 'ws://there/']);
  first.drop(1006);
  last().open();
  socket.aim('ws://x/');
  assert.deepEqual([count(), last().readyState, events], [2, 1, ['open']], 'what is open stays');
});

test('it says whether what was lost had been open', () => {
  const { socket, last } = make();
  /** @type {boolean[]} */
  const opened = [];
  socket.addEventListener('lost', (event) => opened.push(/** @type {any} */ (event).detail.opened));
  socket.connect();
  last().drop(1006);
  socket.nudge();
  last().open();
  last().drop(1006);
  assert.deepEqual(opened, [false, true]);
});

test('a nudge tries at once, or looks whether it lives', async () => {
  const { socket, last, clock, count, events } = make();
  socket.nudge();
  assert.equal(count(), 0);
  socket.connect();
  last().drop(1006);
  socket.nudge();
  assert.equal(count(), 2);
  await clock.advance(200);
  assert.equal(count(), 2);
  last().open();
  socket.nudge();
  assert.equal(last().sent[0].type, 'ping');
  await clock.advance(3000);
  assert.equal(events.at(-1), 'lost 0 no pong');
});

test('rubbish is passed over', (t) => {
  t.mock.method(console, 'warn', () => {});
  const { socket, last, events } = make();
  socket.connect();
  last().open();
  last().onmessage({ data: '{' });
  last().onmessage({ data: new ArrayBuffer(2) });
  last().say({ type: 'ok', re: 99 });
  assert.deepEqual(events, ['open']);
});
