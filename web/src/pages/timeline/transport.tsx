// SPDX-License-Identifier: AGPL-3.0-or-later
// Play, step, rate, time, and the selection.
import { ChevronFirst, ChevronLast, Download, Pause, Play, SkipForward, StepBack, StepForward, X, BetweenVerticalStart, ListX } from 'lucide-preact';
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { t } from '../../i18n';
import { may } from '../../lib/session';
import { duration, exactTime, fromInput, longDay, toInput, zoneName } from '../../lib/time';
import { Button, Choice, Dialog, Field } from '../../ui';
import { RATES, span } from './maths';
import type { Model } from './model';

/** @children: buttons of the page that it stands on. */
export function Transport({ model, onExport, onGaps, children }: { model: Model; onExport?: () => void; onGaps?: () => void; children?: ComponentChildren }) {
  const { player } = model;
  const time = player.time.value;
  const selection = model.selection.value;
  const [going, setGoing] = useState(false);
  const rate = player.rate.value;
  return (
    <div class="transport">
      <div class="cluster keys">
        <Button kind="quiet" icon={StepBack} label={t('play.back')} onClick={() => player.step(-1)} />
        <Button kind="primary" class="play" icon={player.playing.value ? Pause : Play} label={player.playing.value ? t('play.pause') : t('play.play')} onClick={() => (player.playing.value ? player.pause() : player.play())} />
        <Button kind="quiet" icon={StepForward} label={t('play.forward')} onClick={() => player.step(1)} />
        <Choice bare label={t('play.rate')} value={String(Math.abs(rate))} onPick={(value) => (player.playing.value ? player.play(Number(value)) : (player.rate.value = Number(value)))}
          options={RATES.map((r) => ({ value: String(r), text: `${r}×` }))} />
        {rate < 0 ? <span class="badge info">{t('play.backwards')}</span> : null}
      </div>
      <button type="button" class="time" onClick={() => setGoing(true)} title={t('play.go')}>
        <span class="visually-hidden">{t('play.go')}: </span><b>{exactTime(time)}</b><span>{longDay(time)}</span><span class="faint">{zoneName()}</span>
      </button>
      <div class="cluster marks">
        <Button kind="quiet" icon={SkipForward} class="text-on-wide" label={t('play.now')} onClick={() => { player.pause(); model.goTo(Date.now() - 5000); }}><span class="wide-only">{t('play.now')}</span></Button>
        <Button kind="quiet" icon={ChevronFirst} label={t('play.mark-in')} onClick={() => mark(model, 'A')} />
        <Button kind="quiet" icon={ChevronLast} label={t('play.mark-out')} onClick={() => mark(model, 'B')} />
        {selection ? (
          <span class="badge info selection"><BetweenVerticalStart class="icon" aria-hidden="true" />{duration(span(selection))}
            <button type="button" aria-label={t('play.clear')} onClick={() => model.clearMarks()}><X class="icon" aria-hidden="true" /></button>
          </span>
        ) : null}
        {onGaps ? <Button kind="quiet" icon={ListX} label={t('gaps.title')} onClick={onGaps} /> : null}
        {children}
        {onExport && may('export') ? <Button icon={Download} class="text-on-wide" label={t('export.title')} onClick={onExport}><span class="wide-only">{t('export.button')}</span></Button> : null}
      </div>
      {going ? <GoTo model={model} onClose={() => setGoing(false)} /> : null}
    </div>
  );
}

/** Sets one end of the selection at the head; the other one is a minute away until it is set too. */
export function mark(model: Model, end: 'A' | 'B') {
  const time = model.player.time.value;
  const { markA, markB } = model;
  if (end === 'A') {
    markA.value = time;
    if (markB.value === null || markB.value <= time) markB.value = Math.min(Date.now(), time + 60000);
  } else {
    markB.value = time;
    if (markA.value === null || markA.value >= time) markA.value = time - 60000;
  }
}

function GoTo({ model, onClose }: { model: Model; onClose: () => void }) {
  const [text, setText] = useState(toInput(model.player.time.value));
  const submit = (event: Event) => {
    event.preventDefault();
    const time = fromInput(text);
    if (time === null) return;
    model.goTo(time);
    model.remember();
    onClose();
  };
  return (
    <Dialog title={t('play.go')} onClose={onClose} footer={<><Button onClick={onClose}>{t('action.cancel')}</Button><Button kind="primary" type="submit" form="go-to">{t('play.go.do')}</Button></>}>
      <form id="go-to" onSubmit={submit}><Field label={t('play.go.when', { zone: zoneName() })} type="datetime-local" step={1} value={text} onText={setText} max={toInput(Date.now())} /></form>
    </Dialog>
  );
}
