// What a person sends, from the button to the session: devices are opened and closed here, and nowhere else during a call.

/** @typedef {import('../protocol.js').Source} Source */
/** @typedef {import('../capture.js').Capture} Capture */
/** @typedef {import('../session.js').Session} Session */

/** @type {Partial<Record<Source, string>>} */
const ENDED = {
  microphone: 'The microphone is gone. It was unplugged, or another program took it.',
  camera: 'The camera is gone. It was unplugged, or another program took it.',
};

export class Sources {
  #busy = new Set();

  /** @param {{ session: Session, capture: Capture, preferences: import('../preferences.js').Preferences, say: (sentence: string) => void }} parts */
  constructor({ session, capture, preferences, say }) {
    this.session = session;
    this.capture = capture;
    this.preferences = preferences;
    this.say = say;
    /** @param {Event} event */
    this.ended = (event) => this.#ended(/** @type {CustomEvent<Source>} */ (event).detail);
    this.publishOpen = () => this.#publishOpen();
    capture.addEventListener('ended', this.ended);
    capture.addEventListener('change', this.publishOpen);
    this.#publishOpen();
  }

  stop() {
    this.capture.removeEventListener('ended', this.ended);
    this.capture.removeEventListener('change', this.publishOpen);
  }

  /** Sends what was opened before the call, or was still being opened when it began. */
  #publishOpen() {
    for (const device of /** @type {const} */ (['microphone', 'camera'])) {
      const track = this.capture.tracks.get(device);
      if (track && !this.session.publication(device)) this.session.publish(device, track);
    }
  }

  /** @param {'camera' | 'microphone'} device */
  isOn(device) {
    const publication = this.session.publication(device);
    return this.capture.tracks.has(device) && publication !== undefined && !publication.muted;
  }

  get sharing() {
    return this.capture.tracks.has('screen');
  }

  toggleMicrophone() {
    const publication = this.session.publication('microphone');
    if (publication && this.capture.tracks.has('microphone')) {
      this.session.mute('microphone', !publication.muted);
      return;
    }
    this.#open('microphone');
  }

  toggleCamera() {
    if (!this.isOn('camera')) {
      this.#open('camera');
      return;
    }
    // Closed, so that the light goes off; the publication stays, and the camera comes back to it.
    this.session.mute('camera', true);
    this.capture.close('camera');
  }

  toggleShare() {
    if (this.sharing) {
      this.#stopSharing();
      return;
    }
    this.#once('screen', async () => {
      if (!await this.capture.openScreen()) {
        this.#sayFault('screen');
        return;
      }
      for (const source of /** @type {Source[]} */ (['screen', 'screen_audio'])) {
        const track = this.capture.tracks.get(source);
        if (track) this.session.publish(source, track);
      }
    });
  }

  /** @param {'camera' | 'microphone'} device @param {string} id */
  choose(device, id) {
    if (!this.capture.tracks.has(device)) {
      this.capture.chosen[device] = id;
      return;
    }
    const muted = this.session.publication(device)?.muted ?? false;
    this.#open(device, id, muted);
  }

  /** The server does not take what was offered. @param {Source} source */
  refused(source) {
    if (source === 'screen' || source === 'screen_audio') this.#stopSharing();
    else this.capture.close(source);
  }

  /** @param {'camera' | 'microphone'} device @param {string} [id] @param {boolean} [muted] */
  #open(device, id, muted = false) {
    this.#once(device, async () => {
      const track = await this.capture.open(device, id);
      if (track) this.session.publish(device, track, { muted });
      else {
        if (this.session.publication(device)) this.session.mute(device, true);
        this.#sayFault(device);
      }
    });
  }

  #stopSharing() {
    for (const source of /** @type {Source[]} */ (['screen', 'screen_audio'])) {
      this.session.unpublish(source);
      this.capture.close(source);
    }
  }

  /** @param {Source} source */
  #ended(source) {
    if (source === 'screen') this.#stopSharing();
    else if (source === 'screen_audio') this.session.unpublish(source);
    else this.session.mute(source, true);
    const sentence = ENDED[source];
    if (sentence) this.say(sentence);
  }

  /** A second press while the browser still asks the person does nothing. @param {string} what @param {() => Promise<void>} work */
  async #once(what, work) {
    if (this.#busy.has(what)) return;
    this.#busy.add(what);
    try {
      await work();
    } finally {
      this.#busy.delete(what);
    }
  }

  /** @param {'camera' | 'microphone' | 'screen'} device */
  #sayFault(device) {
    const fault = this.capture.faults.get(device);
    if (fault) this.say(fault.sentence);
  }
}
