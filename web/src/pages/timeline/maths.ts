// SPDX-License-Identifier: AGPL-3.0-or-later
// The timeline's arithmetic: times in milliseconds UTC, places in CSS pixels. Pure; tested in test/timeline.test.ts.
import type { Gap } from '../../api/types';

export interface View {
  from: number;
  to: number;
}
export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
export const SHORTEST = 5 * SECOND;
export const LONGEST = 45 * DAY;

export const span = (view: View) => view.to - view.from;
export const timeAt = (view: View, x: number, width: number) => view.from + (x / Math.max(1, width)) * span(view);
export const placeOf = (view: View, time: number, width: number) => ((time - view.from) / span(view)) * width;

/** Zooms by @factor (below 1: closer) so that the time under @x stays where it is. */
export function zoomAt(view: View, factor: number, x: number, width: number): View {
  const length = Math.min(LONGEST, Math.max(SHORTEST, span(view) * factor));
  const still = timeAt(view, x, width);
  const from = still - (x / Math.max(1, width)) * length;
  return { from, to: from + length };
}
export const pan = (view: View, by: number): View => ({ from: view.from + by, to: view.to + by });

/** Keeps the view within reach: not further into the future than a tenth of itself, not before @earliest. */
export function clampView(view: View, earliest: number, now: number): View {
  const length = Math.min(LONGEST, Math.max(SHORTEST, span(view)));
  let from = Math.min(view.from, now + length * 0.1 - length);
  from = Math.max(from, Math.min(earliest, now - length));
  return { from, to: from + length };
}

/** The view moved as little as possible so that @time is not in its outer tenth. */
export function reveal(view: View, time: number): View {
  const edge = span(view) * 0.1;
  if (time < view.from + edge) return pan(view, time - edge - view.from);
  if (time > view.to - edge) return pan(view, time + edge - view.to);
  return view;
}

// ---- levels of detail: blocks of buckets that can be kept
export const BLOCK = 512; // buckets in a block
const BASE = 250; // ms of a bucket at level 0

/** The level at which a bucket is 1 to 2 pixels wide. */
export function levelOf(view: View, width: number): number {
  return Math.max(0, Math.floor(Math.log2((span(view) / Math.max(1, width)) * 2) - Math.log2(BASE)));
}
export const bucketMs = (level: number) => BASE * 2 ** level;
export const blockMs = (level: number) => bucketMs(level) * BLOCK;

/** Numbers of the blocks of @level that the view touches. */
export function blocksOf(view: View, level: number): number[] {
  const first = Math.floor(view.from / blockMs(level));
  const last = Math.floor((view.to - 1) / blockMs(level));
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

const DIGITS = '0123456789abcdefghijklmnopqrstuvwxyz';
/** One character a bucket, 0 to 35, as the server writes it; what is missing or unknown is 0. */
export function readDigits(text: string, count = text.length): Uint8Array {
  const out = new Uint8Array(count);
  for (let i = 0; i < Math.min(count, text.length); i++) out[i] = Math.max(0, DIGITS.indexOf(text[i]!));
  return out;
}

// ---- ticks
export interface Tick {
  time: number;
  major: boolean; // begins a day
}
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30].map((s) => s * SECOND).concat([1, 2, 5, 10, 15, 30].map((m) => m * MINUTE), [1, 2, 3, 6, 12].map((h) => h * HOUR), [1, 2, 7, 14].map((d) => d * DAY));

export function stepFor(view: View, width: number, least = 84): number {
  const wanted = (span(view) / Math.max(1, width)) * least;
  return STEPS.find((step) => step >= wanted) ?? STEPS[STEPS.length - 1]!;
}

/** Ticks on whole steps of the shown zone; @offset(time) is what to add to UTC for it. */
export function ticks(view: View, step: number, offset: (time: number) => number): Tick[] {
  const out: Tick[] = [];
  let time = Math.floor((view.from + offset(view.from)) / step) * step - offset(view.from);
  for (let guard = 0; time <= view.to && guard < 1000; guard++) {
    // A change of summer time moves what comes after it back onto whole steps.
    const local = time + offset(time);
    const whole = Math.round(local / step) * step;
    const at = time + (step >= HOUR ? whole - local : 0);
    if (at >= view.from && (out.length === 0 || at > out[out.length - 1]!.time)) out.push({ time: at, major: (at + offset(at)) % DAY === 0 });
    time = at + step;
  }
  return out;
}

/** The gap that @time lies in, or null. */
export function gapAt(gaps: readonly Gap[], time: number, now: number): Gap | null {
  const us = time * 1000;
  return gaps.find((gap) => gap.from_us <= us && us < (gap.to_us ?? now * 1000)) ?? null;
}

/** A selection in order, or null when it has no length. */
export function ordered(a: number | null, b: number | null): View | null {
  return a === null || b === null || a === b ? null : { from: Math.min(a, b), to: Math.max(a, b) };
}

export const RATES = [0.25, 0.5, 1, 2, 4, 8, 16] as const;
/** The next faster or slower rate; at the ends it stays. */
export function rateStep(rate: number, by: 1 | -1): number {
  const at = RATES.findIndex((r) => r >= Math.abs(rate));
  return RATES[Math.max(0, Math.min(RATES.length - 1, (at < 0 ? RATES.length - 1 : at) + by))]!;
}
