// The running story, as the terminal has it.
import { html, Panel, useLayoutEffect, useRef, useState } from './ui.js';
import { timeOfDay } from './i18n.js';
import { t } from './words.js';

/** @typedef {import('./types.d.ts').Lang} Lang */
/** @typedef {import('./types.d.ts').Entry} Entry */

const signs = { good: '✓', none: '–', bad: '✗' };

/**
 * @param {{lang: Lang, lines: Entry[]}} props
 */
export function Timeline({ lang, lines }) {
  const [onlyUs, setOnlyUs] = useState(false);
  const list = useRef(/** @type {HTMLElement | null} */ (null));
  const atEnd = useRef(true);
  const shown = onlyUs ? lines.filter((l) => l.kind === 'wxnotify') : lines;
  // It follows what comes in, unless the reader has scrolled up.
  useLayoutEffect(() => {
    if (list.current && atEnd.current) list.current.scrollTop = list.current.scrollHeight;
  }, [lines, onlyUs, lang]);
  const scrolled = () => {
    const e = list.current;
    if (e) atEnd.current = e.scrollHeight - e.scrollTop - e.clientHeight < 40;
  };
  return html`<${Panel} id="timeline" title=${t(lang, 'timeline')} class="timeline">
    <div class="timeline-head small">
    <p class="dim">${t(lang, 'timelineNote')}</p>
    <label class="only"><input type="checkbox" checked=${onlyUs} onChange=${(/** @type {any} */ e) => setOnlyUs(e.target.checked)} /> ${t(lang, 'onlyUs')}</label>
    </div>
    <div class="lines" role="log" aria-labelledby="timeline" tabindex="0" ref=${list} onScroll=${scrolled}>
      ${shown.map((line, i) => html`<${Row} key=${i} lang=${lang} line=${line} />`)}
    </div>
  <//>`;
}

/**
 * @param {{lang: Lang, line: Entry}} props
 */
function Row({ lang, line }) {
  const mood = line.mood || undefined;
  return html`<div class=${'line ' + line.kind + ' ' + (mood ?? '')}>
    <span class="at">${timeOfDay(line.at)}</span>
    <span class="actor">${line.actor[lang]}</span>
    <span class="text">
      ${mood && html`<span class="sign" role="img" aria-label=${t(lang, mood)}>${signs[mood]}</span> `}${line.text[lang]}
      ${line.note && html` <span class="note">${line.note}</span>`}
      ${line.why && html`<q class="why">${line.why[lang]}</q>`}
    </span>
  </div>`;
}
