// The whole page in a real browser, against a server that lives in the page itself (support/loopback.js).

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { full, hasChromium, launchChromium } from '../support/browser.js';
import { startPageServer } from './support/page-server.js';

const skip = hasChromium ? false : 'no chromium';
const LONG = 60_000;
const loopback = readFileSync(new URL('support/loopback.js', import.meta.url), 'utf8');
/** @type {import('playwright-core').Browser} */ let browser;
/** @type {Awaited<ReturnType<typeof startPageServer>>} */ let server;
/** @typedef {import('playwright-core').Page} Page */

before(async () => {
  if (skip) return;
  server = await startPageServer();
  browser = await launchChromium({ args: ['--disable-features=WebRtcHideLocalIpsWithMdns'] });
});
after(async () => {
  await browser?.close();
  server?.stop();
});

/**
 * A page with the loopback server, and a check that nothing offends its policy or throws.
 * @param {string} name @param {(page: Page) => Promise<void>} run
 * @param {{ covered?: boolean }} [options] `covered`: the tests against the real server show it too
 */
function inPage(name, run, { covered = false } = {}) {
  test(name, { skip: skip || (covered && !full ? 'E2E is not full' : false), timeout: 120_000 }, async () => {
    const context = await browser.newContext({ viewport: { width: 1100, height: 720 } });
    const page = await context.newPage();
    /** @type {string[]} */
    const wrong = [];
    page.on('pageerror', (error) => wrong.push(error.message));
    page.on('console', (message) => message.type() === 'error' && wrong.push(message.text()));
    await page.addInitScript(loopback);
    page.setDefaultTimeout(LONG);
    try {
      await run(page);
      assert.deepEqual(wrong, []);
    } finally {
      await context.close();
    }
  });
}

/** @param {Page} page @param {string} [fragment] */
async function openRoom(page, fragment = '') {
  await page.goto(`${server.root}r/test${fragment}`);
  await page.evaluate(() => {
    /** @type {any} */ (window).loopback.addBot('g', 'Grace', '#c02020');
    /** @type {any} */ (window).loopback.addBot('a', 'Alan', '#2020c0');
  });
}

/** @param {Page} page @param {{ devices?: boolean, fragment?: string }} [how] */
async function enter(page, { devices = true, fragment = '' } = {}) {
  await openRoom(page, fragment);
  await page.getByLabel('Your name').fill('Ada');
  if (devices) {
    await page.getByRole('button', { name: 'Turn on camera and microphone' }).click();
    await page.getByRole('meter', { name: 'Microphone level' }).waitFor();
  }
  await page.getByRole('button', { name: 'Join the call' }).click();
}

/** @param {Page} page @param {string} expression of `server` */
const ask = (page, expression) => page.evaluate(`(async (server) => (${expression}))(loopback)`);
/** Waits from outside, since the page's policy lets no text become code in it. @param {Page} page @param {string} expression of `server` */
async function until(page, expression) {
  for (const end = Date.now() + LONG; !await ask(page, expression);) {
    assert.ok(Date.now() < end, `still not: ${expression}`);
    await page.waitForTimeout(50);
  }
}
/** @param {Page} page @param {string} name */
const tile = (page, name) => page.getByRole('listitem').filter({ has: page.locator('.label', { hasText: name }) });
/** @param {Page} page @param {string} name */
const pictureOf = (page, name) => tile(page, name).locator('video:visible').waitFor();
/** @param {Page} page */
const connected = (page) => page.waitForFunction(() => /** @type {any} */ (window).loopback.pcs.some((/** @type {any} */ pc) => pc.connectionState === 'connected'));

inPage('from the first page into a call', async (page) => {
  await page.goto(server.root);
  await page.getByLabel('Room name').fill('My test!');
  await page.getByText('/r/My-test').waitFor();
  await page.getByLabel('Room name').press('Enter');
  await page.waitForURL('**/r/My-test');
  await enter(page);
  await pictureOf(page, 'Grace');
  await pictureOf(page, 'Alan');
  await pictureOf(page, 'You');
  await page.goto(server.root);
  await page.getByRole('link', { name: 'test', exact: true }).waitFor();
}, { covered: true });

