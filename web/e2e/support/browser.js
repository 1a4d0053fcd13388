import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

export const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
/** E2E=full runs also what other tests cover in part. */
export const full = process.env.E2E === 'full';
export const hasChromium = existsSync(CHROMIUM);

const QUIET = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
  '--disable-sync'];
const FAKE_DEVICES = ['--use-fake-device-for-media-stream=fps=15', '--use-fake-ui-for-media-stream', '--autoplay-policy=no-user-gesture-required'];

/** @param {{ devices?: boolean, args?: string[] }} [options] */
export function launchChromium({ devices = true, args = [] } = {}) {
  return chromium.launch({ executablePath: CHROMIUM, args: [...QUIET, ...(devices ? FAKE_DEVICES : []), ...args] });
}
