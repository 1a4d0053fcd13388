// One page in one browser, the same for both drivers: Playwright for Chromium, Puppeteer over WebDriver BiDi for Firefox. Controls are found
// as people find them, by role and name.

import { observe } from '../pages/observe.js';
import { until } from './wait.js';

/** @typedef {import('../pages/observe.js').Reception} Reception */
/** @typedef {'button' | 'textbox' | 'link' | 'heading' | 'combobox' | 'checkbox'} Role */
/** A name is the whole of it, or what an expression finds. @typedef {string | RegExp} Name */

/**
 * @typedef {object} Tab
 * @property {string} name for reports
 * @property {string[]} said what the page wrote to the console
 * @property {(url: string) => Promise<void>} goto
 * @property {() => Promise<void>} reload
 * @property {<A, R>(work: (argument: A) => R, argument?: A) => Promise<Awaited<R>>} run in the page
 * @property {(role: Role, name: Name) => Promise<void>} click
 * @property {(label: string, text: string) => Promise<void>} fill
 * @property {(label: string, option: string) => Promise<void>} select
 * @property {(text: string) => Promise<boolean>} says whether that text can be seen
 * @property {(question: string, ...args: unknown[]) => Promise<any>} ask what pages/observe.js answers
 * @property {(width: number, height: number) => Promise<void>} resize
 * @property {(file: string) => Promise<void>} screenshot
 * @property {() => Promise<void>} close
 */

const ACTS_WITHIN = 30_000;

/** @param {[string, unknown[]]} what */
const answer = ([question, args]) => /** @type {any} */ (window).e2e[question](...args);

/** @param {string} text */
const seen = (text) => document.body.innerText.includes(text);

/** @param {import('playwright-core').BrowserContext} context @param {string} name @returns {Promise<Tab & { page: import('playwright-core').Page }>} */
export async function chromiumTab(context, name) {
  const page = await context.newPage();
  page.setDefaultTimeout(ACTS_WITHIN);
  await page.addInitScript(observe);
  /** @type {string[]} */
  const said = [];
  page.on('console', (message) => said.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => said.push(`thrown: ${error.stack ?? error.message}`));
  /** @param {Role} role @param {Name} label */
  const find = (role, label) => page.getByRole(role, { name: label, exact: typeof label === 'string' });
  return {
    page,
    name,
    said,
    goto: async (url) => void await page.goto(url),
    reload: async () => void await page.reload(),
    run: (work, argument) => page.evaluate(/** @type {any} */ (work), argument),
    click: (role, label) => find(role, label).click(),
    fill: (label, text) => page.getByLabel(label, { exact: true }).fill(text),
    select: async (label, option) => void await page.getByLabel(label, { exact: true }).selectOption({ label: option }),
    says: (text) => page.evaluate(seen, text),
    ask: (question, ...args) => page.evaluate(answer, /** @type {[string, unknown[]]} */ ([question, args])),
    resize: (width, height) => page.setViewportSize({ width, height }),
    screenshot: async (file) => void await page.screenshot({ path: file, timeout: 5000 }),
    close: () => page.close(),
  };
}

/** Firefox's fake camera is as large as it is asked to be; a busy machine is better served by a small one. @param {{ width: number, height: number, frameRate: number }} size */
function smallCamera(size) {
  const devices = navigator.mediaDevices;
  const ask = devices?.getUserMedia.bind(devices);
  if (ask) devices.getUserMedia = (constraints) => ask({ ...constraints, ...(constraints?.video ? { video: size } : {}) });
}

/**
 * @param {import('puppeteer-core').Browser} browser @param {string} name @param {{ camera?: { width: number, height: number, frameRate: number } }} [options]
 * @returns {Promise<Tab & { page: import('puppeteer-core').Page }>}
 */
export async function firefoxTab(browser, name, { camera = { width: 320, height: 180, frameRate: 15 } } = {}) {
  const page = await browser.newPage();
  page.setDefaultTimeout(ACTS_WITHIN);
  await page.evaluateOnNewDocument(smallCamera, camera);
  await page.evaluateOnNewDocument(observe);
  /** @type {string[]} */
  const said = [];
  page.on('console', (message) => said.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => said.push(`thrown: ${error instanceof Error ? error.stack : String(error)}`));
  /** @param {Role} role @param {Name} label */
  const find = (role, label) => until(`${role} “${label}” in ${name}`, async () => {
    for (const candidate of await page.$$(`::-p-aria([role="${role}"])`)) {
      const said = await candidate.evaluate((element) => element.getAttribute('aria-label') ?? /** @type {HTMLElement} */ (element).innerText.trim());
      const seenNow = await candidate.isVisible();
      if (seenNow && (typeof label === 'string' ? said === label : label.test(said))) return candidate;
    }
    return null;
  }, { within: ACTS_WITHIN });
  /** @param {string} label */
  const labelled = (label) => until(`field “${label}” in ${name}`, () => page.$(`::-p-aria([name="${label}"])`), { within: ACTS_WITHIN });
  return {
    page,
    name,
    said,
    goto: async (url) => void await page.goto(url),
    reload: async () => void await page.reload(),
    run: (work, argument) => page.evaluate(/** @type {any} */ (work), argument),
    click: async (role, label) => (await find(role, label)).click(),
    select: async (label, option) => void await (await labelled(label)).select(option),
    fill: async (label, text) => {
      const field = await labelled(label);
      // What is in it is marked, and typed over.
      await field.click({ count: 3 });
      await field.type(text);
    },
    says: (text) => page.evaluate(seen, text),
    ask: (question, ...args) => page.evaluate(answer, /** @type {[string, unknown[]]} */ ([question, args])),
    resize: (width, height) => page.setViewport({ width, height }),
    screenshot: async (file) => void await page.screenshot({ path: /** @type {`${string}.png`} */ (file) }),
    close: () => page.close(),
  };
}
