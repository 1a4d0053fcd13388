// Runs in the browser in place of boot.js: the call screen with people who are not there, for looking at it. The fragment says what to show.

import { Capture } from '../../static/capture.js';
import { IDLE } from '../../static/lifecycle.js';
import { Preferences } from '../../static/preferences.js';
import { emptyRoom, reduce } from '../../static/state.js';
import { Call } from '../../static/ui/call.js';
import { endedPage } from '../../static/ui/ended.js';
import { applyTheme } from '../../static/ui/theme.js';

const wish = new URLSearchParams(location.hash.slice(1));
/** @param {string} key @param {number} [otherwise] */
const number = (key, otherwise = 0) => Number(wish.get(key) ?? otherwise);
const NAMES = ['Grace Hopper', 'Alan', 'Hedy Lamarr', 'Radia Perlman', 'Ólafur Arnalds', '李小龍', 'Margaret Hamilton', 'Tim', 'Katherine Johnson', 'Karen Spärck Jones',
  'Édouard Branly', 'Mary Jackson', 'Guglielmo', 'Annie Easley', 'Claude Shannon', 'Evelyn Boyd Granville', 'Dorothy Vaughan', 'Nikola', 'Ada', 'Jean Bartik',
  'Betty Holberton', 'Shafi Goldwasser', 'Barbara Liskov', 'Ruchi', 'Sophie Wilson', 'Lynn Conway'];

/** A person as a moving picture. @param {number} i @param {boolean} [tall] */
function person(i, tall = false) {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = tall ? [360, 640] : [640, 360];
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  const { width, height } = canvas;
  const hue = (i * 47) % 360;
  const skin = ['#e8c4a2', '#8d5a3b', '#c99470', '#f0d5bd', '#5f3b25'][i % 5];
  const draw = () => {
    const sky = context.createLinearGradient(0, 0, width, height);
    sky.addColorStop(0, `hsl(${hue} 28% 62%)`);
    sky.addColorStop(1, `hsl(${hue + 40} 24% 38%)`);
    context.fillStyle = sky;
    context.fillRect(0, 0, width, height);
    context.fillStyle = 'rgb(255 255 255 / 12%)';
    context.fillRect(width * 0.06, height * 0.1, width * 0.2, height * 0.5);
    const x = width / 2 + Math.sin(performance.now() / 900 + i) * 6;
    const size = Math.min(width, height);
    context.fillStyle = `hsl(${hue + 180} 35% 34%)`;
    context.beginPath();
    context.ellipse(x, height * 1.02, size * 0.46, size * 0.4, 0, 0, 7);
    context.fill();
    context.fillStyle = skin;
    context.fillRect(x - size * 0.07, height * 0.52, size * 0.14, size * 0.2);
    context.beginPath();
    context.ellipse(x, height * 0.42, size * 0.16, size * 0.21, 0, 0, 7);
    context.fill();
    context.fillStyle = ['#2b2118', '#6b4a2a', '#111', '#8a8a8a'][i % 4];
    context.beginPath();
    context.ellipse(x, height * 0.3, size * 0.175, size * 0.13, 0, Math.PI, 0);
    context.fill();
  };
  draw();
  setInterval(draw, 500);
  return canvas.captureStream(2).getVideoTracks()[0];
}

/** A document, as one shares it. */
function sheet() {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [1280, 800];
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  const draw = () => {
    context.fillStyle = '#f7f7f5';
    context.fillRect(0, 0, 1280, 800);
    context.fillStyle = '#22303a';
    context.font = '600 44px sans-serif';
    context.fillText('Quarterly numbers', 90, 130);
    for (let i = 0; i < 9; i++) {
      context.fillStyle = '#b9c3c8';
      context.fillRect(90, 190 + i * 44, 420 - (i * 71) % 150, 14);
      context.fillStyle = ['#0b7a6b', '#56d3b8', '#4c5fc4'][i % 3];
      context.fillRect(640 + i * 62, 620 - ((i * 97) % 320) - 60, 40, ((i * 97) % 320) + 60);
    }
  };
  draw();
  setInterval(draw, 500);
  return canvas.captureStream(2).getVideoTracks()[0];
}

