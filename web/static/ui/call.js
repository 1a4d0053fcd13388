// The call screen: joins the parts below ui/ with the session. State comes in through update(), which runs at most once per frame; what a
// person does goes out to the session.

import { adviceFor } from '../faults.js';
import { whyNoPicture } from '../health.js';
import { actionFor } from '../keys.js';
import { isLive } from '../lifecycle.js';
import { keyOf, participantOf, presence } from '../returning.js';
import { roomPage } from '../rooms.js';
import { layerOf } from '../state.js';
import { statusOf } from '../status.js';
import { comingsAndGoings, echoTile, isPerson, tilesOf } from '../tiles.js';
import { viewsOf } from '../views.js';
import { createAlone } from './alone.js';
import { createAnnouncer, createBanner, createNotes } from './banner.js';
import { createChat, linesOf } from './chat.js';
import { createControls } from './controls.js';
import { helpDialog, settingsDialog } from './dialogs.js';
import { h, icon } from './dom.js';
import { Monitor } from './monitor.js';
import { createPeople } from './people.js';
import { copyText, senses } from './senses.js';
import { Sound } from './sound.js';
import { Sources } from './sources.js';
import { Stage } from './stage.js';

/** @typedef {import('../session.js').Session} Session */
/** @typedef {import('../tiles.js').TileModel} TileModel */

const ALL_SOURCES = ['microphone', 'camera', 'screen', 'screen_audio'];
/** Refusals that are the page's own business. */
const QUIET_CODES = new Set(['no_match', 'not_found', 'socket_lost']);

export class Call {
  /** @type {'chat' | 'people' | null} */ #panel = null;
  /** When the last message was said that was seen, and that was read out; by the server's clock. */
  #seenAt = -1;
  #spokenAt = -1;
  #frame = 0;
  /** @type {Map<string, { name: string }>} */ #people = new Map();
  /** A test that was begun here, and not ended here. */
  #testing = false;
  #stopped = false;

