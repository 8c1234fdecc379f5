// SPDX-License-Identifier: AGPL-3.0-or-later
// The translation table's reader. Every text that the application shows comes through t() or tn().
import { signal } from '@preact/signals';
import { en, type Key, type Table } from './en';
import { zhHant } from './zh-Hant';

export type Language = 'en' | 'zh-Hant';
export type { Key };
export const languages: { id: Language; name: string }[] = [
  { id: 'en', name: 'English' },
  { id: 'zh-Hant', name: '繁體中文' },
];
const tables: Record<Language, Table> = { en, 'zh-Hant': zhHant };

function preferred(): Language {
  try {
    const stored = localStorage.getItem('lethe.lang');
    if (stored === 'en' || stored === 'zh-Hant') return stored;
  } catch {
    /* storage is off */
  }
  const wanted = typeof navigator === 'undefined' ? [] : navigator.languages;
  for (const tag of wanted) {
    if (/^en\b/i.test(tag)) return 'en';
    if (/^(zh-(hant|hk|tw|mo)|yue)\b/i.test(tag)) return 'zh-Hant';
  }
  return 'en';
}

export const language = signal<Language>(preferred());

export function setLanguage(next: Language) {
  language.value = next;
  document.documentElement.lang = next === 'zh-Hant' ? 'zh-Hant-HK' : next;
  try {
    localStorage.setItem('lethe.lang', next);
  } catch {
    /* storage is off: for this visit only */
  }
}

/** The locale that dates and numbers are written in. */
export const locale = () => (language.value === 'en' ? 'en-GB' : 'zh-HK');

export type Values = Record<string, string | number>;

/** Puts values into the {names} of a text. Unknown names stay, so that a mistake is seen. */
export function fill(text: string, values?: Values): string {
  return values ? text.replace(/\{(\w+)\}/g, (all, name: string) => (name in values ? String(values[name]) : all)) : text;
}

export function t(key: Key, values?: Values): string {
  return fill(tables[language.value][key], values);
}

type Stem<K> = K extends `${infer S}.other` ? S : never;

/** A text that depends on a number: KEY.one or KEY.other. {n} is the number, written in the reader's way. */
export function tn(stem: Stem<Key>, n: number, values?: Values): string {
  const form = new Intl.PluralRules(locale()).select(n) === 'one' ? 'one' : 'other';
  return t(`${stem}.${form}` as Key, { n: n.toLocaleString(locale()), ...values });
}

/** A text whose key is made from data of the server; falls back to @fallback when there is none. */
export function maybe(key: string, fallback: string): string {
  const table = tables[language.value] as Record<string, string>;
  return table[key] ?? fallback;
}
