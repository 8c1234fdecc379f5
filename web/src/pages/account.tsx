// SPDX-License-Identifier: AGPL-3.0-or-later
// The menus that are everywhere: account, language, colours; and changing one's own password.
import { CircleUserRound, Clock4, Contrast, KeyRound, Keyboard, Languages, LogOut, Moon, Sun } from 'lucide-preact';
import { useSignal } from '@preact/signals';
import { Failure, send, sentence } from '../api/client';
import { language, languages, setLanguage, t, tn } from '../i18n';
import { theme, zone, type Theme } from '../lib/prefs';
import { leave, session } from '../lib/session';
import { zoneName } from '../lib/time';
import { Button, Dialog, Field, Glyph, Item, Menu, Notice, say } from '../ui';
import { PASSWORD_LENGTH } from './door';
import { helpOpen } from './help';
import { signal } from '@preact/signals';

const themeIcons = { system: Contrast, light: Sun, dark: Moon };
const themes: Theme[] = ['system', 'light', 'dark'];
export const passwordOpen = signal(false);

export function LanguageMenu() {
  return (
    <Menu label={t('account.language')} align="end" button={(props) => <button type="button" class="btn quiet" {...props}><Glyph icon={Languages} /><span class="visually-hidden">{t('account.language')}: </span>{languages.find((l) => l.id === language.value)?.name}</button>}>
      {(close) => languages.map((l) => <Item key={l.id} checked={l.id === language.value} onClick={() => { close(); setLanguage(l.id); }}><span lang={l.id}>{l.name}</span></Item>)}
    </Menu>
  );
}

export function ThemeMenu() {
  return (
    <Menu label={t('account.theme')} align="end" button={(props) => <Button kind="quiet" icon={themeIcons[theme.value]} label={t('account.theme')} {...props} />}>
      {(close) => themes.map((id) => <Item key={id} icon={themeIcons[id]} checked={id === theme.value} onClick={() => { close(); theme.value = id; }}>{t(`theme.${id}`)}</Item>)}
    </Menu>
  );
}

/** What stands in the menu of the account: at the foot of the rail and behind "More" on a phone. */
export function AccountItems({ close }: { close: () => void }) {
  return (
    <>
      <div class="heading">{t('account.as', { user: session.value?.user ?? '' })}</div>
      <Item icon={KeyRound} onClick={() => { close(); passwordOpen.value = true; }}>{t('account.password')}</Item>
      <Item icon={Keyboard} end="?" onClick={() => { close(); helpOpen.value = true; }}>{t('help.title')}</Item>
      <hr />
      <div class="heading">{t('account.language')}</div>
      {languages.map((l) => <Item key={l.id} icon={Languages} checked={l.id === language.value} onClick={() => setLanguage(l.id)}><span lang={l.id}>{l.name}</span></Item>)}
      <hr />
      <div class="heading">{t('account.theme')}</div>
      {themes.map((id) => <Item key={id} icon={themeIcons[id]} checked={id === theme.value} onClick={() => (theme.value = id)}>{t(`theme.${id}`)}</Item>)}
      <hr />
      <div class="heading">{t('account.zone')}</div>
      {(['local', 'utc'] as const).map((id) => <Item key={id} icon={Clock4} checked={id === zone.value} end={id === zone.value ? zoneName() : ''} onClick={() => (zone.value = id)}>{t(`zone.${id}`)}</Item>)}
      <hr />
      <Item icon={LogOut} onClick={() => void leave()}>{t('account.sign-out')}</Item>
    </>
  );
}

export function AccountMenu() {
  return (
    <Menu label={t('account.title')} button={(props) => (
      <button type="button" class="link" title={session.value?.user} aria-label={t('account.of', { user: session.value?.user ?? '' })} {...props}>
        <Glyph icon={CircleUserRound} /><span class="label truncate">{session.value?.user}</span>
      </button>
    )}>
      {(close) => <AccountItems close={close} />}
    </Menu>
  );
}

export function PasswordDialog() {
  const old = useSignal('');
  const next = useSignal('');
  const again = useSignal('');
  const tried = useSignal(false);
  const failure = useSignal('');
  const close = () => (passwordOpen.value = false);
  const short = [...next.value].length < PASSWORD_LENGTH;
  const differs = next.value !== again.value;
  const submit = async (event: Event) => {
    event.preventDefault();
    tried.value = true;
    if (short || differs) return;
    try {
      await send('PUT', 'session', { password: old.value, new_password: next.value });
      close();
      say(t('account.password.done'));
    } catch (error) {
      failure.value = error instanceof Failure && error.status === 429 ? tn('door.hold', error.retryAfter || 30) : sentence(error);
    }
  };
  return (
    <Dialog title={t('account.password')} onClose={close} footer={<><Button onClick={close}>{t('action.cancel')}</Button><Button kind="primary" type="submit" form="password-form">{t('action.save')}</Button></>}>
      <form id="password-form" class="stack" onSubmit={submit} noValidate>
        <input type="text" class="visually-hidden" autoComplete="username" value={session.value?.user} readOnly tabIndex={-1} aria-hidden="true" />
        <Field label={t('account.password.old')} type="password" autoComplete="current-password" value={old.value} onText={(v) => (old.value = v)} />
        <Field label={t('setup.password')} type="password" autoComplete="new-password" value={next.value} onText={(v) => (next.value = v)} hint={t('setup.password.hint', { n: PASSWORD_LENGTH })} error={tried.value && short ? t('setup.password.short', { n: PASSWORD_LENGTH }) : ''} />
        <Field label={t('setup.again')} type="password" autoComplete="new-password" value={again.value} onText={(v) => (again.value = v)} error={tried.value && differs ? t('setup.differs') : ''} />
        {failure.value ? <Notice kind="bad" alert>{failure.value}</Notice> : null}
      </form>
    </Dialog>
  );
}
