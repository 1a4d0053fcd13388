// The chat: history, what was just typed, and what could not be sent.

import { adviceFor } from '../faults.js';
import { linkify } from '../names.js';
import { LIMITS } from '../protocol.js';
import { messageKey } from '../state.js';
import { h, icon, keyed, setText, uniqueId } from './dom.js';

/** @typedef {import('../protocol.js').ChatMessage} ChatMessage */
/** @typedef {{ key: string, name: string, own: boolean, body: string, at: number, state: 'said' | 'sending' | 'refused', note: string }} Line */

const TIME = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const NEAR_END = 60;

/** @param {{ say: (body: string) => void, close: () => void }} actions */
export function createChat({ say, close }) {
  const list = h('div', { class: 'messages', role: 'log', 'aria-label': 'Messages', tabindex: 0 });
  const empty = h('p', { class: 'panel-empty' }, 'No messages yet. Everyone in the room reads what is written here, and so does who comes later.');
  const fieldId = uniqueId();
  const problem = h('p', { class: 'field-problem', role: 'alert' });
  const field = h('textarea', { id: fieldId, rows: 1, placeholder: 'Write to everyone', maxlength: LIMITS.chatBytes, enterkeyhint: 'send', on: {
    input: () => grow(),
    keydown: (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      submit();
    },
  } });
  const form = h('form', { class: 'chat-form', on: { submit: (/** @type {Event} */ event) => {
    event.preventDefault();
    submit();
  } } }, h('label', { class: 'unseen', for: fieldId }, 'Message to everyone'), field, h('button', { type: 'submit', class: 'primary round', 'aria-label': 'Send' }, icon('send')));
  const element = h('aside', { class: 'panel chat', 'aria-label': 'Chat', hidden: true },
    h('header', {}, h('h2', {}, 'Chat'), h('button', { type: 'button', class: 'quiet round', 'aria-label': 'Close the chat', on: { click: close } }, icon('close'))),
    empty, list, problem, form);

  function submit() {
    const body = field.value.trim();
    if (body === '') return;
    const tooLong = new TextEncoder().encode(body).length > LIMITS.chatBytes;
    setText(problem, tooLong ? adviceFor({ code: 'message_too_big' }).sentence : '');
    if (tooLong) return;
    say(body);
    field.value = '';
    grow();
  }

  function grow() {
    field.rows = Math.min(5, field.value.split('\n').length);
    setText(problem, '');
  }

  /** @param {Line[]} lines @param {boolean} mayChat */
  function update(lines, mayChat) {
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR_END;
    const before = list.lastElementChild;
    empty.hidden = lines.length > 0;
    form.hidden = !mayChat;
    keyed(list, lines, ({ key }) => key, make, (element_, { state, note }) => {
      element_.className = `message ${state}${element_.classList.contains('own') ? ' own' : ''}`;
      setText(element_.lastElementChild, note);
    });
    if (atEnd && list.lastElementChild !== before) list.scrollTop = list.scrollHeight;
  }

  return { element, update, focus: () => field.focus(), toEnd: () => (list.scrollTop = list.scrollHeight) };
}

/** @param {Line} line */
function make({ name, own, body, at, state }) {
  const text = h('p', { class: 'message-body', dir: 'auto' }, ...linkify(body).map(({ text: part, href }) => (href
    ? h('a', { href, target: '_blank', rel: 'noopener noreferrer nofollow' }, part) : part)));
  return h('div', { class: `message ${state}${own ? ' own' : ''}` },
    h('p', { class: 'message-head' }, h('bdi', {}, own ? 'You' : name), ' ', h('time', { datetime: new Date(at).toISOString() }, TIME.format(at))), text, h('p', { class: 'message-note' }));
}

/**
 * What the chat shows: what was said, then what is on its way.
 * @param {ChatMessage[]} messages @param {import('../outbox.js').Pending[]} outbox @param {(id: string) => boolean} isSelf @returns {Line[]}
 */
export function linesOf(messages, outbox, isSelf) {
  return [
    ...messages.map((message) => ({
      key: messageKey(message), name: message.name || 'Guest', own: isSelf(message.from), body: message.body, at: message.at,
      state: /** @type {const} */ ('said'), note: message.to ? (isSelf(message.to) ? 'Only to you' : 'Only to one person') : '',
    })),
    ...outbox.map(({ key, body, at, fault }) => ({
      key: `out${key}`, name: '', own: true, body, at, state: fault ? /** @type {const} */ ('refused') : /** @type {const} */ ('sending'),
      note: fault ? `Not sent. ${adviceFor({ code: fault }).sentence}` : 'Sending…',
    })),
  ];
}