inPage('the offer is lean, and says what is sent', async (page) => {
  await enter(page);
  await connected(page);
  const join = await ask(page, "server.of('join')[0]");
  assert.equal(join.name, 'Ada');
  const [{ sdp, tracks, pc, n }] = join.offers;
  assert.deepEqual([pc, n], ['main', 1]);
  assert.deepEqual(Object.values(tracks).map((/** @type {any} */ t) => [t.source, t.muted]).sort(), [['camera', false], ['microphone', false]]);
  const media = sdp.split('\r\nm=').slice(1);
  assert.equal(media.length, 10);
  assert.equal(media.filter((/** @type {string} */ m) => m.includes('a=recvonly')).length, 8);
  const camera = media.find((/** @type {string} */ m) => m.includes('a=simulcast:send'));
  assert.match(camera, /a=simulcast:send q;h;f/);
  assert.deepEqual([...camera.matchAll(/a=rtpmap:\d+ (\S+)/g)].map((match) => match[1]), ['VP8/90000', 'rtx/90000']);
  assert.doesNotMatch(sdp, /PCMU|red\/|ulpfec|telephone|m=application/);
  assert.ok(sdp.length < 32_000, `the offer has ${sdp.length} bytes`);
  await page.waitForFunction(() => /** @type {any} */ (window).loopback.received().then((/** @type {any[]} */ all) => all.some((r) => r.kind === 'video' && r.packets > 0) && all.some((r) => r.kind === 'audio' && r.packets > 0)));
});

inPage('the buttons do what they say', async (page) => {
  await enter(page);
  await pictureOf(page, 'Grace');
  const mic = page.getByRole('button', { name: 'Microphone', exact: true });
  const camera = page.getByRole('button', { name: 'Camera', exact: true });
  await mic.click();
  await until(page, "server.of('mute').some((m) => m.muted)");
  await page.waitForTimeout(100);
  assert.equal(await mic.getAttribute('aria-pressed'), 'false');
  await mic.click();
  await until(page, "server.of('mute').length === 2 && !server.of('mute')[1].muted");
  await camera.click();
  await until(page, "server.of('mute').length === 3 && server.of('mute')[2].muted");
  assert.equal(await tile(page, 'You').locator('video:visible').count(), 0);
  await camera.click();
  await pictureOf(page, 'You');
  await until(page, "server.of('mute').length === 4 && !server.of('mute')[3].muted");
  assert.equal(await ask(page, "server.of('offer').length"), 0);
  await page.getByRole('button', { name: 'Share screen' }).click();
  await page.getByText('You are sharing your screen').waitFor();
  await until(page, "[...server.own.values()].some((t) => t.source === 'screen')");
  await page.getByRole('button', { name: 'Stop sharing the screen' }).click();
  await until(page, "server.of('unpublish').length >= 1");
  await page.getByRole('button', { name: 'Share screen' }).click();
  await until(page, "server.of('publish').some((t) => t.source === 'screen')");
});

inPage('more people than places: more are asked for, and all are seen', async (page) => {
  await enter(page, { devices: false });
  await pictureOf(page, 'Grace');
  for (const [i, name] of ['Hedy', 'Radia', 'Tim', 'Annie'].entries()) await ask(page, `server.addBot('b${i}', '${name}', 'hsl(${i * 80} 60% 40%)')`);
  for (const name of ['Hedy', 'Radia', 'Tim', 'Annie', 'Grace', 'Alan']) await pictureOf(page, name);
  assert.ok(await ask(page, "server.of('offer').length") <= 2);
  await page.getByRole('button', { name: 'People, 7' }).waitFor();
  await ask(page, "server.removeBot('b0')");
  await tile(page, 'Hedy').waitFor({ state: 'detached' });
}, { covered: true });

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

