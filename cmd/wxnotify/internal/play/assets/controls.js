// The rules in force, and what goes wrong on purpose.
import { html, Panel, Switch, useEffect, useState } from './ui.js';
import { duration } from './i18n.js';
import { t } from './words.js';

/** @typedef {import('./types.d.ts').Lang} Lang */
/** @typedef {import('./types.d.ts').Snapshot} Snapshot */
/** @typedef {import('./types.d.ts').Rules} RulesOf */
/** @typedef {import('./types.d.ts').Act} Act */

const times = /** @type {const} */ (['lead', 'blindWindow', 'grace']);
const choices = { calls: ['keep', 'always'], preview: ['none', 'sender', 'text'] };

/**
 * @param {{lang: Lang, state: Snapshot, act: Act}} props
 */
export function Rules({ lang, state, act }) {
  const [draft, setDraft] = useState(() => texts(state.rules));
  const inForce = JSON.stringify(state.rules);
  useEffect(() => setDraft(texts(state.rules)), [inForce]);
  /** @param {keyof RulesOf} name */
  const change = (name) => (/** @type {any} */ event) => setDraft({ ...draft, [name]: event.target.value });
  /** @param {Event} event */
  const submit = (event) => {
    event.preventDefault();
    void act({ do: 'rules', rules: {
      lead: Number(draft.lead), blindWindow: Number(draft.blindWindow), grace: Number(draft.grace),
      digest: draft.digest.split(/[\s,，]+/).filter(Boolean).map(Number),
      keepForFirst: Number(draft.keepForFirst), calls: draft.calls, preview: draft.preview,
    } });
  };
  const off = !state.adjustable;
  const l = state.leaving;
  return html`<${Panel} id="rules" title=${t(lang, 'rules')}>
    <p class="small dim">${t(lang, off ? 'fixed' : 'rulesNote')}</p>
    <form class="rules" onSubmit=${submit}>
      ${times.map((name) => html`<${Row} key=${name} lang=${lang} name=${name} usual=${duration(lang, state.usual[name])}>
        <input id=${'rule-' + name} type="number" min="0" step="0.1" required disabled=${off} value=${draft[name]} onInput=${change(name)} aria-describedby=${'usual-' + name} /> ${t(lang, 'seconds')}
      <//>`)}
      <${Row} lang=${lang} name="digest" usual=${state.usual.digest.map((s) => duration(lang, s)).join(', ')}>
        <input id="rule-digest" required disabled=${off} pattern="[0-9., ，]+" value=${draft.digest} onInput=${change('digest')} aria-describedby="usual-digest" /> ${t(lang, 'seconds')}
      <//>
      <${Row} lang=${lang} name="keepForFirst" usual=${state.usual.keepForFirst}>
        <input id="rule-keepForFirst" type="number" min="0" max="1000" required disabled=${off} value=${draft.keepForFirst} onInput=${change('keepForFirst')} aria-describedby="usual-keepForFirst" />
      <//>
      ${/** @type {const} */ (['calls', 'preview']).map((name) => html`<${Row} key=${name} lang=${lang} name=${name} usual=${state.usual[name]}>
        <select id=${'rule-' + name} disabled=${off} value=${draft[name]} onChange=${change(name)} aria-describedby=${'usual-' + name}>
          ${choices[name].map((c) => html`<option key=${c} value=${c}>${c}</option>`)}
        </select>
      <//>`)}
      <p><button type="submit" class="primary" disabled=${off}>${t(lang, 'apply')}</button></p>
    </form>
    <p class="small" role="status">${state.stale ? t(lang, 'stale', state.stale) : ''}</p>
    <p class="small dim">${t(lang, 'leaving', duration(lang, l.close), duration(lang, l.background), duration(lang, l.network))}</p>
  <//>`;
}

/**
 * @param {RulesOf} r
 * @returns {Record<keyof RulesOf, string>}
 */
function texts(r) {
  return { lead: String(r.lead), blindWindow: String(r.blindWindow), grace: String(r.grace), digest: r.digest.join(', '),
    keepForFirst: String(r.keepForFirst), calls: r.calls, preview: r.preview };
}

/**
 * @param {{lang: Lang, name: keyof RulesOf, usual: string | number, children?: any}} props
 */
function Row({ lang, name, usual, children }) {
  return html`<div class="rule">
    <label for=${'rule-' + name}>${t(lang, name)}</label>
    <span class="value">${children} <span id=${'usual-' + name} class="small dim">${t(lang, 'usually', usual)}</span></span>
  </div>`;
}

/**
 * @param {{lang: Lang, state: Snapshot, act: Act}} props
 */
export function Faults({ lang, state, act }) {
  /** @param {'slow' | 'refused' | 'store'} fault */
  const flip = (fault) => (/** @type {boolean} */ on) => act({ do: 'fault', fault, on });
  return html`<${Panel} id="faults" title=${t(lang, 'faults')}>
    <${Switch} label=${t(lang, 'slow')} note=${t(lang, 'slowNote')} on=${state.faults.slow} onChange=${flip('slow')} />
    <${Switch} label=${t(lang, 'refused')} note=${t(lang, 'refusedNote')} on=${state.faults.refused} onChange=${flip('refused')} />
    <${Switch} label=${t(lang, 'store')} note=${t(lang, 'storeNote')} on=${state.faults.store} onChange=${flip('store')} />
    <p><button type="button" onClick=${() => act({ do: 'token' })}>${t(lang, 'token')}</button></p>
  <//>`;
}
