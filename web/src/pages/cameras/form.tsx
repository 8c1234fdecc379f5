// SPDX-License-Identifier: AGPL-3.0-or-later
// The fields of a camera, for adding and for changing, and what a trial of its address found.
import { ChevronDown, ChevronRight, Radar } from 'lucide-preact';
import { useState } from 'preact/hooks';
import { send, sentence } from '../../api/client';
import type { Camera, Probe } from '../../api/types';
import { maybe, t } from '../../i18n';
import { bitrate } from '../../lib/time';
import { Badge, Button, Check, Choice, Field, Glyph, Notice } from '../../ui';

export interface Fields {
  id: string;
  name: string;
  main: string;
  sub: string;
  user: string;
  password: string;
  transport: 'auto' | 'tcp' | 'udp';
  audio: boolean;
  enabled: boolean;
  retention_days: string;
  pin: string;
  tls_insecure: boolean;
  group: string;
  purpose: string;
  owner: string;
  contact: string;
  place: string;
  sees: string;
  retention_reason: string;
  review: string;
  lat: string;
  lon: string;
  px_per_m: string;
}
// What the public register says of a camera, and the most characters that a field may have.
const told = { purpose: 127, owner: 127, contact: 127, place: 191, sees: 191, retention_reason: 191 } as const;
const numbers = ['lat', 'lon', 'px_per_m'] as const;

export const blank: Fields = {
  id: '', name: '', main: '', sub: '', user: '', password: '', transport: 'auto', audio: false, enabled: true, retention_days: '', pin: '', tls_insecure: false,
  group: '', purpose: '', owner: '', contact: '', place: '', sees: '', retention_reason: '', review: '', lat: '', lon: '', px_per_m: '',
};

export const fromCamera = (c: Camera): Fields => ({
  ...blank, id: c.id, name: c.name, main: c.main ?? '', sub: c.sub ?? '', transport: c.transport ?? 'auto', audio: c.audio ?? false, enabled: c.enabled,
  retention_days: c.retention_days ? String(c.retention_days) : '', pin: c.pin ?? '', tls_insecure: c.tls_insecure ?? false,
  group: c.group, purpose: c.purpose ?? '', owner: c.owner ?? '', contact: c.contact ?? '', place: c.place ?? '', sees: c.sees ?? '', retention_reason: c.retention_reason ?? '', review: c.review ?? '',
  lat: c.lat == null ? '' : String(c.lat), lon: c.lon == null ? '' : String(c.lon), px_per_m: c.px_per_m == null ? '' : String(c.px_per_m),
});

export type Mistakes = Partial<Record<keyof Fields, string>>;
export function check(f: Fields, adding: boolean): Mistakes {
  const out: Mistakes = {};
  if (adding && !/^[a-z0-9][a-z0-9._-]{0,62}$/.test(f.id)) out.id = t('form.id.bad');
  if (!/^rtsps?:\/\/[^/\s]+/.test(f.main)) out.main = t('form.url.bad');
  if (f.sub && !/^rtsps?:\/\/[^/\s]+/.test(f.sub)) out.sub = t('form.url.bad');
  if (f.retention_days && !/^\d{1,4}$/.test(f.retention_days)) out.retention_days = t('form.days.bad');
  if (f.group && !/^[a-z0-9][a-z0-9._-]{0,62}$/.test(f.group)) out.group = t('form.id.bad');
  for (const [name, low, high] of [['lat', -90, 90], ['lon', -180, 180], ['px_per_m', 0, 100000]] as const) {
    const value = Number(f[name]);
    if (f[name] !== '' && !(value >= low && value <= high)) out[name] = t('form.number.bad', { low, high });
  }
  return out;
}

const whole = (f: Fields): Record<string, unknown> => ({
  name: f.name, main: f.main, sub: f.sub, transport: f.transport, audio: f.audio, enabled: f.enabled,
  retention_days: Number(f.retention_days || 0), pin: f.pin, tls_insecure: f.tls_insecure, group: f.group, review: f.review,
  ...Object.fromEntries(Object.keys(told).map((name) => [name, f[name as keyof typeof told]])),
  ...Object.fromEntries(numbers.map((name) => [name, f[name] === '' ? null : Number(f[name])])),
});

