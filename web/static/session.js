// A person's presence in a room: the API that a user interface uses. It joins the socket, the connection and the state, and does what the
// lifecycle says. Nothing here touches the document.
//
// Events: `change` (something of life, room, local or outbox is new), `notice` (detail: {code, message, source?}: a refusal that ends nothing),
// `parting` (told at once: a connection is about to be closed, and the last pictures that came on it can be kept now).

import { Approach } from './approach.js';
import { capabilitiesOf, choosePublishCodec } from './codecs.js';
import { realClock } from './clock.js';
import { Connection } from './connection.js';
import { Echo } from './echo.js';
import { audioPlan, cameraPlan, screenPlan } from './encodings.js';
import { Entrance } from './entrance.js';
import { IDLE, advance, isLive } from './lifecycle.js';
import { Silence } from './liveness.js';
import { Outbox } from './outbox.js';
import { Media } from './media.js';
import { VERSION } from './protocol.js';
import { passed } from './returning.js';
import { fetchRoom, signalURL } from './rooms.js';
import { RequestError, Socket } from './socket.js';
import { emptyRoom, reduce } from './state.js';
import { ViewTeller } from './views.js';

/** @typedef {import('./protocol.js').Source} Source */
/** @typedef {import('./protocol.js').Joined} Joined */
/** @typedef {import('./protocol.js').RoomInfo} RoomInfo */
/** @typedef {import('./lifecycle.js').LifeEvent} LifeEvent */

const CLIENT = { name: 'sfu-web', version: '1' };
const TICK = 500;

/** What a session is made of; tests hand in their own. */
export const browserParts = {
  clock: realClock,
  fetchRoom,
  /** @param {URL} url @returns {Socket} */
  makeSocket: (url) => new Socket(url, VERSION),
  /** @param {string} name @param {RTCConfiguration} config @returns {Connection} */
  makeConnection: (name, config) => new Connection(name, config),
  /** @returns {import('./codecs.js').Codec[]} */
  videoCapabilities: () => capabilitiesOf('send', 'video'),
};

export class Session extends EventTarget {
  life = IDLE;
  room = emptyRoom();
  /** @type {import('./protocol.js').MediaStatus | null} what the server last said of our connection */ mediaStatus = null;
  #echo = new Echo((wanted, tracks) => this.subscribe(wanted, tracks));

  #socket;
  #media;
  #entrance;
  #approach;
  #silence = new Silence();
  #secret = '';
  #welcomed = false;
  /** How many times entering was begun. */ #attempt = 0;
  /** Every id that we have had in this room. @type {Set<string>} */ #selves = new Set();
  #viewTeller;
  #outbox;
  /** @type {() => void} */ #cancelTick = () => {};
  #changed = false;

