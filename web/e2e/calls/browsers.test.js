// Firefox and Chromium in one room.

import { after, before } from 'node:test';

import { launchChromium } from '../support/browser.js';
import { launchFirefox } from '../support/firefox.js';
import { fakeDevices, motionJPEG, speech } from './support/footage.js';
import { Person, allMeet } from './support/person.js';
import { freshRoom, scenario } from './support/scenario.js';

/** @type {import('playwright-core').Browser} */ let chromium;
/** @type {import('puppeteer-core').Browser} */ let firefox;
before(async () => {
  [chromium, firefox] = await Promise.all([launchChromium({ args: fakeDevices({ video: motionJPEG(320, 180), audio: speech() }) }), launchFirefox()]);
});
after(() => Promise.all([chromium?.close(), firefox?.close()]));

const small = (/** @type {{ width: number, height: number }} */ { width, height }) => width === 320 && height === 180;

// S1, in two browsers at once.
scenario('Firefox and two Chromium see and hear each other, write, and leave', async (scene) => {
  const server = await scene.server();
  const { url } = server;
  const room = freshRoom();
  const ann = new Person(await scene.chromium(chromium, 'Ann'), 'Ann');
  const bob = new Person(await scene.chromium(chromium, 'Bob'), 'Bob');
  const fox = new Person(await scene.firefox(firefox, 'Fox'), 'Fox');
  await fox.enter(url, room);
  await ann.enter(url, room);
  await bob.enter(url, room);
  await allMeet([ann, bob, fox], { check: small });
  await server.checkMediaPath();

  await fox.write('A word from Fox');
  await ann.openChat();
  await ann.reads('A word from Fox');
  await ann.write('And one back');
  await fox.reads('And one back');

  await ann.tab.click('button', 'Share screen');
  await fox.decodes('Ann’s screen');
  await fox.decodes('Ann');
  await ann.tab.click('button', 'Stop sharing the screen');
  await fox.gone('Ann’s screen');

  await fox.leave();
  await ann.gone('Fox');
  await ann.decodes('Bob');
});
