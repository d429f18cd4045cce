// The chat of a mini program: conversations, bubbles, a composer, calls.
import { html, useLayoutEffect, useRef, useState } from './ui.js';
import { timeOfDay } from './i18n.js';
import { samples, t } from './words.js';

/** @typedef {import('./types.d.ts').Lang} Lang */
/** @typedef {import('./types.d.ts').Phone} Phone */
/** @typedef {import('./types.d.ts').Message} Message */
/** @typedef {import('./types.d.ts').Snapshot} Snapshot */
/** @typedef {import('./types.d.ts').Act} Act */

/**
 * @typedef {object} Props
 * @property {Lang} lang
 * @property {Phone} phone
 * @property {Snapshot} state
 * @property {Act} act done by the owner of the phone
 * @property {string} conversation a user or the group
 * @property {(to: string) => void} onConversation
 * @property {(event: Event) => void} onRemind
 * @property {boolean} asking a dialog is in front of it
 */

/** @param {Props} props */
export function Chat(props) {
  const { lang, phone, state, act, conversation } = props;
  const lost = phone.where === 'lost';
  const nick = nicks(state);
  const inGroup = conversation === state.group;
  const said = state.messages.filter((m) => {
    if (lost && phone.since && m.at > phone.since) return false; // nothing gets through
    if (inGroup) return m.group === conversation;
    return !m.group && ((m.from === phone.user && m.to === conversation) || (m.from === conversation && m.to === phone.user));
  });
  const call = lost ? undefined : state.messages.find((m) => m.kind === 'call' && (m.call === 'ringing' || m.call === 'answered') && (m.from === phone.user || m.to === phone.user));
  const unread = lost ? 0 : phone.unread[conversation] ?? 0;
  return html`<div class="chat" inert=${props.asking}>
    <${Conversations} ...${props} />
    ${lost && html`<p class="offline small">${t(lang, 'noNetwork')}</p>`}
    ${call && html`<${Call} lang=${lang} call=${call} user=${phone.user} nick=${nick} act=${act} />`}
    <${Bubbles} lang=${lang} said=${said} user=${phone.user} nick=${nick} act=${act} disabled=${lost} name=${inGroup ? t(lang, 'group', conversation) : nick(conversation)} />
    <div class="tools">
      <button type="button" class="quiet" disabled=${unread === 0} onClick=${() => act({ do: 'read', ...to(state, conversation) })}>${t(lang, 'markRead')}${unread > 0 && html` (${unread})`}</button>
      <button type="button" class="quiet" disabled=${lost} onClick=${() => act({ do: 'send', image: true, ...to(state, conversation) })}>${t(lang, 'picture')}</button>
      <button type="button" class="quiet" disabled=${lost || inGroup || !!call} onClick=${() => act({ do: 'call', peer: conversation })}>${t(lang, 'call')}</button>
    </div>
    <${Composer} ...${props} key=${conversation} disabled=${lost} nick=${nick} />
    <button type="button" class="remind" disabled=${lost} onClick=${props.onRemind}>${t(lang, 'remind')}</button>
  </div>`;
}

/**
 * @param {Snapshot} state
 * @returns {(user: string) => string} how somebody is called
 */
function nicks(state) {
  return (user) => state.phones.find((p) => p.user === user)?.nick ?? user;
}

/**
 * @param {Snapshot} state
 * @param {string} conversation
 */
function to(state, conversation) {
  return conversation === state.group ? { group: conversation } : { peer: conversation };
}

/** @param {Props} props */
function Conversations({ lang, phone, state, conversation, onConversation }) {
  const nick = nicks(state);
  const all = [...state.phones.filter((p) => p.user !== phone.user).map((p) => p.user), state.group];
  return html`<nav class="conversations" aria-label=${t(lang, 'conversations', phone.user)}>
    ${all.map((name) => html`<button type="button" key=${name} aria-current=${name === conversation} onClick=${() => onConversation(name)}>
      <span class="name">${name === state.group ? '#' + name : nick(name)}</span>
      ${phone.where !== 'lost' && phone.unread[name] > 0 && html`<span class="badge"><span aria-hidden="true">${phone.unread[name]}</span><span class="sr-only">${t(lang, 'unread', phone.unread[name])}</span></span>`}
    </button>`)}
  </nav>`;
}

/**
 * @param {{lang: Lang, said: Message[], user: string, nick: (user: string) => string, act: Act, disabled: boolean, name: string}} props
 */
