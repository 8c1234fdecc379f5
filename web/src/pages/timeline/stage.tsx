// SPDX-License-Identifier: AGPL-3.0-or-later
// The cameras that play, at one time.
import { X } from 'lucide-preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { maybe, t } from '../../i18n';
import { cameraById } from '../../lib/session';
import { hasWebCodecs } from '../../media/picture';
import { Button, Empty } from '../../ui';
import { bestColumns } from '../wall/grid';
import { gapAt } from './maths';
import type { Model } from './model';
import { Film } from 'lucide-preact';

export function Stage({ model }: { model: Model }) {
  const ref = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState({ width: 800, height: 400 });
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setSize({ width: entry!.contentRect.width, height: entry!.contentRect.height }));
    observer.observe(ref.current!);
    return () => observer.disconnect();
  }, []);
  const ids = model.chosen.value;
  const columns = bestColumns(Math.max(1, ids.length), size.width, size.height);
  const rows = Math.max(1, Math.ceil(ids.length / columns));
  return (
    <div class="stage playback" ref={ref}>
      {!hasWebCodecs() ? <div class="stage-empty"><Empty icon={Film} title={t('timeline.no-codecs')}><p>{t('timeline.no-codecs.what')}</p></Empty></div>
        : ids.length === 0 ? <div class="stage-empty"><Empty icon={Film} title={t('timeline.nobody')}><p>{t('timeline.nobody.what')}</p></Empty></div> : null}
      <div class="grid" role="group" aria-label={t('timeline.pictures')} style={{ gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))`, gridTemplateRows: `repeat(${rows}, minmax(0, 1fr))` }}>
        {hasWebCodecs() ? ids.map((id) => <PlaybackTile key={id} id={id} model={model} />) : null}
      </div>
    </div>
  );
}

function PlaybackTile({ id, model }: { id: string; model: Model }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => model.player.add(id, canvas.current!), [id]);
  const standing = model.player.standings.value[id];
  const name = cameraById.value.get(id)?.name || id;
  const gap = standing === 'gap' ? gapAt(model.store.gaps(id, model.view.value, model.width.value), model.player.time.value, Date.now()) : null;
  const failure = standing === 'waiting' ? model.player.failure(id) : '';
  return (
    <article class={`tile ${standing === 'gap' ? 'has-words' : ''}`} data-camera={id} data-standing={standing} aria-label={name}>
      <div class="picture"><canvas ref={canvas} aria-hidden="true" class={standing === 'gap' ? 'away' : ''} /></div>
      {standing === 'gap' ? (
        <div class="words"><p>{gap ? maybe(`gap.${gap.reason}`, gap.reason) : t('timeline.nothing')}</p>{gap?.detail ? <p class="why" lang="en">{gap.detail}</p> : null}</div>
      ) : failure ? <div class="words"><p>{t('timeline.failed')}</p><p class="why">{failure}</p></div> : null}
      <div class="tile-bar">
        <span class="name">{name}</span>
        {standing === 'waiting' && !failure ? <span class="spinner" role="img" aria-label={t('timeline.loading')} /> : null}
      </div>
      <div class="tile-tools"><Button kind="quiet" icon={X} label={t('timeline.take-off', { name })} onClick={() => model.toggle(id)} /></div>
    </article>
  );
}
