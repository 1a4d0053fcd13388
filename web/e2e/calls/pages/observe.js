// Runs in the page before the page does, and only looks: it keeps the connections that the page makes and asks the browser what they receive.
// Nothing in the product knows of it.

/**
 * @typedef {object} Reception what the browser counts for one remote track
 * @property {number} frames decoded @property {number} width @property {number} height @property {number} freezes
 * @property {number} energy of sound @property {number} packets @property {string} codec as in "VP8" @property {string} mid
 */

/** It is sent to the browser as text, so it stands alone. */
export function observe() {
  const Native = window.RTCPeerConnection;
  if (!Native || /** @type {any} */ (window).e2e) return;
  /** @type {RTCPeerConnection[]} */
  const connections = [];
  window.RTCPeerConnection = class extends Native {
    /** @param {RTCConfiguration} [config] */
    constructor(config) {
      super(config);
      connections.push(this);
    }
  };

  let asked = 0;
  const devices = navigator.mediaDevices;
  if (devices?.getUserMedia) {
    const ask = devices.getUserMedia.bind(devices);
    devices.getUserMedia = (constraints) => {
      asked++;
      return ask(constraints);
    };
  }

  /** @param {any} entry @param {RTCStatsReport} report @returns {Reception} */
  const readReception = (entry, report) => ({
    frames: entry.framesDecoded ?? 0, width: entry.frameWidth ?? 0, height: entry.frameHeight ?? 0, freezes: entry.freezeCount ?? 0,
    energy: entry.totalAudioEnergy ?? 0, packets: entry.packetsReceived ?? 0, mid: entry.mid ?? '',
    codec: /** @type {any} */ (report.get(entry.codecId))?.mimeType?.split('/')[1] ?? '',
  });

  /** Every stream that is sent or received now. @param {'inbound-rtp' | 'outbound-rtp'} type @param {'audio' | 'video'} kind */
  async function streams(type, kind) {
    /** @type {{ entry: any, report: RTCStatsReport }[]} */
    const found = [];
    for (const connection of connections) {
      if (connection.connectionState === 'closed') continue;
      const report = await connection.getStats();
      report.forEach((entry) => entry.type === type && entry.kind === kind && found.push({ entry, report }));
    }
    return found;
  }

  /** @param {string} label */
  const tileOf = (label) => [...document.querySelectorAll('[aria-label="People in the call"] > [aria-label]')].find((tile) => {
    const said = tile.getAttribute('aria-label') ?? '';
    return said === label || said.startsWith(`${label},`);
  });

  /** The picture in a tile, while it is seen. @param {string} label @returns {HTMLVideoElement | null} */
  const pictureOf = (label) => /** @type {HTMLVideoElement | null} */ (tileOf(label)?.querySelector('video:not([hidden])') ?? null);

  /** @param {HTMLMediaElement} element */
  const trackOf = (element) => /** @type {MediaStream | null} */ (element.srcObject)?.getTracks()[0];

  /** @param {MediaStreamTrack | undefined} track */
  const isRemote = (track) => track !== undefined && connections.some((connection) => connection.getReceivers().some((receiver) => receiver.track === track));

  /** When the pictures of a tile were presented. @type {Map<string, number[]>} */
  const presented = new Map();

  /** @param {string} label */
  function follow(label) {
    const times = presented.get(label);
    if (!times) return;
    const picture = pictureOf(label);
    if (!picture) {
      setTimeout(() => follow(label), 20);
      return;
    }
    let seen = false;
    const next = () => {
      if (seen) return;
      seen = true;
      follow(label);
    };
    picture.requestVideoFrameCallback((now) => {
      times.push(now);
      next();
    });
    // An element that is taken away never calls back.
    setTimeout(next, 1000);
  }

  let joinedAt = NaN;
  let firstPictureAt = NaN;
  document.addEventListener('submit', () => {
    joinedAt = performance.now();
    firstPictureAt = NaN;
  }, true);
  document.addEventListener('loadstart', ({ target }) => {
    if (!(target instanceof HTMLVideoElement) || !isRemote(trackOf(target))) return;
    target.requestVideoFrameCallback(() => {
      if (Number.isNaN(firstPictureAt)) firstPictureAt = performance.now();
    });
  }, true);

  /** What tests ask. */
  const e2e = {
    /** What everyone can read of the tiles. */
    tiles: () => [...document.querySelectorAll('[aria-label="People in the call"] > [aria-label]')].map((tile) => tile.getAttribute('aria-label')),

    /** The remote picture that a tile shows. @param {string} label @returns {Promise<Reception | null>} */
    async picture(label) {
      const picture = pictureOf(label);
      const track = picture && trackOf(picture);
      if (!track) return null;
      for (const { entry, report } of await streams('inbound-rtp', 'video')) if (entry.trackIdentifier === track.id) return readReception(entry, report);
      return null;
    },

    /** Whether a tile shows a picture that comes from no network. @param {string} label */
    own(label) {
      const picture = pictureOf(label);
      return picture !== null && picture.videoWidth > 0 && !isRemote(trackOf(picture));
    },

    /** Every voice that plays and has ever sent a packet. @returns {Promise<Reception[]>} */
    async voices() {
      const playing = new Set([...document.querySelectorAll('audio')].filter(({ paused, muted }) => !paused && !muted).map((element) => trackOf(element)?.id));
      return (await streams('inbound-rtp', 'audio')).filter(({ entry }) => playing.has(entry.trackIdentifier) && entry.packetsReceived > 0)
        .map(({ entry, report }) => readReception(entry, report));
    },

    /** How many packets have ever arrived. */
    async arrived() {
      const all = [...await streams('inbound-rtp', 'audio'), ...await streams('inbound-rtp', 'video')];
      return all.reduce((sum, { entry }) => sum + entry.packetsReceived, 0);
    },

    /** What is sent, by rid. */
    async sent() {
      return (await streams('outbound-rtp', 'video')).map(({ entry, report }) => ({
        rid: entry.rid ?? '', frames: entry.framesEncoded ?? 0, width: entry.frameWidth ?? 0, height: entry.frameHeight ?? 0, active: entry.active !== false,
        codec: /** @type {any} */ (report.get(entry.codecId))?.mimeType?.split('/')[1] ?? '',
      }));
    },

    /** How often the page asked for devices. */
    asked: () => asked,

    /** How often each connection was made. */
    connections: () => connections.length,

    /** Begins to note when a tile's pictures are presented. @param {string} label */
    watch(label) {
      const fresh = !presented.has(label);
      presented.set(label, []);
      if (fresh) follow(label);
    },

    /** @param {string} label @returns {{ frames: number, longest: number }} the longest time without a new picture since watch(), ms */
    gaps(label) {
      const times = presented.get(label) ?? [];
      const all = [...times, performance.now()];
      const longest = all.slice(1).reduce((most, time, i) => Math.max(most, time - all[i]), 0);
      return { frames: times.length, longest };
    },

    /** From the press of Join to the first picture of someone else, ms; null until it is there. */
    joinTime: () => (firstPictureAt - joinedAt > 0 ? firstPictureAt - joinedAt : null),
  };
  Object.assign(window, { e2e });
}
