// SPDX-License-Identifier: AGPL-3.0-or-later
// Ruler and tracks: two canvases that are painted at most once a frame, and the names of the cameras beside them.
import { effect } from '@preact/signals';
import { Eye, EyeOff } from 'lucide-preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { language, maybe, t } from '../../i18n';
import { theme, zone } from '../../lib/prefs';
import { clockTime, day, dateTime, duration } from '../../lib/time';
import { onEachFrame } from '../../media/picture';
import { Glyph, say } from '../../ui';
import { drawRuler, drawTracks, readColours, type Colours } from './draw';
import { gestures, wheel } from './gestures';
import { gapAt, reveal, timeAt } from './maths';
import type { Model } from './model';

export const RULER_HEIGHT = 38;

interface Hover {
  x: number;
  y: number;
  title: string;
  text: string;
}

export function Tracks({ model }: { model: Model }) {
  const scroller = useRef<HTMLDivElement>(null);
  const ruler = useRef<HTMLCanvasElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const hoverX = useRef<number | null>(null);
  const [hover, setHover] = useState<Hover | null>(null);
  const [rowHeight] = useState(() => (matchMedia('(pointer: coarse)').matches ? 40 : 32));
  const [range, setRange] = useState({ first: 0, last: 20 });
  const rows = model.rows.value;

  useEffect(() => {
    let dirty = true;
    let colours: Colours | null = null;
    const area = scroller.current!;
    const measure = () => {
      const height = area.clientHeight;
      model.width.value = canvas.current!.parentElement!.clientWidth;
      size(canvas.current!, model.width.value, height);
      size(ruler.current!, model.width.value, RULER_HEIGHT);
      const first = Math.floor(area.scrollTop / rowHeight);
      setRange({ first, last: first + Math.ceil(height / rowHeight) + 1 });
      colours = null;
      dirty = true;
    };
    const observer = new ResizeObserver(measure);
    observer.observe(area);
    area.addEventListener('scroll', measure, { passive: true });
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', measure);
    const stop = effect(() => {
      void [model.view.value, model.player.time.value, model.markA.value, model.markB.value, model.drawn.value, model.chosen.value, model.rows.value, language.value, zone.value];
      dirty = true;
    });
    const stopTheme = effect(() => {
      void theme.value;
      colours = null;
      dirty = true;
    });
    const stopFrames = onEachFrame(() => {
      follow(model);
      if (!dirty || !canvas.current) return;
      dirty = false;
      colours ??= readColours(area);
      paint(model, ruler.current!, canvas.current, area.scrollTop, rowHeight, colours, hoverX.current);
    });
    const timer = setInterval(() => (dirty = true), 1000);
    const repaint = () => (dirty = true);
    const stopRuler = gestures(ruler.current!, model, 'ruler', repaint);
    const stopTracks = gestures(canvas.current!, model, 'tracks', repaint);
    const stopWheel = [wheel(ruler.current!, model, true), wheel(area, model, false)];
    document.fonts?.ready.then(repaint);
    return () => {
      observer.disconnect();
      scheme.removeEventListener('change', measure);
      area.removeEventListener('scroll', measure);
      for (const end of [stop, stopTheme, stopFrames, stopRuler, stopTracks, ...stopWheel]) end();
      clearInterval(timer);
    };
  }, []);

  const point = (event: PointerEvent) => {
    const box = canvas.current!.getBoundingClientRect();
    const x = event.clientX - box.left;
    const y = event.clientY - box.top;
    hoverX.current = event.pointerType === 'mouse' ? x : null;
    model.drawn.value++;
    const camera = rows[Math.floor((y + scroller.current!.scrollTop) / rowHeight)];
    if (!camera || event.pointerType !== 'mouse') return setHover(null);
    const time = timeAt(model.view.value, x, model.width.value);
    const gap = gapAt(model.store.gaps(camera.id, model.view.value, model.width.value), time, Date.now());
    const to = gap?.to_us == null ? Date.now() : gap.to_us / 1000;
    setHover({
      x: Math.min(x, model.width.value - 220), y: y + 18,
      title: `${day(time)} ${clockTime(time)}`,
      text: gap ? t('gap.hover', { reason: maybe(`gap.${gap.reason}`, gap.reason), span: duration(to - gap.from_us / 1000), detail: gap.detail }) : '',
    });
  };
  const leave = () => {
    hoverX.current = null;
    model.drawn.value++;
    setHover(null);
  };

  const head = model.player.time.value;
  return (
    <div class="tracks">
      <div class="corner">
        <input class="input" type="search" placeholder={t('timeline.filter')} aria-label={t('timeline.filter')} value={model.query.value} onInput={(e) => (model.query.value = e.currentTarget.value)} />
      </div>
      <div class="ruler">
        <canvas ref={ruler} tabIndex={0} role="slider" aria-label={t('timeline.position')} aria-valuemin={0} aria-valuemax={Math.round(Date.now() / 1000)} aria-valuenow={Math.round(head / 1000)} aria-valuetext={dateTime(head)} />
      </div>
      <div class="rows" ref={scroller}>
        <div class="rows-inner" style={{ height: `${rows.length * rowHeight}px` }}>
          <ul class="names" aria-label={t('timeline.cameras')}>
            {rows.slice(range.first, range.last).map((camera, i) => {
              const on = model.chosen.value.includes(camera.id);
              return (
                <li key={camera.id} style={{ top: `${(range.first + i) * rowHeight}px`, height: `${rowHeight}px` }}>
                  <button type="button" class="name" aria-pressed={on} title={camera.name || camera.id} onClick={() => model.toggle(camera.id) || say(t('timeline.full'), 'warn')}>
                    <Glyph icon={on ? Eye : EyeOff} /><span class="truncate">{camera.name || camera.id}</span>
                  </button>
                </li>
              );
            })}
          </ul>
          <div class="canvas-holder" aria-hidden="true">
            <canvas ref={canvas} onPointerMove={point} onPointerLeave={leave} />
            {hover ? <div class="hover" style={{ left: `${Math.max(4, hover.x)}px`, top: `${hover.y}px` }}><b>{hover.title}</b>{hover.text ? <span>{hover.text}</span> : null}</div> : null}
          </div>
        </div>
      </div>
    </div>
  );
}

