// The page in real browsers against the real server.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { hasChromium, launchChromium } from './support/browser.js';
import { hasFirefox, launchFirefox } from './support/firefox.js';
import { startProxy } from './support/proxy.js';
import { hasServer, startServer } from './support/server.js';

const skip = !hasChromium ? 'no chromium' : !hasServer ? 'no server' : false;
const LONG = 60_000;
/** @typedef {import('playwright-core').Page} Page */
/** @type {import('playwright-core').Browser} */ let browser;
/** @type {Awaited<ReturnType<typeof startServer>>} */ let server;

before(async () => {
  if (skip) return;
  server = await startServer();
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Keeps every connection of the page, so that its statistics can be read without a hook in the page. */
function keepConnections() {
  const Native = window.RTCPeerConnection;
  const pcs = /** @type {RTCPeerConnection[]} */ ([]);
  Object.assign(window, { pcs });
  window.RTCPeerConnection = class extends Native {
    /** @param {RTCConfiguration} [config] */
    constructor(config) {
      super(config);
      pcs.push(this);
    }
  };
}

/** A small machine cannot encode many large pictures: this camera gives small ones. */
function smallCamera() {
  const { getUserMedia } = MediaDevices.prototype;
  MediaDevices.prototype.getUserMedia = function small(constraints) {
    return getUserMedia.call(this, { ...constraints, ...(constraints?.video ? { video: { width: 320, height: 180, frameRate: 10 } } : {}) });
  };
}

/** What the page decodes: frames of each picture, energy of all voices. */
async function decoded() {
  /** @type {number[]} */
  const frames = [];
  let energy = 0;
  for (const pc of /** @type {RTCPeerConnection[]} */ (/** @type {any} */ (window).pcs)) {
    if (pc.connectionState === 'closed') continue;
    for (const entry of (await pc.getStats()).values()) {
      if (entry.type !== 'inbound-rtp') continue;
      if (entry.kind === 'video' && entry.framesDecoded > 0) frames.push(entry.framesDecoded);
      if (entry.kind === 'audio') energy += entry.totalAudioEnergy ?? 0;
    }
  }
  return { frames, energy };
}

/** @param {() => Promise<unknown>} check @param {string} what */
async function until(check, what) {
  for (const end = Date.now() + LONG; !await check();) {
    assert.ok(Date.now() < end, `never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/**
 * @param {import('playwright-core').BrowserContext} context @param {string} room @param {string} name @param {{ devices?: boolean, fragment?: string, large?: boolean }} [how]
 * @returns {Promise<Page>}
 */
async function enter(context, room, name, { devices = true, fragment = '', large = false } = {}) {
  const page = await context.newPage();
  page.setDefaultTimeout(LONG);
  await page.addInitScript(keepConnections);
  if (!large) await page.addInitScript(smallCamera);
  await page.goto(`${server.root}r/${room}${fragment}`);
  await page.getByLabel('Your name').fill(name);
  if (devices) {
    await page.getByRole('button', { name: 'Turn on camera and microphone' }).click();
    await page.getByRole('meter', { name: 'Microphone level' }).waitFor();
  }
  await page.getByRole('button', { name: 'Join the call' }).click();
  return page;
}

/** @param {Page} page @param {string} name */
const tile = (page, name) => page.getByRole('listitem').filter({ has: page.locator('.label', { hasText: name }) });
/** @param {Page} page @param {string} name */
const pictureOf = (page, name) => tile(page, name).locator('video:visible').waitFor();
/** @param {Page} page @param {number} pictures how many move */
async function moves(page, pictures) {
  const first = await page.evaluate(decoded);
  await until(async () => {
    const { frames } = await page.evaluate(decoded);
    return frames.filter((n, i) => n > (first.frames[i] ?? 0) + 10).length >= pictures;
  }, `${pictures} moving pictures`);
}

/** @param {string} name @param {(context: import('playwright-core').BrowserContext) => Promise<void>} run */
function inContext(name, run) {
  test(name, { skip, timeout: 180_000 }, async () => {
    const context = await browser.newContext({ viewport: { width: 900, height: 640 } });
    try {
      await run(context);
    } finally {
      await context.close();
    }
  });
}

inContext('three people see and hear each other, write, share and leave', async (context) => {
  const ada = await enter(context, 'three', 'Ada', { large: true });
  const grace = await enter(context, 'three', 'Grace', { fragment: '#codec=vp9' });
  const alan = await enter(context, 'three', 'Alan', { devices: false });
  await pictureOf(ada, 'Grace');
  await pictureOf(grace, 'Ada');
  await pictureOf(alan, 'Ada');
  await pictureOf(alan, 'Grace');
  await moves(alan, 2);
  await until(async () => (await alan.evaluate(decoded)).energy > 0, 'sound');
  await alan.waitForSelector('.tile.speaking');

  await grace.getByRole('button', { name: 'Camera', exact: true }).click();
  await ada.locator('.tile[data-why="muted"]', { hasText: 'Grace' }).waitFor();
  assert.equal(await tile(ada, 'Grace').locator('video:visible').count(), 0);
  await grace.getByRole('button', { name: 'Camera', exact: true }).click();
  await pictureOf(ada, 'Grace');
  await grace.getByRole('button', { name: 'Microphone', exact: true }).click();
  await ada.getByRole('listitem', { name: /^Grace, microphone off/ }).waitFor();

  await ada.getByRole('button', { name: 'Chat', exact: true }).click();
  await ada.getByLabel('Message to everyone').fill('<i>hello</i>');
  await ada.keyboard.press('Enter');
  await alan.getByRole('button', { name: 'Chat, 1 unread' }).click();
  await alan.getByRole('log').getByText('<i>hello</i>').waitFor();

  await ada.getByRole('button', { name: 'Share screen' }).click();
  await pictureOf(alan, 'Ada’s screen');
  await alan.locator('.tile.staged', { hasText: 'Ada’s screen' }).waitFor();
  await ada.getByRole('button', { name: 'Stop sharing the screen' }).click();
  await alan.locator('.tile.screen').waitFor({ state: 'detached' });

  await ada.getByRole('button', { name: 'Leave the call' }).click();
  await ada.getByRole('heading', { name: 'You left the call' }).waitFor();
  await tile(alan, 'Ada').waitFor({ state: 'detached' });
  await ada.getByRole('button', { name: 'Rejoin' }).click();
  await pictureOf(alan, 'Ada');
  await pictureOf(ada, 'Grace');
});

inContext('a lost socket is resumed and the pictures go on', async (context) => {
  /** @type {import('playwright-core').WebSocketRoute[]} */
  const sockets = [];
  await context.routeWebSocket(/signal/, (socket) => {
    socket.connectToServer();
    sockets.push(socket);
  });
  const ada = await enter(context, 'resume', 'Ada');
  const grace = await enter(context, 'resume', 'Grace', { devices: false });
  await pictureOf(grace, 'Ada');
  for (let i = 0; i < 3; i++) {
    const count = sockets.length;
    await sockets[count - 1].close({ code: 4000, reason: 'test' });
    await until(async () => sockets.length > count, 'another socket');
    await grace.getByText(/Reconnecting/).waitFor({ state: 'hidden' });
    await moves(grace, 1);
  }
  assert.equal(await grace.evaluate(() => /** @type {any} */ (window).pcs.length), 1);
  assert.equal(await tile(ada, 'Grace').count(), 1);
});

inContext('a server that was restarted: everyone comes back by themselves', async (context) => {
  const ada = await enter(context, 'restart', 'Ada');
  const grace = await enter(context, 'restart', 'Grace', { devices: false });
  await pictureOf(grace, 'Ada');
  await server.stop();
  await grace.getByText(/Reconnecting/).waitFor();
  await server.start();
  await grace.getByText(/Reconnecting/).waitFor({ state: 'hidden' });
  await ada.getByText(/Reconnecting/).waitFor({ state: 'hidden' });
  await pictureOf(grace, 'Ada');
  await moves(grace, 1);
  assert.equal(await tile(grace, 'Ada').count(), 1);
});

inContext('more people than first places', async (context) => {
  const viewer = await enter(context, 'many', 'Viewer', { devices: false });
  /** @type {Page[]} */
  const pages = [];
  for (let i = 0; i < 6; i++) {
    const page = await context.newPage();
    page.setDefaultTimeout(LONG);
    await page.addInitScript(smallCamera);
    await page.goto(`${server.root}static/example.html`);
    // Six full pages would be too much for a small machine: these send one small picture and play nothing.
    await page.evaluate(async ({ i }) => {
      const { join } = /** @type {any} */ (await import(/** @type {any} */ (new URL('sfu.js', document.baseURI).href)));
      Object.assign(window, { room: join({ room: 'many', name: `Guest ${i}`, camera: true }) });
    }, { i });
    pages.push(page);
  }
  for (let i = 0; i < 6; i++) await pictureOf(viewer, `Guest ${i}`);
  await moves(viewer, 6);
  await pages[0].close();
  await tile(viewer, 'Guest 0').waitFor({ state: 'detached' });
});

inContext('the example works', async (context) => {
  const ada = await enter(context, 'example', 'Ada');
  const page = await context.newPage();
  page.setDefaultTimeout(LONG);
  await page.goto(`${server.root}static/example.html`);
  await page.getByRole('button', { name: /Join/ }).click();
  await page.locator('figure', { hasText: 'Ada' }).locator('video:visible').waitFor();
  await pictureOf(ada, 'A guest');
});

inContext('behind a proxy, under a sub-path', async (context) => {
  const proxy = await startProxy(server.root, '/meet');
  try {
    const ada = await enter(context, 'proxied', 'Ada');
    const page = await context.newPage();
    page.setDefaultTimeout(LONG);
    await page.goto(`${proxy.root}meet/`);
    await page.getByLabel('Room name').fill('proxied');
    await page.getByRole('button', { name: 'Join' }).click();
    await page.waitForURL('**/meet/r/proxied');
    await page.getByText('One person is inside').waitFor();
    await page.getByRole('button', { name: 'Join the call' }).click();
    await pictureOf(page, 'Ada');
    await tile(ada, 'Guest').waitFor();
  } finally {
    proxy.stop();
  }
});

inContext('each codec that this browser can send', async (context) => {
  const viewer = await enter(context, 'codecs', 'Viewer', { devices: false });
  for (const codec of ['h264', 'av1']) {
    const sender = await enter(context, 'codecs', codec, { fragment: `#codec=${codec}` });
    await pictureOf(viewer, codec);
    await moves(viewer, 1);
    await sender.close();
    await tile(viewer, codec).waitFor({ state: 'detached' });
  }
});

test('tokens: who has none is told, who has one comes in', { skip, timeout: 120_000 }, async () => {
  const locked = await startServer({ env: { SFU_AUTH_KEYS: 'k1 HS256 MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=' } });
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(LONG);
    await page.goto(`${locked.root}r/kitchen`);
    await page.getByText('lets in only people with an invitation').waitFor();
    await page.getByRole('button', { name: 'Join the call' }).click();
    await page.getByRole('heading', { name: 'You are not in the call' }).waitFor();
    const token = locked.run('token', '--room=kitchen', '--identity=ada', '--name=Ada').trim().split(/\s+/).find((word) => word.split('.').length === 3);
    await page.goto(`${locked.root}r/kitchen#token=${token}`);
    await page.reload();
    await page.getByText('Nobody is here yet').waitFor();
    await page.getByRole('button', { name: 'Join the call' }).click();
    await page.getByText('You are the only one here').waitFor();
    assert.ok(!page.url().includes('token'));
  } finally {
    await context.close();
    await locked.stop();
  }
});

test('Firefox and Chromium see each other', { skip: skip || (hasFirefox ? false : 'no firefox'), timeout: 180_000 }, async () => {
  const context = await browser.newContext();
  const firefox = await launchFirefox();
  try {
    const ada = await enter(context, 'both', 'Ada');
    const page = await firefox.newPage();
    page.setDefaultTimeout(LONG);
    await page.goto(`${server.root}r/both`);
    await page.waitForSelector('.preview-ask .primary');
    await page.type('.prejoin-form input', 'Fox');
    await page.click('.preview-ask .primary');
    await page.waitForSelector('.preview.has-picture');
    await page.click('.prejoin-form .primary');
    await pictureOf(ada, 'Fox');
    await moves(ada, 1);
    await page.waitForFunction(() => [...document.querySelectorAll('.tile.has-picture:not(.self) video')].some((v) => /** @type {HTMLVideoElement} */ (v).videoWidth > 0));
  } finally {
    await firefox.close();
    await context.close();
  }
});
