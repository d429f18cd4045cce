// One person: where they are and what is believed of it, their phone, their service notifications.
import { html, Switch, useEffect, useRef, useState } from './ui.js';
import { timeOfDay } from './i18n.js';
import { t } from './words.js';
import { Chat } from './chat.js';
import { Consent } from './consent.js';

/** @typedef {import('./types.d.ts').Lang} Lang */
/** @typedef {import('./types.d.ts').Phone} Phone */
/** @typedef {import('./types.d.ts').Card} Card */
/** @typedef {import('./types.d.ts').Snapshot} Snapshot */
/** @typedef {import('./types.d.ts').Act} Act */

/**
 * @param {{lang: Lang, phone: Phone, state: Snapshot, act: Act}} props
 */
export function Person({ lang, phone, state, act }) {
  const others = state.phones.filter((p) => p.user !== phone.user);
  const [conversation, setConversation] = useState(others[0].user);
  const [asking, setAsking] = useState(false);
  /** @param {Record<string, unknown>} what */
  const my = (what) => act({ user: phone.user, ...what });

  const present = phone.where === 'open';
  useEffect(() => {
    if (!present) setAsking(false);
  }, [present]);

  // The focus goes back to where it was when the dialog closes.
  const opener = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    if (!asking) opener.current?.focus({ preventScroll: true });
  }, [asking]);
  // A dialog shows only if WeChat would show one: see wx.requestSubscribeMessage.
  /** @param {Event} event */
  const remind = (event) => {
    opener.current = /** @type {HTMLElement} */ (event.currentTarget);
    return phone.setting.main && !phone.setting.kept ? setAsking(true) : my({ do: 'subscribe', allow: true });
  };
  /** @param {boolean} allow @param {boolean} keep */
  const answer = (allow, keep) => {
    setAsking(false);
    return my({ do: 'subscribe', allow, keep });
  };
  /** @param {Card} card */
  const tapped = async (card) => {
    const group = card.peer === state.group;
    if (card.peer && (group || others.some((p) => p.user === card.peer))) setConversation(card.peer);
    if (!present) await my({ do: 'open' });
    if (card.peer) await my(group ? { do: 'read', group: card.peer } : { do: 'read', peer: card.peer });
  };

  const heading = 'person-' + phone.user;
  return html`<article class="person panel" aria-labelledby=${heading} data-user=${phone.user}>
    <header>
      <h3 id=${heading}>${phone.nick}${phone.nick !== phone.user && html` <span class="dim small">${phone.user}</span>`}</h3>
      <${Presence} lang=${lang} phone=${phone} away=${!!state.storeAway} />
    </header>
    <div class="where" role="group" aria-label=${t(lang, 'whereIs', phone.user)}>
      ${present
        ? html`<button type="button" onClick=${() => my({ do: 'close' })}>${t(lang, 'doClose')}</button>
            <button type="button" onClick=${() => my({ do: 'background' })}>${t(lang, 'doBackground')}</button>
            <button type="button" onClick=${() => my({ do: 'lose' })}>${t(lang, 'doLose')}</button>`
        : html`<button type="button" class="primary" onClick=${() => my({ do: 'open' })}>${t(lang, phone.where === 'closed' ? 'doOpen' : 'doReturn')}</button>`}
    </div>
    <div class="devices">
      <section class="phone" aria-label=${t(lang, 'phoneOf', phone.user)}>
        <div class="bar"><span>${t(lang, 'appName')}</span></div>
        ${present || phone.where === 'lost'
          ? html`<${Chat} lang=${lang} phone=${phone} state=${state} act=${my} conversation=${conversation} onConversation=${setConversation} onRemind=${remind} asking=${asking} />`
          : html`<div class="home"><span class="app-icon" aria-hidden="true"></span><p>${t(lang, phone.where === 'closed' ? 'homeClosed' : 'homeBackground')}</p></div>`}
        ${asking && html`<${Consent} lang=${lang} titles=${phone.permits.map((p) => p.title)} id=${'consent-' + phone.user} onAnswer=${answer} />`}
      </section>
      <${Notices} lang=${lang} phone=${phone} onTap=${tapped} />
    </div>
    <${Settings} lang=${lang} phone=${phone} act=${my} />
  </article>`;
}

/**
 * @param {{lang: Lang, phone: Phone, away: boolean}} props
 */
