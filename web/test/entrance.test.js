import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Entrance } from '../static/entrance.js';
import { FakeClock } from './support/clock.js';

const INFO = /** @type {any} */ ({ room: 'kitchen' });

function make() {
  let opened = 0;
  return new Entrance({
    clock: new FakeClock(), ask: async () => INFO, open: async () => ({ pc: `main${opened++}`, n: 1, sdp: 'v=0' }),
  });
}

test('an offer serves until it is dropped, and only the one that is meant is dropped', async () => {
  const entrance = make();
  const first = entrance.offer();
  assert.equal((await first).pc, 'main0');
  assert.equal(entrance.offer(), first);
  entrance.drop(first);
  const second = entrance.offer();
  assert.equal((await second).pc, 'main1');
  entrance.drop(first);
  assert.equal(entrance.offer(), second);
});

test('an offer that is made while it is no longer wanted fails as a lost socket does', async () => {
  const entrance = make();
  const offer = entrance.offer();
  entrance.done();
  await assert.rejects(offer, { code: 'socket_lost' });
});
