import assert from 'node:assert/strict';
import test from 'node:test';

import { IDLE, PATIENCE, advance, isLive } from '../static/lifecycle.js';

/** @typedef {import('../static/lifecycle.js').LifeEvent} LifeEvent */

/** Runs a script of [time, event] and returns the last state and all effects. @param {[number, LifeEvent][]} script */
function run(script) {
  let life = IDLE;
  /** @type {string[]} */
  const effects = [];
  for (const [now, event] of script) {
    const [next, done] = advance(life, event, now);
    life = next;
    for (const effect of done) {
      if (effect.do === 'greet') effects.push(`greet ${effect.with}`);
      else if (effect.do === 'connect' && effect.after !== undefined) effects.push(`connect ${effect.after}${effect.fresh ? ' fresh' : ''}`);
      else effects.push(effect.do);
    }
  }
  return { life, effects };
}

/** @type {[number, LifeEvent][]} */
const JOINED = [
  [0, { type: 'join' }], [10, { type: 'open' }], [20, { type: 'joined' }], [30, { type: 'media', state: 'ice' }],
  [40, { type: 'media', state: 'dtls' }], [50, { type: 'media', state: 'connected' }],
];

test('a join goes through its steps', () => {
  const steps = JOINED.map((_, i) => run(JOINED.slice(0, i + 1)).life).map(({ phase, step }) => `${phase} ${step}`);
  assert.deepEqual(steps, ['joining socket', 'joining join', 'joining ice', 'joining ice', 'joining dtls', 'connected null']);
  assert.deepEqual(run(JOINED).effects, ['connect', 'greet join']);
});

test('media may be there before the welcome', () => {
  const { life } = run([[0, { type: 'join' }], [1, { type: 'open' }], [2, { type: 'media', state: 'connected' }], [3, { type: 'joined' }]]);
  assert.equal(life.phase, 'connected');
});

test('each step says since when it is waited for', () => {
  const { life } = run([[0, { type: 'join' }], [4000, { type: 'tick' }], [9000, { type: 'open' }], [11_000, { type: 'tick' }]]);
  assert.deepEqual([life.step, life.since, life.stepSince], ['join', 0, 9000]);
});

test('a lost socket is resumed and the media is left alone', () => {
  const { life, effects } = run([...JOINED, [1000, { type: 'lost', code: 1006 }], [2000, { type: 'lost', code: 1006 }], [3000, { type: 'open' }],
    [3100, { type: 'joined' }]]);
  assert.deepEqual(effects, ['connect', 'greet join', 'greet resume']);
  assert.equal(life.phase, 'connected');
  assert.equal(life.step, null);
});

test('the time of an interruption is counted from its begin', () => {
  const { life } = run([...JOINED, [1000, { type: 'lost' }], [2000, { type: 'lost' }], [3000, { type: 'open' }],
    [3100, { type: 'refused', code: 'resume_invalid', message: '' }]]);
  assert.deepEqual([life.phase, life.since], ['rejoining', 1000]);
});

test('a resume that is not valid leads to a new join', () => {
  const { life, effects } = run([...JOINED, [1000, { type: 'lost' }], [1100, { type: 'open' }],
    [1200, { type: 'refused', code: 'resume_invalid', message: '' }], [1210, { type: 'lost', code: 4401 }], [1300, { type: 'open' }],
    [1400, { type: 'joined' }], [1500, { type: 'media', state: 'connected' }]]);
  assert.deepEqual(effects, ['connect', 'greet join', 'greet resume', 'connect 0 fresh', 'greet join']);
  assert.equal(life.phase, 'connected');
});

test('a refusal that may pass is tried again, another one ends', () => {
  const busy = run([[0, { type: 'join' }], [1, { type: 'open' }], [2, { type: 'refused', code: 'overloaded', message: 'busy', retryAfter: 700 }],
    [3, { type: 'lost', code: 4503 }]]);
  assert.deepEqual(busy.effects, ['connect', 'greet join', 'connect 700']);
  assert.deepEqual([busy.life.phase, busy.life.step, busy.life.fault?.code], ['joining', 'socket', 'overloaded']);
  const full = run([[0, { type: 'join' }], [1, { type: 'open' }], [2, { type: 'refused', code: 'room_full', message: '' }]]);
  assert.deepEqual([full.life.phase, full.life.fault?.code], ['failed', 'room_full']);
  assert.deepEqual(full.effects, ['connect', 'greet join', 'stop']);
});

