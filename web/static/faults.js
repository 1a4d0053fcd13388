// A plain sentence for everything that can go wrong, and what to do about it. Pure.

/** What the page offers as the next step. @typedef {'retry' | 'rejoin' | 'landing' | 'none'} Action */
/** @typedef {{ sentence: string, action: Action }} Advice */

/** @type {(action: Action, sentence: string) => Advice} */
const advice = (action, sentence) => ({ sentence, action });

/** Every code of the protocol, and those that the page makes itself. @type {Map<string, Advice>} */
const CODES = new Map(Object.entries({
  bad_request: advice('rejoin', 'The server did not understand this page. Reload it; it may be older than the server.'),
  bad_message: advice('rejoin', 'The server did not understand this page. Reload it; it may be older than the server.'),
  message_too_big: advice('none', 'That message is too long. Send it in parts.'),
  message_timeout: advice('rejoin', 'Your connection is so slow that a message to the server did not arrive whole.'),
  limit_reached: advice('none', 'You have as many pictures and sounds in this room as one person may have.'),
  unsupported: advice('none', 'The server does not know this function.'),
  unsupported_version: advice('retry', 'The page and the server speak different versions. Reload the page.'),
  hello_timeout: advice('rejoin', 'Joining took too long. Your connection or this computer may be very slow.'),
  bad_state: advice('rejoin', 'The page and the server disagree about where things stand. Rejoin to set it right.'),
  bad_room_name: advice('landing', 'No room can have this name. Letters, digits, hyphens and underscores work, up to 64 of them.'),
  bad_name: advice('none', 'This name cannot be used. Choose one of at most 64 characters.'),
  bad_sdp: advice('rejoin', 'The browser and the server could not agree on how to send sound and pictures.'),
  too_many_candidates: advice('rejoin', 'This browser lists too many network addresses.'),
  too_many_streams: advice('rejoin', 'This page sent more streams than it may, and its connection was closed.'),
  no_match: advice('rejoin', 'An answer of the server came too late. Rejoin if something is missing.'),
  not_found: advice('none', 'That person or picture is no longer there.'),
  not_allowed: advice('none', 'Your invitation does not permit this.'),
  origin_not_allowed: advice('none', 'This page may not use this server. Open the room on the server’s own page.'),
  token_required: advice('landing', 'This server lets in only people with an invitation. Open the link you were sent.'),
  token_invalid: advice('landing', 'Your invitation is not valid. Ask for a new link.'),
  token_expired: advice('landing', 'Your invitation has expired. Ask for a new link.'),
  token_not_yet_valid: advice('retry', 'Your invitation is not valid yet. Try again at the time of the meeting.'),
  token_used: advice('landing', 'Your invitation was used before, and it works only once. Ask for a new link.'),
  room_not_allowed: advice('landing', 'Your invitation is for another room.'),
  identity_in_use: advice('rejoin', 'Someone with your invitation is in the room already, perhaps you in another window.'),
  resume_invalid: advice('rejoin', 'You were away too long, and your place was given up.'),
  room_full: advice('rejoin', 'The room is full. Try again when someone has left.'),
  overloaded: advice('rejoin', 'The server is busy. Trying again in a moment.'),
  draining: advice('rejoin', 'The server is about to restart. Trying again in a moment.'),
  room_unavailable: advice('rejoin', 'The server cannot open this room at the moment. Try again in a little while.'),
  rate_limited: advice('rejoin', 'That was too much at once. Wait a moment.'),
  bitrate_limited: advice('none', 'You are sending more than this server allows, so your picture is thinned out.'),
  codec_unsupported: advice('none', 'The server cannot pass on the video codec that was chosen. Choose another one in the settings.'),
  data_channels_unsupported: advice('none', 'The server does not offer data channels.'),
  slow_consumer: advice('rejoin', 'This page could not keep up with the server’s messages.'),
  moved: advice('rejoin', 'This call has moved to another server.'),
  replaced: advice('rejoin', 'You joined from another window or device, so this one was disconnected.'),
  removed: advice('landing', 'A moderator removed you from the room.'),
  shutdown: advice('rejoin', 'The server was shut down.'),
  internal: advice('rejoin', 'Something went wrong in the server. It has been noted there.'),
  server_unreachable: advice('retry', 'The server does not answer. It may be down, or your network does not let this page through.'),
  socket_lost: advice('retry', 'The connection to the server was lost.'),
}));

