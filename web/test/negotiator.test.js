import assert from 'node:assert/strict';
import test from 'node:test';

import { Negotiator } from '../static/negotiator.js';

test('the first wish is an offer at once, later ones wait and are merged', () => {
  const negotiator = new Negotiator();
  assert.deepEqual(negotiator.wish({ slots: 4 }), { n: 1, restart: false, slots: 4 });
  assert.equal(negotiator.wish(), null);
  assert.equal(negotiator.wish({ slots: 4 }), null);
  assert.equal(negotiator.wish({ slots: 2 }), null);
  assert.equal(negotiator.wish({ restart: true }), null);
  assert.deepEqual(negotiator.answered(1), { n: 2, restart: true, slots: 4 });
  assert.equal(negotiator.answered(2), null);
});

test('a stale answer changes nothing', () => {
  const negotiator = new Negotiator();
  negotiator.wish();
  assert.ok(negotiator.expects(1));
  assert.ok(!negotiator.expects(0));
  assert.equal(negotiator.answered(7), null);
  assert.ok(negotiator.expects(1));
  assert.equal(negotiator.wish(), null);
  assert.equal(negotiator.answered(1)?.n, 2);
});

test('a refused offer takes its wishes with it', () => {
  const negotiator = new Negotiator();
  negotiator.wish({ slots: 4 });
  assert.equal(negotiator.refused(1), null);
  assert.deepEqual(negotiator.wish(), { n: 2, restart: false, slots: 0 });
});

test('an interrupted offer stays in flight, and nothing new is begun', () => {
  const negotiator = new Negotiator();
  negotiator.wish({ slots: 4, restart: true });
  negotiator.interrupt();
  assert.equal(negotiator.wish({ slots: 2 }), null);
  assert.equal(negotiator.resume(), null);
  assert.ok(negotiator.expects(1));
  assert.deepEqual(negotiator.answered(1), { n: 2, restart: false, slots: 2 });
  negotiator.answered(2);
  negotiator.interrupt();
  assert.equal(negotiator.wish(), null);
  assert.equal(negotiator.resume()?.n, 3);
});

test('never two in flight, numbers only grow, and no wish is forgotten', () => {
  let seed = 7;
  const random = () => (seed = (seed * 1103515245 + 12345) % 2 ** 31) / 2 ** 31;
  for (let round = 0; round < 200; round++) {
    const negotiator = new Negotiator();
    let flight = 0;
    let last = 0;
    let owed = false;
    /** @param {import('../static/negotiator.js').Order | null} order */
    const take = (order) => {
      if (!order) return;
      assert.equal(flight, 0);
      assert.ok(order.n > last);
      flight = last = order.n;
      if (order.restart) owed = false;
    };
    let paused = false;
    for (let i = 0; i < 60; i++) {
      const dice = random();
      if (dice < 0.5) {
        owed = true;
        take(negotiator.wish({ restart: true }));
      } else if (dice < 0.8 && flight) {
        const n = flight;
        flight = 0;
        take(negotiator.answered(n));
      } else if (dice < 0.9 && !paused) {
        paused = true;
        negotiator.interrupt();
      } else if (paused) {
        paused = false;
        take(negotiator.resume());
      }
    }
    if (paused) take(negotiator.resume());
    while (flight) {
      const n = flight;
      flight = 0;
      take(negotiator.answered(n));
    }
    assert.ok(!owed);
  }
});
