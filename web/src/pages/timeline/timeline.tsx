// SPDX-License-Identifier: AGPL-3.0-or-later
// The timeline: pictures above, everything that was recorded below, one head through all of it.
import { Minus, Plus } from 'lucide-preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { t, tn } from '../../i18n';
import { useCommands } from '../../lib/keys';
import { place } from '../../lib/router';
import { cameras, may } from '../../lib/session';
import { MOST_SCREENS } from '../../media/player';
import { Button, Choice, Empty, Glyph } from '../../ui';
import { CameraPicker } from '../../ui/camera-picker';
import { PageHead } from '../../ui/page';
import { ExportDialog, ExportList } from './export';
import { Gaps } from './gaps';
import { DAY, HOUR, MINUTE, SECOND, pan, rateStep, span } from './maths';
import { Model } from './model';
import { Stage } from './stage';
import { Tracks } from './tracks';
import { Transport, mark } from './transport';
import { RequestDialog } from '../cases/request';
import { Cctv, Eye, FolderLock } from 'lucide-preact';

const SPANS = [['minute', MINUTE], ['ten', 10 * MINUTE], ['hour', HOUR], ['six', 6 * HOUR], ['day', DAY], ['week', 7 * DAY], ['month', 30 * DAY]] as const;

export function TimelinePage() {
  const model = useMemo(() => new Model(), []);
  const [picking, setPicking] = useState(false);
  const [gaps, setGaps] = useState(false);
  const [exporting, setExporting] = useState(false);
  const [requesting, setRequesting] = useState(false);
  useEffect(() => () => model.close(), []);
  useEffect(() => model.adopt(place.value.query, innerWidth < 640 ? 1 : 4), [cameras.value]);

  const { player } = model;
  const jump = (by: number) => model.goTo(player.time.value + by);
  const slide = (part: number) => model.show(pan(model.view.value, span(model.view.value) * part));
  const reverse = () => player.play(player.playing.value && player.rate.value < 0 ? -rateStep(player.rate.value, 1) : -Math.max(1, Math.abs(player.rate.value)));
  const faster = () => player.play(player.playing.value && player.rate.value > 0 ? rateStep(player.rate.value, 1) : Math.abs(player.rate.value));
  useCommands('keys.timeline', [
    { keys: ['Space', 'k'], label: 'keys.play', run: () => (player.playing.value ? player.pause() : player.play()) },
    { keys: ['l'], label: 'keys.faster', run: faster },
    { keys: ['j'], label: 'keys.reverse', run: reverse },
    { keys: [','], label: 'keys.frame-back', run: () => player.step(-1) },
    { keys: ['.'], label: 'keys.frame-forward', run: () => player.step(1) },
    { keys: ['ArrowLeft'], label: 'keys.back-5', run: () => jump(-5 * SECOND) },
    { keys: ['ArrowRight'], label: 'keys.forward-5', run: () => jump(5 * SECOND) },
    { keys: ['Shift+ArrowLeft'], label: 'keys.back-60', run: () => jump(-MINUTE) },
    { keys: ['Shift+ArrowRight'], label: 'keys.forward-60', run: () => jump(MINUTE) },
    { keys: ['+', '='], label: 'keys.zoom-in', run: () => model.zoom(0.5) },
    { keys: ['-'], label: 'keys.zoom-out', run: () => model.zoom(2) },
    { keys: ['PageUp'], label: 'keys.earlier', run: () => slide(-0.8) },
    { keys: ['PageDown'], label: 'keys.later', run: () => slide(0.8) },
    { keys: ['n'], label: 'keys.now', run: () => { player.pause(); model.goTo(Date.now() - 5000); } },
    { keys: ['i'], label: 'keys.mark-in', run: () => mark(model, 'A') },
    { keys: ['o'], label: 'keys.mark-out', run: () => mark(model, 'B') },
    { keys: ['Escape'], label: 'keys.clear', run: () => model.clearMarks() },
    { keys: ['a'], label: 'keys.choose', run: () => setPicking(true) },
    ...(may('request') ? [{ keys: ['r'], label: 'keys.request' as const, run: () => setRequesting(true) }] : []),
    ...(may('export') ? [{ keys: ['e'], label: 'keys.export' as const, run: () => setExporting(true) }] : []),
  ]);

  const now = span(model.view.value);
  const nearest = SPANS.reduce((best, entry) => (Math.abs(Math.log(entry[1] / now)) < Math.abs(Math.log(best[1] / now)) ? entry : best));
  if (cameras.value !== null && model.all.value.length === 0) {
    return <div class="page"><PageHead title={t('nav.timeline')} /><Empty icon={Cctv} title={t('timeline.no-cameras')}><p>{t('timeline.no-cameras.what')}</p></Empty></div>;
  }
  return (
    <div class="page timeline-page">
      <PageHead title={t('nav.timeline')}>
        <Button kind="quiet" onClick={() => setPicking(true)} aria-haspopup="dialog"><Glyph icon={Eye} />{tn('timeline.shown', model.chosen.value.length)}</Button>
        <span class="cluster zoom" role="group" aria-label={t('timeline.zoom')}>
          <Button kind="quiet" icon={Minus} label={t('timeline.zoom-out')} onClick={() => model.zoom(2)} />
          <Choice bare label={t('timeline.span')} value={nearest[0]} onPick={(id) => model.showSpan(SPANS.find((entry) => entry[0] === id)![1])} options={SPANS.map(([id]) => ({ value: id, text: t(`span.${id}`) }))} />
          <Button kind="quiet" icon={Plus} label={t('timeline.zoom-in')} onClick={() => model.zoom(0.5)} />
        </span>
      </PageHead>
      <Stage model={model} />
      <Transport model={model} onExport={() => setExporting(true)} onGaps={() => setGaps(true)}>
        {may('request') ? <Button icon={FolderLock} class="text-on-wide" label={t('request.title')} onClick={() => setRequesting(true)}><span class="wide-only">{t('request.button')}</span></Button> : null}
      </Transport>
      <Tracks model={model} />
      <ExportList />
      {picking ? <CameraPicker title={t('timeline.choose')} chosen={model.chosen.value} limit={MOST_SCREENS} verb="playback" onClose={() => setPicking(false)} onDone={(ids) => { model.chosen.value = ids; model.remember(); setPicking(false); }} /> : null}
      {gaps ? <Gaps model={model} onClose={() => setGaps(false)} /> : null}
      {requesting ? <RequestDialog span={model.selection.value ?? { from: player.time.value - MINUTE, to: player.time.value }} chosen={model.chosen.value} onClose={() => setRequesting(false)} /> : null}
      {exporting ? <ExportDialog model={model} onClose={() => setExporting(false)} /> : null}
    </div>
  );
}
