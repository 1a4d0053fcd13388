// Connections, seats and places that come, go and change hands.

import assert from 'node:assert/strict';

import { ask, enter, inPage, pictureOf, tile, until } from './support/in-page.js';

inPage('more people than places: more are asked for, and all are seen', async (page) => {
  await enter(page, { devices: false });
  await pictureOf(page, 'Grace');
  for (const [i, name] of ['Hedy', 'Radia', 'Tim', 'Annie'].entries()) await ask(page, `server.addBot('b${i}', '${name}', 'hsl(${i * 80} 60% 40%)')`);
  for (const name of ['Hedy', 'Radia', 'Tim', 'Annie', 'Grace', 'Alan']) await pictureOf(page, name);
  assert.ok(await ask(page, "server.of('offer').length") <= 2);
  await page.getByRole('button', { name: 'People, 7' }).waitFor();
  await ask(page, "server.removeBot('b0')");
  await tile(page, 'Hedy').waitFor({ state: 'detached' });
});

inPage('the server is told how large everything is', async (page) => {
  await enter(page, { devices: false });
  await pictureOf(page, 'Grace');
  await until(page, "server.of('view').flatMap((v) => v.tracks).some((t) => t.track === 'gv' && t.width > 300)");
  await tile(page, 'Grace').hover();
  await page.getByRole('button', { name: 'Pin Grace' }).click();
  await until(page, "server.of('view').flatMap((v) => v.tracks).some((t) => t.track === 'gv' && t.width > 600 && t.priority === 10)");
  await until(page, "server.of('view').at(-1).tracks.some((t) => t.track === 'av' && t.width < 320)");
});

inPage('a place that changes hands shows nothing old', async (page) => {
  await enter(page, { devices: false });
  await pictureOf(page, 'Grace');
  await pictureOf(page, 'Alan');
  await ask(page, "server.addBot('h', 'Hedy', '#10a010')");
  await pictureOf(page, 'Hedy');
  // Watches the colour of every frame that Hedy's tile shows from now on.
  await page.evaluate(() => {
    /** @type {any} */ (window).seen = new Set();
    const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
    const look = () => {
      for (const element of document.querySelectorAll('.tile')) {
        if (!element.querySelector('.label')?.textContent?.includes('Grace')) continue;
        const video = /** @type {HTMLVideoElement | null} */ (element.querySelector('video'));
        if (!video || video.style.visibility === 'hidden' || !video.videoWidth || !canvas) continue;
        canvas.drawImage(video, 0, 0, 8, 8, 0, 0, 1, 1);
        const [r, g, b] = canvas.getImageData(0, 0, 1, 1).data;
        /** @type {any} */ (window).seen.add(r > g && r > b ? 'red' : g > b ? 'green' : 'blue');
      }
      requestAnimationFrame(look);
    };
    look();
  });
  await ask(page, "server.switchPlace('gv', 'hv')");
  await tile(page, 'Grace').locator('video:visible').waitFor({ state: 'hidden' });
  await tile(page, 'Grace').getByText('more video is sent than this page can receive').waitFor();
  await ask(page, "server.switchPlace('hv', 'gv')");
  await pictureOf(page, 'Grace');
  await page.waitForTimeout(1000);
  assert.deepEqual(await page.evaluate(() => [.../** @type {any} */ (window).seen]), ['red']);
});

// S18: a picture that does not come is explained, and asked for anew.
inPage('a picture that stops says why, and is repaired', async (page) => {
  await enter(page, { devices: false });
  await pictureOf(page, 'Grace');
  const place = "server.places.find(({ track }) => track === 'gv').sender";
  await ask(page, `${place}.replaceTrack(null)`);
  await tile(page, 'Grace').getByText('The server sends this picture, but it does not arrive here.').waitFor();
  await until(page, "server.of('unsubscribe').some(({ tracks }) => tracks.includes('gv')) && server.of('subscribe').some(({ tracks }) => tracks.includes('gv'))");
  await ask(page, `${place}.replaceTrack(server.bots.get('g').tracks[1].media)`);
  await tile(page, 'Grace').getByText('does not arrive here').waitFor({ state: 'hidden' });
  await pictureOf(page, 'Grace');
});

inPage('a lost socket is resumed without a gap', async (page) => {
  await enter(page);
  await pictureOf(page, 'Grace');
  const frames = () => page.evaluate(async () => {
    let sum = 0;
    for (const entry of (await /** @type {any} */ (window).loopback.pcs[0].getStats()).values()) if (entry.type === 'inbound-rtp') sum += entry.framesDecoded ?? 0;
    return sum;
  });
  await ask(page, 'server.down = true, server.drop(1006)');
  await page.getByText(/Reconnecting/).waitFor();
  const before_ = await frames();
  await page.getByRole('button', { name: 'Chat', exact: true }).click();
  await page.getByLabel('Message to everyone').fill('still here');
  await page.keyboard.press('Enter');
  await page.getByText('Sending…').waitFor();
  await ask(page, 'server.down = false');
  await until(page, "server.of('resume').length === 1");
  await page.getByText(/Reconnecting/).waitFor({ state: 'hidden' });
  await until(page, "server.chat.length === 1 && server.chat[0].body === 'still here'");
  await page.getByText('Sending…').waitFor({ state: 'hidden' });
  assert.ok(await frames() > before_);
  assert.equal(await page.evaluate(() => /** @type {any} */ (window).loopback.pcs.length), 1);
  assert.ok(await tile(page, 'Grace').locator('video').isVisible());
});

inPage('a seat that is gone: a new join, the camera is not asked for again', async (page) => {
  await enter(page);
  await pictureOf(page, 'Grace');
  await ask(page, 'server.resumable = false, server.drop(1006)');
  await until(page, "server.of('join').length === 2");
  await pictureOf(page, 'Grace');
  await pictureOf(page, 'You');
  await until(page, 'server.own.size === 2');
  assert.equal(await page.evaluate(() => /** @type {any} */ (window).loopback.captures()), 1);
  assert.equal(await page.evaluate(() => /** @type {any} */ (window).loopback.pcs.map((/** @type {any} */ pc) => pc.connectionState).join(' ')), 'closed connected');
});

inPage('media that is lost is replaced on the same seat', async (page) => {
  await enter(page);
  await pictureOf(page, 'Grace');
  await ask(page, "server.tell({ type: 'media', pc: 'main', state: 'failed', step: 'ice' })");
  await until(page, "server.of('offer').length === 1");
  assert.match(await ask(page, "server.of('offer')[0].sdp"), /a=ice-ufrag/);
  await page.getByText(/Reconnecting/).waitFor({ state: 'hidden' });
  await pictureOf(page, 'Grace');
});

inPage('who is removed is told, and the devices are off', async (page) => {
  await enter(page);
  await pictureOf(page, 'Grace');
  await ask(page, "server.tell({ type: 'left', reason: 'removed', code: 'removed', message: 'x' })");
  await page.getByText('A moderator removed you').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Rejoin' }).count(), 0);
});

inPage('leaving and coming back', async (page) => {
  await enter(page);
  await pictureOf(page, 'Grace');
  await page.getByRole('button', { name: 'Leave the call' }).click();
  await page.getByRole('heading', { name: 'You left the call' }).waitFor();
  await until(page, "server.of('leave').length === 1");
  await page.getByRole('button', { name: 'Rejoin' }).click();
  await pictureOf(page, 'Grace');
  await pictureOf(page, 'You');
});
