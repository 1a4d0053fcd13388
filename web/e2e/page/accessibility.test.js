import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';

import { full, hasChromium, launchChromium } from '../support/browser.js';
import { SCENES, SIZES, openScene } from './support/gallery.js';
import { startPageServer } from './support/page-server.js';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const skip = hasChromium ? false : 'no chromium';
/** What looks another way than the rest; E2E=full looks at all. */
const ON_DESK = ['alone', 'testing', 'five', 'sharing', 'chat', 'people', 'stuck', 'moving', 'returning', 'reasons', 'settings', 'help', 'menu', 'full'];
/** What has colours that the others have not. */
const IN_THE_LIGHT = ['testing', 'five', 'chat', 'stuck', 'settings', 'menu'];
/** What looks another way on a phone. */
const ON_PHONE = ['three', 'sixteen', 'sharing', 'chat', 'people', 'stuck', 'settings'];
/** @type {import('playwright-core').Browser} */ let browser;
/** @type {Awaited<ReturnType<typeof startPageServer>>} */ let server;

before(async () => {
  if (skip) return;
  server = await startPageServer();
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  server?.stop();
});

/** @param {import('playwright-core').Page} page @param {string} name @returns {Promise<string[]>} what is wrong */
async function check(page, name) {
  // By evaluation, since the page's policy lets no script in.
  await page.evaluate(`${axe}; undefined`);
  const { violations } = await page.evaluate(() => /** @type {any} */ (window).axe.run(document, { resultTypes: ['violations'] }));
  return violations.flatMap((/** @type {any} */ v) => v.nodes.map((/** @type {any} */ n) => `${v.id}: ${n.html.slice(0, 160)} ${n.failureSummary.split('\n')[1] ?? ''} (${name})`));
}

for (const theme of /** @type {const} */ (['dark', 'light'])) {
  for (const size of /** @type {const} */ (['desktop', 'portrait'])) {
    test(`the call is accessible, ${theme}, ${size}`, { skip: skip || (size === 'portrait' && theme === 'light' && !full ? 'E2E is not full' : false), timeout: 300_000 }, async () => {
      const context = await browser.newContext({ colorScheme: theme });
      /** @type {string[]} */
      const found = [];
      for (const [name, fragment] of SCENES.filter(([scene]) => full || (size === 'portrait' ? ON_PHONE : theme === 'light' ? IN_THE_LIGHT : ON_DESK).includes(scene))) {
        const page = await openScene(context, server.root, `${fragment}&theme=${theme}`, SIZES[size], 400);
        found.push(...await check(page, name));
        await page.close();
      }
      await context.close();
      assert.deepEqual(found, []);
    });
  }

  test(`the pages before the call are accessible, ${theme}`, { skip, timeout: 60_000 }, async () => {
    const context = await browser.newContext({ colorScheme: theme });
    const page = await context.newPage();
    /** @type {string[]} */
    const found = [];
    await page.goto(server.root);
    await page.evaluate(() => localStorage.setItem('sfu.recent', '["kitchen"]'));
    await page.reload();
    await page.getByRole('button', { name: 'Join' }).waitFor();
    found.push(...await check(page, 'landing'));
    await page.goto(`${server.root}r/kitchen`);
    await page.getByText('The server does not answer').waitFor();
    found.push(...await check(page, 'prejoin'));
    await page.getByRole('button', { name: 'Turn on camera and microphone' }).click();
    await page.getByLabel('Speaker').waitFor();
    found.push(...await check(page, 'prejoin with devices'));
    await page.goto(`${server.root}r/a%20b`);
    await page.getByRole('heading').waitFor();
    found.push(...await check(page, 'bad name'));
    await context.close();
    assert.deepEqual(found, []);
  });
}