function Bubbles({ lang, said, user, nick, act, disabled, name }) {
  const list = useRef(/** @type {HTMLElement | null} */ (null));
  useLayoutEffect(() => {
    if (list.current) list.current.scrollTop = list.current.scrollHeight;
  }, [said.length, name]);
  return html`<div class="bubbles" tabindex="0" role="group" aria-label=${name} ref=${list}>
    ${said.length === 0 && html`<p class="empty">${t(lang, 'empty')}</p>`}
    ${said.map((m) => {
      const mine = m.from === user;
      if (m.recalled) return html`<p class="recalled" key=${m.id}>${t(lang, 'recalled', nick(m.from))}</p>`;
      return html`<div class=${'said ' + (mine ? 'mine' : 'theirs')} key=${m.id}>
        ${m.group && !mine && html`<span class="who">${nick(m.from)}</span>`}
        <span class="bubble">${text(lang, m)}</span>
        <span class="meta">${timeOfDay(m.at)}${mine && m.read && html` · ${t(lang, 'read')}`}
          ${mine && m.kind !== 'call' && html` <button type="button" class="quiet tiny" disabled=${disabled} onClick=${() => act({ do: 'recall', id: m.id })}>${t(lang, 'recall')}</button>`}
        </span>
      </div>`;
    })}
  </div>`;
}

const calls = /** @type {const} */ (['ringing', 'answered', 'rejected', 'busy', 'cancelled', 'timed_out', 'hung_up']);

/**
 * @param {Lang} lang
 * @param {Message} m
 */
function text(lang, m) {
  if (m.kind === 'image') return t(lang, 'image');
  if (m.kind !== 'call') return m.text ?? '';
  const how = calls.find((c) => c === m.call) ?? 'hung_up';
  return t(lang, `call_${how}`);
}

/**
 * @param {{lang: Lang, call: Message, user: string, nick: (user: string) => string, act: Act}} props
 */
function Call({ lang, call, user, nick, act }) {
  const mine = call.from === user;
  const other = nick(mine ? call.to ?? '' : call.from);
  const rings = call.call === 'ringing';
  return html`<div class="call" role="status">
    <span>${t(lang, !rings ? 'inCall' : mine ? 'callOut' : 'callIn', other)}</span>
    ${rings && !mine && html`<button type="button" class="primary" onClick=${() => act({ do: 'answer', id: call.id })}>${t(lang, 'answer')}</button>`}
    <button type="button" onClick=${() => act({ do: 'hangup', id: call.id })}>${t(lang, rings && !mine ? 'decline' : 'hangUp')}</button>
  </div>`;
}

/** @param {Props & {disabled: boolean, nick: (user: string) => string}} props */
function Composer({ lang, phone, state, act, conversation, disabled, nick }) {
  const [sent, setSent] = useState(0);
  const [draft, setDraft] = useState(/** @type {string | null} */ (null));
  const [at, setAt] = useState('');
  const inGroup = conversation === state.group;
  const value = draft ?? t(lang, samples[sent % samples.length]);
  const name = inGroup ? t(lang, 'group', conversation) : nick(conversation);
  const id = `write-${phone.user}`;
  /** @param {Event} event */
  const submit = async (event) => {
    event.preventDefault();
    const mention = at ? { at: [at] } : {};
    const body = at ? `@${at === '*' ? t(lang, 'everybody').replace(/^@ ?/, '') : nick(at)} ${value}` : value;
    if (await act({ do: 'send', text: body, ...mention, ...to(state, conversation) })) {
      setSent(sent + 1);
      setDraft(null);
    }
  };
  return html`<form class="composer" onSubmit=${submit}>
    ${inGroup && html`<select aria-label=${t(lang, 'mention')} value=${at} disabled=${disabled} onChange=${(/** @type {any} */ e) => setAt(e.target.value)}>
      <option value="">${t(lang, 'nobody')}</option>
      <option value="*">${t(lang, 'everybody')}</option>
      ${state.phones.filter((p) => p.user !== phone.user).map((p) => html`<option key=${p.user} value=${p.user}>@${p.nick}</option>`)}
    </select>`}
    <input id=${id} aria-label=${t(lang, 'message', phone.nick, name)} value=${value} maxlength="500" disabled=${disabled} autocomplete="off" onInput=${(/** @type {any} */ e) => setDraft(e.target.value)} />
    <button type="submit" class="primary" disabled=${disabled}>${t(lang, 'send')}</button>
  </form>`;
}
