// Runs in the page before its own scripts: a server made of the browser itself. It takes the place of WebSocket and of the answer about the
// room, speaks the protocol, and answers offers with real PeerConnections, which carry pictures of people who are not there. The page is
// tested whole this way: its negotiation, its slots, its coming back. What it cannot show is how our own server behaves.

(() => {
  const NativeSocket = window.WebSocket;
  const NativePeer = window.RTCPeerConnection;
  const nativeFetch = window.fetch.bind(window);
  const INFO = {
    room: 'test', protocol: 'sfu.v1', auth: 'open', participants: 2, iceServers: [], codecs: { audio: ['opus'], video: ['VP8', 'VP9', 'H264', 'AV1'] },
    limits: { messageBytes: 262144, sdpLines: 8000, slots: 32, slotsFirst: 4, slotsGrow: 4, nameLength: 64, chatBytes: 4096 },
  };

  /** @param {string} colour */
  function picture(colour) {
    const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 180 });
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    let n = 0;
    setInterval(() => {
      context.fillStyle = colour;
      context.fillRect(0, 0, 320, 180);
      context.fillStyle = '#fff';
      context.fillRect((n++ * 4) % 320, 80, 12, 12);
    }, 66);
    return canvas.captureStream(15).getVideoTracks()[0];
  }

  function tone() {
    const context = new AudioContext();
    const oscillator = context.createOscillator();
    const gain = context.createGain();
    const out = context.createMediaStreamDestination();
    gain.gain.value = 0.2;
    oscillator.connect(gain).connect(out);
    oscillator.start();
    return out.stream.getAudioTracks()[0];
  }

  const server = {
    info: INFO,
    /** @type {any[]} what the page sent */ requests: [],
    /** @type {Map<string, any>} */ bots: new Map(),
    /** @type {Map<string, any>} */ peers: new Map(),
    /** @type {any} */ socket: null,
    /** @type {any[]} places towards the page: {pc, mid, kind, sender, track} */ places: [],
    /** @type {any[]} */ chat: [],
    secret: '', secrets: 0, self: '', selves: 0, tracks: 0, deaf: false, down: false, resumable: true, silent: false,
    /** How many more times the room is refused as unavailable. */ unavailable: 0,
    /** @type {Map<string, string>} codes to refuse the next request of a type with */ refusals: new Map(),
    /** @type {Map<string, any>} */ own: new Map(),
    name: '',

    /** @param {string} id @param {string} name @param {string} colour */
    addBot(id, name, colour) {
      const bot = { id, name, tracks: [{ id: `${id}a`, kind: 'audio', source: 'microphone', media: tone() }, { id: `${id}v`, kind: 'video', source: 'camera', media: picture(colour) }] };
      server.bots.set(id, bot);
      if (!server.self) return;
      server.tell({ type: 'participant', id, name, connected: true });
      for (const track of bot.tracks) server.tell({ type: 'track', ...server.describe(id, track) });
      server.seat();
    },
    /** @param {string} id */
    removeBot(id) {
      const bot = server.bots.get(id);
      server.bots.delete(id);
      const bound = [];
      for (const place of server.places) {
        if (!bot.tracks.some((/** @type {any} */ t) => t.id === place.track)) continue;
        place.track = null;
        place.sender.replaceTrack(null);
        bound.push({ pc: place.pc, mid: place.mid, track: null });
      }
      server.tell({ type: 'gone', participant: id, reason: 'left' });
      server.tell({ type: 'slots', bound });
    },
    /** The room goes on elsewhere: everyone has another id there, and who is named in `without` does not come. @param {string[]} [without] */
    move(without = []) {
      const bots = [...server.bots.values()].filter(({ name }) => !without.includes(name));
      server.bots.clear();
      for (const bot of bots) {
        const id = `${bot.id}x`;
        server.bots.set(id, { ...bot, id, tracks: bot.tracks.map((/** @type {any} */ track) => ({ ...track, id: `${id}${track.kind[0]}` })) });
      }
      server.resumable = false;
      server.tell({ type: 'left', reason: 'moved', code: 'moved', message: 'on the test’s word' });
      server.drop(4002);
    },
    /** @param {string} participant @param {any} track */
    describe: (participant, { id, kind, source, muted = false }) => ({ id, participant, kind, source, muted, codec: kind === 'audio' ? 'opus' : 'VP8' }),
    /** Seats who has no place, and asks for more where there is none. */
    seat() {
      const bound = [];
      let missing = 0;
      for (const bot of server.bots.values()) {
        for (const track of bot.tracks) {
          if (server.places.some((place) => place.track === track.id)) continue;
          const free = server.places.find((place) => place.kind === track.kind && place.track === null);
          if (!free) {
            missing++;
            continue;
          }
          free.track = track.id;
          free.sender.replaceTrack(track.media);
          bound.push({ pc: free.pc, mid: free.mid, track: track.id });
        }
      }
      if (bound.length || missing) server.tell({ type: 'slots', bound, ...(missing ? { need: 4 } : {}) });
      server.tell({ type: 'layers', layers: bound.filter(({ track }) => track.endsWith('v')).map((b) => ({ ...b, sending: true })) });
    },
    /** Puts another picture on the place of one bot, as a real server does when slots are few. @param {string} from @param {string} to */
    switchPlace(from, to) {
      const place = server.places.find(({ track }) => track === from);
      const track = [...server.bots.values()].flatMap((bot) => bot.tracks).find(({ id }) => id === to);
      place.track = to;
      place.sender.replaceTrack(track.media);
      server.tell({ type: 'slots', bound: [{ pc: place.pc, mid: place.mid, track: to }], unavailable: [{ track: from, reason: 'slots' }] });
      server.tell({ type: 'layers', layers: [{ pc: place.pc, mid: place.mid, track: to, sending: true }] });
    },
    /** @param {any} message */
    tell: (message) => server.socket?.deliver(message),
    /** @param {number} code */
    drop: (code) => server.socket?.drop(code),
    /** @param {string} type */
    of: (type) => server.requests.filter((request) => request.type === type),

    /** @param {any} request */
    async handle(request) {
      server.requests.push(request);
      const socket = server.socket;
      /** @param {any} answer */
      const reply = (answer) => socket.deliver({ ...answer, re: request.id });
      const refusal = server.refusals.get(request.type);
      if (refusal) {
        server.refusals.delete(request.type);
        reply({ type: 'error', code: refusal, message: 'as the test wishes' });
        return;
      }
      switch (request.type) {
        case 'join': await server.join(request, reply); break;
        case 'resume':
          if (!server.resumable || request.session !== server.secret) {
            reply({ type: 'error', code: 'resume_invalid', message: 'no' });
            socket.drop(4401);
          } else reply(server.snapshot(true, []));
          break;
        case 'offer': {
          reply({ type: 'answer', ...(await server.answer(request)) });
          if (request.n === 1) server.seat();
          break;
        }
        case 'applied': reply({ type: 'ok' }); server.seat(); break;
        case 'publish': reply({ type: 'published', track: server.publish(request.mid, request) }); break;
        case 'message': {
          reply({ type: 'ok' });
          server.say(server.self, server.name, request.body);
          break;
        }
        case 'close': server.close(request.pc); reply({ type: 'ok' }); break;
        case 'leave': reply({ type: 'left', reason: 'left' }); break;
        case 'ping': if (!server.deaf) reply({ type: 'ok' }); break;
        default: reply({ type: 'ok' });
      }
    },
    /** @param {string} from @param {string} name @param {string} body */
    say(from, name, body) {
      const message = { id: server.chat.length + 1, from, name, body, at: Date.now() };
      server.chat.push(message);
      server.tell({ type: 'message', ...message });
    },
    /** @param {any} request @param {(answer: any) => void} reply */
    async join(request, reply) {
      for (const pc of [...server.peers.keys()]) server.close(pc);
      server.self = `me${++server.selves}`;
      server.name = request.name;
      server.own.clear();
      const answers = [];
      for (const offer of request.offers) answers.push(await server.answer(offer));
      reply(server.snapshot(false, answers));
      server.seat();
    },
    /** @param {boolean} resumed @param {any[]} answers */
    snapshot(resumed, answers) {
      server.secret = `secret${++server.secrets}`;
      return {
        type: 'joined', session: server.secret, self: server.self, room: 'test', resumed, answers, messages: server.chat, iceServers: [], unavailable: [],
        permissions: { publish: ['microphone', 'camera', 'screen', 'screen_audio'], subscribe: true, chat: true, moderate: false },
        participants: [{ id: server.self, name: server.name, connected: true, tracks: [] },
          ...[...server.bots.values()].map(({ id, name, tracks }) => ({ id, name, connected: true, tracks: tracks.map((/** @type {any} */ t) => server.describe(id, t)) }))],
        bound: server.places.map(({ pc, mid, track }) => ({ pc, mid, track })),
      };
    },
    /** @param {any} offer */
    async answer({ pc, n, sdp, tracks = {} }) {
      let peer = server.peers.get(pc);
      if (!peer) {
        peer = new NativePeer({ bundlePolicy: 'max-bundle' });
        server.peers.set(pc, peer);
      }
      // As our server does: the client's address is learned from its own checks.
      await peer.setRemoteDescription({ type: 'offer', sdp: sdp.replace(/a=candidate:.*\r\n/g, '') });
      for (const transceiver of peer.getTransceivers()) {
        const { mid, sender, receiver } = transceiver;
        if (transceiver.direction === 'sendonly' || !sdp.split('\r\nm=').find((/** @type {string} */ m) => m.includes(`\r\na=mid:${mid}\r\n`))?.includes('a=recvonly')) continue;
        transceiver.direction = 'sendonly';
        server.places.push({ pc, mid, kind: receiver.track.kind, sender, track: null });
      }
      await peer.setLocalDescription();
      while (peer.iceGatheringState !== 'complete') await new Promise((resolve) => setTimeout(resolve, 20));
      /** @type {Record<string, string>} */
      const published = {};
      for (const [mid, announced] of Object.entries(tracks)) published[mid] = server.publish(mid, announced);
      return { pc, n, sdp: peer.localDescription.sdp, published };
    },
    /** @param {string} mid @param {any} announced */
    publish(mid, { source, muted = false }) {
      const id = `mine${++server.tracks}`;
      server.own.set(id, { mid, source, muted });
      return id;
    },
    /** @param {string} pc */
    close(pc) {
      server.peers.get(pc)?.close();
      server.peers.delete(pc);
      server.places = server.places.filter((place) => place.pc !== pc);
    },
    /** What arrives from the page, by m-line. */
    async received() {
      const all = [];
      for (const peer of server.peers.values()) {
        for (const entry of (await peer.getStats()).values()) {
          if (entry.type === 'inbound-rtp') all.push({ mid: entry.mid, kind: entry.kind, packets: entry.packetsReceived, frames: entry.framesDecoded ?? 0, energy: entry.totalAudioEnergy });
        }
      }
      return all;
    },
  };

  class LoopbackSocket extends EventTarget {
    static CONNECTING = 0;
    static OPEN = 1;
    static CLOSING = 2;
    static CLOSED = 3;
    readyState = 0;
    /** @type {any} */ onopen = null;
    /** @type {any} */ onmessage = null;
    /** @type {any} */ onclose = null;

    /** @param {string | URL} url @param {string} protocol */
    constructor(url, protocol) {
      super();
      this.url = String(url);
      this.protocol = protocol;
      setTimeout(() => {
        if (this.readyState !== 0) return;
        if (server.down || server.unavailable > 0) {
          this.drop(1006);
          return;
        }
        this.readyState = 1;
        server.socket = this;
        this.onopen?.(new Event('open'));
      }, 20);
    }

    /** @param {string} text */
    send(text) {
      if (this.readyState === 1 && !server.silent) server.handle(JSON.parse(text));
    }

    /** @param {any} message */
    deliver(message) {
      if (this.readyState === 1 && !server.silent) setTimeout(() => this.readyState === 1 && this.onmessage?.({ data: JSON.stringify(message) }), 5);
    }

    /** @param {number} code */
    drop(code) {
      if (this.readyState === 3) return;
      setTimeout(() => {
        this.readyState = 3;
        this.onclose?.({ code, reason: '' });
      }, 10);
    }

    /** @param {number} [code] */
    close(code = 1005) {
      this.drop(code);
    }
  }

  /** @type {RTCPeerConnection[]} */
  const pcs = [];
  let captures = 0;
  if (navigator.mediaDevices) {
    const { getUserMedia } = navigator.mediaDevices;
    navigator.mediaDevices.getUserMedia = function count(constraints) {
      captures++;
      return getUserMedia.call(this, constraints);
    };
  }
  Object.assign(window, {
    loopback: Object.assign(server, { pcs, captures: () => captures, NativeSocket }),
    WebSocket: LoopbackSocket,
    RTCPeerConnection: class extends NativePeer {
      /** @param {any} config */
      constructor(config) {
        super(config);
        pcs.push(this);
      }
    },
    /** @param {any} url @param {any} options */
    fetch(url, options) {
      if (!/\/v1\/rooms\//.test(String(url))) return nativeFetch(url, options);
      if (server.down) return Promise.reject(new TypeError('down'));
      if (server.unavailable > 0) {
        server.unavailable--;
        return Promise.resolve(new Response(JSON.stringify({ code: 'room_unavailable', message: 'as the test wishes', retryAfter: 500 }), { status: 503 }));
      }
      return Promise.resolve(new Response(JSON.stringify(server.info), { headers: { 'Content-Type': 'application/json' } }));
    },
  });
})();
