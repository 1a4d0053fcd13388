// What the call screen decides: tiles, keys, the bar that says what is wrong, the lines of the chat.
import assert from 'node:assert/strict';
import test from 'node:test';

import { STUCK } from '../static/faults.js';
import { KEYS, actionFor } from '../static/keys.js';
import { IDLE, PATIENCE } from '../static/lifecycle.js';
import { emptyRoom, reduce } from '../static/state.js';
import { REJOIN_AFTER, STUCK_AFTER, statusOf } from '../static/status.js';
import { comingsAndGoings, selfPlace, stagedTile, tilesOf } from '../static/tiles.js';
import { linesOf } from '../static/ui/chat.js';

/** @typedef {import('../static/lifecycle.js').Life} Life */

const CALL = /** @type {Life} */ ({ ...IDLE, phase: 'connected', media: 'connected', seated: true });

/** @param {Partial<Life>} life @param {number} now @param {object} [more] */
const status = (life, now, more = {}) => statusOf({ life: { ...CALL, ...life }, now, soundBlocked: false, silentSince: null, drainAt: null, ...more });

test('all is well: no bar', () => {
  assert.equal(status({}, 1e6), null);
  assert.equal(status({ phase: 'left' }, 0), null);
  assert.equal(status({ phase: 'failed', step: null }, 0), null);
});

test('each step of joining is named, and explained when it is stuck', () => {
  for (const step of /** @type {const} */ (['socket', 'join', 'ice', 'dtls'])) {
    const joining = /** @type {Partial<Life>} */ ({ phase: 'joining', step, media: 'none', since: 0, stepSince: 0 });
    const soon = status(joining, 1000);
    assert.deepEqual([soon?.tone, soon?.detail, soon?.action, soon?.joining], ['calm', '', null, true]);
    const stuck = status(joining, STUCK_AFTER);
    assert.deepEqual([stuck?.tone, stuck?.detail], ['warning', STUCK[step]]);
    assert.equal(status(joining, REJOIN_AFTER)?.action, 'rejoin');
  }
});

test('reconnecting says since when, and offers to rejoin after a while', () => {
  const lost = /** @type {Partial<Life>} */ ({ phase: 'resuming', step: 'socket', since: 1000, stepSince: 1000 });
  assert.equal(status(lost, 2000), null);
  assert.match(String(status(lost, 5000)?.text), /^Reconnecting \(4 s\): calling the server$/);
  assert.equal(status(lost, 1000 + REJOIN_AFTER)?.action, 'rejoin');
  assert.ok(status({ ...lost, media: 'broken' }, 1100));
});

test('why the last attempt was refused is said', () => {
  assert.match(String(status({ phase: 'joining', step: 'socket', fault: { code: 'overloaded', message: '' } }, 100)?.detail), /busy/);
});

test('why one joins again is said, and what is stuck', () => {
  for (const [cause, words] of /** @type {const} */ ([
    ['moved', 'This call is moving to another server …'], ['lost', 'The server of this call was lost. Joining again …'],
    ['shutdown', 'The server of this call was shut down. Joining again …'], ['away', 'You were away too long and your place was given up. Joining again …'],
  ])) {
    const again = /** @type {Partial<Life>} */ ({ phase: 'rejoining', step: 'socket', cause, member: true, seated: false, media: 'none', since: 0, stepSince: 0 });
    assert.deepEqual([status(again, 100)?.text, status(again, 100)?.tone, status(again, 100)?.detail], [words, cause === 'moved' ? 'calm' : 'warning', '']);
    assert.equal(status(again, 5000)?.text, `${words} (5 s)`);
    assert.deepEqual([status(again, STUCK_AFTER)?.detail, status(again, STUCK_AFTER)?.tone], [STUCK.socket, 'warning']);
    assert.equal(status(again, REJOIN_AFTER)?.action, 'rejoin');
  }
});

test('a room that cannot be opened is said, with the time where it is long', () => {
  const refused = /** @type {Partial<Life>} */ ({ phase: 'rejoining', step: 'socket', cause: 'lost', media: 'none', fault: { code: 'room_unavailable', message: '' } });
  const text = (/** @type {number | null} */ retryAt) => status(refused, 1000, { retryAt })?.text;
  assert.equal(text(null), 'The server cannot open this room at the moment. Trying again …');
  assert.equal(text(3900), 'The server cannot open this room at the moment. Trying again …');
  assert.equal(text(7100), 'The server cannot open this room at the moment. Trying again in 7 s.');
  assert.equal(status({ ...refused, phase: 'joining', cause: null }, 1000)?.text, text(null));
});

test('why a room cannot be opened is what the server says of it, and not that it says nothing', () => {
  const refused = (/** @type {string} */ message) => /** @type {Partial<Life>} */ ({ phase: 'rejoining', step: 'socket', cause: 'lost', media: 'none', fault: { code: 'room_unavailable', message } });
  const late = STUCK_AFTER + 1000;
  assert.equal(status(refused('All servers are full at the moment; try again later.'), 1000)?.detail, 'All servers are full at the moment; try again later.');
  assert.equal(status(refused('The server cannot open this room at the moment.'), late)?.detail, '', 'that stands in the line above');
  assert.equal(status(refused(''), late)?.detail, '');
});

test('one’s own old place is told from that of another', () => {
  const taken = /** @type {Partial<Life>} */ ({ phase: 'rejoining', step: 'socket', cause: 'moved', member: true, fault: { code: 'identity_in_use', message: '' } });
  assert.match(String(status(taken, 0)?.detail), /^The place that you had before/);
});

