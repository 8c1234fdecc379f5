// SPDX-License-Identifier: AGPL-3.0-or-later
// Asking for a case: what to open, what for and by what right; then all of it in words; then it is signed and sent.
import { FileKey, Send } from 'lucide-preact';
import { useEffect, useState } from 'preact/hooks';
import { sentence } from '../../api/client';
import { t, tn } from '../../i18n';
import { makeOrder, signOrder, type Wish } from '../../lib/case/order';
import { makeSession } from '../../lib/case/session';
import { go, href } from '../../lib/router';
import { cameras, cameraName } from '../../lib/session';
import { dateTime, duration, fromInput, toInput, zoneName } from '../../lib/time';
import { Button, Check, Choice, Dialog, Field, Notice, say } from '../../ui';
import { codes, codeText, loadCodes, nodeNow, postOrder, type Codes } from './api';
import { saveKey, SHORTEST } from './key-file';
import { hold } from './vault';

const HOUR = 3600000;
const VALID = [1, 4, 24, 72, 168];

interface Form {
  cameras: string[];
  from: string;
  to: string;
  purpose: string;
  basis: string;
  reference: string;
  valid: number; // hours
  urgent: boolean;
  passphrase: string;
  memory: boolean; // no file of the key
}

function problem(f: Form, list: Codes | null): string {
  const from = fromInput(f.from);
  const to = fromInput(f.to);
  if (!f.cameras.length) return t('request.no-camera');
  if (from === null || to === null || to <= from) return t('export.order');
  if (to > nodeNow()) return t('request.future');
  const hours = (f.cameras.length * (to - from)) / HOUR;
  if (list && hours > list.limits.camera_hours) return t('request.too-much', { hours: hours.toFixed(1), limit: list.limits.camera_hours });
  if (!f.purpose || !f.basis) return t('request.no-code');
  if (!f.reference.trim()) return t('request.no-reference');
  if (!f.memory && f.passphrase.length < SHORTEST) return t('request.short', { n: SHORTEST });
  return '';
}

export function RequestDialog({ span, chosen, onClose }: { span: { from: number; to: number }; chosen: string[]; onClose: () => void }) {
  const allowed = (cameras.value ?? []).filter((camera) => camera.may.includes('request'));
  const [form, setForm] = useState<Form>({
    cameras: allowed.map((c) => c.id).filter((id) => chosen.includes(id)).slice(0, 1), from: toInput(Math.floor(span.from / 1000) * 1000), to: toInput(Math.floor(Math.min(span.to, nodeNow()) / 1000) * 1000),
    purpose: '', basis: '', reference: '', valid: 24, urgent: false, passphrase: '', memory: false,
  });
  const [step, setStep] = useState<'form' | 'sure'>('form');
  const [failure, setFailure] = useState('');
  const [busy, setBusy] = useState(false);
  useEffect(() => void loadCodes().catch((error: unknown) => setFailure(sentence(error))), []);
  const list = codes.value;
  useEffect(() => {
    if (list && form.valid * 3600 > list.limits.valid_seconds) set({ valid: list.limits.valid_seconds / 3600 });
  }, [list]);
  const set = (part: Partial<Form>) => {
    setFailure('');
    setForm({ ...form, ...part });
  };
  const wrong = problem(form, list);
  const next = (event: Event) => {
    event.preventDefault();
    if (wrong) return setFailure(wrong);
    setStep('sure');
  };
  const submit = async () => {
    setBusy(true);
    try {
      await sendOrder(wishOf(form, list!), form);
      onClose();
    } catch (error) {
      setFailure(sentence(error));
      setBusy(false);
    }
  };
  return (
    <Dialog title={t('request.title')} wide onClose={onClose} footer={step === 'form' ? (
      <><Button onClick={onClose}>{t('action.cancel')}</Button><Button kind="primary" type="submit" form="case-request" disabled={!list}>{t('request.next')}</Button></>
    ) : (
      <><Button onClick={() => setStep('form')}>{t('request.back')}</Button><Button kind="primary" icon={Send} busy={busy} onClick={() => void submit()}>{t('request.send')}</Button></>
    )}>
      {failure ? <Notice kind="bad" alert>{failure}</Notice> : null}
      {step === 'form' ? <RequestForm form={form} set={set} list={list} allowed={allowed.map((c) => c.id)} onSubmit={next} /> : <Summary form={form} list={list!} />}
    </Dialog>
  );
}

function wishOf(f: Form, list: Codes): Wish {
  return {
    node: list.node, cameras: f.cameras, fromMs: fromInput(f.from)!, toMs: fromInput(f.to)!, purpose: f.purpose, basis: f.basis, reference: f.reference.trim(),
    validMs: f.valid * HOUR, urgentMs: f.urgent ? Math.min(list.limits.urgent_seconds * 1000, f.valid * HOUR) : null,
  };
}

