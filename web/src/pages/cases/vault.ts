// SPDX-License-Identifier: AGPL-3.0-or-later
// Keys of cases, in this page's memory and nowhere else. They go with the sign-in, with the page, and with the case.
import { effect, signal } from '@preact/signals';
import { keysOf, openApproval, parseCustodians } from '../../lib/case/answers';
import { refuse, unbase64, type Bytes } from '../../lib/case/bytes';
import { formatVkey } from '../../lib/case/note';
import { openOrder, type Order } from '../../lib/case/order';
import { forgetSession, type CaseSession } from '../../lib/case/session';
import { parseShares } from '../../lib/case/shares';
import { phase } from '../../lib/session';
import { importKey } from '../../media/sealed';
import { getCase, getRecordings, postOpening, type Recordings } from './api';

/** Sessions whose key this page holds, by case. */
export const held = signal<Record<string, CaseSession>>({});

export const hold = (session: CaseSession) => (held.value = { ...held.value, [session.caseId]: session });

export function drop(id: string) {
  const session = held.value[id];
  if (session) forgetSession(session);
  const { [id]: _, ...rest } = held.value;
  held.value = rest;
}
const dropAll = () => Object.keys(held.value).forEach(drop);
effect(() => {
  if (phase.value === 'door') dropAll();
});
if (typeof addEventListener !== 'undefined') addEventListener('pagehide', dropAll);

export interface Opened {
  id: string;
  order: Order;
  keys: Map<string, CryptoKey>;
  recordings: Recordings;
}

/** Whether @note is the order that @session signed; the server may say anything. */
async function ownOrder(note: string, session: CaseSession) {
  const opened = await openOrder(note);
  if (opened.order.id !== session.caseId || opened.order.requester !== formatVkey(session.signer) || opened.order.session !== session.recipient)
    refuse('This order was not made with this key.');
  return opened;
}

/** Opens a case: the log first, then keys, in this page. Throws a sentence when anything does not hold. */
export async function openCase(id: string, session: CaseSession): Promise<Opened> {
  const { order, hash } = await ownOrder((await getCase(id)).order, session);
  const opening = await postOpening(id);
  const custodians = await parseCustodians(opening.custodians);
  const records = await parseShares(unbase64(opening.shares));
  const approvals = await Promise.all(opening.approvals.map((file) => openApproval(file, order, hash, custodians, session)));
  const raw = await keysOf(order, records, custodians, approvals);
  const keys = new Map<string, CryptoKey>();
  for (const [kid, key] of raw) {
    keys.set(kid, await importKey(key));
    wipe(key);
  }
  return { id, order, keys, recordings: await getRecordings(id) };
}
const wipe = (key: Bytes) => key.fill(0);

export function shut(opened: Opened) {
  opened.keys.clear();
}
