// One RTCPeerConnection: its lines that send, its places that receive, its offers. It knows the browser's API and nothing of rooms or sockets;
// when to offer is the negotiator's decision, and carrying an offer to the server is the session's work.
//
// Events: `link` (detail: how far the connection is), `place` (detail: {pc, mid, receiver}: a place for a remote track exists),
// `order` (detail: an Order: please call offer() with it and carry the result to the server).

import { VIDEO_CODECS, capabilitiesOf, preferences } from './codecs.js';
import { withoutScalability } from './encodings.js';
import { Negotiator } from './negotiator.js';

/** @typedef {import('./protocol.js').Offer} Offer */
/** @typedef {import('./protocol.js').Answer} Answer */
/** @typedef {import('./protocol.js').Source} Source */
/** @typedef {import('./encodings.js').Plan} Plan */
/** @typedef {import('./negotiator.js').Order} Order */
/** @typedef {'ice' | 'dtls' | 'connected' | 'disconnected' | 'failed'} Link */
/** @typedef {{ pc: string, mid: string, receiver: RTCRtpReceiver }} Place */

/**
 * An m-line that we send on. It lives as long as the connection; what it carries may change, as long as the plan is of the same form.
 * @typedef {object} Line
 * @property {string} form codec and encodings; lines of one form can stand in for each other
 * @property {RTCRtpTransceiver} transceiver
 * @property {Source | null} source what it carries, null while it is parked
 * @property {boolean} negotiated the server has answered it
 * @property {() => boolean} muted asked when the offer is made
 */

const MOST_PLACES = 32;

export class Connection extends EventTarget {
  /** @type {Line[]} */ #lines = [];
  /** @type {Set<string>} */ #told = new Set();
  #negotiator = new Negotiator();
  #opened = false;
  #closed = false;
  #interrupted = false;
  /** @type {Link} */ #link = 'ice';
  /** The offer that waits for its answer. @type {Offer | null} */ #unanswered = null;

  /** @param {string} name @param {RTCConfiguration} config @param {typeof RTCPeerConnection} [Native] */
  constructor(name, config, Native = RTCPeerConnection) {
    super();
    this.name = name;
    // Without max-bundle Chromium gathers for every m-line before the first answer, and a join with many places takes seconds.
    this.config = /** @type {RTCConfiguration} */ ({ bundlePolicy: 'max-bundle', rtcpMuxPolicy: 'require', ...config });
    this.pc = new Native(this.config);
    this.pc.onconnectionstatechange = () => this.#linkChanged();
    this.pc.oniceconnectionstatechange = () => this.#linkChanged();
  }

  /** @returns {Link} */
  get link() {
    return this.#link;
  }

  /** How many slots have been asked for. */
  get slots() {
    return this.pc.getTransceivers().filter(({ direction, receiver }) => direction === 'recvonly' && receiver.track.kind === 'audio').length;
  }

  /** The offer that opens the connection. @param {number} slots @returns {Promise<Offer>} */
  first(slots) {
    const order = this.#negotiator.wish({ slots });
    if (!order) throw new Error('the connection has been opened before');
    this.#opened = true;
    return this.offer(order);
  }

  /** Asks for that many more places, within what a client may have. @param {number} slots @param {number} [most] */
  grow(slots, most = MOST_PLACES) {
    const more = Math.min(slots, most - this.slots);
    if (more > 0) this.#order(this.#negotiator.wish({ slots: more }));
  }

  /** @param {RTCIceServer[]} [iceServers] credentials that are fresh, if there are any */
  restart(iceServers) {
    if (iceServers?.length) this.pc.setConfiguration({ ...this.config, iceServers });
    this.#order(this.#negotiator.wish({ restart: true }));
  }

  /** The socket is gone, and with it perhaps an answer. */
  interrupt() {
    this.#interrupted = true;
    this.#negotiator.interrupt();
  }

