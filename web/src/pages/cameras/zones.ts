// SPDX-License-Identifier: AGPL-3.0-or-later
// Privacy zones as they are edited: pure steps, with a history. Corners are 0 to 1 of width and height.
import type { Zones } from '../../api/types';

export const MOST_ZONES = 16;
export const MOST_CORNERS = 24;
export type Point = [number, number];

const within = (v: number) => Math.round(Math.min(1, Math.max(0, v)) * 10000) / 10000;
export const point = (x: number, y: number): Point => [within(x), within(y)];

export function moveCorner(zones: Zones, zone: number, corner: number, to: Point): Zones {
  return zones.map((z, i) => (i === zone ? z.map((p, k) => (k === corner ? point(...to) : p)) : z));
}
/** Moves a zone as a whole; at the edge of the picture it stops and keeps its shape. */
export function moveZone(zones: Zones, zone: number, dx: number, dy: number): Zones {
  const shape = zones[zone];
  if (!shape) return zones;
  const xs = shape.map((p) => p[0]);
  const ys = shape.map((p) => p[1]);
  const x = Math.min(1 - Math.max(...xs), Math.max(-Math.min(...xs), dx));
  const y = Math.min(1 - Math.max(...ys), Math.max(-Math.min(...ys), dy));
  return zones.map((z, i) => (i === zone ? z.map((p) => point(p[0] + x, p[1] + y)) : z));
}
/** A corner in the middle of the side that begins at @corner. */
export function addCorner(zones: Zones, zone: number, corner: number): Zones {
  const shape = zones[zone];
  if (!shape || shape.length >= MOST_CORNERS) return zones;
  const a = shape[corner]!;
  const b = shape[(corner + 1) % shape.length]!;
  return zones.map((z, i) => (i === zone ? [...z.slice(0, corner + 1), point((a[0] + b[0]) / 2, (a[1] + b[1]) / 2), ...z.slice(corner + 1)] : z));
}
/** Without a corner; a zone of three loses none. */
export function removeCorner(zones: Zones, zone: number, corner: number): Zones {
  return (zones[zone]?.length ?? 0) <= 3 ? zones : zones.map((z, i) => (i === zone ? z.filter((_, k) => k !== corner) : z));
}
export const removeZone = (zones: Zones, zone: number): Zones => zones.filter((_, i) => i !== zone);
export function addZone(zones: Zones, shape: Point[]): Zones {
  return zones.length >= MOST_ZONES || shape.length < 3 ? zones : [...zones, shape.slice(0, MOST_CORNERS).map((p) => point(...p))];
}
export const square = (): Point[] => [[0.4, 0.4], [0.6, 0.4], [0.6, 0.6], [0.4, 0.6]];

export interface History {
  past: Zones[];
  now: Zones;
  future: Zones[];
}
export const begin = (zones: Zones): History => ({ past: [], now: zones, future: [] });
export const push = (h: History, zones: Zones): History => (zones === h.now ? h : { past: [...h.past.slice(-99), h.now], now: zones, future: [] });
export const undo = (h: History): History => (h.past.length ? { past: h.past.slice(0, -1), now: h.past[h.past.length - 1]!, future: [h.now, ...h.future] } : h);
export const redo = (h: History): History => (h.future.length ? { past: [...h.past, h.now], now: h.future[0]!, future: h.future.slice(1) } : h);