/** What the API wants: of a change only what differs from @before, of a new camera what differs from nothing said. */
export function toBody(f: Fields, before?: Fields): Record<string, unknown> {
  const old = whole(before ?? blank);
  const body = Object.fromEntries(Object.entries(whole(f)).filter(([key, value]) => old[key] !== value));
  if (f.user) body.user = f.user;
  if (f.password) body.password = f.password;
  return before ? body : { id: f.id, ...body };
}

export function CameraFields({ fields, set, mistakes, adding }: { fields: Fields; set: (part: Partial<Fields>) => void; mistakes: Mistakes; adding: boolean }) {
  const [more, setMore] = useState(false);
  const [register, setRegister] = useState(false);
  return (
    <div class="stack">
      <Field label={t('form.main')} value={fields.main} onText={(main) => set({ main: main.trim() })} error={mistakes.main} hint={t('form.main.hint')} placeholder="rtsp://10.0.0.7/stream1" inputMode="url" spellcheck={false} autoCapitalize="none" class="input mono" />
      <Field label={t('form.sub')} value={fields.sub} onText={(sub) => set({ sub: sub.trim() })} error={mistakes.sub} hint={t('form.sub.hint')} inputMode="url" spellcheck={false} autoCapitalize="none" class="input mono" />
      <div class="two">
        <Field label={t('form.user')} value={fields.user} onText={(user) => set({ user })} autoComplete="off" autoCapitalize="none" spellcheck={false} hint={adding ? undefined : t('form.kept')} />
        <Field label={t('form.password')} type="password" value={fields.password} onText={(password) => set({ password })} autoComplete="new-password" hint={adding ? undefined : t('form.kept')} />
      </div>
      <div class="two">
        <Field label={t('form.name')} value={fields.name} onText={(name) => set({ name })} maxLength={127} hint={t('form.name.hint')} />
        {adding ? <Field label={t('form.id')} value={fields.id} onText={(id) => set({ id: id.trim().toLowerCase() })} error={mistakes.id} hint={t('form.id.hint')} spellcheck={false} autoCapitalize="none" class="input mono" />
          : <Field label={t('form.id')} value={fields.id} readOnly class="input mono" hint={t('form.id.fixed')} />}
      </div>
      <button type="button" class="btn quiet fold" aria-expanded={more} onClick={() => setMore(!more)}><Glyph icon={more ? ChevronDown : ChevronRight} />{t('form.more')}</button>
      {more ? (
        <div class="stack">
          <div class="two">
            <Choice label={t('form.transport')} value={fields.transport} onPick={(transport) => set({ transport })} options={(['auto', 'tcp', 'udp'] as const).map((value) => ({ value, text: t(`form.transport.${value}`) }))} />
            <Field label={t('form.days')} value={fields.retention_days} onText={(retention_days) => set({ retention_days })} error={mistakes.retention_days} hint={t('form.days.hint')} inputMode="numeric" />
          </div>
          <Field label={t('form.group')} value={fields.group} onText={(group) => set({ group: group.trim().toLowerCase() })} error={mistakes.group} hint={t('form.group.hint')} spellcheck={false} autoCapitalize="none" class="input mono" />
          <Field label={t('form.pin')} value={fields.pin} onText={(pin) => set({ pin: pin.trim().toLowerCase() })} hint={t('form.pin.hint')} spellcheck={false} class="input mono" />
          <Check label={t('form.audio')} checked={fields.audio} onPick={(audio) => set({ audio })} hint={t('form.audio.hint')} />
          <Check label={t('form.enabled')} checked={fields.enabled} onPick={(enabled) => set({ enabled })} />
          <Check label={t('form.insecure')} checked={fields.tls_insecure} onPick={(tls_insecure) => set({ tls_insecure })} hint={t('form.insecure.hint')} />
        </div>
      ) : null}
      <button type="button" class="btn quiet fold" aria-expanded={register} onClick={() => setRegister(!register)}><Glyph icon={register ? ChevronDown : ChevronRight} />{t('form.register')}</button>
      {register ? (
        <div class="stack">
          <p class="soft">{t('form.register.what')}</p>
          {(Object.keys(told) as (keyof typeof told)[]).map((name) => <Field key={name} label={t(`form.${name}`)} value={fields[name]} onText={(text) => set({ [name]: text })} maxLength={told[name]} />)}
          <div class="two">
            <Field label={t('form.review')} type="date" value={fields.review} onText={(review) => set({ review })} />
            <Field label={t('form.px_per_m')} value={fields.px_per_m} onText={(text) => set({ px_per_m: text })} error={mistakes.px_per_m} inputMode="decimal" />
            <Field label={t('form.lat')} value={fields.lat} onText={(lat) => set({ lat })} error={mistakes.lat} inputMode="decimal" />
            <Field label={t('form.lon')} value={fields.lon} onText={(lon) => set({ lon })} error={mistakes.lon} inputMode="decimal" />
          </div>
        </div>
      ) : null}
    </div>
  );
}

