// Starts the handler of package web, so that the browser tests see the page with its true headers.

import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** @param {string} [boot] a file that stands for the first script @returns {Promise<{ root: string, stop: () => void }>} */
export async function startPageServer(boot) {
  const directory = mkdtempSync(path.join(tmpdir(), 'page-'));
  const binary = path.join(directory, 'serve');
  execFileSync('go', ['build', '-o', binary, './serve'], { cwd: fileURLToPath(new URL('..', import.meta.url)), stdio: 'inherit' });
  const server = spawn(binary, boot ? [boot] : [], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [root] = await new Promise((resolve, reject) => {
    createInterface({ input: server.stdout }).once('line', (line) => resolve([line]));
    server.once('exit', (code) => reject(new Error(`the page server ended with ${code}`)));
  });
  return {
    root,
    stop() {
      server.removeAllListeners('exit');
      server.kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