// S17
inPage('an option that there is not is an error that names it', async (page) => {
  await page.goto(`${server.root}static/example.html`);
  const said = await page.evaluate(async () => {
    const { join } = /** @type {any} */ (await import(/** @type {any} */ (new URL('sfu.js', document.baseURI).href)));
    try {
      join({ room: 'kitchen', audio: true });
    } catch (error) {
      return String(error);
    }
    return 'nothing';
  });
  assert.match(said, /TypeError.*"audio".*microphone/);
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

// S15: no silent state. Where joining does not get on, the page says which step is stuck.
inPage('joining says what it waits for', async (page) => {
  await openRoom(page);
  await ask(page, 'server.silent = true');
  await page.getByRole('button', { name: 'Join the call' }).click();
  await page.getByText('Entering the room').waitFor();
  await page.getByText('It may be very busy').waitFor();
  await ask(page, 'server.silent = false, server.drop(1006)');
  await pictureOf(page, 'Grace');
});

inPage('a server that is down, and then is not', async (page) => {
  await page.goto(`${server.root}r/test`);
  await ask(page, 'server.down = true');
  await page.reload();
  await page.evaluate(() => {
    /** @type {any} */ (window).loopback.down = true;
  });
  await page.getByRole('button', { name: 'Turn on camera and microphone' }).click();
  await page.getByLabel('Your camera').waitFor();
  await page.getByRole('button', { name: 'Join the call' }).click();
  await page.getByText('The server does not answer').waitFor();
  await ask(page, 'server.down = false');
  await page.getByText('You are the only one here').waitFor();
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
}, { covered: true });

inPage('chat shows text as text', async (page) => {
  await enter(page, { devices: false });
  await pictureOf(page, 'Grace');
  const evil = '<img src=x onerror="document.title=1"> https://example.org/x javascript:alert(1)';
  await ask(page, `server.say('g', '<b>Grace</b>', ${JSON.stringify(evil)})`);
  await page.getByRole('button', { name: 'Chat, 1 unread' }).click();
  await page.getByText('<b>Grace</b>', { exact: true }).waitFor();
  const links = page.getByRole('log').getByRole('link');
  assert.deepEqual(await links.evaluateAll((all) => all.map((a) => [/** @type {HTMLAnchorElement} */ (a).href, a.getAttribute('rel')])), [['https://example.org/x', 'noopener noreferrer nofollow']]);
  assert.equal(await page.getByRole('log').locator('img').count(), 0);
  await page.getByLabel('Message to everyone').fill('hello');
  await page.getByRole('button', { name: 'Send' }).click();
  await until(page, "server.chat.length === 2");
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Chat', exact: true }).waitFor();
});

inPage('a name that wants to be markup stays a name', async (page) => {
  await openRoom(page);
  await ask(page, "server.addBot('x', '<img src=x onerror=alert(1)>\\u202Egnp', '#804080')");
  await page.getByRole('button', { name: 'Join the call' }).click();
  await page.locator('.label', { hasText: '<img src=x' }).waitFor();
  await page.getByRole('button', { name: /People/ }).click();
  await page.getByRole('complementary', { name: 'People' }).getByText('<img src=x onerror=alert(1)>').waitFor();
  assert.equal(await page.locator('img').count(), 0);
});

inPage('the token is in the join and not in the address', async (page) => {
  await enter(page, { devices: false, fragment: '#token=abc.def.ghi&codec=vp9' });
  await connected(page);
  assert.equal(await ask(page, "server.of('join')[0].token"), 'abc.def.ghi');
  assert.ok(!page.url().includes('token'));
  await page.goto(`${server.root}r/test`);
  await page.getByRole('button', { name: 'Join the call' }).click();
  await until(page, "server.of('join').length === 1");
  assert.equal(await ask(page, "server.of('join')[0].token"), 'abc.def.ghi');
});

for (const codec of ['VP9', 'H264', 'AV1']) {
  inPage(`publishing with ${codec}`, async (page) => {
    await enter(page, { fragment: `#codec=${codec.toLowerCase()}` });
    await connected(page);
    const media = (await ask(page, "server.of('join')[0].offers[0].sdp")).split('\r\nm=');
    const camera = media.find((/** @type {string} */ m) => m.startsWith('video') && m.includes('a=sendonly'));
    assert.deepEqual([...camera.matchAll(/a=rtpmap:\d+ (\S+)/g)].map((match) => match[1]), [`${codec}/90000`, 'rtx/90000']);
    await page.waitForFunction(() => /** @type {any} */ (window).loopback.received().then((/** @type {any[]} */ all) => all.some((r) => r.kind === 'video' && r.packets > 0)));
  }, { covered: true });
}

inPage('another codec during the call', async (page) => {
  await enter(page);
  await connected(page);
  await page.getByRole('button', { name: 'Settings' }).click();
  await page.getByLabel('Video codec').selectOption('VP9');
  await until(page, "server.of('unpublish').length === 1 && server.of('offer').length === 1");
  await until(page, "[...server.own.values()].filter((t) => t.source === 'camera').length === 2");
  const [offer] = await ask(page, "server.of('offer')");
  assert.deepEqual(Object.values(offer.tracks), [{ source: 'camera', muted: false }]);
});

// S9, S16
inPage('sound alone, and nothing at all', async (page) => {
  await openRoom(page);
  await page.getByRole('button', { name: 'Microphone only' }).click();
  await page.getByRole('meter', { name: 'Microphone level' }).waitFor();
  await page.getByRole('button', { name: 'Join the call' }).click();
  await until(page, 'server.own.size === 1');
  assert.deepEqual(await ask(page, '[...server.own.values()].map((t) => t.source)'), ['microphone']);
  await page.getByRole('button', { name: 'Camera', exact: true }).click();
  await until(page, "[...server.own.values()].some((t) => t.source === 'camera')");
  await pictureOf(page, 'You');
});

inPage('who is heard is marked as speaking', async (page) => {
  await enter(page, { devices: false });
  await page.waitForSelector('.tile.speaking');
}, { covered: true });

inPage('a call by keyboard alone', async (page) => {
  const fieldHasFocus = () => page.waitForFunction(() => document.activeElement?.tagName === 'INPUT');
  await page.goto(server.root);
  await fieldHasFocus();
  await page.keyboard.type('keys');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/r/keys');
  await page.evaluate(() => /** @type {any} */ (window).loopback.addBot('g', 'Grace', '#c02020'));
  await fieldHasFocus();
  await page.keyboard.type('Ada');
  /** @param {string} name @param {string} [key] */
  const tabTo = async (name, key = 'Tab') => {
    for (let i = 0; i < 40; i++) {
      const label = await page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent ?? '');
      if (label.includes(name)) return;
      await page.keyboard.press(key);
    }
    assert.fail(`never came to ${name}`);
  };
  await tabTo('Turn on camera', 'Shift+Tab');
  await page.keyboard.press('Enter');
  await page.getByRole('meter', { name: 'Microphone level' }).waitFor();
  await page.getByLabel('Your name').focus();
  await page.keyboard.press('Enter');
  await pictureOf(page, 'Grace');
  await page.keyboard.press('m');
  await until(page, "server.of('mute').length === 1");
  await page.keyboard.press('v');
  await until(page, "server.of('mute').length === 2");
  await page.keyboard.press('c');
  await page.keyboard.type('my message');
  await page.keyboard.press('Enter');
  await until(page, "server.chat.length === 1 && server.chat[0].body === 'my message'");
  assert.equal(await ask(page, "server.of('mute').length"), 2);
  await page.keyboard.press('Control+d');
  await until(page, "server.of('mute').length === 3");
  await page.keyboard.press('Escape');
  await page.getByLabel('Message to everyone').waitFor({ state: 'hidden' });
  await page.keyboard.press('p');
  await page.getByRole('heading', { name: 'People (2)' }).waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('?');
  await page.getByRole('heading', { name: 'Keys', exact: true }).waitFor();
  await page.keyboard.press('m');
  assert.equal(await ask(page, "server.of('mute').length"), 3);
  await page.keyboard.press('Escape');
  await page.getByRole('heading', { name: 'Keys', exact: true }).waitFor({ state: 'hidden' });
  await tabTo('Choose microphone');
  await page.keyboard.press('Enter');
  await page.getByRole('group', { name: 'Choose microphone and speaker' }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('group', { name: 'Choose microphone and speaker' }).waitFor({ state: 'hidden' });
  await tabTo('Leave the call');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'You left the call' }).waitFor();
});

