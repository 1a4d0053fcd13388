// A slot changes its source under a running picture, and the pool of slots grows, without anyone seeing more of it than the change.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { launchChromium } from '../support/browser.js';
import { report } from './support/figures.js';
import { launchFirefox } from '../support/firefox.js';
import { gapsOf, openPeers, serverWithPeers } from './support/peers.js';
import { Person } from './support/person.js';
import { LONG, freshRoom, scenario } from './support/scenario.js';
import { pause, until } from './support/wait.js';

/** @typedef {import('./support/tab.js').Tab} Tab */
/** @typedef {import('./support/peers.js').Frame} Frame */

const SWITCHES = LONG ? 200 : 20;
const EVERY = 500;
/** No picture stands longer than this. */
const STALL = 500;
/** By how much a busy machine may miss it. */
const SLACK = 10;

/** Of different sizes. A source is asked for a keyframe every other second at most for good, so that there are enough of them to change between. */
const CAMERAS = {
  red: { colour: '#e02020', width: 640, height: 360, fps: 20 },
  green: { colour: '#20d020', width: 320, height: 180, fps: 20 },
  blue: { colour: '#2020e0', width: 480, height: 270, fps: 20 },
  yellow: { colour: '#e0e020', width: 320, height: 240, fps: 20 },
  magenta: { colour: '#e020e0', width: 240, height: 320, fps: 20 },
};
const SMALL = { colour: '#2020e0', width: 160, height: 90, fps: 10 };
const COLOURS = /** @type {(keyof typeof CAMERAS)[]} */ (Object.keys(CAMERAS));

/** @type {import('playwright-core').Browser} */ let chromium;
/** @type {import('puppeteer-core').Browser} */ let firefox;
before(async () => {
  [chromium, firefox] = await Promise.all([launchChromium(), launchFirefox()]);
});
after(() => Promise.all([chromium?.close(), firefox?.close()]));

scenario(`${SWITCHES} switches of one slot in Chromium`, (scene) => switches(scene, 'Chromium'), { within: 60_000 + SWITCHES * EVERY * SLACK });
scenario(`${SWITCHES} switches of one slot in Firefox`, (scene) => switches(scene, 'Firefox'), { within: 60_000 + SWITCHES * EVERY * SLACK });

/** @param {import('./support/scenario.js').Scene} scene @param {'Chromium' | 'Firefox'} name */
async function switches(scene, name) {
  const root = await serverWithPeers(scene);
  const room = freshRoom();
  const publishers = await openPeers(await scene.chromium(chromium, 'publishers'), root);
  const viewer = await openPeers(name === 'Firefox' ? await scene.firefox(firefox, 'viewer') : await scene.chromium(chromium, 'viewer'), root);
  for (const colour of COLOURS) await publishers.ask('join', room, colour, { camera: CAMERAS[colour] });
  await viewer.ask('join', room, 'viewer', { slots: 1, subscribe: 'manual', grows: false });
  for (const colour of COLOURS) await until(`${colour} is published`, () => viewer.ask('sees', 'viewer', colour));
  await viewer.ask('turnTo', 'viewer', 'red');
  await until('red is seen', async () => (await framesOf(viewer)).some(({ colour }) => colour === 'red'));

  /** @type {{ to: string, at: number }[]} */
  const asked = [];
  for (let i = 0; i < SWITCHES; i++) {
    const [from, to] = [COLOURS[i % COLOURS.length], COLOURS[(i + 1) % COLOURS.length]];
    const next = pause(EVERY);
    asked.push({ to, at: await viewer.ask('turnTo', 'viewer', to, from) });
    await next;
  }
  const last = asked[asked.length - 1];
  const frames = await until('the last switch is seen', async () => {
    const all = await framesOf(viewer);
    return all.at(-1)?.colour === last.to && all.filter(({ at }) => at > last.at).length > 5 ? all : null;
  });
  judge(name, frames, asked, await viewer.ask('freezes', 'viewer'));
}

/** @param {Tab} viewer @returns {Promise<Frame[]>} of its only slot */
const framesOf = async (viewer) => (await viewer.ask('frames', 'viewer'))[0].frames;

