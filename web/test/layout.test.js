import assert from 'node:assert/strict';
import test from 'node:test';

import { arrange, capacity, grid, isPhone, promoteSpeakers } from '../static/layout.js';

const WINDOWS = [[1280, 800], [1024, 700], [390, 844], [844, 390], [320, 480], [2560, 1440], [800, 250], [200, 900]].map(([width, height]) => ({ width, height }));
const EPSILON = 0.01;

/** @param {any[]} rects @param {{ width: number, height: number }} area @param {string} name */
function check(rects, area, name) {
  for (const [i, r] of rects.entries()) {
    assert.ok(r.width > 0 && r.height > 0, `${name}: tile ${i} has no size`);
    assert.ok(r.x >= -EPSILON && r.y >= -EPSILON && r.x + r.width <= area.width + EPSILON && r.y + r.height <= area.height + EPSILON, `${name}: tile ${i} sticks out`);
    for (const o of rects.slice(i + 1)) {
      const apart = r.x + r.width <= o.x + EPSILON || o.x + o.width <= r.x + EPSILON || r.y + r.height <= o.y + EPSILON || o.y + o.height <= r.y + EPSILON;
      assert.ok(apart, `${name}: tiles overlap`);
    }
  }
}

test('any number of tiles in any window: inside, apart, equal', () => {
  for (const area of WINDOWS) {
    for (let count = 0; count <= 60; count++) {
      const name = `${count} in ${area.width}x${area.height}`;
      const rects = grid(count, area);
      assert.equal(rects.length, count, name);
      check(rects, area, name);
      assert.equal(new Set(rects.map(({ width, height }) => `${width.toFixed(3)} ${height.toFixed(3)}`)).size, Math.min(1, count), name);
    }
  }
});

test('every arrangement: inside, apart, and nobody forgotten', () => {
  for (const area of WINDOWS) {
    for (const staged of [false, true]) {
      for (let tiles = 0; tiles <= 40; tiles++) {
        const name = `${tiles}${staged ? ' and a stage' : ''} in ${area.width}x${area.height}`;
        const first = arrange({ area, tiles, staged, floatingSelf: false, page: 0 });
        const all = [first.stage, ...first.tiles, first.more].filter((r) => r !== null);
        check(all, area, name);
        if (staged) {
          assert.equal(first.tiles.length + first.hidden, tiles, name);
          assert.equal(first.more !== null, first.hidden > 0, name);
          continue;
        }
        let seen = 0;
        for (let page = 0; page < first.pages; page++) seen += arrange({ area, tiles, staged, floatingSelf: false, page }).tiles.length;
        assert.equal(seen, tiles, name);
      }
    }
  }
});

test('what one expects to see', () => {
  /** @param {number} count @param {number} width @param {number} height */
  const columns = (count, width, height) => {
    const rects = grid(count, { width, height });
    return rects.filter(({ y }) => Math.abs(y - rects[0].y) < 1).length;
  };
  assert.equal(columns(1, 1280, 700), 1);
  assert.equal(columns(2, 1280, 700), 2);
  assert.equal(columns(4, 1280, 700), 2);
  assert.equal(columns(9, 1280, 700), 3);
  assert.equal(columns(25, 1280, 700), 5);
  assert.equal(columns(2, 390, 700), 1);
  assert.equal(columns(4, 390, 700), 2);
  assert.equal(columns(3, 844, 300), 3);
});

test('few tiles on a phone, many on a desk, the rest on pages', () => {
  const phone = { width: 390, height: 700 };
  assert.ok(isPhone(phone));
  assert.ok(capacity(25, phone) >= 6 && capacity(25, phone) <= 10);
  assert.equal(capacity(25, { width: 1280, height: 700 }), 25);
  assert.equal(capacity(1, { width: 50, height: 50 }), 1);
  assert.equal(capacity(0, phone), 0);
  const last = arrange({ area: phone, tiles: 25, staged: false, floatingSelf: false, page: 99 });
  assert.ok(last.tiles.length > 0);
  assert.equal(last.tiles[0].width, arrange({ area: phone, tiles: 25, staged: false, floatingSelf: false, page: 0 }).tiles[0].width);
});

test('a stage has its strip where there is room', () => {
  const wide = arrange({ area: { width: 1280, height: 700 }, tiles: 3, staged: true, floatingSelf: false, page: 0 });
  assert.ok(Number(wide.stage?.width) > 900 && wide.tiles.every(({ x }) => x > 900));
  const tall = arrange({ area: { width: 390, height: 700 }, tiles: 3, staged: true, floatingSelf: false, page: 0 });
  assert.ok(tall.stage?.width === 390 && tall.tiles.every(({ y }) => y > 300));
  const alone = arrange({ area: { width: 390, height: 700 }, tiles: 0, staged: true, floatingSelf: false, page: 0 });
  assert.equal(alone.stage?.height, 700);
});

test('oneself floats in a corner', () => {
  for (const area of WINDOWS) {
    const { self } = arrange({ area, tiles: 1, staged: false, floatingSelf: true, page: 0 });
    assert.ok(self && self.x + self.width > area.width * 0.9 && self.y > 0 && self.x >= 0, JSON.stringify(area));
  }
});

test('a speaker out of sight takes the place of who was silent the longest', () => {
  const order = ['a', 'b', 'c', 'd'];
  const heard = new Map([['a', 100], ['b', 50]]);
  assert.deepEqual(promoteSpeakers(order, 2, heard, new Set()), order);
  assert.deepEqual(promoteSpeakers(order, 2, heard, new Set(['a'])), order);
  assert.deepEqual(promoteSpeakers(order, 2, heard, new Set(['d'])), ['a', 'd', 'c', 'b']);
  assert.deepEqual(promoteSpeakers(order, 2, heard, new Set(['a', 'd'])), ['a', 'd', 'c', 'b']);
  assert.deepEqual(promoteSpeakers(order, 2, heard, new Set(['a', 'b', 'd'])), order);
  assert.deepEqual([...promoteSpeakers(order, 2, heard, new Set(['c', 'd']))].sort(), order);
});
