// How loud a track is at this moment.

import { rootMeanSquare } from '../speaking.js';

export class LevelReader {
  /** @type {AudioContext | null} */ #context = null;
  /** @type {AnalyserNode | null} */ #analyser = null;
  /** @type {MediaStreamTrack | null} */ #track = null;
  #samples = new Float32Array(1024);

  /** @param {MediaStreamTrack | null} track */
  listen(track) {
    if (track === this.#track) return;
    this.#track = track;
    this.#context?.close();
    this.#context = null;
    this.#analyser = null;
    if (!track || !globalThis.AudioContext) return;
    this.#context = new AudioContext();
    this.#analyser = this.#context.createAnalyser();
    this.#analyser.fftSize = this.#samples.length;
    this.#context.createMediaStreamSource(new MediaStream([track])).connect(this.#analyser);
  }

  /** The level, linear; 0 for a track that is off. */
  read() {
    if (!this.#analyser || !this.#track?.enabled) return 0;
    // A context that was made without a gesture waits for one.
    if (this.#context?.state === 'suspended') this.#context.resume().catch(() => {});
    this.#analyser.getFloatTimeDomainData(this.#samples);
    return rootMeanSquare(this.#samples);
  }
}
