// A camera is sent in three sizes, and each viewer gets the one that its tile is worth.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { launchChromium } from '../support/browser.js';
import { report } from './support/figures.js';
import { fakeDevices, motion, speech } from './support/footage.js';
import { openPeers, serverWithPeers } from './support/peers.js';
import { Person } from './support/person.js';
import { LONG, freshRoom, scenario } from './support/scenario.js';
import { until } from './support/wait.js';

const SWITCHES = LONG ? 50 : 6;
/** A change of size holds the picture no longer than this. */
const GAP = 300;
const SLACK = 10;
const SMALL = { width: 400, height: 380 };
const LARGE = { width: 1400, height: 980 };

/** Rates at which a browser's first guess of the network's soon allows all three. */
const ENCODINGS = [
  { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 80_000 },
  { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 160_000 },
  { rid: 'f', scaleResolutionDownBy: 1, maxBitrate: 400_000 },
];

/** @type {import('playwright-core').Browser} */ let browser;
before(async () => {
  browser = await launchChromium({ args: fakeDevices({ video: motion(1280, 720, { seconds: 2 }), audio: speech() }) });
});
after(() => browser?.close());

scenario(`${SWITCHES} changes between 180p and 720p as the tile changes`, async (scene) => {
  const root = await serverWithPeers(scene);
  const room = freshRoom();
  const publishers = await openPeers(await scene.chromium(browser, 'publisher'), root);
  await publishers.ask('join', room, 'Kim', { camera: { colour: '#20d020', width: 1280, height: 720, fps: 15 }, encodings: ENCODINGS });
  const ann = new Person(await scene.chromium(browser, 'Ann', { viewport: LARGE }), 'Ann');
  await ann.enter(root, room, { devices: 'nothing' });
  await ann.decodes('Kim', { check: ({ height }) => height === 720 });

  /** @type {number[]} */ const gaps = [];
  /** @type {number[]} */ const delays = [];
  for (let i = 0; i < SWITCHES; i++) {
    const { size, height } = i % 2 === 0 ? { size: SMALL, height: 180 } : { size: LARGE, height: 720 };
    await ann.tab.ask('watch', 'Kim');
    const asked = performance.now();
    await ann.tab.resize(size.width, size.height);
    await ann.decodes('Kim', { frames: 3, check: (reception) => reception.height === height });
    delays.push(performance.now() - asked);
    gaps.push((await ann.tab.ask('gaps', 'Kim')).longest);
  }
  report('change of size, from the resizing to some frames of the other size', delays);
  report('longest time without a picture at a change of size', gaps, { target: GAP });
  assert.ok(Math.max(...gaps) <= GAP * SLACK, `the picture stood for ${Math.max(...gaps)} ms`);
}, { within: 120_000 + SWITCHES * 5000 });

scenario('the page sends its camera in three sizes, and who pins it gets a larger one', async (scene) => {
  const root = await serverWithPeers(scene);
  const room = freshRoom();
  const others = await openPeers(await scene.chromium(browser, 'others'), root);
  const ann = new Person(await scene.chromium(browser, 'Ann'), 'Ann');
  const bob = new Person(await scene.chromium(browser, 'Bob', { viewport: { width: 1280, height: 560 } }), 'Bob');
  for (const name of ['Kim', 'Lee', 'Max']) await others.ask('join', room, name, { camera: { colour: '#2020e0', width: 160, height: 90, fps: 5 } });
  await ann.enter(root, room);
  await bob.enter(root, room, { devices: 'nothing' });
  const sizes = await until('three sizes are sent', async () => {
    const sent = await ann.tab.ask('sent');
    return sent.length === 3 && sent;
  });
  assert.deepEqual(sizes.map((/** @type {{ rid: string }} */ { rid }) => rid).sort(), ['f', 'h', 'q']);
  const { height } = await bob.decodes('Ann');
  assert.ok(height < 720, `${height} lines for a small tile`);
  await bob.tab.click('button', 'Pin Ann');
  await bob.decodes('Ann', { check: (reception) => reception.height > height });
});
