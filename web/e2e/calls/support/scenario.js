// One scenario: what it opens is closed at its end, and looked at when it fails.

import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { startServer } from './server.js';
import { chromiumTab, firefoxTab } from './tab.js';

/** Whether to run at full size; see npm run measure and make test-long. */
export const LONG = Boolean(process.env.SFU_LONG);
const LOG_LINES = 30;

let rooms = 0;

/** A room that nobody was in before. */
export const freshRoom = () => `e2e-${process.pid}-${rooms++}`;

export class Scene {
  /** @type {import('./server.js').Server[]} */ #servers = [];
  /** @type {import('./tab.js').Tab[]} */ #tabs = [];
  /** @type {(() => unknown)[]} */ #closers = [];

  /** @param {() => unknown} close done at the end, the last one first */
  closing(close) {
    this.#closers.push(close);
  }

  /** @param {Parameters<typeof startServer>[0]} [options] */
  async server(options) {
    return this.serves(await startServer(options));
  }

  /** @param {import('./server.js').Server} server */
  serves(server) {
    this.#servers.push(server);
    this.closing(() => server.stop());
    return server;
  }

  /** A page of somebody who shares nothing with anyone. @param {import('playwright-core').Browser} browser @param {string} name @param {import('playwright-core').BrowserContextOptions} [options] */
  async chromium(browser, name, options) {
    const context = await browser.newContext({ viewport: { width: 1000, height: 640 }, ...options });
    this.closing(() => context.close());
    const tab = await chromiumTab(context, name);
    this.#tabs.push(tab);
    return tab;
  }

  /** @param {import('puppeteer-core').Browser} browser @param {string} name @param {Parameters<typeof firefoxTab>[2]} [options] */
  async firefox(browser, name, options) {
    const tab = await firefoxTab(browser, name, options);
    this.closing(() => tab.close());
    this.#tabs.push(tab);
    return tab;
  }

  /** Pictures of every page and the last words of every server. */
  async report() {
    const directory = mkdtempSync(path.join(tmpdir(), 'e2e-failed-'));
    for (const server of this.#servers) console.error(`the last lines of the server at ${server.port}:\n  ${server.log.slice(-LOG_LINES).join('\n  ')}`);
    for (const [i, tab] of this.#tabs.entries()) {
      const file = path.join(directory, `${i}-${tab.name.replace(/\W+/g, '-')}.png`);
      await tab.screenshot(file).then(() => console.error(`${tab.name}: ${file}`), () => console.error(`${tab.name}: no picture, the page is gone`));
      if (tab.said.length > 0) console.error(`${tab.name} said:\n  ${tab.said.slice(-LOG_LINES).join('\n  ')}`);
    }
  }

  async close() {
    for (const close of this.#closers.reverse()) {
      try {
        await close();
      } catch (error) {
        console.error('close', error);
      }
    }
  }
}

/**
 * @param {string} name @param {(scene: Scene) => Promise<void>} play @param {{ within?: number, skip?: boolean | string }} [options] milliseconds
 */
export function scenario(name, play, { within = 120_000, skip = false } = {}) {
  test(name, { skip }, async () => {
    const scene = new Scene();
    /** @type {NodeJS.Timeout | undefined} */ let timer;
    try {
      await Promise.race([play(scene), new Promise((_, reject) => {
        timer = setTimeout(() => reject(new assert.AssertionError({ message: `not done after ${within} ms` })), within);
      })]);
    } catch (error) {
      await scene.report();
      throw error;
    } finally {
      clearTimeout(timer);
      await scene.close();
    }
  });
}
