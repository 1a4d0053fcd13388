// Camera, microphone and screen: opening, switching, noticing that they come and go. Nothing is opened unless a person asked for it.
//
// Events: `change` (what is open, or which devices exist), `ended` (detail: the source that stopped by itself: unplugged, or "stop sharing").

import { deviceFault } from './faults.js';

/** @typedef {import('./protocol.js').Source} Source */
/** @typedef {'camera' | 'microphone'} Device */
/** @typedef {{ id: string, label: string }} Choice */
/** @typedef {{ camera: Choice[], microphone: Choice[], speaker: Choice[] }} Choices */
/** @typedef {{ code: string, sentence: string }} Fault */

const KINDS = { camera: 'videoinput', microphone: 'audioinput', speaker: 'audiooutput' };

/** @param {string} [deviceId] @returns {MediaTrackConstraints} */
const cameraConstraints = (deviceId) => ({
  width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 }, ...(deviceId ? { deviceId: { exact: deviceId } } : { facingMode: 'user' }),
});
/** @param {string} [deviceId] @returns {MediaTrackConstraints} */
const microphoneConstraints = (deviceId) => ({
  echoCancellation: true, noiseSuppression: true, autoGainControl: true, ...(deviceId ? { deviceId: { exact: deviceId } } : {}),
});

export class Capture extends EventTarget {
  /** What is open. @type {Map<Source, MediaStreamTrack>} */ tracks = new Map();
  /** @type {Choices} */ choices = { camera: [], microphone: [], speaker: [] };
  /** Why a device is not open although it was asked for. @type {Map<Device | 'screen', Fault>} */ faults = new Map();
  /** The device that was chosen, '' for the system's own choice. @type {Record<Device, string>} */ chosen = { camera: '', microphone: '' };

  /** @param {MediaDevices | undefined} devices undefined where pages get none @param {boolean} [secure] */
  constructor(devices, secure = true) {
    super();
    this.devices = devices;
    this.secure = secure;
    devices?.addEventListener?.('devicechange', () => this.refresh());
  }

  /** Looks which devices exist. Their names come with the permission to use them. */
  async refresh() {
    /** @type {MediaDeviceInfo[]} */
    let all = [];
    try {
      all = await this.devices?.enumerateDevices() ?? [];
    } catch {
      // A page that may not list devices may still use the system's choice.
    }
    /** @param {keyof typeof KINDS} device */
    const of = (device) => all.filter(({ kind, deviceId }) => kind === KINDS[device] && deviceId !== '')
      .map(({ deviceId, label }, i) => ({ id: deviceId, label: label || `${device[0].toUpperCase()}${device.slice(1)} ${i + 1}` }));
    this.choices = { camera: of('camera'), microphone: of('microphone'), speaker: of('speaker') };
    this.#changed();
  }

  /** Camera and microphone with one question to the person. What fails is in `faults`; the other still opens. */
  async openBoth() {
    try {
      const stream = await this.#ask({ video: cameraConstraints(this.chosen.camera), audio: microphoneConstraints(this.chosen.microphone) });
      for (const track of stream.getTracks()) this.#take(track.kind === 'video' ? 'camera' : 'microphone', track);
      await this.refresh();
    } catch {
      // One of them may be missing or taken; which, and why, is found out one by one.
      await this.open('microphone');
      await this.open('camera');
    }
  }

  /**
   * @param {Device} device @param {string} [deviceId] another one than before
   * @returns {Promise<MediaStreamTrack | null>} null when it failed; `faults` says why
   */
  async open(device, deviceId = this.chosen[device]) {
    this.chosen[device] = deviceId;
    try {
      this.#take(device, await this.#openOne(device, deviceId));
    } catch (error) {
      this.#fail(device, error);
      return null;
    }
    await this.refresh();
    return this.tracks.get(device) ?? null;
  }

  /** The screen, and its sound where the browser offers that. @returns {Promise<boolean>} */
  async openScreen() {
    this.faults.delete('screen');
    try {
      if (!this.devices?.getDisplayMedia) throw unsupported(this.secure);
      const stream = await this.devices.getDisplayMedia(/** @type {any} */ ({
        video: { frameRate: { ideal: 15, max: 30 }, width: { max: 2560 }, height: { max: 1600 } },
        audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
        systemAudio: 'include', selfBrowserSurface: 'exclude', surfaceSwitching: 'include',
      }));
      for (const track of stream.getTracks()) {
        // Text must stay sharp; frames may be dropped for it.
        if (track.kind === 'video' && 'contentHint' in track) track.contentHint = 'detail';
        this.#take(track.kind === 'video' ? 'screen' : 'screen_audio', track);
      }
      this.#changed();
      return true;
    } catch (error) {
      this.#fail('screen', error);
      return false;
    }
  }

  /** @param {Source} source */
  close(source) {
    const track = this.tracks.get(source);
    if (!track) return;
    this.tracks.delete(source);
    track.onended = null;
    track.stop();
    this.#changed();
  }

  closeAll() {
    for (const source of [...this.tracks.keys()]) this.close(source);
  }

  /** @param {Device} device @param {string} deviceId @returns {Promise<MediaStreamTrack>} */
  async #openOne(device, deviceId) {
    /** @param {string} [id] */
    const get = async (id) => {
      const stream = await this.#ask(device === 'camera' ? { video: cameraConstraints(id) } : { audio: microphoneConstraints(id) });
      return stream.getTracks()[0];
    };
    try {
      return await get(deviceId);
    } catch (error) {
      // The device of last time may not be here today.
      const gone = ['OverconstrainedError', 'NotFoundError'].includes(/** @type {Error} */ (error).name);
      if (!deviceId || !gone) throw error;
      const track = await get();
      this.chosen[device] = '';
      return track;
    }
  }

  /** @param {MediaStreamConstraints} constraints */
  #ask(constraints) {
    if (!this.devices?.getUserMedia) throw unsupported(this.secure);
    return this.devices.getUserMedia(constraints);
  }

  /** @param {Source} source @param {MediaStreamTrack} track */
  #take(source, track) {
    this.close(source);
    if (source !== 'screen_audio') this.faults.delete(source);
    this.tracks.set(source, track);
    track.onended = () => {
      if (this.tracks.get(source) !== track) return;
      this.close(source);
      this.dispatchEvent(new CustomEvent('ended', { detail: source }));
    };
    this.#changed();
  }

  /** @param {Device | 'screen'} device @param {unknown} error */
  #fail(device, error) {
    const fault = deviceFault(/** @type {Error} */ (error), device);
    if (fault) this.faults.set(device, fault);
    else this.faults.delete(device);
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}

/** @param {boolean} secure */
function unsupported(secure) {
  const error = new Error('this browser offers no devices to the page');
  error.name = secure ? 'NotSupportedError' : 'InsecureContextError';
  return error;
}

/**
 * What the browser would answer without asking the person. Unknown where it does not say.
 * @param {Device} device @param {Permissions | null} [permissions] @returns {Promise<'granted' | 'denied' | 'prompt' | 'unknown'>}
 */
export async function permissionOf(device, permissions = globalThis.navigator?.permissions) {
  try {
    if (!permissions) return 'unknown';
    const { state } = await permissions.query({ name: /** @type {PermissionName} */ (device) });
    return state;
  } catch {
    return 'unknown';
  }
}
