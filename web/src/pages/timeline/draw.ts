// SPDX-License-Identifier: AGPL-3.0-or-later
// Paints ruler and tracks. Colours come from the design tokens, so that both schemes are right.
import { locale } from '../../i18n';
import { day, clockTime, shortTime } from '../../lib/time';
import { zone } from '../../lib/prefs';
import { BLOCK, DAY, MINUTE, blockMs, bucketMs, blocksOf, levelOf, placeOf, stepFor, ticks, type View } from './maths';
import type { CoverageStore } from './store';

export interface Colours {
  ink: string; soft: string; faint: string; line: string; track: string; covered: string; activity: string; gap: string; head: string; accent: string; surface: string; ground: string;
}

export function readColours(element: HTMLElement): Colours {
  // A custom property holds light-dark(); only a real property gives the colour that holds.
  const probe = document.createElement('i');
  element.append(probe);
  const read = (name: string) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const colours = {
    ink: read('--ink'), soft: read('--ink-soft'), faint: read('--ink-faint'), line: read('--line'), track: read('--track'), covered: read('--covered'), activity: read('--activity'),
    gap: read('--gap'), head: read('--head'), accent: read('--accent'), surface: read('--surface'), ground: read('--ground'),
  };
  probe.remove();
  return colours;
}

export interface Scene {
  context: CanvasRenderingContext2D;
  width: number;
  height: number;
  view: View;
  head: number;
  selection: View | null;
  hover: number | null; // x
  now: number;
  colours: Colours;
}

export const offset = (time: number) => (zone.value === 'utc' ? 0 : -new Date(time).getTimezoneOffset() * MINUTE);
const FONT = '500 11px "Plex Sans", "Noto Sans CJK TC", sans-serif';

function label(time: number, step: number): string {
  if (step >= DAY) return new Intl.DateTimeFormat(locale(), { day: 'numeric', month: 'short', timeZone: zone.value === 'utc' ? 'UTC' : undefined }).format(time);
  if (step >= MINUTE) return shortTime(time);
  return step >= 1000 ? clockTime(time) : `${clockTime(time)}.${Math.floor((time % 1000) / 100)}`;
}

export function drawRuler(scene: Scene) {
  const { context: c, width, height, view, colours, now } = scene;
  c.fillStyle = colours.surface;
  c.fillRect(0, 0, width, height);
  drawSelection(scene);
  const step = stepFor(view, width, step0(view, width));
  c.font = FONT;
  c.textBaseline = 'alphabetic';
  let lastDay = -Infinity;
  for (const tick of ticks(view, step, offset)) {
    const x = Math.round(placeOf(view, tick.time, width)) + 0.5;
    c.strokeStyle = tick.major ? colours.soft : colours.line;
    line(c, x, tick.major ? 4 : height - 8, x, height);
    c.fillStyle = tick.major && step < DAY ? colours.ink : colours.soft;
    c.fillText(label(tick.time, step), x + 4, height - 10);
    if (tick.major && step < DAY) {
      c.fillStyle = colours.ink;
      c.fillText(day(tick.time), x + 4, 13);
      lastDay = x;
    }
  }
  if (step < DAY && (lastDay === -Infinity || lastDay > 150)) {
    c.fillStyle = colours.ink;
    c.fillText(day(view.from), 6, 13);
  }
  c.strokeStyle = colours.line;
  line(c, 0, height - 0.5, width, height - 0.5);
  const edge = placeOf(view, now, width);
  if (edge < width) dimFuture(scene, edge);
  drawHead(scene, true);
}

const step0 = (view: View, width: number) => ((view.to - view.from) / width < 200 ? 92 : 72);

function line(c: CanvasRenderingContext2D, x1: number, y1: number, x2: number, y2: number) {
  c.beginPath();
  c.moveTo(x1, y1);
  c.lineTo(x2, y2);
  c.stroke();
}

function dimFuture({ context: c, width, height, colours }: Scene, edge: number) {
  c.save();
  c.globalAlpha = 0.75;
  c.fillStyle = colours.ground;
  c.fillRect(Math.max(0, edge), 0, width, height);
  c.restore();
}

export function drawTracks(scene: Scene, store: CoverageStore, rows: { camera: string; y: number; chosen: boolean }[], rowHeight: number) {
  const { context: c, width, height, view, colours, now } = scene;
  c.fillStyle = colours.surface;
  c.fillRect(0, 0, width, height);
  for (const row of rows) drawRow(scene, store, row.camera, row.y, rowHeight, row.chosen);
  const step = stepFor(view, width, step0(view, width));
  c.globalAlpha = 0.5;
  for (const tick of ticks(view, step, offset)) {
    const x = Math.round(placeOf(view, tick.time, width)) + 0.5;
    c.strokeStyle = tick.major ? colours.faint : colours.line;
    line(c, x, 0, x, height);
  }
  c.globalAlpha = 1;
  const edge = placeOf(view, now, width);
  if (edge < width) {
    dimFuture(scene, edge);
    c.strokeStyle = colours.faint;
    c.setLineDash([3, 3]);
    line(c, Math.round(edge) + 0.5, 0, Math.round(edge) + 0.5, height);
    c.setLineDash([]);
  }
  drawSelection(scene);
  if (scene.hover !== null) {
    c.strokeStyle = colours.faint;
    line(c, Math.round(scene.hover) + 0.5, 0, Math.round(scene.hover) + 0.5, height);
  }
  drawHead(scene, false);
}

