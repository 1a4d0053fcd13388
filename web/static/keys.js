// Which key does what. Pure.

/** @typedef {'mic' | 'camera' | 'share' | 'chat' | 'people' | 'help' | 'escape'} KeyAction */

/** @type {Record<string, KeyAction>} */
const SINGLE = { m: 'mic', v: 'camera', s: 'share', c: 'chat', p: 'people', '?': 'help' };
/** @type {Record<string, KeyAction>} */
const WITH_CONTROL = { d: 'mic', e: 'camera' };

/** What the help lists. @type {[string, string][]} */
export const KEYS = [
  ['M', 'Microphone on or off'], ['V', 'Camera on or off'], ['S', 'Share the screen'], ['C', 'Chat'], ['P', 'People'], ['?', 'This list'],
  ['Esc', 'Close what is open'], ['Ctrl D', 'Microphone, also while typing'], ['Ctrl E', 'Camera, also while typing'],
];

/**
 * @param {{ key: string, ctrlKey?: boolean, metaKey?: boolean, altKey?: boolean, repeat?: boolean }} event
 * @param {{ typing: boolean, singles: boolean }} situation `singles`: keys without Ctrl are wanted
 * @returns {KeyAction | null}
 */
export function actionFor({ key, ctrlKey = false, metaKey = false, altKey = false, repeat = false }, { typing, singles }) {
  if (repeat || altKey) return null;
  if (key === 'Escape') return 'escape';
  if (ctrlKey || metaKey) return WITH_CONTROL[key.toLowerCase()] ?? null;
  if (typing || !singles) return null;
  return SINGLE[key.toLowerCase()] ?? null;
}
