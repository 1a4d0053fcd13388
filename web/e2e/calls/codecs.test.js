// Every codec that is forwarded, all of them in one room, and a browser that lacks one.

import { after, before } from 'node:test';
import assert from 'node:assert/strict';

import { launchChromium } from '../support/browser.js';
import { launchFirefox } from '../support/firefox.js';
import { fakeDevices, motion, speech } from './support/footage.js';
import { Person, allMeet } from './support/person.js';
import { freshRoom, scenario } from './support/scenario.js';
import { until } from './support/wait.js';

/** @type {import('playwright-core').Browser} */ let chromium;
before(async () => {
  chromium = await launchChromium({ args: fakeDevices({ video: motion(320, 180), audio: speech() }) });
});
after(() => chromium?.close());

/** @param {import('./support/scenario.js').Scene} scene @param {string[]} names */
const people = (scene, ...names) => Promise.all(names.map(async (name) => new Person(await scene.chromium(chromium, name), name)));

for (const codec of ['VP8', 'VP9', 'H264', 'AV1']) {
  scenario(`two people see and hear each other in ${codec}`, async (scene) => {
    const { url } = await scene.server({ args: [`--video-codecs=${codec}`] });
    const room = freshRoom();
    const both = await people(scene, 'Ann', 'Bob');
    await Promise.all(both.map((person) => person.enter(url, room)));
    await allMeet(both, { check: ({ width, height, codec: received }) => width === 320 && height === 180 && received === codec });
  });
}

scenario('three codecs in one room, and one that changes', async (scene) => {
  const { url } = await scene.server();
  const room = freshRoom();
  const all = await people(scene, 'VP9', 'H264', 'AV1');
  await Promise.all(all.map((person) => person.enter(url, room, { fragment: `#codec=${person.name}` })));
  await Promise.all(all.flatMap((viewer) => all.filter((other) => other !== viewer)
    .map((other) => viewer.decodes(other.name, { check: ({ codec }) => codec === other.name }))));

  const [changing, ...viewers] = all;
  await changing.tab.click('button', 'Settings');
  await changing.tab.select('Video codec', 'VP8');
  await Promise.all(viewers.map((viewer) => viewer.decodes(changing.name, { check: ({ codec }) => codec === 'VP8' })));
});

scenario('who cannot play a codec is told which, and the others go on', async (scene) => {
  const firefox = await launchFirefox();
  scene.closing(() => firefox.close());
  const { url } = await scene.server();
  const room = freshRoom();
  const [ann] = await people(scene, 'Ann');
  const fox = new Person(await scene.firefox(firefox, 'Fox'), 'Fox');
  assert.equal(await playsH264(fox), false, 'this Firefox plays H264 after all; the test needs another codec');
  await ann.enter(url, room, { fragment: '#codec=h264' });
  await fox.enter(url, room);
  await until('Fox is told', async () => (await fox.saysOf('Ann')).includes('This browser cannot play H264 video.'));
  await fox.hears(1);
  await ann.decodes('Fox');
  await ann.tab.click('button', 'Settings');
  await ann.tab.select('Video codec', 'VP8');
  await fox.decodes('Ann', { check: ({ codec }) => codec === 'VP8' });
});

/** @param {Person} person @returns {Promise<boolean>} */
const playsH264 = (person) => person.tab.run(() => RTCRtpReceiver.getCapabilities('video')?.codecs.some(({ mimeType }) => /h264/i.test(mimeType)) ?? false);
