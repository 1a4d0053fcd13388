import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { faults } from '../support/axe.js';
import { full, hasChromium, launchChromium } from '../support/browser.js';
import { SCENES, SIZES, openScene, startGallery } from './support/gallery.js';
import { startPageServer } from './support/page-server.js';

const skip = hasChromium ? false : 'no chromium';
/** What looks another way than the rest; E2E=full looks at all. */
const DIFFERENT = ['alone', 'testing', 'five', 'sharing', 'chat', 'people', 'stuck', 'moving', 'returning', 'reasons', 'settings', 'help', 'menu', 'full'];
/** @type {import('playwright-core').Browser} */ let browser;
/** @type {Awaited<ReturnType<typeof startPageServer>>} */ let server;
/** @type {Awaited<ReturnType<typeof startPageServer>>} */ let gallery;

before(async () => {
  if (skip) return;
  server = await startPageServer();
  gallery = await startGallery();
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  server?.stop();
  gallery?.stop();
});

test('the call is accessible, in both colours, on desk and phone', { skip, timeout: 300_000 }, async () => {
  const context = await browser.newContext();
  /** @type {string[]} */
  const found = [];
  for (const [name, fragment] of SCENES.filter(([scene]) => full || DIFFERENT.includes(scene))) {
    const page = await openScene(context, gallery.root, fragment, SIZES.desktop, 400);
    found.push(...await faults(page, name));
    await page.close();
  }
  await context.close();
  assert.deepEqual(found, []);
});

test('the pages before the call are accessible, in both colours', { skip, timeout: 60_000 }, async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  /** @type {string[]} */
  const found = [];
  await page.goto(server.root);
  await page.evaluate(() => localStorage.setItem('sfu.recent', '["kitchen"]'));
  await page.reload();
  await page.getByRole('button', { name: 'Join' }).waitFor();
  found.push(...await faults(page, 'landing'));
  await page.goto(`${server.root}r/kitchen`);
  await page.getByText('The server does not answer').waitFor();
  found.push(...await faults(page, 'prejoin'));
  await page.getByRole('button', { name: 'Turn on camera and microphone' }).click();
  await page.getByLabel('Speaker').waitFor();
  found.push(...await faults(page, 'prejoin with devices'));
  await page.goto(`${server.root}r/a%20b`);
  await page.getByRole('heading').waitFor();
  found.push(...await faults(page, 'bad name'));
  await context.close();
  assert.deepEqual(found, []);
});
