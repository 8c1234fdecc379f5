// SPDX-License-Identifier: AGPL-3.0-or-later
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { en } from '../src/i18n/en';
import { fill, language, languages, t, tn } from '../src/i18n';
import { zhHant } from '../src/i18n/zh-Hant';

const source = join(__dirname, '../src');
function files(dir: string): string[] {
  return readdirSync(dir).flatMap((name) => {
    const path = join(dir, name);
    return statSync(path).isDirectory() ? files(path) : /\.tsx?$/.test(name) && !/schema\.ts$|i18n\/(cases\.)?(en|zh-Hant)\.ts$/.test(path) ? [path] : [];
  });
}
const code = files(source).map((path) => ({ path: path.slice(source.length + 1), text: readFileSync(path, 'utf8') }));
const placeholders = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort();

describe('translation table', () => {
  it('has the same keys in every language', () => {
    expect(Object.keys(zhHant).sort()).toEqual(Object.keys(en).sort());
    expect(languages.map((l) => l.id)).toEqual(['en', 'zh-Hant']);
  });
  it.each(Object.keys(en) as (keyof typeof en)[])('%s is written, and uses the same values', (key) => {
    expect(zhHant[key]).not.toBe('');
    expect(placeholders(zhHant[key])).toEqual(placeholders(en[key]));
  });
  it('is translated: Chinese has Chinese in it, but for names and units', () => {
    const latin = Object.entries(zhHant).filter(([key, text]) => !/\p{Script=Han}/u.test(text) && text === en[key as keyof typeof en]);
    expect(latin.map(([key]) => key).filter((key) => !/^(time\.join|zone\.utc|format\.|unit\.)/.test(key))).toEqual([]);
  });
  it('has .one and .other in pairs', () => {
    for (const key of Object.keys(en).filter((k) => /\.(one|other)$/.test(k))) expect(en).toHaveProperty([key.replace(/(one|other)$/, (x) => (x === 'one' ? 'other' : 'one'))]);
  });
  it('has every key that the code asks for', () => {
    const asked = code.flatMap(({ text }) => [...text.matchAll(/\bt\('([^']+)'/g)].map((m) => m[1]!));
    expect(asked.filter((key) => !(key in en))).toEqual([]);
    const counted = code.flatMap(({ text }) => [...text.matchAll(/\btn\('([^']+)'/g)].map((m) => m[1]!));
    expect(counted.filter((stem) => !(`${stem}.other` in en))).toEqual([]);
  });
  it('has no key that nothing asks for', () => {
    const all = code.map(({ text }) => text).join('\n');
    const stems = [...all.matchAll(/`([\w.-]*)\$\{/g)].map((m) => m[1]!).filter(Boolean);
    const unused = Object.keys(en).filter((key) => {
      const stem = key.replace(/\.(one|other)$/, '');
      return !all.includes(`'${key}'`) && !all.includes(`'${stem}'`) && !stems.some((s) => key.startsWith(s));
    });
    expect(unused).toEqual([]);
  });
  it('leaves no text of its own in the pages', () => {
    const bare = code
      .filter(({ path }) => path.endsWith('.tsx'))
      .flatMap(({ path, text }) => [...text.matchAll(/>\s*([A-Z][a-z]+(?: [a-z]+)+[.!?]?)\s*</g)].map((m) => `${path}: ${m[1]}`));
    expect(bare).toEqual([]);
  });
});

describe('t', () => {
  it('fills values, and leaves what is not known to be seen', () => {
    expect(fill('{a} of {b}', { a: 1 })).toBe('1 of {b}');
  });
  it('counts', () => {
    language.value = 'en';
    expect(tn('time.hours', 1)).toBe('1 hour');
    expect(tn('time.hours', 2)).toBe('2 hours');
    language.value = 'zh-Hant';
    expect(tn('time.hours', 1)).toBe('1 小時');
    expect(t('action.close')).toBe('關閉');
    language.value = 'en';
  });
});
