// A reverse proxy as operators put in front of a server, on a free port. It may serve below a path, its wire may be cut, and it may have pages of
// its own beside the server's, which the server then takes for its own.

import { readFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';

/** @type {Record<string, string>} */
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8' };

export class Proxy {
  #down = false;
  /** @type {Set<net.Socket>} */ #sockets = new Set();

  /** @param {number} target port of the server @param {string} prefix as in "/meet/" @param {Record<string, URL>} pages files by path */
  constructor(target, prefix, pages) {
    this.target = target;
    this.prefix = prefix;
    this.pages = pages;
    this.port = 0;
    this.http = http.createServer((request, response) => this.#request(request, response));
    this.http.on('upgrade', (request, socket, head) => this.#upgrade(request, /** @type {net.Socket} */ (socket), head));
    this.http.on('connection', (socket) => {
      if (this.#down) socket.destroy();
      else this.#keep(socket);
    });
  }

  /** Without a slash at its end. */
  get url() {
    return `http://localhost:${this.port}${this.prefix.slice(0, -1)}`;
  }

  /** Nothing passes any more, and what is open ends. */
  cut() {
    this.#down = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend() {
    this.#down = false;
  }

  close() {
    this.cut();
    return new Promise((resolve) => this.http.close(resolve));
  }

  /** @param {net.Socket} socket */
  #keep(socket) {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
  }

  /** @param {string} address what the server is asked for, null for what lies outside */
  #path(address) {
    return address.startsWith(this.prefix) ? address.slice(this.prefix.length - 1) : null;
  }

  /** @param {http.IncomingMessage} request @param {http.ServerResponse} response */
  #request(request, response) {
    const path = this.#path(request.url ?? '/');
    const page = this.pages[path ?? ''];
    if (page) {
      response.writeHead(200, { 'Content-Type': TYPES[/\.\w+$/.exec(page.pathname)?.[0] ?? ''], 'Cache-Control': 'no-store' });
      response.end(readFileSync(page));
      return;
    }
    if (path === null) {
      response.writeHead(404).end('outside of what this proxy serves');
      return;
    }
    const { method, headers } = request;
    const asked = http.request({ host: '127.0.0.1', port: this.target, path, method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    asked.on('error', () => (response.headersSent ? response.destroy() : response.writeHead(502).end('the server does not answer')));
    request.pipe(asked);
  }

  /** @param {http.IncomingMessage} request @param {net.Socket} socket @param {Buffer} head */
  #upgrade(request, socket, head) {
    const path = this.#path(request.url ?? '/');
    if (path === null) {
      socket.end('HTTP/1.1 404 Not Found\r\n\r\n');
      return;
    }
    const server = net.connect(this.target, '127.0.0.1', () => {
      const lines = [`${request.method} ${path} HTTP/1.1`];
      for (let i = 0; i < request.rawHeaders.length; i += 2) lines.push(`${request.rawHeaders[i]}: ${request.rawHeaders[i + 1]}`);
      server.write(`${lines.join('\r\n')}\r\n\r\n`);
      server.write(head);
      socket.pipe(server).pipe(socket);
    });
    this.#keep(server);
    server.on('close', () => socket.destroy());
    socket.on('close', () => server.destroy());
  }
}

/** @param {{ port: number }} server @param {{ prefix?: string, pages?: Record<string, URL> }} [options] @returns {Promise<Proxy>} */
export async function startProxy(server, { prefix = '/', pages = {} } = {}) {
  const proxy = new Proxy(server.port, prefix, pages);
  await new Promise((resolve) => proxy.http.listen(0, () => resolve(undefined)));
  proxy.port = /** @type {net.AddressInfo} */ (proxy.http.address()).port;
  return proxy;
}
