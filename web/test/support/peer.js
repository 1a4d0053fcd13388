// Just enough of RTCPeerConnection for Connection, with the mids and states that a browser would give.

/** @param {'audio' | 'video'} kind @param {{ height?: number }} [settings] */
export function fakeTrack(kind, settings = {}) {
  return /** @type {any} */ ({ kind, enabled: true, id: `${kind}-${Math.random()}`, getSettings: () => settings, stop() {} });
}

class FakeTransceiver {
  /** @type {string | null} */ mid = null;
  /** @type {string | null} */ currentDirection = null;
  stopped = false;
  /** @type {any[] | null} */ codecs = null;

  /** @param {any} trackOrKind @param {any} init */
  constructor(trackOrKind, { direction, sendEncodings }) {
    const kind = typeof trackOrKind === 'string' ? trackOrKind : trackOrKind.kind;
    this.direction = direction;
    this.sendEncodings = sendEncodings;
    this.receiver = { track: fakeTrack(kind) };
    this.sender = {
      track: typeof trackOrKind === 'string' ? null : trackOrKind,
      replaceTrack: async (/** @type {any} */ track) => {
        this.sender.track = track;
      },
    };
  }

  /** @param {any[]} codecs */
  setCodecPreferences(codecs) {
    this.codecs = codecs;
  }

  stop() {
    this.stopped = true;
  }
}

export class FakePeerConnection {
  connectionState = 'new';
  iceConnectionState = 'new';
  signalingState = 'stable';
  closed = false;
  restarts = 0;
  /** @type {FakeTransceiver[]} */ transceivers = [];
  /** @type {any} */ localDescription = null;
  /** @type {(() => void) | null} */ onconnectionstatechange = null;
  /** @type {(() => void) | null} */ oniceconnectionstatechange = null;
  #nextMid = 0;
  #version = 0;
  /** @type {FakeTransceiver[]} */ #fresh = [];
  /** A mode that addTransceiver throws at, as browsers do. @type {string | null} */ static refuses = null;
  /** @type {FakePeerConnection[]} */ static all = [];

  /** @param {any} config */
  constructor(config) {
    this.config = config;
    FakePeerConnection.all.push(this);
  }

  /** @param {any} trackOrKind @param {any} init */
  addTransceiver(trackOrKind, init) {
    if (FakePeerConnection.refuses && init.sendEncodings?.some((/** @type {any} */ e) => e.scalabilityMode === FakePeerConnection.refuses)) {
      throw new Error('OperationError');
    }
    const transceiver = new FakeTransceiver(trackOrKind, init);
    this.transceivers.push(transceiver);
    return transceiver;
  }

  getTransceivers() {
    return this.transceivers.filter(({ stopped }) => !stopped);
  }

  restartIce() {
    this.restarts++;
  }

  /** @param {any} config */
  setConfiguration(config) {
    this.config = config;
  }

  /** @param {any} [description] */
  async setLocalDescription(description) {
    if (description?.type === 'rollback') {
      for (const transceiver of this.#fresh) transceiver.mid = null;
      this.signalingState = 'stable';
      return;
    }
    if (this.signalingState === 'stable') this.#fresh = [];
    for (const transceiver of this.getTransceivers()) {
      if (transceiver.mid !== null) continue;
      transceiver.mid = String(this.#nextMid++);
      this.#fresh.push(transceiver);
    }
    this.signalingState = 'have-local-offer';
    this.localDescription = { type: 'offer', sdp: `v=0 ${++this.#version}` };
  }

  /** @param {any} description */
  async setRemoteDescription(description) {
    if (description.sdp === 'unusable') throw new Error('OperationError');
    if (this.signalingState !== 'have-local-offer') throw new Error('InvalidStateError');
    this.signalingState = 'stable';
    for (const transceiver of this.transceivers) transceiver.currentDirection = transceiver.direction;
  }

  /** @param {string} ice @param {string} connection */
  become(ice, connection) {
    this.iceConnectionState = ice;
    this.connectionState = connection;
    this.onconnectionstatechange?.();
  }

  async getStats() {
    return new Map();
  }

  close() {
    this.closed = true;
  }
}
