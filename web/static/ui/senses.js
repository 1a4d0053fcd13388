// What the page and the device tell of themselves during a call: the screen stays on, the network changes, the page is hidden or closed.

/**
 * @param {{ hiddenChanged: () => void, networkBack: () => void, closing: () => void, key: (event: KeyboardEvent) => void }} host
 * @returns {() => void} ends it
 */
export function senses({ hiddenChanged, networkBack, closing, key }) {
  const ends = new AbortController();
  const { signal } = ends;
  /** @type {WakeLockSentinel | null} */ let lock = null;

  async function keepAwake() {
    if (document.hidden || signal.aborted || !navigator.wakeLock) return;
    try {
      lock = await navigator.wakeLock.request('screen');
      if (signal.aborted) lock.release();
    } catch {
      // A battery that runs low decides otherwise.
    }
  }

  document.addEventListener('visibilitychange', () => {
    hiddenChanged();
    if (document.hidden) return;
    keepAwake();
    networkBack();
  }, { signal });
  addEventListener('online', networkBack, { signal });
  /** @type {any} */ (navigator).connection?.addEventListener?.('change', networkBack, { signal });
  addEventListener('pagehide', closing, { signal });
  addEventListener('keydown', key, { signal });
  keepAwake();

  return () => {
    ends.abort();
    lock?.release().catch(() => {});
  };
}

/** @param {string} text @returns {Promise<boolean>} */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
