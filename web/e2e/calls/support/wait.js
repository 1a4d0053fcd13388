// Waiting for what must come true: asked again and again until a deadline, and never slept for.

/** A busy machine may take this long over what an idle one does at once. */
export const PATIENCE = 60_000;
const ASK_EVERY = 100;

/** @param {number} ms */
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Waits until `probe` gives something true, and returns that. What it gave or threw last is in the error when it never does.
 * @template T
 * @param {string} what is waited for, as in "ann sees bob" @param {() => Promise<T> | T} probe @param {{ within?: number, every?: number }} [options] milliseconds
 * @returns {Promise<NonNullable<T>>}
 */
export async function until(what, probe, { within = PATIENCE, every = ASK_EVERY } = {}) {
  const deadline = performance.now() + within;
  /** @type {unknown} */ let last;
  for (;;) {
    try {
      const value = await probe();
      if (value) return value;
      last = value;
    } catch (error) {
      last = error instanceof Error ? error.message : error;
    }
    if (performance.now() > deadline) throw new Error(`waited ${within} ms for: ${what}; at last: ${typeof last === 'string' ? last : JSON.stringify(last)}`);
    await pause(every);
  }
}

/**
 * Watches for `ms` that nothing happens.
 * @param {number} ms @param {() => Promise<void> | void} check throws when it does @param {number} [every]
 */
export async function during(ms, check, every = ASK_EVERY) {
  const end = performance.now() + ms;
  while (performance.now() < end) {
    await check();
    await pause(every);
  }
}
