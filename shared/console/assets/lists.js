// The queue, the dead letters, and the settings in effect.
import { html, useState } from './ui.js';
import { AnswerPanel, call, Find, moment, signedOut, Table, useAnswer } from './api.js';
import { t } from './words.js';

/** @typedef {import('./types.d.ts').Lang} Lang */
/** @typedef {import('./types.d.ts').Letter} Letter */
/** @typedef {import('./types.d.ts').Words} Words */

/** @param {{lang: Lang}} props */
export function QueueScreen({ lang }) {
  const answer = useAnswer('queue?limit=100');
  const q = /** @type {import('./types.d.ts').Queue | null} */ (answer.data);
  return html`<${AnswerPanel} id="queue" title=${t(lang, 'queue')} lang=${lang} answer=${answer}>
    ${q && html`<p class="small dim">${t(lang, 'queueNote', q.limit)}</p>
      <${Table} label=${t(lang, 'queue')} none=${t(lang, 'queueEmpty')} head=${[t(lang, 'dueAt'), t(lang, 'user'), t(lang, 'waitsFor')]}
        rows=${q.due.map((d) => [moment(lang, d.at), html`<${Find} by="user" id=${d.user} />`, t(lang, d.queue === 'calls' ? 'aCall' : 'aMessage')])} />`}
  </${AnswerPanel}>`;
}

/** @param {{lang: Lang}} props */
export function DeadScreen({ lang }) {
  const answer = useAnswer('dead?limit=50');
  const d = /** @type {import('./types.d.ts').Dead | null} */ (answer.data);
  return html`<${AnswerPanel} id="dead" title=${t(lang, 'dead')} lang=${lang} answer=${answer}>
    ${d && html`<p class="small dim">${t(lang, 'deadNote', d.limit)}</p>
      ${d.letters.length === 0 && html`<p class="dim">${t(lang, 'deadNone')}</p>`}
      ${d.letters.map((l) => html`<${LetterRow} key=${l.id} lang=${lang} l=${l} />`)}`}
  </${AnswerPanel}>`;
}

/** @param {{lang: Lang, l: Letter}} props */
function LetterRow({ lang, l }) {
  const [trial, setTrial] = useState(/** @type {{sends: boolean, words: Words} | null} */ (null));
  const [said, setSaid] = useState(/** @type {Words | null} */ (null));
  const [bad, setBad] = useState(false);
  const [over, setOver] = useState(false);
  const [busy, setBusy] = useState(false);
  /** @param {() => Promise<void>} what */
  const doing = (what) => async () => {
    setBusy(true);
    setBad(false);
    try {
      await what();
    } catch (why) {
      const fault = /** @type {import('./types.d.ts').Fault} */ (why);
      setSaid(fault.error);
      setBad(true);
      if (fault.code === 'no_letter') setOver(true);
      if (fault.code === 'sign_in' || fault.code === 'expired') signedOut.tell(fault);
    }
    setBusy(false);
  };
  const foresee = doing(async () => {
    const answer = await call('dead/trial?user=' + encodeURIComponent(l.user) + '&id=' + encodeURIComponent(l.id));
    setTrial(answer);
    setSaid(answer.words);
  });
  const replay = doing(async () => {
    const answer = await call('dead/replay', 'POST', { user: l.user, id: l.id });
    setSaid(answer.words);
    setOver(true);
  });
  return html`<article class="letter">
    <p><time class="small dim" datetime=${l.at}>${moment(lang, l.at)}</time> <${Find} by="user" id=${l.user} /> · ${l.kind} · <span class="code">${l.class}</span></p>
    <p class="cause">${l.cause}</p>
    <p class="small dim">${t(lang, 'messages')}: ${l.messages.map((m) => html`<${Find} by="message" id=${m} /> `)}${l.moreMessages > 0 ? '+' + l.moreMessages : ''}
      · ${t(lang, 'card')} <${Find} by="card" id=${l.id} /></p>
    ${said && html`<p class=${bad ? 'fault' : 'said'} role="status">${said[lang]}</p>`}
    ${!over && html`<div class="row">
      <button type="button" disabled=${busy} onClick=${foresee}>${t(lang, 'trial')}<span class="sr-only"> ${l.id}</span></button>
      ${trial && html`<button type="button" class="primary" disabled=${busy} onClick=${replay}>${t(lang, 'replay')}<span class="sr-only"> ${l.id}</span></button>`}
    </div>`}
  </article>`;
}

/** @param {{lang: Lang}} props */
export function SettingsScreen({ lang }) {
  const answer = useAnswer('settings');
  const s = /** @type {import('./types.d.ts').Settings | null} */ (answer.data);
  const head = [t(lang, 'setting'), t(lang, 'value')];
  return html`<${AnswerPanel} id="settings" title=${t(lang, 'settings')} lang=${lang} answer=${answer}>
    ${s && html`<p class="small dim">${t(lang, 'settingsNote')}</p>
      <div class="columns">
        <div><h3>notify.yml</h3><${Table} label="notify.yml" none="" head=${head} rows=${s.rules.map((r) => [r.name, r.value || '–'])} /></div>
        <div>
          <h3>${t(lang, 'environment')}</h3><${Table} label=${t(lang, 'environment')} none=${t(lang, 'nothing')} head=${head} rows=${s.environment.map((r) => [r.name, r.value || '–'])} />
          <h3>${t(lang, 'templates')}</h3>
          <${Table} label=${t(lang, 'templates')} none=${t(lang, 'nothing')} head=${[t(lang, 'kind'), 'id', t(lang, 'page')]}
            rows=${s.templates.map((x) => [x.kind + (x.longTerm ? ' · ' + t(lang, 'longTerm') : ''), html`${x.id}${x.fault && html`<br /><span class="bad">${x.fault}</span>`}`, x.page])} />
        </div>
      </div>`}
  </${AnswerPanel}>`;
}
