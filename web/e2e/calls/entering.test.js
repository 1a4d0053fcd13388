// Every way in: with and without devices, devices that are refused, a server that is down, a proxy that serves below a path, a page of somewhere
// else, and many who come at the same moment.

import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before } from 'node:test';

import { launchChromium } from '../support/browser.js';
import { launchFirefox } from '../support/firefox.js';
import { fakeDevices, motion, speech } from './support/footage.js';
import { Person, allMeet } from './support/person.js';
import { startProxy } from './support/proxy.js';
import { LONG, freshRoom, scenario } from './support/scenario.js';
import { until } from './support/wait.js';

const PAIRS = LONG ? 100 : 5;
const DEVICES = ['camera', 'microphone'];

/** @type {import('playwright-core').Browser} */ let chromium;
/** @type {import('puppeteer-core').Browser} */ let firefox;
before(async () => {
  // Without the flag that says yes to every question, so that each page has the permissions it is given.
  const args = ['--use-fake-device-for-media-stream', '--autoplay-policy=no-user-gesture-required', ...fakeDevices({ video: motion(320, 180), audio: speech() })];
  [chromium, firefox] = await Promise.all([launchChromium({ devices: false, args }), launchFirefox()]);
});
after(() => Promise.all([chromium?.close(), firefox?.close()]));

/** @param {import('./support/scenario.js').Scene} scene @param {string} name @param {string[]} [permissions] */
const chromiumPerson = async (scene, name, permissions = DEVICES) => new Person(await scene.chromium(chromium, name, { permissions }), name);

// S9: sending and receiving are independent. S16: sound alone is captured, sent and heard.
for (const browser of ['Chromium', 'Firefox']) {
  scenario(`with nothing, with the microphone only, with the camera only, in ${browser}`, async (scene) => {
    const { url } = await scene.server();
    const room = freshRoom();
    const ann = await chromiumPerson(scene, 'Ann');
    await ann.enter(url, room);
    const guest = browser === 'Firefox' ? new Person(await scene.firefox(firefox, 'Guest'), 'Guest') : await chromiumPerson(scene, 'Guest');

    await guest.enter(url, room, { devices: 'nothing' });
    await Promise.all([guest.decodes('Ann'), guest.hears(1)]);
    assert.match(await ann.saysOf('Guest'), /microphone off/);
    await guest.leave();
    await ann.gone('Guest');

    await guest.enter(url, room, { devices: 'microphone' });
    await Promise.all([guest.decodes('Ann'), guest.hears(1), ann.hears(1)]);
    assert.doesNotMatch(await ann.saysOf('Guest'), /microphone off/);
    assert.equal(await ann.picture('Guest'), null);
    await guest.leave();
    await ann.gone('Guest');

    await guest.enter(url, room, { devices: 'camera' });
    await Promise.all([guest.decodes('Ann'), guest.hears(1), ann.decodes('Guest')]);
    assert.match(await ann.saysOf('Guest'), /microphone off/);
  });
}

scenario('devices that are refused, and devices that are not there', async (scene) => {
  const { url } = await scene.server();
  const room = freshRoom();
  const bob = await chromiumPerson(scene, 'Bob', ['notifications']);
  await bob.open(url, room);
  await bob.tab.click('button', 'Turn on camera and microphone');
  for (const device of DEVICES) await until('the page says what to do', () => bob.tab.says(`The browser does not let this page use the ${device}.`));

  const eve = await chromiumPerson(scene, 'Eve', ['microphone']);
  await eve.open(url, room);
  await eve.tab.click('button', 'Turn on camera and microphone');
  await until('the page says which', () => eve.tab.says('The browser does not let this page use the camera.'));
  assert.ok(!await eve.tab.says('use the microphone.'));
  await eve.isOn('Microphone');

  const bare = await launchFirefox({ 'media.navigator.streams.fake': false });
  scene.closing(() => bare.close());
  const fox = new Person(await scene.firefox(bare, 'Fox'), 'Fox');
  await fox.open(url, room);
  await fox.tab.click('button', 'Turn on camera and microphone');
  for (const device of DEVICES) await until('the page says what is missing', () => fox.tab.says(`No ${device} was found.`));

  await Promise.all([bob, eve, fox].map(async (person) => {
    await person.tab.fill('Your name', person.name);
    await person.join();
  }));
  await Promise.all([bob.hears(1), fox.hears(1), until('all are in', async () => (await eve.tiles()).length === 3)]);
});

