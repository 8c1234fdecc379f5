// SPDX-License-Identifier: AGPL-3.0-or-later
import { Copy } from 'lucide-preact';
import { useState } from 'preact/hooks';
import { send, sentence } from '../../api/client';
import type { Token, User, Verb } from '../../api/types';
import { t } from '../../i18n';
import { session } from '../../lib/session';
import { Button, Check, Choice, Dialog, Field, Notice, say } from '../../ui';

const verbs: Verb[] = ['live', 'playback', 'export', 'request', 'status', 'audit'];

export function TokenDialog({ users, onClose }: { users: User[]; onClose: () => void }) {
  const [user, setUser] = useState(session.value?.user ?? '');
  const [name, setName] = useState('');
  const [days, setDays] = useState('365');
  const [chosen, setChosen] = useState<Verb[]>(['status']);
  const [secret, setSecret] = useState('');
  const [failure, setFailure] = useState('');
  const submit = async (event: Event) => {
    event.preventDefault();
    try {
      const made = await send<{ token: Token; secret: string }>('POST', 'tokens', { user, name: name.trim(), verbs: chosen, days: Number(days) });
      setSecret(made.secret);
    } catch (error) {
      setFailure(sentence(error));
    }
  };
  const copy = () => navigator.clipboard.writeText(secret).then(() => say(t('tokens.copied')), () => say(t('tokens.copy-failed'), 'warn'));
  if (secret) {
    return (
      <Dialog title={t('tokens.made')} onClose={onClose} footer={<><Button icon={Copy} onClick={() => void copy()}>{t('tokens.copy')}</Button><Button kind="primary" onClick={onClose}>{t('action.close')}</Button></>}>
        <div class="stack"><Notice kind="warn">{t('tokens.once')}</Notice><code class="secret">{secret}</code></div>
      </Dialog>
    );
  }
  return (
    <Dialog title={t('tokens.add')} onClose={onClose} footer={<><Button onClick={onClose}>{t('action.cancel')}</Button><Button kind="primary" type="submit" form="token-form" disabled={!name.trim() || !chosen.length}>{t('tokens.do')}</Button></>}>
      <form id="token-form" class="stack" onSubmit={submit}>
        <Field label={t('tokens.name')} value={name} onText={setName} maxLength={64} hint={t('tokens.name.hint')} />
        <div class="two">
          <Choice label={t('tokens.user')} value={user} onPick={setUser} options={users.map((u) => ({ value: u.name, text: u.name }))} />
          <Field label={t('tokens.days')} value={days} onText={setDays} inputMode="numeric" type="number" min={1} max={3650} />
        </div>
        <fieldset class="stack"><legend><h3>{t('tokens.verbs')}</h3></legend>
          {verbs.map((verb) => <Check key={verb} label={t(`verb.${verb}`)} checked={chosen.includes(verb)} onPick={(on) => setChosen(on ? [...chosen, verb] : chosen.filter((v) => v !== verb))} />)}
        </fieldset>
        {failure ? <Notice kind="bad" alert>{failure}</Notice> : null}
      </form>
    </Dialog>
  );
}