inPage('the example plays everyone in at most 15 lines', async (page) => {
  const code = readFileSync(new URL('../../static/example.js', import.meta.url), 'utf8').split('\n').filter((line) => line.trim() !== '');
  assert.ok(code.length <= 15, `${code.length} lines`);
  await page.goto(`${server.root}static/example.html`);
  await page.evaluate(() => {
    /** @type {any} */ (window).loopback.addBot('g', 'Grace', '#c02020');
    /** @type {any} */ (window).loopback.addBot('a', 'Alan', '#2020c0');
  });
  await page.getByRole('button', { name: /Join/ }).click();
  await page.getByText('connected, 3 in the room').waitFor();
  await page.locator('figure', { hasText: 'Grace' }).locator('video:visible').waitFor();
  await page.locator('figure', { hasText: 'Alan' }).locator('video:visible').waitFor();
  await until(page, 'server.own.size === 2');
}, { covered: true });

inPage('a camera that is denied is explained, and joining works', async (page) => {
  await page.addInitScript(() => {
    navigator.mediaDevices.getUserMedia = async () => {
      throw new DOMException('Permission denied', 'NotAllowedError');
    };
  });
  await openRoom(page);
  await page.getByRole('button', { name: 'Turn on camera and microphone' }).click();
  await page.getByText('does not let this page use the camera').waitFor();
  await page.getByRole('button', { name: 'Join the call' }).click();
  await pictureOf(page, 'Grace');
});

