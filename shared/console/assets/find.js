// What became of a message, a card, a user, and why; and their permits.
import { html, useEffect, useState } from './ui.js';
import { AnswerPanel, Find, moment, Table, useAnswer } from './api.js';
import { t } from './words.js';

/** @typedef {import('./types.d.ts').Explained} Explained */
/** @typedef {import('./types.d.ts').Recipient} Recipient */
/** @typedef {import('./types.d.ts').Ledgers} Ledgers */
/** @typedef {import('./types.d.ts').Lang} Lang */

/** @type {['user', 'message', 'card', 'openid']} */
const ways = ['user', 'message', 'card', 'openid'];

/** @param {{lang: Lang, rest: string[]}} props */
export function FindScreen({ lang, rest: [asked = '', ...more] }) {
  const by = ways.find((w) => w === asked) ?? 'user';
  const id = more.join('/');
  const [way, setWay] = useState(/** @type {string} */ (by));
  const [text, setText] = useState(id);
  useEffect(() => {
    setWay(by);
    setText(id);
  }, [by, id]);
  const query = id ? '?by=' + by + '&id=' + encodeURIComponent(id) : '';
  const story = useAnswer(query && 'explain' + query);
  const ledger = useAnswer(query && (by === 'user' || by === 'openid') ? 'ledger' + query : '');
  const found = /** @type {Explained | null} */ (story.data);

  /** @param {Event} event */
  const submit = (event) => {
    event.preventDefault();
    location.hash = 'find/' + way + '/' + encodeURIComponent(text.trim());
  };
  return html`
    <form class="panel search" role="search" onSubmit=${submit}>
      <label for="by">${t(lang, 'by')}</label>
      <select id="by" value=${way} onChange=${(/** @type {any} */ e) => setWay(e.target.value)}>
        ${ways.map((w) => html`<option value=${w}>${t(lang, w)}</option>`)}
      </select>
      <label for="id">${t(lang, 'id')}</label>
      <input id="id" value=${text} maxlength="512" spellcheck=${false} autocomplete="off" onInput=${(/** @type {any} */ e) => setText(e.target.value)} />
      <button type="submit" class="primary">${t(lang, 'findIt')}</button>
      <p class="small dim">${t(lang, 'findNote')}</p>
    </form>
    ${query && html`<${AnswerPanel} id="story" title=${t(lang, 'story')} lang=${lang} answer=${story}>
      ${found?.recipients.map((r) => html`<${Story} key=${r.user + ' ' + r.message} lang=${lang} r=${r} />`)}
      ${found && found.more > 0 && html`<p class="dim">${t(lang, 'moreRecipients', found.more)}</p>`}
    </${AnswerPanel}>`}
    ${query && (by === 'user' || by === 'openid') && html`<${AnswerPanel} id="permits" title=${t(lang, 'permits')} lang=${lang} answer=${ledger}>
      <${Permits} lang=${lang} l=${ledger.data} />
    </${AnswerPanel}>`}`;
}

/** @param {{lang: Lang, r: Recipient}} props */
function Story({ lang, r }) {
  const seen = r.presence === 'unknown' ? t(lang, 'neverSeen') : t(lang, r.presence === 'online' ? 'seenOnline' : 'seenOffline', moment(lang, r.presenceAt));
  return html`<article class="story">
    <p class="sentence">${r.sentence[lang]}</p>
    <p class="small dim facts">
      ${r.user && html`<span>${t(lang, 'user')} <${Find} by="user" id=${r.user} /></span>`}
      ${r.openid && html`<span>openid ${r.openid}</span>`}
      ${r.message && html`<span>${t(lang, 'message')} ${r.message}</span>`}
      ${r.card && html`<span>${t(lang, 'card')} ${r.card}</span>`}
      ${r.user && html`<span>${r.bound ? seen : t(lang, 'notBound')}</span>`}
      ${r.waiting > 0 && html`<span>${t(lang, 'waiting', r.waiting)}${r.due ? t(lang, 'nextLook', moment(lang, r.due)) : ''}</span>`}
    </p>
    ${r.moreSteps > 0 && html`<p class="small dim">${t(lang, 'moreSteps', r.moreSteps)}</p>`}
    <ol class="steps">
      ${r.steps.map((s) => html`<li class=${'step ' + s.kind.replace(' ', '-')}>
        <time class="small dim" datetime=${s.at}>${moment(lang, s.at)}</time>
        <span>${s.words[lang]}
          ${s.card && !r.card && html` <${Find} by="card" id=${s.card}><span class="small">${t(lang, 'itsCard')}</span></${Find}>`}
          ${s.messages?.map((m) => html` <${Find} by="message" id=${m}><span class="small">${m}</span></${Find}>`)}
          ${s.moreMessages ? html` <span class="small dim">+${s.moreMessages}</span>` : ''}</span>
      </li>`)}
    </ol>
  </article>`;
}

/** @param {{lang: Lang, l: unknown}} props */
function Permits({ lang, l: data }) {
  const l = /** @type {Ledgers} */ (data);
  /** @type {Record<string, string>} */
  const kinds = { popup: t(lang, 'kindPopup'), report: t(lang, 'kindReport'), revoked: t(lang, 'kindRevoked') };
  const kind = (/** @type {string} */ k) => kinds[k] ?? t(lang, 'kindCard', k);
  return html`
    <p class="small dim facts"><span>openid ${l.openid}</span><span>${l.bound ? t(lang, 'boundSince', moment(lang, l.boundSince)) : t(lang, 'notBound')}</span>
      ${l.gone && html`<span class="bad">${t(lang, 'gone')}</span>`}</p>
    ${l.ledgers.length === 0 && html`<p class="dim">${t(lang, 'noPermits')}</p>`}
    ${l.ledgers.map((one) => html`<section class="ledger" key=${one.template}>
      <h3>${one.kinds?.join(', ') || t(lang, 'notOurs')} <span class="small dim">${one.template}</span></h3>
      <p>${t(lang, 'balance', one.balance, one.held)} ${one.longTerm ? t(lang, 'longTerm') : ''}
        ${one.drift > 0 && html`<span class="bad"> ${t(lang, 'drift', one.drift)}</span>`}</p>
      <${Table} label=${t(lang, 'entries') + ' ' + one.template} none=${t(lang, 'noEntries')} head=${[t(lang, 'time'), t(lang, 'what'), t(lang, 'change'), t(lang, 'left')]}
        rows=${[['', t(lang, 'opening'), '', one.opening], ...one.entries.map((e) => [moment(lang, e.at), kind(e.kind) + (e.paired ? t(lang, 'paired') : ''), (e.change > 0 ? '+' : '') + e.change, e.balance])]} />
    </section>`)}
    ${l.cards.length > 0 && html`<h3>${t(lang, 'itsCards')}</h3>
      <${Table} label=${t(lang, 'itsCards')} none="" head=${[t(lang, 'time'), t(lang, 'card'), t(lang, 'state'), t(lang, 'class')]}
        rows=${l.cards.map((c) => [moment(lang, c.at), html`<${Find} by="card" id=${c.id} />`, c.state, c.detail ?? ''])} />`}`;
}
