// The way into a call, and what may stand in it.

import assert from 'node:assert/strict';

import { ask, connected, enter, inPage, openRoom, pictureOf, server, until } from './support/in-page.js';

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
});

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
