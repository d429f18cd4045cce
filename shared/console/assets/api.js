// The API, and panels that are filled by it.
import { html, useCallback, useEffect, useState } from './ui.js';
import { t } from './words.js';

/** @typedef {import('./types.d.ts').Fault} Fault */
/** @typedef {import('./types.d.ts').Lang} Lang */

/** @type {Fault} */
const noAnswer = { code: 'no_answer', error: { en: t('en', 'noAnswer'), zh: t('zh', 'noAnswer') } };

/**
 * Calls the API. What is refused is thrown, as a Fault.
 * @param {string} path
 * @param {string} [method]
 * @param {unknown} [body]
 * @returns {Promise<any>}
 */
export async function call(path, method = 'GET', body) {
  let response;
  let answer;
  try {
    const headers = { 'Content-Type': 'application/json' };
    response = await fetch('/api/' + path, method === 'GET' ? {} : { method, headers, body: JSON.stringify(body ?? {}) });
    answer = await response.json();
  } catch {
    throw noAnswer;
  }
  if (response.ok) return answer;
  throw /** @type {Fault} */ (answer.code ? answer : { code: 'refused', error: { en: String(answer.error), zh: String(answer.error) } });
}

/**
 * Whoever hears that somebody has to sign in.
 * @type {{tell: (fault: Fault) => void}}
 */
export const signedOut = { tell: () => {} };

/**
 * Calls the API, and once more by again. Of a path that is empty there is nothing.
 * @template T
 * @param {string} path
 * @returns {{data: T | null, fault: Fault | null, busy: boolean, again: () => void}}
 */
export function useAnswer(path) {
  const [state, setState] = useState(/** @type {{path: string, data: T | null, fault: Fault | null, busy: boolean}} */ ({ path: '', data: null, fault: null, busy: false }));
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let over = false;
    if (!path) return undefined;
    setState((before) => ({ path, data: before.path === path ? before.data : null, fault: null, busy: true }));
    call(path).then(
      (data) => over || setState({ path, data, fault: null, busy: false }),
      (fault) => {
        if (over) return;
        setState((before) => ({ ...before, fault, busy: false }));
        if (fault.code === 'sign_in' || fault.code === 'expired') signedOut.tell(fault);
      },
    );
    return () => {
      over = true;
    };
  }, [path, turn]);
  const again = useCallback(() => setTurn((n) => n + 1), []);
  return { ...state, again };
}

/**
 * A panel says by itself what is wrong with it; what it last knew stays.
 * @param {{id: string, title: string, lang: Lang, answer: {data: unknown, fault: Fault | null, busy: boolean, again: () => void}, side?: any, children?: any}} props
 */
export function AnswerPanel({ id, title, lang, answer, side, children }) {
  return html`<section class="panel" aria-labelledby=${id} aria-busy=${answer.busy}>
    <div class="panel-head">
      <h2 id=${id}>${title}</h2>
      <div class="panel-side">
        ${side}
        <button type="button" class="quiet" onClick=${answer.again} aria-label=${t(lang, 'refreshOf', title)}>${t(lang, 'refresh')}</button>
      </div>
    </div>
    ${answer.fault && html`<p class="fault" role="alert">${answer.fault.error[lang]}</p>`}
    ${!answer.data && !answer.fault && html`<p class="dim">${t(lang, 'loading')}</p>`}
    ${answer.data && children}
  </section>`;
}

/**
 * A table that scrolls by itself where it is too wide.
 * @param {{label: string, head: string[], rows: any[][], none: string}} props
 */
export function Table({ label, head, rows, none }) {
  if (rows.length === 0) return html`<p class="dim">${none}</p>`;
  return html`<div class="scroll" tabindex="0" role="group" aria-label=${label}>
    <table>
      <thead><tr>${head.map((h) => html`<th scope="col">${h}</th>`)}</tr></thead>
      <tbody>${rows.map((row) => html`<tr>${row.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody>
    </table>
  </div>`;
}

/**
 * A time, by the reader's clock.
 * @param {Lang} lang
 * @param {string | null | undefined} at
 */
export function moment(lang, at) {
  if (!at) return '';
  return new Date(at).toLocaleString(lang === 'zh' ? 'zh-CN' : 'en-GB', { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit' });
}

/**
 * How far apart two times are, in words: 3 min.
 * @param {Lang} lang
 * @param {string} from
 * @param {string} until
 */
export function apart(lang, from, until) {
  const s = Math.max(0, Math.round((Date.parse(until) - Date.parse(from)) / 1000));
  /** @type {[number, string, string][]} */
  const units = [[86400, ' d', ' 天'], [3600, ' h', ' 小时'], [60, ' min', ' 分钟'], [1, ' s', ' 秒']];
  for (const [size, en, zh] of units) {
    if (s >= size) return Math.floor(s / size) + (lang === 'zh' ? zh : en);
  }
  return lang === 'zh' ? '0 秒' : '0 s';
}

/**
 * A link to what is known of a user, a message, a card.
 * @param {{by: string, id: string, children?: any}} props
 */
export function Find({ by, id, children }) {
  return html`<a href=${'#find/' + by + '/' + encodeURIComponent(id)}>${children ?? id}</a>`;
}