class FakeSession extends EventTarget {
  life = { ...IDLE, phase: /** @type {import('../../static/lifecycle.js').Phase} */ ('connected'), media: /** @type {import('../../static/lifecycle.js').Media} */ ('connected') };
  room = emptyRoom();
  /** @type {any[]} */ outbox = [];
  options = { room: wish.get('room') ?? 'quiet-harbor-42', name: 'Ada Lovelace' };
  /** @type {Map<string, any>} */ places = new Map();
  /** @type {Map<string, { muted: boolean, id: string }>} */ sent = new Map();
  frames = 0;
  /** @type {number | null} */ retryAt = null;
  messageId = 100;

  join() {}
  rejoin() {}
  nudge() {}
  subscribe() {}
  testing = false;

  get arriving() {
    const own = this.testing ? [...this.sent].map(([source, { id, muted }]) => ({ id, participant: 'echo', kind: source === 'microphone' ? 'audio' : 'video', source, muted, codec: '' })) : [];
    return [...[...this.room.tracks.values()].filter(({ participant }) => participant !== 'self'), ...own];
  }

  /** @param {boolean} on */
  test(on) {
    this.testing = on;
    this.changed();
  }
  show() {}
  useCodec() {}
  rename() {}
  remove() {}

  leave() {
    this.life = { ...this.life, phase: 'left' };
    this.changed();
  }

  /** @param {string} source @param {MediaStreamTrack} _track @param {{ muted?: boolean }} [options] */
  publish(source, _track, { muted = false } = {}) {
    this.sent.set(source, { muted, id: source });
    this.changed();
  }

  /** @param {string} source @param {boolean} muted */
  mute(source, muted) {
    this.publish(source, /** @type {any} */ (null), { muted });
  }

  /** @param {string} source */
  unpublish(source) {
    this.sent.delete(source);
    this.changed();
  }

  /** @param {string} source */
  publication(source) {
    return this.sent.get(source);
  }

  /** @param {string} id */
  isSelf(id) {
    return id === 'self';
  }

  /** @param {string} body */
  say(body) {
    this.hear({ type: 'message', id: this.messageId++, from: 'self', name: 'Ada Lovelace', body, at: Date.now() });
  }

  /** @param {string} track */
  seat(track) {
    return this.places.get(track);
  }

  async stats() {
    this.frames += 30;
    return [...this.places.values()].map(({ mid, moving }, i) => [i, { type: 'inbound-rtp', mid, packetsReceived: this.frames, framesDecoded: moving ? this.frames : 0 }])
      .reduce((map, [key, value]) => map.set(key, value), new Map());
  }

  /** @param {any} message */
  hear(message) {
    this.room = reduce(this.room, message, performance.now());
    this.changed();
  }

  changed() {
    this.dispatchEvent(new Event('change'));
  }
}

/** @param {FakeSession} session @param {string} id @param {string} participant @param {string} source @param {MediaStreamTrack | null} media @param {object} [more] */
function place(session, id, participant, source, media, more = {}) {
  const kind = source === 'microphone' ? 'audio' : 'video';
  session.hear({ type: 'track', id, participant, kind, source, muted: false, codec: kind === 'audio' ? 'opus' : 'VP8', ...more });
  if (!media) return;
  const mid = String(session.places.size);
  session.places.set(id, { key: `main/${mid}`, mid, pc: 'main', since: 1, media, moving: true, receiver: { getSynchronizationSources: () => [{ audioLevel: 0 }] } });
  session.hear({ type: 'slots', bound: [{ pc: 'main', mid, track: id }] });
  session.hear({ type: 'layers', layers: [{ pc: 'main', mid, track: id, sending: true }] });
}

/** @param {FakeSession} session */
function fill(session) {
  const count = number('n', 3);
  const silent = new AudioContext().createMediaStreamDestination().stream.getAudioTracks()[0];
  const room = { self: 'self', room: session.options.room, permissions: { moderate: wish.has('moderate') }, session: '', resumed: false };
  session.hear({ type: 'joined', ...room, participants: [{ id: 'self', name: 'Ada Lovelace', connected: true },
    ...Array.from({ length: count }, (_, i) => ({ id: `p${i}`, name: NAMES[i % NAMES.length], connected: true }))] });
  for (let i = 0; i < count; i++) {
    const id = `p${i}`;
    place(session, `a${i}`, id, 'microphone', silent, { muted: i % 3 === 1 });
    if (i % 4 === 2 && !wish.has('allpictures')) continue;
    place(session, `v${i}`, id, 'camera', person(i, i % 7 === 4));
  }
  if (wish.has('screen')) place(session, 'screen', 'p0', 'screen', sheet());
  if (wish.has('speaking')) session.places.get(`a${wish.get('speaking')}`).receiver = { getSynchronizationSources: () => [{ audioLevel: 0.3 }] };
  if (wish.has('reasons')) reasons(session);
  if (wish.has('messages')) messages(session);
}

