// SPDX-License-Identifier: AGPL-3.0-or-later
// One case: how it stands, who answered, what is missing, the signed order; and what can be done now.
import { ArrowLeft, Download, Eye, LockKeyhole, Undo2 } from 'lucide-preact';
import { useEffect, useState } from 'preact/hooks';
import { Failure, sentence } from '../../api/client';
import { language, maybe, t } from '../../i18n';
import { commit, parseOrder } from '../../lib/case/order';
import { parseNote } from '../../lib/case/note';
import { hex } from '../../lib/case/bytes';
import { href } from '../../lib/router';
import { every, may } from '../../lib/session';
import { dateTime } from '../../lib/time';
import { Button, Check, Dialog, Field, Notice, say } from '../../ui';
import { Clock, PageHead } from '../../ui/page';
import { codes, codeText, ended, getBundle, getCase, loadCodes, ms, postEnd, type CaseDetail } from './api';
import { download, LoadKey, saveKey, SHORTEST } from './key-file';
import { drop, held, openCase, shut, type Opened } from './vault';
import { Viewer } from './viewer';
import { answerWords, cameraWords, CaseBadge, Left, spanWords, useLeft } from './words';

export function CasePage({ id }: { id: string }) {
  const [found, setFound] = useState<CaseDetail | null>(null);
  const [failure, setFailure] = useState('');
  const [opened, setOpened] = useState<Opened | null>(null);
  const [over, setOver] = useState('');
  const left = useLeft(found);
  const load = () => getCase(id).then((c) => { setFound(c); setFailure(''); }, (error: unknown) => setFailure(sentence(error)));
  useEffect(() => void loadCodes().catch(() => {}), []);
  useEffect(() => every(3000, () => void load()), []);

  const close = (why = '') => {
    setOpened((now) => {
      if (now) shut(now);
      return null;
    });
    if (why) {
      drop(id);
      setOver(why);
    }
    void load();
  };
  useEffect(() => () => setOpened((now) => (now && shut(now), null)), []);
  useEffect(() => {
    if (opened && found && (ended(found.state) || left === 0)) close(t('case.view.over'));
  }, [found?.state, left === 0, opened]);

  if (opened && found) return <Viewer opened={opened} found={found} onClose={() => close()} onOver={() => close(t('case.view.over'))} />;
  return (
    <div class="page cases-page">
      <PageHead title={t('case.title', { id })}><a class="btn" href={href('cases')}><ArrowLeft class="icon" aria-hidden="true" />{t('nav.cases')}</a><Clock /></PageHead>
      <div class="page-body stack">
        {failure ? <Notice kind="bad" alert>{failure}</Notice> : null}
        {over ? <Notice kind="info" alert>{over}</Notice> : null}
        {found ? <Standing found={found} /> : null}
        {found ? <Actions found={found} onChange={(c) => setFound({ ...found, ...c })} onOpened={setOpened} onEnd={() => close(t('case.key.gone'))} /> : null}
        {found ? <Papers found={found} /> : null}
      </div>
    </div>
  );
}

function Standing({ found: c }: { found: CaseDetail }) {
  return (
    <section class="panel" aria-label={t('case.standing')}>
      <div class="body stack">
        <div class="spread"><CaseBadge state={c.state} /><span role="timer" class="left">{ended(c.state) ? null : <span class="faint">{t('case.left')} </span>}<Left of={c} /></span></div>
        <ol class="case-marks" aria-label={t('case.answers')}>
          {Array.from({ length: c.custodians }, (_, i) => {
            const refused = c.refused.find((r) => r.custodian === i + 1);
            const answer = c.approved.includes(i + 1) ? 'approved' : refused ? 'refused' : 'waiting';
            return <li key={i} data-answer={answer}><b>{t('case.custodian', { n: i + 1 })}</b><span>{t(`case.answer.${answer}`)}{refused ? `: ${codeText(codes.value?.refusals, refused.reason)}` : ''}</span></li>;
          })}
        </ol>
        <p>{answerWords(c)}{c.missing && !ended(c.state) ? <span class="faint" lang="en"> {c.missing}</span> : null}</p>
        <dl class="case-facts">
          <div><dt>{t('request.cameras')}</dt><dd>{cameraWords(c)}</dd></div>
          <div><dt>{t('case.when')}</dt><dd>{spanWords(c)}</dd></div>
          <div><dt>{t('request.purpose')}</dt><dd>{codeText(codes.value?.purposes, c.purpose)}</dd></div>
          <div><dt>{t('request.basis')}</dt><dd>{codeText(codes.value?.bases, c.basis)}</dd></div>
          <div><dt>{t('request.valid')}</dt><dd>{t('request.until', { when: dateTime(ms(c.not_after)) })}</dd></div>
          {c.urgent ? <div><dt>{t('request.urgent')}</dt><dd>{t('request.urgent.sum', { when: dateTime(ms(c.urgent)) })}</dd></div> : null}
          <div><dt>{t('case.log')}</dt><dd>{c.entry === null ? t('case.log.not') : t('case.log.entry', { n: c.entry })}</dd></div>
        </dl>
      </div>
    </section>
  );
}

