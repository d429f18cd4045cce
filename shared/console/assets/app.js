// The operator's console: signing in, and the way between its screens.
import { html, Langs, render, useEffect, useState } from './ui.js';
import { firstLang } from './i18n.js';
import { call, signedOut } from './api.js';
import { t } from './words.js';
import { OverviewScreen } from './overview.js';
import { FindScreen } from './find.js';
import { DeadScreen, QueueScreen, SettingsScreen } from './lists.js';

/** @typedef {import('./types.d.ts').Fault} Fault */
/** @typedef {import('./types.d.ts').Lang} Lang */

/** @type {['overview' | 'find' | 'queue' | 'dead' | 'settings', (props: {lang: Lang, rest: string[]}) => any][]} */
const screens = [['overview', OverviewScreen], ['find', FindScreen], ['queue', QueueScreen], ['dead', DeadScreen], ['settings', SettingsScreen]];

/** The token behind the # of the address that the terminal tells: it is used up at once, and leaves the address. */
function ticketInAddress() {
  const found = /^#([A-Z2-7]{26})$/.exec(location.hash);
  if (found) history.replaceState(null, '', location.pathname);
  return found?.[1] ?? '';
}

function App() {
  const [lang, setLang] = useState(firstLang);
  const [known, setKnown] = useState(/** @type {boolean | null} */ (null)); // signed in; null: not known yet
  const [fault, setFault] = useState(/** @type {Fault | null} */ (null));
  const [hash, setHash] = useState(location.hash);

  useEffect(() => {
    signedOut.tell = (why) => {
      setFault(why);
      setKnown(false);
    };
    const ticket = ticketInAddress();
    (ticket ? call('session', 'POST', { token: ticket }) : call('session')).then(
      () => setKnown(true),
      (why) => {
        setFault(why.code === 'sign_in' ? null : why);
        setKnown(false);
      },
    );
    const moved = () => setHash(location.hash);
    addEventListener('hashchange', moved);
    return () => removeEventListener('hashchange', moved);
  }, []);

  const [name, ...rest] = hash.slice(1).split('/').map(decoded);
  const [at, Screen] = screens.find(([one]) => one === name) ?? screens[0];
  useEffect(() => {
    document.title = t(lang, 'title') + (known ? ' · ' + t(lang, at) : '');
  }, [lang, at, known]);

  const leave = async () => {
    await call('session', 'DELETE').catch(() => {});
    setFault(null);
    setKnown(false);
  };
  return html`
    <header class="top">
      <h1>${t(lang, 'title')}</h1>
      ${known && html`<nav aria-label=${t(lang, 'screens')}>
        ${screens.map(([one]) => html`<a href=${'#' + one} aria-current=${one === at ? 'page' : false}>${t(lang, one)}</a>`)}
      </nav>`}
      <div class="top-side">
        <${Langs} lang=${lang} onChange=${setLang} />
        ${known && html`<button type="button" class="quiet" onClick=${leave}>${t(lang, 'signOut')}</button>`}
      </div>
    </header>
    <main>
      ${known === null && html`<p class="panel">${t(lang, 'loading')}</p>`}
      ${known === false && html`<${SignIn} lang=${lang} fault=${fault} onDone=${() => { setFault(null); setKnown(true); }} />`}
      ${known && html`<${Screen} key=${at} lang=${lang} rest=${rest} />`}
    </main>`;
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** @param {{lang: Lang, fault: Fault | null, onDone: () => void}} props */
function SignIn({ lang, fault: before, onDone }) {
  const [token, setToken] = useState('');
  const [fault, setFault] = useState(before);
  /** @param {Event} event */
  const submit = async (event) => {
    event.preventDefault();
    try {
      await call('session', 'POST', { token: token.trim() });
      onDone();
    } catch (why) {
      setFault(/** @type {Fault} */ (why));
    }
  };
  return html`<form class="panel sign-in" onSubmit=${submit}>
    <h2>${t(lang, 'signIn')}</h2>
    <p class="dim">${t(lang, 'signInNote')}</p>
    ${fault && html`<p class="fault" role="alert">${fault.error[lang]}</p>`}
    <label for="token">${t(lang, 'token')}</label>
    <div class="row">
      <input id="token" type="password" autocomplete="off" spellcheck=${false} value=${token} onInput=${(/** @type {any} */ e) => setToken(e.target.value)} />
      <button type="submit" class="primary">${t(lang, 'signIn')}</button>
    </div>
  </form>`;
}

const root = document.getElementById('app');
if (root) render(html`<${App} />`, root);