  /**
   * @param {object} parts
   * @param {Session} parts.session @param {import('../capture.js').Capture} parts.capture
   * @param {import('../preferences.js').Preferences} parts.preferences @param {URL} parts.root @param {() => void} parts.ended
   */
  constructor({ session, capture, preferences, root, ended }) {
    this.session = session;
    this.capture = capture;
    this.preferences = preferences;
    this.root = root;
    this.ended = ended;
    this.changed = () => {
      this.#frame ||= requestAnimationFrame(() => this.update());
      // A hidden page gets no frames, but its pictures must be told to rest, and its end must be seen.
      if (document.hidden) this.update();
    };
    this.notes = createNotes();
    this.polite = createAnnouncer('polite');
    this.sources = new Sources({ session, capture, preferences, say: (sentence) => this.notes.say(sentence) });
    this.sound = new Sound(this.changed);
    this.sound.useSpeaker(preferences.get('speaker'));
    this.stage = new Stage({ changed: this.changed, showSelf: () => preferences.get('showSelf'), people: () => this.toggle('people') });
    this.monitor = new Monitor(session, { changed: this.changed, pictureOf: (track) => this.stage.pictureOf(track) });
    this.banner = createBanner((action) => (action === 'hear' ? this.sound.unblock() : session.rejoin()));
    this.chat = createChat({ say: (body) => session.say(body), close: () => this.toggle(null) });
    this.people = createPeople({
      close: () => this.toggle(null), pin: (key) => this.stage.togglePin(key), remove: (key) => session.remove(participantOf(session.room, key)), invite: () => this.invite(),
    });
    /** @param {import('./devices.js').Kind} kind @param {string} id */
    const choose = (kind, id) => this.choose(kind, id);
    this.help = helpDialog();
    this.settings = settingsDialog({
      capture, preferences, choose, rename: (name) => session.rename(name), useCodec: (codec) => session.useCodec(codec || undefined), changed: this.changed,
      help: () => this.help.showModal(),
    });
    this.controls = createControls({ capture, preferences, actions: {
      mic: () => this.sources.toggleMicrophone(), camera: () => this.sources.toggleCamera(), share: () => this.sources.toggleShare(),
      chat: () => this.toggle('chat'), people: () => this.toggle('people'), settings: () => this.settings.showModal(), leave: () => session.leave(), choose,
    } });
    this.invitation = h('button', { type: 'button', class: 'quiet small', 'aria-label': 'Copy link', on: { click: () => this.invite() } },
      icon('link'), h('span', { class: 'wide-only' }, 'Copy link'));
    this.sharing = h('p', { class: 'sharing', hidden: true }, icon('screen'), h('span', {}, h('span', { class: 'wide-only' }, 'You are sharing your screen'), h('span', { class: 'narrow-only' }, 'Sharing')),
      h('button', { type: 'button', class: 'small danger', on: { click: () => this.sources.toggleShare() } }, 'Stop'));
    this.alone = createAlone({ invite: () => this.invite(), test: () => this.#test() });
    this.element = h('div', { class: 'call' },
      h('header', { class: 'call-top' }, h('h1', {}, h('bdi', {}, this.session.options.room)), this.invitation, this.sharing),
      h('main', { class: 'call-main' }, this.stage.element, this.alone.element, this.banner.element, this.notes.element),
      this.chat.element, this.people.element, this.controls.element, this.sound.element, this.polite.element, this.help, this.settings);
    this.#listen();
  }

  #listen() {
    const { session, capture } = this;
    /** @param {Event} event */
    const notice = (event) => this.#notice(/** @type {CustomEvent} */ (event).detail);
    session.addEventListener('change', this.changed);
    const parting = () => this.stage.freeze();
    session.addEventListener('notice', notice);
    session.addEventListener('parting', parting);
    capture.addEventListener('change', this.changed);
    const rest = senses({
      hiddenChanged: this.changed, networkBack: () => session.nudge(), closing: () => session.leave(), key: (event) => this.#key(event),
    });
    this.monitor.start();
    this.unlisten = () => {
      session.removeEventListener('change', this.changed);
      session.removeEventListener('notice', notice);
      session.removeEventListener('parting', parting);
      capture.removeEventListener('change', this.changed);
      rest();
    };
  }

  focus() {
    this.controls.focusFirst();
  }

  stop() {
    if (this.#stopped) return;
    this.#stopped = true;
    cancelAnimationFrame(this.#frame);
    this.unlisten?.();
    for (const part of [this.monitor, this.stage, this.sound, this.sources, this.controls]) part.stop();
  }

  update() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    if (this.#stopped) return;
    const { session } = this;
    if (!isLive(session.life)) {
      this.stop();
      this.ended();
      return;
    }
    const models = this.#models();
    const shown = this.stage.update(models, this.monitor.speaking, (model) => this.#look(model));
    session.show(viewsOf(shown, { hidden: document.hidden, pixelRatio: devicePixelRatio }));
    this.#play();
    this.#announce();
    this.#updatePanels(models);
    this.#updateControls(models);
    this.#updateStatus(models);
  }

  /** Before the server has said who is there, one sees at least oneself. Of oneself the page knows best what is sent. */
  #models() {
    const { room, options } = this.session;
    const models = tilesOf(room);
    if (this.session.testing) models.push(echoTile(this.session.arriving, options.name));
    let self = models.find((model) => model.self);
    if (!self) {
      self = { key: 'self', participant: 'self', name: options.name || 'Guest', self: true, connected: true, video: undefined, silent: true, screen: false };
      models.push(self);
    }
    self.silent = !this.sources.isOn('microphone');
    self.video = { id: 'self', participant: self.participant, kind: 'video', source: 'camera', muted: !this.sources.isOn('camera'), codec: '' };
    return models;
  }

  /** @param {TileModel} model @returns {Omit<import('./tile.js').Look, 'pinned' | 'staged'>} */
  #look(model) {
    const { session, capture, preferences, monitor } = this;
    const camera = capture.tracks.get('camera') ?? null;
    const seat = model.video && !model.self ? session.seat(model.video.id) : undefined;
    return {
      seat: seat && model.video && !model.video.muted ? seat : null,
      // What was seen last stays until there is something to see.
      held: !model.video?.muted && (model.returning === true || session.life.phase === 'rejoining' || session.life.media !== 'connected'),
      first: model.video && layerOf(session.room, model.video.id)?.timestamp,
      own: model.self && this.sources.isOn('camera') ? camera : null,
      mirrored: model.self && preferences.get('mirror') && camera?.getSettings().facingMode !== 'environment',
      speaking: !model.screen && monitor.speaking.speaking.has(model.key),
      why: model.self ? null : this.#why(model, seat !== undefined),
    };
  }

  /** @param {TileModel} model @param {boolean} seated */
  #why({ name, connected, returning, video }, seated) {
    if (!video) return connected && !returning ? null : { code: 'away', sentence: `${name} is reconnecting.`, veil: true };
    const { room } = this.session;
    return whyNoPicture({
      name, connected, track: video, layer: layerOf(room, video.id), unavailable: room.unavailable.get(video.id), seated,
      reception: this.monitor.receptions.get(video.id), pageHidden: document.hidden, blank: this.monitor.blank.has(video.id), now: performance.now(),
    });
  }

  #play() {
    const { session } = this;
    const voices = session.arriving.flatMap(({ id, kind }) => {
      const seat = kind === 'audio' ? session.seat(id) : undefined;
      return seat ? [{ track: seat.key, media: seat.media }] : [];
    });
    this.sound.play(voices);
    this.monitor.listenToOwn(this.capture.tracks.get('microphone') ?? null);
  }

