// SPDX-License-Identifier: AGPL-3.0-or-later
// An open case: the masked view and the original side by side and in step, in the timeline's own player.
import { ArrowLeft, FileDown, UserRoundCheck } from 'lucide-preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { maybe, t } from '../../i18n';
import { useCommands } from '../../lib/keys';
import { cameraName } from '../../lib/session';
import { clockTime } from '../../lib/time';
import { OriginalSource } from '../../media/original';
import { hasWebCodecs } from '../../media/picture';
import { Button, Choice, Notice } from '../../ui';
import { PageHead } from '../../ui/page';
import { SECOND } from '../timeline/maths';
import { Model } from '../timeline/model';
import { Tracks } from '../timeline/tracks';
import { mark, Transport } from '../timeline/transport';
import { ms, sealedUrl, type CaseDetail } from './api';
import type { Opened } from './vault';
import { UnmaskDialog } from './unmask';
import { Left } from './words';

export const ORIGINAL = 'original';

export function Viewer({ opened, found, onClose, onOver }: { opened: Opened; found: CaseDetail; onClose: () => void; onOver: () => void }) {
  const [camera, setCamera] = useState(opened.order.cameras[0]!);
  return (
    <div class="page timeline-page viewer-page">
      <PageHead title={t('case.view.title', { id: opened.id })}>
        <Button icon={ArrowLeft} onClick={onClose}>{t('case.view.leave')}</Button>
        {opened.order.cameras.length > 1 ? <Choice bare label={t('request.cameras')} value={camera} onPick={setCamera} options={opened.order.cameras.map((id) => ({ value: id, text: cameraName(id) }))} /> : <span class="soft">{cameraName(camera)}</span>}
        <span class="left" role="timer"><span class="faint">{t('case.left')} </span><Left of={found} /></span>
      </PageHead>
      {hasWebCodecs() ? <Pictures key={camera} camera={camera} opened={opened} onOver={onOver} /> : <div class="page-body"><Notice kind="warn">{t('case.view.no-codecs')}</Notice><Locally opened={opened} camera={camera} /></div>}
    </div>
  );
}

