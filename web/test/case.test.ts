// SPDX-License-Identifier: AGPL-3.0-or-later
// The page's own side of a case against what the command line made (fixtures: tests/system/case_fixture.py).
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { keysOf, openApproval, parseCustodians, type Approval, type Custodians } from '../src/lib/case/answers';
import { hex, Refusal, unbase64, unhex, type Bytes } from '../src/lib/case/bytes';
import { formatSigner, formatVkey, parseNote, parseSigner, parseVkey, signedBy, signNote } from '../src/lib/case/note';
import { buildOrder, commit, makeOrder, openOrder, parseOrder, signOrder, type Order } from '../src/lib/case/order';
import { makeSession, openSession, parseSession, sealSession, sessionText, type CaseSession } from '../src/lib/case/session';
import { combineKey, covers, parseShares, type KeyRecord } from '../src/lib/case/shares';
import { parseFragments } from '../src/media/mp4';
import { decryptSamples, importKey, parseSealedHead } from '../src/media/sealed';

const at = (name: string) => join(__dirname, 'fixtures', name);
const made = JSON.parse(readFileSync(at('case.json'), 'utf8')) as {
  bundle: { order: string; shares: string; set: string };
  session: string;
  reference: string;
  approvals: string[];
  custodians: string;
  boundary: number;
  nals: string[];
};
let order: Order;
let hash: string;
let session: CaseSession;
let custodians: Custodians;
let records: KeyRecord[];
let approvals: Approval[];
const open = (file: string) => openApproval(file, order, hash, custodians, session);

beforeAll(async () => {
  ({ order, hash } = await openOrder(made.bundle.order));
  session = await parseSession(made.session);
  custodians = await parseCustodians(made.custodians);
  records = await parseShares(unbase64(made.bundle.shares));
});

describe('what the command line made', () => {
  it('is the order that the page would write', async () => {
    expect(buildOrder(order)).toBe(parseNote(made.bundle.order).text);
    expect(order.requester).toBe(formatVkey(session.signer));
    expect(order.session).toBe(session.recipient);
    expect(order.id).toBe(session.caseId);
    expect(await commit(session.salt, made.reference)).toBe(order.reference);
    expect(await signNote(session.signer, buildOrder(order))).toBe(made.bundle.order); // Ed25519 is deterministic
  });
  it('opens: two approvals give the keys, and the keys the camera’s own NAL units', async () => {
    approvals = await Promise.all(made.approvals.map(open));
    const keys = await keysOf(order, records, custodians, approvals);
    expect(keys.size).toBe(2); // across an epoch boundary
    const file = new Uint8Array(readFileSync(at('sealed.mp4')));
    const head = parseSealedHead(file.subarray(0, 128 << 10));
    expect([head.camera, head.node, head.epochMs, head.epochEndMs - head.epochMs]).toEqual(['gate', 'hall-1', made.boundary, 60000]);
    expect(head.track.codec).toMatch(/^avc1\.[0-9a-f]{6}$/);
    const key = await importKey(keys.get(head.kid)!);
    const nals: string[] = [];
    for (const s of head.stretches) {
      const samples = await decryptSamples(parseFragments(file.subarray(s.offset, s.offset + s.length), 1), key);
      expect(samples[0]!.key).toBe(true);
      for (const { data } of samples)
        for (let i = 0; i < data.length; ) {
          const length = new DataView(data.buffer, data.byteOffset + i, 4).getUint32(0);
          nals.push(createHash('sha256').update(data.subarray(i + 4, i + 4 + length)).digest('hex'));
          i += 4 + length;
        }
    }
    expect(nals.length).toBeGreaterThan(80);
    expect(nals).toEqual(made.nals.slice(-nals.length)); // before it, the end of the epoch before
    expect(head.stretches[0]!.startMs).toBeCloseTo(head.startMs, 0);
  });
});

