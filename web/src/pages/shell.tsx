// SPDX-License-Identifier: AGPL-3.0-or-later
// The frame: banner, navigation, page. Polls what every page wants to know.
import { Keyboard, Menu as MenuIcon, PanelLeftClose, PanelLeftOpen, TriangleAlert } from 'lucide-preact';
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { t } from '../i18n';
import { useCommands } from '../lib/keys';
import { rail } from '../lib/prefs';
import { go, href, place } from '../lib/router';
import { every, health, loadCameras, loadHealth, may, session, site } from '../lib/session';
import { Button, Dialog, Glyph, Item, Menu } from '../ui';
import { Mark } from '../ui/brand';
import { AccountItems, AccountMenu, PasswordDialog, passwordOpen } from './account';
import { Help, helpOpen } from './help';
import { pages, type Page } from './nav';

const allowed = () => pages.filter((page) => page.verb === null || [page.verb].flat().some(may));
const wrong = () => health.value?.problems.filter((problem) => problem.level === 'critical').length ?? 0;

export function Shell() {
  const main = useRef<HTMLElement>(null);
  const chord = useRef(0); // when g was pressed
  useEffect(() => every(10000, () => void loadCameras()), [session.value?.user]);
  useEffect(() => every(15000, () => void loadHealth()), [session.value?.user]);

  const open = allowed();
  const here = open.find((page) => page.id === place.value.page) ?? open[0]!;
  const first = useRef(true);
  useEffect(() => {
    // A new page is announced by its heading, and reading begins there.
    if (first.current) first.current = false;
    else document.getElementById('page-title')?.focus({ preventScroll: true });
  }, [here.id]);

  useCommands('keys.everywhere', [
    { keys: ['?'], label: 'keys.help', run: () => (helpOpen.value = true) },
    { keys: ['g'], label: 'keys.go', run: () => (chord.current = Date.now()) },
  ]);
  useEffect(() => {
    // The key after g comes before what a page would do with it.
    const second = (event: KeyboardEvent) => {
      const page = Date.now() - chord.current < 1500 ? allowed().find((p) => p.key === event.key.toLowerCase()) : undefined;
      if (event.key !== 'g') chord.current = 0;
      if (!page || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      event.stopPropagation();
      go(href(page.id));
    };
    addEventListener('keydown', second, true);
    return () => removeEventListener('keydown', second, true);
  }, []);

  const View = here.view;
  return (
    <div class={`shell ${rail.value === 'narrow' ? 'narrow' : ''}`}>
      <a class="skip" href="#main" onClick={(e) => { e.preventDefault(); main.current?.focus(); }}>{t('nav.skip')}</a>
      {site.value?.practice ? <Practice /> : null}
      <Rail open={open} here={here} />
      <main class="main" id="main" ref={main} tabIndex={-1}><View /></main>
      <Tabs open={open} here={here} />
      {helpOpen.value ? <Help /> : null}
      {passwordOpen.value ? <PasswordDialog /> : null}
    </div>
  );
}

function Link({ page, here, class: name }: { page: Page; here: Page; class?: string }) {
  const count = page.id === 'health' ? wrong() : 0;
  return (
    <a class={`link ${name ?? ''}`} href={href(page.id)} aria-current={page === here ? 'page' : undefined} title={t(page.label)}>
      <Glyph icon={page.icon} />
      <span class="label">{t(page.label)}</span>
      {count ? <span class="count">{count}<span class="visually-hidden"> {t('nav.problems')}</span></span> : null}
    </a>
  );
}

function Rail({ open, here }: { open: Page[]; here: Page }) {
  const narrow = rail.value === 'narrow';
  return (
    <header class="rail">
      <a class="brand" href={href(open[0]!.id)} aria-label="Lethe"><Mark /><span>Lethe</span></a>
      <nav aria-label={t('nav.title')}>
        {(['watch', 'keep'] as const).map((group) => (
          <ul key={group}>
            <li class="group" aria-hidden="true">{t(`nav.group.${group}`)}</li>
            {open.filter((page) => page.group === group).map((page) => <li key={page.id}><Link page={page} here={here} /></li>)}
          </ul>
        ))}
      </nav>
      <div class="foot">
        <AccountMenu />
        <button type="button" class="link" onClick={() => (helpOpen.value = true)} title={t('help.title')} aria-label={t('help.title')}><Glyph icon={Keyboard} /><span class="label">{t('help.short')}</span></button>
        <button type="button" class="link rail-fold" onClick={() => (rail.value = narrow ? 'wide' : 'narrow')} aria-label={narrow ? t('nav.unfold') : t('nav.fold')}>
          <Glyph icon={narrow ? PanelLeftOpen : PanelLeftClose} /><span class="label">{t('nav.fold')}</span>
        </button>
      </div>
    </header>
  );
}

const TAB_COUNT = 4;
function Tabs({ open, here }: { open: Page[]; here: Page }) {
  const tabs = open.slice(0, TAB_COUNT);
  const more = open.slice(TAB_COUNT);
  return (
    <nav class="tabs" aria-label={t('nav.title')}>
      {tabs.map((page) => (
        <a key={page.id} class="link" href={href(page.id)} aria-current={page === here ? 'page' : undefined}>
          <Glyph icon={page.icon} />{t(page.label)}
          {page.id === 'health' && wrong() ? <span class="dot"><span class="visually-hidden">{t('nav.problems')}</span></span> : null}
        </a>
      ))}
      <Menu label={t('nav.more')} align="up end" button={(props) => (
        <button type="button" class="link" aria-current={more.includes(here) ? 'page' : undefined} {...props}><Glyph icon={MenuIcon} />{t('nav.more')}</button>
      )}>
        {(close) => (
          <>
            {more.map((page) => <Item key={page.id} icon={page.icon} onClick={() => { close(); go(href(page.id)); }}>{t(page.label)}</Item>)}
            {more.length ? <hr /> : null}
            <AccountItems close={close} />
          </>
        )}
      </Menu>
    </nav>
  );
}

function Practice() {
  const open = useSignal(false);
  return (
    <div class="banner" role="region" aria-label={t('practice.title')}>
      <Glyph icon={TriangleAlert} />
      <p class="text"><strong>{t('practice.lead')}</strong> {t('practice.short')}</p>
      <Button onClick={() => (open.value = true)}>{t('practice.more')}</Button>
      {open.value ? (
        <Dialog title={t('practice.title')} onClose={() => (open.value = false)} footer={<Button kind="primary" onClick={() => (open.value = false)}>{t('action.understood')}</Button>}>
          <div class="stack"><p>{t('practice.what')}</p><p>{t('practice.do')}</p><p><code>lethe custodian --help</code></p></div>
        </Dialog>
      ) : null}
    </div>
  );
}
