// What the page's own address says: the room, and what is behind the #, which browsers never send to a server.

/** @typedef {{ page: 'landing' } | { page: 'room', room: string } | { page: 'unknown' }} Place */

/** @param {URL} root @param {URL} address @returns {Place} */
export function placeOf(root, address) {
  if (!address.pathname.startsWith(root.pathname)) return { page: 'unknown' };
  const path = address.pathname.slice(root.pathname.length);
  if (path === '') return { page: 'landing' };
  const match = /^r\/([^/]+)$/.exec(path);
  if (!match) return { page: 'unknown' };
  try {
    return { page: 'room', room: decodeURIComponent(match[1]) };
  } catch {
    return { page: 'room', room: match[1] };
  }
}

/**
 * Reads the fragment. A token is taken out of it, so that it stays neither in the address bar nor in the history.
 * @param {string} fragment with or without # @returns {{ token?: string, codec?: string, rest: string }}
 */
export function readFragment(fragment) {
  const fields = new URLSearchParams(fragment.replace(/^#/, ''));
  const token = fields.get('token') ?? undefined;
  const codec = fields.get('codec')?.toUpperCase() || undefined;
  fields.delete('token');
  const rest = fields.toString();
  return { token, codec, rest: rest ? `#${rest}` : '' };
}
