// Languages: that of the browser, until the reader chooses another.

/** @typedef {'en' | 'zh'} Lang */
/** @typedef {{en: string, zh: string}} Words what the server says in both languages */

const key = 'wxnotify-lang';

/**
 * The language to begin with: the one chosen before, else the first of the browser's that there is.
 * @returns {Lang}
 */
export function firstLang() {
  const asked = [stored(), ...(navigator.languages ?? [navigator.language])];
  for (const tag of asked) {
    if (/^zh\b/i.test(tag)) return 'zh';
    if (/^en\b/i.test(tag)) return 'en';
  }
  return 'en';
}

/** @param {Lang} lang */
export function keepLang(lang) {
  try {
    localStorage.setItem(key, lang);
  } catch {
    // A browser that keeps nothing asks again next time.
  }
}

/** @returns {string} */
function stored() {
  try {
    return localStorage.getItem(key) ?? '';
  } catch {
    return '';
  }
}

/**
 * The translator of a catalogue: each key has its English and its Chinese text, in which {0}, {1}, ... are
 * filled in.
 * @template {string} Key
 * @param {Record<Key, [string, string]>} catalogue
 * @returns {(lang: Lang, key: Key, ...args: (string | number)[]) => string}
 */
export function translator(catalogue) {
  return (lang, name, ...args) => {
    const text = catalogue[name][lang === 'zh' ? 1 : 0];
    return text.replace(/\{(\d)\}/g, (_, i) => String(args[Number(i)] ?? ''));
  };
}

/**
 * The time of day, by the reader's clock.
 * @param {string | undefined} at RFC 3339
 */
export function timeOfDay(at) {
  return at ? new Date(at).toLocaleTimeString('en-GB') : '';
}

/**
 * @param {Lang} lang
 * @param {number} seconds
 */
export function duration(lang, seconds) {
  /** @type {[number, string, string][]} */
  const units = [[3600, ' h', ' 小时'], [60, ' min', ' 分钟']];
  for (const [size, en, zh] of units) {
    if (seconds >= size && seconds % size === 0) return seconds / size + (lang === 'zh' ? zh : en);
  }
  return seconds + (lang === 'zh' ? ' 秒' : ' s');
}
