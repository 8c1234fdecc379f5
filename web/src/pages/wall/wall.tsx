// SPDX-License-Identifier: AGPL-3.0-or-later
// The live wall: what all of it shows, in one connection.
import { Cctv, ChevronLeft, ChevronRight, Maximize, Plus } from 'lucide-preact';
import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { t, tn } from '../../i18n';
import { useCommands } from '../../lib/keys';
import { go, href, place } from '../../lib/router';
import { cameraName, cameras, may } from '../../lib/session';
import { LiveLink } from '../../media/live';
import { Badge, Button, Choice, Empty, say } from '../../ui';
import { CameraPicker } from '../../ui/camera-picker';
import { Clock, PageHead } from '../../ui/page';
import { bestColumns, moved, neighbour, pagesOf } from './grid';
import { dragTiles } from './drag';
import { LayoutMenu } from './layout-menu';
import { SIZES, arrange, current, loadLayouts, page, pageSize, resize, shown } from './layouts';
import { Tile } from './tile';

function useSize(ref: { current: HTMLElement | null }) {
  const [size, setSize] = useState({ width: 0, height: 0 });
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setSize({ width: entry!.contentRect.width, height: entry!.contentRect.height }));
    observer.observe(ref.current!);
    return () => observer.disconnect();
  }, []);
  return size;
}

