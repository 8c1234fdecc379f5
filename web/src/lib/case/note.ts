// SPDX-License-Identifier: AGPL-3.0-or-later
// Signed notes (docs/format/note.md): C2SP signed-note with Ed25519 of WebCrypto.
import { base64, hex, join, refuse, sha256, unbase64, utf8, type Bytes } from './bytes';

export interface Verifier {
  name: string;
  id: string; // 8 digits
  key: Bytes; // 32
}
export interface Signer extends Verifier {
  seed: Bytes; // 32, secret
}
export interface Note {
  text: string; // with its last newline
  signatures: { name: string; id: string; bytes: Bytes }[];
}

const ED25519 = Uint8Array.of(1);

export function parseNote(note: string): Note {
  const at = note.lastIndexOf('\n\n');
  if (at < 0 || !note.endsWith('\n')) refuse('This is no signed note.');
  const signatures = note.slice(at + 2, -1).split('\n').map((line) => {
    const m = /^\u2014 ([^\s+]+) ([A-Za-z0-9+/=]+)$/.exec(line) ?? refuse('A signature line of a note cannot be read.');
    const bytes = unbase64(m[2]!);
    return { name: m[1]!, id: hex(bytes.slice(0, 4)), bytes: bytes.slice(4) };
  });
  return { text: note.slice(0, at + 1), signatures };
}

const idOf = async (name: string, key: Bytes) => hex((await sha256(utf8(`${name}\n`), ED25519, key)).slice(0, 4));

export async function parseVkey(text: string): Promise<Verifier> {
  const m = /^([^\s+]+)\+([0-9a-f]{8})\+(\S+)$/.exec(text);
  const bytes = m ? unbase64(m[3]!) : new Uint8Array();
  if (!m || bytes.length !== 33 || bytes[0] !== 1) refuse('This is no Ed25519 verifier key for notes.');
  const verifier = { name: m[1]!, id: m[2]!, key: bytes.slice(1) };
  if ((await idOf(verifier.name, verifier.key)) !== verifier.id) refuse('The verifier key does not fit its own id.');
  return verifier;
}
export const formatVkey = (v: Verifier) => `${v.name}+${v.id}+${base64(join(ED25519, v.key))}`;

/** Whether @note is signed by @v. A signature under the key's name and id that is wrong says no as well. */
export async function signedBy(note: Note, v: Verifier): Promise<boolean> {
  const known = note.signatures.filter((s) => s.name === v.name && s.id === v.id);
  if (!known.length) return false;
  const key = await crypto.subtle.importKey('raw', v.key, 'Ed25519', false, ['verify']);
  for (const s of known) if (!(await crypto.subtle.verify('Ed25519', key, s.bytes, utf8(note.text)))) return false;
  return true;
}

/** PKCS #8 of an Ed25519 seed (RFC 8410 §7). */
const PKCS8 = Uint8Array.from([0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20]);

export async function makeSigner(name: string): Promise<Signer> {
  const pair = (await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])) as CryptoKeyPair;
  const pkcs8 = new Uint8Array(await crypto.subtle.exportKey('pkcs8', pair.privateKey));
  const key = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
  const seed = pkcs8.slice(-32);
  pkcs8.fill(0);
  return { name, id: await idOf(name, key), key, seed };
}

/** `PRIVATE+KEY+NAME+ID+…` and the verifier key beside it. */
export async function parseSigner(secret: string, vkey: string): Promise<Signer> {
  const m = /^PRIVATE\+KEY\+([^\s+]+)\+([0-9a-f]{8})\+(\S+)$/.exec(secret);
  const bytes = m ? unbase64(m[3]!) : new Uint8Array();
  if (!m || bytes.length !== 33 || bytes[0] !== 1) refuse('The signing key cannot be read.');
  const verifier = await parseVkey(vkey);
  if (verifier.name !== m[1] || verifier.id !== m[2]) refuse('Signing key and verifier key do not belong together.');
  return { ...verifier, seed: bytes.slice(1) };
}
export const formatSigner = (s: Signer) => `PRIVATE+KEY+${s.name}+${s.id}+${base64(join(ED25519, s.seed))}`;

export async function signNote(signer: Signer, text: string): Promise<string> {
  const pkcs8 = join(PKCS8, signer.seed);
  const key = await crypto.subtle.importKey('pkcs8', pkcs8, 'Ed25519', false, ['sign']);
  pkcs8.fill(0);
  const signature = new Uint8Array(await crypto.subtle.sign('Ed25519', key, utf8(text)));
  return `${text}\n\u2014 ${signer.name} ${base64(join(Uint8Array.from(signer.id.match(/../g)!, (x) => parseInt(x, 16)), signature))}\n`;
}