/** @param {string} name @param {Frame[]} frames @param {{ to: string, at: number }[]} asked @param {number} freezes */
function judge(name, frames, asked, freezes) {
  const delays = asked.map(({ to, at }, i) => {
    const first = frames.find((frame) => frame.at > at && frame.colour === to);
    const until_ = asked[i + 1]?.at ?? Infinity;
    return first && first.at < until_ ? first.at - at : NaN;
  });
  const seen = delays.filter((delay) => !Number.isNaN(delay));
  const gaps = gapsOf(frames.filter(({ at }) => at > asked[0].at - EVERY));
  report(`switch of a slot in ${name}, from the request to the first picture`, seen, { note: `${delays.length - seen.length} not seen before the next one` });
  report(`longest times without a picture in ${name}`, gaps.slice(0, asked.length), { target: STALL, note: `${freezes} freezes` });
  assert.ok(seen.length > 0, 'no switch was seen');
  assert.ok(gaps[0] <= STALL * SLACK, `a picture stood for ${gaps[0]} ms`);
  const strange = frames.find(({ at, colour }) => at > asked[0].at && !(colour in CAMERAS));
  assert.equal(strange, undefined, `a frame shows ${strange?.colour}, which nobody sends`);
}

scenario('more slots while pictures run disturb nobody', async (scene) => {
  const root = await serverWithPeers(scene);
  const room = freshRoom();
  const publishers = await openPeers(await scene.chromium(chromium, 'publishers'), root);
  const viewers = await openPeers(await scene.chromium(chromium, 'viewers'), root);
  const foxes = await openPeers(await scene.firefox(firefox, 'foxes'), root);
  await publishers.ask('join', room, 'green', { camera: CAMERAS.green });
  await viewers.ask('join', room, 'growing', { slots: 1 });
  await viewers.ask('join', room, 'other', { slots: 4 });
  await foxes.ask('join', room, 'fox', { slots: 1 });
  /** @type {[Tab, string][]} */
  const all = [[viewers, 'growing'], [viewers, 'other'], [foxes, 'fox']];
  for (const [tab, name] of all) await until(`${name} sees green`, async () => shows(await tab.ask('frames', name), 'green'));
  const before = await Promise.all(all.map(async ([tab, name]) => ({ at: await tab.ask('now'), freezes: await tab.ask('freezes', name) })));

  await publishers.ask('join', room, 'blue', { camera: { ...CAMERAS.blue, width: 320, height: 180 } });
  await publishers.ask('join', room, 'red', { camera: { ...CAMERAS.red, width: 320, height: 180 } });
  for (const [tab, name] of all) {
    await until(`${name} sees blue and red too`, async () => {
      const slots = await tab.ask('frames', name);
      return shows(slots, 'blue') && shows(slots, 'red');
    });
  }
  assert.ok(await viewers.ask('slots', 'growing') > 1, 'the pool grew');
  for (const [i, [tab, name]] of all.entries()) {
    const { at, freezes } = before[i];
    const green = (await tab.ask('frames', name)).find((/** @type {{ frames: Frame[] }} */ { frames }) => frames[0]?.colour === 'green').frames;
    const gaps = gapsOf(green.filter((/** @type {Frame} */ frame) => frame.at > at));
    report(`longest times without a picture at ${name} while slots are added`, gaps.slice(0, 10), { target: STALL, note: `${await tab.ask('freezes', name) - freezes} freezes` });
    assert.ok(gaps[0] <= STALL * SLACK, `the picture of ${name} stood for ${gaps[0]} ms`);
    const strange = green.filter((/** @type {Frame} */ { colour }) => colour !== 'green');
    assert.deepEqual(strange, [], `a slot of ${name} showed something else, among ${green.length} frames from ${green[0].at} on; growth began at ${at}`);
  }
});

/** @param {{ frames: Frame[] }[]} slots @param {string} colour */
const shows = (slots, colour) => slots.some(({ frames }) => frames.at(-1)?.colour === colour && frames.length > 5);

scenario('the page asks for more slots when more people come', async (scene) => {
  const root = await serverWithPeers(scene);
  const room = freshRoom();
  const publishers = await openPeers(await scene.chromium(chromium, 'publishers'), root);
  const ann = new Person(await scene.chromium(chromium, 'Ann'), 'Ann');
  const names = ['Kim', 'Lee', 'Max', 'Noa', 'Oda', 'Pat'];
  await publishers.ask('join', room, names[0], { camera: SMALL });
  await ann.enter(root, room, { devices: 'nothing' });
  await ann.decodes(names[0]);
  await ann.tab.ask('watch', names[0]);
  for (const name of names.slice(1)) await publishers.ask('join', room, name, { camera: SMALL });
  for (const name of names) await ann.decodes(name);
  const { longest } = await ann.tab.ask('gaps', names[0]);
  assert.ok(longest <= STALL * SLACK, `the first picture stood for ${longest} ms`);
});
