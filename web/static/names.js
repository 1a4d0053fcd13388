// Names that the page makes up or shortens. Pure.

const QUALITIES = ['amber', 'brave', 'calm', 'clever', 'coral', 'cosy', 'early', 'gentle', 'golden', 'green', 'happy', 'hazel', 'kind', 'little',
  'lucky', 'mellow', 'merry', 'misty', 'nimble', 'pale', 'quiet', 'red', 'silver', 'sunny', 'swift', 'warm', 'wild', 'wise'];
const THINGS = ['acorn', 'badger', 'bridge', 'brook', 'cedar', 'cloud', 'comet', 'falcon', 'fern', 'forest', 'garden', 'harbor', 'heron', 'island',
  'lantern', 'lake', 'maple', 'meadow', 'otter', 'owl', 'pebble', 'pine', 'river', 'robin', 'sparrow', 'tulip', 'valley', 'willow'];

/** A room name that can be read out over the phone. @param {() => number} random */
export function randomRoomName(random) {
  /** @param {string[]} words */
  const pick = (words) => words[Math.floor(random() * words.length)];
  return `${pick(QUALITIES)}-${pick(THINGS)}-${100 + Math.floor(random() * 900)}`;
}

/** One or two letters for a person without a picture. @param {string} name */
export function initials(name) {
  const words = name.split(/[\s_.-]+/u).filter((word) => /[\p{L}\p{N}]/u.test(word));
  const first = [...words.map((word) => [...word].find((c) => /[\p{L}\p{N}]/u.test(c)) ?? '')].filter(Boolean);
  if (first.length === 0) return '?';
  return (first.length === 1 ? first[0] : first[0] + first[first.length - 1]).toUpperCase();
}

/** A colour of its own for everyone, the same on all screens: one of `count`. @param {string} name @param {number} count */
export function colourOf(name, count) {
  let hash = 0;
  for (const character of name) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) >>> 0;
  return hash % count;
}

/** Splits a text into words and web addresses that are safe to follow. @param {string} text @returns {{ text: string, href?: string }[]} */
export function linkify(text) {
  /** @type {{ text: string, href?: string }[]} */
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(/https?:\/\/[^\s<>"'`{}|\\^]+/giu)) {
    // A full stop or bracket after an address belongs to the sentence.
    const address = match[0].replace(/[.,;:!?)\]]+$/u, '');
    const href = safeHref(address);
    if (!href) continue;
    const at = match.index ?? 0;
    if (at > end) parts.push({ text: text.slice(end, at) });
    parts.push({ text: address, href });
    end = at + address.length;
  }
  if (end < text.length) parts.push({ text: text.slice(end) });
  return parts;
}

/** @param {string} address */
function safeHref(address) {
  try {
    const url = new URL(address);
    return url.protocol === 'http:' || url.protocol === 'https:' ? url.href : undefined;
  } catch {
    return undefined;
  }
}
