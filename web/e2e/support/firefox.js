import { existsSync } from 'node:fs';
import puppeteer from 'puppeteer-core';

export const FIREFOX = process.env.FIREFOX ?? '/usr/bin/firefox-esr';
export const hasFirefox = existsSync(FIREFOX);

/** Firefox with its own fake camera and microphone, which answer every question with yes. @param {Record<string, unknown>} [preferences] */
export function launchFirefox(preferences = {}) {
  return puppeteer.launch({
    browser: 'firefox', executablePath: FIREFOX, headless: true, timeout: 120_000, protocolTimeout: 120_000,
    extraPrefsFirefox: {
      'media.navigator.streams.fake': true,
      'media.navigator.permission.disabled': true,
      'media.autoplay.default': 0,
      'media.peerconnection.ice.loopback': true,
      ...preferences,
    },
  });
}
