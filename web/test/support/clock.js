/** A clock that stands until it is moved. */
export class FakeClock {
  #now = 0;
  /** @type {{ at: number, run: () => void }[]} */ #timers = [];

  now() {
    return this.#now;
  }

  /** @param {number} ms @param {() => void} run */
  after(ms, run) {
    const timer = { at: this.#now + ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Moves on, running what comes due in its order, and lets promises settle after each. @param {number} ms */
  async advance(ms) {
    const end = this.#now + ms;
    for (;;) {
      await settle();
      const [next] = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
    this.#now = end;
    await settle();
  }

  /** Jumps without running anything, as a machine does that sleeps. @param {number} ms */
  sleep(ms) {
    this.#now += ms;
  }

  get pending() {
    return this.#timers.length;
  }
}

/** Lets promises and microtasks run out. */
export const settle = () => new Promise((resolve) => setImmediate(resolve));
