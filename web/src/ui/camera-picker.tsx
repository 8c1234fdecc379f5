// SPDX-License-Identifier: AGPL-3.0-or-later
// Which cameras are on the wall.
import { useState } from 'preact/hooks';
import { t, tn } from '../i18n';
import { cameras } from '../lib/session';
import { matches } from '../lib/search';
import { Button, Dialog, Field } from './index';

export function CameraPicker({ title, chosen, limit, verb, onDone, onClose }: {
  title: string;
  chosen: string[];
  limit?: number;
  verb: 'live' | 'playback';
  onDone: (ids: string[]) => void;
  onClose: () => void;
}) {
  const [ids, setIds] = useState(chosen);
  const [query, setQuery] = useState('');
  const all = (cameras.value ?? []).filter((camera) => camera.may.includes(verb));
  const found = all.filter((camera) => matches(query, camera.id, camera.name));
  const full = limit !== undefined && ids.length >= limit;
  const toggle = (id: string, on: boolean) => setIds(on ? [...ids.filter((x) => x !== id), id] : ids.filter((x) => x !== id));
  return (
    <Dialog
      title={title}
      onClose={onClose}
      footer={
        <>
          <span class="soft grow picker-count" role="status">{limit ? t('picker.chosen-of', { n: ids.length, limit }) : tn('picker.chosen', ids.length)}</span>
          <Button onClick={onClose}>{t('action.cancel')}</Button>
          <Button kind="primary" onClick={() => onDone(ids)}>{t('action.show')}</Button>
        </>
      }
    >
      <div class="stack">
        <Field label={t('picker.search')} type="search" value={query} onText={setQuery} />
        <div class="cluster">
          <Button kind="quiet" onClick={() => setIds([...new Set([...ids, ...found.map((c) => c.id)])].slice(0, limit))}>{t('picker.all')}</Button>
          <Button kind="quiet" onClick={() => setIds(ids.filter((id) => !found.some((c) => c.id === id)))}>{t('picker.none')}</Button>
        </div>
        <ul class="picker-list">
          {found.slice(0, 400).map((camera) => (
            <li key={camera.id}>
              <label class={`check ${full && !ids.includes(camera.id) ? 'faint' : ''}`}>
                <input type="checkbox" checked={ids.includes(camera.id)} disabled={full && !ids.includes(camera.id)} onChange={(e) => toggle(camera.id, e.currentTarget.checked)} />
                <span class="grow truncate">{camera.name || camera.id}</span>
                {camera.name ? <span class="faint mono">{camera.id}</span> : null}
              </label>
            </li>
          ))}
        </ul>
        {found.length === 0 ? <p class="soft">{t('picker.nothing')}</p> : null}
        {found.length > 400 ? <p class="soft">{tn('picker.more', found.length - 400)}</p> : null}
      </div>
    </Dialog>
  );
}

