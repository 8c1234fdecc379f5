// SPDX-License-Identifier: AGPL-3.0-or-later
// All cameras that this account may know of: search, sort, what is wrong first.
import { ArrowDown, ArrowUp, Cctv, CircleAlert, CircleCheck, CircleDashed, CirclePause, FileUp, Plus, type LucideIcon } from 'lucide-preact';
import { useState } from 'preact/hooks';
import type { Camera } from '../../api/types';
import { t, tn, type Key } from '../../i18n';
import { go, href } from '../../lib/router';
import { matches } from '../../lib/search';
import { cameras, camerasFailure, may } from '../../lib/session';
import { Badge, Empty, Glyph, Notice, Segment } from '../../ui';
import { MaskBadge, maskShows } from '../../ui/mask-badge';
import { PageHead } from '../../ui/page';

const stateIcons: Record<Camera['state'], LucideIcon> = { recording: CircleCheck, connecting: CircleAlert, waiting: CircleDashed, disabled: CirclePause, unknown: CircleAlert };
const stateKinds = { recording: 'good', connecting: 'bad', waiting: 'warn', disabled: '', unknown: 'bad' } as const;
export const StateBadge = ({ state }: { state: Camera['state'] }) => <Badge kind={stateKinds[state]} icon={stateIcons[state]}>{t(`camera.${state}` as Key)}</Badge>;

type Column = 'name' | 'state' | 'mask';
const rank = { connecting: 0, unknown: 1, waiting: 2, recording: 3, disabled: 4 };
const troubled = (camera: Camera) => camera.enabled && (camera.state !== 'recording' || !maskShows(camera.mask.state));
const compare: Record<Column, (a: Camera, b: Camera) => number> = {
  name: (a, b) => (a.name || a.id).localeCompare(b.name || b.id, undefined, { numeric: true }),
  state: (a, b) => rank[a.state] - rank[b.state] || compare.name(a, b),
  mask: (a, b) => Number(maskShows(a.mask.state)) - Number(maskShows(b.mask.state)) || a.mask.state.localeCompare(b.mask.state) || compare.name(a, b),
};

const PAGE = 200;
export function CameraList() {
  const [query, setQuery] = useState('');
  const [only, setOnly] = useState<'all' | 'troubled'>('all');
  const [sort, setSort] = useState<{ by: Column; down: boolean }>({ by: 'name', down: false });
  const [shown, setShown] = useState(PAGE);
  const all = cameras.value;
  const found = (all ?? []).filter((c) => matches(query, c.id, c.name, c.reason) && (only === 'all' || troubled(c))).sort((a, b) => compare[sort.by](a, b) * (sort.down ? -1 : 1));
  const bad = (all ?? []).filter(troubled).length;
  const admin = may('administer');

  const head = (by: Column, label: Key) => (
    <th scope="col" aria-sort={sort.by === by ? (sort.down ? 'descending' : 'ascending') : undefined}>
      <button type="button" class="sort" onClick={() => setSort({ by, down: sort.by === by && !sort.down })}>
        {t(label)}{sort.by === by ? <Glyph icon={sort.down ? ArrowDown : ArrowUp} /> : null}
      </button>
    </th>
  );
  return (
    <div class="page cameras-page">
      <PageHead title={t('nav.cameras')}>
        {admin ? <a class="btn" href={href('cameras', ['import'])}><Glyph icon={FileUp} />{t('cameras.import')}</a> : null}
        {admin ? <a class="btn primary" href={href('cameras', ['add'])}><Glyph icon={Plus} />{t('cameras.add')}</a> : null}
      </PageHead>
      <div class="page-body stack">
        {camerasFailure.value ? <Notice kind="bad" alert>{camerasFailure.value}</Notice> : null}
        {all && all.length === 0 ? (
          <Empty icon={Cctv} title={t('wall.no-cameras')}><p>{admin ? t('wall.no-cameras.admin') : t('wall.no-cameras.ask')}</p></Empty>
        ) : (
          <>
            <div class="list-tools">
              <input class="input" type="search" placeholder={t('cameras.search')} aria-label={t('cameras.search')} value={query} onInput={(e) => { setQuery(e.currentTarget.value); setShown(PAGE); }} />
              <Segment label={t('cameras.which')} value={only} onPick={setOnly} options={[{ value: 'all', text: t('cameras.all', { n: all?.length ?? 0 }) }, { value: 'troubled', text: t('cameras.troubled', { n: bad }) }]} />
              <span class="visually-hidden" role="status">{tn('cameras.found', found.length)}</span>
            </div>
            <div class="panel table-panel">
              <table class="table as-list">
                <thead><tr>{head('name', 'cameras.name')}{head('state', 'cameras.state')}{head('mask', 'cameras.mask')}<th scope="col">{t('cameras.note')}</th>{admin ? <th scope="col">{t('cameras.address')}</th> : null}</tr></thead>
                <tbody>
                  {found.slice(0, shown).map((camera) => (
                    <tr key={camera.id} class="row-link" onClick={(e) => (e.target as HTMLElement).closest('a, button, .explain') || go(href('cameras', ['c', camera.id]))}>
                      <th scope="row"><a href={href('cameras', ['c', camera.id])}>{camera.name || camera.id}</a>{camera.name ? <span class="faint mono id">{camera.id}</span> : null}</th>
                      <td><StateBadge state={camera.state} /></td>
                      <td><MaskBadge state={camera.mask.state} reason={camera.mask.reason} /></td>
                      <td class="note" lang="en">{camera.reason || (maskShows(camera.mask.state) ? '' : camera.mask.reason)}</td>
                      {admin ? <td class="address mono">{camera.main}</td> : null}
                    </tr>
                  ))}
                </tbody>
              </table>
              {all && found.length === 0 ? <p class="soft pad">{only === 'troubled' && !query ? t('cameras.fine') : t('picker.nothing')}</p> : null}
              {all === null ? <p class="soft pad" role="status">{t('cameras.loading')}</p> : null}
            </div>
            {found.length > shown ? <button type="button" class="btn" onClick={() => setShown(shown + PAGE)}>{tn('cameras.more', found.length - shown)}</button> : null}
          </>
        )}
      </div>
    </div>
  );
}
