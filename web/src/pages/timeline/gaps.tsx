// SPDX-License-Identifier: AGPL-3.0-or-later
// The gaps in view as a list: what the hatching says, for everybody.
import { useMemo } from 'preact/hooks';
import { maybe, t, tn } from '../../i18n';
import { cameraName } from '../../lib/session';
import { dateTime, duration } from '../../lib/time';
import { Dialog } from '../../ui';
import type { Model } from './model';

export function Gaps({ model, onClose }: { model: Model; onClose: () => void }) {
  const view = model.view.value;
  const gaps = useMemo(
    () => model.rows.value.flatMap(({ id }) => model.store.gaps(id, view, model.width.value).map((gap) => ({ id, gap }))).sort((a, b) => b.gap.from_us - a.gap.from_us),
    [model.drawn.value, view],
  );
  return (
    <Dialog title={t('gaps.title')} wide onClose={onClose}>
      <div class="stack">
        <p class="soft">{t('gaps.span', { from: dateTime(view.from), to: dateTime(view.to) })} {gaps.length ? tn('gaps.count', gaps.length) : t('gaps.none')}</p>
        {gaps.length ? (
          <div class="table-holder">
            <table class="table as-list">
              <thead><tr><th>{t('gaps.camera')}</th><th>{t('gaps.from')}</th><th>{t('gaps.length')}</th><th>{t('gaps.reason')}</th></tr></thead>
              <tbody>
                {gaps.slice(0, 500).map(({ id, gap }) => (
                  <tr key={`${id}${gap.from_us}`}>
                    <td>{cameraName(id)}</td>
                    <td><button type="button" class="btn quiet" onClick={() => { model.goTo(gap.from_us / 1000 - 5000); onClose(); }}>{dateTime(gap.from_us / 1000)}</button></td>
                    <td>{gap.to_us === null ? t('gaps.lasts') : duration((gap.to_us - gap.from_us) / 1000)}</td>
                    <td>{maybe(`gap.${gap.reason}`, gap.reason)}{gap.detail ? <span class="faint" lang="en"> {gap.detail}</span> : null}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        ) : null}
      </div>
    </Dialog>
  );
}
