// Time as a value that can be handed in, so that tests need not wait.

/** @typedef {{ now(): number, after(ms: number, run: () => void): () => void }} Clock `now` is in milliseconds; `after` returns its cancel. */

/** @type {Clock} */
export const realClock = {
  now: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};
