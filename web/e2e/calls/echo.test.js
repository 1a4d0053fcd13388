// S7: one person alone sees and hears the own stream back from the server, and the test ends when somebody comes in.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { launchChromium } from '../support/browser.js';
import { fakeDevices, motion, speech } from './support/footage.js';
import { Person, allMeet } from './support/person.js';
import { startProxy } from './support/proxy.js';
import { freshRoom, scenario } from './support/scenario.js';
import { pause, until } from './support/wait.js';

const BACK = 'You, as others see you';
const START = 'Test your camera and sound';
const STOP = 'Stop the test';

/** @type {import('playwright-core').Browser} */ let browser;
before(async () => {
  browser = await launchChromium({ args: fakeDevices({ video: motion(640, 360), audio: speech() }) });
});
after(() => browser?.close());

const whole = (/** @type {{ width: number, height: number }} */ { width, height }) => width === 640 && height === 360;
const small = (/** @type {{ width: number, height: number }} */ { width, height }) => width > 0 && width < 640 && height > 0;

/** @param {Person} person */
async function comesBack(person) {
  await person.decodes(BACK, { check: whole });
  await person.hears(1);
  assert.equal(await person.tab.ask('own', BACK), false, 'it came over the network');
  assert.ok(await person.tab.ask('own', `${person.name} (you)`), 'and the own picture is still there');
}

/** @param {Person} person */
async function isOver(person) {
  await person.gone(BACK);
  assert.ok(!await person.tab.says(STOP));
}

/** Longer than what is on its way takes. */
const QUIET = 1000;

/** @param {Person} person */
const nothingComes = (person) => until(`nothing arrives at ${person.name}`, async () => {
  const before = await person.tab.ask('arrived');
  await pause(QUIET);
  return await person.tab.ask('arrived') === before;
});

scenario('S7: alone, one sees and hears oneself as others would, until somebody comes in', async (scene) => {
  const { url } = await scene.server();
  const room = freshRoom();
  const [tab, other] = await Promise.all(['Ann', 'Bob'].map((name) => scene.chromium(browser, name)));
  const [ann, bob] = [new Person(tab, 'Ann'), new Person(other, 'Bob')];
  await ann.enter(url, room);
  await until('she is told', () => ann.tab.says('You are the only one here.'));
  assert.ok(!await ann.sees(BACK));
  await ann.tab.click('button', START);
  await comesBack(ann);
  assert.ok(await ann.tab.says('A headset avoids howling.'));
  assert.equal(await ann.tab.run(() => getComputedStyle(/** @type {Element} */ (document.querySelector('.tile:not(.self) .picture'))).transform), 'none', 'not mirrored');
  assert.equal(await ann.tab.run(() => document.activeElement?.textContent), STOP, 'the keyboard is where it was');

  // What she sees is what a viewer of that size gets.
  await ann.tab.resize(390, 500);
  await ann.decodes(BACK, { check: small });
  await ann.tab.resize(1000, 640);
  await ann.decodes(BACK, { check: whole });
  await ann.tab.click('button', 'Camera');
  await until('it is seen to be off', async () => /Camera is off/.test(await ann.saysOf(BACK)));
  await ann.tab.click('button', 'Camera');
  await comesBack(ann);

  await ann.tab.click('button', STOP);
  await isOver(ann);
  await nothingComes(ann);
  await tab.page.keyboard.press('Enter');
  await comesBack(ann);

  await bob.enter(url, room);
  await isOver(ann);
  await until('she is told why', () => ann.tab.says('The test is over, because somebody came in.'));
  await allMeet([ann, bob], { check: ({ width }) => width > 0 });
  assert.equal((await ann.voices()).length, 1, 'she no longer hears herself');
  assert.deepEqual((await bob.tiles()).filter((label) => label.startsWith('You,')), [], 'he saw nothing of it');
  await bob.leave();
  await until('she may test again', () => ann.tab.says(START));
});

scenario('S7: the test survives a lost socket, and a new seat', async (scene) => {
  const server = await scene.server();
  const proxy = await startProxy(server);
  scene.closing(() => proxy.close());
  const ann = new Person(await scene.chromium(browser, 'Ann'), 'Ann');
  await ann.enter(proxy.url, freshRoom());
  await ann.tab.click('button', START);
  await comesBack(ann);
  proxy.cut();
  await until('the page notices', async () => !await ann.tab.says(STOP));
  await comesBack(ann);
  proxy.mend();
  await until('the socket is back', () => ann.tab.says(STOP));
  await comesBack(ann);

  await server.kill();
  await until('the page notices', async () => !await ann.tab.says(STOP));
  scene.serves(await server.again());
  await until('she is in again', () => ann.tab.says(STOP));
  await comesBack(ann);
  await ann.tab.click('button', STOP);
  await isOver(ann);
});

scenario('S7: nothing to test without camera and microphone, and only the sound without a camera', async (scene) => {
  const { url } = await scene.server();
  const ann = new Person(await scene.chromium(browser, 'Ann'), 'Ann');
  await ann.enter(url, freshRoom(), { devices: 'nothing' });
  await until('she is told', () => ann.tab.says('You are the only one here.'));
  assert.ok(!await ann.tab.says(START));
  await ann.tab.click('button', 'Microphone');
  await ann.tab.click('button', START);
  await ann.hears(1);
  assert.ok(await ann.sees(BACK));
  assert.equal(await ann.picture(BACK), null);
});