inPage('sound that the browser holds back is let through by a click', async (page) => {
  await page.addInitScript(() => {
    const { play } = HTMLAudioElement.prototype;
    HTMLAudioElement.prototype.play = function later() {
      return /** @type {any} */ (window).clicked ? play.call(this) : Promise.reject(new DOMException('gesture', 'NotAllowedError'));
    };
  });
  await enter(page, { devices: false });
  const hear = page.getByRole('button', { name: 'Tap to hear' });
  await hear.waitFor();
  await page.evaluate(() => {
    /** @type {any} */ (window).clicked = true;
  });
  await hear.click();
  await hear.waitFor({ state: 'hidden' });
});

// S14: features are looked for, not names of browsers.
inPage('an old browser is told what is missing', async (page) => {
  await page.addInitScript(() => {
    delete (/** @type {any} */ (window).RTCPeerConnection);
    Object.defineProperty(window, 'RTCPeerConnection', { value: undefined });
  });
  await page.goto(`${server.root}r/test`);
  await page.getByRole('heading', { name: 'This browser cannot make calls' }).waitFor();
  await page.getByText('WebRTC', { exact: true }).waitFor();
});

// S30: no device is opened before somebody asks for it.
inPage('nothing is opened before it is asked for', async (page) => {
  await openRoom(page);
  await page.getByRole('button', { name: 'Join the call' }).click();
  await pictureOf(page, 'Grace');
  assert.equal(await page.evaluate(() => /** @type {any} */ (window).loopback.captures()), 0);
});
