// The pictures of the README: the real page in real calls. npm run screenshots [DIRECTORY]

import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { launchChromium } from '../support/browser.js';
import { fakeDevices, somebody, speech } from './support/footage.js';
import { Person } from './support/person.js';
import { startServer } from './support/server.js';
import { chromiumTab } from './support/tab.js';
import { pause, until } from './support/wait.js';

const ROOM = 'quiet-harbor-42';
const [directory = fileURLToPath(new URL('../../../docs/images/', import.meta.url))] = process.argv.slice(2);
/** @type {Record<string, Parameters<typeof somebody>[0]>} */
const LOOKS = {
  Ann: { wall: ['2b4c66', '8fb3b0'], skin: 'e2b495', coat: '33415c' },
  Bob: { wall: ['6b4a3a', 'd9b98c'], skin: '8d5a3b', coat: 'e9e4d6' },
  Eve: { wall: ['3f3a5a', 'a98bb5'], skin: 'f0c9a8', coat: '7a2f3f' },
  Kim: { wall: ['2f4a35', 'a9c08f'], skin: 'c98f6b', coat: '20343a' },
};
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 780 };

/** @type {(() => unknown)[]} */
const closers = [];

/** @param {string} name @param {import('playwright-core').BrowserContextOptions} options */
async function person(name, options) {
  // A browser has one camera, so everyone has a browser.
  const browser = await launchChromium({ args: fakeDevices({ video: somebody(LOOKS[name]), audio: speech() }) });
  closers.push(() => browser.close());
  const tab = await chromiumTab(await browser.newContext({ deviceScaleFactor: 1, ...options }), name);
  return Object.assign(new Person(tab, name), { page: tab.page });
}

/** Few colours do for a picture of a page. @param {import('playwright-core').Page} page @param {string} name */
async function shoot(page, name) {
  await page.mouse.move(0, 0);
  // What was just said in a corner goes by itself.
  await pause(6000);
  const [raw, file] = [path.join(directory, `${name}.raw.png`), path.join(directory, `${name}.png`)];
  await page.screenshot({ path: raw });
  execFileSync('ffmpeg', ['-loglevel', 'error', '-y', '-i', raw, '-vf', 'split[a][b];[a]palettegen=max_colors=200[p];[b][p]paletteuse=dither=bayer:bayer_scale=4', file]);
  rmSync(raw);
}

async function shootAll() {
  const server = await startServer();
  closers.push(() => server.stop());
  const ann = await person('Ann', { viewport: DESKTOP, colorScheme: 'light' });
  await ann.tab.goto(server.url);
  await until('the landing page', () => ann.tab.says('Name a room'));
  await ann.tab.fill('Room name', ROOM);
  await shoot(ann.page, 'landing');

  const others = await Promise.all(['Bob', 'Eve'].map((name) => person(name, { viewport: DESKTOP, colorScheme: 'dark' })));
  const kim = await person('Kim', { viewport: PHONE, colorScheme: 'dark', hasTouch: true });
  for (const other of [...others, kim]) await other.enter(server.url, ROOM);
  // Not everybody talks at once.
  for (const other of [others[1], kim]) await other.tab.click('button', 'Microphone');
  await ann.open(server.url, ROOM);
  await ann.prepare('both');
  await until('the room is known', () => ann.tab.says('people are inside'));
  await shoot(ann.page, 'prejoin');
  await ann.tab.click('button', 'Microphone');
  await ann.join();
  for (const other of [...others, kim]) await ann.decodes(other.name);
  await others[0].write('Good morning! Shall we begin?');
  await ann.write('Yes. Kim is on the train, on a phone.');
  await shoot(ann.page, 'call');
  await kim.decodes('Ann');
  await shoot(kim.page, 'phone');
}

mkdirSync(directory, { recursive: true });
try {
  await shootAll();
} finally {
  for (const close of closers.reverse()) await close();
}