test('being removed, replaced, or sent away ends in its own way', () => {
  for (const [event, phase, code] of /** @type {[LifeEvent, string, string | undefined][]} */ ([
    [{ type: 'lost', code: 4010 }, 'failed', 'removed'],
    [{ type: 'lost', code: 4009 }, 'failed', 'replaced'],
    [{ type: 'lost', code: 4008 }, 'resuming', undefined],
    [{ type: 'lost', code: 1001 }, 'resuming', undefined],
    [{ type: 'left', reason: 'removed', code: 'removed', message: 'x' }, 'failed', 'removed'],
    [{ type: 'left', reason: 'left' }, 'left', undefined],
    [{ type: 'left', reason: 'shutdown' }, 'rejoining', undefined],
    [{ type: 'left', reason: 'moved', code: 'moved' }, 'rejoining', undefined],
    [{ type: 'left', reason: 'replaced', code: 'replaced' }, 'failed', 'replaced'],
    [{ type: 'lost', code: 4002 }, 'rejoining', undefined],
    [{ type: 'lost', code: 4503 }, 'resuming', undefined],
    [{ type: 'leave' }, 'left', undefined],
  ])) {
    const { life } = run([...JOINED, [1000, event]]);
    assert.deepEqual([life.phase, life.fault?.code], [phase, code], JSON.stringify(event));
  }
});

test('who is sent away by a move, or loses the seat, joins again at once and knows why', () => {
  /** @type {[[number, LifeEvent][], string, number][]} what happened, the cause, and since when */
  const cases = [
    [[[1000, { type: 'left', reason: 'moved', code: 'moved' }], [1001, { type: 'lost', code: 4002 }]], 'moved', 1000],
    [[[1000, { type: 'lost', code: 4002 }]], 'moved', 1000],
    [[[1000, { type: 'left', reason: 'shutdown', code: 'shutdown' }]], 'shutdown', 1000],
    [[[1000, { type: 'left', reason: 'lost' }]], 'lost', 1000],
    [[[1000, { type: 'lost', code: 1006 }], [2000, { type: 'open' }], [2100, { type: 'refused', code: 'resume_invalid', message: '' }]], 'lost', 1000],
    [[[1000, { type: 'lost', code: 1006 }], [13_000, { type: 'open' }], [13_100, { type: 'refused', code: 'resume_invalid', message: '' }]], 'away', 1000],
  ];
  for (const [script, cause, since] of cases) {
    const { life, effects } = run([...JOINED, ...script]);
    assert.deepEqual([life.phase, life.step, life.cause, life.since, life.seated, life.member], ['rejoining', 'socket', cause, since, false, true]);
    assert.equal(effects.filter((effect) => effect === 'connect 0 fresh').length, 1, JSON.stringify(script));
    const back = run([...JOINED, ...script, [14_000, { type: 'open' }], [14_100, { type: 'joined' }], [14_200, { type: 'media', state: 'connected' }]]);
    assert.deepEqual([back.life.phase, back.life.step, back.life.cause], ['connected', null, null]);
    assert.equal(back.effects.at(-1), 'greet join');
  }
});

test('a call that is moved twice is one interruption', () => {
  const { life } = run([...JOINED, [1000, { type: 'left', reason: 'moved' }], [1300, { type: 'open' }], [1400, { type: 'joined' }], [1500, { type: 'left', reason: 'moved' }]]);
  assert.deepEqual([life.phase, life.since, life.cause], ['rejoining', 1000, 'moved']);
});

