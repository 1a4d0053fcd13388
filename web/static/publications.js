// What we want to send, kept apart from what carries it: connections come and go, the microphone and the camera stay.

import { RequestError } from './socket.js';

/** @typedef {import('./protocol.js').Source} Source */
/** @typedef {import('./protocol.js').Answer} Answer */
/** @typedef {import('./connection.js').Line} Line */
/** @typedef {Pick<import('./connection.js').Connection, 'name' | 'carry' | 'put' | 'park' | 'fits' | 'lineOf'>} Carrier */
/** @typedef {import('./encodings.js').Plan} Plan */

/**
 * @typedef {object} Want
 * @property {Source} source
 * @property {MediaStreamTrack} track
 * @property {boolean} muted what the person wants
 * @property {boolean} saidMuted what the server was last told
 * @property {string | null} id the server's name for it, once it has one
 * @property {Line | null} line
 */
/**
 * @typedef {object} Host
 * @property {(message: import('./protocol.js').Request) => Promise<any>} request
 * @property {(source: Source, track: MediaStreamTrack) => Plan} plan
 * @property {() => void} named the server has given a track its name
 * @property {(source: Source, fault: import('./protocol.js').Refusal) => void} refused
 */

export class Publications {
  /** @type {Map<Source, Want>} */ #wants = new Map();
  /** Tracks that the server still has and should not. @type {Set<string>} */ #ended = new Set();
  /** @type {Carrier | null} */ #carrier = null;

  /** @param {Host} host */
  constructor(host) {
    this.host = host;
  }

  /** @returns {Want[]} */
  get all() {
    return [...this.#wants.values()];
  }

  /** @param {Source} source */
  get(source) {
    return this.#wants.get(source);
  }

  /** Everything goes through this connection from now on, and has to be told to the server anew. @param {Carrier | null} carrier */
  use(carrier) {
    this.#carrier = carrier;
    this.#ended.clear();
    for (const want of this.#wants.values()) {
      want.id = null;
      want.line = null;
      this.#attach(want);
    }
  }

  /** Sends a track as `source`, in place of what was sent as it. @param {Source} source @param {MediaStreamTrack} track @param {boolean} muted */
  set(source, track, muted) {
    const before = this.#wants.get(source);
    const carrier = this.#carrier;
    if (before?.line && carrier?.fits(before.line, source, this.host.plan(source, track))) {
      before.track = track;
      this.#setMuted(before, muted);
      return;
    }
    this.end(source);
    /** @type {Want} */
    const want = { source, track, muted, saidMuted: muted, id: null, line: null };
    this.#wants.set(source, want);
    this.#attach(want);
  }

  /** @param {Source} source @param {boolean} muted */
  mute(source, muted) {
    const want = this.#wants.get(source);
    if (want) this.#setMuted(want, muted);
  }

  /** @param {Source} source */
  end(source) {
    const want = this.#wants.get(source);
    if (!want) return;
    this.#wants.delete(source);
    if (want.line) this.#carrier?.park(want.line);
    if (want.id) this.#unpublish(want.id);
  }

  /** Video is planned anew, because another codec was chosen. */
  plan() {
    for (const { source, track, muted } of this.all) if (source === 'camera' || source === 'screen') this.set(source, track, muted);
  }

  /** Takes over what an answer says of our m-lines. @param {Answer} answer */
  answered({ pc, published, rejected }) {
    if (pc !== this.#carrier?.name) return;
    for (const [mid, id] of Object.entries(published ?? {})) {
      const want = this.#wantOn(mid);
      if (want) this.#named(want, id);
      else this.#unpublish(id);
    }
    for (const [mid, fault] of Object.entries(rejected ?? {})) {
      const want = this.#wantOn(mid);
      if (!want) continue;
      this.#wants.delete(want.source);
      this.host.refused(want.source, fault);
    }
  }

  /** An offer was refused, and with it what was new on its lines. @param {import('./protocol.js').Refusal} fault */
  offerRefused(fault) {
    for (const { source, line } of this.all) {
      if (!line || line.negotiated) continue;
      this.#wants.delete(source);
      this.host.refused(source, fault);
    }
  }

  /** The socket is back with the seat kept: says again what may not have been heard. */
  replay() {
    for (const id of this.#ended) this.#unpublish(id);
    for (const want of this.#wants.values()) {
      if (want.id) this.#tellMuted(want);
      else if (want.line?.negotiated) this.#publish(want);
    }
  }

  /** @param {Want} want */
  #attach(want) {
    if (!this.#carrier) return;
    const plan = this.host.plan(want.source, want.track);
    want.line = this.#carrier.carry(want.source, plan, sent(want), () => want.muted);
    want.saidMuted = want.muted;
    if (want.line.negotiated) this.#publish(want);
  }

  /** @param {Want} want */
  async #publish(want) {
    const mid = want.line?.transceiver.mid;
    if (!this.#carrier || !mid) return;
    const { source, muted } = want;
    want.saidMuted = muted;
    try {
      const { track } = await this.host.request({ type: 'publish', pc: this.#carrier.name, mid, source, muted });
      if (this.#wants.get(source) === want) this.#named(want, track);
      else this.#unpublish(track);
    } catch (error) {
      this.#failed(want, error);
    }
  }

  /** @param {Want} want @param {string} id */
  #named(want, id) {
    want.id = id;
    this.#tellMuted(want);
    this.host.named();
  }

  /** @param {Want} want @param {boolean} muted */
  #setMuted(want, muted) {
    want.muted = muted;
    want.track.enabled = !muted;
    // A microphone stays on its line so that the first word after unmuting is heard; a camera leaves it and its light goes off.
    if (want.line) this.#carrier?.put(want.line, sent(want));
    this.#tellMuted(want);
  }

  /** @param {Want} want */
  #tellMuted(want) {
    if (!want.id || want.muted === want.saidMuted) return;
    const { id, muted, saidMuted } = want;
    want.saidMuted = muted;
    this.host.request({ type: 'mute', track: id, muted }).catch(() => {
      if (want.id === id && want.saidMuted === muted) want.saidMuted = saidMuted;
    });
  }

  /** @param {string} id */
  #unpublish(id) {
    this.#ended.add(id);
    this.host.request({ type: 'unpublish', track: id }).then(() => this.#ended.delete(id), (error) => {
      if (!isLost(error)) this.#ended.delete(id);
    });
  }

  /** @param {Want} want @param {unknown} error */
  #failed(want, error) {
    if (isLost(error) || this.#wants.get(want.source) !== want) return;
    this.#wants.delete(want.source);
    if (want.line) this.#carrier?.park(want.line);
    const { code, message } = error instanceof RequestError ? error : { code: 'internal', message: String(error) };
    this.host.refused(want.source, { code, message });
  }

  /** @param {string} mid */
  #wantOn(mid) {
    return this.all.find(({ line }) => line?.transceiver.mid === mid);
  }
}

/** What is put on the line. @param {Want} want */
const sent = (want) => (want.muted && want.track.kind === 'video' ? null : want.track);

/** @param {unknown} error */
const isLost = (error) => error instanceof RequestError && error.code === 'socket_lost';