/** Every way in which a picture can be missing. @param {FakeSession} session */
function reasons(session) {
  const stop = (/** @type {number} */ i, /** @type {any} */ reason) => session.hear({ type: 'layers', layers: [{ ...session.room.layers.get(`v${i}`), sending: false, reason }] });
  session.hear({ type: 'participant', id: 'p0', name: NAMES[0], connected: false });
  session.hear({ type: 'track', id: 'v1', participant: 'p1', kind: 'video', source: 'camera', muted: true, codec: 'VP8' });
  stop(3, 'keyframe');
  stop(4, 'congestion');
  stop(5, 'publisher');
  session.hear({ type: 'slots', bound: [{ pc: 'main', mid: session.places.get('v7').mid, track: null }, { pc: 'main', mid: session.places.get('v8').mid, track: null }],
    unavailable: [{ track: 'v7', reason: 'codec', codec: 'AV1' }, { track: 'v8', reason: 'slots' }] });
  session.hear({ type: 'layers', layers: [{ ...session.room.layers.get('v9'), sending: true, reason: 'congestion' }] });
}

/** @param {FakeSession} session */
function messages(session) {
  const said = [['p0', NAMES[0], 'Good morning! Can everyone hear me?'], ['self', 'Ada Lovelace', 'Loud and clear.'], ['p1', NAMES[1], 'The draft is at https://example.org/notes/quarterly?draft=2 (comments welcome).'],
    ['p2', NAMES[2], '<b>not bold</b> & <img src=x onerror=alert(1)>'], ['p0', NAMES[0], 'Let us begin with the numbers, and then take the questions from last week one after the other.']];
  for (const [i, [from, name, body]] of said.entries()) session.hear({ type: 'message', id: i, from, name, body, at: Date.now() + i * 1000 });
  session.outbox = [{ key: 1, body: 'On my way', at: Date.now() }, { key: 2, body: 'A very long one', at: Date.now(), fault: 'message_too_big' }];
}

/** The own picture comes back. @param {FakeSession} session @param {Capture} capture */
function echo(session, capture) {
  const media = /** @type {MediaStreamTrack} */ (capture.tracks.get('camera'));
  session.places.set('camera', { key: 'main/9', mid: '9', pc: 'main', since: 1, media, moving: true, receiver: { getSynchronizationSources: () => [] } });
  session.hear({ type: 'slots', bound: [{ pc: 'main', mid: '9', track: 'camera' }] });
  session.hear({ type: 'layers', layers: [{ pc: 'main', mid: '9', track: 'camera', sending: true }] });
  /** @type {HTMLElement} */ (document.querySelector('.alone button:last-child')).click();
}

/** @param {FakeSession} session */
function status(session) {
  const now = performance.now();
  const ago = (/** @type {number} */ s) => now - s * 1000;
  const life = session.life;
  switch (wish.get('status')) {
    case 'joining': session.life = { ...life, phase: 'joining', step: 'join', since: ago(1), stepSince: ago(1), media: 'none' }; break;
    case 'stuck': session.life = { ...life, phase: 'joining', step: 'ice', since: ago(14), stepSince: ago(13), media: 'ice' }; break;
    case 'reconnecting': session.life = { ...life, phase: 'resuming', step: 'socket', since: ago(6), stepSince: ago(6) }; break;
    case 'long': session.life = { ...life, phase: 'resuming', step: 'socket', since: ago(41), stepSince: ago(41) }; break;
    case 'moving': session.life = { ...life, phase: 'rejoining', cause: 'moved', step: 'join', since: ago(1), stepSince: ago(1), media: 'none' }; break;
    case 'lost': session.life = { ...life, phase: 'rejoining', cause: 'lost', step: 'socket', since: ago(14), stepSince: ago(14), media: 'none' }; break;
    case 'unavailable': {
      session.life = { ...life, phase: 'rejoining', cause: 'lost', step: 'socket', since: ago(9), stepSince: ago(9), media: 'none', fault: { code: 'room_unavailable', message: 'All servers are full at the moment; try again later.' } };
      session.retryAt = now + 8000;
      break;
    }
    case 'removed': session.life = { ...life, phase: 'failed', fault: { code: 'removed', message: '' } }; break;
    case 'full': session.life = { ...life, phase: 'failed', fault: { code: 'room_full', message: '' } }; break;
    case 'left': session.life = { ...life, phase: 'left' }; break;
  }
}

