// The test page of pages/peer.js, and what its frames say.

import { startProxy } from './proxy.js';
import { until } from './wait.js';

/** @typedef {{ at: number, colour: string, width: number }} Frame */

const PAGES = { '/peer.html': new URL('../pages/peer.html', import.meta.url), '/peer.js': new URL('../pages/peer.js', import.meta.url) };

/** A server with the test page beside its own. @param {import('./scenario.js').Scene} scene @returns {Promise<string>} the address */
export async function serverWithPeers(scene) {
  const proxy = await startProxy(await scene.server(), { pages: PAGES });
  scene.closing(() => proxy.close());
  return proxy.url;
}

/** Opens the test page. @template {import('./tab.js').Tab} T @param {T} tab @param {string} root */
export async function openPeers(tab, root) {
  await tab.goto(`${root}/peer.html`);
  await until('the test page has loaded', () => tab.run(() => 'join' in (/** @type {any} */ (window).e2e ?? {})));
  return tab;
}

/** The longest times between two frames, the longest first. @param {Frame[]} frames */
export function gapsOf(frames) {
  return frames.slice(1).map(({ at }, i) => at - frames[i].at).sort((a, b) => b - a);
}
