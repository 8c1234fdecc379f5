// SPDX-License-Identifier: AGPL-3.0-or-later
import { Plus, Trash2 } from 'lucide-preact';
import { useState } from 'preact/hooks';
import { send, sentence } from '../../api/client';
import type { Grant, Role, User } from '../../api/types';
import { t } from '../../i18n';
import { fromInput, iso, toInput } from '../../lib/time';
import { Button, Check, Choice, Dialog, Field, Notice } from '../../ui';
import { PASSWORD_LENGTH } from '../door';

const roles: Role[] = ['viewer', 'operator', 'investigator', 'custodian', 'auditor', 'administrator'];
const input = (time?: string | null) => (time ? toInput(Date.parse(time)) : '');
const stamp = (text: string) => {
  const ms = text ? fromInput(text) : null;
  return ms === null ? null : iso(ms).replace(/\.000Z$/, 'Z');
};

export function UserDialog({ user, groups, onClose, onDone }: { user: User | null; groups: string[]; onClose: () => void; onDone: (text: string) => void }) {
  const [name, setName] = useState(user?.name ?? '');
  const [password, setPassword] = useState('');
  const [disabled, setDisabled] = useState(user?.disabled ?? false);
  const [grants, setGrants] = useState<Grant[]>(user?.grants ?? [{ role: 'viewer', group: 'all' }]);
  const [tried, setTried] = useState(false);
  const [failure, setFailure] = useState('');
  const badName = !/^[a-z0-9][a-z0-9._-]{0,62}$/.test(name);
  const short = [...password].length < PASSWORD_LENGTH && (!user || password !== '');
  const change = (at: number, part: Partial<Grant>) => setGrants(grants.map((g, i) => (i === at ? { ...g, ...part } : g)));
  const clean = () => grants.map(({ role, group, from, to }) => ({ role, group, ...(from ? { from } : {}), ...(to ? { to } : {}) }));

  const submit = async (event: Event) => {
    event.preventDefault();
    setTried(true);
    if (badName || short) return;
    try {
      if (user) await send('PUT', `users/${user.name}`, { grants: clean(), disabled, ...(password ? { password } : {}) });
      else await send('POST', 'users', { name, password, grants: clean() });
      onDone(user ? t('users.changed', { name }) : t('users.added', { name }));
    } catch (error) {
      setFailure(sentence(error));
    }
  };
  return (
    <Dialog title={user ? t('users.edit', { name: user.name }) : t('users.add')} onClose={onClose} footer={<><Button onClick={onClose}>{t('action.cancel')}</Button><Button kind="primary" type="submit" form="user-form">{t('action.save')}</Button></>}>
      <form id="user-form" class="stack" onSubmit={submit} noValidate>
        {user ? null : <Field label={t('door.user')} value={name} onText={(v) => setName(v.toLowerCase())} hint={t('setup.user.hint')} error={tried && badName ? t('setup.user.bad') : ''} autoComplete="off" autoCapitalize="none" spellcheck={false} />}
        <Field label={t('setup.password')} type="password" autoComplete="new-password" value={password} onText={setPassword} hint={user ? t('users.password.kept') : t('setup.password.hint', { n: PASSWORD_LENGTH })} error={tried && short ? t('setup.password.short', { n: PASSWORD_LENGTH }) : ''} />
        <fieldset class="stack">
          <legend><h3>{t('users.may')}</h3></legend>
          <ul class="grant-rows">
            {grants.map((grant, i) => (
              <li key={i} class="grant-row">
                <Choice label={t('grant.role')} value={grant.role} onPick={(role) => change(i, { role })} options={roles.map((value) => ({ value, text: t(`role.${value}`) }))} />
                <Choice label={t('grant.group')} value={grant.group} onPick={(group) => change(i, { group })} options={[...new Set(['all', ...groups, grant.group])].map((value) => ({ value, text: value === 'all' ? t('grant.all') : value }))} />
                <Button kind="quiet" icon={Trash2} label={t('grant.remove')} onClick={() => setGrants(grants.filter((_, k) => k !== i))} />
                <p class="faint span-all">{t(`role.${grant.role}.what`)}</p>
                <div class="span">
                  <Field label={t('grant.from')} type="datetime-local" value={input(grant.from)} onText={(v) => change(i, { from: stamp(v) })} />
                  <Field label={t('grant.to')} type="datetime-local" value={input(grant.to)} onText={(v) => change(i, { to: stamp(v) })} />
                </div>
              </li>
            ))}
          </ul>
          <div><Button icon={Plus} onClick={() => setGrants([...grants, { role: 'viewer', group: 'all' }])}>{t('grant.add')}</Button></div>
        </fieldset>
        {user ? <Check label={t('users.disable')} checked={disabled} onPick={setDisabled} hint={t('users.disable.hint')} /> : null}
        {failure ? <Notice kind="bad" alert>{failure}</Notice> : null}
      </form>
    </Dialog>
  );
}