interface ProbeTrack {
  codec?: string;
  width?: number;
  height?: number;
  fps?: number;
  bitrate_bps?: number;
  channels?: number;
}

/** Tries the address for some seconds and tells what it offers and what is wrong with it. */
export function ProbePanel({ fields }: { fields: Fields }) {
  const [busy, setBusy] = useState(false);
  const [result, setResult] = useState<Probe | null>(null);
  const [failure, setFailure] = useState('');
  const run = async () => {
    setBusy(true);
    setResult(null);
    setFailure('');
    const body: Record<string, unknown> = { url: fields.main, transport: fields.transport };
    if (fields.user) body.user = fields.user;
    if (fields.password) body.password = fields.password;
    if (fields.tls_insecure) body.tls_insecure = true;
    try {
      setResult(await send('POST', 'probe', body));
    } catch (error) {
      setFailure(sentence(error));
    } finally {
      setBusy(false);
    }
  };
  const tracks = (result?.tracks ?? []) as ProbeTrack[];
  return (
    <section class="panel probe" aria-labelledby="probe-title">
      <header class="spread"><h2 id="probe-title">{t('probe.title')}</h2><Button icon={Radar} busy={busy} disabled={!/^rtsps?:\/\/\S+/.test(fields.main) || busy} onClick={run}>{result || failure ? t('probe.again') : t('probe.do')}</Button></header>
      <div class="body stack" role="status">
        {busy ? <p class="soft">{t('probe.busy')}</p> : null}
        {!busy && !result && !failure ? <p class="soft">{t('probe.what')}</p> : null}
        {failure ? <Notice kind="bad">{failure}</Notice> : null}
        {result && !result.ok ? <Notice kind="bad">{t('probe.bad')}</Notice> : null}
        {result?.ok ? <Notice kind="good">{t('probe.good')}{result.server ? <span class="faint" lang="en"> {result.server}</span> : null}</Notice> : null}
        {tracks.length ? (
          <ul class="probe-tracks">
            {tracks.map((track, i) => (
              <li key={i} class="cluster">
                <Badge kind="info">{(track.codec ?? '').toUpperCase()}</Badge>
                <span>{[track.width ? `${track.width} × ${track.height}` : track.channels ? t('probe.audio') : '', track.fps ? t('probe.fps', { n: Math.round(track.fps * 10) / 10 }) : '', track.bitrate_bps ? bitrate(track.bitrate_bps) : ''].filter(Boolean).join(' · ')}</span>
              </li>
            ))}
          </ul>
        ) : null}
        {result?.findings.length ? (
          <ul class="findings">
            {result.findings.map((finding) => <li key={finding.text} class={finding.weight}><span class="visually-hidden">{maybe(`probe.${finding.weight}`, finding.weight)}: </span><span lang="en">{finding.text}</span></li>)}
          </ul>
        ) : null}
        {result?.certificate_sha256 ? <p class="soft">{t('probe.pin')} <code class="wrap">{result.certificate_sha256}</code></p> : null}
      </div>
    </section>
  );
}

