// The running page for those who have no mouse or do not see it: axe-core finds nothing wrong, and keys are enough.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { faults } from '../support/axe.js';
import { launchChromium } from '../support/browser.js';
import { fakeDevices, motion, speech } from './support/footage.js';
import { Person } from './support/person.js';
import { freshRoom, scenario } from './support/scenario.js';
import { until } from './support/wait.js';

/** @type {import('playwright-core').Browser} */ let browser;
before(async () => {
  browser = await launchChromium({ args: fakeDevices({ video: motion(320, 180), audio: speech() }) });
});
after(() => browser?.close());

scenario('axe finds nothing on the way into a call and in it', async (scene) => {
  const { url } = await scene.server();
  const room = freshRoom();
  const tab = await scene.chromium(browser, 'Ann');
  const ann = new Person(tab, 'Ann');
  const found = [];
  await ann.open(url, room);
  await until('the look in the mirror', () => tab.says('Nobody is here yet.'));
  await ann.prepare('both');
  found.push(...await faults(tab.page, 'before joining'));
  await ann.join();

  for (const name of ['Bob', 'Eve']) {
    const other = new Person(await scene.chromium(browser, name), name);
    await other.enter(url, room);
    await ann.decodes(name);
    if (name === 'Eve') await other.write('Good morning');
  }
  found.push(...await faults(tab.page, 'a call of 3'));
  await ann.openChat();
  await ann.reads('Good morning');
  found.push(...await faults(tab.page, 'a call of 3 with the chat open'));
  assert.equal(found.length, 0, `axe finds\n${found.join('\n')}`);
}, { within: 240_000 });

// S3: all that is typed to meet is the name of a room, and one's own.
scenario('keys are enough to join, mute, write and leave', async (scene) => {
  const { url } = await scene.server();
  const room = freshRoom();
  const tab = await scene.chromium(browser, 'Ann');
  const { page, page: { keyboard } } = tab;
  const ann = new Person(tab, 'Ann');
  const bob = new Person(await scene.chromium(browser, 'Bob'), 'Bob');
  await bob.enter(url, room, { devices: 'nothing' });
  /** Goes on with Tab until a control of that name has the focus. @param {string} name */
  const tabTo = async (name) => {
    for (let i = 0; i < 60; i++) {
      if (await page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? /** @type {HTMLElement} */ (document.activeElement)?.innerText) === name) return;
      await keyboard.press('Tab');
    }
    assert.fail(`Tab never leads to ${name}`);
  };

  await tab.goto(url);
  await until('the landing page', () => tab.says('Name a room'));
  await keyboard.type(room);
  await keyboard.press('Enter');
  await until('the look in the mirror', () => tab.says('You are about to join'));
  await keyboard.type('Ann');
  await tabTo('Turn on camera and microphone');
  await keyboard.press('Enter');
  await ann.isOn('Camera');
  await tabTo('Join the call');
  await keyboard.press('Enter');
  await bob.decodes('Ann');
  await bob.hears(1);

  await keyboard.press('m');
  await until('Bob sees that she is mute', async () => /microphone off/.test(await bob.saysOf('Ann')));
  await tabTo('Microphone');
  await keyboard.press('Space');
  await until('Bob sees that she is not', async () => !/microphone off/.test(await bob.saysOf('Ann')));

  await keyboard.press('c');
  await keyboard.type('without a mouse, with an m in it');
  await keyboard.press('Enter');
  await bob.openChat();
  await bob.reads('without a mouse, with an m in it');
  assert.doesNotMatch(await bob.saysOf('Ann'), /microphone off/, 'what is typed is no command');
  await keyboard.press('Escape');
  await until('the chat is closed', async () => !await tab.says('without a mouse'));

  await tabTo('Leave the call');
  await keyboard.press('Enter');
  await bob.gone('Ann');
});
