// The shapes of what a client sends, from PROTOCOL.md: the page's requests are checked against them, and so are the golden files.

/** @typedef {(value: any) => boolean} Check */
/** @type {Check} */
const string = (v) => typeof v === 'string';
/** @type {Check} */
const filled = (v) => typeof v === 'string' && v.length > 0;
/** @type {Check} */
const boolean = (v) => typeof v === 'boolean';
/** @type {(from: number, to: number) => Check} */
const integer = (from, to) => (v) => Number.isInteger(v) && v >= from && v <= to;
/** @type {(pattern: RegExp) => Check} */
const matching = (pattern) => (v) => typeof v === 'string' && pattern.test(v);
/** @type {(...values: unknown[]) => Check} */
const oneOf = (...values) => (v) => values.includes(v);
/** @type {(check: Check) => Check} */
const maybe = (check) => (v) => v === undefined || check(v);
/** @type {(check: Check) => Check} */
const list = (check) => (v) => Array.isArray(v) && v.every(check);
/** Unknown keys are a mistake here, unlike on the wire. @type {(fields: Record<string, Check>) => Check} */
const exactly = (fields) => (v) => typeof v === 'object' && v !== null && Object.keys(v).every((key) => key in fields)
  && Object.entries(fields).every(([key, check]) => check(v[key]));

const pc = matching(/^[A-Za-z0-9_-]{1,16}$/);
const source = oneOf('microphone', 'camera', 'screen', 'screen_audio');
const announced = exactly({ source, muted: maybe(boolean) });
/** @type {Check} */
const tracks = (v) => typeof v === 'object' && Object.values(v).every(announced);
const offer = { pc, n: integer(1, 2 ** 31), sdp: filled, tracks: maybe(tracks) };
const pixels = integer(0, 16384);
const head = { type: string, id: integer(1, 2 ** 53) };

/** @type {Map<string, Check>} */
export const REQUESTS = new Map(Object.entries({
  join: exactly({
    ...head, token: maybe(string), name: maybe(string), offers: maybe(list(exactly(offer))), subscribe: maybe(oneOf('auto', 'manual')),
    client: maybe(exactly({ name: string, version: string })),
  }),
  resume: exactly({ ...head, session: filled }),
  offer: exactly({ ...head, ...offer }),
  applied: exactly({ ...head, pc, n: integer(1, 2 ** 31) }),
  close: exactly({ ...head, pc }),
  publish: exactly({ ...head, pc, mid: filled, source, muted: maybe(boolean) }),
  unpublish: exactly({ ...head, track: filled }),
  mute: exactly({ ...head, track: filled, muted: boolean }),
  subscribe: exactly({ ...head, tracks: list(filled) }),
  unsubscribe: exactly({ ...head, tracks: list(filled) }),
  view: exactly({
    ...head,
    tracks: list(exactly({ track: filled, width: pixels, height: pixels, fps: maybe(integer(0, 1000)), priority: maybe(integer(0, 10)) })),
  }),
  message: exactly({ ...head, body: filled, to: maybe(filled) }),
  rename: exactly({ ...head, name: string }),
  remove: exactly({ ...head, participant: filled }),
  ping: exactly(head),
  leave: exactly(head),
}));

/** Whether a message, as it goes over the wire, is one that PROTOCOL.md knows. @param {any} message */
export const isRequest = (message) => REQUESTS.get(message?.type)?.(message) ?? false;
