// What of the others is on the screen, and how large: what the server is told so that it sends no pixel for nothing. The
// functions are pure; ViewTeller adds the delay and the memory.

/** @typedef {import('./protocol.js').View} View */
/** @typedef {{ track: string, width: number, height: number, priority?: number, fps?: number }} Shown sizes in CSS pixels; 0 when not visible */

/** Sizes are told in these steps, so that a window that is dragged does not make a message per pixel. */
const STEP = 16;
const LARGEST = 4096;

/**
 * The views of everything that could be shown.
 * @param {Shown[]} tiles @param {{ hidden: boolean, pixelRatio: number }} page
 * @returns {Map<string, View>} by track
 */
export function viewsOf(tiles, { hidden, pixelRatio }) {
  /** @type {Map<string, View>} */
  const views = new Map();
  for (const { track, width, height, priority = 1, fps } of tiles) {
    const visible = !hidden && width > 0 && height > 0;
    /** @type {View} */
    const view = { track, width: visible ? pixels(width, pixelRatio) : 0, height: visible ? pixels(height, pixelRatio) : 0, priority };
    if (visible && fps) view.fps = fps;
    const before = views.get(track);
    // Shown twice, as in a strip and on a stage: the larger counts.
    if (!before || before.width * before.height <= view.width * view.height) views.set(track, view);
  }
  return views;
}

/** @param {number} size @param {number} ratio */
const pixels = (size, ratio) => Math.min(LARGEST, Math.ceil((size * ratio) / STEP) * STEP);

/** What has to be said for the server to know `next`, when it was told `said`. @param {Map<string, View>} said @param {Map<string, View>} next */
export function changedViews(said, next) {
  return [...next.values()].filter((view) => {
    const before = said.get(view.track);
    return !before || before.width !== view.width || before.height !== view.height || before.priority !== view.priority || before.fps !== view.fps;
  });
}

const DELAY = 200;

/** Tells the server what changed of the views, a moment after it changed. */
export class ViewTeller {
  /** @type {Map<string, View>} */ #wanted = new Map();
  /** @type {Map<string, View>} */ #said = new Map();
  /** @type {(() => void) | null} */ #cancel = null;

  /** @param {import('./clock.js').Clock} clock @param {(views: View[]) => boolean} tell false when it cannot be told now */
  constructor(clock, tell) {
    this.clock = clock;
    this.tell = tell;
  }

  /** @param {Map<string, View>} views by track */
  show(views) {
    this.#wanted = views;
    this.#cancel ??= this.clock.after(DELAY, () => this.#flush());
  }

  /** The server knows nothing yet, or may have forgotten. */
  anew() {
    this.#said = new Map();
    this.#flush();
  }

  stop() {
    this.#cancel?.();
    this.#cancel = null;
  }

  #flush() {
    this.stop();
    const changed = changedViews(this.#said, this.#wanted);
    if (changed.length > 0 && this.tell(changed)) this.#said = this.#wanted;
  }
}