  /**
   * @param {{ root: URL, room: string, name?: string, token?: string, codec?: string, subscribe?: 'auto' | 'manual', info?: RoomInfo }} options
   * @param {typeof browserParts} [parts]
   */
  constructor({ root, room, name = '', token, codec, subscribe = 'auto', info }, parts = browserParts) {
    super();
    this.options = { root, room, name, token, codec, subscribe };
    this.parts = parts;
    this.#entrance = new Entrance({
      clock: parts.clock, ask: () => parts.fetchRoom(root, room, { token: this.options.token }), open: (slots) => this.#media.open(slots),
    });
    if (info) this.#entrance.know(info);
    /** @param {import('./protocol.js').Request} message */
    const request = (message) => this.#request(message);
    this.#outbox = new Outbox(request, () => this.#change());
    this.#viewTeller = new ViewTeller(parts.clock, (tracks) => this.#tellViews(tracks));
    this.#media = new Media(parts.makeConnection, {
      request,
      config: () => ({ iceServers: this.info?.iceServers ?? [] }),
      plan: (source, track) => this.#plan(source, track),
      linked: (state) => this.#happened({ type: 'media', state }),
      over: () => this.#happened({ type: 'over' }),
      parting: () => this.dispatchEvent(new Event('parting')),
      notice: (detail) => this.#notice(detail),
      changed: () => this.#change(),
      clock: parts.clock,
    });
    this.#socket = parts.makeSocket(signalURL(root, room, info?.signal));
    this.#socket.silent = () => this.#silence.look(this, parts.clock);
    this.#approach = new Approach({
      socket: this.#socket, entrance: this.#entrance, root, room, seated: () => this.life.seated, refused: (why) => this.#happened({ type: 'refused', ...why }),
    });
    this.#socket.addEventListener('open', () => this.#happened({ type: 'open' }));
    this.#socket.addEventListener('lost', (event) => this.#socketLost(/** @type {CustomEvent} */ (event).detail));
    this.#socket.addEventListener('message', (event) => this.#receive(/** @type {CustomEvent} */ (event).detail));
  }

  /** What the server told of the room before one entered. @returns {RoomInfo | null} */
  get info() {
    return this.#entrance.info;
  }

  // What the person does.

  /** Enters the room, or enters it again after the end. */
  join() {
    if (isLive(this.life)) return;
    this.#happened({ type: 'join' });
    this.#tick();
  }

  /** Gives up on what is being tried, and begins anew. */
  rejoin() {
    if (this.life.seated) this.#socket.send({ type: 'leave' });
    if (isLive(this.life)) this.#happened({ type: 'leave' });
    this.join();
  }

  leave() {
    this.#socket.send({ type: 'leave' });
    this.#happened({ type: 'leave' });
  }

  /** @param {Source} source @param {MediaStreamTrack} track @param {{ muted?: boolean }} [options] */
  publish(source, track, { muted = false } = {}) {
    track.enabled = !muted;
    this.#media.publications.set(source, track, muted);
    this.#change();
  }

  /** @param {Source} source @param {boolean} muted */
  mute(source, muted) {
    this.#media.publications.mute(source, muted);
    this.#change();
  }

  /** @param {Source} source */
  unpublish(source) {
    this.#media.publications.end(source);
    this.#change();
  }

  /** Whether and how a source is sent. @param {Source} source @returns {{ muted: boolean, id: string | null } | undefined} */
  publication(source) {
    const want = this.#media.publications.get(source);
    return want && { muted: want.muted, id: want.id };
  }

  /** @param {string | undefined} codec */
  useCodec(codec) {
    this.options.codec = codec;
    this.#media.publications.plan();
  }

  /** The codec that a camera is sent with. */
  get publishCodec() {
    return choosePublishCodec({
      wanted: this.options.codec, server: this.info?.codecs?.video, capabilities: this.parts.videoCapabilities(),
    });
  }

  /** What was typed and is not yet confirmed. */
  get outbox() {
    return this.#outbox.pending;
  }

  /** @param {string} body @param {string} [to] */
  say(body, to) {
    this.#outbox.say(body, to);
  }

  /** @param {string} name */
  rename(name) {
    this.options.name = name;
    if (!this.life.seated) return;
    this.#ask({ type: 'rename', name });
  }

  /** @param {string} participant */
  remove(participant) {
    this.#ask({ type: 'remove', participant });
  }

  /** @param {boolean} wanted @param {string[]} tracks */
  subscribe(wanted, tracks) {
    this.#ask({ type: wanted ? 'subscribe' : 'unsubscribe', tracks });
  }

  /** Sees and hears oneself as others would, while nobody else is there. @param {boolean} on */
  test(on) {
    if (on) this.#echo.start();
    else this.#echo.stop();
    this.#change();
  }

  get testing() {
    return this.#echo.on;
  }

  /** Every track that may arrive here: those of others, and one's own that come back. */
  get arriving() {
    return [...[...this.room.tracks.values()].filter(({ participant }) => participant !== this.room.self), ...this.#echo.tracks];
  }

  /** How large everything is shown; only changes are told, a moment later. @param {Map<string, import('./protocol.js').View>} views by track */
  show(views) {
    this.#viewTeller.show(views);
  }

  /** Whether an id is ours, or was before a rejoin. @param {string} id */
  isSelf(id) {
    return this.#selves.has(id);
  }

  /** Where a remote track arrives. @param {string} track */
  seat(track) {
    return this.#media.slots.of(track);
  }

  /** @returns {Promise<RTCStatsReport | null>} */
  stats() {
    return this.#media.stats();
  }

  /** When the server is tried again, by the clock of the parts; null while that is not planned. */
  get retryAt() {
    return this.#socket.retryAt;
  }

  /** The network, or the page, came back: no reason to wait any longer. */
  nudge() {
    this.#socket.nudge();
    this.#happened({ type: 'network' });
  }

  // What happens.

  /** @param {LifeEvent} event */
  #happened(event) {
    const before = this.life;
    const [life, effects] = advance(before, event, this.parts.clock.now());
    this.life = life;
    if (life.phase !== before.phase || life.step !== before.step) {
      console.info('session', life.phase, life.step ?? '', 'because of', event.type, life.fault?.code ?? '');
    }
    for (const effect of effects) this.#do(effect);
    if (life !== before) this.#change();
  }

  /** @param {import('./lifecycle.js').Effect} effect */
  #do(effect) {
    switch (effect.do) {
      case 'connect': this.#approach.connect(effect); break;
      case 'greet': this.#greet(effect.with); break;
      case 'restart-ice': this.#media.restart(); break;
      case 'replace-media': this.#media.replace(this.#entrance.slots); break;
      case 'stop': this.#stop(); break;
    }
  }

  /** @param {'join' | 'resume'} how */
  async #greet(how) {
    try {
      const joined = how === 'resume' ? await this.#socket.request({ type: 'resume', session: this.#secret }) : await this.#enter();
      if (joined) await this.#welcome(joined);
    } catch (error) {
      const { code, message, retryAfter } = error instanceof RequestError ? error : new RequestError('internal', String(error));
      if (code === 'socket_lost') return;
      if (!(error instanceof RequestError)) console.error('join', error);
      this.#happened({ type: 'refused', code, message, retryAfter });
    }
  }

  /** @returns {Promise<Joined>} */
  async #enter() {
    const attempt = ++this.#attempt;
    const made = this.#entrance.offer();
    const offer = await made;
    if (this.#media.name !== offer.pc) this.#entrance.drop(made);
    // Two sockets may have waited for one offer; only the later one is there.
    if (this.#media.name !== offer.pc || attempt !== this.#attempt) throw new RequestError('socket_lost', 'overtaken');
    const { name, token, subscribe } = this.options;
    return this.#socket.request({ type: 'join', token, name, offers: [offer], subscribe, client: CLIENT });
  }

  /** @param {Joined} joined */
  async #welcome(joined) {
    const before = this.room.messages;
    this.#secret = joined.session;
    this.#selves.add(joined.self);
    this.#entrance.renew(joined.iceServers);
    this.#socket.settled();
    this.#welcomed = true;
    this.#echo.anew(joined.resumed);
    this.#receive(joined);
    this.#entrance.done();
    this.#happened({ type: 'joined' });
    for (const answer of joined.answers ?? []) await this.#media.accept(answer);
    if (joined.resumed) this.#media.resume(joined.answers ?? []);
    this.#outbox.replay(before, joined.messages ?? [], this.#selves);
    this.#viewTeller.anew();
    this.#change();
  }

  /** @param {{ code: number, opened: boolean, reason: string }} why */
  #socketLost({ code, opened, reason }) {
    this.#welcomed = false;
    this.#media.interrupt();
    this.#happened({ type: 'lost', code });
    if (!opened && reason !== 'reconnect' && isLive(this.life)) this.#approach.ask();
  }

  /** @param {import('./protocol.js').ServerMessage} message */
  #receive(message) {
    const { clock } = this.parts;
    this.room = reduce(this.room, message, clock.now());
    switch (message.type) {
      case 'joined': this.#media.slots.bind(this.room.bound, clock.now()); break;
      case 'slots':
        this.#media.slots.bind(this.room.bound, clock.now());
        if (message.need) this.#media.grow(message.need, this.info?.limits?.slots);
        break;
      case 'media': this.#mediaStatus(message); break;
      case 'left': this.#happened({ type: 'left', reason: message.reason, code: message.code, message: message.message }); break;
      case 'answer': this.#media.accept(message).catch((error) => console.error('apply an answer', error)); break;
      case 'error': this.#notice(message); break;
    }
    this.#change();
  }

  /** @param {import('./protocol.js').MediaStatus} status */
  #mediaStatus(status) {
    if (status.pc !== this.#media.name) return;
    this.mediaStatus = status;
    if (status.code) this.#notice({ code: status.code, message: status.message ?? '' });
    // The server gives up before the browser does, and for good.
    if (status.state === 'failed' || status.state === 'closed') this.#happened({ type: 'over' });
  }

  #stop() {
    this.#welcomed = false;
    this.#socket.close();
    this.#media.close();
    this.#entrance.done();
    this.#secret = '';
    this.#echo.stop();
    this.#cancelTick();
    this.#viewTeller.stop();
    this.room = { ...emptyRoom(), self: this.room.self, room: this.room.room, permissions: this.room.permissions, messages: this.room.messages };
  }

  #tick() {
    this.#cancelTick();
    this.#cancelTick = this.parts.clock.after(TICK, () => {
      this.#happened({ type: 'tick' });
      const room = passed(this.room, this.parts.clock.now());
      if (room !== this.room) this.#change();
      this.room = room;
      if (isLive(this.life)) this.#tick();
    });
  }

  /** @param {import('./protocol.js').View[]} views */
  #tellViews(views) {
    if (!this.#welcomed) return false;
    const arriving = new Set(this.arriving.map(({ id }) => id));
    const tracks = views.filter(({ track }) => arriving.has(track));
    if (tracks.length > 0) this.#ask({ type: 'view', tracks });
    return true;
  }

  /** Anything before the welcome is against the protocol, and waits as it would for a lost socket. @param {import('./protocol.js').Request} message */
  #request(message) {
    return this.#welcomed ? this.#socket.request(message) : Promise.reject(new RequestError('socket_lost', 'not in the room'));
  }

  /** A request whose refusal is worth a word and nothing more. @param {import('./protocol.js').Request} message */
  #ask(message) {
    this.#request(message).catch(({ code, message: sentence }) => {
      // Between our word and theirs, what it was about may be gone.
      if (code !== 'socket_lost' && code !== 'not_found' && code !== 'no_match') this.#notice({ code, message: sentence });
    });
  }

  /** @param {{ code: string, message: string, source?: Source }} detail */
  #notice(detail) {
    this.dispatchEvent(new CustomEvent('notice', { detail }));
    this.#change();
  }

  /** @param {Source} source @param {MediaStreamTrack} track */
  #plan(source, track) {
    if (track.kind === 'audio') return audioPlan(source);
    const height = track.getSettings().height ?? 720;
    const make = source === 'screen' ? screenPlan : cameraPlan;
    return make({ height, codec: this.publishCodec ?? 'VP8', capabilities: this.parts.videoCapabilities() });
  }

  /** Changes come in bursts; they are told once each. */
  #change() {
    if (this.#changed) return;
    this.#changed = true;
    queueMicrotask(() => {
      this.#changed = false;
      this.#echo.follow(this.#media.publications.all, this.room.people.size, this.#welcomed);
      this.dispatchEvent(new Event('change'));
    });
  }
}
