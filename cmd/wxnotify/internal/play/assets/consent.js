// The dialog of wx.requestSubscribeMessage, as WeChat draws it: a sheet at the bottom of the phone.
import { html, useEffect, useRef, useState } from './ui.js';
import { t } from './words.js';

/** @typedef {import('./types.d.ts').Lang} Lang */

/**
 * @param {{lang: Lang, titles: string[], id: string, onAnswer: (allow: boolean, keep: boolean) => void}} props
 */
export function Consent({ lang, titles, id, onAnswer }) {
  const [keep, setKeep] = useState(false);
  const first = useRef(/** @type {HTMLButtonElement | null} */ (null));
  useEffect(() => first.current?.focus({ preventScroll: true }), []);
  /** @param {KeyboardEvent} event */
  const key = (event) => {
    if (event.key === 'Escape') onAnswer(false, false);
  };
  return html`<div class="sheet-over">
    <div class="sheet" role="dialog" aria-labelledby=${id} onKeyDown=${key}>
      <p class="sheet-head"><span class="app-icon" aria-hidden="true"></span>${t(lang, 'appName')}</p>
      <p id=${id} class="sheet-title">${t(lang, 'dialogTitle', t(lang, 'appName'))}</p>
      ${titles.map((title) => html`<p class="sheet-item" lang="zh-CN"><span class="tick" aria-hidden="true">✓</span>${title}</p>`)}
      <label class="sheet-keep small"><input type="checkbox" checked=${keep} onChange=${(/** @type {any} */ e) => setKeep(e.target.checked)} />${t(lang, 'dialogKeep')}</label>
      <div class="sheet-buttons">
        <button type="button" class="refuse" onClick=${() => onAnswer(false, keep)}>${t(lang, 'cancel')}</button>
        <button type="button" class="allow" ref=${first} onClick=${() => onAnswer(true, keep)}>${t(lang, 'allow')}</button>
      </div>
    </div>
  </div>`;
}