// S28
scenario('the preview works while the server is down, and says so', async (scene) => {
  const server = await scene.server();
  const room = freshRoom();
  const ann = await chromiumPerson(scene, 'Ann');
  await ann.open(server.url, room);
  await until('the room is asked for', () => ann.tab.says('Nobody is here yet.'));
  await server.kill();
  await until('the page says so', () => ann.tab.says('The server does not answer.'));
  await ann.prepare('both');
  await until('the own picture moves', () => ann.tab.run(() => {
    const preview = /** @type {HTMLVideoElement | null} */ (document.querySelector('video[aria-label="Your camera"]'));
    return (preview?.getVideoPlaybackQuality().totalVideoFrames ?? 0) > 5;
  }));
  scene.serves(await server.again());
  await until('the page sees that it is back', async () => !await ann.tab.says('The server does not answer.'));
  await ann.join();
  await until('Ann is in', () => ann.tab.says('You are the only one here.'));
});

// S5: the address of the socket comes from the page's own.
scenario('everything works below a path, behind a proxy', async (scene) => {
  const proxy = await startProxy(await scene.server(), { prefix: '/meet/here/' });
  scene.closing(() => proxy.close());
  const ann = await chromiumPerson(scene, 'Ann');
  const bob = await chromiumPerson(scene, 'Bob');
  const room = freshRoom();
  await ann.tab.goto(`${proxy.url}/`);
  await ann.tab.fill('Room name', room);
  await ann.tab.click('button', 'Join');
  await until('the room has a page', () => ann.tab.says('You are about to join'));
  assert.equal(await ann.tab.run(() => location.pathname), `/meet/here/r/${room}`);
  await ann.prepare('both');
  await ann.join();
  await bob.enter(proxy.url, room);
  await allMeet([ann, bob]);
});

// S4: page, socket and API have one origin; others are refused with a sentence, or allowed.
scenario('the page of another site is refused, and may be allowed', async (scene) => {
  const site = http.createServer((_, response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html><title>elsewhere</title>'));
  await new Promise((resolve) => site.listen(0, () => resolve(undefined)));
  scene.closing(() => site.close());
  scene.closing(() => site.closeAllConnections());
  const origin = `http://localhost:${/** @type {import('node:net').AddressInfo} */ (site.address()).port}`;
  const [refusing, allowing] = [await scene.server(), await scene.server({ args: [`--allowed-origins=${origin}`] })];
  const tab = await scene.chromium(chromium, 'elsewhere');
  await tab.goto(origin);

  const { socket, info } = await tab.run(visit, refusing.url);
  assert.equal(socket, 'refused');
  assert.equal(info.code, 'origin_not_allowed');
  assert.match(info.message, /^[A-Z].*\.$/, 'a sentence');
  const allowed = await tab.run(visit, allowing.url);
  assert.equal(allowed.socket, 'open');
  assert.equal(allowed.info.room, 'kitchen');
});

/** In a page: what comes of a visit to a server. @param {string} server */
async function visit(server) {
  const socket = new WebSocket(`${server.replace('http', 'ws')}/v1/rooms/kitchen/signal`, 'sfu.v1');
  const opened = await new Promise((resolve) => {
    socket.onopen = () => resolve('open');
    socket.onerror = () => resolve('refused');
  });
  socket.close();
  const info = await (await fetch(`${server}/v1/rooms/kitchen`)).json();
  return { socket: opened, info };
}

// S10: nobody has to come first.
scenario(`${PAIRS} pairs, each of whom join at the same moment`, async (scene) => {
  const { url } = await scene.server();
  const [ann, bob] = await Promise.all([chromiumPerson(scene, 'Ann'), chromiumPerson(scene, 'Bob')]);
  for (let i = 0; i < PAIRS; i++) {
    const room = freshRoom();
    await Promise.all([ann, bob].map(async (person) => {
      await person.open(url, room);
      await person.prepare('both');
    }));
    await Promise.all([ann.join(), bob.join()]);
    await Promise.all([ann.decodes('Bob', { frames: 3 }), bob.decodes('Ann', { frames: 3 })]);
  }
}, { within: 60_000 + PAIRS * 10_000 });