  /** The socket is back. @returns {Offer | null} what is still to be answered, to be sent again unchanged */
  resume() {
    // A connection that was made since then has its first offer on the way.
    if (!this.#interrupted) return null;
    this.#interrupted = false;
    this.#order(this.#negotiator.resume());
    return this.#unanswered;
  }

  /** Whether an offer still waits for its answer. @param {Offer} offer */
  awaits(offer) {
    return this.#unanswered === offer && !this.#closed;
  }

  /**
   * Makes a line carry a source, on a line that is parked or on a new one. A new one takes effect with the next offer.
   * @param {Source} source @param {Plan} plan @param {MediaStreamTrack | null} track @param {() => boolean} muted @returns {Line}
   */
  carry(source, plan, track, muted) {
    const form = formOf(source, plan);
    const parked = this.#lines.find((line) => line.source === null && line.form === form);
    if (parked) {
      Object.assign(parked, { source, muted });
      this.put(parked, track);
      return parked;
    }
    const transceiver = this.#addSender(source, plan, track);
    /** @type {Line} */
    const line = { form, transceiver, source, negotiated: false, muted };
    this.#lines.push(line);
    if (this.#opened) this.#order(this.#negotiator.wish());
    return line;
  }

  /** @param {Line} line @param {MediaStreamTrack | null} track */
  put(line, track) {
    line.transceiver.sender.replaceTrack(track).catch((error) => console.warn('replace the track of', line.source, error));
  }

  /** @param {Line} line */
  park(line) {
    line.source = null;
    this.put(line, null);
  }

  /** Whether a publication may go on on its line when its plan changes. @param {Line} line @param {Source} source @param {Plan} plan */
  fits(line, source, plan) {
    return line.form === formOf(source, plan);
  }

  /** @param {Order} order @returns {Promise<Offer>} */
  async offer({ n, restart, slots }) {
    for (let i = 0; i < slots; i++) this.#addSlot();
    if (restart) this.pc.restartIce();
    await this.pc.setLocalDescription();
    // No waiting for candidates: the server learns our address from our own connectivity checks.
    const sdp = this.pc.localDescription?.sdp ?? '';
    /** @type {Offer} */
    const offer = { pc: this.name, n, sdp };
    for (const { transceiver: { mid }, source, negotiated, muted } of this.#lines) {
      if (mid === null || source === null || negotiated) continue;
      offer.tracks = { ...offer.tracks, [mid]: { source, muted: muted() } };
    }
    this.#unanswered = offer;
    return offer;
  }

  /**
   * Applies an answer; a stale one is ignored. Where the browser cannot apply it, this fails, and the connection makes no more offers.
   * @param {Answer} answer
   * @returns {Promise<boolean>} whether it was the one waited for
   */
  async accept({ n, sdp, rejected }) {
    if (!this.#negotiator.expects(n) || this.#closed || this.#unanswered?.n !== n) return false;
    this.#unanswered = null;
    const offered = this.#lines.filter((line) => line.transceiver.mid !== null);
    await this.pc.setRemoteDescription({ type: 'answer', sdp });
    for (const line of offered) {
      if (rejected?.[line.transceiver.mid ?? '']) this.#lines.splice(this.#lines.indexOf(line), 1);
      else line.negotiated = true;
    }
    this.#tellPlaces();
    this.#order(this.#negotiator.answered(n));
    return true;
  }

  /** The server would not have offer `n`. What was new in it cannot be; what was there before goes on. @param {number} n */
  async refuse(n) {
    if (!this.#negotiator.expects(n) || this.#closed) return;
    this.#unanswered = null;
    if (this.pc.signalingState === 'have-local-offer') await this.pc.setLocalDescription({ type: 'rollback' });
    // What has no mid again was new in the offer, and would be in the next one too.
    for (const transceiver of this.pc.getTransceivers()) if (transceiver.mid === null) transceiver.stop();
    this.#lines = this.#lines.filter((line) => line.negotiated);
    this.#order(this.#negotiator.refused(n));
  }

  /** @param {string} mid @returns {Line | undefined} */
  lineOf(mid) {
    return this.#lines.find(({ transceiver }) => transceiver.mid === mid);
  }

  stats() {
    return this.pc.getStats();
  }

  close() {
    this.#closed = true;
    this.pc.onconnectionstatechange = null;
    this.pc.oniceconnectionstatechange = null;
    this.pc.close();
  }

  /** @param {Order | null} order */
  #order(order) {
    if (order && !this.#closed) this.dispatchEvent(new CustomEvent('order', { detail: order }));
  }

  #addSlot() {
    prefer(this.pc.addTransceiver('audio', { direction: 'recvonly' }), 'receive', ['OPUS']);
    prefer(this.pc.addTransceiver('video', { direction: 'recvonly' }), 'receive', VIDEO_CODECS);
  }

  /** @param {Source} source @param {Plan} plan @param {MediaStreamTrack | null} track */
  #addSender(source, plan, track) {
    const kind = kindOf(source);
    /** @param {Plan['encodings']} sendEncodings */
    const add = (sendEncodings) => this.pc.addTransceiver(track ?? kind, { direction: 'sendonly', sendEncodings });
    let transceiver;
    try {
      transceiver = add(plan.encodings);
    } catch {
      // A mode that the browser has for another codec only is refused here.
      transceiver = add(withoutScalability(plan).encodings);
    }
    prefer(transceiver, 'send', plan.codec ? [plan.codec] : ['OPUS']);
    return transceiver;
  }

  /** The server's half of a slot is there once it is answered, in whatever order browsers fire their track events. */
  #tellPlaces() {
    for (const { mid, direction, currentDirection, receiver } of this.pc.getTransceivers()) {
      if (mid === null || direction !== 'recvonly' || currentDirection !== 'recvonly' || this.#told.has(mid)) continue;
      this.#told.add(mid);
      this.dispatchEvent(new CustomEvent('place', { detail: { pc: this.name, mid, receiver } }));
    }
  }

  #linkChanged() {
    const { connectionState, iceConnectionState } = this.pc;
    const ice = iceConnectionState === 'connected' || iceConnectionState === 'completed';
    /** @type {Link} */
    const link = connectionState === 'connected' || connectionState === 'disconnected' || connectionState === 'failed' ? connectionState
      : ice ? 'dtls' : 'ice';
    if (link === this.#link) return;
    this.#link = link;
    this.dispatchEvent(new CustomEvent('link', { detail: link }));
  }
}

/** @param {Source} source @returns {'audio' | 'video'} */
const kindOf = (source) => (source === 'microphone' || source === 'screen_audio' ? 'audio' : 'video');

/** @param {Source} source @param {Plan} plan */
function formOf(source, plan) {
  const encodings = plan.encodings.map((e) => `${e.rid ?? ''}:${e.scaleResolutionDownBy ?? 1}:${e.maxBitrate ?? 0}`);
  return [kindOf(source), plan.codec ?? '', ...encodings].join(' ');
}

/**
 * Leaves only what the server forwards. Where a browser refuses, its own list stands: larger, but not wrong.
 * @param {RTCRtpTransceiver} transceiver @param {'send' | 'receive'} direction @param {readonly string[]} names
 */
function prefer(transceiver, direction, names) {
  if (!transceiver.setCodecPreferences) return;
  const kind = names[0] === 'OPUS' ? 'audio' : 'video';
  for (const side of [direction, /** @type {const} */ ('receive')]) {
    const codecs = preferences(capabilitiesOf(side, kind), names);
    if (codecs.length === 0) continue;
    try {
      transceiver.setCodecPreferences(/** @type {any} */ (codecs));
      return;
    } catch {
      // The next list, or none.
    }
  }
}
