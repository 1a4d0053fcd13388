// Three people meet in a room, with picture, sound, a shared screen and words; and they go again, in every way there is.

import { after, before } from 'node:test';
import assert from 'node:assert/strict';

import { launchChromium } from '../support/browser.js';
import { fakeDevices, motion, speech } from './support/footage.js';
import { Person, allMeet } from './support/person.js';
import { freshRoom, scenario } from './support/scenario.js';
import { until } from './support/wait.js';

const LEAVE_SEEN = 1000;
const LOSS_SEEN = 15_000;
/** By how much a busy machine may miss a target. */
const SLACK = 10;

/** @type {import('playwright-core').Browser} */ let browser;
before(async () => {
  browser = await launchChromium({ args: fakeDevices({ video: motion(320, 180), audio: speech() }) });
});
after(() => browser?.close());

const small = (/** @type {{ width: number, height: number }} */ { width, height }) => width === 320 && height === 180;

// S1: the own picture in one place, the others' in theirs; nothing is installed.
scenario('three people see and hear each other, share, write, and leave', async (scene) => {
  const { url } = await scene.server();
  const room = freshRoom();
  const [ann, bob, eve] = await Promise.all(['Ann', 'Bob', 'Eve'].map(async (name) => new Person(await scene.chromium(browser, name), name)));
  await ann.enter(url, room);
  await bob.enter(url, room);
  await ann.write('Who comes late reads this too.');
  await bob.openChat();
  await bob.reads('Who comes late reads this too.');
  await eve.enter(url, room);
  await allMeet([ann, bob, eve], { check: small });
  await eve.openChat();
  await eve.reads('Who comes late reads this too.');
  await eve.write('Good morning from Eve');
  await Promise.all([ann.reads('Good morning from Eve'), bob.reads('Good morning from Eve')]);

  await sharing(ann, [bob, eve]);
  await cameraOff(bob, ann, eve);
  await leaving(eve, [ann, bob]);
  await reloading(bob, ann);
  await crashing(bob, ann);
});

/** @param {Person} sharer @param {Person[]} others */
async function sharing(sharer, others) {
  const screen = `${sharer.name}’s screen`;
  await sharer.tab.click('button', 'Share screen');
  for (const other of others) {
    const shared = await other.decodes(screen, { check: ({ width, height }) => width >= 640 && height >= 360 });
    const camera = await other.decodes(sharer.name, { check: small });
    assert.notEqual(shared.mid, camera.mid, 'the screen has a slot of its own');
  }
  await sharer.tab.click('button', 'Stop sharing the screen');
  for (const other of others) {
    await other.gone(screen);
    await other.decodes(sharer.name);
  }
}

/** Turning off a camera concerns that picture and no other. @param {Person} person @param {Person} viewer @param {Person} another */
async function cameraOff(person, viewer, another) {
  await person.tab.click('button', 'Camera');
  await until(`${viewer.name} is told`, async () => (await viewer.saysOf(person.name)).includes('Camera is off.'));
  await until('the picture is gone', async () => await viewer.picture(person.name) === null);
  await viewer.decodes(another.name);
  await person.tab.click('button', 'Camera');
  await viewer.decodes(person.name);
}

/** @param {Person} person @param {Person[]} others */
async function leaving(person, others) {
  await person.leave();
  await Promise.all(others.map((other) => other.gone(person.name, { within: LEAVE_SEEN * SLACK })));
  assert.ok(await until('the end page', () => person.tab.says('You left the call')));
}

/** @param {Person} person @param {Person} other */
async function reloading(person, other) {
  const reloaded = person.tab.reload();
  await other.gone(person.name, { within: LEAVE_SEEN * SLACK });
  await reloaded;
  await person.prepare('both');
  await person.join();
  await allMeet([person, other]);
}

/** A tab that dies says no farewell. @param {Person} person @param {Person} other */
async function crashing(person, other) {
  const died = performance.now();
  person.tab.goto('chrome://crash').catch(() => {});
  await other.gone(person.name, { within: LOSS_SEEN * SLACK });
  console.log(`a tab that died was missed after ${((performance.now() - died) / 1000).toFixed(1)} s`);
}
