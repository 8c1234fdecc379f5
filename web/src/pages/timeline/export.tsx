// SPDX-License-Identifier: AGPL-3.0-or-later
// A span of one camera as a file: what it will hold, then the download with its progress.
import { Download, Pause, Play, Trash2 } from 'lucide-preact';
import { useEffect, useState } from 'preact/hooks';
import { Failure, sentence } from '../../api/client';
import type { Export } from '../../api/types';
import { maybe, t, tn } from '../../i18n';
import { cancel, describe, jobs, pause, recallExports, resume, saveFile, startExport, type Job } from '../../lib/exports';
import { cameras, cameraName } from '../../lib/session';
import { bytes, dateTime, duration, fromInput, percent, toInput, zoneName } from '../../lib/time';
import { Button, Choice, Dialog, Field, Notice } from '../../ui';
import type { Model } from './model';

export function ExportDialog({ model, onClose }: { model: Model; onClose: () => void }) {
  const allowed = (cameras.value ?? []).filter((camera) => camera.may.includes('export'));
  const head = model.player.time.value;
  const first = model.selection.value ?? { from: head - 30000, to: Math.min(Date.now(), head + 30000) };
  const [camera, setCamera] = useState(allowed.find((c) => model.chosen.value.includes(c.id))?.id ?? allowed[0]?.id ?? '');
  const [from, setFrom] = useState(toInput(first.from));
  const [to, setTo] = useState(toInput(Math.ceil(first.to / 1000) * 1000));
  const [what, setWhat] = useState<Export | null>(null);
  const [failure, setFailure] = useState('');
  const a = fromInput(from);
  const b = fromInput(to);
  const wrong = a === null || b === null || b <= a ? t('export.order') : b - a > 86400000 ? t('export.long') : '';

  useEffect(() => {
    setWhat(null);
    setFailure('');
    if (wrong || !camera) return;
    let current = true;
    const timer = setTimeout(() => {
      describe(camera, a!, b!).then((answer) => current && setWhat(answer), (error: unknown) => current && setFailure(error instanceof Failure && error.status === 404 ? t('export.nothing') : sentence(error)));
    }, 250);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [camera, from, to]);

  const begin = () => {
    void startExport(what!, a!, b!);
    onClose();
  };
  return (
    <Dialog title={t('export.title')} onClose={onClose} footer={<><Button onClick={onClose}>{t('action.cancel')}</Button><Button kind="primary" icon={Download} disabled={!what} onClick={begin}>{t('export.do')}</Button></>}>
      <div class="stack">
        <p class="soft">{t('export.what')}</p>
        <Choice label={t('export.camera')} value={camera} onPick={setCamera} options={allowed.map((c) => ({ value: c.id, text: c.name || c.id }))} />
        <div class="two">
          <Field label={t('export.from', { zone: zoneName() })} type="datetime-local" step={1} value={from} onText={setFrom} />
          <Field label={t('export.to', { zone: zoneName() })} type="datetime-local" step={1} value={to} onText={setTo} error={wrong} />
        </div>
        <div role="status" class="stack">
          {failure ? <Notice kind="bad">{failure}</Notice> : null}
          {what ? (
            <dl class="facts">
              <div><dt>{t('export.size')}</dt><dd>{bytes(what.bytes)}</dd></div>
              <div><dt>{t('export.frames')}</dt><dd>{what.frames.toLocaleString()}</dd></div>
              <div><dt>{t('export.file')}</dt><dd class="mono">{what.file}</dd></div>
            </dl>
          ) : !wrong && !failure ? <p class="soft">{t('export.asking')}</p> : null}
          {what?.gaps.length ? (
            <Notice kind="warn">
              <p>{tn('export.gaps', what.gaps.length)}</p>
              <ul>{what.gaps.slice(0, 8).map((gap) => <li key={gap.from_us}>{dateTime(gap.from_us / 1000)}, {gap.to_us === null ? t('gaps.lasts') : duration((gap.to_us - gap.from_us) / 1000)}: {maybe(`gap.${gap.reason}`, gap.reason)}</li>)}</ul>
            </Notice>
          ) : null}
        </div>
      </div>
    </Dialog>
  );
}

export function ExportList() {
  useEffect(() => void recallExports(), []);
  if (jobs.value.length === 0) return null;
  return <section class="exports" aria-label={t('export.list')}>{jobs.value.map((job) => <JobRow key={job.id} job={job} />)}</section>;
}

function JobRow({ job }: { job: Job }) {
  const part = job.what.bytes ? job.got / job.what.bytes : 0;
  const name = `${cameraName(job.what.camera)}, ${dateTime(job.what.from_us / 1000)}`;
  return (
    <div class="job" data-state={job.state}>
      <Download class="icon" aria-hidden="true" />
      <span class="grow truncate">{name}</span>
      <span class={`bar ${job.state === 'failed' ? 'bad' : ''}`} role="progressbar" aria-label={name} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(part * 100)}><i style={{ width: `${part * 100}%` }} /></span>
      <span class="state nowrap" role="status">{job.state === 'running' ? percent(part) : job.state === 'failed' ? t('export.failed', { why: job.failure }) : t(`export.${job.state}`)}</span>
      {job.state === 'running' ? <Button kind="quiet" icon={Pause} label={t('export.pause')} onClick={() => pause(job.id)} /> : null}
      {job.state === 'paused' || job.state === 'failed' ? <Button kind="quiet" icon={Play} label={t('export.resume')} onClick={() => void resume(job.id)} /> : null}
      {job.state === 'done' ? <Button kind="quiet" icon={Download} label={t('export.save')} onClick={() => void saveFile(job.id)} /> : null}
      <Button kind="quiet" icon={Trash2} label={job.state === 'done' ? t('export.drop') : t('export.cancel')} onClick={() => void cancel(job.id)} />
    </div>
  );
}
