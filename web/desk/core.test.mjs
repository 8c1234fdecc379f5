// SPDX-License-Identifier: AGPL-3.0-or-later
// The desk's own code against the command line: node core.test.mjs LETHE DATA CONFIG CASE IDENTITY TRUST
// It approves a case, and lies to it in every way that it must notice. Also: age-encryption and shamir-secret-sharing
// open what Lethe made.
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { combine } from 'shamir-secret-sharing';
import { approve, check, openShare, parseIdentity, refuseOrder, Refusal } from './core.js';

const [lethe, data, config, id, identityFile, identityFile2] = process.argv.slice(2);
const dir = mkdtempSync(join(tmpdir(), 'lethe-desk-'));
const run = (...args) => execFileSync(lethe, [...args, '--data', data, '--config', config], { encoding: 'utf8' });
let failed = 0;
const say = (ok, name) => {
  console.log(`${ok ? 'ok' : 'not ok'} - ${name}`);
  failed += ok ? 0 : 1;
};
const refused = async (name, words, work) => {
  try {
    await work();
    say(false, `${name}: not refused`);
  } catch (e) {
    say(e instanceof Refusal && e.message.includes(words), `${name}: ${e.message}`);
  }
};

run('case', 'bundle', id, '-o', join(dir, 'case.json'));
const bundle = JSON.parse(readFileSync(join(dir, 'case.json'), 'utf8'));
const keys = bundle.log_keys;
const now = Date.now();
const checked = await check(bundle, keys, now);
say(checked.records.length > 0, `the order holds: ${checked.records.length} keys, entry ${checked.index} of the log`);

const changed = (field, from, to) => ({ ...bundle, [field]: bundle[field].replace(from, to) });
await refused('a changed order', 'not signed by the key', () => check(changed('order', /^purpose .*$/m, 'purpose audit'), keys, now));
await refused('an order without proof', 'no proof', () => check({ ...bundle, proof: '' }, keys, now));
await refused('another index', 'checkpoint', () => check(changed('proof', /^index .*$/m, 'index 99999'), keys, now));
await refused('a changed checkpoint', 'log', () => check(changed('proof', /\n(\d+)\n([A-Za-z0-9+/=]{44})\n\n/, '\n9$1\n$2\n\n'), keys, now));
const stranger = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
await refused('another log', 'not of the log', () => check(bundle, stranger, now));
await refused('an order that ran out', 'ran out', () => check(bundle, keys, checked.order.notAfterMs));
const bytes = Buffer.from(bundle.shares, 'base64');
bytes[200] ^= 1;
await refused('damaged shares', 'damaged', () => check({ ...bundle, shares: bytes.toString('base64') }, keys, now));
await refused('an identity that is no custodian', 'none of the custodian set', () =>
  approve({ ...checked, bundle: { ...bundle, custodians: bundle.custodians.slice(0, 0) } }, readFileSync(identityFile, 'utf8'), now));

// two custodians' shares, combined by the audited library, are the key that the record commits to
const record = checked.records[0];
const shares = [];
for (const f of [identityFile, identityFile2]) {
  const who = await parseIdentity(readFileSync(f, 'utf8'));
  shares.push(Uint8Array.from(Buffer.from((await openShare(record, who.identity)).value, 'hex')));
}
const secret = await combine(shares);
const commitment = createHash('sha256').update('lethe-key-commitment v1\n').update(secret).digest('hex');
say(commitment === record.commitment, 'age-encryption and shamir-secret-sharing give the key that was recorded');

// what the page signs, the node takes
writeFileSync(join(dir, 'approval.txt'), await approve(checked, readFileSync(identityFile, 'utf8'), now));
const state = JSON.parse(run('case', 'approve', id, join(dir, 'approval.txt'), '--json'));
say(state.answers.some((a) => a.answer === 'approved'), 'the node takes the approval that the page signed');
writeFileSync(join(dir, 'refusal.txt'), await refuseOrder(checked, readFileSync(identityFile2, 'utf8'), 'too-wide', now));
const after = JSON.parse(run('case', 'refuse', id, join(dir, 'refusal.txt'), '--json'));
say(after.answers.some((a) => a.answer === 'refused'), 'and the refusal');
process.exit(failed ? 1 : 0);
