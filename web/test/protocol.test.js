import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import test from 'node:test';

import { SERVER_MESSAGES, cleanName, cleanRoomName, isRefusal, isRoomInfo, isRoomName, parseMessage } from '../static/protocol.js';
import { REQUESTS, isRequest } from './support/requests.js';

const golden = new URL('../../pkg/signaling/testdata/', import.meta.url);
const files = readdirSync(golden).filter((name) => name.endsWith('.json'));
/** @param {string} name */
const read = (name) => readFileSync(new URL(name, golden), 'utf8');
/** @param {string} prefix */
const named = (prefix) => files.filter((name) => name.startsWith(prefix));
/** @param {string} name */
const typeOf = (name) => name.slice(name.indexOf('-') + 1).split('.')[0];

test('every golden server message is understood', () => {
  const seen = new Set();
  for (const name of named('server-')) {
    const message = parseMessage(read(name));
    assert.equal(message?.type, typeOf(name), name);
    seen.add(message?.type);
  }
  assert.deepEqual([...seen].sort(), [...SERVER_MESSAGES].sort());
});

test('a server message of another shape is not understood', () => {
  for (const name of named('server-')) {
    const whole = JSON.parse(read(name));
    for (const [key, value] of Object.entries(whole)) {
      if (key === 're') continue;
      const other = typeof value === 'object' ? 'text' : { not: 'this' };
      assert.equal(parseMessage(JSON.stringify({ ...whole, [key]: other })), undefined, `${name} with another ${key}`);
    }
  }
});

test('every golden request is one of ours', () => {
  const seen = new Set();
  for (const name of named('client-')) {
    const message = JSON.parse(read(name));
    assert.ok(isRequest(message), name);
    assert.equal(message.type, typeOf(name));
    seen.add(message.type);
  }
  assert.deepEqual([...seen].sort(), [...REQUESTS.keys()].sort());
});

test('what is answered over HTTP', () => {
  for (const name of named('http-room')) assert.ok(isRoomInfo(JSON.parse(read(name))), name);
  for (const name of named('http-error')) assert.ok(isRefusal(JSON.parse(read(name))), name);
  assert.ok(!isRoomInfo(JSON.parse(read('http-error.json'))));
});

test('frames that are no messages', () => {
  for (const frame of ['', '{', '[]', 'null', '1', '"ok"', '{}', '{"type":7}', '{"type":"constructor"}', '{"type":"__proto__"}',
    '{"type":"ok","re":"x"}', new ArrayBuffer(4), undefined]) {
    assert.equal(parseMessage(frame), undefined, String(frame));
  }
});

test('an unknown field does no harm, and neither does a prototype', () => {
  const message = parseMessage('{"type":"participant","id":"__proto__","name":"a","connected":true,"__proto__":{"polluted":1},"new":1}');
  assert.equal(message?.type, 'participant');
  assert.equal(/** @type {any} */ ({}).polluted, undefined);
});

test('room names', () => {
  for (const name of ['kitchen', 'A-1_z', 'x'.repeat(64)]) assert.ok(isRoomName(name), name);
  for (const name of ['', 'a b', 'ä', '../x', 'x'.repeat(65), 'a\n']) assert.ok(!isRoomName(name), name);
  /** @type {[string, string][]} */
  const cleaned = [
    ['kitchen', 'kitchen'], ['The Red Room', 'The-Red-Room'], ['  café à deux ', 'cafe-a-deux'], ['../../etc', 'etc'], ['🎉', ''],
    ['--a--b--', 'a-b'], ['y'.repeat(70), 'y'.repeat(64)], ['_x_', '_x_'],
  ];
  for (const [text, want] of cleaned) {
    assert.equal(cleanRoomName(text), want, text);
    assert.ok(want === '' || isRoomName(want));
  }
});

test('names of people', () => {
  /** @type {[string, string][]} */
  const cleaned = [
    ['Ada', 'Ada'], [' Ada \n Lovelace ', 'Ada Lovelace'], ['<img src=x onerror=alert(1)>', '<img src=x onerror=alert(1)>'],
    ['a\u202Eb\u200Fc', 'abc'], [`Z${'\u0335'.repeat(10_000)}`, 'Z\u0335\u0335'], ['\u0000\u0007', ''], ['é'.repeat(80), 'é'.repeat(64)],
    ['👩🏽 Zoë', '👩🏽 Zoë'],
  ];
  for (const [text, want] of cleaned) assert.equal(cleanName(text), want, JSON.stringify(text));
});
