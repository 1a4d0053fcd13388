// Making elements. Text always becomes a text node, never markup.

/** @typedef {Node | string | null | undefined | false} Child */
/** @typedef {{ class?: string, on?: Record<string, (event: any) => void>, [attribute: string]: any }} Props */

/**
 * Makes an element. `on` are event listeners, true and false set and leave out an attribute, anything else is an attribute's text.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag @param {Props} [props] @param {...Child} children @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name === 'on') for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else setAttribute(element, name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false).map((child) => /** @type {Node | string} */ (child)));
  return element;
}

/** @param {Element} element @param {string} name @param {any} value */
export function setAttribute(element, name, value) {
  const text = value === true ? '' : value === false || value === null || value === undefined ? null : String(value);
  if (text === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== text) element.setAttribute(name, text);
}

/** Sets a text only where it differs, so that screen readers are not told the same again. @param {Element} element @param {string} text */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const SVG = 'http://www.w3.org/2000/svg';

/** One of the drawings in the page's sprite. @param {string} name */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  svg.append(document.createElementNS(SVG, 'use'));
  setIcon(svg, name);
  return svg;
}

/** @param {Element} svg @param {string} name */
export function setIcon(svg, name) {
  if (svg.firstElementChild) setAttribute(svg.firstElementChild, 'href', `#i-${name}`);
}

let lastId = 0;

/** A name that no other element has. */
export const uniqueId = () => `e${++lastId}`;

/**
 * Makes the children of an element those of a list, keeping the elements of those that stay.
 * @template T
 * @param {Element} parent @param {T[]} items @param {(item: T) => string} keyOf @param {(item: T) => Element} make @param {(element: any, item: T) => void} [update]
 */
export function keyed(parent, items, keyOf, make, update = () => {}) {
  /** @type {Map<string, Element>} */
  const there = new Map();
  for (const child of [...parent.children]) there.set(/** @type {HTMLElement} */ (child).dataset.key ?? '', child);
  const wanted = items.map((item) => {
    const key = keyOf(item);
    let element = there.get(key);
    if (!element) {
      element = make(item);
      /** @type {HTMLElement} */ (element).dataset.key = key;
    }
    there.delete(key);
    update(element, item);
    return element;
  });
  for (const element of there.values()) element.remove();
  for (const [i, element] of wanted.entries()) if (parent.children[i] !== element) parent.insertBefore(element, parent.children[i] ?? null);
}

/** Focus on a field opens the keyboard of a phone, which then hides the page. @param {HTMLElement} element */
export function focusUnlessTouch(element) {
  if (!matchMedia('(pointer: coarse)').matches) element.focus();
}

/** The wordmark. */
export const wordmark = () => h('span', { class: 'wordmark' }, h('span', { class: 'wordmark-dots', 'aria-hidden': 'true' },
  h('i'), h('i'), h('i'), h('i')), 'sfu');
