// Whether pictures arrive, and if not, why. Pure: statistics and the server's words in, sentences out.

/** @typedef {import('./protocol.js').Track} Track */
/** @typedef {import('./protocol.js').Layer} Layer */
/** @typedef {import('./protocol.js').Unavailable} Unavailable */
/** @typedef {{ packets: number, frames: number, keyFrames: number, width: number, height: number, fps: number, level?: number }} Received */

/** What the browser counts for each m-line that receives. @param {Iterable<any>} report @returns {Map<string, Received>} by mid */
export function readReceived(report) {
  /** @type {Map<string, Received>} */
  const received = new Map();
  for (const entry of report) {
    if (entry.type !== 'inbound-rtp' || entry.mid === undefined) continue;
    received.set(entry.mid, {
      packets: entry.packetsReceived ?? 0, frames: entry.framesDecoded ?? 0, keyFrames: entry.keyFramesDecoded ?? 0,
      width: entry.frameWidth ?? 0, height: entry.frameHeight ?? 0, fps: entry.framesPerSecond ?? 0, level: entry.audioLevel,
    });
  }
  return received;
}

/** How a seat's reception goes on. @typedef {{ since: number, packets: number, frames: number, packetAt: number, frameAt: number, seen: boolean }} Reception
 * `seen` once a frame of this source was decoded. */

/**
 * @param {Reception | undefined} before @param {{ since: number }} seat @param {Received | undefined} now_ @param {number} now
 * @returns {Reception}
 */
export function follow(before, seat, now_, now) {
  const packets = now_?.packets ?? 0;
  const frames = now_?.frames ?? 0;
  if (before?.since !== seat.since) return { since: seat.since, packets, frames, packetAt: now, frameAt: now, seen: false };
  const frame = frames > before.frames;
  return {
    since: seat.since, packets, frames, packetAt: packets > before.packets ? now : before.packetAt, frameAt: frame ? now : before.frameAt,
    seen: before.seen || frame,
  };
}

/** A picture that stands this long is worth a sentence. */
export const STALLED = 5000;

/**
 * @typedef {object} Facts
 * @property {string} name whose picture it is
 * @property {boolean} connected
 * @property {Track} track
 * @property {Layer | undefined} layer
 * @property {Unavailable | undefined} unavailable
 * @property {boolean} seated
 * @property {Reception | undefined} reception
 * @property {boolean} pageHidden
 * @property {boolean} blank the decoder gives one flat colour
 * @property {number} now
 */
/** @typedef {{ code: string, sentence: string, veil: boolean }} Why `veil`: a picture that is still there is old, and dimmed */

/** Why a tile shows no picture, or a poor one; null when all is well. @param {Facts} facts @returns {Why | null} */
export function whyNoPicture(facts) {
  const { name, connected, track, layer, unavailable, seated, reception, pageHidden, blank, now } = facts;
  const what = track.source === 'screen' ? 'screen' : 'camera';
  if (!connected) return away(name, reception, now);
  if (track.muted) return veil('muted', track.source === 'screen' ? 'The screen is paused.' : 'Camera is off.');
  if (unavailable?.reason === 'codec') return veil('codec', `This browser cannot play ${unavailable.codec || track.codec || 'this kind of'} video.`);
  if (unavailable) return veil('slots', 'Not shown: more video is sent than this page can receive at once.');
  if (pageHidden) return null;
  const stopped = layer && !layer.sending ? notSending(layer, name, what, track.codec) : null;
  if (stopped) return stopped;
  if (!seated) return veil('seat', 'Waiting for the picture.');
  const stalled = reception !== undefined && now - reception.frameAt >= STALLED;
  if (stalled) {
    if (now - reception.packetAt < STALLED / 2) return veil('decoder', 'The picture arrives, but this browser cannot decode it.');
    return layer ? veil('lost', 'The server sends this picture, but it does not arrive here. Check your network.')
      : veil('publisher', `No picture comes from ${name}.`);
  }
  if (blank) return note('blank', 'This browser decodes only one colour. Another video codec may help.');
  if (layer?.reason === 'congestion') return note('congestion', 'Smaller picture: your connection is slow at the moment.');
  return reception && !reception.seen ? veil('first', 'The picture is on its way.') : null;
}

/** Someone whose socket is lost may still send. @param {string} name @param {Reception | undefined} reception @param {number} now @returns {Why} */
function away(name, reception, now) {
  const moving = reception?.seen === true && now - reception.frameAt < STALLED / 2;
  return { code: 'away', sentence: `${name} is reconnecting.`, veil: !moving };
}

/** @param {Layer} layer @param {string} name @param {string} what @param {string} codec @returns {Why | null} */
function notSending(layer, name, what, codec) {
  switch (layer.reason) {
    case 'view': return null;
    case 'muted': return veil('muted', what === 'screen' ? 'The screen is paused.' : 'Camera is off.');
    case 'keyframe': return veil('keyframe', 'Waiting for the next complete picture.');
    case 'publisher': return veil('publisher', `${name} sends no picture at the moment.`);
    case 'codec': return veil('codec', `This browser cannot play ${codec || 'this kind of'} video.`);
    case 'congestion': return veil('congestion', 'Paused: your connection is too slow for this picture. Sound goes first.');
    default: return veil('server', 'The server does not send this picture at the moment.');
  }
}

/** @param {string} code @param {string} sentence @returns {Why} */
const veil = (code, sentence) => ({ code, sentence, veil: true });
/** @param {string} code @param {string} sentence @returns {Why} */
const note = (code, sentence) => ({ code, sentence, veil: false });

/**
 * Whether a frame is of the source that a seat was bound to, and no late one of the source before.
 * @param {number | undefined} rtpTimestamp of the frame, where the browser tells @param {number | undefined} first of the source, where the server told
 * @param {number} seatedFor milliseconds
 */
export function isOfNewSource(rtpTimestamp, first, seatedFor) {
  if (rtpTimestamp === undefined) return true;
  if (first === undefined) return seatedFor > 500;
  return ((rtpTimestamp - first) >>> 0) < 2 ** 31;
}

/**
 * Whether a small picture is the flat green that a decoder paints when it has nothing. A covered lens is black, and no fault.
 * @param {ArrayLike<number>} rgba
 */
export function isBlankGreen(rgba) {
  for (let i = 0; i < rgba.length; i += 4) {
    if (rgba[i] > 40 || rgba[i + 2] > 40 || rgba[i + 1] < 60 || Math.abs(rgba[i + 1] - rgba[1]) > 6) return false;
  }
  return rgba.length > 0;
}
