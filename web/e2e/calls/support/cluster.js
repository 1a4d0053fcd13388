// A cluster as an operator starts one on a single machine (docs/deploy.md): NATS, several nodes, HAProxy in front of them.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { startServer } from './server.js';
import { until } from './wait.js';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const SECRET = 'only for this machine, and only for a test';

/** @typedef {{ node: string, state: string, self: boolean }} NodeView */
/** @typedef {{ nodes: NodeView[], rooms: { room: string, people: number }[] }} View */

/** Ports that nobody uses now. @param {number} count @returns {Promise<number[]>} */
async function freePorts(count) {
  const servers = await Promise.all(Array.from({ length: count }, async () => {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return server;
  }));
  const ports = servers.map((server) => /** @type {import('node:net').AddressInfo} */ (server.address()).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** What HAProxy needs to know. @param {number} port @param {number[]} nodes */
const balancer = (port, nodes) => `
global
  maxconn 500
defaults
  mode http
  option forwardfor
  timeout connect 2s
  timeout client 30s
  timeout server 30s
  timeout tunnel 1h
frontend all
  bind 127.0.0.1:${port}
  bind [::1]:${port}
  default_backend nodes
backend nodes
  balance roundrobin
  option redispatch
  option httpchk GET /readyz
  default-server check inter 500ms fall 2 rise 1
${nodes.map((node, i) => `  server node-${i + 1} 127.0.0.1:${node}`).join('\n')}
`;

export class Cluster {
  /** @type {import('./server.js').Server[]} */ nodes = [];
  /** @type {number[]} */ admins = [];
  /** @type {import('node:child_process').ChildProcess[]} */ #children = [];
  #directory = mkdtempSync(path.join(tmpdir(), 'cluster-'));
  port = 0;

  get url() {
    return `http://localhost:${this.port}`;
  }

  /** @param {number} count of nodes */
  async start(count) {
    const nats = path.join(this.#directory, 'nats-server');
    execFileSync('go', ['build', '-o', nats, 'github.com/nats-io/nats-server/v2'], { cwd: ROOT });
    const [port, broker, ...more] = await freePorts(2 + 2 * count);
    this.port = port;
    this.#run(nats, ['-a', '127.0.0.1', '-p', String(broker), '-js', '-sd', path.join(this.#directory, 'store')]);
    this.admins = more.slice(0, count);
    for (let i = 0; i < count; i++) {
      this.nodes.push(await startServer({ secret: SECRET, args: [
        `--nats-url=nats://127.0.0.1:${broker}`, `--cluster-listen=127.0.0.1:${more[count + i]}`, `--admin-listen=127.0.0.1:${this.admins[i]}`,
        `--node-name=node-${i + 1}`, '--trusted-proxies=127.0.0.1',
      ] }));
    }
    const file = path.join(this.#directory, 'haproxy.cfg');
    writeFileSync(file, balancer(port, this.nodes.map((node) => node.port)));
    this.#run('haproxy', ['-db', '-f', file]);
    await until('every node hears of all', async () => {
      for (let i = 0; i < count; i++) assert.equal((await this.view(i)).nodes.length, count);
      return true;
    });
    await until('the balancer answers', async () => (await fetch(`${this.url}/readyz`)).ok);
  }

  /** What a node sees of the cluster. @param {number} i @returns {Promise<View>} */
  async view(i) {
    return await (await fetch(`http://127.0.0.1:${this.admins[i]}/cluster`)).json();
  }

  /** The number of the one node that owns a room. @param {string} room @param {number[]} [among] */
  async owner(room, among = this.nodes.map((_, i) => i)) {
    const owners = [];
    for (const i of among) if ((await this.view(i)).rooms.some((r) => r.room === room)) owners.push(i);
    assert.equal(owners.length, 1, `${room} has ${owners.length} owners`);
    return owners[0];
  }

  /** How many sockets a node passes on to others. @param {number} i */
  async passesOn(i) {
    const text = await (await fetch(`http://127.0.0.1:${this.admins[i]}/metrics`)).text();
    return Number(/^sfu_signal_proxy_connections\{role="edge"\} (\S+)$/m.exec(text)?.[1]);
  }

  async close() {
    await Promise.all(this.nodes.map((node) => node.stop()));
    for (const child of this.#children) {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** @param {string} program @param {string[]} args */
  #run(program, args) {
    this.#children.push(spawn(program, args, { stdio: 'ignore' }));
  }
}