describe('what must not open', () => {
  const says = async (work: Promise<unknown>, words: RegExp) => {
    const error = await work.then(() => null, (e: unknown) => e);
    expect(error).toBeInstanceOf(Refusal);
    expect((error as Error).message).toMatch(words);
  };
  beforeAll(async () => {
    approvals = await Promise.all(made.approvals.map(open));
  });
  it('one approval, or the same one twice', async () => {
    await says(keysOf(order, records, custodians, approvals.slice(0, 1)), /2 custodians must approve, 1 did/);
    await says(keysOf(order, records, custodians, [approvals[0]!, approvals[0]!]), /counts once/);
  });
  it('a role that is missing', () => says(keysOf(order, records, { ...custodians, required: [{ role: 'oversight', count: 1 }] }, approvals), /oversight/));
  it('an approval of another order, signed by somebody else, or with other shares', async () => {
    await says(openApproval(made.approvals[0]!, order, hash.replace(/./, (c) => (c === '0' ? '1' : '0')), custodians, session), /another order/);
    await says(open(made.approvals[0]!.replace('custodian 1\n', 'custodian 2\n')), /not signed by that custodian/);
    await says(open(made.approvals[0]!.replace(/-----BEGIN[^]*/, made.approvals[1]!.slice(made.approvals[1]!.indexOf('-----BEGIN')))), /not those that were signed/);
    await says(open('lethe-approval/v1\n'), /no shares/);
  });
  it('an approval for another session', async () => {
    const other = await makeSession('x');
    await says(openApproval(made.approvals[0]!, order, hash, custodians, other), /another session/);
  });
  it('a wrong share: the commitment notices', async () => {
    const kid = records[0]!.kid;
    const shares = approvals.map((a) => Uint8Array.from(a.shares.get(kid)!) as Bytes);
    shares[0]![3]! ^= 1;
    await says(combineKey(records[0]!, shares), /one of them is wrong/);
    await says(combineKey(records[0]!, [shares[0]!, shares[0]!]), /the same/);
    const swapped = approvals.map((a, i) => a.shares.get(records[i]!.kid)!);
    await says(combineKey(records[0]!, swapped), /wrong/);
  });
  it('a key outside the order', () => {
    expect(covers({ ...order, cameras: ['door'] }, records[0]!)).toBe(false);
    expect(covers({ ...order, toMs: records[0]!.epochMs }, records[0]!)).toBe(false);
    expect(covers({ ...order, fromMs: records[0]!.endMs }, records[0]!)).toBe(false);
    expect(covers({ ...order, node: 'hall-2' }, records[0]!)).toBe(false);
  });
  it('a changed order', () => says(openOrder(made.bundle.order.replace('purpose crime', 'purpose audit')), /was changed/));
  it('damaged share records', async () => {
    const bytes = unbase64(made.bundle.shares);
    bytes[40]! ^= 1;
    await says(parseShares(bytes), /damaged/);
    await says(parseShares(bytes.slice(0, 100)), /cut off/);
    await says(parseShares(new Uint8Array()), /no share records/);
  });
  it('orders in another spelling', () => {
    const text = buildOrder(order);
    for (const bad of [text.replace('node', 'nodes'), text.slice(0, -1), text.replace(/^from .*$/m, 'from 2026-11-25T10:02:00.000Z'), text.replace(/^camera gate$/m, 'camera gate\ncamera door'), text.replace('urgent no', 'urgent maybe')])
      expect(() => parseOrder(bad)).toThrow(Refusal);
  });
  it('a file without the key’s seal in order', () => {
    const file = new Uint8Array(readFileSync(at('sealed.mp4')));
    expect(() => parseSealedHead(file.subarray(0, 300))).toThrow();
    expect(() => parseSealedHead(new Uint8Array(64))).toThrow();
  });
});

describe('a session made in the page', () => {
  const wish = { node: 'hall-1', cameras: ['gate', 'door', 'gate'], fromMs: 1e12, toMs: 1e12 + 60000.7, purpose: 'crime', basis: 'hk.pdpo-58', reference: 'RN 1', validMs: 86400000, urgentMs: 3600000 };
  it('writes and signs an order that reads back as itself', async () => {
    const s = await makeSession(wish.reference);
    const o = await makeOrder(wish, s, 1.8e12);
    expect(o.cameras).toEqual(['door', 'gate']);
    const opened = await openOrder(await signOrder(o, s));
    expect(opened.order).toEqual(o);
    expect(opened.hash).toMatch(/^[0-9a-f]{64}$/);
    await expect(makeOrder({ ...wish, toMs: 1.9e12 }, s, 1.8e12)).rejects.toThrow(/in the past/);
    await expect(makeOrder({ ...wish, cameras: [] }, s, 1.8e12)).rejects.toThrow(/cameras/);
  });
  it('goes into a file under a passphrase and comes back', async () => {
    const s = await makeSession('x');
    const back = await openSession(await sealSession(s, 'correct horse', 1.8e12, 4), 'correct horse');
    expect({ ...back, reference: 'x' }).toEqual(s);
    await expect(openSession(await sealSession(s, 'correct horse', 1.8e12, 4), 'wrong')).rejects.toThrow(/passphrase/);
    expect((await openSession(sessionText(s, 1.8e12), '')).caseId).toBe(s.caseId);
    expect(sessionText(s, 1.8e12).split('\n').length).toBe(made.session.split('\n').length);
  });
  it('has keys whose texts are the notes’ own', async () => {
    const s = await makeSession('x');
    expect(await parseSigner(formatSigner(s.signer), formatVkey(s.signer))).toEqual(s.signer);
    const note = parseNote(await signNote(s.signer, 'a\n\nb\n'));
    expect(note.text).toBe('a\n\nb\n');
    expect(await signedBy(note, await parseVkey(formatVkey(s.signer)))).toBe(true);
    expect(await signedBy({ ...note, text: 'a\n\nc\n' }, s.signer)).toBe(false);
    await expect(parseVkey(formatVkey(s.signer).replace('session', 'other'))).rejects.toThrow(/own id/);
    expect(hex(unhex('00ff'))).toBe('00ff');
  });
});
