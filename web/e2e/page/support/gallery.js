import { fileURLToPath } from 'node:url';

import { startPageServer } from './page-server.js';

/** Starts the server of the scenes. */
export const startGallery = () => startPageServer(fileURLToPath(new URL('../gallery-page.js', import.meta.url)));

export const SIZES = {
  desktop: { width: 1280, height: 800 }, laptop: { width: 1024, height: 700 }, portrait: { width: 390, height: 844 }, landscape: { width: 844, height: 390 },
};

/** What there is to see: name and fragment. @type {[string, string][]} */
export const SCENES = [
  ['alone', 'n=0'], ['testing', 'n=0&testing'], ['two', 'n=1'], ['three', 'n=2&speaking=0'], ['five', 'n=4&speaking=1'], ['nine', 'n=8'], ['sixteen', 'n=15'], ['twentyfive', 'n=24'],
  ['screen', 'n=4&screen'], ['screen-many', 'n=15&screen&speaking=3'], ['sharing', 'n=2&sharing'], ['chat', 'n=4&panel=chat&messages'], ['people', 'n=8&panel=people&moderate'],
  ['joining', 'status=joining'], ['stuck', 'status=stuck'], ['reconnecting', 'n=4&status=reconnecting'], ['long', 'n=2&status=long'],
  ['moving', 'n=4&status=moving'], ['lost', 'n=4&status=lost'], ['unavailable', 'n=2&status=unavailable'], ['returning', 'n=4&returning'], ['reasons', 'n=11&reasons&allpictures'],
  ['note', 'n=2&note&nocamera'], ['settings', 'n=3&settings'], ['help', 'n=3&help'], ['menu', 'n=3&menu'], ['full', 'status=full'], ['left', 'status=left'],
];

/**
 * Opens one scene.
 * @param {import('playwright-core').BrowserContext} context @param {string} root @param {string} fragment @param {{ width: number, height: number }} size
 * @param {number} [wait] for pictures to come, in ms
 */
export async function openScene(context, root, fragment, size, wait = 2000) {
  const page = await context.newPage();
  await page.setViewportSize(size);
  await page.goto(`${root}r/quiet-harbor-42#${fragment}`);
  await page.waitForSelector('.call, .message-page');
  if (/moving|lost|unavailable|returning/.test(fragment)) await page.waitForSelector('[data-parted]');
  await page.waitForTimeout(wait);
  return page;
}