function size(canvas: HTMLCanvasElement, width: number, height: number) {
  const ratio = devicePixelRatio;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
}

/** While it plays, the view moves along so that the head stays in sight. */
function follow(model: Model) {
  if (!model.player.playing.value || !model.follows.value) return;
  const view = model.view.value;
  const moved = reveal(view, model.player.time.value);
  if (moved !== view) model.show(moved);
}

function paint(model: Model, ruler: HTMLCanvasElement, canvas: HTMLCanvasElement, scroll: number, rowHeight: number, colours: Colours, hover: number | null) {
  const width = model.width.value;
  const height = canvas.height / devicePixelRatio;
  const rows = model.rows.value;
  const first = Math.floor(scroll / rowHeight);
  const seen = rows.slice(first, first + Math.ceil(height / rowHeight) + 1);
  model.store.want(model.view.value, width, seen.map((camera) => camera.id));
  const scene = { width, view: model.view.value, head: model.player.time.value, selection: model.selection.value, now: Date.now(), colours };
  const top = ruler.getContext('2d')!;
  top.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
  drawRuler({ ...scene, context: top, height: RULER_HEIGHT, hover: null });
  const context = canvas.getContext('2d')!;
  context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
  drawTracks({ ...scene, context, height, hover }, model.store, seen.map((camera, i) => ({ camera: camera.id, y: (first + i) * rowHeight - scroll, chosen: model.chosen.value.includes(camera.id) })), rowHeight);
}