test('a flap of the media is not worth a word, a break is', () => {
  const flap = /** @type {Partial<Life>} */ ({ media: 'broken', mediaSince: 1000 });
  assert.equal(status(flap, 1080), null);
  assert.match(String(status(flap, 1000 + PATIENCE)?.text), /Reconnecting \(3 s\)/);
  assert.match(String(status({ media: 'broken', step: 'ice', since: 0, stepSince: 0 }, 5000)?.text), /path for sound/);
});

test('nothing arrives, sound is held back, the server restarts', () => {
  assert.equal(status({}, 4000, { silentSince: 0 }), null);
  assert.equal(status({}, 6000, { silentSince: 0 })?.detail, STUCK.media);
  assert.equal(status({}, 0, { soundBlocked: true })?.action, 'hear');
  assert.match(String(status({}, 0, { drainAt: 9 })?.text), /restart/);
});

function room() {
  let state = emptyRoom();
  const tell = (/** @type {any} */ message) => {
    state = reduce(state, message, 0);
  };
  tell({ type: 'joined', session: '', self: 'me', room: 'r', resumed: false, permissions: {}, participants: [{ id: 'me', name: 'Ada', connected: true }] });
  tell({ type: 'participant', id: 'g', name: '', connected: true });
  const track = (/** @type {string} */ id, /** @type {string} */ participant, /** @type {string} */ source, muted = false) => tell({
    type: 'track', id, participant, kind: source === 'microphone' ? 'audio' : 'video', source, muted, codec: '',
  });
  return { tell, track, get tiles() {
    return tilesOf(state);
  } };
}

test('a tile for everyone, and for every screen but one’s own', () => {
  const r = room();
  r.track('gm', 'g', 'microphone');
  r.track('gs', 'g', 'screen');
  r.track('ms', 'me', 'screen');
  r.track('gc', 'g', 'camera', true);
  assert.deepEqual(r.tiles.map(({ key, name, self, screen, silent }) => [key, name, self, screen, silent]), [
    ['me', 'Ada', true, false, true], ['gs', 'Guest', false, true, false], ['g', 'Guest', false, false, false],
  ]);
  assert.equal(r.tiles[2].video?.id, 'gc');
});

test('what stands on the stage', () => {
  const r = room();
  assert.equal(stagedTile(r.tiles, null), undefined);
  assert.equal(stagedTile(r.tiles, 'g')?.key, 'g');
  r.track('s1', 'g', 'screen');
  assert.equal(stagedTile(r.tiles, null)?.key, 's1');
  assert.equal(stagedTile(r.tiles, 'g')?.key, 'g');
  assert.equal(stagedTile(r.tiles, 'gone')?.key, 's1');
});

test('where oneself is', () => {
  assert.equal(selfPlace({ others: 0, staged: false, phone: false, wanted: false }), 'tile');
  assert.equal(selfPlace({ others: 1, staged: false, phone: false, wanted: true }), 'floating');
  assert.equal(selfPlace({ others: 2, staged: false, phone: false, wanted: true }), 'tile');
  assert.equal(selfPlace({ others: 2, staged: false, phone: true, wanted: true }), 'floating');
  assert.equal(selfPlace({ others: 8, staged: false, phone: true, wanted: true }), 'tile');
  assert.equal(selfPlace({ others: 3, staged: false, phone: false, wanted: false }), 'hidden');
  assert.equal(selfPlace({ others: 3, staged: true, phone: true, wanted: true }), 'hidden');
});

test('who came and who went', () => {
  const before = new Map([['me', { name: 'Ada' }], ['g', { name: 'Grace' }]]);
  const after = new Map([['me', { name: 'Ada' }], ['a', { name: '' }]]);
  assert.deepEqual(comingsAndGoings(before, after, 'me'), ['Guest joined.', 'Grace left.']);
  assert.deepEqual(comingsAndGoings(before, before, 'me'), []);
});

test('keys', () => {
  const free = { typing: false, singles: true };
  for (const [key, action] of Object.entries({ m: 'mic', M: 'mic', v: 'camera', s: 'share', c: 'chat', p: 'people', '?': 'help', Escape: 'escape' })) {
    assert.equal(actionFor({ key }, free), action, key);
  }
  assert.equal(actionFor({ key: 'm' }, { typing: true, singles: true }), null);
  assert.equal(actionFor({ key: 'm' }, { typing: false, singles: false }), null);
  assert.equal(actionFor({ key: 'Escape' }, { typing: true, singles: false }), 'escape');
  assert.equal(actionFor({ key: 'd', ctrlKey: true }, { typing: true, singles: false }), 'mic');
  assert.equal(actionFor({ key: 'e', metaKey: true }, free), 'camera');
  assert.equal(actionFor({ key: 'c', ctrlKey: true }, free), null);
  assert.equal(actionFor({ key: 'm', repeat: true }, free), null);
  assert.equal(actionFor({ key: 'm', altKey: true }, free), null);
  assert.ok(KEYS.length >= 7);
});

test('the chat: what was said, then what is on its way', () => {
  const lines = linesOf([{ id: 1, from: 'g', name: '', body: 'hi', at: 5 }, { id: 2, from: 'me', name: 'Ada', body: 'yes', at: 6, to: 'g' }],
    [{ key: 1, body: 'wait', at: 7 }, { key: 2, body: 'no', at: 8, fault: 'rate_limited' }], (id) => id === 'me');
  assert.deepEqual(lines.map(({ name, own, state }) => [name, own, state]), [['Guest', false, 'said'], ['Ada', true, 'said'], ['', true, 'sending'], ['', true, 'refused']]);
  assert.match(lines[3].note, /^Not sent\./);
  assert.equal(new Set(lines.map(({ key }) => key)).size, 4);
});
