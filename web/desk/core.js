// SPDX-License-Identifier: AGPL-3.0-or-later
// What a custodian's page does, apart from showing it: check an order, its proof and its shares; approve or refuse. The
// cryptography is WebCrypto's and age-encryption's. Formats: docs/format/{order,approval,shares,note}.md.
import { armor, Decrypter, Encrypter } from 'age-encryption';

const text = new TextEncoder();
const utf8 = new TextDecoder('utf-8', { fatal: true });
const hex = (b) => Array.from(b, (x) => x.toString(16).padStart(2, '0')).join('');
const unbase64 = (s) => Uint8Array.from(atob(s), (c) => c.charCodeAt(0));
const base64 = (b) => btoa(Array.from(b, (x) => String.fromCharCode(x)).join(''));
const join = (...parts) => {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) out.set(p, at), (at += p.length);
  return out;
};
const same = (a, b) => a.length === b.length && a.every((x, i) => x === b[i]);
const sha256 = async (...parts) => new Uint8Array(await crypto.subtle.digest('SHA-256', join(...parts)));

/** A refusal that people read. */
export class Refusal extends Error {}
const refuse = (sentence) => {
  throw new Refusal(sentence);
};

// ---- signed notes

export function parseNote(note) {
  const at = note.lastIndexOf('\n\n');
  if (at < 0 || !note.endsWith('\n')) refuse('This is no signed note.');
  const lines = note.slice(at + 2, -1).split('\n');
  return {
    text: note.slice(0, at + 1),
    signatures: lines.map((line) => {
      const m = /^\u2014 (\S+) ([A-Za-z0-9+/=]+)$/.exec(line);
      if (!m) refuse('A signature line of the note cannot be read.');
      const bytes = unbase64(m[2]);
      return { name: m[1], id: bytes.slice(0, 4), bytes: bytes.slice(4) };
    }),
  };
}

export function parseVkey(vkey) {
  const m = /^([^\s+]+)\+([0-9a-f]{8})\+(\S+)$/.exec(vkey);
  const key = m ? unbase64(m[3]) : new Uint8Array();
  if (key.length !== 33 || key[0] !== 1) refuse('This is no verifier key for notes.');
  return { name: m[1], id: m[2], publicKey: key.slice(1), vkey };
}

export async function noteSignedBy(note, key) {
  const signature = note.signatures.find((s) => s.name === key.name && hex(s.id) === key.id);
  if (!signature) return false;
  const k = await crypto.subtle.importKey('raw', key.publicKey, 'Ed25519', false, ['verify']);
  return crypto.subtle.verify('Ed25519', k, signature.bytes, text.encode(note.text));
}

// ---- orders

const FIELDS = ['id', 'node', 'camera', 'from', 'to', 'purpose', 'basis', 'reference', 'requester', 'session', 'made', 'not-after', 'urgent'];

export function parseOrder(source) {
  const lines = source.split('\n');
  if (lines.shift() !== 'lethe-order/v1' || lines.pop() !== '') refuse('This is no opening order, or of a later version.');
  const order = { cameras: [] };
  let field = 0;
  for (const line of lines) {
    const [, key, value] = /^(\S+) (\S+)$/.exec(line) ?? [];
    if (key === 'camera' && FIELDS[field] === 'camera') {
      order.cameras.push(value);
      continue;
    }
    if (FIELDS[field] === 'camera' && order.cameras.length) field++;
    if (key !== FIELDS[field]) refuse(`The order is not in the one spelling that orders have: «${line}».`);
    order[key] = value;
    field++;
  }
  const sorted = [...new Set(order.cameras)].sort((a, b) => (a < b ? -1 : 1));
  if (field !== FIELDS.length || !order.cameras.length || order.cameras.length > 64 || sorted.join() !== order.cameras.join())
    refuse('The order is not complete, or its cameras are not in order.');
  order.fromMs = Date.parse(order.from);
  order.toMs = Date.parse(order.to);
  order.madeMs = Date.parse(order.made);
  order.notAfterMs = Date.parse(order['not-after']);
  if (![order.fromMs, order.toMs, order.madeMs, order.notAfterMs].every(Number.isFinite) || order.fromMs >= order.toMs)
    refuse('The times of the order cannot be read.');
  return order;
}

function orderEntry(order, hash) {
  const lines = ['lethe-log/v1 order', `id order-${order.id}`, `case ${order.id}`, `order ${hex(hash)}`, `node ${order.node}`];
  for (const camera of order.cameras) lines.push(`camera ${camera}`);
  for (const key of ['from', 'to', 'purpose', 'basis', 'reference', 'made', 'not-after', 'urgent']) lines.push(`${key} ${order[key]}`);
  return text.encode(lines.join('\n') + '\n');
}

