// How the deployment stands, and what happened over time.
import { html, useState } from './ui.js';
import { AnswerPanel, apart, moment, Table, useAnswer } from './api.js';
import { Bars } from './charts.js';
import { t } from './words.js';

/** @typedef {import('./types.d.ts').Overview} Overview */
/** @typedef {import('./types.d.ts').Charts} ChartsAnswer */
/** @typedef {import('./types.d.ts').Lang} Lang */

/** @param {{lang: Lang}} props */
export function OverviewScreen({ lang }) {
  const answer = useAnswer('overview');
  const o = /** @type {Overview | null} */ (answer.data);
  return html`
    <${AnswerPanel} id="now" title=${t(lang, 'now')} lang=${lang} answer=${answer}>${o && html`<${Now} lang=${lang} o=${o} />`}</${AnswerPanel}>
    <${Charts} lang=${lang} />
    ${o && html`<div class="columns">
      <${EndsPanel} id="ends-today" title=${t(lang, 'endsToday')} lang=${lang} ends=${o.endsToday} />
      <${EndsPanel} id="ends" title=${t(lang, 'ends')} lang=${lang} ends=${o.ends} />
    </div>`}`;
}

/** @param {{lang: Lang, o: Overview}} props */
function Now({ lang, o }) {
  /** @param {import('./types.d.ts').Waiting} w */
  const due = (w) => {
    if (!w.first) return '';
    return Date.parse(w.first) <= Date.parse(o.at) ? t(lang, 'dueFor', apart(lang, w.first, o.at)) : t(lang, 'dueIn', apart(lang, o.at, w.first));
  };
  const n = new Intl.NumberFormat(lang === 'zh' ? 'zh-CN' : 'en-GB');
  const per = o.today.permitsPerAnnounced;
  /** @type {[string, string, string][]} */
  const tiles = [
    [t(lang, 'in'), n.format(o.today.in), t(lang, 'today')],
    [t(lang, 'cards'), n.format(o.today.cards), t(lang, 'today')],
    [t(lang, 'merged'), n.format(o.today.merged), t(lang, 'mergedNote')],
    [t(lang, 'per'), per === null ? '–' : per.toFixed(2), t(lang, 'perNote', n.format(o.today.permitsSpent), n.format(o.today.announced))],
    [t(lang, 'waitMessages'), n.format(o.waiting.messages.length), due(o.waiting.messages)],
    [t(lang, 'waitCalls'), n.format(o.waiting.calls.length), due(o.waiting.calls)],
    [t(lang, 'waitCards'), n.format(o.waiting.unknownCards.length), t(lang, 'waitCardsNote')],
    [t(lang, 'letters'), n.format(o.letters), t(lang, 'lettersNote')],
    [t(lang, 'tokenAge'), o.tokenEnds && o.tokenEnds > o.at ? apart(lang, o.at, o.tokenEnds) : '–', o.tokenEnds ? t(lang, 'tokenNote') : t(lang, 'tokenNone')],
    [t(lang, 'deliver'), t(lang, o.watchedUntil ? 'atWork' : 'atRest'), t(lang, o.watchedUntil ? 'atWorkNote' : 'atRestNote')],
  ];
  return html`
    ${o.alerts.length === 0
      ? html`<p class="good" role="status">${t(lang, 'noAlerts')}</p>`
      : html`<div role="alert"><ul class="alerts">${o.alerts.map((a) => html`<li><span class="code">${a.code}</span> ${a.words[lang]}</li>`)}</ul></div>`}
    <dl class="tiles">${tiles.map(([name, value, note]) => html`<div><dt>${name}</dt><dd>${value}</dd><dd class="small dim">${note}</dd></div>`)}</dl>
    ${o.circuits.length > 0 && html`<h3>${t(lang, 'circuits')}</h3>
      <${Table} label=${t(lang, 'circuits')} none="" head=${[t(lang, 'circuit'), t(lang, 'until'), t(lang, 'class'), t(lang, 'cure')]}
        rows=${o.circuits.map((c) => [c.name, moment(lang, c.until), c.detail, c.cure[lang]])} />`}`;
}

/** @param {{id: string, title: string, lang: Lang, ends: import('./types.d.ts').End[]}} props */
function EndsPanel({ id, title, lang, ends }) {
  const n = new Intl.NumberFormat(lang === 'zh' ? 'zh-CN' : 'en-GB');
  return html`<section class="panel" aria-labelledby=${id}>
    <h2 id=${id}>${title}</h2>
    <${Table} label=${title} none=${t(lang, 'nothing')} head=${[t(lang, 'end'), t(lang, 'messages')]} rows=${ends.map((e) => [e.words[lang], n.format(e.number)])} />
  </section>`;
}

/** @type {['hour' | 'day' | 'week' | 'month', string][]} */
const spans = [['hour', 'h'], ['day', 'd'], ['week', 'w'], ['month', 'm']];

/** @param {{lang: Lang}} props */
function Charts({ lang }) {
  const [span, setSpan] = useState('day');
  const answer = useAnswer('charts?span=' + span);
  const c = /** @type {ChartsAnswer | null} */ (answer.data);
  const choose = html`<div class="langs" role="group" aria-label=${t(lang, 'span')}>
    ${spans.map(([name]) => html`<button type="button" aria-pressed=${span === name} onClick=${() => setSpan(name)}>${t(lang, name)}</button>`)}
  </div>`;
  /** @param {(s: import('./types.d.ts').Step) => Record<string, number>} of */
  const named = (of) => {
    const all = c ? c.steps.map(of) : [];
    return [...new Set(all.flatMap((s) => Object.keys(s)))].sort().map((name) => ({ name, values: all.map((s) => s[name] ?? 0) }));
  };
  /** @param {'in' | 'cards' | 'merged' | 'permitsSpent' | 'permitsGranted'} name */
  const flow = (name) => ({ name: t(lang, name), values: c ? c.steps.map((s) => s[name]) : [] });
  return html`<${AnswerPanel} id="charts" title=${t(lang, 'charts')} lang=${lang} answer=${answer} side=${choose}>
    ${c && html`<div class="charts">
      <${Bars} lang=${lang} title=${t(lang, 'chartFlow')} c=${c} series=${[flow('in'), flow('cards'), flow('merged')]} />
      <${Bars} lang=${lang} title=${t(lang, 'chartEnds')} c=${c} stacked series=${named((s) => s.ends).map((s) => ({ ...s, name: c.states[s.name]?.[lang] ?? s.name }))} />
      <${Bars} lang=${lang} title=${t(lang, 'chartPermits')} c=${c} series=${[flow('permitsSpent'), flow('permitsGranted')]} />
      <${Bars} lang=${lang} title=${t(lang, 'chartDelays')} c=${c} stacked series=${delays(lang, c)} />
      <${Bars} lang=${lang} title=${t(lang, 'chartErrors')} c=${c} stacked series=${named((s) => s.errors)} />
    </div>`}
  </${AnswerPanel}>`;
}

/**
 * Cards by the bounds of their delays, the shortest first; those of which there are none are left out.
 * @param {Lang} lang
 * @param {ChartsAnswer} c
 */
function delays(lang, c) {
  const start = '1970-01-01T00:00:00Z';
  return c.delays
    .map((bound) => ({
      name: bound === 'more' ? t(lang, 'beyond') : t(lang, 'within', apart(lang, start, new Date(Number(bound) * 1000).toISOString())),
      values: c.steps.map((s) => s.delays[bound] ?? 0),
    }))
    .filter((s) => s.values.some((v) => v > 0));
}
