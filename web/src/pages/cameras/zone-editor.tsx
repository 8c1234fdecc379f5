// SPDX-License-Identifier: AGPL-3.0-or-later
// Draws privacy zones on the picture: with mouse, finger or keys. Each corner is a button that arrow keys move.
import { PenLine, Redo2, SquarePlus, Trash2, Undo2 } from 'lucide-preact';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { send, sentence } from '../../api/client';
import type { Camera, Zones } from '../../api/types';
import { t, tn } from '../../i18n';
import { loadCameras } from '../../lib/session';
import { percent } from '../../lib/time';
import { Button, Notice, say } from '../../ui';
import { MOST_CORNERS, MOST_ZONES, addCorner, addZone, begin, moveCorner, moveZone, point, push, redo, removeCorner, removeZone, square, undo, type Point } from './zones';

const STEP = 0.005;
const arrows: Record<string, Point> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export function ZoneEditor({ camera, picture }: { camera: Camera; picture: ComponentChildren }) {
  const stored = camera.mask.zones as Zones;
  const [history, setHistory] = useState(() => begin(stored));
  const [drawing, setDrawing] = useState<Point[] | null>(null);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState('');
  const board = useRef<HTMLDivElement>(null);
  const zones = history.now;
  const dirty = JSON.stringify(zones) !== JSON.stringify(stored);
  const full = zones.length >= MOST_ZONES;

  // What somebody else saved meanwhile shows up, as long as nothing was changed here.
  useEffect(() => {
    if (history.past.length === 0) setHistory(begin(stored));
  }, [JSON.stringify(stored)]);

  const set = (next: Zones) => setHistory((h) => push(h, next));
  const place = (event: PointerEvent): Point => {
    const box = board.current!.getBoundingClientRect();
    return point((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
  };
  const focusCorner = (zone: number, corner: number) => requestAnimationFrame(() => board.current?.querySelector<HTMLElement>(`[data-corner="${zone}-${corner}"]`)?.focus());

  const finish = (shape = drawing) => {
    if (shape && shape.length >= 3) {
      set(addZone(zones, shape));
      focusCorner(zones.length, 0);
    }
    setDrawing(null);
  };
  /** A drag is one step of the history, however many places it went through. */
  const drag = (event: PointerEvent, move: (from: Zones, to: Point, by: Point) => Zones) => {
    if (event.button !== 0 || drawing) return;
    event.preventDefault();
    const start = place(event);
    const before = history;
    const target = event.currentTarget as HTMLElement;
    target.setPointerCapture(event.pointerId);
    target.focus?.();
    const moving = (e: PointerEvent) => {
      const to = place(e);
      setHistory(push(before, move(before.now, to, [to[0] - start[0], to[1] - start[1]])));
    };
    const end = () => {
      target.removeEventListener('pointermove', moving);
      target.removeEventListener('pointerup', end);
      target.removeEventListener('pointercancel', end);
    };
    target.addEventListener('pointermove', moving);
    target.addEventListener('pointerup', end);
    target.addEventListener('pointercancel', end);
  };
  const cornerKeys = (event: KeyboardEvent, zone: number, corner: number) => {
    const by = arrows[event.key];
    const shape = zones[zone]!;
    const size = STEP * (event.shiftKey ? 10 : 1);
    if (by && event.altKey) set(moveZone(zones, zone, by[0] * size, by[1] * size));
    else if (by) set(moveCorner(zones, zone, corner, [shape[corner]![0] + by[0] * size, shape[corner]![1] + by[1] * size]));
    else if (event.key === 'Insert' || event.key === '+') {
      set(addCorner(zones, zone, corner));
      focusCorner(zone, corner + 1);
    } else if (event.key === 'Delete' || event.key === 'Backspace') {
      set(removeCorner(zones, zone, corner));
      focusCorner(zone, Math.max(0, corner - 1));
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const keys = (event: KeyboardEvent) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'z') {
      event.preventDefault();
      setHistory(event.shiftKey ? redo(history) : undo(history));
    } else if (drawing && event.key === 'Escape') setDrawing(null);
    else if (drawing && event.key === 'Enter') finish();
    else return;
    event.stopPropagation();
  };
  const click = (event: PointerEvent) => {
    if (!drawing || event.button !== 0) return;
    event.preventDefault();
    const p = place(event);
    const first = drawing[0];
    const box = board.current!.getBoundingClientRect();
    if (first && drawing.length >= 3 && Math.hypot((p[0] - first[0]) * box.width, (p[1] - first[1]) * box.height) < 14) return finish();
    const next = [...drawing, p];
    if (next.length >= MOST_CORNERS) finish(next);
    else setDrawing(next);
  };
  const save = async () => {
    setBusy(true);
    setFailure('');
    try {
      await send('PUT', `cameras/${encodeURIComponent(camera.id)}/zones`, { zones });
      await loadCameras();
      setHistory(begin(zones));
      say(tn('zones.saved', zones.length));
    } catch (error) {
      setFailure(sentence(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <section class="panel zones" aria-labelledby="zones-title" onKeyDown={keys}>
      <header class="spread">
        <h2 id="zones-title">{t('zones.title')}</h2>
        <span class="cluster" role="toolbar" aria-label={t('zones.tools')}>
          <Button icon={PenLine} aria-pressed={drawing !== null} disabled={full} onClick={() => setDrawing(drawing ? null : [])}>{t('zones.draw')}</Button>
          <Button icon={SquarePlus} disabled={full} onClick={() => { setDrawing(null); set(addZone(zones, square())); focusCorner(zones.length, 0); }}>{t('zones.square')}</Button>
          <Button kind="quiet" icon={Undo2} label={t('zones.undo')} disabled={!history.past.length} onClick={() => setHistory(undo(history))} />
          <Button kind="quiet" icon={Redo2} label={t('zones.redo')} disabled={!history.future.length} onClick={() => setHistory(redo(history))} />
        </span>
      </header>
      <div class={`board ${drawing ? 'drawing' : ''}`} ref={board} onPointerDown={click} onDblClick={() => drawing && finish()}>
        {picture}
        <svg viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true">
          {zones.map((z, i) => <polygon key={i} points={z.map((p) => p.join(',')).join(' ')} vector-effect="non-scaling-stroke" onPointerDown={(e) => drag(e as unknown as PointerEvent, (from, _to, by) => moveZone(from, i, by[0], by[1]))} />)}
          {drawing?.length ? <polyline points={drawing.map((p) => p.join(',')).join(' ')} vector-effect="non-scaling-stroke" /> : null}
        </svg>
        {zones.map((z, i) => z.map((p, k) => (
          <button key={`${i}-${k}`} type="button" class="corner" data-corner={`${i}-${k}`} style={{ left: `${p[0] * 100}%`, top: `${p[1] * 100}%` }}
            aria-label={t('zones.corner', { zone: i + 1, corner: k + 1, x: percent(p[0]), y: percent(p[1]) })}
            onKeyDown={(e) => cornerKeys(e, i, k)} onPointerDown={(e) => drag(e, (from, to) => moveCorner(from, i, k, to))} onDblClick={() => set(removeCorner(zones, i, k))} />
        )))}
        {drawing?.map((p, k) => <i key={k} class={`corner new ${k === 0 ? 'first' : ''}`} style={{ left: `${p[0] * 100}%`, top: `${p[1] * 100}%` }} />)}
      </div>
      <div class="body stack">
        <p class="soft">{drawing ? t('zones.drawing') : t('zones.what')}</p>
        {zones.length ? (
          <ul class="zone-list">
            {zones.map((z, i) => (
              <li key={i} class="spread"><span>{t('zones.number', { n: i + 1 })} <span class="faint">{tn('zones.corners', z.length)}</span></span>
                <Button kind="quiet" icon={Trash2} label={t('zones.remove', { n: i + 1 })} onClick={() => set(removeZone(zones, i))} /></li>
            ))}
          </ul>
        ) : <p class="faint">{t('zones.none')}</p>}
        {failure ? <Notice kind="bad" alert>{failure}</Notice> : null}
        <div class="cluster">
          <Button kind="primary" busy={busy} disabled={!dirty || busy} onClick={save}>{t('zones.save')}</Button>
          <Button disabled={!dirty} onClick={() => setHistory(begin(stored))}>{t('zones.discard')}</Button>
        </div>
      </div>
    </section>
  );
}
