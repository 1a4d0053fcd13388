// A page that speaks the protocol and nothing more: any number of participants in one tab, with pictures of one colour, and slots of which every
// frame is looked at. It stands on the protocol alone, so that what it finds is the server's doing.

/** @typedef {{ width: number, height: number, fps: number, colour: string }} Camera */
/** @typedef {{ at: number, colour: string, width: number }} Frame */
/** @typedef {{ pc: string, mid: string, track: string | null }} Binding */

class Peer {
  #id = 0;
  #offers = 0;
  /** @type {Map<number, { resolve: (message: any) => void, reject: (error: Error) => void }>} */ #waiting = new Map();
  pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
  /** What others publish, by participant's name. @type {Map<string, string>} */ cameras = new Map();
  /** @type {Map<string, string>} */ names = new Map();
  /** @type {Map<string, string | null>} */ bound = new Map();
  /** Every frame that was presented, by mid. @type {Map<string, Frame[]>} */ frames = new Map();
  /** How many slots the server asks for and gets. */ grows = true;
  slots = 0;

  /** @param {string} room @param {string} name */
  constructor(room, name) {
    this.name = name;
    const url = new URL(`v1/rooms/${room}/signal`, location.href);
    url.protocol = 'ws:';
    this.socket = new WebSocket(url, 'sfu.v1');
    this.socket.onmessage = ({ data }) => this.#receive(JSON.parse(data));
  }

  /**
   * @param {{ camera?: Camera, encodings?: RTCRtpEncodingParameters[], slots?: number, subscribe?: 'auto' | 'manual', grows?: boolean }} options
   */
  async join({ camera, encodings, slots = 0, subscribe = 'auto', grows = true }) {
    this.grows = grows;
    if (this.socket.readyState === WebSocket.CONNECTING) await new Promise((resolve) => this.socket.addEventListener('open', resolve));
    /** @type {Record<string, { source: string }>} */
    const tracks = {};
    if (camera) {
      const sender = this.pc.addTransceiver(paint(camera), { direction: 'sendonly', sendEncodings: encodings });
      const codecs = RTCRtpSender.getCapabilities('video')?.codecs.filter(({ mimeType }) => /vp8|rtx/i.test(mimeType)) ?? [];
      sender.setCodecPreferences(codecs);
    }
    this.#addSlots(slots);
    const offer = await this.#offer();
    if (camera) tracks[this.pc.getTransceivers()[0].mid ?? ''] = { source: 'camera' };
    const joined = await this.request({ type: 'join', name: this.name, subscribe, offers: [{ ...offer, tracks }] });
    this.#receive(joined);
    await this.#accept(joined.answers[0]);
  }

  /** @param {object} message @returns {Promise<any>} */
  request(message) {
    const id = ++this.#id;
    this.socket.send(JSON.stringify({ ...message, id }));
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  /** Looks at somebody, and at nobody else. @param {string} name @param {string} [before] */
  async turnTo(name, before) {
    const [to, from] = [this.cameras.get(name), this.cameras.get(before ?? '')];
    await Promise.all([from && this.request({ type: 'unsubscribe', tracks: [from] }), this.request({ type: 'subscribe', tracks: [to] })]);
  }

  /** @param {number} count */
  #addSlots(count) {
    for (let i = 0; i < count; i++) {
      this.pc.addTransceiver('audio', { direction: 'recvonly' });
      this.pc.addTransceiver('video', { direction: 'recvonly' });
    }
    this.slots += count;
  }

  async #offer() {
    await this.pc.setLocalDescription();
    return { pc: 'main', n: ++this.#offers, sdp: this.pc.localDescription?.sdp };
  }

  /** @param {{ sdp: string }} answer */
  async #accept({ sdp }) {
    await this.pc.setRemoteDescription({ type: 'answer', sdp });
    for (const { mid, direction, receiver } of this.pc.getTransceivers()) {
      if (mid === null || direction !== 'recvonly' || receiver.track.kind !== 'video' || this.frames.has(mid)) continue;
      const frames = /** @type {Frame[]} */ ([]);
      this.frames.set(mid, frames);
      look(receiver.track, frames);
    }
  }

  /** @param {any} message */
  #receive(message) {
    if (message.re !== undefined && this.#waiting.has(message.re)) {
      const { resolve, reject } = /** @type {{ resolve: (message: any) => void, reject: (error: Error) => void }} */ (this.#waiting.get(message.re));
      this.#waiting.delete(message.re);
      if (message.type === 'error') reject(new Error(`${message.code}: ${message.message}`));
      else resolve(message);
      return;
    }
    switch (message.type) {
      case 'joined':
        for (const { id, name, tracks = [] } of message.participants) {
          this.names.set(id, name);
          for (const track of tracks) this.#published(track);
        }
        this.#bind(message.bound);
        break;
      case 'participant': this.names.set(message.id, message.name); break;
      case 'track': this.#published(message); break;
      case 'slots':
        this.#bind(message.bound ?? []);
        if (message.need && this.grows) this.#grow(message.need);
        break;
    }
  }

  /** @param {{ id: string, participant: string, source: string }} track */
  #published({ id, participant, source }) {
    if (source === 'camera') this.cameras.set(this.names.get(participant) ?? '', id);
  }

  /** @param {Binding[]} bindings */
  #bind(bindings) {
    for (const { mid, track } of bindings) this.bound.set(mid, track);
  }

  /** @param {number} count */
  async #grow(count) {
    this.#addSlots(count);
    const answer = await this.request({ type: 'offer', ...await this.#offer() });
    await this.#accept(answer);
    await this.request({ type: 'applied', pc: answer.pc, n: answer.n });
  }
}

