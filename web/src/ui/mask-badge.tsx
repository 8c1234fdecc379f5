// SPDX-License-Identifier: AGPL-3.0-or-later
// What may be shown of a camera, and why: one word, and the explanation behind it.
import { EyeOff, Grid2x2, Hourglass, PowerOff, ScanEye, ShieldCheck, Unplug, VideoOff, type LucideIcon } from 'lucide-preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import type { MaskState } from '../api/types';
import { t, type Key } from '../i18n';
import { Glyph } from './index';

const icons: Record<MaskState, LucideIcon> = { detector: ScanEye, declared: ShieldCheck, mosaic: Grid2x2, covered: EyeOff, late: Hourglass, 'no-masker': VideoOff, 'no-stream': Unplug, off: PowerOff, none: VideoOff };
export const maskIcon = (state: MaskState) => icons[state];
export const maskWord = (state: MaskState) => t(`mask.${state}` as Key);
/** Whether there is a picture of the place to see. */
export const maskShows = (state: MaskState) => state === 'detector' || state === 'declared' || state === 'mosaic';
export const maskKind = (state: MaskState) => (state === 'off' ? '' : !maskShows(state) ? 'warn' : state === 'mosaic' ? 'info' : 'good');

export function MaskBadge({ state, reason, on = 'page' }: { state: MaskState; reason: string; on?: 'page' | 'stage' }) {
  const [open, setOpen] = useState(false);
  const ref = useRef<HTMLSpanElement>(null);
  const id = useId();
  useEffect(() => {
    if (!open) return;
    const away = (event: Event) => ref.current?.contains(event.target as Node) || setOpen(false);
    addEventListener('pointerdown', away, true);
    addEventListener('focusin', away, true);
    return () => {
      removeEventListener('pointerdown', away, true);
      removeEventListener('focusin', away, true);
    };
  }, [open]);
  const keys = (event: KeyboardEvent) => {
    if (event.key === 'Escape' && open) {
      event.stopPropagation();
      setOpen(false);
    } else if (event.key === 'Enter' || event.key === ' ') event.stopPropagation();
  };
  return (
    <span class={`mask-badge on-${on}`} ref={ref} onKeyDown={keys}>
      <button type="button" class={`badge ${on === 'page' ? maskKind(state) : `is-${maskKind(state)}`}`} aria-expanded={open} aria-controls={id} aria-label={t('mask.label', { state: maskWord(state) })} onClick={(e) => { e.stopPropagation(); setOpen(!open); }}>
        <Glyph icon={icons[state]} />
        <span class="word">{maskWord(state)}</span>
      </button>
      {open ? (
        <span class="explain" id={id} role="note">
          <strong>{maskWord(state)}</strong>
          <span>{t(`mask.${state}.what` as Key)}</span>
          {reason ? <span class="faint" lang="en">{reason}</span> : null}
        </span>
      ) : null}
    </span>
  );
}
