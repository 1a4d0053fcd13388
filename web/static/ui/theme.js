// Light, dark, or as the system has it.

import { h, icon, setIcon, setAttribute } from './dom.js';

/** @typedef {import('../preferences.js').Theme} Theme */

/** @type {Theme[]} */
const THEMES = ['auto', 'light', 'dark'];
const ICONS = { auto: 'auto', light: 'sun', dark: 'moon' };
export const THEME_NAMES = { auto: 'As the system', light: 'Light', dark: 'Dark' };

/** @param {import('../preferences.js').Preferences} preferences */
export function applyTheme(preferences) {
  document.documentElement.dataset.theme = preferences.get('theme');
}

/** A button that goes through the themes. @param {import('../preferences.js').Preferences} preferences */
export function themeButton(preferences) {
  const picture = icon(ICONS[preferences.get('theme')]);
  const button = h('button', { type: 'button', class: 'quiet round', on: { click: () => {
    preferences.set('theme', THEMES[(THEMES.indexOf(preferences.get('theme')) + 1) % THEMES.length]);
    applyTheme(preferences);
    show();
  } } }, picture);
  const show = () => {
    const theme = preferences.get('theme');
    setIcon(picture, ICONS[theme]);
    const label = `Colours: ${THEME_NAMES[theme].toLowerCase()}`;
    setAttribute(button, 'aria-label', label);
    setAttribute(button, 'title', label);
  };
  show();
  return button;
}