/** The server is gone, and the pictures with it. @param {FakeSession} session @param {() => void} then */
function part(session, then) {
  const began = performance.now();
  const timer = setInterval(() => {
    const seen = document.querySelectorAll('.tile.has-picture:not(.self)').length;
    if (seen < [...session.room.tracks.values()].filter(({ kind }) => kind === 'video').length && performance.now() - began < 5000) return;
    clearInterval(timer);
    session.dispatchEvent(new Event('parting'));
    session.places.clear();
    then();
    session.changed();
    document.body.dataset.parted = '';
  }, 50);
}

/** Everyone joins again under another id, and the last one does not. @param {FakeSession} session */
function comeBack(session) {
  const others = [...session.room.people.values()].filter(({ id }) => id !== 'self').slice(0, -1);
  session.hear({ type: 'joined', self: 'self', room: session.options.room, permissions: {}, session: '', resumed: false,
    participants: [{ id: 'self', name: 'Ada Lovelace', connected: true }, ...others.map(({ id, name }) => ({ id: `${id}again`, name, connected: true }))] });
}

async function begin() {
  const preferences = new Preferences(null);
  preferences.set('theme', /** @type {any} */ (wish.get('theme') ?? 'auto'));
  applyTheme(preferences);
  const session = new FakeSession();
  const capture = new Capture(/** @type {any} */ (Object.assign(new EventTarget(), {
    enumerateDevices: async () => [{ kind: 'videoinput', deviceId: 'c', label: 'Built-in camera' }, { kind: 'audioinput', deviceId: 'm', label: 'Headset microphone' },
      { kind: 'audiooutput', deviceId: 's', label: 'Headset' }],
    getUserMedia: async (/** @type {any} */ { video }) => new MediaStream([video ? person(17) : new AudioContext().createMediaStreamDestination().stream.getAudioTracks()[0]]),
    getDisplayMedia: async () => new MediaStream([sheet()]),
  })));
  const parted = ['moving', 'lost', 'unavailable'].includes(wish.get('status') ?? '');
  if (!parted) status(session);
  const app = /** @type {HTMLElement} */ (document.getElementById('app'));
  const root = new URL('..', import.meta.url);
  const ended = () => {
    const page = endedPage({ root, room: session.options.room, life: session.life, rejoin: () => {}, retry: () => {} });
    app.replaceChildren(page.element);
  };
  if (session.life.phase === 'failed' || session.life.phase === 'left') {
    ended();
    return;
  }
  if (session.life.phase !== 'joining') fill(session);
  const call = new Call({ session: /** @type {any} */ (session), capture, preferences, root, ended });
  app.replaceChildren(call.element);
  if (!wish.has('nocamera')) {
    for (const device of /** @type {const} */ (['microphone', 'camera'])) await capture.open(device);
  }
  if (wish.has('testing')) echo(session, capture);
  if (wish.has('sharing')) call.sources.toggleShare();
  if (wish.has('page')) for (let i = 0; i < number('page'); i++) /** @type {HTMLElement} */ (document.querySelector('.pager.next')).click();
  if (wish.has('panel')) call.toggle(/** @type {any} */ (wish.get('panel')));
  if (wish.has('note')) call.notes.say('The camera is gone. It was unplugged, or another program took it.');
  if (wish.has('settings')) call.settings.showModal();
  if (wish.has('help')) call.help.showModal();
  if (wish.has('menu')) /** @type {HTMLElement} */ (document.querySelector('.caret')).click();
  if (parted) part(session, () => status(session));
  if (wish.has('returning')) part(session, () => comeBack(session));
  call.update();
  Object.assign(window, { gallery: { call, session } });
}

begin();
