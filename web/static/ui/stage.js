// The tiles of a call: who is in sight, where, and how large.

import { arrange, capacity, isPhone, promoteSpeakers } from '../layout.js';
import { selfPlace, stagedTile } from '../tiles.js';
import { h, icon, setAttribute, setText } from './dom.js';
import { Tile } from './tile.js';

/** @typedef {import('../tiles.js').TileModel} TileModel */
/** @typedef {import('./tile.js').Look} Look */
/** @typedef {import('../views.js').Shown} Shown */
/** @typedef {import('../speaking.js').Speaking} Speaking */
/** @typedef {{ tile: TileModel, rect: import('../layout.js').Rect, priority: number, staged?: boolean, floating?: boolean }} Placed */

/** Small tiles need no more frames than this. */
const STRIP_FPS = 15;

export class Stage {
  /** @type {Map<string, Tile>} */ #tiles = new Map();
  #area = { width: 0, height: 0 };
  #page = 0;
  #pages = 1;
  /** @type {string[]} */ #order = [];
  /** @type {string | null} */ pinned = null;

  /** @param {{ changed: () => void, showSelf: () => boolean, people: () => void }} host */
  constructor(host) {
    this.host = host;
    this.list = h('ul', { class: 'tiles', 'aria-label': 'People in the call' });
    this.more = h('button', { type: 'button', class: 'more-people', hidden: true, on: { click: host.people } });
    this.previous = h('button', { type: 'button', class: 'pager previous', 'aria-label': 'Previous page', on: { click: () => this.#turn(-1) } }, icon('previous'));
    this.next = h('button', { type: 'button', class: 'pager next', 'aria-label': 'Next page', on: { click: () => this.#turn(1) } }, icon('next'));
    this.pageText = h('p', { class: 'page-text' });
    this.element = h('div', { class: 'stage' }, this.list, this.more, this.previous, this.next, this.pageText);
    this.observer = new ResizeObserver(([entry]) => {
      this.#area = { width: entry.contentRect.width, height: entry.contentRect.height };
      host.changed();
    });
    this.observer.observe(this.list);
  }

  stop() {
    this.observer.disconnect();
    for (const tile of this.#tiles.values()) tile.picture.clear();
  }

  /** Keeps what is seen now, because the pictures are about to go. */
  freeze() {
    for (const tile of this.#tiles.values()) tile.picture.freeze();
  }

  /** The element that shows a track, while it shows it. @param {string} track @returns {HTMLVideoElement | undefined} */
  pictureOf(track) {
    for (const tile of this.#tiles.values()) if (tile.video === track && tile.picture.moving) return tile.picture.element;
    return undefined;
  }

  /** @param {string} key */
  togglePin(key) {
    this.pinned = this.pinned === key ? null : key;
    this.host.changed();
  }

  /**
   * @param {TileModel[]} models @param {Speaking} speaking @param {(model: TileModel) => Omit<Look, 'pinned' | 'staged'>} lookOf
   * @returns {Shown[]} how large each picture of others is
   */
  update(models, speaking, lookOf) {
    const staged = stagedTile(models, this.pinned);
    const placed = this.#area.width > 0 ? this.#arrange(models, staged, speaking) : [];
    const shown = new Map(placed.map((p) => [p.tile.key, p]));
    for (const [key, tile] of this.#tiles) {
      if (shown.has(key)) continue;
      tile.picture.clear();
      tile.element.remove();
      this.#tiles.delete(key);
    }
    for (const [i, { tile: model, rect, floating = false, staged: onStage = false }] of placed.entries()) {
      const tile = this.#tileFor(model);
      tile.update(model, { ...lookOf(model), pinned: this.pinned === model.key, staged: onStage });
      tile.place(rect, floating);
      if (this.list.children[i] !== tile.element) this.list.insertBefore(tile.element, this.list.children[i] ?? null);
    }
    return models.flatMap(({ key, self, video }) => (self || !video ? [] : [shownAs(video.id, shown.get(key))]));
  }

  /** @param {TileModel[]} models @param {TileModel | undefined} staged @param {Speaking} speaking @returns {Placed[]} */
  #arrange(models, staged, speaking) {
    const area = this.#area;
    const self = models.find((model) => model.self);
    const others = models.filter((model) => !model.self && model !== staged);
    const place = self && self !== staged
      ? selfPlace({ others: others.length, staged: staged !== undefined, phone: isPhone(area), wanted: this.host.showSelf() }) : 'hidden';
    const rest = self && place === 'tile' ? [...others, self] : others;
    const first = arrange({ area, tiles: rest.length, staged: staged !== undefined, floatingSelf: place === 'floating', page: this.#page });
    const places = staged ? first.tiles.length : capacity(rest.length, area);
    const byKey = new Map(rest.map((model) => [model.key, model]));
    this.#order = promoteSpeakers(this.#stable([...byKey.keys()]), places, speaking.heardAt, speaking.speaking);
    this.#pages = first.pages;
    this.#page = Math.min(this.#page, first.pages - 1);
    this.#showPaging(first);
    const from = staged ? 0 : this.#page * places;
    /** @type {Placed[]} */
    const placed = [];
    if (staged && first.stage) placed.push({ tile: staged, rect: first.stage, priority: 10, staged: true });
    for (const [i, rect] of first.tiles.entries()) {
      const tile = byKey.get(this.#order[from + i]);
      if (tile) placed.push({ tile, rect, priority: tile.screen ? 10 : 1 });
    }
    if (self && first.self) placed.push({ tile: self, rect: first.self, priority: 1, floating: true });
    return placed;
  }

  /** The order of before, with newcomers behind; oneself is always last. @param {string[]} keys */
  #stable(keys) {
    const kept = this.#order.filter((key) => keys.includes(key));
    const fresh = keys.filter((key) => !kept.includes(key));
    return [...kept, ...fresh];
  }

  /** @param {import('../layout.js').Arrangement} arrangement */
  #showPaging({ pages, more, hidden }) {
    setAttribute(this.element, 'data-pages', pages > 1);
    this.previous.hidden = pages < 2 || this.#page === 0;
    this.next.hidden = pages < 2 || this.#page === pages - 1;
    setText(this.pageText, pages > 1 ? `Page ${this.#page + 1} of ${pages}` : '');
    this.more.hidden = more === null;
    setText(this.more, `+${hidden}`);
    setAttribute(this.more, 'aria-label', `${hidden} more people`);
    if (!more) return;
    for (const [name, value] of Object.entries({ x: more.x, y: more.y, w: more.width, h: more.height })) this.more.style.setProperty(`--${name}`, `${value}px`);
  }

  /** @param {number} by */
  #turn(by) {
    this.#page = Math.max(0, Math.min(this.#pages - 1, this.#page + by));
    this.host.changed();
  }

  /** @param {TileModel} model */
  #tileFor({ key }) {
    let tile = this.#tiles.get(key);
    if (!tile) {
      const made = new Tile({ pin: () => this.togglePin(key), full: () => toggleFullScreen(made.element) });
      tile = made;
      this.#tiles.set(key, tile);
    }
    return tile;
  }
}

/** @param {string} track @param {Placed | undefined} placed @returns {Shown} */
function shownAs(track, placed) {
  if (!placed) return { track, width: 0, height: 0, priority: 0 };
  const { rect: { width, height }, priority, staged, tile } = placed;
  return { track, width, height, priority, ...(width < 260 && !staged && !tile.screen ? { fps: STRIP_FPS } : {}) };
}

/** @param {Element} element */
function toggleFullScreen(element) {
  if (document.fullscreenElement) document.exitFullscreen();
  else element.requestFullscreen().catch(() => {});
}