export function Wall() {
  const link = useMemo(() => new LiveLink(), []);
  const stage = useRef<HTMLDivElement>(null);
  const grid = useRef<HTMLDivElement>(null);
  const size = useSize(stage);
  const now = useSignal(Date.now());
  const focused = useSignal(0);
  const [picking, setPicking] = useState(false);

  useEffect(() => {
    loadLayouts().catch(() => say(t('layout.unread'), 'warn'));
    const timer = setInterval(() => (now.value = Date.now()), 1000);
    return () => {
      clearInterval(timer);
      link.close();
    };
  }, []);

  const solo = place.value.query.get('camera');
  const perPage = pageSize.value;
  const pages = pagesOf(shown.value.length, perPage);
  const at = Math.min(page.value, pages - 1);
  const ids = solo ? [solo] : shown.value.slice(at * perPage, (at + 1) * perPage);
  const phone = size.width < 560;
  const slots = solo ? 1 : current.value.size || ids.length;
  const columns = phone ? (solo || slots < 3 ? 1 : 2) : bestColumns(Math.max(1, Math.min(slots, perPage)), size.width, size.height);
  const rows = Math.max(1, Math.ceil((phone ? ids.length : Math.max(ids.length, slots)) / columns));

  const setSolo = (id: string | null) => go(id ? href('wall', [], { camera: id }) : href('wall'));
  const focusTile = (index: number) => {
    focused.value = index;
    grid.current?.querySelector<HTMLElement>(`.tile[data-index="${index}"]`)?.focus();
  };
  const shift = (index: number, to: number) => {
    if (to < 0 || to >= ids.length || to === index) return;
    arrange(moved(shown.value, at * perPage + index, at * perPage + to));
    requestAnimationFrame(() => focusTile(to));
  };
  const removeTile = (index: number) => {
    const id = ids[index];
    if (!id || solo) return;
    arrange(shown.value.filter((other) => other !== id));
    say(t('wall.removed', { name: cameraName(id) }), 'info');
    requestAnimationFrame(() => focusTile(Math.max(0, Math.min(index, ids.length - 2))));
  };
  const turn = (by: number) => (page.value = (at + by + pages) % pages);
  const wallFullscreen = () => (document.fullscreenElement ? document.exitFullscreen() : stage.current?.requestFullscreen());

  // Registered once: a drag outlasts many drawings of the page.
  const dropped = useRef(shift);
  dropped.current = shift;
  useEffect(() => dragTiles(grid.current!, (from, to) => dropped.current(from, to)), []);

  const inTile = () => (document.activeElement as HTMLElement | null)?.closest<HTMLElement>('.tile') ?? null;
  const here = () => Number(inTile()?.dataset.index ?? -1);
  const arrows = ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'Home', 'End'];
  useCommands('keys.wall', [
    { keys: arrows, label: 'keys.wall.move', run: (e) => focusTile(here() < 0 ? focused.value : neighbour(here(), ids.length, columns, e.key)) },
    { keys: arrows.slice(0, 4).map((k) => `Shift+${k}`), label: 'keys.wall.arrange', run: (e) => here() >= 0 && shift(here(), neighbour(here(), ids.length, columns, e.key)) },
    { keys: ['Enter'], label: 'keys.wall.solo', run: () => here() >= 0 && setSolo(solo ? null : ids[here()]!) },
    { keys: ['Escape'], label: 'keys.wall.back', run: () => solo && setSolo(null) },
    { keys: ['Delete'], label: 'keys.wall.remove', run: () => here() >= 0 && removeTile(here()) },
    { keys: ['f'], label: 'keys.wall.full', run: () => (document.fullscreenElement ? document.exitFullscreen() : (inTile() ?? stage.current)?.requestFullscreen()) },
    { keys: ['PageUp'], label: 'keys.wall.previous', run: () => turn(-1) },
    { keys: ['PageDown'], label: 'keys.wall.next', run: () => turn(1) },
    { keys: ['a'], label: 'keys.wall.choose', run: () => setPicking(true) },
  ]);

  const known = cameras.value !== null;
  return (
    <div class="page wall-page">
      <PageHead title={t('nav.wall')}>
        <LinkBadge link={link} now={now.value} />
        <Clock />
        <span class="head-break" />
        <LayoutMenu />
        <Choice bare label={t('wall.size')} value={String(current.value.size)} onPick={(value) => resize(Number(value))}
          options={SIZES.map((n) => ({ value: String(n), text: n === 0 ? t('wall.size.auto') : tn('wall.size', n) }))} />
        {pages > 1 && !solo ? (
          <span class="cluster pager" role="group" aria-label={t('wall.pages')}>
            <Button kind="quiet" icon={ChevronLeft} label={t('wall.previous')} onClick={() => turn(-1)} />
            <span class="nowrap">{t('wall.page', { n: at + 1, of: pages })}</span>
            <Button kind="quiet" icon={ChevronRight} label={t('wall.next')} onClick={() => turn(1)} />
          </span>
        ) : null}
        <Button icon={Plus} class="text-on-wide" label={t('wall.choose')} onClick={() => setPicking(true)}><span class="wide-only">{t('wall.choose')}</span></Button>
        <Button icon={Maximize} label={t('wall.fullscreen')} onClick={() => void wallFullscreen()} />
      </PageHead>
      <div class="stage" ref={stage}>
        {known && shown.value.length === 0 && !solo ? (
          <div class="stage-empty">
            <Empty icon={Cctv} title={cameras.value!.length ? t('wall.empty') : t('wall.no-cameras')}>
              <p>{cameras.value!.length ? t('wall.empty.what') : may('administer') ? t('wall.no-cameras.admin') : t('wall.no-cameras.ask')}</p>
              {cameras.value!.length ? <Button kind="primary" onClick={() => setPicking(true)}>{t('wall.choose')}</Button> : may('administer') ? <a class="btn primary" href={href('cameras', ['add'])}>{t('cameras.add')}</a> : null}
            </Empty>
          </div>
        ) : null}
        <div class={`grid ${phone ? 'scrolls' : ''}`} ref={grid} role="group" aria-label={t('wall.tiles')} data-columns={columns}
          style={{ gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))`, gridTemplateRows: phone ? 'none' : `repeat(${rows}, minmax(0, 1fr))` }}>
          {known ? ids.map((id, index) => (
            <Tile key={id} id={id} link={link} index={index} solo={solo !== null} now={now.value} focusable={index === Math.min(focused.value, ids.length - 1)}
              onSolo={() => setSolo(solo ? null : id)} onMove={(by) => shift(index, index + by)} onRemove={() => removeTile(index)} />
          )) : null}
          {phone || solo || ids.length === 0 ? null : Array.from({ length: Math.max(0, slots - ids.length) }, (_, i) => <div class="tile blank" key={`blank-${i}`} aria-hidden="true" />)}
        </div>
      </div>
      {picking ? <CameraPicker title={t('wall.choose')} chosen={shown.value} verb="live" onClose={() => setPicking(false)} onDone={(next) => { arrange(next); setPicking(false); }} /> : null}
    </div>
  );
}

function LinkBadge({ link, now }: { link: LiveLink; now: number }) {
  const { state, retryAt } = link.state.value;
  if (state === 'open') return <Badge kind="good"><i class="pulse" aria-hidden="true" />{t('link.live')}</Badge>;
  if (state === 'connecting') return <Badge>{t('link.connecting')}</Badge>;
  if (state === 'waiting') return <Badge kind="bad">{t('link.lost', { n: Math.max(1, Math.ceil((retryAt - now) / 1000)) })}</Badge>;
  return <Badge>{t('link.idle')}</Badge>;
}
