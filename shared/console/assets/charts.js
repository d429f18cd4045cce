// Bars over time, drawn as SVG; the numbers are there as a table too.
import { html, useState } from './ui.js';
import { moment, Table } from './api.js';
import { t } from './words.js';

const width = 600;
const height = 150;
const colours = 8; // .c0 to .c7 in console.css

/**
 * @param {{lang: import('./types.d.ts').Lang, title: string, c: import('./types.d.ts').Charts, series: {name: string, values: number[]}[], stacked?: boolean}} props
 */
export function Bars({ lang, title, c, series: given, stacked }) {
  const [table, setTable] = useState(false);
  const series = atMost(given, t(lang, 'others'));
  const steps = c.steps.length;
  const at = (/** @type {number} */ i) => new Date(Date.parse(c.from) + i * c.step * 1000).toISOString();
  const sums = c.steps.map((_, i) => series.reduce((sum, s) => sum + (s.values[i] ?? 0), 0));
  const top = Math.max(1, ...(stacked ? sums : series.flatMap((s) => s.values)));
  const step = width / steps;
  const bar = stacked ? step * 0.8 : (step * 0.8) / Math.max(1, series.length);
  const n = new Intl.NumberFormat(lang === 'zh' ? 'zh-CN' : 'en-GB');
  const totals = series.map((s) => ({ name: s.name, sum: s.values.reduce((x, y) => x + y, 0) }));

  const bars = c.steps.map((_, i) => {
    let below = 0;
    return series.map((s, k) => {
      const value = s.values[i] ?? 0;
      const h = (value / top) * height;
      const x = i * step + step * 0.1 + (stacked ? 0 : k * bar);
      const y = height - h - below;
      if (stacked) below += h;
      return value > 0 && html`<rect class=${'c' + (k % colours)} x=${x} y=${y} width=${bar} height=${h}><title>${moment(lang, at(i))} · ${s.name}: ${n.format(value)}</title></rect>`;
    });
  });
  const said = totals.map((s) => s.name + ' ' + n.format(s.sum)).join(', ');
  return html`<figure class="chart">
    <figcaption>${title}</figcaption>
    <svg viewBox=${`0 0 ${width} ${height + 1}`} preserveAspectRatio="none" role="img" aria-label=${title + ': ' + (said || t(lang, 'nothing'))}>
      <line x1="0" x2=${width} y1=${height + 0.5} y2=${height + 0.5} class="axis" />
      <line x1="0" x2=${width} y1="0.5" y2="0.5" class="grid" />
      ${bars}
    </svg>
    <div class="axis-words small dim"><span>${moment(lang, at(0))}</span><span>${t(lang, 'most', n.format(top))}</span><span>${moment(lang, at(steps - 1))}</span></div>
    <ul class="legend small">${totals.map((s, k) => html`<li><span class=${'key c' + (k % colours)}></span>${s.name} ${n.format(s.sum)}</li>`)}
      ${totals.length === 0 && html`<li class="dim">${t(lang, 'nothing')}</li>`}</ul>
    ${totals.length > 0 && html`<button type="button" class="quiet small" aria-expanded=${table} onClick=${() => setTable(!table)}>${t(lang, 'asTable')}<span class="sr-only"> ${title}</span></button>`}
    ${table && html`<${Table} label=${title} none="" head=${[t(lang, 'time'), ...series.map((s) => s.name)]}
      rows=${c.steps.map((_, i) => [moment(lang, at(i)), ...series.map((s) => n.format(s.values[i] ?? 0))]).filter((_, i) => (sums[i] ?? 0) > 0)} />`}
  </figure>`;
}

/**
 * The largest series; what is beyond colours is put together.
 * @param {{name: string, values: number[]}[]} series
 * @param {string} others
 */
function atMost(series, others) {
  if (series.length <= colours) return series;
  const sum = (/** @type {{values: number[]}} */ s) => s.values.reduce((x, y) => x + y, 0);
  const sorted = [...series].sort((x, y) => sum(y) - sum(x));
  const rest = sorted.slice(colours - 1);
  const first = rest[0];
  const together = first ? first.values.map((_, i) => rest.reduce((all, s) => all + (s.values[i] ?? 0), 0)) : [];
  return [...sorted.slice(0, colours - 1), { name: others, values: together }];
}