/** The key is saved before the order leaves: an order whose key is lost opens nothing. */
async function sendOrder(wish: Wish, f: Form) {
  const session = await makeSession(wish.reference);
  const order = await signOrder(await makeOrder(wish, session, nodeNow()), session);
  if (!f.memory) await saveKey(session, f.passphrase);
  const made = await postOrder(order);
  hold(session);
  say(t('request.sent'));
  go(href('cases', [made.id]));
}

function RequestForm({ form, set, list, allowed, onSubmit }: { form: Form; set: (part: Partial<Form>) => void; list: Codes | null; allowed: string[]; onSubmit: (event: Event) => void }) {
  const bases = list?.bases ?? [];
  const choose = { value: '', text: t('request.choose') };
  const most = (list?.limits.valid_seconds ?? 7 * 86400) / 3600;
  const terms = [...VALID.filter((h) => h < most), most];
  return (
    <form id="case-request" class="stack" onSubmit={onSubmit} noValidate>
      <p class="soft">{t('request.what')}</p>
      <fieldset class="field">
        <legend>{t('request.cameras')}</legend>
        <div class="choices">
          {allowed.map((id) => <Check key={id} label={cameraName(id)} checked={form.cameras.includes(id)} onPick={(on) => set({ cameras: on ? [...form.cameras, id] : form.cameras.filter((x) => x !== id) })} />)}
        </div>
      </fieldset>
      <div class="two">
        <Field label={t('export.from', { zone: zoneName() })} type="datetime-local" step={1} value={form.from} onText={(from) => set({ from })} />
        <Field label={t('export.to', { zone: zoneName() })} type="datetime-local" step={1} value={form.to} onText={(to) => set({ to })} />
      </div>
      <div class="two">
        <Choice label={t('request.purpose')} value={form.purpose} onPick={(purpose) => set({ purpose })} options={[choose, ...(list?.purposes ?? []).map((c) => ({ value: c.code, text: codeText(list?.purposes, c.code) }))]} />
        <Choice label={t('request.basis')} value={form.basis} onPick={(basis) => set({ basis })} options={[choose, ...bases.map((c) => ({ value: c.code, text: codeText(bases, c.code) }))]} />
      </div>
      <div class="two">
        <Field label={t('request.reference')} value={form.reference} autocomplete="off" maxLength={200} onText={(reference) => set({ reference })} hint={t('request.reference.hint')} />
        <Choice label={t('request.valid')} value={String(form.valid)} onPick={(valid) => set({ valid: Number(valid) })} options={terms.map((h) => ({ value: String(h), text: duration(h * HOUR) }))} />
      </div>
      <Check label={t('request.urgent')} checked={form.urgent} onPick={(urgent) => set({ urgent })} hint={list ? t('request.urgent.hint', { span: duration(list.limits.urgent_seconds * 1000) }) : ''} />
      <Field label={t('request.passphrase')} type="password" autocomplete="new-password" value={form.passphrase} disabled={form.memory} onText={(passphrase) => set({ passphrase })} hint={t('request.passphrase.hint', { n: SHORTEST })} />
      <Check label={t('request.memory')} checked={form.memory} onPick={(memory) => set({ memory })} hint={t('request.memory.hint')} />
    </form>
  );
}

function Summary({ form, list }: { form: Form; list: Codes }) {
  const from = fromInput(form.from)!;
  const to = fromInput(form.to)!;
  const urgent = wishOf(form, list).urgentMs;
  return (
    <div class="stack summary">
      <p>{t('request.sum', { threshold: list.threshold, custodians: list.custodians, cameras: form.cameras.map(cameraName).join(t('case.join')), node: list.node })}</p>
      <dl class="case-facts">
        <div><dt>{t('case.when')}</dt><dd>{t('case.span', { from: dateTime(from), to: dateTime(to), length: duration(to - from) })}</dd></div>
        <div><dt>{t('request.amount')}</dt><dd>{tn('request.hours', Number(((form.cameras.length * (to - from)) / HOUR).toFixed(2)))}</dd></div>
        <div><dt>{t('request.purpose')}</dt><dd>{codeText(list.purposes, form.purpose)}</dd></div>
        <div><dt>{t('request.basis')}</dt><dd>{codeText(list.bases, form.basis)}</dd></div>
        <div><dt>{t('request.valid')}</dt><dd>{t('request.until', { when: dateTime(nodeNow() + form.valid * HOUR) })}</dd></div>
        {urgent ? <div><dt>{t('request.urgent')}</dt><dd>{t('request.urgent.sum', { when: dateTime(nodeNow() + urgent) })}</dd></div> : null}
      </dl>
      <Notice kind="info">{t('request.public')}</Notice>
      <p class="cluster"><FileKey class="icon" aria-hidden="true" /><span class="grow">{form.memory ? t('request.key.memory') : t('request.key.file')}</span></p>
    </div>
  );
}
