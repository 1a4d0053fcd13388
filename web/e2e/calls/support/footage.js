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

/** The shape of somebody who nods, in front of a wall. @param {{ wall: [string, string], skin: string, coat: string }} colours as in "224a60" */
export function somebody({ wall, skin, coat }) {
  const plane = (/** @type {number} */ at) => {
    const [face, cloth] = [skin, coat].map((colour) => parseInt(colour.slice(2 * at, 2 * at + 2), 16));
    const head = 'lt(hypot(X-320-14*sin(T*1.57),(Y-145-4*cos(T*3.14))/1.2),58)';
    const body = 'lt(hypot((X-320-7*sin(T*1.57))/1.25,Y-372),140)';
    return `if(${head},${face},if(${body},${cloth},${'rgb'[at]}(X,Y)))`;
  };
  return once(`somebody-${wall.join('-')}-${skin}-${coat}.y4m`, (file) => {
    ffmpeg(['-f', 'lavfi', '-i', `gradients=size=640x360:rate=15:duration=4:c0=0x${wall[0]}:c1=0x${wall[1]}:x0=0:y0=0:x1=640:y1=360:speed=0.00001`,
      '-vf', `format=gbrp,geq=r='${plane(0)}':g='${plane(1)}':b='${plane(2)}',gblur=sigma=1.2,format=yuv420p`, file]);
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
