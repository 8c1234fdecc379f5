// SPDX-License-Identifier: AGPL-3.0-or-later
// Opening orders (docs/format/order.md): written, signed, read. One spelling; it names nobody.
import { hex, parseTime, refuse, rfc3339, sha256, utf8, type Bytes } from './bytes';
import { formatVkey, parseNote, parseVkey, signedBy, signNote } from './note';
import type { CaseSession } from './session';

export interface Order {
  id: string;
  node: string;
  cameras: string[];
  fromMs: number;
  toMs: number;
  purpose: string;
  basis: string;
  reference: string; // 64 digits: a commitment
  requester: string; // verifier key
  session: string; // age recipient
  madeMs: number;
  notAfterMs: number;
  urgentMs: number | null;
}
export interface Wish {
  node: string;
  cameras: string[];
  fromMs: number;
  toMs: number;
  purpose: string;
  basis: string;
  reference: string; // of the file; it stays in the page
  validMs: number;
  urgentMs: number | null; // how long until it has to be confirmed
}

export const MOST_CAMERAS = 64;

export const commit = async (salt: Bytes, reference: string) => hex(await sha256(utf8('lethe-reference v1\n'), salt, utf8(reference)));

/** Byte order, as the recorder sorts: all names are visible ASCII. */
const sorted = (names: string[]) => [...names].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));

export function buildOrder(o: Order): string {
  return [
    'lethe-order/v1', `id ${o.id}`, `node ${o.node}`, ...o.cameras.map((camera) => `camera ${camera}`), `from ${rfc3339(o.fromMs)}`, `to ${rfc3339(o.toMs)}`,
    `purpose ${o.purpose}`, `basis ${o.basis}`, `reference ${o.reference}`, `requester ${o.requester}`, `session ${o.session}`,
    `made ${rfc3339(o.madeMs)}`, `not-after ${rfc3339(o.notAfterMs)}`, `urgent ${o.urgentMs === null ? 'no' : rfc3339(o.urgentMs)}`, '',
  ].join('\n');
}

/** The order of @wish, made @nowMs, for @session. */
export async function makeOrder(wish: Wish, session: CaseSession, nowMs: number): Promise<Order> {
  const cameras = sorted([...new Set(wish.cameras)]);
  if (!cameras.length || cameras.length > MOST_CAMERAS) refuse(`An order names 1 to ${MOST_CAMERAS} cameras.`);
  const fromMs = Math.floor(wish.fromMs);
  const toMs = Math.floor(wish.toMs);
  if (!(fromMs < toMs) || toMs > nowMs) refuse('The span has to begin before it ends, and to end in the past.');
  const madeMs = Math.floor(nowMs);
  return {
    id: session.caseId, node: wish.node, cameras, fromMs, toMs, purpose: wish.purpose, basis: wish.basis,
    reference: await commit(session.salt, wish.reference), requester: formatVkey(session.signer), session: session.recipient,
    madeMs, notAfterMs: madeMs + Math.floor(wish.validMs), urgentMs: wish.urgentMs === null ? null : madeMs + Math.floor(wish.urgentMs),
  };
}

export const signOrder = (o: Order, session: CaseSession) => signNote(session.signer, buildOrder(o));

const LINES = /^lethe-order\/v1\nid ([0-9a-f]{16})\nnode (\S+)\n((?:camera \S+\n){1,64})from (\S+)\nto (\S+)\npurpose (\S+)\nbasis (\S+)\nreference ([0-9a-f]{64})\nrequester (\S+)\nsession (age1\S+)\nmade (\S+)\nnot-after (\S+)\nurgent (\S+)\n$/;

export function parseOrder(text: string): Order {
  const m = LINES.exec(text) ?? refuse('This is no opening order in its one spelling.');
  const order: Order = {
    id: m[1]!, node: m[2]!, cameras: m[3]!.trimEnd().split('\n').map((line) => line.slice(7)), fromMs: parseTime(m[4]!), toMs: parseTime(m[5]!),
    purpose: m[6]!, basis: m[7]!, reference: m[8]!, requester: m[9]!, session: m[10]!, madeMs: parseTime(m[11]!), notAfterMs: parseTime(m[12]!),
    urgentMs: m[13] === 'no' ? null : parseTime(m[13]!),
  };
  if (sorted([...new Set(order.cameras)]).join() !== order.cameras.join() || order.fromMs >= order.toMs) refuse('The cameras or the times of the order are not in order.');
  return order;
}

/** A whole note: signed by the key that it names, and the hash that approvals speak of. */
export async function openOrder(note: string): Promise<{ order: Order; hash: string }> {
  const n = parseNote(note);
  const order = parseOrder(n.text);
  if (!(await signedBy(n, await parseVkey(order.requester)))) refuse('The order is not signed by the key that it names: it was changed.');
  return { order, hash: hex(await sha256(utf8(n.text))) };
}