test('who was in the call is never turned away for want of a server', () => {
  for (const code of ['room_unavailable', 'overloaded', 'draining', 'server_unreachable', 'rate_limited']) {
    /** @type {[number, LifeEvent][]} */
    const script = [...JOINED, [1000, { type: 'left', reason: 'moved' }]];
    for (let now = 2000; now < 3_600_000; now += 8000) script.push([now, { type: 'open' }], [now + 10, { type: 'refused', code, message: '', retryAfter: 2000 }]);
    const { life, effects } = run(script);
    assert.deepEqual([life.phase, life.step, life.fault?.code, effects.at(-1)], ['rejoining', 'socket', code, 'connect 2000']);
    assert.deepEqual(run([...script, [4_000_000, { type: 'open' }], [4_000_001, { type: 'joined' }]]).life.fault, null);
  }
});

test('one’s own old place may be in the way for a while', () => {
  for (const code of ['identity_in_use', 'room_full']) {
    const refused = /** @type {LifeEvent} */ ({ type: 'refused', code, message: '' });
    assert.equal(run([[0, { type: 'join' }], [1, { type: 'open' }], [2, refused]]).life.phase, 'failed', 'a stranger is turned away');
    /** @type {[number, LifeEvent][]} */
    const again = [...JOINED, [1000, { type: 'left', reason: 'moved' }], [1100, { type: 'open' }], [1200, refused], [16_000, { type: 'open' }], [16_199, refused]];
    const { life, effects } = run(again);
    assert.deepEqual([life.phase, life.fault?.code, effects.at(-1)], ['rejoining', code, 'connect 500']);
    assert.deepEqual([run([...again, [16_200, refused]]).life.phase, run([...again, [16_200, refused]]).life.fault?.code], ['failed', code]);
    const later = run([...again, [16_300, { type: 'open' }], [16_400, { type: 'joined' }], [90_000, { type: 'left', reason: 'moved' }], [90_100, refused]]);
    assert.equal(later.life.phase, 'rejoining', 'each time has its own while');
  }
});

test('nothing happens after the end, but one may join again', () => {
  const { life, effects } = run([...JOINED, [1000, { type: 'leave' }], [1001, { type: 'lost', code: 1000 }], [1002, { type: 'open' }],
    [1003, { type: 'tick' }], [2000, { type: 'join' }]]);
  assert.deepEqual(effects, ['connect', 'greet join', 'stop', 'connect']);
  assert.deepEqual([life.phase, life.since], ['joining', 2000]);
});

test('a short flap of the media is left alone', () => {
  const { life, effects } = run([...JOINED, [1000, { type: 'media', state: 'ice' }], [1080, { type: 'media', state: 'connected' }],
    [9000, { type: 'tick' }]]);
  assert.deepEqual(effects, ['connect', 'greet join']);
  assert.deepEqual([life.phase, life.step, life.media], ['connected', null, 'connected']);
});

test('media that stays away is restarted, then replaced, and replaced again', () => {
  const base = /** @type {[number, LifeEvent][]} */ ([...JOINED, [1000, { type: 'media', state: 'disconnected' }]]);
  assert.deepEqual(run([...base, [1000 + PATIENCE - 1, { type: 'tick' }]]).effects.slice(2), []);
  const restarted = run([...base, [1000 + PATIENCE, { type: 'tick' }], [5000, { type: 'tick' }]]);
  assert.deepEqual(restarted.effects.slice(2), ['restart-ice']);
  assert.deepEqual([restarted.life.step, restarted.life.since], ['ice', 1000]);
  const replaced = run([...base, [4000, { type: 'tick' }], [14_000, { type: 'tick' }], [20_000, { type: 'tick' }], [34_500, { type: 'tick' }]]);
  assert.deepEqual(replaced.effects.slice(2), ['restart-ice', 'replace-media', 'replace-media']);
  const well = run([...base, [4000, { type: 'tick' }], [5000, { type: 'media', state: 'connected' }]]);
  assert.deepEqual([well.life.step, well.life.restarts, well.life.media], [null, 0, 'connected']);
});

test('failed media is restarted at once, and so is what breaks right after the network changed', () => {
  assert.deepEqual(run([...JOINED, [1000, { type: 'media', state: 'failed' }]]).effects.slice(2), ['restart-ice']);
  assert.deepEqual(run([...JOINED, [1000, { type: 'network' }], [1500, { type: 'media', state: 'disconnected' }], [1600, { type: 'tick' }]])
    .effects.slice(2), ['restart-ice']);
  assert.deepEqual(run([...JOINED, [1000, { type: 'network' }], [1500, { type: 'tick' }]]).effects.slice(2), []);
});

