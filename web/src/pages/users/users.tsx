// SPDX-License-Identifier: AGPL-3.0-or-later
// Accounts, groups of cameras, and tokens for programs. For administrators.
import { KeyRound, Pencil, Trash2, UserPlus } from 'lucide-preact';
import { useEffect, useState } from 'preact/hooks';
import { get, send, sentence } from '../../api/client';
import type { Camera, Grant, Token, User } from '../../api/types';
import { t, tn } from '../../i18n';
import { cameras, session } from '../../lib/session';
import { href } from '../../lib/router';
import { ago, dateTime } from '../../lib/time';
import { Badge, Button, Dialog, Notice, say } from '../../ui';
import { PageHead } from '../../ui/page';
import { TokenDialog } from './token-dialog';
import { UserDialog } from './user-dialog';

export const grantText = (grant: Grant) => t('grant.text', { role: t(`role.${grant.role}`), group: grant.group === 'all' ? t('grant.all') : grant.group });

/** Groups of cameras: what their cameras say. */
function groupsOf(list: Camera[]): [string, Camera[]][] {
  const groups = new Map<string, Camera[]>();
  for (const camera of list) if (camera.group) groups.set(camera.group, [...(groups.get(camera.group) ?? []), camera]);
  return [...groups].sort(([a], [b]) => a.localeCompare(b));
}

type Open = { kind: 'user'; user: User | null } | { kind: 'token' } | { kind: 'remove'; title: string; text: string; path: string } | null;

export function UsersPage() {
  const [users, setUsers] = useState<User[] | null>(null);
  const [tokens, setTokens] = useState<Token[]>([]);
  const [failure, setFailure] = useState('');
  const [open, setOpen] = useState<Open>(null);
  const load = async () => {
    try {
      const [u, k] = await Promise.all([get<{ users: User[] }>('users'), get<{ tokens: Token[] }>('tokens')]);
      setUsers(u.users);
      setTokens(k.tokens);
      setFailure('');
    } catch (error) {
      setFailure(sentence(error));
    }
  };
  useEffect(() => void load(), []);
  const close = () => setOpen(null);
  const done = (text: string) => {
    close();
    say(text);
    void load();
  };
  const groups = groupsOf(cameras.value ?? []);
  const remove = async (path: string) => {
    close();
    try {
      await send('DELETE', path);
      await load();
      say(t('users.removed'));
    } catch (error) {
      say(sentence(error), 'bad');
    }
  };
  return (
    <div class="page users-page">
      <PageHead title={t('nav.users')}><Button kind="primary" icon={UserPlus} onClick={() => setOpen({ kind: 'user', user: null })}>{t('users.add')}</Button></PageHead>
      <div class="page-body stack">
        {failure ? <Notice kind="bad" alert>{failure}</Notice> : null}
        <section class="panel table-panel" aria-label={t('nav.users')}>
          <table class="table as-list">
            <thead><tr><th scope="col">{t('users.name')}</th><th scope="col">{t('users.may')}</th><th scope="col">{t('users.seen')}</th><th scope="col"><span class="visually-hidden">{t('users.tools')}</span></th></tr></thead>
            <tbody>
              {(users ?? []).map((user) => (
                <tr key={user.name}>
                  <th scope="row">{user.name} {user.name === session.value?.user ? <Badge kind="info">{t('users.you')}</Badge> : null} {user.disabled ? <Badge kind="warn">{t('users.disabled')}</Badge> : null}</th>
                  <td><span class="grants">{user.grants.map((grant, i) => <Badge key={i}>{grantText(grant)}{grant.from || grant.to ? ` (${t('grant.timed')})` : ''}</Badge>)}{user.grants.length ? null : <span class="faint">{t('users.nothing')}</span>}</span></td>
                  <td class="soft nowrap">{user.last_seen ? ago(Date.parse(user.last_seen)) : t('users.never')}</td>
                  <td><span class="row-tools">
                    <Button kind="quiet" icon={Pencil} label={t('users.edit', { name: user.name })} onClick={() => setOpen({ kind: 'user', user })} />
                    <Button kind="quiet" icon={Trash2} label={t('users.remove', { name: user.name })} onClick={() => setOpen({ kind: 'remove', title: t('users.remove', { name: user.name }), text: t('users.remove.what'), path: `users/${user.name}` })} />
                  </span></td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
        <div class="split">
          <section class="panel" aria-labelledby="groups-title">
            <header><h2 id="groups-title">{t('groups.title')}</h2></header>
            <div class="body stack">
              <p class="soft">{t('groups.what')}</p>
              {groups.length ? (
                <table class="table"><tbody>{groups.map(([name, members]) => (
                  <tr key={name}><th scope="row">{name}</th><td class="soft">{members.slice(0, 6).map((camera, i) => <span key={camera.id}>{i ? ', ' : ''}<a href={href('cameras', ['c', camera.id])}>{camera.name || camera.id}</a></span>)}{members.length > 6 ? ` ${tn('groups.more', members.length - 6)}` : ''}</td></tr>
                ))}</tbody></table>
              ) : <p class="faint">{t('groups.none')}</p>}
            </div>
          </section>
          <section class="panel" aria-labelledby="tokens-title">
            <header class="spread"><h2 id="tokens-title">{t('tokens.title')}</h2><Button icon={KeyRound} onClick={() => setOpen({ kind: 'token' })}>{t('tokens.add')}</Button></header>
            <div class="body stack">
              <p class="soft">{t('tokens.what')}</p>
              {tokens.length ? (
                <ul class="zone-list">{tokens.map((token) => (
                  <li key={token.id} class="spread"><span class="grow"><strong>{token.name}</strong> <span class="faint">{token.user}</span><br />
                    <span class="soft">{token.verbs.map((verb) => t(`verb.${verb}`)).join(', ')} · {t('tokens.until', { time: dateTime(Date.parse(token.expires)) })} · {token.last_used ? ago(Date.parse(token.last_used)) : t('users.never')}</span></span>
                    <Button kind="quiet" icon={Trash2} label={t('tokens.remove', { name: token.name })} onClick={() => setOpen({ kind: 'remove', title: t('tokens.remove', { name: token.name }), text: t('tokens.remove.what'), path: `tokens/${token.id}` })} /></li>
                ))}</ul>
              ) : <p class="faint">{t('tokens.none')}</p>}
            </div>
          </section>
        </div>
      </div>
      {open?.kind === 'user' ? <UserDialog user={open.user} groups={groups.map(([name]) => name)} onClose={close} onDone={done} /> : null}
      {open?.kind === 'token' ? <TokenDialog users={users ?? []} onClose={() => { close(); void load(); }} /> : null}
      {open?.kind === 'remove' ? (
        <Dialog title={open.title} onClose={close} footer={<><Button onClick={close}>{t('action.cancel')}</Button><Button kind="danger primary" onClick={() => void remove(open.path)}>{t('action.remove')}</Button></>}><p>{open.text}</p></Dialog>
      ) : null}
    </div>
  );
}
