// How long to wait before the next attempt.

const FIRST = 500;
const CAP = 8000;

/**
 * Full jitter: anything between nothing and a bound that doubles. The first attempt comes at once, spread over a little time, so that a
 * server which drops all its sockets does not get them all back in one moment.
 * @param {number} attempt counted from 0 @param {number} random in [0, 1)
 * @returns {number} milliseconds
 */
export function backoff(attempt, random) {
  if (attempt === 0) return random * FIRST / 2;
  return random * Math.min(CAP, FIRST * 2 ** attempt);
}
