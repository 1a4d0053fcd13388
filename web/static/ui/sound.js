// The sound of everyone else: one audio element for each voice that has a seat. Pictures are always mute, so that each voice plays once.

import { h, keyed } from './dom.js';

/** @typedef {{ track: string, media: MediaStreamTrack }} Voice */

export class Sound {
  element = h('div', { class: 'sound', hidden: true });
  blocked = false;
  #speaker = '';

  /** @param {() => void} changed called when playing became blocked or free */
  constructor(changed) {
    this.changed = changed;
  }

  /** @param {Voice[]} voices */
  play(voices) {
    keyed(this.element, voices, ({ track }) => track, () => h('audio', { autoplay: true }), (/** @type {HTMLAudioElement} */ audio, { media }) => {
      const playing = /** @type {MediaStream | null} */ (audio.srcObject)?.getAudioTracks()[0];
      if (playing === media) return;
      audio.srcObject = new MediaStream([media]);
      this.#route(audio);
      this.#start(audio);
    });
  }

  /** To be called from a click: browsers then let sound through. */
  unblock() {
    this.#setBlocked(false);
    for (const audio of this.#all()) this.#start(audio);
  }

  /** @param {string} deviceId '' for the system's choice */
  useSpeaker(deviceId) {
    this.#speaker = deviceId;
    for (const audio of this.#all()) this.#route(audio);
  }

  stop() {
    this.play([]);
  }

  #all() {
    return /** @type {HTMLAudioElement[]} */ ([...this.element.children]);
  }

  /** @param {HTMLAudioElement} audio */
  #start(audio) {
    audio.play().catch((error) => {
      if (error.name === 'NotAllowedError') this.#setBlocked(true);
    });
  }

  /** @param {HTMLAudioElement} audio */
  #route(audio) {
    const { setSinkId } = audio;
    if (!setSinkId || (this.#speaker === '' && !audio.sinkId)) return;
    // A loudspeaker that is gone leaves the sound where it was.
    setSinkId.call(audio, this.#speaker).catch(() => {});
  }

  /** @param {boolean} blocked */
  #setBlocked(blocked) {
    if (this.blocked === blocked) return;
    this.blocked = blocked;
    this.changed();
  }
}
