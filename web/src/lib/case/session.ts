// SPDX-License-Identifier: AGPL-3.0-or-later
// The key of one case, made in this page: an age identity that approvals are encrypted to and a signing key for the
// order. As a file it is what `lethe case request --session` writes (docs/format/custodians.md), under a passphrase.
import { armor, Decrypter, Encrypter, generateIdentity, identityToRecipient } from 'age-encryption';
import { hex, refuse, rfc3339, unhex, type Bytes } from './bytes';
import { formatSigner, formatVkey, makeSigner, parseSigner, type Signer } from './note';

export interface CaseSession {
  caseId: string;
  identity: string; // AGE-SECRET-KEY-1…
  recipient: string;
  signer: Signer;
  salt: Bytes;
  reference: string; // of the requester's file; never leaves the page but in `close`
}

const random = (n: number): Bytes => crypto.getRandomValues(new Uint8Array(n));

export async function makeSession(reference: string): Promise<CaseSession> {
  const identity = await generateIdentity();
  return { caseId: hex(random(8)), identity, recipient: await identityToRecipient(identity), signer: await makeSigner('session'), salt: random(16), reference };
}

export function sessionText(s: CaseSession, nowMs: number): string {
  return [
    `# created: ${rfc3339(Math.floor(nowMs / 1000) * 1000)}`, `# public key: ${s.recipient}`, `# signer: ${formatVkey(s.signer)}`, `# signing key: ${formatSigner(s.signer)}`,
    s.identity, `# case: ${s.caseId}`, `# reference salt: ${hex(s.salt)}`, '',
  ].join('\n');
}

export async function parseSession(text: string): Promise<CaseSession> {
  const line = (name: string) => new RegExp(`^# ${name}: (.+)$`, 'm').exec(text)?.[1] ?? '';
  const identity = /^(AGE-SECRET-KEY-1[0-9A-Z]+)$/m.exec(text)?.[1] ?? refuse('This file holds no key of a case.');
  const caseId = line('case');
  if (!/^[0-9a-f]{16}$/.test(caseId)) refuse('This key belongs to no case: its line “# case:” is missing.');
  return { caseId, identity, recipient: await identityToRecipient(identity), signer: await parseSigner(line('signing key'), line('signer')), salt: unhex(line('reference salt')), reference: '' };
}

/** Under a passphrase, in ASCII armour: `lethe case open --session <(age -d FILE)` takes it as well. */
export async function sealSession(s: CaseSession, passphrase: string, nowMs: number, workFactor = 17): Promise<string> {
  const e = new Encrypter();
  e.setPassphrase(passphrase);
  e.setScryptWorkFactor(workFactor);
  return `${armor.encode(await e.encrypt(sessionText(s, nowMs))).trimEnd()}\n`;
}

/** A session's file, with @passphrase when it is under one. */
export async function openSession(file: string, passphrase: string): Promise<CaseSession> {
  if (!file.includes('BEGIN AGE ENCRYPTED FILE')) return parseSession(file);
  const d = new Decrypter();
  d.addPassphrase(passphrase);
  let text: string;
  try {
    text = await d.decrypt(armor.decode(file), 'text');
  } catch {
    return refuse('The passphrase is wrong, or the file is no key of a case.');
  }
  return parseSession(text);
}

/** Nothing of it stays, as far as a page can say so: strings go when the garbage is collected. */
export function forgetSession(s: CaseSession) {
  s.signer.seed.fill(0);
  s.salt.fill(0);
  s.identity = s.reference = '';
}
