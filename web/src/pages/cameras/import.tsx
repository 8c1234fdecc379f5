// SPDX-License-Identifier: AGPL-3.0-or-later
// Many cameras at once: CSV pasted or from a file, looked at first, all or none.
import { FileUp } from 'lucide-preact';
import { useRef, useState } from 'preact/hooks';
import { request, sentence } from '../../api/client';
import type { ImportResult } from '../../api/types';
import { t, tn } from '../../i18n';
import { parseCsv } from '../../lib/csv';
import { go, href } from '../../lib/router';
import { loadCameras } from '../../lib/session';
import { Button, Check, Notice, say } from '../../ui';
import { PageHead } from '../../ui/page';

const SECRET = /^(password)$/i;
const PREVIEW = 200;

export function ImportCameras() {
  const [text, setText] = useState('');
  const [replace, setReplace] = useState(false);
  const [result, setResult] = useState<ImportResult | null>(null);
  const [failure, setFailure] = useState('');
  const [busy, setBusy] = useState(false);
  const file = useRef<HTMLInputElement>(null);
  const rows = parseCsv(text);
  const [head = [], ...body] = rows;
  const problems = new Map(result?.problems.map((p) => [p.row, p]));

  const change = (next: string) => {
    setText(next);
    setResult(null);
    setFailure('');
  };
  const run = async (checkOnly: boolean) => {
    setBusy(true);
    setFailure('');
    try {
      const query = new URLSearchParams({ ...(replace ? { replace: 'true' } : {}), ...(checkOnly ? { check: 'true' } : {}) });
      const response = await request(`cameras/import?${query}`, { method: 'POST', headers: { 'content-type': 'text/csv' }, body: text });
      const answer = (await response.json()) as ImportResult;
      setResult(answer);
      if (answer.changed && !checkOnly) {
        await loadCameras();
        say(tn('import.done', answer.cameras));
        go(href('cameras'));
      }
    } catch (error) {
      setFailure(sentence(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <div class="page cameras-page">
      <PageHead title={t('cameras.import')}><a class="btn" href={href('cameras')}>{t('action.cancel')}</a></PageHead>
      <div class="page-body stack">
        <section class="panel"><div class="body stack">
          <p class="soft">{t('import.what')} <code>id,name,main,sub,user,password,retention_days</code></p>
          <div class="field">
            <label for="import-text">{t('import.text')}</label>
            <textarea id="import-text" class="input mono" rows={8} spellcheck={false} value={text} onInput={(e) => change(e.currentTarget.value)} placeholder={'id,name,main\ngate-1,"Gate, west",rtsp://10.0.0.7/stream1'} />
          </div>
          <div class="spread">
            <span class="cluster">
              <input ref={file} type="file" accept=".csv,text/csv,text/plain" class="visually-hidden" tabIndex={-1} aria-label={t('import.file')} onChange={(e) => void e.currentTarget.files?.[0]?.text().then(change)} />
              <Button icon={FileUp} onClick={() => file.current?.click()}>{t('import.file')}</Button>
              <Check label={t('import.replace')} checked={replace} onPick={(on) => { setReplace(on); setResult(null); }} />
            </span>
            <span class="cluster">
              <Button disabled={!body.length || busy} busy={busy} onClick={() => void run(true)}>{t('import.check')}</Button>
              <Button kind="primary" disabled={!result || result.problems.length > 0 || busy} onClick={() => void run(false)}>{body.length ? tn('import.do', result?.cameras ?? body.length) : t('cameras.import')}</Button>
            </span>
          </div>
          {failure ? <Notice kind="bad" alert>{failure}</Notice> : null}
          {result ? (result.problems.length ? <Notice kind="bad" alert>{tn('import.problems', result.problems.length)}</Notice> : <Notice kind="good">{tn('import.fine', result.cameras)}</Notice>) : null}
        </div></section>
        {body.length ? (
          <section class="panel table-panel" aria-label={t('import.preview')}>
            <table class="table">
              <thead><tr><th scope="col">{t('import.line')}</th>{head.map((name, i) => <th key={i} scope="col">{name}</th>)}</tr></thead>
              <tbody>
                {body.slice(0, PREVIEW).map((row, i) => {
                  const problem = problems.get(row.line);
                  return [
                    <tr key={i} class={problem ? 'wrong' : ''}><td class="faint">{row.line}</td>{head.map((name, c) => <td key={c}>{SECRET.test(name) && row[c] ? '••••' : row[c]}</td>)}</tr>,
                    problem ? <tr key={`${i}p`} class="wrong"><td /><td colSpan={head.length} class="bad-text" lang="en">{problem.error}</td></tr> : null,
                  ];
                })}
              </tbody>
            </table>
            {body.length > PREVIEW ? <p class="soft pad">{tn('cameras.more', body.length - PREVIEW)}</p> : null}
          </section>
        ) : null}
        {result && [...problems.keys()].some((row) => !body.some((b) => b.line === row)) ? (
          <ul class="findings">{result.problems.filter((p) => !body.some((b) => b.line === p.row)).map((p) => <li key={`${p.row}${p.error}`} class="bad" lang="en">{p.row}: {p.error}</li>)}</ul>
        ) : null}
      </div>
    </div>
  );
}
