// SPDX-License-Identifier: AGPL-3.0-or-later
// What is wrong now, in words, with what to do; and the figures behind it.
import { Activity, CircleAlert, CircleCheck, TriangleAlert } from 'lucide-preact';
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { get, sentence } from '../api/client';
import type { Camera, Health, MaskState } from '../api/types';
import { locale, maybe, t, tn, type Key } from '../i18n';
import { cameras, every, health } from '../lib/session';
import { ago, bitrate, bytes, dateTime, duration, percent } from '../lib/time';
import { Badge, Empty, Glyph, Notice } from '../ui';
import { maskIcon, maskKind, maskWord } from '../ui/mask-badge';
import { Clock, PageHead } from '../ui/page';

interface Status {
  node: string;
  version: string;
  started: string | null;
  now: string;
  threads?: number;
  retention: { promised_days?: number; actual_days?: number };
  disk: { state?: string; bytes_total?: number; bytes_free?: number; longest_sync_ms?: number; queue_bytes?: number };
  alarms?: { at: string; kind: string; camera: string; text: string }[];
  cameras: { id: string; state: string; mask?: { masker: number | null; late?: number } | null }[];
}

const kinds = { critical: 'bad', warning: 'warn', note: 'info' } as const;
const days = (n: number) => n.toLocaleString(locale(), { maximumFractionDigits: 1 });

export function HealthPage() {
  const now = useSignal<Health | null>(null);
  const status = useSignal<Status | null>(null);
  const failure = useSignal('');
  const statusFailure = useSignal('');
  useEffect(() => every(5000, () => {
    get<Health>('health').then((h) => { now.value = h; health.value = h; failure.value = ''; }, (e: unknown) => (failure.value = sentence(e)));
    get<Status>('status').then((s) => { status.value = s; statusFailure.value = ''; }, (e: unknown) => (statusFailure.value = sentence(e)));
  }), []);

  const h = now.value;
  if (!h) return <div class="page"><PageHead title={t('nav.health')} />{failure.value ? <div class="page-body"><Notice kind="bad" alert>{failure.value}</Notice></div> : <Empty icon={Activity} title={t('health.loading')} />}</div>;
  const critical = h.problems.filter((p) => p.level === 'critical').length;
  const warnings = h.problems.filter((p) => p.level === 'warning').length;
  const level = critical ? 'bad' : warnings ? 'warn' : 'good';
  return (
    <div class="page health-page">
      <PageHead title={t('nav.health')}><Clock /></PageHead>
      <div class="page-body stack">
        {failure.value ? <Notice kind="bad" alert>{failure.value}</Notice> : null}
        <section class={`verdict ${level}`} role="status">
          <Glyph icon={level === 'bad' ? CircleAlert : level === 'warn' ? TriangleAlert : CircleCheck} />
          <div><h2>{critical ? tn('health.critical', critical) : warnings ? tn('health.warnings', warnings) : t('health.fine')}</h2><p class="soft">{t('health.at', { ago: ago(Date.parse(h.at)) })}</p></div>
        </section>
        {h.problems.length ? (
          <ul class="problems" aria-label={t('health.problems')}>
            {h.problems.map((p) => (
              <li key={p.text}><Notice kind={kinds[p.level]}><strong lang="en"><span class="visually-hidden">{t(`health.level.${p.level}`)}: </span>{p.text}</strong>{p.advice ? <span class="soft" lang="en">{p.advice}</span> : null}</Notice></li>
            ))}
          </ul>
        ) : null}
        <Figures health={h} status={status.value} />
        {statusFailure.value ? <Notice kind="bad">{t('health.recorder-away')} <span lang="en">{statusFailure.value}</span></Notice> : null}
        <div class="split">
          <Masking list={cameras.value ?? []} status={status.value} />
          <Alarms status={status.value} />
        </div>
      </div>
    </div>
  );
}

function Figure({ what, value, unit, more, children }: { what: string; value: string; unit?: string; more?: string; children?: preact.ComponentChildren }) {
  return <div class="panel figure"><span class="what">{what}</span><span class="value">{value}{unit ? <small> {unit}</small> : null}</span>{children}{more ? <span class="more">{more}</span> : null}</div>;
}

