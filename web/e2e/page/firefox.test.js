// The page in Firefox, against the server in the page itself.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { hasFirefox, launchFirefox } from '../support/firefox.js';
import { startPageServer } from './support/page-server.js';

const loopback = readFileSync(new URL('support/loopback.js', import.meta.url), 'utf8');

test('a call in Firefox: join, more places, screen of others, a lost socket', { skip: hasFirefox ? false : 'no firefox', timeout: 180_000 }, async () => {
  const server = await startPageServer();
  const browser = await launchFirefox();
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(60_000);
    /** @type {string[]} */
    const wrong = [];
    page.on('pageerror', (error) => wrong.push(String(error)));
    await page.evaluateOnNewDocument(loopback);
    await page.goto(`${server.root}r/test`);
    /** @param {string} expression */
    const ask = (expression) => page.evaluate(`(async (server) => (${expression}))(loopback)`);
    /** @param {string} expression */
    const until = async (expression) => {
      for (const end = Date.now() + 60_000; !await ask(expression);) {
        assert.ok(Date.now() < end, `still not: ${expression}`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    };
    const pictures = (/** @type {number} */ n) => until(`[...document.querySelectorAll('.tile.has-picture video')].filter((v) => v.videoWidth > 0).length >= ${n}`);
    await page.waitForSelector('.preview-ask .primary');
    await ask("server.addBot('g', 'Grace', '#c02020'), server.addBot('a', 'Alan', '#2020c0')");
    await page.click('.preview-ask .primary');
    await page.waitForSelector('.preview.has-picture');
    await page.click('.prejoin-form .primary');
    await pictures(3);
    const [offer] = /** @type {any} */ (await ask("server.of('join')[0].offers"));
    assert.match(offer.sdp, /a=simulcast:send q;h;f|a=simulcast: send rid=q;h;f|a=simulcast:send/);
    assert.doesNotMatch(offer.sdp, /PCMU|ulpfec/);
    for (let i = 0; i < 4; i++) await ask(`server.addBot('b${i}', 'Bot ${i}', '#20${i}080')`);
    await pictures(7);
    // Firefox's states flap at each negotiation; that is no interruption.
    assert.equal(await ask("document.querySelector('.banner').hidden"), true);
    await ask('server.drop(1006)');
    await until("server.of('resume').length === 1");
    await pictures(7);
    await until("server.received().then((all) => all.some((r) => r.kind === 'video' && r.packets > 0))");
    assert.deepEqual(wrong, []);
  } finally {
    await browser.close();
    server.stop();
  }
});
