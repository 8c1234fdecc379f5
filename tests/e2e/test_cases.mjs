#!/usr/bin/env node
// SPDX-License-Identifier: AGPL-3.0-or-later
// A case from request to expiry in four browser contexts, against a real node: the requester in the application, three
// custodians at desks that are opened from a local file. TAP.     LETHE_SHOTS: folder for screenshots
import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Node, PATIENCE, Tap, axe, expect, freePort, launch, sleep, until } from './harness.mjs';
import { api } from './pictures.mjs';

const password = 'a long sentence for a test';
const desk = resolve(dirname(process.env.LETHE_BIN ?? 'build/lethe'), 'desk/desk.html');
const shots = process.env.LETHE_SHOTS;
const [W, H] = [64, 36];
const MINUTE = 60000;
const VALID_SECONDS = 42;

const node = await Node.start({ cameras: 1, settings: 'epoch_minutes: 1\nnode: hall-1\n' });
const browser = await launch();
const problems = [];
let page;
const context = async (options = {}) => {
  const made = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-GB', timezoneId: 'UTC', acceptDownloads: true, ...options });
  made.setDefaultTimeout(PATIENCE);
  return made;
};
const watch = (p) => {
  p.on('pageerror', (error) => problems.push(`error: ${error.message}`));
  p.on('console', (m) => m.type() === 'error' && !/status of (401|403|404|409|410)/.test(m.text()) && problems.push(m.text()));
  return p;
};
const signIn = async (p, user) => {
  await p.goto(node.url);
  await p.fill('input[name=username]', user);
  await p.fill('input[name=password]', password);
  await p.keyboard.press('Enter');
  await p.waitForSelector('.page-head h1');
};
const tap = new Tap(() => page);
const shot = async (name) => shots && page.screenshot({ path: join(shots, `${name}.png`) });

/** The clip that the camera plays: every picture another one, in grey, so that no colour matrix matters. */
const clip = join(node.folder, 'clip.mp4');
const ffmpeg = (...args) => execFileSync('ffmpeg', ['-v', 'error', '-y', ...args], { maxBuffer: 1 << 28 });
const greys = (rgb) => Array.from({ length: rgb.length / (W * H * 3) }, (_, i) => Array.from({ length: W * H }, (_, j) => rgb[3 * (i * W * H + j)]));

/** What the original shows, as a small grey picture of the same kind. */
const seen = (p) =>
  p.evaluate(([w, h]) => {
    const from = document.querySelector('[data-view=original] canvas');
    if (from.width < 100) return null;
    const small = new OffscreenCanvas(w, h);
    const to = small.getContext('2d');
    to.imageSmoothingQuality = 'high';
    to.drawImage(from, 0, 0, w, h);
    const { data } = to.getImageData(0, 0, w, h);
    return Array.from({ length: w * h }, (_, i) => data[i * 4]);
  }, [W, H]);
const distance = (a, b) => a.reduce((sum, x, i) => sum + Math.abs(x - b[i]), 0) / a.length;

let source = [];
let id = '';
let began = 0;
const desks = [];

