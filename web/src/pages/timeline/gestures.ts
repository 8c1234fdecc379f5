// SPDX-License-Identifier: AGPL-3.0-or-later
// Mouse, pen and fingers on the timeline. On the ruler a drag scrubs; on the tracks it moves the view, a click goes there.
// With Shift a drag selects. Two fingers zoom. The wheel zooms on the ruler, and with Ctrl everywhere.
import { pan, span, timeAt } from './maths';
import type { Model } from './model';

const CLICK_PX = 5;

/** Thumbnails are fetched on a raster, so that a slow drag does not ask for each pixel. */
const raster = (model: Model) => Math.max(2000, (span(model.view.value) / Math.max(1, model.width.value)) * 3);

export function gestures(canvas: HTMLCanvasElement, model: Model, kind: 'ruler' | 'tracks', changed: () => void): () => void {
  const pointers = new Map<number, { x: number; start: number; moved: boolean }>();
  let mode: 'none' | 'scrub' | 'pan' | 'select' | 'pinch' = 'none';
  let pinch = 0;
  const place = (event: PointerEvent) => event.clientX - canvas.getBoundingClientRect().left;
  const time = (x: number) => timeAt(model.view.value, x, model.width.value);

  const down = (event: PointerEvent) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    const x = place(event);
    pointers.set(event.pointerId, { x, start: x, moved: false });
    if (pointers.size === 2) {
      if (mode === 'scrub') model.goTo(model.player.time.value);
      mode = 'pinch';
      pinch = distance();
    } else if (event.shiftKey) {
      mode = 'select';
      model.markA.value = model.markB.value = time(x);
    } else if (kind === 'ruler') {
      mode = 'scrub';
      model.player.pause();
      model.player.scrubTo(time(x), raster(model));
    } else mode = 'pan';
    changed();
  };
  const distance = () => {
    const [a, b] = [...pointers.values()];
    return a && b ? Math.max(20, Math.abs(a.x - b.x)) : 1;
  };
  const move = (event: PointerEvent) => {
    const pointer = pointers.get(event.pointerId);
    if (!pointer) return;
    const x = place(event);
    const dx = x - pointer.x;
    if (Math.abs(x - pointer.start) > CLICK_PX) pointer.moved = true;
    if (mode === 'pan' && pointer.moved) model.show(pan(model.view.value, (-dx / model.width.value) * span(model.view.value)));
    else if (mode === 'scrub') model.player.scrubTo(time(Math.max(0, Math.min(model.width.value, x))), raster(model));
    else if (mode === 'select') model.markB.value = time(x);
    pointer.x = mode === 'pan' && !pointer.moved ? pointer.x : x;
    if (mode === 'pinch' && pointers.size === 2) {
      const now = distance();
      const [a, b] = [...pointers.values()];
      model.zoom(pinch / now, (a!.x + b!.x) / 2);
      pinch = now;
    }
    changed();
  };
  const up = (event: PointerEvent) => {
    const pointer = pointers.get(event.pointerId);
    if (!pointer) return;
    pointers.delete(event.pointerId);
    if (mode === 'scrub') model.goTo(model.player.time.value);
    else if (mode === 'pan' && !pointer.moved) model.goTo(time(pointer.x));
    else if (mode === 'select' && !pointer.moved) model.clearMarks();
    if (pointers.size === 0) mode = 'none';
    if (mode === 'none') model.remember();
    changed();
  };
  const cancel = (event: PointerEvent) => {
    pointers.delete(event.pointerId);
    if (mode === 'scrub') model.goTo(model.player.time.value);
    if (pointers.size === 0) mode = 'none';
  };
  canvas.addEventListener('pointerdown', down);
  canvas.addEventListener('pointermove', move);
  canvas.addEventListener('pointerup', up);
  canvas.addEventListener('pointercancel', cancel);
  return () => {
    canvas.removeEventListener('pointerdown', down);
    canvas.removeEventListener('pointermove', move);
    canvas.removeEventListener('pointerup', up);
    canvas.removeEventListener('pointercancel', cancel);
  };
}

/** @always: the wheel zooms without Ctrl too. Sideways it moves the view. */
export function wheel(element: HTMLElement, model: Model, always: boolean): () => void {
  const turn = (event: WheelEvent) => {
    const unit = event.deltaMode === 1 ? 16 : 1;
    const sideways = event.shiftKey ? event.deltaY : event.deltaX;
    const scrolls = element.scrollHeight > element.clientHeight + 1;
    if (event.ctrlKey || event.metaKey || (always && !event.shiftKey) || (!scrolls && !event.shiftKey && Math.abs(event.deltaY) > Math.abs(event.deltaX))) {
      event.preventDefault();
      const canvas = element.parentElement!.querySelector('canvas')!.getBoundingClientRect();
      model.zoom(Math.exp(Math.max(-120, Math.min(120, event.deltaY * unit)) * (event.ctrlKey && Math.abs(event.deltaY) < 30 ? 0.01 : 0.0022)), event.clientX - canvas.left);
    } else if (Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY)) {
      event.preventDefault();
      model.show(pan(model.view.value, ((sideways * unit) / model.width.value) * span(model.view.value)));
    }
  };
  element.addEventListener('wheel', turn, { passive: false });
  return () => element.removeEventListener('wheel', turn);
}
