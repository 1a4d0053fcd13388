// What a publisher sends: how many encodings of which size and rate. Pure.

import { scalabilityModes } from './codecs.js';

/** @typedef {import('./codecs.js').Codec} Codec */
/** @typedef {RTCRtpEncodingParameters & { scalabilityMode?: string }} Encoding */
/** @typedef {{ codec: string | undefined, encodings: Encoding[] }} Plan `codec` is undefined for audio */

const MICROPHONE_BITRATE = 40_000;
const SCREEN_AUDIO_BITRATE = 96_000;

/** Layers from small to large: rid, divisor, bit/s. */
/** @type {Record<1 | 2 | 3, [string, number, number][]>} */
const CAMERA = {
  3: [['q', 4, 150_000], ['h', 2, 500_000], ['f', 1, 1_700_000]],
  2: [['h', 2, 150_000], ['f', 1, 500_000]],
  1: [['', 1, 200_000]],
};
/** @type {[string, number, number][]} */
const SCREEN = [['h', 2, 500_000], ['f', 1, 2_500_000]];

/**
 * VP8 and H.264 encode several sizes in every browser. VP9 and AV1 do so only where the scalability of an encoding can be set; a browser
 * that cannot would make one encoding with spatial layers of it.
 * @param {string} codec @param {Codec[]} capabilities
 */
export function canSimulcast(codec, capabilities) {
  return codec === 'VP8' || codec === 'H264' || scalabilityModes(capabilities, codec).includes('L1T2');
}

/** @param {number} height of the capture */
const layersForHeight = (height) => (height >= 720 ? 3 : height >= 360 ? 2 : 1);

/**
 * The camera is sent in as many sizes as its height is worth, each a half of the next, with temporal layers where the browser has them.
 * @param {{ height: number, codec: string, capabilities: Codec[] }} source @returns {Plan}
 */
export function cameraPlan({ height, codec, capabilities }) {
  const count = canSimulcast(codec, capabilities) ? layersForHeight(height) : 1;
  const rate = layersForHeight(height);
  const layers = count > 1 ? CAMERA[count] : [/** @type {[string, number, number]} */ (['', 1, CAMERA[rate][rate - 1][2]])];
  return { codec, encodings: layers.map((layer) => encoding(layer, scalability(codec, capabilities))) };
}

/**
 * A screen is sent sharp and at few frames per second, and once more at half its size for those who have little bandwidth.
 * @param {{ height: number, codec: string, capabilities: Codec[] }} source @returns {Plan}
 */
export function screenPlan({ height, codec, capabilities }) {
  const layers = canSimulcast(codec, capabilities) && height >= 720 ? SCREEN : [/** @type {[string, number, number]} */ (['', 1, 2_500_000])];
  const mode = scalability(codec, capabilities);
  return { codec, encodings: layers.map((layer) => ({ ...encoding(layer, mode), maxFramerate: 15 })) };
}

/** @param {import('./protocol.js').Source} source @returns {Plan} */
export function audioPlan(source) {
  return { codec: undefined, encodings: [{ maxBitrate: source === 'microphone' ? MICROPHONE_BITRATE : SCREEN_AUDIO_BITRATE }] };
}

/** @param {string} codec @param {Codec[]} capabilities */
function scalability(codec, capabilities) {
  const modes = scalabilityModes(capabilities, codec);
  return ['L1T3', 'L1T2'].find((mode) => modes.includes(mode));
}

/** @param {[string, number, number]} layer @param {string | undefined} scalabilityMode @returns {Encoding} */
function encoding([rid, scale, maxBitrate], scalabilityMode) {
  /** @type {Encoding} */
  const made = { maxBitrate, scaleResolutionDownBy: scale };
  if (rid) made.rid = rid;
  if (scalabilityMode) made.scalabilityMode = scalabilityMode;
  return made;
}

/** The same plan for a browser that refuses scalability modes. @param {Plan} plan @returns {Plan} */
export function withoutScalability(plan) {
  return { ...plan, encodings: plan.encodings.map(({ scalabilityMode: _, ...rest }) => rest) };
}