function Figures({ health: h, status: s }: { health: Health; status: Status | null }) {
  const total = Object.values(h.cameras).reduce((sum, n) => sum + (n as number), 0);
  const disk = s?.disk ?? {};
  const used = disk.bytes_total ? 1 - (disk.bytes_free ?? 0) / disk.bytes_total : null;
  const { promised_days: promised, actual_days: actual } = s?.retention ?? {};
  const short = promised !== undefined && actual !== undefined && actual < promised;
  return (
    <section class="tiles" aria-label={t('health.figures')}>
      <Figure what={t('health.recording')} value={`${h.cameras.recording ?? 0}`} unit={t('health.of', { n: total })} more={h.gaps_today ? tn('health.gaps', h.gaps_today) : t('health.no-gaps')} />
      <Figure what={t('health.incoming')} value={bitrate(h.bitrate_bps)} more={h.frames_lost ? tn('health.lost', h.frames_lost) : t('health.none-lost')} />
      {used !== null ? (
        <Figure what={t('health.disk')} value={bytes(disk.bytes_free ?? 0)} unit={t('health.free')} more={t('health.disk.more', { used: percent(used), total: bytes(disk.bytes_total ?? 0) })}>
          <span class={`bar ${disk.state && disk.state !== 'ok' ? 'bad' : ''}`}><i style={{ width: `${used * 100}%` }} /></span>
        </Figure>
      ) : null}
      {promised !== undefined && actual !== undefined ? (
        <Figure what={t('health.retention')} value={days(actual)} unit={tn('health.of-days', promised)} more={short ? t('health.retention.short') : t('health.retention.kept')}>
          <span class={`bar ${short ? 'warn' : ''}`}><i style={{ width: `${Math.min(100, (actual / Math.max(1, promised)) * 100)}%` }} /></span>
        </Figure>
      ) : null}
      {s?.started ? <Figure what={t('health.running')} value={duration(Date.now() - Date.parse(s.started), 1)} more={t('health.node', { node: s.node, version: s.version })} /> : null}
    </section>
  );
}

function Masking({ list, status }: { list: Camera[]; status: Status | null }) {
  const counts = new Map<MaskState, number>();
  for (const camera of list) counts.set(camera.mask.state, (counts.get(camera.mask.state) ?? 0) + 1);
  const maskers = new Set(status?.cameras.map((c) => c.mask?.masker).filter((m) => m !== null && m !== undefined)).size;
  return (
    <section class="panel" aria-labelledby="health-masking">
      <header class="spread"><h2 id="health-masking">{t('masking.title')}</h2>{maskers ? <span class="soft">{tn('health.maskers', maskers)}</span> : null}</header>
      <div class="body">
        <ul class="breakdown">
          {[...counts].sort((a, b) => b[1] - a[1]).map(([state, n]) => (
            <li key={state}><Badge kind={maskKind(state)} icon={maskIcon(state)}>{maskWord(state)}</Badge><span class="bar"><i style={{ width: `${(n / list.length) * 100}%` }} /></span><span class="num">{n}</span></li>
          ))}
        </ul>
      </div>
    </section>
  );
}

function Alarms({ status }: { status: Status | null }) {
  const alarms = [...(status?.alarms ?? [])].sort((a, b) => Date.parse(b.at) - Date.parse(a.at)).slice(0, 30);
  return (
    <section class="panel" aria-labelledby="health-alarms">
      <header><h2 id="health-alarms">{t('health.alarms')}</h2></header>
      <div class="body">
        {alarms.length === 0 ? <p class="soft">{t('health.alarms.none')}</p> : (
          <ul class="findings">
            {alarms.map((alarm) => <li key={alarm.at + alarm.kind + alarm.camera}><span class="soft">{dateTime(Date.parse(alarm.at))} · {maybe(`gap.${alarm.kind}` as Key, alarm.kind)}</span><br /><span lang="en">{alarm.text}</span></li>)}
          </ul>
        )}
      </div>
    </section>
  );
}
