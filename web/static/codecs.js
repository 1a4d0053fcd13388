// Which codecs a connection offers. Pure, apart from asking the browser for its capabilities once.
//
// Browsers list some twenty payload types by default; an offer with slots then grows fourfold and negotiation tenfold, so everything that the
// server does not forward is left out.

/** @typedef {{ mimeType: string, clockRate: number, channels?: number, sdpFmtpLine?: string, scalabilityModes?: string[] }} Codec */
/** @typedef {'VP8' | 'VP9' | 'H264' | 'AV1'} VideoCodecName */

export const VIDEO_CODECS = Object.freeze(['VP8', 'VP9', 'H264', 'AV1']);

/** @param {Codec} codec the short name, such as VP8 */
export const codecName = (codec) => codec.mimeType.slice(codec.mimeType.indexOf('/') + 1).toUpperCase();

/** @param {string | undefined} fmtp @param {string} key */
function parameter(fmtp, key) {
  for (const part of (fmtp ?? '').split(';')) {
    const [name, value] = part.trim().split('=');
    if (name.toLowerCase() === key) return value?.toLowerCase();
  }
  return undefined;
}

/** The server forwards one flavour of each codec. @param {Codec} codec */
export function isForwarded(codec) {
  switch (codecName(codec)) {
    case 'OPUS': case 'VP8': case 'AV1': return true;
    case 'VP9': return (parameter(codec.sdpFmtpLine, 'profile-id') ?? '0') === '0';
    case 'H264':
      return parameter(codec.sdpFmtpLine, 'packetization-mode') === '1'
        && (parameter(codec.sdpFmtpLine, 'profile-level-id') ?? '').startsWith('42e0');
    default: return false;
  }
}

/**
 * The codecs for an m-line, in the order of `names`, each once, with the retransmission format last.
 * @template {Codec} T
 * @param {T[]} capabilities what the browser has @param {readonly string[]} names e.g. ['VP8']; in capitals
 * @returns {T[]} empty when the browser has none of them
 */
export function preferences(capabilities, names) {
  /** @type {T[]} */
  const chosen = [];
  for (const name of names) {
    const found = capabilities.find((codec) => codecName(codec) === name && isForwarded(codec));
    if (found) chosen.push(found);
  }
  if (chosen.length === 0) return [];
  const rtx = capabilities.find((codec) => codecName(codec) === 'RTX');
  return rtx ? [...chosen, rtx] : chosen;
}

/**
 * The codec to publish with: what the person asked for if the browser and the server have it, else the operator's first choice that works.
 * @param {{ wanted?: string, server?: string[], capabilities: Codec[] }} choice @returns {string | undefined}
 */
export function choosePublishCodec({ wanted, server = [...VIDEO_CODECS], capabilities }) {
  const usable = server.map((name) => name.toUpperCase()).filter((name) => preferences(capabilities, [name]).length > 0);
  return usable.find((name) => name === wanted?.toUpperCase()) ?? usable[0];
}

/** The scalability modes that the browser says it has for a codec; empty when it does not say. @param {Codec[]} capabilities @param {string} name */
export function scalabilityModes(capabilities, name) {
  return capabilities.find((codec) => codecName(codec) === name && isForwarded(codec))?.scalabilityModes ?? [];
}

/** What this browser can send or receive. @param {'send' | 'receive'} direction @param {'audio' | 'video'} kind @returns {Codec[]} */
export function capabilitiesOf(direction, kind) {
  const api = direction === 'send' ? globalThis.RTCRtpSender : globalThis.RTCRtpReceiver;
  return api?.getCapabilities?.(kind)?.codecs ?? [];
}
