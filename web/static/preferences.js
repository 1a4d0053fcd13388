// What the page remembers on this device: never more than comfort, and never needed. Storage may be full, forbidden or missing.

const PREFIX = 'sfu.';
const RECENT = 6;

/** @typedef {'auto' | 'light' | 'dark'} Theme */
/**
 * @typedef {object} Remembered
 * @property {string} name
 * @property {string} camera device ids
 * @property {string} microphone
 * @property {string} speaker
 * @property {Theme} theme
 * @property {string} codec '' for automatic
 * @property {boolean} showSelf
 * @property {boolean} mirror
 * @property {boolean} shortcuts
 * @property {string[]} recent rooms, the last one first
 */

/** @type {Remembered} */
const DEFAULTS = {
  name: '', camera: '', microphone: '', speaker: '', theme: 'auto', codec: '', showSelf: true, mirror: true, shortcuts: true, recent: [],
};

export class Preferences {
  /** @type {Remembered} */ #values;

  /** @param {Storage | null} storage */
  constructor(storage) {
    this.storage = storage;
    this.#values = { ...DEFAULTS };
    for (const key of /** @type {(keyof Remembered)[]} */ (Object.keys(DEFAULTS))) {
      const value = this.#read(key);
      if (typeof value === typeof DEFAULTS[key] && Array.isArray(value) === Array.isArray(DEFAULTS[key])) Object.assign(this.#values, { [key]: value });
    }
  }

  /** @template {keyof Remembered} K @param {K} key @returns {Remembered[K]} */
  get(key) {
    return this.#values[key];
  }

  /** @template {keyof Remembered} K @param {K} key @param {Remembered[K]} value */
  set(key, value) {
    this.#values[key] = value;
    try {
      this.storage?.setItem(PREFIX + key, JSON.stringify(value));
    } catch {
      // It is remembered until the page is closed.
    }
  }

  /** @param {string} room */
  visited(room) {
    this.set('recent', [room, ...this.get('recent').filter((other) => other !== room)].slice(0, RECENT));
  }

  /** @param {string} room */
  forget(room) {
    this.set('recent', this.get('recent').filter((other) => other !== room));
  }

  /** @param {string} key */
  #read(key) {
    try {
      return JSON.parse(this.storage?.getItem(PREFIX + key) ?? 'null');
    } catch {
      return null;
    }
  }
}

/** The browser's storage, or null where touching it already throws. @param {'localStorage' | 'sessionStorage'} name @returns {Storage | null} */
export function storageOf(name) {
  try {
    return globalThis[name] ?? null;
  } catch {
    return null;
  }
}
