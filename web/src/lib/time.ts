// SPDX-License-Identifier: AGPL-3.0-or-later
// Times are microseconds UTC in the API and milliseconds UTC in the page. Shown in local time or UTC, as chosen.
import { locale, t, tn } from '../i18n';
import { zone } from './prefs';

const timeZone = () => (zone.value === 'utc' ? 'UTC' : undefined);
const cache = new Map<string, Intl.DateTimeFormat>();

function format(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${locale()} ${timeZone()} ${JSON.stringify(options)}`;
  let found = cache.get(key);
  if (!found) cache.set(key, (found = new Intl.DateTimeFormat(locale(), { hourCycle: 'h23', timeZone: timeZone(), ...options })));
  return found;
}

const hms: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit', second: '2-digit' };
export const clockTime = (ms: number) => format(hms).format(ms);
export const shortTime = (ms: number) => format({ hour: '2-digit', minute: '2-digit' }).format(ms);
export const day = (ms: number) => format({ weekday: 'short', day: 'numeric', month: 'short' }).format(ms);
export const longDay = (ms: number) => format({ weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' }).format(ms);
export const dateTime = (ms: number) => format({ day: 'numeric', month: 'short', year: 'numeric', ...hms }).format(ms);
export const exactTime = (ms: number) => `${clockTime(ms)}.${String(Math.floor(((ms % 1000) + 1000) % 1000)).padStart(3, '0')}`;
export const zoneName = () =>
  zone.value === 'utc'
    ? 'UTC'
    : (new Intl.DateTimeFormat('en-GB', { timeZoneName: 'short' }).formatToParts().find((part) => part.type === 'timeZoneName')?.value ?? '');

/** What a span of milliseconds is called, with @units units at most. */
export function duration(ms: number, units = 2): string {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return tn('time.seconds', s);
  const parts: [number, 'time.days' | 'time.hours' | 'time.minutes' | 'time.seconds'][] = [
    [Math.floor(s / 86400), 'time.days'],
    [Math.floor(s / 3600) % 24, 'time.hours'],
    [Math.floor(s / 60) % 60, 'time.minutes'],
    [s % 60, 'time.seconds'],
  ];
  const first = parts.findIndex(([n]) => n > 0);
  return parts.slice(first, first + units).filter(([n]) => n > 0).map(([n, unit]) => tn(unit, n)).join(t('time.join'));
}

export function ago(ms: number, now = Date.now()): string {
  const past = now - ms;
  return past < 2000 ? t('time.now') : t('time.ago', { span: duration(past < 60000 ? past : Math.floor(past / 60000) * 60000) });
}

/** RFC 3339 with as many digits as a microsecond API wants. */
export const iso = (ms: number) => new Date(ms).toISOString();

/** For <input type=datetime-local step=1>, in the zone that is shown. */
export function toInput(ms: number): string {
  const shift = zone.value === 'utc' ? 0 : new Date(ms).getTimezoneOffset() * 60000;
  return new Date(ms - shift).toISOString().slice(0, 19);
}
export function fromInput(text: string): number | null {
  const ms = Date.parse(zone.value === 'utc' ? `${text}Z` : text);
  return Number.isNaN(ms) ? null : ms;
}

export function bytes(n: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let i = 0;
  while (n >= 1000 && i < units.length - 1) {
    n /= 1000;
    i++;
  }
  return `${n.toLocaleString(locale(), { maximumFractionDigits: n < 10 && i > 0 ? 1 : 0 })} ${units[i]}`;
}
export const bitrate = (bps: number) => (bps >= 1e6 ? `${(bps / 1e6).toLocaleString(locale(), { maximumFractionDigits: 1 })} Mbit/s` : `${Math.round(bps / 1e3)} kbit/s`);
export const percent = (part: number) => part.toLocaleString(locale(), { style: 'percent', maximumFractionDigits: 0 });
