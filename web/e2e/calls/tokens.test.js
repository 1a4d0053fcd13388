// A server with keys lets in who has a token, and tells the others.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before } from 'node:test';

import { launchChromium } from '../support/browser.js';
import { fakeDevices, motion, speech } from './support/footage.js';
import { Person } from './support/person.js';
import { freshRoom, scenario } from './support/scenario.js';
import { command } from './support/server.js';
import { until } from './support/wait.js';

/** @type {import('playwright-core').Browser} */ let browser;
before(async () => {
  browser = await launchChromium({ args: fakeDevices({ video: motion(320, 180), audio: speech() }) });
});
after(() => browser?.close());

scenario('who has no token is told, who has one is in under the name in it', async (scene) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'keys-'));
  scene.closing(() => rmSync(directory, { recursive: true }));
  const keys = path.join(directory, 'keys');
  writeFileSync(keys, `main HS256 ${randomBytes(32).toString('base64')}\n`, { mode: 0o600 });
  const { url } = await scene.server({ args: [`--auth-keys-file=${keys}`] });
  const room = freshRoom();

  const eve = new Person(await scene.chromium(browser, 'Eve'), 'Eve');
  await eve.open(url, room);
  await until('the page says so before', () => eve.tab.says('lets in only people with an invitation'));
  await eve.join();
  await until('and after', () => eve.tab.says('You are not in the call'));

  const token = command('token', `--auth-keys-file=${keys}`, `--room=${room}`, '--identity=ann', '--name=Ann').trim().split(/\s+/)
    .find((word) => word.split('.').length === 3);
  const ann = new Person(await scene.chromium(browser, 'Ann'), 'Ann');
  await ann.open(url, room, `#token=${token}`);
  await until('the room lets her in', () => ann.tab.says('Nobody is here yet'));
  await ann.join();
  await until('she is in', async () => (await ann.tiles()).some((label) => label.startsWith('Ann (you)')));
  assert.doesNotMatch(await ann.tab.run(() => location.href), /token/, 'the token is not left in the address');
});
