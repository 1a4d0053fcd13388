// Where the tiles go. Pure: numbers in, rectangles out, for any number of tiles and any window.

/** @typedef {{ x: number, y: number, width: number, height: number }} Rect */
/** @typedef {{ width: number, height: number }} Size */

const GAP = 10;
/** A picture may be cropped to these shapes, but no further. */
const WIDEST = 16 / 9;
const NARROWEST = 1.2;
const NARROWEST_ON_PHONE = 0.7;
/** Smaller tiles are put on another page. */
const SMALLEST = { width: 170, height: 96 };
const SMALLEST_ON_PHONE = { width: 150, height: 128 };

/** @param {Size} area */
export const isPhone = ({ width, height }) => Math.min(width, height) < 500;

/**
 * The arrangement of `count` equal tiles that makes them largest. The last row is centred.
 * @param {number} count @param {Size} area @param {{ gap?: number, narrowest?: number }} [shape] @returns {Rect[]}
 */
export function grid(count, area, { gap = GAP, narrowest = isPhone(area) ? NARROWEST_ON_PHONE : NARROWEST } = {}) {
  const best = bestGrid(count, area, gap, narrowest);
  if (!best) return [];
  const { columns, rows, width, height } = best;
  const top = (area.height - rows * height - (rows - 1) * gap) / 2;
  return Array.from({ length: count }, (_, i) => {
    const row = Math.floor(i / columns);
    const inRow = row === rows - 1 ? count - row * columns : columns;
    const left = (area.width - inRow * width - (inRow - 1) * gap) / 2;
    return { x: left + (i % columns) * (width + gap), y: top + row * (height + gap), width, height };
  });
}

/** @param {number} count @param {Size} area @param {number} gap @param {number} narrowest */
function bestGrid(count, area, gap, narrowest) {
  /** @type {{ columns: number, rows: number, width: number, height: number } | null} */
  let best = null;
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const cell = { width: (area.width - gap * (columns - 1)) / columns, height: (area.height - gap * (rows - 1)) / rows };
    if (cell.width <= 0 || cell.height <= 0) continue;
    const width = Math.min(cell.width, cell.height * WIDEST);
    const height = Math.min(cell.height, width / narrowest);
    if (!best || width * height > best.width * best.height * 1.001) best = { columns, rows, width, height };
  }
  return best;
}

/** How many tiles fit before they become too small to be of use; at least one. @param {number} count @param {Size} area */
export function capacity(count, area) {
  const phone = isPhone(area);
  const smallest = phone ? SMALLEST_ON_PHONE : SMALLEST;
  for (let fitting = count; fitting > 1; fitting--) {
    const best = bestGrid(fitting, area, GAP, phone ? NARROWEST_ON_PHONE : NARROWEST);
    if (best && best.width >= smallest.width && best.height >= smallest.height) return fitting;
  }
  return Math.min(1, count);
}

/** @typedef {{ stage: Rect | null, tiles: Rect[], self: Rect | null, pages: number, more: Rect | null, hidden: number }} Arrangement
 * `tiles` are those of this page; `self` floats above; `more` is a place that says how many are not shown. */

/**
 * The whole picture: a stage if something is on it, the tiles, and oneself.
 * @param {{ area: Size, tiles: number, staged: boolean, floatingSelf: boolean, page: number }} wish @returns {Arrangement}
 */
export function arrange({ area, tiles, staged, floatingSelf, page }) {
  const self = floatingSelf ? floating(area) : null;
  if (staged) return { ...withStage(area, tiles), self };
  const perPage = capacity(tiles, area);
  const pages = Math.max(1, Math.ceil(tiles / Math.max(1, perPage)));
  const from = Math.min(page, pages - 1) * perPage;
  const shown = Math.min(perPage, tiles - from);
  // Pages keep the size of their tiles, so that nothing jumps when turning to the last one.
  const rects = pages > 1 ? grid(perPage, area).slice(0, shown) : grid(shown, area);
  return { stage: null, tiles: rects, self, pages, more: null, hidden: tiles - shown };
}