/** A surface of one colour on which something moves. @param {Camera} camera */
function paint({ width, height, fps, colour }) {
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  let turn = 0;
  const draw = () => {
    context.fillStyle = colour;
    context.fillRect(0, 0, width, height);
    context.fillStyle = '#888';
    const at = (turn++ * 7) % (width / 2);
    context.fillRect(width / 3 + at, height / 2, width / 8, height / 4);
  };
  draw();
  setInterval(draw, 1000 / fps);
  return canvas.captureStream(fps).getVideoTracks()[0];
}

/** Notes when each frame was presented, and the colour in its corner. @param {MediaStreamTrack} track @param {Frame[]} frames */
function look(track, frames) {
  const video = Object.assign(document.createElement('video'), { muted: true, autoplay: true, playsInline: true, srcObject: new MediaStream([track]), width: 160 });
  document.body.append(video);
  video.play().catch(() => {});
  const context = /** @type {CanvasRenderingContext2D} */ (Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d', { willReadFrequently: true }));
  const next = () => video.requestVideoFrameCallback(() => {
    context.drawImage(video, 0, 0, 8, 8, 0, 0, 1, 1);
    frames.push({ at: performance.now(), colour: nameOf(context.getImageData(0, 0, 1, 1).data), width: video.videoWidth });
    next();
  });
  next();
}

/** Codecs change colours a little, but not which of the three lights are on. @param {Uint8ClampedArray} rgba */
const nameOf = ([red, green, blue]) => {
  const lights = [red, green, blue].map((light) => (light > 110 ? '1' : '0')).join('');
  return { '100': 'red', '010': 'green', '001': 'blue', '110': 'yellow', '101': 'magenta', '011': 'cyan', '000': 'black' }[lights] ?? 'white';
};

/** @type {Map<string, Peer>} */
const peers = new Map();

/** What tests call; every participant has a name of its own. */
const page = {
  /** @param {string} room @param {string} name @param {Parameters<Peer['join']>[0]} options */
  async join(room, name, options) {
    const peer = new Peer(room, name);
    peers.set(name, peer);
    await peer.join(options);
  },

  /** @param {string} name @param {string} of */
  sees: (name, of) => of_(name).cameras.has(of),

  /** @param {string} name @param {string} to @param {string} [before] @returns {Promise<number>} when it was asked */
  async turnTo(name, to, before) {
    const at = performance.now();
    await of_(name).turnTo(to, before);
    return at;
  },

  /** @param {string} name @param {number} width @param {number} height */
  view(name, width, height) {
    const peer = of_(name);
    return peer.request({ type: 'view', tracks: [...peer.cameras.values()].map((track) => ({ track, width, height })) });
  },

  /** All frames that were presented so far. @param {string} name @returns {{ mid: string, frames: Frame[] }[]} */
  frames: (name) => [...of_(name).frames].map(([mid, frames]) => ({ mid, frames })),

  /** @param {string} name */
  async freezes(name) {
    let count = 0;
    (await of_(name).pc.getStats()).forEach((entry) => {
      count += entry.type === 'inbound-rtp' && entry.kind === 'video' ? entry.freezeCount ?? 0 : 0;
    });
    return count;
  },

  /** @param {string} name */
  slots: (name) => of_(name).slots,

  now: () => performance.now(),

  /** @param {string} name */
  async leave(name) {
    await of_(name).request({ type: 'leave' });
    of_(name).pc.close();
    peers.delete(name);
  },
};

/** @param {string} name */
function of_(name) {
  const peer = peers.get(name);
  if (!peer) throw new Error(`there is no ${name} here`);
  return peer;
}

Object.assign(window, { e2e: page });
