// A reverse proxy that serves a server under a sub-path and cuts it off, as operators set them up.

import http from 'node:http';
import net from 'node:net';

/** @param {string} target @param {string} prefix such as /meet @returns {Promise<{ root: string, stop: () => void }>} */
export async function startProxy(target, prefix) {
  const { hostname, port } = new URL(target);
  /** @type {Set<import('node:stream').Duplex>} */
  const open = new Set();
  const proxy = http.createServer((request, response) => {
    if (!request.url?.startsWith(`${prefix}/`)) {
      response.writeHead(404).end();
      return;
    }
    const onward = http.request({ hostname, port, method: request.method, path: request.url.slice(prefix.length), headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.writeHead(502).end());
    request.pipe(onward);
  });
  proxy.on('upgrade', (request, socket, head) => {
    const onward = net.connect(Number(port), hostname, () => {
      const headers = request.rawHeaders.reduce((text, word, i) => text + word + (i % 2 ? '\r\n' : ': '), '');
      onward.write(`GET ${request.url?.slice(prefix.length)} HTTP/1.1\r\n${headers}\r\n`);
      onward.write(head);
      onward.pipe(socket).pipe(onward);
    });
    for (const end of [onward, socket]) {
      open.add(end);
      end.on('error', () => {
        onward.destroy();
        socket.destroy();
      });
    }
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', () => resolve(undefined)));
  const address = /** @type {net.AddressInfo} */ (proxy.address());
  return {
    root: `http://127.0.0.1:${address.port}/`,
    stop() {
      proxy.close();
      proxy.closeAllConnections();
      for (const end of open) end.destroy();
    },
  };
}