try {
  ffmpeg('-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=10:duration=20,hue=s=0', '-c:v', 'libx264', '-profile:v', 'main', '-pix_fmt', 'yuv420p', '-g', '20', '-bf', '0', '-b:v', '900k', clip);
  source = greys(ffmpeg('-i', clip, '-vf', `scale=${W}:${H}:flags=area`, '-pix_fmt', 'rgb24', '-f', 'rawvideo', '-'));
  const port = await freePort();
  node.run('clip', ['sim', '--port', String(port), '--cameras', '1', '--media', clip]);
  await until('the camera listens', () => node.logs.clip.includes('ready rtsp'));
  const rtsp = `rtsp://127.0.0.1:${port}`;
  page = watch(await (await context()).newPage());
  const admin = page;
  await admin.goto(node.link);
  await admin.fill('input[name=username]', 'ada');
  await admin.fill('input[name=new-password]', password);
  await admin.fill('input[name=again]', password);
  await admin.getByRole('button', { name: 'Create the account' }).click();
  await admin.waitForSelector('.page-head h1');
  for (const [user, role] of [['leo', 'investigator'], ['judge', 'custodian'], ['council', 'custodian'], ['office', 'custodian']]) {
    const made = await api(admin, 'POST', 'users', { name: user, password, grants: [{ role, group: 'all' }] });
    if (made.status !== 201) throw new Error(`${user}: ${JSON.stringify(made.json)}`);
  }
  await node.command('camera', 'add', 'gate', '--data', node.data, '--main', `${rtsp}/cam0/main`, '--sub', `${rtsp}/cam0/sub`);
  // recorded: the end of one epoch and the whole of the next
  const start = Date.now();
  const boundary = MINUTE * Math.ceil((start + 8000) / MINUTE);
  await sleep(boundary + MINUTE + 3000 - Date.now());

  page = watch(await (await context()).newPage());
  const leo = page;
  await tap.test('twenty minutes of one camera across an epoch boundary are asked for', async () => {
    await signIn(leo, 'leo');
    began = Date.now();
    await leo.goto(`${node.url}#/timeline?cameras=gate&at=${new Date(boundary - 5000).toISOString()}`);
    await leo.getByRole('button', { name: 'Ask for originals' }).click();
    const input = (ms) => new Date(ms).toISOString().slice(0, 19);
    await leo.getByLabel('From (UTC)').fill(input(boundary + MINUTE - 20 * MINUTE));
    await leo.getByLabel('To (UTC)').fill(input(boundary + MINUTE));
    await leo.getByLabel('What for').selectOption('crime');
    await leo.getByLabel('By what right').selectOption('hk.pdpo-58');
    await leo.getByLabel('Reference of your file').fill('RN26001234');
    await leo.getByLabel('Passphrase for the key file').fill(password);
    await leo.getByLabel('Valid').evaluate((select, hours) => { // shorter than the page offers, so that the end can be seen
      select.append(new Option('', hours));
      select.value = hours;
      select.dispatchEvent(new Event('change', { bubbles: true }));
    }, String(VALID_SECONDS / 3600));
    await leo.getByRole('button', { name: 'Go on' }).click();
    await leo.getByText('You ask 2 of 3 custodians').waitFor();
    const [file] = await Promise.all([leo.waitForEvent('download'), leo.getByRole('button', { name: 'Sign and send' }).click()]);
    id = /^case-([0-9a-f]{16})\.age$/.exec(file.suggestedFilename())[1];
    await leo.getByText('Waiting for custodians').first().waitFor();
    expect(leo.url().endsWith(`#/cases/${id}`), leo.url());
  });

  /** A custodian's own context: the case's file from the node, the decision at the desk, the answer to the node. */
  const decide = async (n, user, button) => {
    const c = await context({ viewport: { width: 390, height: 844 } });
    const p = watch(await c.newPage());
    desks.push(c);
    await signIn(p, user);
    const bundle = await api(p, 'GET', `cases/${id}/bundle`);
    expect(bundle.status === 200, `${user}: ${JSON.stringify(bundle.json)}`);
    const file = join(node.folder, `case-${n}.json`);
    await writeFile(file, JSON.stringify(bundle.json));
    const d = await c.newPage();
    await d.goto(`file://${desk}`);
    await d.setInputFiles('#case', file);
    await d.fill('#keys', (await readFile(join(node.data, 'log/keys'), 'utf8')).trim());
    await d.locator('#keys').blur();
    await d.locator('#identity').setInputFiles(join(node.data, `practice/custodian-${n}.txt`));
    await d.click(button);
    const [answer] = await Promise.all([d.waitForEvent('download'), d.click('#save')]);
    const text = await readFile(await answer.path(), 'utf8');
    return p.evaluate(async ([path, body]) => {
      const response = await fetch(`api/v1/cases/${path}/answers`, { method: 'POST', headers: { 'content-type': 'text/plain' }, body });
      return { status: response.status, json: await response.json() };
    }, [id, text]);
  };
  await tap.test('one approval opens nothing', async () => {
    const first = await decide(1, 'judge', '#approve');
    expect(first.status === 201 && first.json.approved.join() === '1', JSON.stringify(first));
    await leo.locator('li[data-answer=approved]').waitFor();
    expect(await leo.getByRole('button', { name: 'Open the originals' }).isDisabled(), 'the page offers nothing');
    const asked = await api(leo, 'POST', `cases/${id}/opening`, {});
    expect(asked.status === 409, JSON.stringify(asked));
  });
  await tap.test('a second one, and the original plays: the pixels are those of the clip', async () => {
    const second = await decide(2, 'council', '#approve');
    expect(second.status === 201 && second.json.state === 'approved', JSON.stringify(second));
    await leo.locator('button:not([disabled])', { hasText: 'Open the originals' }).click();
    await leo.locator('[data-view=original]').waitFor();
    await leo.getByRole('button', { name: 'Play', exact: true }).click();
    const look = async () => {
      const grey = await seen(leo);
      if (!grey) return null;
      const best = source.map((picture, i) => [distance(grey, picture), i]).sort((a, b) => a[0] - b[0]);
      return best[0][0] < 4 ? { picture: best[0][1], off: best[0][0], worst: best[best.length - 1][0] } : null;
    };
    const first = await until('a picture of the clip is seen', look);
    const second2 = await until('and another one', async () => { const now = await look(); return now && now.picture !== first.picture ? now : null; });
    console.log(`# pictures ${first.picture} and ${second2.picture} of the clip, off by ${first.off.toFixed(2)} and ${second2.off.toFixed(2)} of 255, the least like it by ${first.worst.toFixed(2)}; ${((Date.now() - began) / 1000).toFixed(1)} s after the request`);
    await until('the masked view is beside it', () => leo.locator('[data-view=masked][data-standing=ready]').count());
    expect((await axe(leo)).length === 0, (await axe(leo)).join('\n'));
    await shot('case-view-1440-light');
  });
  await tap.test('across the boundary as well', async () => {
    await leo.getByRole('button', { name: 'Pause' }).click();
    await leo.getByRole('button', { name: /^Go to/ }).first().click();
    await leo.getByRole('dialog').locator('input').fill(new Date(boundary + 20000).toISOString().slice(0, 19));
    await leo.getByRole('dialog').getByRole('button').last().click();
    await until('a picture of the next epoch', async () => {
      const grey = await seen(leo);
      return grey && Math.min(...source.map((picture) => distance(grey, picture))) < 4 && (await leo.locator('[data-view=original][data-standing=ready]').count());
    });
  });
  await tap.test('a third refuses later, without effect', async () => {
    const third = await decide(3, 'office', '#refuse');
    expect(third.status === 201 && third.json.state === 'open', JSON.stringify(third));
    await sleep(300);
    expect((await leo.locator('[data-view=original]').count()) === 1, 'still open');
  });
  await tap.test('the case runs out: the page has nothing any more and gets nothing any more', async () => {
    await leo.getByText('The case is over. Keys and pictures are gone from this page.').waitFor();
    expect((await leo.locator('[data-view=original]').count()) === 0, 'no picture');
    const c = await until('the node says so', async () => { const now = await api(leo, 'GET', `cases/${id}`); return now.json.state === 'expired' ? now.json : null; });
    const [opening, recordings] = [await api(leo, 'POST', `cases/${id}/opening`, {}), await api(leo, 'GET', `cases/${id}/recordings`)];
    expect(opening.status === 410 && recordings.status === 410, `${opening.status} ${recordings.status} ${c.state}`);
    const took = (Date.now() - began) / 1000;
    console.log(`# the whole round took ${took.toFixed(1)} s`);
    expect(took < 60, `${took} s`);
  });
  await tap.test('nothing complained', async () => expect(problems.length === 0, problems.join('\n')));
} catch (error) {
  console.log(`not ok ${++tap.count} - ${error.stack}`);
  tap.failed++;
} finally {
  await browser.close();
  await node.stop();
}
process.exit(tap.end());
