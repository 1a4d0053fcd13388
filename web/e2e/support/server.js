// Starts the real server: the binary that SERVER_BINARY names, or one that is built from this tree.

import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

const tree = fileURLToPath(new URL('../../..', import.meta.url));
const { SERVER_BINARY } = process.env;
export const hasServer = Boolean(SERVER_BINARY && existsSync(SERVER_BINARY)) || existsSync(path.join(tree, 'cmd/sfu'));

/** @returns {Promise<number>} a port that is free now */
const freePort = () => new Promise((resolve) => {
  const probe = createServer().listen(0, '127.0.0.1', () => {
    const { port } = /** @type {import('node:net').AddressInfo} */ (probe.address());
    probe.close(() => resolve(port));
  });
});

/**
 * @param {{ args?: string[], env?: Record<string, string> }} [options]
 * @returns {Promise<{ root: string, stop: () => Promise<void>, start: () => Promise<void>, run: (...args: string[]) => string }>}
 */
export async function startServer({ args = [], env = {} } = {}) {
  const directory = mkdtempSync(path.join(tmpdir(), 'sfu-'));
  const binary = SERVER_BINARY && existsSync(SERVER_BINARY) ? SERVER_BINARY : path.join(directory, 'sfu');
  if (binary !== SERVER_BINARY) execFileSync('go', ['build', '-o', binary, './cmd/sfu'], { cwd: tree, stdio: 'inherit' });
  const port = await freePort();
  const root = `http://127.0.0.1:${port}/`;
  /** @type {import('node:child_process').ChildProcess | null} */
  let process_ = null;
  const environment = { PATH: process.env.PATH, HOME: directory, ...env };

  async function start() {
    process_ = spawn(binary, [`--listen=:${port}`, ...args], { stdio: ['ignore', 'ignore', process.env.SERVER_LOG ? 'inherit' : 'ignore'], env: environment });
    for (const end = Date.now() + 30_000; ;) {
      try {
        if ((await fetch(`${root}livez`)).ok) return;
      } catch {
        // Not yet.
      }
      if (Date.now() > end) throw new Error('the server does not come up');
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async function stop() {
    const running = process_;
    process_ = null;
    if (!running || running.exitCode !== null) return;
    const gone = new Promise((resolve) => running.once('exit', resolve));
    running.kill('SIGKILL');
    await gone;
  }

  process.once('exit', () => {
    process_?.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  });
  await start();
  return {
    root, start, stop,
    run: (...words) => execFileSync(binary, words, { encoding: 'utf8', env: environment }),
  };
}