// ---- the log: RFC 9162 §2.1.3.2

async function rootOf(leaf, index, size, path) {
  let fn = BigInt(index);
  let sn = BigInt(size) - 1n;
  let r = leaf;
  if (fn > sn) refuse('The proof is of an entry that its checkpoint does not have.');
  for (const p of path) {
    if (sn === 0n) refuse('The proof has too many hashes.');
    if (fn & 1n || fn === sn) {
      r = await sha256(Uint8Array.of(1), p, r);
      while (!(fn & 1n) && fn !== 0n) (fn >>= 1n), (sn >>= 1n);
    } else {
      r = await sha256(Uint8Array.of(1), r, p);
    }
    fn >>= 1n;
    sn >>= 1n;
  }
  if (sn !== 0n) refuse('The proof has too few hashes.');
  return r;
}

/** @returns where the entry stands. @keys: verifier keys of the log. */
export async function checkProof(proof, entry, keys) {
  const at = proof.indexOf('\n\n');
  const lines = proof.slice(0, at).split('\n');
  if (lines.shift() !== 'c2sp.org/tlog-proof@v1') refuse('There is no proof that this order is in the log: nobody may act on it.');
  if (lines[0]?.startsWith('extra ')) lines.shift();
  const index = /^index (\d{1,15})$/.exec(lines.shift() ?? '')?.[1];
  if (index === undefined) refuse('The proof cannot be read.');
  const checkpoint = parseNote(proof.slice(at + 2));
  const [origin, size, root] = checkpoint.text.split('\n');
  const key = keys.find((k) => k.name === origin);
  if (!key || !(await noteSignedBy(checkpoint, key))) refuse('The proof is not of the log whose key you have.');
  const leaf = await sha256(Uint8Array.of(0), entry);
  if (!same(await rootOf(leaf, index, size, lines.map(unbase64)), unbase64(root)))
    refuse('The order is not in the log as it is here: it was changed, or never logged.');
  return Number(index);
}

// ---- share records

export async function parseShares(bytes) {
  const records = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; ) {
    if (utf8.decode(bytes.slice(at, at + 8)) !== 'LETHKEY1') refuse('The shares cannot be read.');
    const length = view.getUint32(at + 8);
    const record = bytes.slice(at, at + length);
    const body = record.slice(0, length - 16);
    if (record.length !== length || !same((await sha256(body)).slice(0, 16), record.slice(length - 16))) refuse('The shares are damaged.');
    const count = view.getUint16(at + 14);
    let pos = 16 + view.getUint16(at + 12);
    const key = utf8.decode(body.slice(16, pos));
    const shares = [];
    for (let i = 0; i < count; i++) {
      const n = view.getUint16(at + pos);
      shares.push(body.slice(pos + 2, pos + 2 + n));
      pos += 2 + n;
    }
    if (pos !== body.length) refuse('The shares are damaged.');
    records.push({ key, shares, kid: hex((await sha256(text.encode(key))).slice(0, 16)), ...parseKeyRecord(key) });
    at += length;
  }
  if (!records.length) refuse('There are no shares in this case.');
  return records;
}

function parseKeyRecord(key) {
  const m = /^lethe-key v1\ncamera (\S+)\nnode (\S+)\nepoch (\S+)\nlength (\d+) ms\nshares (\d+) of (\d+)\ncustodians ([0-9a-f]{32})\ncommitment ([0-9a-f]{64})\n$/.exec(key);
  if (!m) refuse('A key record cannot be read.');
  const epochMs = Date.parse(m[3]);
  return { camera: m[1], node: m[2], epochMs, endMs: epochMs + Number(m[4]), threshold: Number(m[5]), commitment: m[8] };
}

function checkCovered(order, r) {
  if (!order.cameras.includes(r.camera) || r.node !== order.node)
    refuse(`A share of camera ${r.camera} is not in the order. Nothing was signed: this should not happen, tell the others.`);
  if (r.epochMs >= order.toMs || r.endMs <= order.fromMs)
    refuse(`A share of camera ${r.camera} for ${new Date(r.epochMs).toISOString()} lies outside the order. Nothing was signed.`);
}