  /** @param {TileModel[]} models */
  #updatePanels(models) {
    const { room, outbox } = this.session;
    const mayChat = room.permissions.chat !== false;
    this.chat.element.hidden = this.#panel !== 'chat';
    this.people.element.hidden = this.#panel !== 'people';
    this.element.classList.toggle('has-panel', this.#panel !== null);
    if (this.#panel === 'chat') {
      this.chat.update(linesOf(room.messages, outbox, (id) => this.session.isSelf(id)), mayChat);
      this.#seenAt = room.messages.at(-1)?.at ?? this.#seenAt;
    }
    if (this.#panel !== 'people') return;
    this.people.update(models.filter(isPerson).map((model) => ({
      ...model, pinned: this.stage.pinned === model.key, speaking: this.monitor.speaking.speaking.has(model.key),
      note: room.unavailable.has(model.video?.id ?? '') ? 'Picture not shown' : '',
    })), room.permissions.moderate === true);
  }

  /** @param {TileModel[]} models */
  #updateControls(models) {
    const { room } = this.session;
    const unread = room.messages.filter(({ at, from }) => at > this.#seenAt && !this.session.isSelf(from)).length;
    this.controls.update({
      mic: this.sources.isOn('microphone'), camera: this.sources.isOn('camera'), sharing: this.sources.sharing, panel: this.#panel, unread,
      people: models.filter(isPerson).length, mayPublish: new Set(room.permissions.publish ?? ALL_SOURCES), level: this.monitor.ownLevel,
    });
    this.sharing.hidden = !this.sources.sharing;
  }

  /** @param {TileModel[]} models */
  #updateStatus(models) {
    const { life, room } = this.session;
    const status = statusOf({ life, now: performance.now(), soundBlocked: this.sound.blocked, silentSince: this.monitor.silentSince, drainAt: room.drainAt,
      retryAt: this.session.retryAt });
    this.banner.update(status);
    this.element.classList.toggle('joining', status?.joining === true);
    const alone = models.filter(({ echo }) => !echo).length === 1;
    this.#updateAlone(life.phase === 'connected' && alone && (status === null || this.session.testing));
  }

  /** @param {boolean} shown */
  #updateAlone(shown) {
    const { session, sources } = this;
    if (this.#testing && !session.testing) {
      this.#testing = false;
      this.notes.say(session.room.people.size > 1 ? 'The test is over, because somebody came in.' : 'The test is over.', 'calm');
      if (this.alone.element.contains(document.activeElement)) this.controls.focusFirst();
    }
    const sends = sources.isOn('camera') || sources.isOn('microphone');
    this.alone.update({ shown, mayTest: sends && session.room.permissions.subscribe !== false, testing: session.testing }, this.element);
  }

  #test() {
    this.#testing = !this.session.testing;
    this.session.test(this.#testing);
    this.polite.say(this.#testing ? 'The test has begun. This is how others see and hear you. A headset avoids howling.' : 'The test is over.');
    this.update();
  }

  #announce() {
    const { room } = this.session;
    const last = room.messages.at(-1)?.at ?? 0;
    if (this.#seenAt < 0 && room.self) {
      // What was said before one came is history, and no news.
      this.#seenAt = last;
      this.#spokenAt = last;
    }
    const people = presence(room);
    const sentences = this.#people.size > 0 && people.size > 0 ? comingsAndGoings(this.#people, people, keyOf(room, room.self)) : [];
    this.#people = people;
    for (const { at, from, name, body } of room.messages) {
      if (at > this.#spokenAt && this.#panel !== 'chat' && !this.session.isSelf(from)) sentences.push(`${name || 'Guest'} writes: ${body}`);
    }
    this.#spokenAt = Math.max(this.#spokenAt, last);
    if (sentences.length > 0) this.polite.say(sentences.join(' '));
  }

  /** @param {'chat' | 'people' | null} panel */
  toggle(panel) {
    const before = this.#panel;
    this.#panel = panel === before ? null : panel;
    this.update();
    if (this.#panel === 'chat') {
      this.chat.toEnd();
      this.chat.focus();
    } else if (before && !this.#panel && !document.activeElement?.closest('.controls')) this.controls.focusFirst();
  }

  async invite() {
    const link = roomPage(this.root, this.session.options.room).href;
    const copied = await copyText(link);
    this.notes.say(copied ? 'The link is copied. Send it to whoever should come.' : `The link is ${link}`, 'calm');
  }

  /** @param {import('./devices.js').Kind} kind @param {string} id */
  choose(kind, id) {
    this.preferences.set(kind, id);
    if (kind === 'speaker') this.sound.useSpeaker(id);
    else this.sources.choose(kind, id);
  }

  /** @param {{ code: string, message: string, source?: import('../protocol.js').Source }} notice */
  #notice({ code, message, source }) {
    if (source) this.sources.refused(source);
    if (!QUIET_CODES.has(code)) this.notes.say(adviceFor({ code, message }).sentence);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    const typing = /^(input|textarea|select)$/i.test(target.tagName ?? '') || target.isContentEditable;
    const action = actionFor(event, { typing, singles: this.preferences.get('shortcuts') && !document.querySelector('dialog[open]') });
    if (!action) return;
    if (action === 'escape') {
      if (this.#panel && !document.querySelector('dialog[open]') && !document.fullscreenElement) this.toggle(null);
      return;
    }
    event.preventDefault();
    switch (action) {
      case 'mic': this.sources.toggleMicrophone(); break;
      case 'camera': this.sources.toggleCamera(); break;
      case 'share': this.sources.toggleShare(); break;
      case 'chat': case 'people': this.toggle(action); break;
      case 'help': this.help.showModal(); break;
    }
  }
}
