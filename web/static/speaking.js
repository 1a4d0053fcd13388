// Who is speaking, from levels that come a few times a second. Pure.

/** Levels are linear, 1 the loudest; this is about -40 dBov. */
const LOUD = 0.012;
/** A speaker keeps the mark through the pauses between words. */
const HOLD = 900;

/** @typedef {{ heardAt: Map<string, number>, speaking: Set<string> }} Speaking */

/** @type {() => Speaking} */
export const silence = () => ({ heardAt: new Map(), speaking: new Set() });

/**
 * @param {Speaking} before @param {Map<string, number>} levels by participant; who is muted or gone is not in it @param {number} now
 * @returns {Speaking}
 */
export function listen(before, levels, now) {
  const heardAt = new Map(before.heardAt);
  const speaking = new Set();
  for (const [id, level] of levels) {
    if (level >= LOUD) heardAt.set(id, now);
    const heard = heardAt.get(id);
    if (heard !== undefined && now - heard < HOLD) speaking.add(id);
  }
  return { heardAt, speaking };
}

/** What a meter shows: 0 to 1 on a scale that follows the ear. @param {number} level linear */
export function meterOf(level) {
  if (level <= 0.0001) return 0;
  return Math.min(1, Math.max(0, 1 + (20 * Math.log10(level)) / 55));
}

/** The level of a piece of sound. @param {ArrayLike<number>} samples between -1 and 1 */
export function rootMeanSquare(samples) {
  let sum = 0;
  for (let i = 0; i < samples.length; i++) sum += samples[i] * samples[i];
  return samples.length ? Math.sqrt(sum / samples.length) : 0;
}
