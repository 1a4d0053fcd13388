// The example of a page of one's own, which is all that a stranger reads before trying.

import { after, before } from 'node:test';

import { launchChromium } from '../support/browser.js';
import { fakeDevices, motion, speech } from './support/footage.js';
import { Person } from './support/person.js';
import { scenario } from './support/scenario.js';
import { until } from './support/wait.js';

/** @type {import('playwright-core').Browser} */ let browser;
before(async () => {
  browser = await launchChromium({ args: fakeDevices({ video: motion(320, 180), audio: speech() }) });
});
after(() => browser?.close());

// S2
scenario('the example meets the page in one room', async (scene) => {
  const { url } = await scene.server();
  const ann = new Person(await scene.chromium(browser, 'Ann'), 'Ann');
  await ann.enter(url, 'example');
  const own = await scene.chromium(browser, 'a page of one’s own');
  await own.goto(`${url}/static/example.html`);
  await own.click('button', /Join/);
  await ann.decodes('A guest');
  await until('the example plays Ann', () => own.run(() => [...document.querySelectorAll('figure')]
    .some((figure) => figure.textContent?.includes('Ann') && (figure.querySelector('video')?.getVideoPlaybackQuality().totalVideoFrames ?? 0) > 10)));
});
