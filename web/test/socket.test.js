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
  await clock.advance(5000);
  assert.equal(last().sent.length, 1);
  last().say({ type: 'ok', re: 1 });
  await clock.advance(5000);
  assert.equal(last().sent.length, 2);
  const silent = last();
  await clock.advance(5999);
  assert.deepEqual(events, ['open']);
  await clock.advance(1);
  assert.deepEqual(events, ['open', 'lost 0 no pong']);
  assert.equal(silent.readyState, 3);
});

test('a page that slept asks again before it gives up', async () => {
  const { socket, last, clock, events } = make();
  socket.connect();
  last().open();
  await clock.advance(5000);
  clock.sleep(60_000);
  await clock.advance(1);
  assert.deepEqual(events, ['open']);
  assert.equal(last().sent.length, 2);
  last().say({ type: 'ok', re: 2 });
  await settle();
  await clock.advance(6000);
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

test('reconnect drops the connection and waits as long as it is told', async () => {
  const { socket, last, clock, count, events } = make();
  socket.connect();
  last().open();
  socket.reconnect(3000);
  assert.deepEqual(events, ['open', 'lost 0 reconnect']);
  await clock.advance(2999);
  assert.equal(count(), 1);
  await clock.advance(1);
  assert.equal(count(), 2);
  last().drop(4503);
  socket.reconnect(7000);
  await clock.advance(6999);
  assert.equal(count(), 2);
  await clock.advance(1);
  assert.equal(count(), 3);
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
