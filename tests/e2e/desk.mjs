// SPDX-License-Identifier: AGPL-3.0-or-later
// The custodian's desk in Chromium, opened from a local file: node desk.mjs DESK.html CASE.json IDENTITY LOG-KEY OUT [SHOTS]
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { chromium } from 'playwright-core';

const [desk, bundle, identity, key, out, shots] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: process.env.LETHE_CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
const context = await browser.newContext({ viewport: { width: 390, height: 844 }, acceptDownloads: true, locale: 'en-GB' });
const page = await context.newPage();
const requests = [];
const errors = [];
page.on('request', (r) => r.url().startsWith('file:') || r.url().startsWith('blob:') || requests.push(r.url()));
page.on('pageerror', (e) => errors.push(String(e)));
page.on('console', (m) => m.type() === 'error' && errors.push(m.text()));
const shot = async (name) => shots && page.screenshot({ path: join(shots, `${name}.png`), fullPage: true });
let failed = 0;
const say = (ok, name, detail = '') => {
  console.log(`${ok ? 'ok' : 'not ok'} - ${name}${ok ? '' : ` ${detail}`}`);
  failed += ok ? 0 : 1;
};

await page.goto(`file://${resolve(desk)}`);
await page.setInputFiles('#case', bundle);
await page.locator('.verdict.warn').waitFor();
say(await page.locator('#order-title').isVisible(), 'the order is shown in words');
await page.fill('#keys', readFileSync(key, 'utf8').trim());
await page.locator('#keys').blur();
await page.locator('.verdict.good').nth(1).waitFor();
say((await page.locator('.verdict.warn').count()) === 0, 'with the published key of the log nothing is left open');
await shot('desk-order');
await page.click('#language');
say((await page.locator('dl').innerText()).includes('調查已報案的罪行'), 'in Traditional Chinese as well');
await shot('desk-zh');
await page.click('#language');

// a server that lies: words that are not those of the signed order
const lie = join(resolve(out, '..'), 'lie.json');
const forged = JSON.parse(readFileSync(bundle, 'utf8'));
forged.order = forged.order.replace(/^camera .*$/m, 'camera toilet');
writeFileSync(lie, JSON.stringify(forged));
await page.setInputFiles('#case', lie);
await page.locator('.verdict.bad').waitFor();
say((await page.locator('#approve').count()) === 0, `a changed order cannot be signed: ${await page.locator('.verdict.bad').innerText()}`);
await shot('desk-lie');

await page.setInputFiles('#case', bundle);
await page.locator('#identity').waitFor();
await page.setInputFiles('#identity', identity);
const [download] = await Promise.all([page.waitForEvent('download'), (async () => {
  await page.click('#approve');
  await page.locator('#save').waitFor();
  await shot('desk-answer');
  await page.click('#save');
})()]);
await download.saveAs(out);
say(readFileSync(out, 'utf8').startsWith('lethe-approval/v1\n'), 'approving gives a file');
say(requests.length === 0, 'the page asked no server for anything', requests.join(' '));
say(errors.length === 0, 'no error in the console', errors.join(' | '));
const small = await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth);
say(small, 'it fits a telephone');
await browser.close();
process.exit(failed ? 1 : 0);
