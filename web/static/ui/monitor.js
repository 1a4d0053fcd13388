// Looks at what arrives: pictures that stand still, voices that are heard, nothing at all. It asks the browser a few times a second and keeps
// the conclusions, which health.js and speaking.js draw.

import { follow, isBlankGreen, readReceived } from '../health.js';
import { isSent } from '../liveness.js';
import { keyOf } from '../returning.js';
import { listen, meterOf, silence } from '../speaking.js';
import { LevelReader } from './level.js';

/** @typedef {import('../session.js').Session} Session */
/** @typedef {import('../health.js').Reception} Reception */

const LOOK = 1000;
const HEAR = 200;
const BLANK_EVERY = 5;
/** A picture that does not come is asked for anew, a few times. */
const REPAIR_AFTER = 8000;
const REPAIR_MOST = 3;

export class Monitor {
  /** @type {Map<string, Reception>} by track */ receptions = new Map();
  /** @type {Set<string>} tracks that decode to one colour */ blank = new Set();
  speaking = silence();
  /** @type {number | null} */ silentSince = null;
  ownLevel = 0;
  #own = new LevelReader();
  /** @type {Map<string, import('../health.js').Received>} */ #received = new Map();
  /** @type {Map<string, { at: number, count: number }>} */ #repairs = new Map();
  #packets = 0;
  #looks = 0;
  /** @type {ReturnType<typeof setInterval>[]} */ #timers = [];
  #canvas = new OffscreenCanvas(8, 8).getContext('2d', { willReadFrequently: true });

  /** @param {Session} session @param {{ changed: () => void, pictureOf: (track: string) => HTMLVideoElement | undefined }} host */
  constructor(session, host) {
    this.session = session;
    this.host = host;
  }

  start() {
    this.#timers = [setInterval(() => this.#look(), LOOK), setInterval(() => this.#hear(), HEAR)];
  }

  stop() {
    for (const timer of this.#timers) clearInterval(timer);
    this.#own.listen(null);
  }

  /** @param {MediaStreamTrack | null} microphone */
  listenToOwn(microphone) {
    this.#own.listen(microphone);
  }

  async #look() {
    const report = await this.session.stats();
    const now = performance.now();
    this.#received = report ? readReceived(report.values()) : new Map();
    const { room } = this.session;
    /** @type {Map<string, Reception>} */
    const next = new Map();
    let expecting = false;
    for (const track of this.session.arriving) {
      const { id, kind } = track;
      const seat = this.session.seat(id);
      if (!seat) continue;
      const sending = isSent(room, track);
      expecting ||= sending;
      if (kind !== 'video') continue;
      const reception = follow(this.receptions.get(id), seat, this.#received.get(seat.mid), now);
      next.set(id, reception);
      if (sending && !document.hidden) this.#repair(id, reception, now);
    }
    this.receptions = next;
    this.#watchSilence(expecting, now);
    if (++this.#looks % BLANK_EVERY === 0) this.#lookAtColours();
    this.host.changed();
  }

  /** @param {boolean} expecting @param {number} now */
  #watchSilence(expecting, now) {
    let packets = 0;
    for (const received of this.#received.values()) packets += received.packets;
    const silent = expecting && packets === this.#packets && this.session.life.media === 'connected';
    this.silentSince = silent ? this.silentSince ?? now : null;
    this.#packets = packets;
  }

  /** Another seat brings another key frame, whatever it was that was lost. @param {string} track @param {Reception} reception @param {number} now */
  #repair(track, { frameAt }, now) {
    const before = this.#repairs.get(track) ?? { at: frameAt, count: 0 };
    const wait = REPAIR_AFTER * 2 ** before.count;
    if (now - frameAt < REPAIR_AFTER) {
      this.#repairs.delete(track);
      return;
    }
    if (before.count >= REPAIR_MOST || now - before.at < wait) return;
    console.info('no frame for', Math.round(now - frameAt), 'ms: subscribe anew to', track);
    this.#repairs.set(track, { at: now, count: before.count + 1 });
    this.session.subscribe(false, [track]);
    this.session.subscribe(true, [track]);
  }

  #lookAtColours() {
    const blank = new Set();
    for (const id of this.receptions.keys()) {
      const picture = this.host.pictureOf(id);
      if (!picture || !this.#canvas || picture.videoWidth === 0) continue;
      this.#canvas.drawImage(picture, 0, 0, 8, 8);
      if (isBlankGreen(this.#canvas.getImageData(0, 0, 8, 8).data)) blank.add(id);
    }
    this.blank = blank;
  }

  #hear() {
    const { room } = this.session;
    /** @type {Map<string, number>} */
    const levels = new Map();
    for (const { id, participant, source, muted } of this.session.arriving) {
      if (source !== 'microphone' || muted) continue;
      const seat = this.session.seat(id);
      if (seat) levels.set(keyOf(room, participant), levelOf(seat.receiver) ?? this.#received.get(seat.mid)?.level ?? 0);
    }
    const muted = this.session.publication('microphone')?.muted ?? true;
    const own = muted ? 0 : this.#own.read();
    if (!muted) levels.set(keyOf(room, room.self), own);
    const before = this.speaking;
    const ownBefore = this.ownLevel;
    this.speaking = listen(before, levels, performance.now());
    this.ownLevel = meterOf(own);
    const same = before.speaking.size === this.speaking.speaking.size && [...before.speaking].every((id) => this.speaking.speaking.has(id));
    if (!same || Math.abs(this.ownLevel - ownBefore) > 0.05) this.host.changed();
  }
}

/** The loudness that came with the last packets, where the server passes it on. @param {RTCRtpReceiver} receiver */
function levelOf(receiver) {
  return receiver.getSynchronizationSources?.()[0]?.audioLevel;
}
