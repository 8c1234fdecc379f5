// SPDX-License-Identifier: AGPL-3.0-or-later
// All cases in reach: what each is about, how it stands, how long it lasts.
import { FolderLock } from 'lucide-preact';
import { useEffect, useState } from 'preact/hooks';
import { Failure, sentence } from '../../api/client';
import { t } from '../../i18n';
import { href } from '../../lib/router';
import { every, may } from '../../lib/session';
import { Empty, Notice, Segment } from '../../ui';
import { Clock, PageHead } from '../../ui/page';
import { codes, codeText, ended, listCases, loadCodes, type Case } from './api';
import { answerWords, cameraWords, CaseBadge, Left, spanWords } from './words';

export function CaseList() {
  const [all, setAll] = useState<Case[] | null>(null);
  const [failure, setFailure] = useState('');
  const [which, setWhich] = useState<'running' | 'all'>('running');
  useEffect(() => void loadCodes().catch(() => {}), []);
  useEffect(() => every(5000, () => {
    listCases().then((cases) => { setAll(cases); setFailure(''); }, (error: unknown) => setFailure(error instanceof Failure && error.status === 404 ? t('cases.none-here') : sentence(error)));
  }), []);
  const shown = (all ?? []).filter((c) => which === 'all' || !ended(c.state));
  return (
    <div class="page cases-page">
      <PageHead title={t('nav.cases')}>
        {may('request') ? <a class="btn primary" href={href('timeline')}>{t('cases.new')}</a> : null}
        <Clock />
      </PageHead>
      <div class="page-body stack">
        {failure ? <Notice kind="bad" alert>{failure}</Notice> : null}
        {all?.length ? <Segment label={t('cases.which')} value={which} onPick={setWhich} options={[{ value: 'running', text: t('cases.running') }, { value: 'all', text: t('cases.all') }]} /> : null}
        {all && shown.length === 0 ? <Empty icon={FolderLock} title={all.length ? t('cases.none-running') : t('cases.none')}><p>{t('cases.none.what')}</p></Empty> : null}
        <ul class="case-list" aria-label={t('nav.cases')}>
          {shown.map((c) => (
            <li key={c.id}>
              <a class="case-card" href={href('cases', [c.id])} data-case={c.id} data-state={c.state}>
                <span class="spread"><CaseBadge state={c.state} /><span class="left"><span class="faint">{ended(c.state) ? '' : t('case.left')} </span><Left of={c} /></span></span>
                <strong>{cameraWords(c)}</strong>
                <span>{spanWords(c)}</span>
                <span class="soft">{codeText(codes.value?.purposes, c.purpose)}</span>
                <span class="soft">{answerWords(c)}</span>
                {c.missing && !ended(c.state) ? <span class="faint" lang="en">{c.missing}</span> : null}
              </a>
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}
