// Small components that all pages share. Text is only ever inserted as text.
import { html, useEffect } from './vendor/preact.js';
import { keepLang } from './i18n.js';

export { html, render, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from './vendor/preact.js';

/** @typedef {import('./i18n.js').Lang} Lang */

/**
 * The two languages, each by its own name.
 * @param {{lang: Lang, onChange: (lang: Lang) => void}} props
 */
export function Langs({ lang, onChange }) {
  useEffect(() => {
    document.documentElement.lang = lang === 'zh' ? 'zh-CN' : 'en';
  }, [lang]);
  /** @param {Lang} to */
  const choose = (to) => () => {
    keepLang(to);
    onChange(to);
  };
  return html`<div class="langs" role="group" aria-label="Language / 语言">
    <button type="button" lang="zh-CN" aria-pressed=${lang === 'zh'} onClick=${choose('zh')}>中文</button>
    <button type="button" lang="en" aria-pressed=${lang === 'en'} onClick=${choose('en')}>English</button>
  </div>`;
}

/**
 * @param {{label: string, note?: string, on: boolean, disabled?: boolean, onChange: (on: boolean) => void}} props
 */
export function Switch({ label, note, on, disabled, onChange }) {
  // What the server says counts: a click asks for a change, and the switch moves when it has happened.
  /** @param {Event} event */
  const click = (event) => {
    event.preventDefault();
    onChange(!on);
  };
  return html`<label class="switch">
    <input type="checkbox" role="switch" checked=${on} disabled=${disabled} onClick=${click} />
    <span>${label}${note && html`<br /><span class="small dim">${note}</span>`}</span>
  </label>`;
}

/**
 * @param {{id: string, title: string, children?: any, class?: string}} props
 */
export function Panel({ id, title, children, class: more }) {
  return html`<section class=${'panel ' + (more ?? '')} aria-labelledby=${id}>
    <h2 id=${id}>${title}</h2>
    ${children}
  </section>`;
}

/**
 * What went wrong, until it is closed or the next comes.
 * @param {{text: string, close: string, onClose: () => void}} props
 */
export function Toast({ text, close, onClose }) {
  return html`<div class="toasts" role="alert">
    ${text && html`<div class="toast">${text} <button type="button" onClick=${onClose}>${close}</button></div>`}
  </div>`;
}