/** Every code that there is a sentence for. */
export const KNOWN_CODES = Object.freeze([...CODES.keys()]);

/**
 * What to tell a person of a refusal. An unknown code shows the server's own sentence.
 * @param {{ code: string, message?: string }} fault @returns {Advice}
 */
export function adviceFor({ code, message }) {
  return CODES.get(code) ?? advice('rejoin', message || `The server refused (${code}).`);
}

/** What a step of joining that takes too long most likely means. @type {Record<import('./lifecycle.js').Step, string>} */
export const STUCK = {
  socket: 'The server does not answer. It may be down, or a firewall or proxy on the way does not let WebSockets through.',
  join: 'The server accepted the connection but has not let you in yet. It may be very busy.',
  ice: 'The path for sound and pictures does not open. A firewall probably blocks it; another network or a VPN switched off may help.',
  dtls: 'A path to the server was found, but encryption cannot be agreed on. Something on the way may be interfering.',
  media: 'You are connected, but nothing of what the server sends arrives. A firewall on the way may be dropping it.',
};

/** What is being done in a step. @type {Record<import('./lifecycle.js').Step, string>} */
export const DOING = {
  socket: 'Calling the server',
  join: 'Entering the room',
  ice: 'Opening a path for sound and pictures',
  dtls: 'Agreeing on encryption',
  media: 'Waiting for sound and pictures',
};

/** @typedef {'camera' | 'microphone' | 'screen'} Device */
/** @type {Record<Device, string>} */
const THE = { camera: 'the camera', microphone: 'the microphone', screen: 'the screen' };

/**
 * Why a device could not be opened. The code is for tests and styling; null when the person simply changed their mind.
 * @param {{ name?: string, message?: string }} error as thrown by getUserMedia or getDisplayMedia @param {Device} device
 * @returns {{ code: string, sentence: string } | null}
 */
export function deviceFault({ name = '', message = '' }, device) {
  const what = THE[device];
  switch (name) {
    case 'NotAllowedError':
    case 'SecurityError':
      if (/system/i.test(message)) {
        return { code: 'denied_by_system', sentence: `The operating system does not let this browser use ${what}. Allow it in the system’s privacy settings.` };
      }
      if (device === 'screen') return null;
      if (/policy|disallowed|document/i.test(message)) {
        return { code: 'denied_by_page', sentence: `The page around this one does not let it use ${what}. Its frame needs allow="camera; microphone; display-capture".` };
      }
      return { code: 'denied', sentence: `The browser does not let this page use ${what}. Click the icon beside the address, allow it, and try again.` };
    case 'NotFoundError':
    case 'DevicesNotFoundError':
      return device === 'screen' ? { code: 'not_found', sentence: 'There is nothing here that could be shared.' }
        : { code: 'not_found', sentence: `No ${device} was found. Plug one in, or join without it.` };
    case 'NotReadableError':
    case 'TrackStartError':
    case 'AbortError':
      return { code: 'not_readable', sentence: `${capital(what)} cannot be started. Another program may be using it; close that and try again.` };
    case 'OverconstrainedError':
    case 'ConstraintNotSatisfiedError':
      return { code: 'overconstrained', sentence: `${capital(what)} that was chosen is gone or cannot do what was asked. Choose another one.` };
    case 'InsecureContextError':
      return { code: 'insecure', sentence: `Browsers give ${what} only to secure pages. Open this page with https://, or on this computer as localhost.` };
    case 'NotSupportedError':
      return { code: 'not_supported', sentence: device === 'screen' ? 'This browser cannot share a screen.' : `This browser cannot use ${what}.` };
    default:
      return { code: 'unknown', sentence: `${capital(what)} cannot be opened${message ? `: ${message}` : '.'}` };
  }
}

/** @param {string} text */
const capital = (text) => text[0].toUpperCase() + text.slice(1);