/** The share of one record that the identity opens: {number, value}. The text inside must be that of the record. */
export async function openShare(record, identity) {
  for (let i = 0; i < record.shares.length; i++) {
    const d = new Decrypter();
    d.addIdentity(identity);
    let inside;
    try {
      inside = await d.decrypt(record.shares[i], 'text');
    } catch {
      continue;
    }
    const m = /^share (\d+) ([0-9a-f]{66})\n$/.exec(inside.startsWith(record.key) ? inside.slice(record.key.length) : '');
    if (!m || Number(m[1]) !== i + 1) refuse(`Share ${i + 1} belongs to another key: another camera, epoch or custodian.`);
    return { number: i + 1, value: m[2] };
  }
  return refuse('No share of this key is for this identity.');
}

// ---- identities

export async function parseIdentity(file) {
  const identity = /^(AGE-SECRET-KEY-1[0-9A-Z]+)$/m.exec(file)?.[1];
  const signing = /^# signing key: PRIVATE\+KEY\+([^\s+]+)\+([0-9a-f]{8})\+(\S+)$/m.exec(file);
  if (!identity) refuse('This file holds no age identity.');
  if (!signing) refuse('This identity has no signing key: «lethe custodian keygen» makes both.');
  const seed = unbase64(signing[3]).slice(1);
  const pkcs8 = join(Uint8Array.from([0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20]), seed);
  const key = await crypto.subtle.importKey('pkcs8', pkcs8, 'Ed25519', false, ['sign']);
  return { identity, name: signing[1], id: signing[2], key };
}

async function signNote(who, body) {
  const signature = new Uint8Array(await crypto.subtle.sign('Ed25519', who.key, text.encode(body)));
  const id = Uint8Array.from(who.id.match(/../g), (x) => parseInt(x, 16));
  return `${body}\n\u2014 ${who.name} ${base64(join(id, signature))}\n`;
}

/** Which custodian of the set the identity is: by the signing key. */
function numberOf(bundle, who) {
  const i = bundle.custodians.findIndex((c) => c.signer.startsWith(`${who.name}+${who.id}+`));
  return i < 0 ? refuse("This identity's signing key is none of the custodian set's.") : i + 1;
}

// ---- the decision

/** Everything that is checked before anybody decides. @logKeys: verifier keys, one a line. */
export async function check(bundle, logKeys, nowMs) {
  const note = parseNote(bundle.order);
  const order = parseOrder(note.text);
  if (!(await noteSignedBy(note, parseVkey(order.requester))))
    refuse('The order is not signed by the key that it names: it was changed.');
  const hash = await sha256(text.encode(note.text));
  const keys = logKeys.split('\n').filter(Boolean).map(parseVkey);
  const index = await checkProof(bundle.proof, orderEntry(order, hash), keys);
  if (nowMs >= order.notAfterMs) refuse(`The order ran out at ${order['not-after']}.`);
  if (order.madeMs > nowMs + 300000) refuse('The order says it was made in the future: check the clocks.');
  const records = await parseShares(unbase64(bundle.shares));
  for (const r of records) checkCovered(order, r);
  return { order, hash, index, records, bundle };
}

const made = (nowMs) => new Date(nowMs).toISOString().replace('.000Z', 'Z');

/** @returns the answer's file. */
export async function approve(checked, identityFile, nowMs) {
  const { order, hash, index, records, bundle } = checked;
  const who = await parseIdentity(identityFile);
  const number = numberOf(bundle, who);
  let body = `lethe-shares/v1\norder ${hex(hash)}\ncustodian ${number}\n`;
  for (const r of records) {
    const share = await openShare(r, who.identity);
    body += `share ${r.kid} ${share.number} ${share.value}\n`;
  }
  const e = new Encrypter();
  e.addRecipient(order.session);
  const file = await e.encrypt(body);
  const answer = `lethe-approval/v1\ncase ${order.id}\norder ${hex(hash)}\ncustodian ${number}\nof ${bundle.custodians.length}\nset ${bundle.set}\nentry ${index}\nshares ${records.length}\npayload ${hex(await sha256(file))}\nmade ${made(nowMs)}\n`;
  return (await signNote(who, answer)) + armor.encode(file).replace(/\n*$/, '\n');
}

export async function refuseOrder(checked, identityFile, reason, nowMs) {
  const { order, hash, bundle } = checked;
  const who = await parseIdentity(identityFile);
  return signNote(who, `lethe-refusal/v1\ncase ${order.id}\norder ${hex(hash)}\ncustodian ${numberOf(bundle, who)}\nof ${bundle.custodians.length}\nset ${bundle.set}\nreason ${reason}\nmade ${made(nowMs)}\n`);
}
