// SPDX-License-Identifier: AGPL-3.0-or-later
// The key of a case as a file: saved under a passphrase, and loaded again on another day or machine.
import { KeyRound } from 'lucide-preact';
import { useState } from 'preact/hooks';
import { sentence } from '../../api/client';
import { t } from '../../i18n';
import { openSession, sealSession, type CaseSession } from '../../lib/case/session';
import { Button, Field, Notice } from '../../ui';
import { nodeNow } from './api';
import { hold } from './vault';

export const SHORTEST = 10; // characters of a passphrase

export function download(name: string, content: BlobPart, type: string) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
export const saveKey = async (session: CaseSession, passphrase: string) => download(`case-${session.caseId}.age`, await sealSession(session, passphrase, nodeNow()), 'text/plain');

export function LoadKey({ id }: { id: string }) {
  const [file, setFile] = useState<File | null>(null);
  const [passphrase, setPassphrase] = useState('');
  const [failure, setFailure] = useState('');
  const [busy, setBusy] = useState(false);
  const load = async (event: Event) => {
    event.preventDefault();
    if (!file || file.size > 65536) return setFailure(t('case.key.file.missing'));
    setBusy(true);
    try {
      const session = await openSession(await file.text(), passphrase);
      if (session.caseId !== id) throw new Error(t('case.key.foreign', { id: session.caseId }));
      hold(session);
    } catch (error) {
      setFailure(sentence(error));
    }
    setBusy(false);
  };
  return (
    <form class="stack key-form" onSubmit={load}>
      <p>{t('case.key.load.what')}</p>
      <Field label={t('case.key.file')} type="file" accept=".age,.txt" onChange={(e) => setFile(e.currentTarget.files?.[0] ?? null)} />
      <Field label={t('case.key.passphrase')} type="password" autocomplete="off" value={passphrase} onText={setPassphrase} />
      {failure ? <Notice kind="bad" alert>{failure}</Notice> : null}
      <div><Button kind="primary" type="submit" icon={KeyRound} busy={busy}>{t('case.key.load')}</Button></div>
    </form>
  );
}