function Presence({ lang, phone, away }) {
  const b = phone.believes;
  const believed = away ? 'storeAway' : !b.known ? 'unknown' : b.online ? 'Online' : 'Offline';
  const told = !away && b.told && !b.online;
  return html`<dl class="presence small">
      <div><dt>${t(lang, 'really')}</dt><dd class=${'dot ' + (phone.where === 'open' ? 'on' : 'off')}>${t(lang, phone.where)}</dd></div>
      <div><dt>${t(lang, 'imSays')}</dt><dd class=${'dot ' + (phone.im === 'Online' ? 'on' : 'off')}>${t(lang, phone.im)}</dd></div>
      <div><dt>${t(lang, 'believes')}</dt><dd class=${'dot ' + (b.online ? 'on' : 'off')} data-believes=${believed}>${t(lang, believed)}</dd></div>
      <div><dt>${t(lang, 'permits')}</dt><dd data-permits=${phone.permits[0].wxnotify}>${phone.permits.map((p) => t(lang, 'permitsBy', away ? '?' : p.wxnotify, p.wechat))}</dd></div>
    </dl>
    <p class="queue small">${told && t(lang, 'told')}${told && b.waiting > 0 && ' · '}${!away && b.waiting > 0 && html`${t(lang, 'waiting', b.waiting)}<${Countdown} lang=${lang} due=${b.due} />`}</p>`;
}

/**
 * @param {{lang: Lang, due?: string}} props
 */
function Countdown({ lang, due }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const tick = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(tick);
  }, []);
  const left = due ? Math.ceil((Date.parse(due) - now) / 1000) : 0;
  return left > 0 ? html`, ${t(lang, 'lookIn', left)}` : null;
}

/**
 * WeChat's chat "service notifications". What a card says is in the language of its template.
 * @param {{lang: Lang, phone: Phone, onTap: (card: Card) => void}} props
 */
function Notices({ lang, phone, onTap }) {
  // Without a network nothing gets through, until it is back.
  const cards = phone.cards.filter((card) => phone.where !== 'lost' || !phone.since || card.at < phone.since).reverse();
  return html`<section class="phone notices" aria-label=${t(lang, 'noticesOf', phone.user)}>
    <div class="bar"><span>${t(lang, 'services')}</span></div>
    <div class="cards" tabindex="0" role="group" aria-label=${t(lang, 'services')}>
      ${cards.length === 0 && html`<p class="empty">${t(lang, 'noCards')}</p>`}
      ${cards.map((card) => html`<div class="card-slot arrives" key=${card.id}>
        <p class="card-time">${timeOfDay(card.at)}</p>
        <button type="button" class="card" onClick=${() => onTap(card)} title=${t(lang, 'openCard')}>
          <span class="card-head"><span class="app-icon" aria-hidden="true"></span>${t(lang, 'appName')}</span>
          <span class="card-body" lang="zh-CN">
            <span class="card-title">${card.title}</span>
            ${card.lines.map((line) => html`<span class="card-line"><span class="card-label">${line.label}</span><span class="card-value">${line.value}</span></span>`)}
          </span>
          <span class="card-foot"><span>${t(lang, 'enter')}</span><span aria-hidden="true">›</span></span>
        </button>
      </div>`)}
    </div>
  </section>`;
}

/**
 * @param {{lang: Lang, phone: Phone, act: Act}} props
 */
function Settings({ lang, phone, act }) {
  const [nick, setNick] = useState(phone.nick);
  const id = 'nick-' + phone.user;
  const kept = phone.setting.kept;
  return html`<details class="settings">
    <summary>${t(lang, 'settings')}</summary>
    <${Switch} label=${t(lang, 'main')} note=${t(lang, 'mainNote')} on=${phone.setting.main} onChange=${(/** @type {boolean} */ on) => act({ do: 'main', on })} />
    <${Switch} label=${t(lang, 'template')} note=${t(lang, 'templateNote')} on=${kept === 'reject'} onChange=${(/** @type {boolean} */ on) => act({ do: 'template', on: !on })} />
    ${kept && html`<p class="small">${t(lang, 'kept', t(lang, kept === 'accept' ? 'keptAccept' : 'keptReject'))}</p>`}
    <form class="rename" onSubmit=${(/** @type {Event} */ e) => { e.preventDefault(); void act({ do: 'rename', text: nick }); }}>
      <label for=${id}>${t(lang, 'nick')}</label>
      <input id=${id} value=${nick} maxlength="32" autocomplete="off" onInput=${(/** @type {any} */ e) => setNick(e.target.value)} />
      <button type="submit">${t(lang, 'rename')}</button>
    </form>
  </details>`;
}
