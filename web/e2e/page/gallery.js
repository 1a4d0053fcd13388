// Takes pictures of the page for looking at: node e2e/page/gallery.js DIRECTORY [scene or size or theme ...]

import { mkdirSync } from 'node:fs';
import path from 'node:path';

import { launchChromium } from '../support/browser.js';
import { SCENES, SIZES, openScene, startGallery } from './support/gallery.js';

const [directory = 'gallery', ...wanted] = process.argv.slice(2);
/** @param {string[]} names */
const chosen = (names) => names.filter((name) => wanted.includes(name));
const scenes = SCENES.filter(([name]) => chosen(SCENES.map(([n]) => n)).length === 0 || wanted.includes(name));
const sizes = Object.entries(SIZES).filter(([name]) => chosen(Object.keys(SIZES)).length === 0 || wanted.includes(name));
const themes = /** @type {('light' | 'dark')[]} */ (chosen(['light', 'dark']).length ? chosen(['light', 'dark']) : ['dark']);

mkdirSync(directory, { recursive: true });
const server = await startGallery();
const browser = await launchChromium();
try {
  for (const theme of themes) {
    const context = await browser.newContext({ colorScheme: theme, deviceScaleFactor: 1 });
    for (const [size, viewport] of sizes) {
      for (const [name, fragment] of scenes) {
        const page = await openScene(context, server.root, `${fragment}&theme=${theme}`, viewport);
        page.on('pageerror', (error) => console.error(name, error.message));
        await page.screenshot({ path: path.join(directory, `${name}-${size}-${theme}.png`) });
        await page.close();
      }
    }
    await context.close();
  }
} finally {
  await browser.close();
  server.stop();
}
