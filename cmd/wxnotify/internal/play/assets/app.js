// The play page: phones side by side, and below them what wxnotify did and why.
import { html, Langs, render, Toast, useCallback, useEffect, useState } from './ui.js';
import { firstLang } from './i18n.js';
import { listen } from './stream.js';
import { t } from './words.js';
import { Person } from './person.js';
import { Timeline } from './timeline.js';
import { Faults, Rules } from './controls.js';

/** @typedef {import('./types.d.ts').Snapshot} Snapshot */
/** @typedef {import('./types.d.ts').Entry} Entry */
/** @typedef {import('./types.d.ts').Act} Act */
/** @typedef {import('./types.d.ts').Words} Words */

const keep = 400; // lines

function App() {
  const [lang, setLang] = useState(firstLang);
  const [connected, setConnected] = useState(false);
  const [state, setState] = useState(/** @type {Snapshot | null} */ (null));
  const [lines, setLines] = useState(/** @type {Entry[]} */ ([]));
  const [fault, setFault] = useState(/** @type {Words | null} */ (null));
  const [third, setThird] = useState(false);

  useEffect(() => listen('/play/events', {
    state: setState,
    reset: () => setLines([]),
    line: (/** @type {Entry} */ line) => setLines((all) => [...all, line].slice(-keep)),
  }, setConnected), []);
  useEffect(() => {
    document.title = t(lang, 'title');
  }, [lang]);

  /** @type {Act} */
  const act = useCallback(async (/** @type {Record<string, unknown>} */ what) => {
    setFault(null);
    try {
      const response = await fetch('/play/act', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(what),
      });
      if (response.ok) return true;
      const { error } = await response.json();
      setFault(typeof error === 'string' ? { en: error, zh: error } : error);
    } catch {
      setFault({ en: t('en', 'noAnswer'), zh: t('zh', 'noAnswer') });
    }
    return false;
  }, []);

  const shown = state ? state.phones.slice(0, third ? 3 : 2) : [];
  const other = state?.phones[2]?.user ?? '';
  return html`
    <header class="top">
      <div>
        <h1>${t(lang, 'title')}</h1>
        <p class="dim">${t(lang, 'intro')}</p>
      </div>
      <div class="top-side">
        ${other && html`<button type="button" aria-expanded=${third} onClick=${() => setThird(!third)}>${t(lang, third ? 'hideThird' : 'showThird', other)}</button>`}
        <${Langs} lang=${lang} onChange=${setLang} />
        <span class=${'status small ' + (connected ? 'on' : 'off')} role="status">${t(lang, connected ? 'live' : 'cut')}</span>
      </div>
    </header>
    <main>
      ${!state && html`<p class="panel">${t(lang, 'loading')}</p>`}
      ${state && html`
        <section aria-labelledby="phones">
          <h2 id="phones" class="sr-only">${t(lang, 'phones')}</h2>
          <div class="people">
            ${shown.map((phone) => html`<${Person} key=${phone.user} lang=${lang} phone=${phone} state=${state} act=${act} />`)}
          </div>
        </section>
        <${Timeline} lang=${lang} lines=${lines} />
        <div class="below">
          <${Rules} lang=${lang} state=${state} act=${act} />
          <${Faults} lang=${lang} state=${state} act=${act} />
        </div>`}
    </main>
    <${Toast} text=${fault ? fault[lang] : ''} close=${t(lang, 'close')} onClose=${() => setFault(null)} />`;
}

const root = document.getElementById('app');
if (root) render(html`<${App} />`, root);
