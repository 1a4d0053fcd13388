// The figures that the targets speak of, at full size, as a table: npm run measure [slots simulcast joining ...]

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** @typedef {import('./support/figures.js').Figure} Figure */

const ALL = ['slots', 'simulcast', 'joining'];
const chosen = process.argv.length > 2 ? process.argv.slice(2) : ALL;
const directory = mkdtempSync(path.join(tmpdir(), 'figures-'));
const file = path.join(directory, 'figures');

/** @returns {Figure[]} */
function read() {
  try {
    return readFileSync(file, 'utf8').trim().split('\n').map((text) => JSON.parse(text));
  } catch {
    return [];
  }
}

/** @param {Figure[]} figures */
function table(figures) {
  const rows = figures.map(({ what, count, p50, p95, max, target, note = '' }) => {
    const verdict = target === undefined ? '' : max <= target ? `<= ${target}` : `MISSED ${target}`;
    return [what, String(count), ...[p50, p95, max].map((value) => value.toFixed(0)), verdict, note];
  });
  const all = [['milliseconds', 'count', 'p50', 'p95', 'max', 'target', ''], ...rows];
  const widths = all[0].map((_, i) => Math.max(...all.map((row) => row[i].length)));
  return all.map((row) => row.map((cell, i) => (i === 0 || i > 4 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  ').trimEnd()).join('\n');
}

const tests = chosen.map((name) => fileURLToPath(new URL(`${name}.test.js`, import.meta.url)));
const { status } = spawnSync(process.execPath, ['--test', '--test-reporter=spec', '--test-concurrency=1', ...tests], {
  stdio: 'inherit', env: { ...process.env, SFU_LONG: '1', E2E_FIGURES: file },
});
console.log(`\n${table(read())}`);
rmSync(directory, { recursive: true });
process.exitCode = status ?? 1;
