// SPDX-License-Identifier: AGPL-3.0-or-later
// One camera live, outside of the wall.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { LiveState } from '../api/types';
import { t } from '../i18n';
import { LiveLink } from '../media/live';
import { makePicture } from '../media/picture';
import { maskShows, maskWord } from './mask-badge';

export function LivePicture({ id, onState }: { id: string; onState?: (state: LiveState) => void }) {
  const link = useMemo(() => new LiveLink(), []);
  const holder = useRef<HTMLDivElement>(null);
  const [state, setState] = useState<LiveState | null>(null);
  const [playing, setPlaying] = useState(false);
  const [ratio, setRatio] = useState(16 / 9);
  useEffect(() => () => link.close(), []);
  useEffect(() => {
    const picture = makePicture({ shown: () => setPlaying(true), size: (w, h) => h && setRatio(w / h) });
    picture.element.setAttribute('aria-hidden', 'true');
    holder.current!.replaceChildren(picture.element);
    const stop = link.watch(id, (message) => {
      if (message.type === 'state') {
        setState(message.state);
        onState?.(message.state);
      } else if (message.type === 'init') picture.init(message.data);
      else if (message.type === 'fragment') picture.fragment(message.utcMs, message.key, message.data);
    });
    return () => {
      stop();
      picture.close();
    };
  }, [id]);
  const words = state && (state.state === 'covered' || !maskShows(state.state)) ? maskWord(state.state) : playing ? '' : t('wall.wait');
  return (
    <div class="live-picture" style={{ aspectRatio: String(ratio) }}>
      <div class="picture" ref={holder} />
      {words ? <div class="words"><p>{words}</p>{state?.reason ? <p class="why" lang="en">{state.reason}</p> : null}</div> : null}
    </div>
  );
}
