// What axe finds in a page.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
/** @type {[string, { width: number, height: number }, 'dark' | 'light'][]} */
const LOOKS = [['desktop', DESKTOP, 'dark'], ['desktop', DESKTOP, 'light'], ['phone', PHONE, 'light'], ['phone', PHONE, 'dark']];

/** What is wrong in a page, on a desktop and on a phone, in both colours. @param {import('playwright-core').Page} page @param {string} what */
export async function faults(page, what) {
  // By evaluation, since the page's policy lets no script in.
  await page.evaluate(`${axe}; undefined`);
  /** @type {Set<string>} */
  const found = new Set();
  for (const [size, viewport, colorScheme] of LOOKS) {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    // Colours and places that still move are judged by where they stop.
    await page.evaluate(() => Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => {}))));
    const { violations } = await page.evaluate(() => /** @type {any} */ (window).axe.run(document, { resultTypes: ['violations'] }));
    for (const { id, nodes } of violations) {
      for (const { html, failureSummary } of nodes) found.add(`${what}, ${size}, ${colorScheme}: ${id}: ${html.slice(0, 160)} ${failureSummary.split('\n')[1] ?? ''}`);
    }
  }
  await page.setViewportSize(DESKTOP);
  return [...found];
}
