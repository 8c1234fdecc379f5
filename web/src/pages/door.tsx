// SPDX-License-Identifier: AGPL-3.0-or-later
// Set-up with the one-time link, and sign-in.
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { ComponentChildren } from 'preact';
import { Failure, send, sentence } from '../api/client';
import type { Session } from '../api/types';
import { t, tn } from '../i18n';
import { go, href, place } from '../lib/router';
import { enter, phase, site, start } from '../lib/session';
import { Button, Field, Notice, say } from '../ui';
import { Mark, River } from '../ui/brand';
import { LanguageMenu, ThemeMenu } from './account';

export const PASSWORD_LENGTH = 10;

/** Counts down what a 429 asks for; while it lasts the form is not sent. */
function useHold() {
  const left = useSignal(0);
  useEffect(() => {
    const timer = setInterval(() => left.value > 0 && left.value--, 1000);
    return () => clearInterval(timer);
  }, []);
  return left;
}

function Frame({ children }: { children: ComponentChildren }) {
  return (
    <div class="door">
      <header class="water">
        <River />
        <div class="brand"><Mark /><span>Lethe</span></div>
        <div class="creed"><p>{t('door.creed')}</p><p>{t('door.creed.more')}</p></div>
      </header>
      <main class="side" id="main">
        <div class="top"><LanguageMenu /><ThemeMenu /></div>
        {children}
      </main>
    </div>
  );
}

export function Door() {
  if (phase.value === 'starting') return <Frame><div class="wait" role="status"><p class="soft">{t('door.starting')}</p></div></Frame>;
  if (phase.value === 'unreachable') {
    return (
      <Frame>
        <div class="wait">
          <Notice kind="bad" alert><h2>{t('door.unreachable')}</h2><p>{t('door.unreachable.what')}</p></Notice>
          <Button kind="primary" onClick={() => void start()}>{t('action.retry')}</Button>
        </div>
      </Frame>
    );
  }
  const here = place.value;
  const token = here.page === 'setup' ? here.rest[0] : undefined;
  return <Frame>{token && site.value?.setup_needed ? (here.rest[1] === 'demo' ? <DemoSetUp token={token} /> : <SetUp token={token} />) : <SignIn usedLink={token !== undefined} />}</Frame>;
}

function SignIn({ usedLink }: { usedLink: boolean }) {
  const user = useSignal('');
  const password = useSignal('');
  const failure = useSignal('');
  const busy = useSignal(false);
  const hold = useHold();
  const field = useRef<HTMLDivElement>(null);

  const submit = async (event: Event) => {
    event.preventDefault();
    if (busy.value || hold.value > 0) return;
    busy.value = true;
    failure.value = '';
    try {
      const session = await send<Session>('POST', 'session', { user: user.value.trim(), password: password.value });
      if (usedLink) go(href('wall'), true);
      enter(session);
    } catch (error) {
      password.value = '';
      if (error instanceof Failure && error.status === 429) hold.value = error.retryAfter || 30;
      else failure.value = error instanceof Failure && error.status === 401 ? t('door.wrong') : sentence(error);
      field.current?.querySelector<HTMLInputElement>('input[type=password]')?.focus();
    } finally {
      busy.value = false;
    }
  };
  return (
    <form onSubmit={submit}>
      <h1>{t('door.sign-in')}</h1>
      <p>{site.value?.node ? t('door.node', { node: site.value.node }) : ''}</p>
      {usedLink ? <Notice kind="info">{t('door.link-used')}</Notice> : null}
      {site.value?.setup_needed && !usedLink ? <Notice kind="warn">{t('door.setup-first')}</Notice> : null}
      {site.value?.practice ? <Notice kind="warn">{t('practice.short')}</Notice> : null}
      <Field label={t('door.user')} name="username" autoComplete="username" autoCapitalize="none" spellcheck={false} required value={user.value} onText={(v) => (user.value = v)} autoFocus />
      <div ref={field}>
        <Field label={t('door.password')} name="password" type="password" autoComplete="current-password" required value={password.value} onText={(v) => (password.value = v)} />
      </div>
      {failure.value ? <Notice kind="bad" alert>{failure.value}</Notice> : null}
      {hold.value > 0 ? <Notice kind="warn" alert>{tn('door.hold', hold.value)}</Notice> : null}
      <Button kind="primary" type="submit" busy={busy.value} disabled={hold.value > 0}>{t('door.sign-in')}</Button>
    </form>
  );
}

function SetUp({ token }: { token: string }) {
  const user = useSignal('');
  const password = useSignal('');
  const again = useSignal('');
  const tried = useSignal(false);
  const failure = useSignal('');
  const busy = useSignal(false);
  const hold = useHold();
  const badUser = !/^[a-z0-9][a-z0-9._-]{0,62}$/.test(user.value);
  const short = [...password.value].length < PASSWORD_LENGTH;
  const differs = again.value !== password.value;

  const submit = async (event: Event) => {
    event.preventDefault();
    tried.value = true;
    if (badUser || short || differs || busy.value || hold.value > 0) return;
    busy.value = true;
    failure.value = '';
    try {
      const session = await send<Session>('POST', 'setup', { token, user: user.value, password: password.value });
      go(href('cameras'), true);
      enter(session);
    } catch (error) {
      if (error instanceof Failure && error.status === 429) hold.value = error.retryAfter || 30;
      else failure.value = error instanceof Failure && error.status === 403 ? t('setup.refused') : sentence(error);
    } finally {
      busy.value = false;
    }
  };
  return (
    <form onSubmit={submit} noValidate>
      <h1>{t('setup.title')}</h1>
      <p>{t('setup.what')}</p>
      {site.value?.practice ? <Notice kind="warn">{t('practice.short')}</Notice> : null}
      <Field label={t('door.user')} name="username" autoComplete="username" autoCapitalize="none" spellcheck={false} value={user.value} onText={(v) => (user.value = v)} hint={t('setup.user.hint')} error={tried.value && badUser ? t('setup.user.bad') : ''} autoFocus />
      <Field label={t('setup.password')} name="new-password" type="password" autoComplete="new-password" value={password.value} onText={(v) => (password.value = v)} hint={t('setup.password.hint', { n: PASSWORD_LENGTH })} error={tried.value && short ? t('setup.password.short', { n: PASSWORD_LENGTH }) : ''} />
      <Field label={t('setup.again')} name="again" type="password" autoComplete="new-password" value={again.value} onText={(v) => (again.value = v)} error={tried.value && differs ? t('setup.differs') : ''} />
      {failure.value ? <Notice kind="bad" alert>{failure.value}</Notice> : null}
      {hold.value > 0 ? <Notice kind="warn" alert>{tn('door.hold', hold.value)}</Notice> : null}
      <Button kind="primary" type="submit" busy={busy.value} disabled={hold.value > 0}>{t('setup.do')}</Button>
    </form>
  );
}

/** `make demo` ends in a link #/setup/TOKEN/demo: the same act, with a name and password that nobody has to think of. */
function DemoSetUp({ token }: { token: string }) {
  const failure = useSignal('');
  useEffect(() => {
    const password = [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => (byte % 36).toString(36)).join('');
    send<Session>('POST', 'setup', { token, user: 'demo', password }).then(
      (session) => {
        go(href('wall'), true);
        enter(session);
        say(t('setup.demo', { user: 'demo', password }), 'info');
      },
      (error: unknown) => (failure.value = sentence(error)),
    );
  }, []);
  return <div class="wait">{failure.value ? <Notice kind="bad" alert>{failure.value}</Notice> : <p class="soft" role="status">{t('door.starting')}</p>}</div>;
}