/** @param {Size} area @param {number} count */
function withStage(area, count) {
  if (count === 0) return { stage: { x: 0, y: 0, ...area }, tiles: [], pages: 1, more: null, hidden: 0 };
  const beside = area.width > area.height * 1.15;
  const rest = beside ? stripBeside(area, count) : fieldBelow(area, count);
  const stage = beside ? { x: 0, y: 0, width: rest.x - GAP, height: area.height } : { x: 0, y: 0, width: area.width, height: rest.y - GAP };
  const fit = beside ? Math.max(1, Math.floor((rest.height + GAP) / (rest.width / WIDEST + GAP) + 1e-6)) : capacity(count, rest);
  const shown = Math.min(count, fit);
  const places = beside ? inColumn(shown, rest) : grid(shown, rest).map((r) => ({ ...r, x: r.x + rest.x, y: r.y + rest.y }));
  const hidden = count > fit ? count - fit + 1 : 0;
  return { stage, tiles: hidden ? places.slice(0, -1) : places, pages: 1, more: hidden ? places[places.length - 1] : null, hidden };
}

/** As wide as is good, and narrower if all tiles fit then. @param {Size} area @param {number} count @returns {Rect} */
function stripBeside({ width, height }, count) {
  const all = ((height + GAP) / count - GAP) * WIDEST;
  const wide = clamp(Math.min(width * 0.2, Math.max(all, 150)), 132, 260);
  return { x: width - wide, y: 0, width: wide, height };
}

/** In an upright window a shared screen leaves much room below it. @param {Size} area @param {number} count @returns {Rect} */
function fieldBelow({ width, height }, count) {
  const most = count < 3 ? 0.7 : 0.55;
  const stage = Math.min(height * most, Math.max(width * 0.8, height * 0.35));
  return { x: 0, y: stage + GAP, width, height: height - stage - GAP };
}

/** @param {number} count @param {Rect} strip @returns {Rect[]} */
function inColumn(count, strip) {
  const height = Math.min(strip.width / WIDEST, (strip.height + GAP) / count - GAP);
  const start = (strip.height - count * height - (count - 1) * GAP) / 2;
  return Array.from({ length: count }, (_, i) => ({ x: strip.x, y: start + i * (height + GAP), width: strip.width, height }));
}

/** Oneself, in the lower right corner. @param {Size} area @returns {Rect} */
function floating(area) {
  const upright = area.height > area.width;
  const width = upright ? clamp(area.width * 0.28, 96, 180) : clamp(area.width * 0.18, 132, 240);
  const height = upright ? width / 0.75 : width / WIDEST;
  const margin = 12;
  return { x: area.width - width - margin, y: area.height - height - margin, width, height };
}

/** @param {number} value @param {number} least @param {number} most */
const clamp = (value, least, most) => Math.min(most, Math.max(least, value));

/**
 * Who is in sight when not all can be: the order stays as it is, except that someone who speaks out of sight takes the place of the one in
 * sight who was silent the longest.
 * @param {string[]} order @param {number} places @param {Map<string, number>} heardAt when each was last heard @param {Set<string>} speaking
 * @returns {string[]}
 */
export function promoteSpeakers(order, places, heardAt, speaking) {
  const next = [...order];
  for (let i = places; i < next.length; i++) {
    if (!speaking.has(next[i])) continue;
    let quietest = -1;
    for (let j = 0; j < places; j++) {
      if (speaking.has(next[j])) continue;
      if (quietest < 0 || (heardAt.get(next[j]) ?? -1) < (heardAt.get(next[quietest]) ?? -1)) quietest = j;
    }
    if (quietest < 0) break;
    [next[quietest], next[i]] = [next[i], next[quietest]];
  }
  return next;
}
