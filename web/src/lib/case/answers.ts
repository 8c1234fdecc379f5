// SPDX-License-Identifier: AGPL-3.0-or-later
// Approvals, as the session checks them (docs/format/approval.md), and the keys of a case from them.
import { armor, Decrypter } from 'age-encryption';
import { hex, refuse, sha256, unhex, type Bytes } from './bytes';
import { parseNote, parseVkey, signedBy, type Verifier } from './note';
import type { Order } from './order';
import type { CaseSession } from './session';
import { combineKey, covers, type KeyRecord } from './shares';

export interface Custodians {
  threshold: number;
  list: { name: string; signer: Verifier | null; role: string }[];
  required: { role: string; count: number }[];
}
export interface Approval {
  custodian: number;
  shares: Map<string, Bytes>; // by KID
}

/** The custodian set's file (docs/format/custodians.md). */
export async function parseCustodians(text: string): Promise<Custodians> {
  const set: Custodians = { threshold: 2, list: [], required: [] };
  for (const line of text.split('\n')) {
    const [first = '', second = '', third, fourth] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (!first || first === 'practice') continue;
    if (first === 'threshold') set.threshold = Number(second);
    else if (first === 'require') set.required.push({ role: second, count: Number(third) });
    else set.list.push({ name: first, signer: third ? await parseVkey(third) : null, role: fourth ?? '' });
  }
  return set.list.length >= 2 && set.threshold >= 2 && set.threshold <= set.list.length ? set : refuse('The custodian set cannot be read.');
}

const APPROVAL = /^lethe-approval\/v1\ncase ([0-9a-f]{16})\norder ([0-9a-f]{64})\ncustodian (\d{1,2})\nof (\d{1,2})\nset ([0-9a-f]{32})\nentry (\d{1,15})\nshares (\d{1,7})\npayload ([0-9a-f]{64})\nmade (\S+)\n$/;
const BEGIN = '-----BEGIN AGE ENCRYPTED FILE-----';

async function decryptFor(identity: string, file: Uint8Array): Promise<string> {
  const d = new Decrypter();
  d.addIdentity(identity);
  try {
    return await d.decrypt(file, 'text');
  } catch {
    return refuse('An approval is not encrypted to this key: it belongs to another session.');
  }
}

/** One answer file: checked against order, custodian and payload hash, and its shares decrypted. */
export async function openApproval(file: string, order: Order, hash: string, custodians: Custodians, session: CaseSession): Promise<Approval> {
  const at = file.indexOf(`\n${BEGIN}`);
  if (at < 0) refuse('An approval has no shares behind it.');
  const note = parseNote(file.slice(0, at + 1));
  const m = APPROVAL.exec(note.text) ?? refuse('This is no approval in its one spelling.');
  const custodian = Number(m[3]);
  const who = custodians.list[custodian - 1]?.signer;
  if (m[1] !== order.id || m[2] !== hash) refuse(`The approval of custodian ${custodian} is for another order.`);
  if (!who || Number(m[4]) !== custodians.list.length || !(await signedBy(note, who))) refuse(`The approval of custodian ${custodian} is not signed by that custodian.`);
  const payload = armor.decode(file.slice(at + 1));
  if (hex(await sha256(payload)) !== m[8]) refuse(`The shares of custodian ${custodian} are not those that were signed.`);
  const lines = (await decryptFor(session.identity, payload)).split('\n');
  if (lines.shift() !== 'lethe-shares/v1' || lines.shift() !== `order ${hash}` || lines.shift() !== `custodian ${custodian}` || lines.pop() !== '' || lines.length !== Number(m[7]))
    refuse(`The shares of custodian ${custodian} cannot be read.`);
  const shares = new Map<string, Bytes>();
  for (const line of lines) {
    const s = /^share ([0-9a-f]{32}) \d{1,2} ([0-9a-f]{66})$/.exec(line) ?? refuse(`The shares of custodian ${custodian} cannot be read.`);
    shares.set(s[1]!, unhex(s[2]!));
  }
  return { custodian, shares };
}

function checkQuorum(custodians: Custodians, approvals: Approval[]) {
  const who = new Set(approvals.map((a) => a.custodian));
  if (who.size !== approvals.length) refuse('A custodian approved twice: each counts once.');
  if (who.size < custodians.threshold) refuse(`${custodians.threshold} custodians must approve, ${who.size} did.`);
  for (const { role, count } of custodians.required) {
    const of = [...who].filter((n) => custodians.list[n - 1]!.role === role).length;
    if (of < count) refuse(`${count} with the role “${role}” must approve, ${of} did.`);
  }
}

/** Content keys by KID. @records: the case's share records. What lies outside the order is not opened. */
export async function keysOf(order: Order, records: KeyRecord[], custodians: Custodians, approvals: Approval[]): Promise<Map<string, Bytes>> {
  checkQuorum(custodians, approvals);
  const keys = new Map<string, Bytes>();
  for (const record of records) {
    if (!covers(order, record)) continue;
    const shares = approvals.flatMap((a) => a.shares.get(record.kid) ?? []);
    keys.set(record.kid, await combineKey(record, shares));
  }
  for (const approval of approvals) for (const share of approval.shares.values()) share.fill(0);
  return keys.size ? keys : refuse('None of the keys lies inside the order.');
}
