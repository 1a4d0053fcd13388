import assert from 'node:assert/strict';
import test from 'node:test';

import { Capture, permissionOf } from '../static/capture.js';

/** @param {string} name */
function failure(name) {
  const error = new Error(name);
  error.name = name;
  return error;
}

/** @param {string} kind */
function track(kind) {
  return { kind, stopped: false, onended: /** @type {any} */ (null), contentHint: '', stop() {
    this.stopped = true;
  } };
}

class FakeDevices extends EventTarget {
  /** @type {any[]} */ asked = [];
  /** @type {(constraints: any) => void} */ check = () => {};

  /** @param {any} constraints */
  async getUserMedia(constraints) {
    this.asked.push(constraints);
    this.check(constraints);
    return { getTracks: () => [...(constraints.audio ? [track('audio')] : []), ...(constraints.video ? [track('video')] : [])] };
  }

  async getDisplayMedia() {
    return { getTracks: () => [track('video'), track('audio')] };
  }

  async enumerateDevices() {
    return [{ kind: 'videoinput', deviceId: 'c1', label: 'Front' }, { kind: 'audioinput', deviceId: 'm1', label: '' }, { kind: 'audioinput', deviceId: '', label: '' }];
  }
}

function make() {
  const devices = new FakeDevices();
  return { devices, capture: new Capture(/** @type {any} */ (devices)) };
}

test('nothing is opened by itself, both with one question', async () => {
  const { devices, capture } = make();
  assert.equal(devices.asked.length, 0);
  await capture.openBoth();
  assert.equal(devices.asked.length, 1);
  assert.deepEqual([...capture.tracks.keys()].sort(), ['camera', 'microphone']);
  assert.deepEqual(capture.choices.camera, [{ id: 'c1', label: 'Front' }]);
  assert.deepEqual(capture.choices.microphone, [{ id: 'm1', label: 'Microphone 1' }]);
});

test('without a camera the microphone still opens, and the fault is known', async () => {
  const { devices, capture } = make();
  devices.check = ({ video }) => {
    if (video) throw failure('NotFoundError');
  };
  await capture.openBoth();
  assert.deepEqual([...capture.tracks.keys()], ['microphone']);
  assert.equal(capture.faults.get('camera')?.code, 'not_found');
  devices.check = () => {};
  await capture.open('camera');
  assert.equal(capture.faults.size, 0);
});

test('the device of last time may be gone', async () => {
  const { devices, capture } = make();
  devices.check = ({ video }) => {
    if (video.deviceId) throw failure('OverconstrainedError');
  };
  assert.ok(await capture.open('camera', 'old'));
  assert.equal(capture.chosen.camera, '');
  devices.check = () => {
    throw failure('NotAllowedError');
  };
  assert.equal(await capture.open('camera', 'old'), null);
  assert.equal(capture.faults.get('camera')?.code, 'denied');
});

test('another device takes the place of the one before, which is stopped', async () => {
  const { capture } = make();
  const first = /** @type {any} */ (await capture.open('microphone'));
  const second = await capture.open('microphone', 'm1');
  assert.ok(first.stopped && first !== second);
  assert.equal(capture.tracks.get('microphone'), second);
});

test('a device that is pulled out is told', async () => {
  const { capture } = make();
  /** @type {string[]} */
  const ended = [];
  capture.addEventListener('ended', (event) => ended.push(/** @type {any} */ (event).detail));
  const camera = /** @type {any} */ (await capture.open('camera'));
  camera.onended();
  assert.deepEqual(ended, ['camera']);
  assert.equal(capture.tracks.size, 0);
});

test('the screen comes with its sound and stays sharp', async () => {
  const { devices, capture } = make();
  assert.ok(await capture.openScreen());
  assert.deepEqual([...capture.tracks.keys()], ['screen', 'screen_audio']);
  assert.equal(capture.tracks.get('screen')?.contentHint, 'detail');
  devices.getDisplayMedia = async () => {
    throw failure('NotAllowedError');
  };
  assert.equal(await capture.openScreen(), false);
  assert.equal(capture.faults.size, 0);
  capture.closeAll();
  assert.equal(capture.tracks.size, 0);
});

test('pages that get no devices know why', async () => {
  const insecure = new Capture(undefined, false);
  await insecure.openBoth();
  assert.equal(insecure.faults.get('camera')?.code, 'insecure');
  const old = new Capture(undefined, true);
  await old.open('microphone');
  assert.equal(old.faults.get('microphone')?.code, 'not_supported');
});

test('what the browser would answer', async () => {
  const permissions = /** @type {any} */ ({ query: async (/** @type {any} */ { name }) => {
    if (name === 'camera') return { state: 'granted' };
    throw new TypeError('unknown name');
  } });
  assert.equal(await permissionOf('camera', permissions), 'granted');
  assert.equal(await permissionOf('microphone', permissions), 'unknown');
  assert.equal(await permissionOf('camera', null), 'unknown');
});
