// SPDX-License-Identifier: AGPL-3.0-or-later
import { useState } from 'preact/hooks';
import { send, sentence } from '../../api/client';
import type { Groups } from '../../api/types';
import { t } from '../../i18n';
import { Button, Dialog, Field, Notice } from '../../ui';

export function GroupDialog({ name, groups, onClose, onDone }: { name: string | null; groups: Groups['groups']; onClose: () => void; onDone: (text: string) => void }) {
  const before = groups.find((g) => g.name === name);
  const [title, setTitle] = useState(before?.name ?? '');
  const [list, setList] = useState(before?.cameras.join('\n') ?? '');
  const [tried, setTried] = useState(false);
  const [failure, setFailure] = useState('');
  const members = list.split(/[\s,]+/).filter(Boolean);
  const badName = !/^[a-z0-9][a-z0-9._-]{0,62}$/.test(title) || title === 'all';
  const bad = members.find((id) => !/^[a-z0-9][a-z0-9._-]{0,62}\*?$/.test(id));
  const submit = async (event: Event) => {
    event.preventDefault();
    setTried(true);
    if (badName || bad) return;
    try {
      await send('PUT', 'groups', { groups: [...groups.filter((g) => g.name !== (name ?? title)), { name: title, cameras: members }] });
      onDone(t('groups.saved', { name: title }));
    } catch (error) {
      setFailure(sentence(error));
    }
  };
  return (
    <Dialog title={name ? t('groups.edit', { name }) : t('groups.add')} onClose={onClose} footer={<><Button onClick={onClose}>{t('action.cancel')}</Button><Button kind="primary" type="submit" form="group-form">{t('action.save')}</Button></>}>
      <form id="group-form" class="stack" onSubmit={submit} noValidate>
        <Field label={t('groups.name')} value={title} onText={(v) => setTitle(v.toLowerCase())} readOnly={name !== null} hint={t('setup.user.hint')} error={tried && badName ? t('setup.user.bad') : ''} spellcheck={false} />
        <div class="field">
          <label for="group-members">{t('groups.members')}</label>
          <textarea id="group-members" class="input mono" rows={6} spellcheck={false} value={list} onInput={(e) => setList(e.currentTarget.value)} aria-describedby="group-hint" />
          <span class="hint" id="group-hint">{t('groups.members.hint')}</span>
          {tried && bad ? <span class="error" role="alert">{t('groups.members.bad', { id: bad })}</span> : null}
        </div>
        {failure ? <Notice kind="bad" alert>{failure}</Notice> : null}
      </form>
    </Dialog>
  );
}