function Pictures({ camera, opened, onOver }: { camera: string; opened: Opened; onOver: () => void }) {
  const { order } = opened;
  const mine = opened.recordings.recordings.filter((r) => r.camera === camera);
  const next = (time: number) => mine.map((r) => ms(r.begin) + 1).filter((begin) => begin > time && begin < order.toMs).sort((a, b) => a - b)[0] ?? null;
  const model = useMemo(() => new Model([camera], next), []);
  const masked = useRef<HTMLCanvasElement>(null);
  const original = useRef<HTMLCanvasElement>(null);
  const source = useRef<OriginalSource | null>(null);
  const [unmasking, setUnmasking] = useState(false);
  const { player } = model;
  const makeSource = (changed: () => void) => new OriginalSource(camera, mine.map((r) => ({
    url: sealedUrl(opened.id, r.recording), kid: r.kid, beginMs: ms(r.begin), endMs: ms(r.end), bytes: r.bytes,
  })), order, new Map(opened.keys), onOver, changed);

  useEffect(() => {
    model.chosen.value = [camera];
    const edge = (order.toMs - order.fromMs) * 0.02;
    model.show({ from: order.fromMs - edge, to: order.toMs + edge });
    model.goTo(order.fromMs + 1);
    const away = [player.add(camera, masked.current!), player.add(ORIGINAL, original.current!, (changed) => (source.current = makeSource(changed)))];
    const wiped = [masked.current!, original.current!];
    return () => {
      for (const end of away) end();
      for (const canvas of wiped) canvas.width = canvas.height = 1; // no picture stays in it
      model.close();
    };
  }, []);
  const jump = (by: number) => model.goTo(Math.min(order.toMs, Math.max(order.fromMs, player.time.value + by)));
  useCommands('keys.timeline', [
    { keys: ['Space', 'k'], label: 'keys.play', run: () => (player.playing.value ? player.pause() : player.play()) },
    { keys: [','], label: 'keys.frame-back', run: () => player.step(-1) },
    { keys: ['.'], label: 'keys.frame-forward', run: () => player.step(1) },
    { keys: ['ArrowLeft'], label: 'keys.back-5', run: () => jump(-5 * SECOND) },
    { keys: ['ArrowRight'], label: 'keys.forward-5', run: () => jump(5 * SECOND) },
    { keys: ['i'], label: 'keys.mark-in', run: () => mark(model, 'A') },
    { keys: ['o'], label: 'keys.mark-out', run: () => mark(model, 'B') },
    { keys: ['Escape'], label: 'keys.clear', run: () => model.clearMarks() },
  ]);
  const time = player.time.value;
  const outside = time < order.fromMs || time >= order.toMs;
  useEffect(() => {
    if (time >= order.toMs && player.playing.value) player.pause(); // the span is what was approved
  }, [outside]);
  const failure = player.failure(ORIGINAL) || source.current?.failure || '';
  const unplayable = source.current?.unplayable ?? '';
  const gap = opened.recordings.gaps.find((g) => g.camera === camera && ms(g.from) <= time && time < ms(g.to));
  const words = outside ? t('case.view.outside') : gap ? maybe(`gap.${gap.reason}`, gap.reason) : failure || (player.standings.value[ORIGINAL] === 'gap' ? t('timeline.nothing') : '');
  return (
    <>
      <div class="pair" role="group" aria-label={t('timeline.pictures')}>
        <figure data-view="masked" data-standing={player.standings.value[camera]}><canvas ref={masked} role="img" aria-label={t('case.view.masked')} /><figcaption>{t('case.view.masked')}</figcaption></figure>
        <figure data-view="original" data-standing={player.standings.value[ORIGINAL]} class={outside ? 'away' : ''}>
          <canvas ref={original} role="img" aria-label={t('case.view.original')} />
          {words && player.standings.value[ORIGINAL] !== 'ready' ? <p class="pair-words">{words}</p> : null}
          <figcaption>{t('case.view.original')} · {clockTime(time)}</figcaption>
        </figure>
      </div>
      {unplayable ? <div class="page-body"><Notice kind="warn"><p>{t('case.view.codec', { codec: unplayable })}</p><Locally opened={opened} camera={camera} /></Notice></div> : null}
      <Transport model={model}>
        <Button icon={UserRoundCheck} class="text-on-wide" label={t('unmask.title')} disabled={!!unplayable} onClick={() => { player.pause(); setUnmasking(true); }}><span class="wide-only">{t('unmask.button')}</span></Button>
      </Transport>
      <Tracks model={model} />
      {unmasking && source.current ? <UnmaskDialog camera={camera} opened={opened} source={source.current} from={model.selection.value?.from ?? time} to={model.selection.value?.to ?? Math.min(order.toMs, time + 10000)} onClose={() => setUnmasking(false)} /> : null}
    </>
  );
}

/** What to do where this browser cannot play it: the sealed files, and the command that opens them on a machine of one's own. */
function Locally({ opened, camera }: { opened: Opened; camera: string }) {
  const mine = opened.recordings.recordings.filter((r) => r.camera === camera);
  return (
    <div class="stack">
      <p>{t('case.local.what')}</p>
      <pre class="paper" tabIndex={0}>{`lethe case open ${opened.id} --session <(age -d case-${opened.id}.age) --camera ${camera} -o ${camera}.mp4`}</pre>
      <ul class="downloads">
        {mine.map((r) => <li key={r.recording}><a class="btn" href={sealedUrl(opened.id, r.recording)} download={`${camera}-${r.recording}-sealed.mp4`.replace(/[^\w.-]+/g, '-')}><FileDown class="icon" aria-hidden="true" />{t('case.local.file', { from: clockTime(ms(r.begin)), to: clockTime(ms(r.end)) })}</a></li>)}
      </ul>
    </div>
  );
}
