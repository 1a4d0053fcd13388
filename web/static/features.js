// What a browser must have for a call, by asking for each thing and never for the browser's name.

/** @typedef {{ name: string, why: string }} Missing */

/** What is missing for taking part at all. @param {any} scope the global object @returns {Missing[]} */
export function missingFeatures(scope) {
  /** @type {Missing[]} */
  const missing = [];
  /** @param {boolean} present @param {string} name @param {string} why */
  const need = (present, name, why) => {
    if (!present) missing.push({ name, why });
  };
  const peer = scope.RTCPeerConnection?.prototype;
  need(Boolean(scope.WebSocket), 'WebSocket', 'to talk to the server');
  need(Boolean(peer), 'WebRTC', 'for sound and pictures; some browsers let it be switched off in their settings');
  if (peer) need('addTransceiver' in peer && 'connectionState' in peer, 'WebRTC transceivers', 'to receive several people at once');
  need(Boolean(scope.RTCRtpSender?.prototype?.replaceTrack), 'replaceTrack', 'to switch devices during a call');
  need(Boolean(scope.AbortSignal?.timeout), 'AbortSignal.timeout', 'to notice a server that does not answer');
  need(Boolean(scope.HTMLDialogElement), 'dialog elements', 'for settings and help');
  need(Boolean(scope.ResizeObserver), 'ResizeObserver', 'to arrange the pictures');
  return missing;
}

/** Whether devices can be asked for here. @param {any} scope @returns {'yes' | 'insecure' | 'no'} */
export function captureSupport(scope) {
  if (scope.navigator?.mediaDevices?.getUserMedia) return 'yes';
  return scope.isSecureContext === false ? 'insecure' : 'no';
}

/** @param {any} scope */
export const canShareScreen = (scope) => Boolean(scope.navigator?.mediaDevices?.getDisplayMedia);

/** Whether another loudspeaker can be chosen. @param {any} scope */
export const canChooseSpeaker = (scope) => Boolean(scope.HTMLMediaElement?.prototype && 'setSinkId' in scope.HTMLMediaElement.prototype);
