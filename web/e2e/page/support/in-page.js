// Tests of the whole page in a real browser, against a server that lives in the page itself (loopback.js). Each file of tests that uses this has a
// browser of its own.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { hasChromium, launchChromium } from '../../support/browser.js';
import { startPageServer } from './page-server.js';

const skip = hasChromium ? false : 'no chromium';
export const LONG = 60_000;
const loopback = readFileSync(new URL('loopback.js', import.meta.url), 'utf8');
/** @type {import('playwright-core').Browser} */ let browser;
/** @type {Awaited<ReturnType<typeof startPageServer>>} */
export let server;
/** @typedef {import('playwright-core').Page} Page */

before(async () => {
  if (skip) return;
  server = await startPageServer();
  browser = await launchChromium({ args: ['--disable-features=WebRtcHideLocalIpsWithMdns'] });
});
after(async () => {
  await browser?.close();
  server?.stop();
});

/**
 * A page with the loopback server, and a check that nothing offends its policy or throws.
 * @param {string} name @param {(page: Page) => Promise<void>} run
 */
export function inPage(name, run) {
  test(name, { skip, timeout: 120_000 }, async () => {
    const context = await browser.newContext({ viewport: { width: 1100, height: 720 } });
    const page = await context.newPage();
    /** @type {string[]} */
    const wrong = [];
    page.on('pageerror', (error) => wrong.push(error.message));
    page.on('console', (message) => message.type() === 'error' && wrong.push(message.text()));
    await page.addInitScript(loopback);
    page.setDefaultTimeout(LONG);
    try {
      await run(page);
      assert.deepEqual(wrong, []);
    } finally {
      await context.close();
    }
  });
}

/** @param {Page} page @param {string} [fragment] */
export async function openRoom(page, fragment = '') {
  await page.goto(`${server.root}r/test${fragment}`);
  await page.evaluate(() => {
    /** @type {any} */ (window).loopback.addBot('g', 'Grace', '#c02020');
    /** @type {any} */ (window).loopback.addBot('a', 'Alan', '#2020c0');
  });
}

/** @param {Page} page @param {{ devices?: boolean, fragment?: string }} [how] */
export async function enter(page, { devices = true, fragment = '' } = {}) {
  await openRoom(page, fragment);
  await page.getByLabel('Your name').fill('Ada');
  if (devices) {
    await page.getByRole('button', { name: 'Turn on camera and microphone' }).click();
    await page.getByRole('meter', { name: 'Microphone level' }).waitFor();
  }
  await page.getByRole('button', { name: 'Join the call' }).click();
}

/** @param {Page} page @param {string} expression of `server` */
export const ask = (page, expression) => page.evaluate(`(async (server) => (${expression}))(loopback)`);
/** Waits from outside, since the page's policy lets no text become code in it. @param {Page} page @param {string} expression of `server` */
export async function until(page, expression) {
  for (const end = Date.now() + LONG; !await ask(page, expression);) {
    assert.ok(Date.now() < end, `still not: ${expression}`);
    await page.waitForTimeout(50);
  }
}
/** @param {Page} page @param {string} name */
export const tile = (page, name) => page.getByRole('listitem').filter({ has: page.locator('.label', { hasText: name }) });
/** @param {Page} page @param {string} name */
export const pictureOf = (page, name) => tile(page, name).locator('video:visible').waitFor();
/** @param {Page} page */
export const connected = (page) => page.waitForFunction(() => /** @type {any} */ (window).loopback.pcs.some((/** @type {any} */ pc) => pc.connectionState === 'connected'));
