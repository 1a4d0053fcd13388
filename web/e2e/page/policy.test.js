// What the browsers make of the page's policy.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { hasChromium, launchChromium } from '../support/browser.js';
import { hasFirefox, launchFirefox } from '../support/firefox.js';
import { startPageServer } from './support/page-server.js';

/** What the policy stops, tried in the page. Returns which directives were offended by what. */
async function attempts() {
  /** @type {string[]} */
  const stopped = [];
  document.addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI }) => stopped.push(`${effectiveDirective} ${blockedURI}`));
  /** @param {() => unknown} attempt */
  const tried = async (attempt) => {
    try {
      await attempt();
      return 'done';
    } catch (error) {
      return /** @type {Error} */ (error).name;
    }
  };
  /** @param {string} url */
  const socket = (url) => new Promise((resolve) => {
    const ws = new WebSocket(url);
    ws.onerror = ws.onclose = () => resolve(undefined);
  });
  const own = location.href.replace(/^http/, 'ws');
  await tried(() => socket(own));
  const sameOrigin = stopped.length;
  await tried(() => socket('ws://127.0.0.1:1/x'));
  await tried(() => fetch('http://127.0.0.1:1/'));
  const script = document.createElement('script');
  const inline = await tried(() => {
    script.textContent = 'window.ran = 1';
    document.body.append(script);
  });
  const html = await tried(() => {
    document.createElement('div').innerHTML = '<b>x</b>';
  });
  const image = await tried(() => new Promise((resolve, reject) => {
    const img = new Image();
    img.onload = resolve;
    img.onerror = () => reject(new Error('image'));
    img.src = 'data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=';
  }));
  document.body.setAttribute('style', 'color: red');
  await new Promise((resolve) => setTimeout(resolve, 300));
  return { sameOrigin, stopped: [...new Set(stopped.map((s) => s.split(' ')[0]))].sort(), ran: 'ran' in window, inline, html, image };
}

/** @param {any} seen @param {boolean} trustedTypes */
function check(seen, trustedTypes) {
  assert.equal(seen.sameOrigin, 0, 'the page may open a WebSocket to its own server');
  assert.equal(seen.ran, false);
  assert.ok(seen.stopped.includes('connect-src'));
  assert.ok(seen.stopped.some((/** @type {string} */ d) => d.startsWith('style-src')));
  assert.equal(seen.image, 'Error');
  if (trustedTypes) assert.deepEqual([seen.inline, seen.html], ['TypeError', 'TypeError']);
  else assert.ok(seen.stopped.some((/** @type {string} */ d) => d.startsWith('script-src')));
}

test('Chromium keeps to the policy, and may reach the server', { skip: hasChromium ? false : 'no chromium', timeout: 60_000 }, async () => {
  const server = await startPageServer();
  const browser = await launchChromium();
  try {
    const page = await browser.newPage();
    await page.goto(server.root);
    await page.getByRole('button', { name: 'Join' }).waitFor();
    check(await page.evaluate(attempts), true);
  } finally {
    await browser.close();
    server.stop();
  }
});

test('Firefox keeps to the policy, and may reach the server', { skip: hasFirefox ? false : 'no firefox', timeout: 120_000 }, async () => {
  const server = await startPageServer();
  const browser = await launchFirefox();
  try {
    const page = await browser.newPage();
    await page.goto(server.root);
    await page.waitForSelector('form');
    const trusted = await page.evaluate(() => 'trustedTypes' in window);
    check(await page.evaluate(attempts), trusted);
  } finally {
    await browser.close();
    server.stop();
  }
});