/** The nearest level of which there is a block at all: what is drawn until the right one has come. */
function levelWith(store: CoverageStore, camera: string, view: View, level: number): number {
  for (const other of [level, level + 1, level - 1, level + 2, level + 3, level + 4, level - 2]) {
    if (other >= 0 && blocksOf(view, other).some((number) => store.block(camera, other, number))) return other;
  }
  return level;
}

function drawRow(scene: Scene, store: CoverageStore, camera: string, y: number, rowHeight: number, chosen: boolean) {
  const { context: c, width, view, colours } = scene;
  const top = y + 5;
  const tall = rowHeight - 10;
  c.fillStyle = colours.track;
  c.fillRect(0, top, width, tall);
  const level = levelWith(store, camera, view, levelOf(view, width));
  const wide = (bucketMs(level) / (view.to - view.from)) * width;
  for (const number of blocksOf(view, level)) {
    const block = store.block(camera, level, number);
    if (!block) continue;
    const x0 = placeOf(view, number * blockMs(level), width);
    const first = Math.max(0, Math.floor(-x0 / wide));
    const last = Math.min(BLOCK, Math.ceil((width - x0) / wide));
    runs(block.masked, first, last, (from, to) => {
      c.fillStyle = colours.covered;
      c.fillRect(x0 + from * wide, top, Math.max(1, (to - from) * wide), tall);
    });
    runs(originalsOnly(block.masked, block.sealed), first, last, (from, to) => {
      c.fillStyle = colours.covered;
      c.fillRect(x0 + from * wide, top + tall / 2 - 1, Math.max(1, (to - from) * wide), 2);
    });
    c.fillStyle = colours.activity;
    for (let i = first; i < last; i++) {
      const motion = block.activity[i]!;
      if (motion === 0 || block.masked[i] === 0) continue;
      const h = Math.max(1, (motion / 35) * (tall - 2));
      c.fillRect(x0 + i * wide, top + tall - h, Math.max(1, wide - (wide > 4 ? 1 : 0)), h);
    }
  }
  drawGaps(scene, store, camera, top, tall);
  if (chosen) {
    c.fillStyle = colours.accent;
    c.fillRect(0, top, 3, tall);
  }
}

/** Recorded and sealed, but nothing that may be shown. */
const originalsOnly = (masked: Uint8Array, sealed: Uint8Array) => sealed.map((much, i) => (masked[i] === 0 ? much : 0));

function runs(values: Uint8Array, from: number, to: number, fill: (from: number, to: number) => void) {
  let start = -1;
  for (let i = from; i <= to; i++) {
    const on = i < to && values[i]! > 0;
    if (on && start < 0) start = i;
    if (!on && start >= 0) {
      fill(start, i);
      start = -1;
    }
  }
}

function drawGaps({ context: c, width, view, colours, now }: Scene, store: CoverageStore, camera: string, top: number, tall: number) {
  c.save();
  c.strokeStyle = colours.gap;
  c.fillStyle = colours.gap;
  for (const gap of store.gaps(camera, view, width)) {
    const a = Math.max(0, placeOf(view, gap.from_us / 1000, width));
    const b = Math.min(width, placeOf(view, (gap.to_us ?? now * 1000) / 1000, width));
    if (b < 0 || a > width) continue;
    const w = Math.max(2, b - a);
    c.fillRect(a, top, w, 2);
    c.fillRect(a, top + tall - 2, w, 2);
    if (w < 5) {
      c.fillRect(a, top, w, tall);
      continue;
    }
    c.save();
    c.beginPath();
    c.rect(a, top, w, tall);
    c.clip();
    c.globalAlpha = 0.55;
    c.beginPath();
    const shift = placeOf(view, 0, width) % 7;
    for (let x = a - tall - 7 + (((shift - a) % 7) + 7); x < b + tall; x += 7) {
      c.moveTo(x, top + tall);
      c.lineTo(x + tall, top);
    }
    c.stroke();
    c.restore();
  }
  c.restore();
}

function drawSelection({ context: c, width, height, view, selection, colours }: Scene) {
  if (!selection) return;
  const a = placeOf(view, selection.from, width);
  const b = placeOf(view, selection.to, width);
  c.save();
  c.globalAlpha = 0.2;
  c.fillStyle = colours.accent;
  c.fillRect(a, 0, b - a, height);
  c.globalAlpha = 1;
  c.fillRect(Math.round(a) - 1, 0, 2, height);
  c.fillRect(Math.round(b) - 1, 0, 2, height);
  c.restore();
}

function drawHead({ context: c, width, height, view, head, colours }: Scene, flag: boolean) {
  const x = Math.round(placeOf(view, head, width));
  if (x < -8 || x > width + 8) return;
  c.fillStyle = colours.head;
  c.fillRect(x - 1, 0, 2, height);
  if (!flag) return;
  c.beginPath();
  c.moveTo(x - 6, height - 12);
  c.lineTo(x + 6, height - 12);
  c.lineTo(x + 6, height - 6);
  c.lineTo(x, height);
  c.lineTo(x - 6, height - 6);
  c.closePath();
  c.fill();
}

