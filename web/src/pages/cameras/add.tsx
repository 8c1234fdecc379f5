// SPDX-License-Identifier: AGPL-3.0-or-later
import { useState } from 'preact/hooks';
import { send, sentence } from '../../api/client';
import type { Camera } from '../../api/types';
import { t } from '../../i18n';
import { go, href } from '../../lib/router';
import { loadCameras } from '../../lib/session';
import { Button, Notice, say } from '../../ui';
import { PageHead } from '../../ui/page';
import { CameraFields, ProbePanel, blank, check, toBody, type Fields } from './form';

export function AddCamera() {
  const [fields, setFields] = useState<Fields>(blank);
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState('');
  const mistakes = tried ? check(fields, true) : {};
  const submit = async (event: Event) => {
    event.preventDefault();
    setTried(true);
    setFailure('');
    if (Object.keys(check(fields, true)).length) return;
    setBusy(true);
    try {
      const camera = await send<Camera>('POST', 'cameras', toBody(fields));
      await loadCameras();
      say(t('cameras.added', { name: camera.name || camera.id }));
      go(href('cameras', ['c', camera.id]));
    } catch (error) {
      setFailure(sentence(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <div class="page cameras-page">
      <PageHead title={t('cameras.add')}><a class="btn" href={href('cameras')}>{t('action.cancel')}</a></PageHead>
      <div class="page-body split">
        <form class="panel" onSubmit={submit} noValidate>
          <div class="body stack">
            <CameraFields fields={fields} set={(part) => setFields({ ...fields, ...part })} mistakes={mistakes} adding />
            {failure ? <Notice kind="bad" alert>{failure}</Notice> : null}
            <div class="cluster"><Button kind="primary" type="submit" busy={busy}>{t('cameras.add')}</Button></div>
          </div>
        </form>
        <ProbePanel fields={fields} />
      </div>
    </div>
  );
}
