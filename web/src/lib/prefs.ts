// SPDX-License-Identifier: AGPL-3.0-or-later
// What this browser remembers. Nothing about cameras or people: colours, language, time zone, width of the rail.
import { effect, signal } from '@preact/signals';

function stored<T extends string>(name: string, allowed: readonly T[], fallback: T) {
  let first = fallback;
  try {
    const value = localStorage.getItem(`lethe.${name}`) as T | null;
    if (value !== null && allowed.includes(value)) first = value;
  } catch {
    /* storage is off */
  }
  const pref = signal<T>(first);
  effect(() => {
    const value = pref.value;
    try {
      localStorage.setItem(`lethe.${name}`, value);
    } catch {
      /* storage is off: for this visit only */
    }
  });
  return pref;
}

export type Theme = 'system' | 'light' | 'dark';
export const theme = stored<Theme>('theme', ['system', 'light', 'dark'], 'system');
export const zone = stored<'local' | 'utc'>('zone', ['local', 'utc'], 'local');
export const rail = stored<'wide' | 'narrow'>('rail', ['wide', 'narrow'], 'wide');

export function applyTheme() {
  effect(() => {
    if (theme.value === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme.value;
  });
}
