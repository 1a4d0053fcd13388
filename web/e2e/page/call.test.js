// What people do in a call.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { ask, connected, enter, inPage, openRoom, pictureOf, server, tile, until } from './support/in-page.js';

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

for (const codec of ['VP9', 'H264', 'AV1']) {
  inPage(`publishing with ${codec}`, async (page) => {
    await enter(page, { fragment: `#codec=${codec.toLowerCase()}` });
    await connected(page);
    const media = (await ask(page, "server.of('join')[0].offers[0].sdp")).split('\r\nm=');
    const camera = media.find((/** @type {string} */ m) => m.startsWith('video') && m.includes('a=sendonly'));
    assert.deepEqual([...camera.matchAll(/a=rtpmap:\d+ (\S+)/g)].map((match) => match[1]), [`${codec}/90000`, 'rtx/90000']);
    await page.waitForFunction(() => /** @type {any} */ (window).loopback.received().then((/** @type {any[]} */ all) => all.some((r) => r.kind === 'video' && r.packets > 0)));
  });
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

inPage('who is heard is marked as speaking', async (page) => {
  await enter(page, { devices: false });
  await page.waitForSelector('.tile.speaking');
});

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
});
