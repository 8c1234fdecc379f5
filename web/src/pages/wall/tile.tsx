// SPDX-License-Identifier: AGPL-3.0-or-later
// One camera of the wall: its picture, or in words why there is none.
import { Expand, Maximize, Minimize2, MoreVertical, MoveLeft, MoveRight, RectangleEllipsis, X } from 'lucide-preact';
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { LiveState } from '../../api/types';
import { t } from '../../i18n';
import { cameraById, may } from '../../lib/session';
import { clockTime } from '../../lib/time';
import { go, href } from '../../lib/router';
import type { LiveLink } from '../../media/live';
import { makePicture } from '../../media/picture';
import { Button, Item, Menu } from '../../ui';
import { MaskBadge, maskShows, maskWord } from '../../ui/mask-badge';

const STALE_MS = 4000;

interface Props {
  id: string;
  link: LiveLink;
  index: number;
  solo: boolean;
  now: number;
  focusable: boolean;
  onSolo: () => void;
  onMove: (by: number) => void;
  onRemove: () => void;
}

export function Tile({ id, link, index, solo, now, focusable, onSolo, onMove, onRemove }: Props) {
  const holder = useRef<HTMLDivElement>(null);
  const root = useRef<HTMLElement>(null);
  const state = useSignal<LiveState | null>(null);
  const playing = useSignal(false);
  const lastShown = useRef(0);
  const lastUtc = useRef(0);
  const camera = cameraById.value.get(id);

  useEffect(() => {
    let frames = 0;
    const picture = makePicture({
      shown(utcMs) {
        lastShown.current = Date.now();
        lastUtc.current = utcMs;
        root.current!.dataset.frames = String(++frames);
        root.current!.dataset.utc = String(Math.round(utcMs));
        if (!playing.value) playing.value = true;
      },
      size: () => {},
    });
    picture.element.setAttribute('aria-hidden', 'true');
    holder.current!.replaceChildren(picture.element);
    const stop = link.watch(id, (message) => {
      try {
        if (message.type === 'state') state.value = message.state;
        else if (message.type === 'init') picture.init(message.data);
        else if (message.type === 'fragment') picture.fragment(message.utcMs, message.key, message.data);
      } catch (error) {
        state.value = { state: 'none', reason: error instanceof Error ? error.message : String(error) };
      }
    });
    return () => {
      stop();
      picture.close();
    };
  }, [id, link]);

  const stale = playing.value && now - lastShown.current > STALE_MS;
  const words = wordsFor();
  const name = camera?.name || id;

  function wordsFor(): { title: string; reason: string } | null {
    const live = state.value;
    if (!camera) return { title: t('wall.gone'), reason: '' };
    if (!camera.may.includes('live')) return { title: t('wall.denied'), reason: '' };
    if (camera.state === 'disabled' || live?.state === 'off') return { title: t('camera.disabled'), reason: t('wall.disabled.why') };
    if (live?.state === 'covered') return { title: t('mask.covered'), reason: live.reason };
    const since = lastUtc.current ? t('wall.since', { time: clockTime(lastUtc.current) }) : '';
    if (live && !maskShows(live.state)) return { title: maskWord(live.state), reason: live.reason || since };
    if (playing.value && !stale) return null;
    if (camera.state === 'connecting' || camera.state === 'waiting') return { title: t('wall.away'), reason: camera.reason || since };
    if (stale) return { title: since || t('wall.none'), reason: '' };
    return { title: t('wall.wait'), reason: '' };
  }

  const fullscreen = () => (document.fullscreenElement ? document.exitFullscreen() : root.current?.requestFullscreen());
  return (
    <article
      ref={root}
      class={`tile ${words ? 'has-words' : ''} ${stale ? 'stale' : ''}`}
      data-camera={id}
      data-index={index}
      tabIndex={focusable ? 0 : -1}
      aria-label={words ? `${name}: ${words.title}` : `${name}: ${maskWord(state.value?.state ?? 'none')}`}
      onDblClick={onSolo}
      onClick={(e) => (e as unknown as PointerEvent).pointerType === 'touch' && !(e.target as HTMLElement).closest('button, .menu, .explain') && onSolo()}
    >
      <div class="picture" ref={holder} />
      {words ? <div class="words"><p>{words.title}</p>{words.reason ? <p class="why" lang="en">{words.reason}</p> : null}</div> : null}
      <div class="tile-bar">
        <span class="name">{name}</span>
        {state.value ? <MaskBadge state={state.value.state} reason={state.value.reason} on="stage" /> : null}
      </div>
      <div class="tile-tools">
        <Button kind="quiet" icon={solo ? Minimize2 : Expand} label={solo ? t('wall.back') : t('wall.solo', { name })} tabIndex={focusable ? 0 : -1} onClick={onSolo} />
        <Menu label={t('wall.tile.menu', { name })} align="end" button={(props) => <Button kind="quiet" icon={MoreVertical} label={t('wall.tile.menu', { name })} tabIndex={focusable ? 0 : -1} {...props} />}>
          {(close) => (
            <>
              <Item icon={Maximize} end="F" onClick={() => { close(); void fullscreen(); }}>{t('wall.fullscreen')}</Item>
              {may('playback') ? <Item icon={RectangleEllipsis} onClick={() => go(href('timeline', [], { cameras: id }))}>{t('wall.to-timeline')}</Item> : null}
              <hr />
              <Item icon={MoveLeft} end="⇧←" onClick={() => { close(); onMove(-1); }}>{t('wall.move-before')}</Item>
              <Item icon={MoveRight} end="⇧→" onClick={() => { close(); onMove(1); }}>{t('wall.move-after')}</Item>
              <Item icon={X} end="Del" onClick={() => { close(); onRemove(); }}>{t('wall.remove')}</Item>
            </>
          )}
        </Menu>
      </div>
    </article>
  );
}
