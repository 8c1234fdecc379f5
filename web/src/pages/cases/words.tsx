// SPDX-License-Identifier: AGPL-3.0-or-later
// What several parts of the page of cases say the same way.
import { CircleCheck, CircleDashed, CircleX, Clock3, Eye, LockKeyhole, Undo2, type LucideIcon } from 'lucide-preact';
import { useEffect, useState } from 'preact/hooks';
import { t, tn, type Key } from '../../i18n';
import { cameraName } from '../../lib/session';
import { dateTime, duration } from '../../lib/time';
import { Badge } from '../../ui';
import { ended, ms, nodeNow, type Case, type CaseState } from './api';

const icons: Record<CaseState, LucideIcon> = { requested: CircleDashed, logged: Clock3, approved: CircleCheck, open: Eye, closed: LockKeyhole, refused: CircleX, expired: LockKeyhole, withdrawn: Undo2 };
const kinds = { requested: 'warn', logged: 'info', approved: 'good', open: 'good', closed: '', refused: 'bad', expired: '', withdrawn: '' } as const;
export const CaseBadge = ({ state }: { state: CaseState }) => <Badge kind={kinds[state]} icon={icons[state]}>{t(`case.state.${state}` as Key)}</Badge>;

export const spanWords = (c: Case) => t('case.span', { from: dateTime(ms(c.from)), to: dateTime(ms(c.to)), length: duration(ms(c.to) - ms(c.from)) });
export const cameraWords = (c: Pick<Case, 'cameras'>) => c.cameras.map(cameraName).join(t('case.join'));

/** Who has answered, and how many are missing. Custodians have numbers here: names are not the requester's business. */
export function answerWords(c: Case): string {
  const left = c.threshold - c.approved.length;
  const parts = [
    c.approved.length ? t('case.approved-by', { who: c.approved.map((n) => t('case.custodian', { n })).join(t('case.join')) }) : t('case.nobody'),
    ...(c.refused.length ? [t('case.refused-by', { who: c.refused.map(({ custodian }) => t('case.custodian', { n: custodian })).join(t('case.join')) })] : []),
    ...(!ended(c.state) && left > 0 ? [tn('case.wanting', left, { of: c.threshold })] : []),
  ];
  return parts.join(' ');
}

/** Milliseconds until @c ends, counted down each second. */
export function useLeft(c: Case | null): number {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((n) => n + 1), 1000);
    return () => clearInterval(timer);
  }, []);
  if (!c || ended(c.state)) return 0;
  const end = c.urgent ? Math.min(ms(c.urgent), ms(c.not_after)) : ms(c.not_after);
  return Math.max(0, end - nodeNow());
}

export function Left({ of }: { of: Case }) {
  const left = useLeft(of);
  if (ended(of.state)) return <span class="faint">{t('case.over', { when: dateTime(ms(of.since)) })}</span>;
  return <span class={left < 3600000 ? 'warn-ink' : ''}>{left ? duration(left) : t('case.left.none')}</span>;
}
