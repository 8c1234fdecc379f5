// SPDX-License-Identifier: AGPL-3.0-or-later
// Which part of the picture is uncovered when: boxes that a person drew at some times, and straight lines in between.
// Nothing here looks into a picture. Where nobody pointed, everything stays covered.

export interface Box {
  x: number; // of the middle; all four are parts of the picture's width or height
  y: number;
  w: number;
  h: number;
}
export interface Region {
  id: number;
  keys: (Box & { time: number })[]; // ms, in order
}

export const ALONE_MS = 250; // how long a single point holds to either side

/** @box is drawn at @time; a point within one picture of it is replaced. */
export function setKey(region: Region, time: number, box: Box): Region {
  const keys = [...region.keys.filter((key) => Math.abs(key.time - time) > 20), { ...box, time }].sort((a, b) => a.time - b.time);
  return { ...region, keys };
}

/** The box at @time; null before the first point and after the last one. */
export function boxAt(region: Region, time: number): Box | null {
  const { keys } = region;
  const first = keys[0];
  const last = keys[keys.length - 1];
  if (!first || !last) return null;
  if (keys.length === 1) return Math.abs(time - first.time) <= ALONE_MS ? first : null;
  if (time < first.time || time > last.time) return null;
  const next = keys.findIndex((key) => key.time >= time);
  const b = keys[next]!;
  const a = keys[Math.max(0, next - 1)]!;
  const part = b.time === a.time ? 0 : (time - a.time) / (b.time - a.time);
  const mix = (from: number, to: number) => from + (to - from) * part;
  return { x: mix(a.x, b.x), y: mix(a.y, b.y), w: mix(a.w, b.w), h: mix(a.h, b.h) };
}

export const boxesAt = (regions: Region[], time: number): Box[] => regions.flatMap((region) => boxAt(region, time) ?? []);

/** From two corners, as parts of the picture; kept inside of it. */
export function boxOf(x0: number, y0: number, x1: number, y1: number): Box {
  const [a, b, c, d] = [x0, x1, y0, y1].map((v) => Math.min(1, Math.max(0, v))) as [number, number, number, number];
  return { x: (a + b) / 2, y: (c + d) / 2, w: Math.abs(b - a), h: Math.abs(d - c) };
}
