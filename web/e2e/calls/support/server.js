// A real server, as it is shipped: the binary that SERVER_BINARY names, on a free port.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const BINARY = process.env.SERVER_BINARY ?? fileURLToPath(new URL('../../../../bin/sfu', import.meta.url));
const STARTS_WITHIN = 30_000;

/** With MEDIA=plain the servers leave all encryption to their library: every test holds then as well. */
const PLAIN = process.env.MEDIA === 'plain';

/** The server takes what begins with SFU_ for its own. */
const environment = () => Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('SFU_')));

export class Server {
  /** @type {string[]} */ log = [];

  /** @param {import('node:child_process').ChildProcessByStdio<null, import('node:stream').Readable, import('node:stream').Readable>} child @param {string[]} args @param {string} secret */
  constructor(child, args, secret) {
    this.child = child;
    this.args = args;
    this.secret = secret;
    this.port = 0;
    this.ended = once(child, 'exit');
    createInterface({ input: child.stderr }).on('line', (line) => this.log.push(line));
  }

  get url() {
    return `http://localhost:${this.port}`;
  }

  /** Ends it at once. Who is in a call is told. */
  async stop() {
    this.child.kill('SIGTERM');
    this.child.kill('SIGINT');
    await this.ended;
  }

  /** Ends it as a crash does. */
  async kill() {
    this.child.kill('SIGKILL');
    await this.ended;
  }

  /**
   * Fails unless all media that it has forwarded so far took the path that it was to take: past the WebRTC library, or with MEDIA=plain through it.
   */
  async checkMediaPath() {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    /** @param {string} direction @param {string} path */
    const packets = (direction, path) => {
      const found = new RegExp(`^sfu_media_packets_total\\{dir="${direction}",path="${path}"\\} (\\S+)$`, 'm').exec(text);
      assert.ok(found, 'the server counts packets by path');
      return Number(found[1]);
    };
    const [used, other] = PLAIN ? ['plain', 'direct'] : ['direct', 'plain'];
    for (const direction of ['in', 'out']) {
      assert.ok(packets(direction, used) > 0, `no packets ${direction} by the ${used} path`);
      assert.equal(packets(direction, other), 0, `packets ${direction} by the ${other} path`);
    }
  }

  /** The same once more, where it was. */
  again() {
    return startServer({ port: this.port, args: this.args, secret: this.secret });
  }
}

/** What another command of the binary prints. @param {string[]} words */
export const command = (...words) => execFileSync(BINARY, words, { encoding: 'utf8', env: environment() });

/**
 * Starts a server on `port`, or on one that is free. It listens at all addresses of this machine: Firefox never reaches one that offers
 * 127.0.0.1 only.
 * @param {{ port?: number, args?: string[], secret?: string }} [options] the secret is that of its cluster
 */
export async function startServer({ port = 0, args = [], secret = '' } = {}) {
  if (!existsSync(BINARY)) throw new Error(`${BINARY} is missing; make build makes it`);
  const path = PLAIN ? ['--direct-media=false'] : [];
  const child = spawn(BINARY, [`--listen=:${port}`, ...path, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'], env: { ...environment(), SFU_CLUSTER_SECRET: secret },
  });
  const server = new Server(child, args, secret);
  const banner = createInterface({ input: child.stdout });
  const opened = new Promise((resolve, reject) => {
    banner.on('line', (line) => {
      const found = /^Open +https?:\/\/[^/]*:(\d+)$/.exec(line);
      if (found) resolve(Number(found[1]));
    });
    server.ended.then(([code]) => reject(new Error(`the server ended with ${code}: ${server.log.join('\n')}`)));
    setTimeout(() => reject(new Error('the server does not say where it listens')), STARTS_WITHIN).unref();
  });
  try {
    server.port = await opened;
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  return server;
}