test('media that broke while the socket was away is restarted after the resume', () => {
  const { life, effects } = run([...JOINED, [1000, { type: 'lost' }], [1500, { type: 'media', state: 'disconnected' }], [9000, { type: 'tick' }],
    [9500, { type: 'media', state: 'failed' }], [10_000, { type: 'open' }], [10_100, { type: 'joined' }]]);
  assert.deepEqual(effects.slice(2), ['greet resume', 'restart-ice']);
  assert.deepEqual([life.phase, life.step], ['connected', 'ice']);
});

test('a connection that is over soon after another one waits for its successor', async () => {
  /** @type {[number, LifeEvent][]} */
  const twice = [...JOINED, [1000, { type: 'over' }], [1500, { type: 'media', state: 'connected' }], [2000, { type: 'over' }]];
  const { life, effects } = run([...twice, [3000, { type: 'over' }], [10_900, { type: 'tick' }]]);
  assert.deepEqual(effects.slice(2), ['replace-media']);
  assert.deepEqual([life.phase, life.media, life.step, life.since], ['connected', 'over', 'ice', 2000]);
  assert.deepEqual(run([...twice, [11_000, { type: 'tick' }]]).effects.slice(2), ['replace-media', 'replace-media']);
  assert.deepEqual(run([...twice, [3000, { type: 'lost' }], [20_000, { type: 'tick' }]]).effects.slice(2), ['replace-media']);
  assert.deepEqual(run([...JOINED, [1000, { type: 'over' }], [12_000, { type: 'over' }]]).effects.slice(2), ['replace-media', 'replace-media']);
});

test('a connection that the server gave up is replaced at once, or after the resume', () => {
  assert.deepEqual(run([...JOINED, [1000, { type: 'over' }]]).effects.slice(2), ['replace-media']);
  const { life, effects } = run([...JOINED, [1000, { type: 'lost' }], [1500, { type: 'over' }], [1600, { type: 'media', state: 'connected' }],
    [2000, { type: 'open' }], [2100, { type: 'joined' }]]);
  assert.deepEqual(effects.slice(2), ['greet resume', 'replace-media']);
  assert.deepEqual([life.phase, life.step, life.media], ['connected', 'ice', 'ice']);
});

test('a first connection that never comes is replaced', () => {
  const { effects } = run([...JOINED.slice(0, 4), [20_019, { type: 'tick' }], [20_020, { type: 'tick' }]]);
  assert.deepEqual(effects.slice(2), ['replace-media']);
});

test('a live session always waits for something or is whole, whatever happens', () => {
  let seed = 3;
  const random = () => (seed = (seed * 1103515245 + 12345) % 2 ** 31) / 2 ** 31;
  /** @type {LifeEvent[]} */
  const events = [
    { type: 'open' }, { type: 'lost', code: 1006 }, { type: 'joined' }, { type: 'refused', code: 'resume_invalid', message: '' },
    { type: 'refused', code: 'overloaded', message: '' }, { type: 'media', state: 'ice' }, { type: 'media', state: 'dtls' },
    { type: 'media', state: 'connected' }, { type: 'media', state: 'disconnected' }, { type: 'media', state: 'failed' }, { type: 'network' },
    { type: 'tick' }, { type: 'over' }, { type: 'left', reason: 'moved' }, { type: 'lost', code: 4002 }, { type: 'refused', code: 'room_unavailable', message: '' },
  ];
  for (let round = 0; round < 300; round++) {
    let [life] = advance(IDLE, { type: 'join' }, 0);
    for (let now = 1; now < 60_000; now += 1 + random() * 3000) {
      [life] = advance(life, events[Math.floor(random() * events.length)], now);
      assert.ok(isLive(life));
      assert.ok(life.since <= now && life.stepSince <= now && life.mediaSince <= now);
      if (life.phase !== 'connected') assert.ok(life.step, JSON.stringify(life));
      if (life.phase === 'connected' && !life.step) assert.ok(life.media === 'connected' || life.media === 'broken', JSON.stringify(life));
    }
  }
});
