// Times that were measured: printed where they arise, and kept for the table of npm run measure.

import { appendFileSync } from 'node:fs';

/** @typedef {{ what: string, count: number, p50: number, p95: number, max: number, target?: number, note?: string }} Figure milliseconds */

/** @param {number[]} values @param {number} share from 0 to 1 */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}

/**
 * @param {string} what @param {number[]} values milliseconds @param {{ target?: number, note?: string }} [more] `target` is for the largest value
 * @returns {Figure}
 */
export function report(what, values, more = {}) {
  const figure = { what, count: values.length, p50: quantile(values, 0.5), p95: quantile(values, 0.95), max: Math.max(...values), ...more };
  const file = process.env.E2E_FIGURES;
  if (file) appendFileSync(file, `${JSON.stringify(figure)}\n`);
  console.log(line(figure));
  return figure;
}

/** @param {Figure} figure */
export function line({ what, count, p50, p95, max, target, note }) {
  const columns = [`${count} times`, ...[p50, p95, max].map((value, i) => `${['p50', 'p95', 'max'][i]} ${value.toFixed(0)} ms`)];
  return `${what}: ${columns.join(', ')}${target === undefined ? '' : `, at most ${target} ms wanted`}${note ? `; ${note}` : ''}`;
}