function Actions({ found: c, onChange, onOpened, onEnd }: { found: CaseDetail; onChange: (c: object) => void; onOpened: (o: Opened) => void; onEnd: () => void }) {
  const [busy, setBusy] = useState('');
  const [failure, setFailure] = useState('');
  const [ending, setEnding] = useState(false);
  const session = held.value[c.id];
  const canOpen = c.state === 'approved' || c.state === 'open';
  const work = async (name: string, task: () => Promise<void>) => {
    setBusy(name);
    setFailure('');
    try {
      await task();
    } catch (error) {
      setFailure(error instanceof Failure && error.status === 410 ? t('case.view.over') : sentence(error));
    }
    setBusy('');
  };
  if (ended(c.state) || !may('request')) return null;
  return (
    <section class="panel" aria-label={t('case.do')}>
      <div class="body stack">
        {failure ? <Notice kind="bad" alert>{failure}</Notice> : null}
        {session ? <SaveKey id={c.id} /> : <LoadKey id={c.id} />}
        <div class="cluster">
          <Button kind="primary" icon={Eye} busy={busy === 'open'} disabled={!session || !canOpen} onClick={() => void work('open', async () => onOpened(await openCase(c.id, session!)))}>{t('case.open')}</Button>
          <Button kind="danger" icon={c.state === 'open' ? LockKeyhole : Undo2} onClick={() => setEnding(true)}>{c.state === 'open' ? t('case.close') : t('case.withdraw')}</Button>
        </div>
        {!canOpen ? <p class="soft">{t('case.open.wait')}</p> : <p class="soft">{t('case.open.what')}</p>}
      </div>
      {ending ? <EndDialog found={c} onClose={() => setEnding(false)} onDone={(next) => { setEnding(false); onChange(next); onEnd(); say(t('case.ended')); }} /> : null}
    </section>
  );
}

function SaveKey({ id }: { id: string }) {
  const [asking, setAsking] = useState(false);
  const [passphrase, setPassphrase] = useState('');
  const save = async (event: Event) => {
    event.preventDefault();
    if (passphrase.length < SHORTEST) return;
    await saveKey(held.value[id]!, passphrase);
    setAsking(false);
  };
  return (
    <>
      <Notice kind="good"><div class="spread"><span class="grow">{t('case.key.here')}</span><Button icon={Download} onClick={() => setAsking(true)}>{t('case.key.save')}</Button></div></Notice>
      {asking ? (
        <Dialog title={t('case.key.save')} onClose={() => setAsking(false)} footer={<Button kind="primary" type="submit" form="save-key">{t('case.key.save')}</Button>}>
          <form id="save-key" onSubmit={save}><Field label={t('request.passphrase')} type="password" autocomplete="new-password" value={passphrase} onText={setPassphrase} hint={t('request.passphrase.hint', { n: SHORTEST })} /></form>
        </Dialog>
      ) : null}
    </>
  );
}

/** Closing or withdrawing; the reference of the file can be revealed with it, which proves what the commitment was of. */
function EndDialog({ found: c, onClose, onDone }: { found: CaseDetail; onClose: () => void; onDone: (c: object) => void }) {
  const session = held.value[c.id];
  const [reveal, setReveal] = useState(false);
  const [reference, setReference] = useState(session?.reference ?? '');
  const [failure, setFailure] = useState('');
  const opened = c.state === 'open';
  const end = async () => {
    try {
      const body = opened && reveal && session ? { reference, salt: hex(session.salt) } : {};
      if (opened && reveal && session && (await commit(session.salt, reference)) !== parseOrder(parseNote(c.order).text).reference) return setFailure(t('case.close.wrong'));
      onDone(await postEnd(c.id, opened ? 'close' : 'withdraw', body));
    } catch (error) {
      setFailure(sentence(error));
    }
  };
  return (
    <Dialog title={opened ? t('case.close') : t('case.withdraw')} onClose={onClose} footer={<><Button onClick={onClose}>{t('action.cancel')}</Button><Button kind="danger primary" onClick={() => void end()}>{opened ? t('case.close') : t('case.withdraw')}</Button></>}>
      <div class="stack">
        <p>{opened ? t('case.close.what') : t('case.withdraw.what')}</p>
        {opened && session ? <Check label={t('case.close.reveal')} checked={reveal} onPick={setReveal} hint={t('case.close.reveal.hint')} /> : null}
        {opened && session && reveal ? <Field label={t('request.reference')} value={reference} onText={setReference} /> : null}
        {failure ? <Notice kind="bad" alert>{failure}</Notice> : null}
      </div>
    </Dialog>
  );
}

function Papers({ found: c }: { found: CaseDetail }) {
  const bundle = () => void getBundle(c.id).then((blob) => download(`case-${c.id}.json`, blob, 'application/json'), (error: unknown) => say(sentence(error), 'bad'));
  return (
    <section class="panel" aria-label={t('case.papers')}>
      <div class="body stack">
        <details><summary>{t('case.order')}</summary><pre class="paper" tabIndex={0}>{c.order}</pre></details>
        {c.words ? <details><summary>{t('case.words')}</summary><pre class="paper" tabIndex={0}>{(language.value === 'zh-Hant' && c.words_zh) || c.words}</pre></details> : null}
        <div class="cluster"><Button icon={Download} onClick={bundle}>{t('case.bundle')}</Button></div>
        <p class="faint">{t('case.made', { when: dateTime(ms(c.made)), state: maybe(`case.state.${c.state}`, c.state), since: dateTime(ms(c.since)) })}</p>
      </div>
    </section>
  );
}
