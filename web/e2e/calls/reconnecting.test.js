// The socket goes while pictures go on; the server goes, and comes back.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { launchChromium } from '../support/browser.js';
import { report } from './support/figures.js';
import { fakeDevices, motion, speech } from './support/footage.js';
import { Person, allMeet } from './support/person.js';
import { startProxy } from './support/proxy.js';
import { freshRoom, scenario } from './support/scenario.js';
import { during, until } from './support/wait.js';

const CUT = 10_000;
/** What is still no gap in a running picture. */
const GAP = 500;
const SLACK = 10;

/** @type {import('playwright-core').Browser} */ let browser;
before(async () => {
  browser = await launchChromium({ args: fakeDevices({ video: motion(320, 180), audio: speech() }) });
});
after(() => browser?.close());

scenario('without its socket for ten seconds a page keeps picture, sound and seat', async (scene) => {
  const server = await scene.server();
  const proxy = await startProxy(server);
  scene.closing(() => proxy.close());
  const room = freshRoom();
  const ann = new Person(await scene.chromium(browser, 'Ann'), 'Ann');
  const bob = new Person(await scene.chromium(browser, 'Bob'), 'Bob');
  await ann.enter(proxy.url, room);
  await bob.enter(server.url, room);
  await allMeet([ann, bob]);
  await ann.tab.ask('watch', 'Bob');
  await bob.tab.ask('watch', 'Ann');

  proxy.cut();
  let warned = false;
  await during(CUT, async () => {
    warned ||= await ann.tab.says('Reconnecting');
    assert.ok(await bob.sees('Ann'), 'the other page no longer has her');
    assert.ok(!await ann.tab.says('You are not in the call'), 'the page gave up');
  }, 500);
  assert.ok(warned, 'the page says that it reconnects');
  const [toAnn, toBob] = await Promise.all([ann.tab.ask('gaps', 'Bob'), bob.tab.ask('gaps', 'Ann')]);
  report('longest times without a picture while a socket was cut', [toAnn.longest, toBob.longest], { target: GAP });
  assert.ok(Math.max(toAnn.longest, toBob.longest) <= GAP * SLACK, `pictures stood for ${toAnn.longest} and ${toBob.longest} ms`);

  proxy.mend();
  await until('the bar is gone', async () => !await ann.tab.says('Reconnecting'));
  await ann.write('I am back');
  await bob.openChat();
  await bob.reads('I am back');
  await allMeet([ann, bob]);
  assert.equal(await ann.tab.ask('connections'), 1, 'on the connection of before');
});

scenario('after a crash of the server the pages come back by themselves, and ask for no device again', async (scene) => {
  const server = await scene.server();
  const room = freshRoom();
  const ann = new Person(await scene.chromium(browser, 'Ann'), 'Ann');
  const bob = new Person(await scene.chromium(browser, 'Bob'), 'Bob');
  await Promise.all([ann.enter(server.url, room), bob.enter(server.url, room)]);
  await allMeet([ann, bob]);
  const asked = await ann.tab.ask('asked');

  await server.kill();
  await until('the pages say so', async () => await ann.tab.says('Reconnecting') && bob.tab.says('Reconnecting'));
  scene.serves(await server.again());
  const back = performance.now();
  await allMeet([ann, bob]);
  report('from the return of the server to pictures and sound on both sides', [performance.now() - back]);
  assert.equal(await ann.tab.ask('asked'), asked, 'devices were asked for again');
  await until('the bar is gone', async () => !await ann.tab.says('Reconnecting'));
});

scenario('a server that is stopped tells the pages, and its successor gets them', async (scene) => {
  const server = await scene.server();
  const room = freshRoom();
  const ann = new Person(await scene.chromium(browser, 'Ann'), 'Ann');
  const bob = new Person(await scene.chromium(browser, 'Bob'), 'Bob');
  await Promise.all([ann.enter(server.url, room), bob.enter(server.url, room)]);
  await allMeet([ann, bob]);
  await server.stop();
  scene.serves(await server.again());
  await allMeet([ann, bob]);
});
