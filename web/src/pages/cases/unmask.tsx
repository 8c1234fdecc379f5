// SPDX-License-Identifier: AGPL-3.0-or-later
// Partial unmasking: the user points at somebody in the pictures, and only that is uncovered in the export.
// Pointing is by hand. Nothing here finds, follows or compares anybody, and nothing is to be added that does.
import { Download, Plus, Trash2 } from 'lucide-preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { sentence } from '../../api/client';
import { t, tn } from '../../i18n';
import { boxAt, boxesAt, boxOf, setKey, type Box, type Region } from '../../lib/case/regions';
import { exactTime, percent } from '../../lib/time';
import { framesOf, Follower } from '../../media/frames';
import type { OriginalSource } from '../../media/original';
import { Source } from '../../media/source';
import { compose } from '../../media/compose';
import { Button, Check, Dialog, Field, Notice } from '../../ui';
import { download } from './key-file';
import type { Opened } from './vault';

interface Props {
  camera: string;
  opened: Opened;
  source: OriginalSource;
  from: number;
  to: number;
  onClose: () => void;
}
interface Pair {
  original: ImageBitmap;
  masked: ImageBitmap | null;
}

export function UnmaskDialog({ camera, opened, source, from, to, onClose }: Props) {
  const [regions, setRegions] = useState<Region[]>([{ id: 1, keys: [] }]);
  const [active, setActive] = useState(1);
  const [time, setTime] = useState(from);
  const [result, setResult] = useState(false);
  const [job, setJob] = useState<{ part: number; stop: AbortController } | null>(null);
  const [words, setWords] = useState('');
  const [failure, setFailure] = useState('');
  const masked = useRef(new Source(camera, () => {}));
  useEffect(() => () => masked.current.close(), []);
  const running = useRef<AbortController | null>(null);
  useEffect(() => () => running.current?.abort(), []);

  const change = (box: Box) => setRegions((all) => all.map((r) => (r.id === active ? setKey(r, time, box) : r)));
  const add = () => {
    const id = Math.max(0, ...regions.map((r) => r.id)) + 1;
    setRegions([...regions, { id, keys: [] }]);
    setActive(id);
  };
  const write = async () => {
    const stop = (running.current = new AbortController());
    setJob({ part: 0, stop });
    setFailure('');
    try {
      const comment = `Lethe case ${opened.id}, camera ${camera}, ${new Date(from).toISOString()} to ${new Date(to).toISOString()}. Partly unmasked by hand; re-encoded; not evidence. Order reference ${opened.order.reference}.`;
      const { writeUnmasked } = await import('../../media/unmask'); // the writer of MP4 files is loaded only for this
      const made = await writeUnmasked({ original: source, masked: masked.current, from, to, regions, comment, signal: stop.signal, progress: (part) => setJob({ part, stop }) });
      download(`case-${opened.id}-${camera}-partly-unmasked.mp4`, made.bytes, 'video/mp4');
      setWords(tn('unmask.done', made.pictures));
    } catch (error) {
      if (!stop.signal.aborted) setFailure(t('unmask.failed', { why: sentence(error) || t('unmask.nothing') }));
    }
    setJob(null);
  };
  const drawn = regions.some((r) => r.keys.length);
  return (
    <Dialog title={t('unmask.title')} wide onClose={onClose} footer={
      <>{job ? <span class="soft grow" role="status">{t('unmask.writing', { part: percent(job.part) })}</span> : <span class="soft grow" role="status">{words}</span>}
        <Button onClick={() => (job ? job.stop.abort() : onClose())}>{job ? t('unmask.stop') : t('action.close')}</Button>
        <Button kind="primary" icon={Download} disabled={!drawn || !!job} onClick={() => void write()}>{t('unmask.write')}</Button></>
    }>
      <div class="stack">
        <p>{t('unmask.what')}</p>
        <Stage source={source} masked={masked.current} time={time} regions={regions} active={active} result={result} onBox={change} onFailure={setFailure} />
        <div class="unmask-time">
          <span class="mono">{exactTime(time)}</span>
          <input type="range" min={from} max={to - 1} step={40} value={time} aria-label={t('play.go')} aria-valuetext={exactTime(time)} onInput={(e) => setTime(Number(e.currentTarget.value))} />
          <Check label={t('unmask.result')} checked={result} onPick={setResult} />
        </div>
        <ul class="regions" aria-label={t('unmask.people')}>
          {regions.map((r) => (
            <li key={r.id}>
              <label class="check"><input type="radio" name="region" checked={r.id === active} onChange={() => setActive(r.id)} /><span>{t('unmask.person', { n: r.id })}</span></label>
              <span class="soft grow">{r.keys.length > 1 ? t('unmask.from-to', { from: exactTime(r.keys[0]!.time), to: exactTime(r.keys[r.keys.length - 1]!.time), n: r.keys.length }) : r.keys.length ? t('unmask.one-point') : t('unmask.no-point')}</span>
              <Button kind="quiet" icon={Trash2} label={t('unmask.remove', { n: r.id })} onClick={() => setRegions(regions.filter((x) => x.id !== r.id))} />
            </li>
          ))}
        </ul>
        <div class="cluster"><Button icon={Plus} onClick={add}>{t('unmask.add')}</Button></div>
        <BoxFields key={`${active} ${time}`} box={regions.filter((r) => r.id === active).map((r) => boxAt(r, time))[0] ?? null} onBox={change} />
        <Notice kind="warn">{t('unmask.care')}</Notice>
        {failure ? <Notice kind="bad" alert>{failure}</Notice> : null}
      </div>
    </Dialog>
  );
}

