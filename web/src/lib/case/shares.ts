// SPDX-License-Identifier: AGPL-3.0-or-later
// Key records of a case (docs/format/shares.md), and the key that t shares give.
import { combine } from 'shamir-secret-sharing';
import { fromUtf8, hex, refuse, same, sha256, utf8, type Bytes } from './bytes';
import type { Order } from './order';

export interface KeyRecord {
  kid: string;
  camera: string;
  node: string;
  epochMs: number;
  endMs: number;
  threshold: number;
  count: number;
  set: string; // custodian set, 32 digits
  commitment: string;
}

const MAGIC = 'LETHKEY1';
const RECORD = /^lethe-key v1\ncamera (\S+)\nnode (\S+)\nepoch (\S+)\nlength (\d{1,9}) ms\nshares (\d{1,2}) of (\d{1,2})\ncustodians ([0-9a-f]{32})\ncommitment ([0-9a-f]{64})\n$/;

async function parseRecord(text: string): Promise<KeyRecord> {
  const m = RECORD.exec(text) ?? refuse('A key record cannot be read.');
  const epochMs = Date.parse(m[3]!);
  if (!Number.isFinite(epochMs)) refuse('The epoch of a key record cannot be read.');
  return {
    kid: hex((await sha256(utf8(text))).slice(0, 16)), camera: m[1]!, node: m[2]!, epochMs, endMs: epochMs + Number(m[4]),
    threshold: Number(m[5]), count: Number(m[6]), set: m[7]!, commitment: m[8]!,
  };
}

export async function parseShares(bytes: Bytes): Promise<KeyRecord[]> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: KeyRecord[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (bytes.length - at < 32 || fromUtf8(bytes.slice(at, at + 8)) !== MAGIC) refuse('The share records cannot be read.');
    const length = view.getUint32(at + 8);
    if (length < 32 || length > 65536 || at + length > bytes.length) refuse('A share record is cut off.');
    const body = bytes.slice(at, at + length - 16);
    if (!same((await sha256(body)).slice(0, 16), bytes.slice(at + length - 16, at + length))) refuse('A share record is damaged.');
    records.push(await parseRecord(fromUtf8(body.slice(16, 16 + view.getUint16(at + 12)))));
    at += length;
  }
  return records.length ? records : refuse('There are no share records in this case.');
}

export const covers = (o: Order, r: KeyRecord) => o.cameras.includes(r.camera) && r.node === o.node && r.epochMs < o.toMs && r.endMs > o.fromMs;

/** The key of @record from shares of different custodians. The commitment decides whether it is the one. */
export async function combineKey(record: KeyRecord, shares: Bytes[]): Promise<Bytes> {
  if (shares.length < record.threshold) refuse(`${record.threshold} custodians must approve, ${shares.length} did.`);
  if (new Set(shares.map((share) => share[share.length - 1])).size !== shares.length) refuse('Two shares are the same: each custodian counts once.');
  let secret: Bytes;
  try {
    secret = Uint8Array.from(await combine(shares.slice(0, record.threshold)));
  } catch {
    return refuse('The shares do not belong together.');
  }
  const good = secret.length === 32 && hex(await sha256(utf8('lethe-key-commitment v1\n'), secret)) === record.commitment;
  const key = secret.slice(0, 16);
  secret.fill(0);
  if (good) return key;
  key.fill(0);
  return refuse(`The shares for camera ${record.camera} do not give the key that was recorded: one of them is wrong.`);
}
