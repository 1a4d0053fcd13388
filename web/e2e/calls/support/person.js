// Somebody who uses the page: looks at what it says and presses what it offers.

import assert from 'node:assert/strict';

import { until } from './wait.js';

/** @typedef {import('./tab.js').Tab} Tab */
/** @typedef {import('../pages/observe.js').Reception} Reception */
/** What to have on when joining. @typedef {'both' | 'microphone' | 'camera' | 'nothing'} Devices */

export class Person {
  /** @param {Tab} tab @param {string} name */
  constructor(tab, name) {
    this.tab = tab;
    this.name = name;
  }

  /** Opens the link of a room. @param {string} root @param {string} room @param {string} [fragment] */
  async open(root, room, fragment = '') {
    await this.tab.goto(`${root}/r/${room}${fragment}`);
  }

  /** Before joining. @param {Devices} devices */
  async turnOn(devices) {
    const { tab } = this;
    if (devices === 'nothing') return;
    if (devices === 'microphone') await tab.click('button', 'Microphone only');
    else await tab.click('button', 'Turn on camera and microphone');
    await this.isOn('Microphone');
    if (devices !== 'microphone') await this.isOn('Camera');
    if (devices === 'camera') await tab.click('button', 'Microphone');
  }

  /** Waits for a button to be pressed, or not. @param {string} button @param {boolean} [on] */
  isOn(button, on = true) {
    return until(`${button} of ${this.name} is ${on ? 'on' : 'off'}`, () => this.tab.run(
      ([label, pressed]) => document.querySelector(`button[aria-label="${label}"]`)?.getAttribute('aria-pressed') === pressed, [button, String(on)]));
  }

  /** @param {Devices} devices */
  async prepare(devices) {
    await this.tab.fill('Your name', this.name);
    await this.turnOn(devices);
  }

  async join() {
    await this.tab.click('button', 'Join the call');
  }

  /** All of it. @param {string} root @param {string} room @param {{ devices?: Devices, fragment?: string }} [options] */
  async enter(root, room, { devices = 'both', fragment = '' } = {}) {
    await this.open(root, room, fragment);
    await this.prepare(devices);
    await this.join();
    await until(`${this.name} is in the call`, async () => (await this.tiles()).some((label) => label.startsWith(`${this.name} (you)`)));
  }

  async leave() {
    await this.tab.click('button', 'Leave the call');
  }

  /** What the tiles say, as a screen reader reads it. @returns {Promise<string[]>} */
  tiles() {
    return this.tab.ask('tiles');
  }

  /** @param {string} name of a person, or "Ann’s screen" */
  async sees(name) {
    return (await this.tiles()).some((label) => label === name || label.startsWith(`${name},`));
  }

  /** @param {string} name @param {{ within?: number }} [options] */
  gone(name, options) {
    return until(`${this.name} no longer has a tile of ${name}`, async () => !await this.sees(name), options);
  }

  /** What a tile says beyond the name. @param {string} name @returns {Promise<string>} */
  async saysOf(name) {
    return (await this.tiles()).find((label) => label === name || label.startsWith(`${name},`)) ?? '';
  }

  /** @param {string} name @returns {Promise<Reception | null>} */
  picture(name) {
    return this.tab.ask('picture', name);
  }

  /** @returns {Promise<Reception[]>} */
  voices() {
    return this.tab.ask('voices');
  }

  /**
   * The picture of `name` moves: a good number of frames are decoded from now on.
   * @param {string} name @param {{ frames?: number, within?: number, check?: (reception: Reception) => boolean }} [options]
   * @returns {Promise<Reception>}
   */
  async decodes(name, { frames = 10, within, check = () => true } = {}) {
    let from = -1;
    return until(`${this.name} decodes ${name}`, async () => {
      const reception = await this.picture(name);
      if (!reception) return null;
      // Another seat counts anew.
      if (from < 0 || reception.frames < from) from = reception.frames;
      if (reception.frames - from < frames || !check(reception)) throw new Error(`${reception.frames - from} frames, ${JSON.stringify(reception)}`);
      return reception;
    }, { within });
  }

  /** As many voices as there are others are heard from now on. @param {number} count */
  async hears(count) {
    /** @type {Map<string, number>} */
    const before = new Map();
    await until(`${this.name} hears ${count}`, async () => {
      const voices = await this.voices();
      for (const { mid, energy } of voices) if (!before.has(mid)) before.set(mid, energy);
      const heard = voices.filter(({ mid, energy }) => energy > (before.get(mid) ?? energy));
      if (heard.length < count) throw new Error(`${heard.length} of ${JSON.stringify(voices)}`);
      return true;
    });
  }

  /** @param {string} text */
  async write(text) {
    if (!await this.#chatIsOpen()) await this.openChat();
    await this.tab.fill('Message to everyone', text);
    await this.tab.click('button', 'Send');
  }

  async openChat() {
    await this.tab.click('button', /^Chat/);
    await until('the chat is open', () => this.#chatIsOpen());
  }

  #chatIsOpen() {
    return this.tab.run(() => document.querySelector('aside[aria-label="Chat"]:not([hidden])') !== null);
  }

  /** The messages that can be read. @returns {Promise<string[]>} */
  messages() {
    return this.tab.run(() => [...document.querySelectorAll('[role="log"][aria-label="Messages"] > *')].map((line) => /** @type {HTMLElement} */ (line).innerText));
  }

  /** @param {string} text */
  reads(text) {
    return until(`${this.name} reads “${text}”`, async () => (await this.messages()).some((message) => message.includes(text)));
  }
}

/**
 * Everyone decodes everyone's picture and hears everyone's voice.
 * @param {Person[]} people @param {{ check?: (reception: Reception) => boolean }} [options]
 */
export async function allMeet(people, { check } = {}) {
  await Promise.all(people.flatMap((person) => [
    ...people.filter((other) => other !== person).map((other) => person.decodes(other.name, { check })),
    person.hears(people.length - 1),
  ]));
  for (const person of people) assert.ok(await person.tab.ask('own', `${person.name} (you)`), `${person.name} sees the own picture`);
}
