// A call whose room moves, or whose server is lost: the page follows with everything that was there.

import assert from 'node:assert/strict';

import { ask, enter, inPage, pictureOf, tile, until } from './support/in-page.js';

/** @typedef {import('playwright-core').Page} Page */

/** Keeps every text that the bar and the voice of the page have said. @param {Page} page */
const listen = (page) => page.evaluate(() => {
  /** @type {string[]} */
  const heard = [];
  Object.assign(window, { heard });
  const note = () => {
    for (const selector of ['.banner:not([hidden]) .banner-text', '.unseen[aria-live]']) {
      const text = document.querySelector(selector)?.textContent;
      if (text && !heard.includes(text)) heard.push(text);
    }
  };
  new MutationObserver(note).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
});
/** @param {Page} page @returns {Promise<string[]>} */
const heard = (page) => page.evaluate(() => /** @type {any} */ (window).heard);
/** @param {Page} page */
const connections = (page) => page.evaluate(() => /** @type {any} */ (window).loopback.pcs.map((/** @type {any} */ pc) => pc.connectionState).join(' '));
/** @param {Page} page */
const captures = (page) => page.evaluate(() => /** @type {any} */ (window).loopback.captures());
/** What stands in the place of somebody's picture. @param {Page} page @param {string} name @returns {Promise<number[]>} the colour of its middle */
const stillOf = (page, name) => tile(page, name).locator('canvas').evaluate((canvas) => {
  const { width, height } = /** @type {HTMLCanvasElement} */ (canvas);
  return [.../** @type {any} */ (canvas).getContext('2d').getImageData(width / 2, height / 4, 1, 1).data];
});

inPage('a room that moves is followed with devices, mutes, chat and places', async (page) => {
  await enter(page);
  await pictureOf(page, 'Grace');
  await pictureOf(page, 'Alan');
  await page.getByRole('button', { name: 'Microphone', exact: true }).click();
  await tile(page, 'Grace').hover();
  await page.getByRole('button', { name: 'Pin Grace' }).click();
  await page.getByRole('button', { name: 'Chat', exact: true }).click();
  await page.getByLabel('Message to everyone').fill('before the move');
  await page.keyboard.press('Enter');
  await page.locator('.message.said', { hasText: 'before the move' }).waitFor();
  await tile(page, 'Grace').evaluate((element) => Object.assign(element, { same: true }));
  await listen(page);

  await ask(page, 'server.down = true, server.move()');
  await page.getByText('This call is moving to another server …').waitFor();
  await tile(page, 'Grace').locator('canvas:visible').waitFor();
  const [red, green, blue] = await stillOf(page, 'Grace');
  assert.ok(red > 120 && green < 90 && blue < 90, `the last picture of Grace is ${red} ${green} ${blue}`);
  assert.equal(await page.locator('.message', { hasText: 'before the move' }).count(), 1);
  assert.equal(await tile(page, 'Alan').count(), 1);
  await ask(page, 'server.down = false');

  await until(page, "server.of('join').length === 2");
  await pictureOf(page, 'Grace');
  await pictureOf(page, 'Alan');
  await pictureOf(page, 'You');
  await page.locator('.banner').waitFor({ state: 'hidden' });
  assert.equal(await tile(page, 'Grace').locator('canvas:visible').count(), 0);
  assert.equal(await tile(page, 'Grace').evaluate((element) => /** @type {any} */ (element).same), true, 'the tile is the same one');
  await tile(page, 'Grace').hover();
  await page.getByRole('button', { name: 'Unpin Grace' }).waitFor();
  const announced = await ask(page, "server.of('join')[1].offers[0].tracks");
  assert.deepEqual(Object.values(announced).map((/** @type {any} */ { source, muted }) => [source, muted]).sort(), [['camera', false], ['microphone', true]]);
  assert.deepEqual([await captures(page), await connections(page)], [1, 'closed connected']);
  await page.getByLabel('Message to everyone').fill('after the move');
  await page.keyboard.press('Enter');
  await page.locator('.message.said', { hasText: 'after the move' }).waitFor();
  assert.deepEqual(await page.locator('.message-body').allTextContents(), ['before the move', 'after the move']);
  await page.waitForTimeout(6000);
  assert.deepEqual((await heard(page)).filter((text) => /left|joined/.test(text)), [], 'nobody came and nobody went');
  assert.equal(await page.locator('.tile').count(), 3);
});

inPage('who does not come along is missed for five seconds', async (page) => {
  await enter(page, { devices: false });
  await pictureOf(page, 'Grace');
  await pictureOf(page, 'Alan');
  await listen(page);
  await ask(page, "server.move(['Alan'])");
  await Promise.all([tile(page, 'Alan').locator('canvas:visible').waitFor(), tile(page, 'Alan').getByText('Alan is reconnecting.').waitFor()]);
  await until(page, "server.of('join').length === 2");
  await tile(page, 'Alan').waitFor({ state: 'detached' });
  await pictureOf(page, 'Grace');
  await page.waitForFunction(() => /** @type {any} */ (window).heard.includes('Alan left.'));
});

inPage('a room that no server can open is tried until one can', async (page) => {
  await enter(page);
  await pictureOf(page, 'Grace');
  await listen(page);
  await ask(page, "server.unavailable = 2, server.resumable = false, server.tell({ type: 'left', reason: 'shutdown', code: 'shutdown', message: '' }), server.drop(1001)");
  await page.getByText('The server cannot open this room at the moment. Trying again …').waitFor();
  await until(page, "server.of('join').length === 2 && server.unavailable === 0");
  await pictureOf(page, 'Grace');
  await page.locator('.banner').waitFor({ state: 'hidden' });
  assert.deepEqual([await captures(page), await connections(page)], [1, 'closed connected']);
});

inPage('a server that was lost, and one’s own old place in the way', async (page) => {
  await enter(page);
  await pictureOf(page, 'Grace');
  await listen(page);
  await ask(page, "server.resumable = false, server.refusals.set('join', 'identity_in_use'), server.drop(1006)");
  await until(page, "server.of('join').length === 3");
  await pictureOf(page, 'Grace');
  await page.locator('.banner').waitFor({ state: 'hidden' });
  const said = await heard(page);
  assert.ok(said.some((text) => text.startsWith('The server of this call was lost. Joining again')), said.join(' | '));
  assert.equal(await captures(page), 1);
});

inPage('a server that goes silent is given up within its time', async (page) => {
  await enter(page, { devices: false });
  await pictureOf(page, 'Grace');
  // No answer any more, and no media either.
  await ask(page, 'server.deaf = true, server.places.forEach(({ sender }) => sender.replaceTrack(null))');
  await until(page, "server.of('resume').length === 1");
});
