// What cameras and microphones see and hear: files with motion and speech, made once by ffmpeg and espeak-ng and kept in a temporary directory.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const DIRECTORY = path.join(tmpdir(), `sfu-footage-${process.getuid?.() ?? 0}`);

/** Makes a file unless it is there. Two may do so at once, so it gets its name when it is complete. @param {string} name @param {(file: string) => void} make */
function once(name, make) {
  const file = path.join(DIRECTORY, name);
  if (existsSync(file)) return file;
  mkdirSync(DIRECTORY, { recursive: true });
  const partial = path.join(DIRECTORY, `${process.pid}-${name}`);
  make(partial);
  renameSync(partial, file);
  return file;
}

/** @param {string[]} args */
const ffmpeg = (args) => execFileSync('ffmpeg', ['-loglevel', 'error', '-y', ...args], { stdio: ['ignore', 'inherit', 'inherit'] });

/** A test picture that moves, uncompressed. @param {number} width @param {number} height @param {{ fps?: number, seconds?: number }} [options] */
export function motion(width, height, { fps = 15, seconds = 4 } = {}) {
  return once(`motion-${width}x${height}-${fps}-${seconds}.y4m`, (file) => {
    ffmpeg(['-f', 'lavfi', '-i', `testsrc2=size=${width}x${height}:rate=${fps}:duration=${seconds}`, '-pix_fmt', 'yuv420p', file]);
  });
}

/** The same as JPEG pictures, as many cameras give them. @param {number} width @param {number} height @param {{ fps?: number, seconds?: number }} [options] */
export function motionJPEG(width, height, { fps = 15, seconds = 4 } = {}) {
  return once(`motion-${width}x${height}-${fps}-${seconds}.mjpeg`, (file) => {
    ffmpeg(['-f', 'lavfi', '-i', `testsrc2=size=${width}x${height}:rate=${fps}:duration=${seconds}`, '-q:v', '4', '-f', 'mjpeg', file]);
  });
}

/** Somebody who talks without a pause. */
export function speech() {
  return once('speech-1.wav', (file) => {
    execFileSync('espeak-ng', ['-s', '170', '-w', file,
      'The quick brown fox jumps over the lazy dog while five wizards box quickly and a mad judge holds up every zipper in the quiet village']);
  });
}

/**
 * Chromium's flags for a camera and a microphone of such files.
 * @param {{ video?: string, audio?: string }} files
 */
export function fakeDevices({ video, audio }) {
  return [...(video ? [`--use-file-for-fake-video-capture=${video}`] : []), ...(audio ? [`--use-file-for-fake-audio-capture=${audio}`] : [])];
}