/** The same by keyboard: middle and size in parts of a hundred. */
function BoxFields({ box, onBox }: { box: Box | null; onBox: (box: Box) => void }) {
  const now = box ?? { x: 0.5, y: 0.5, w: 0.1, h: 0.3 };
  const field = (name: keyof Box) => (
    <Field label={t(`unmask.box.${name}`)} type="number" min={0} max={100} step={1} value={Math.round(now[name] * 100)} onChange={(e) => onBox({ ...now, [name]: Math.min(100, Math.max(0, Number(e.currentTarget.value))) / 100 })} />
  );
  return <details><summary>{t('unmask.by-number')}</summary><div class="case-facts">{field('x')}{field('y')}{field('w')}{field('h')}</div></details>;
}

function Stage({ source, masked, time, regions, active, result, onBox, onFailure }: {
  source: OriginalSource;
  masked: Source;
  time: number;
  regions: Region[];
  active: number;
  result: boolean;
  onBox: (box: Box) => void;
  onFailure: (why: string) => void;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [pair, setPair] = useState<Pair | null>(null);
  const [drag, setDrag] = useState<{ x: number; y: number; box: Box } | null>(null);
  useEffect(() => {
    let current = true;
    const timer = setTimeout(() => {
      pairAt(source, masked, time).then((next) => (current ? setPair(next) : undefined), (error: unknown) => current && onFailure(sentence(error)));
    }, 120);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [time]);
  useEffect(() => () => (pair?.original.close(), pair?.masked?.close(), undefined), [pair]);
  useEffect(() => {
    if (pair && canvas.current) paint(canvas.current, pair, regions, time, active, result, drag?.box ?? null);
  }, [pair, regions, active, result, drag]);

  const point = (event: PointerEvent) => {
    const area = canvas.current!.getBoundingClientRect();
    const scale = Math.min(area.width / canvas.current!.width, area.height / canvas.current!.height);
    const [w, h] = [canvas.current!.width * scale, canvas.current!.height * scale];
    return { x: (event.clientX - area.left - (area.width - w) / 2) / w, y: (event.clientY - area.top - (area.height - h) / 2) / h };
  };
  return (
    <div class="unmask-stage">
      <canvas ref={canvas} width={640} height={360} role="img" aria-label={t('unmask.stage')} data-ready={pair ? 'yes' : 'no'}
        onPointerDown={(e) => { canvas.current!.setPointerCapture(e.pointerId); const p = point(e); setDrag({ ...p, box: boxOf(p.x, p.y, p.x, p.y) }); }}
        onPointerMove={(e) => { if (!drag) return; const p = point(e); setDrag({ ...drag, box: boxOf(drag.x, drag.y, p.x, p.y) }); }}
        onPointerUp={() => { if (drag && drag.box.w > 0.01 && drag.box.h > 0.01) onBox(drag.box); setDrag(null); }} />
    </div>
  );
}

async function pairAt(source: OriginalSource, masked: Source, time: number): Promise<Pair | null> {
  let original: ImageBitmap | null = null;
  for await (const { frame } of framesOf(source, time, time + 2000)) {
    original = await createImageBitmap(frame);
    frame.close();
    break;
  }
  if (!original) throw new Error(t('timeline.nothing'));
  const follower = new Follower(masked, time, time + 100, 1500);
  const frame = await follower.at(time + 50);
  const pair = { original, masked: frame ? await createImageBitmap(frame) : null };
  await follower.close();
  return pair;
}

function paint(canvas: HTMLCanvasElement, pair: Pair, regions: Region[], time: number, active: number, result: boolean, drag: Box | null) {
  const { width, height } = pair.original;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext('2d', { alpha: false })!;
  if (result) return compose(context, pair.original, pair.masked, boxesAt(regions, time), width, height);
  context.drawImage(pair.original, 0, 0);
  context.lineWidth = Math.max(2, width / 320);
  const outline = (box: Box, colour: string) => {
    context.strokeStyle = colour;
    context.beginPath();
    context.ellipse(box.x * width, box.y * height, (box.w * width) / 2, (box.h * height) / 2, 0, 0, 2 * Math.PI);
    context.stroke();
  };
  for (const region of regions) {
    const box = boxAt(region, time);
    if (box) outline(box, region.id === active ? '#ffd23f' : '#fff');
  }
  if (drag) outline(drag, '#ffd23f');
}
