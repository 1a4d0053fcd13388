// How long it takes from the press of Join to somebody's face.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { launchChromium } from '../support/browser.js';
import { report } from './support/figures.js';
import { fakeDevices, motion, speech } from './support/footage.js';
import { openPeers, serverWithPeers } from './support/peers.js';
import { Person } from './support/person.js';
import { LONG, freshRoom, scenario } from './support/scenario.js';
import { until } from './support/wait.js';

const JOINS = LONG ? 20 : 3;
const TARGET = 1000;
const SLACK = 10;

/** @type {import('playwright-core').Browser} */ let browser;
before(async () => {
  browser = await launchChromium({ args: fakeDevices({ video: motion(320, 180), audio: speech() }) });
});
after(() => browser?.close());

scenario(`${JOINS} joins, until the first picture`, async (scene) => {
  const root = await serverWithPeers(scene);
  const room = freshRoom();
  const publisher = await openPeers(await scene.chromium(browser, 'publisher'), root);
  await publisher.ask('join', room, 'Kim', { camera: { colour: '#20d020', width: 320, height: 180, fps: 30 } });
  const ann = new Person(await scene.chromium(browser, 'Ann'), 'Ann');
  /** @type {number[]} */
  const times = [];
  for (let i = 0; i < JOINS; i++) {
    await ann.open(root, room);
    await ann.prepare('both');
    await until('the page knows the room', () => ann.tab.says('One person is inside.'));
    await ann.join();
    times.push(await until('the first picture', () => ann.tab.ask('joinTime')));
    await ann.leave();
    await until('Ann has left', () => ann.tab.says('You left the call'));
  }
  report('from the press of Join to the first picture of someone else', times, { target: TARGET });
  assert.ok(Math.max(...times) <= TARGET * SLACK, `a join took ${Math.max(...times)} ms`);
}, { within: 60_000 + JOINS * TARGET * SLACK });
