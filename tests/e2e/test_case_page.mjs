#!/usr/bin/env node
// SPDX-License-Identifier: AGPL-3.0-or-later
// The page of cases in Chromium, with a case that the command line made (web/test/fixtures) and a server that only hands
// out what it is told: to see what the page itself does, and that it believes no server. TAP.
//   node test_case_page.mjs [BUILT-APPLICATION]     LETHE_SHOTS: folder for screenshots
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { dirname, extname, join } from 'node:path';
import { Tap, axe, expect, launch, until } from './harness.mjs';

const here = new URL('.', import.meta.url).pathname;
const built = process.argv[2] ?? join(dirname(process.env.LETHE_BIN ?? 'build/lethe'), 'web');
const fixtures = join(here, '../../web/test/fixtures');
const made = JSON.parse(await readFile(join(fixtures, 'case.json'), 'utf8'));
const sealed = await readFile(join(fixtures, 'sealed.mp4'));
const field = (name) => new RegExp(`^${name} (.*)$`, 'm').exec(made.bundle.order)[1];
const id = field('id');
const start = Date.parse(field('made')) + 60000; // the page's clock
const seconds = (ms) => new Date(ms).toISOString().replace('.000Z', 'Z');
const meta = sealed.indexOf(Buffer.from('c15e0e526a434d0b9d55718f0c2e9437', 'hex')) + 16;
const kid = sealed.subarray(meta + 36, meta + 52).toString('hex');

const state = { state: 'logged', approved: [], refused: [], approvals: made.approvals, sealed, orders: [], urgent: null, opened: 0 };
const theCase = () => ({
  id, state: state.state, since: seconds(start - 30000), node: field('node'), cameras: ['gate'], from: field('from'), to: field('to'), purpose: field('purpose'), basis: field('basis'), made: field('made'),
  not_after: field('not-after'), urgent: state.urgent, order_hash: '', threshold: 2, custodians: 3, approved: state.approved, refused: state.refused, missing: state.approved.length < 2 ? `${2 - state.approved.length} more must approve` : null, entry: 118,
  seconds_left: 86000,
});
const over = { status: 410, body: { error: 'The case is over.', code: 'E_GONE' } };
const may = ['live', 'playback', 'export', 'request', 'status', 'audit'];
const routes = {
  'GET site': () => ({ node: 'hall-1', version: '0.2', setup_needed: false, practice: true, tls: false }),
  'GET session': () => ({ user: 'ada', grants: [{ role: 'investigator', group: 'all' }], verbs: may, expires: '2100-01-01T00:00:00Z', token: false }),
  'GET cameras': () => ({ cameras: ['gate', 'door'].map((c) => ({ id: c, name: c === 'gate' ? 'North gate' : 'Door', enabled: true, group: '', may, state: 'recording', reason: '', mask: { state: 'declared', reason: '', zones: [] } })) }),
  'GET timeline': (q) => ({ from_us: Number(q.get('from')), to_us: Number(q.get('to')), bucket_us: 1e9, cameras: [{ id: 'gate', masked: '', sealed: '', gaps: [] }] }),
  'GET health': () => ({ at: seconds(start), problems: [], cameras: {} }),
  'GET cases/codes': () => ({
    purposes: [{ code: 'crime', en: 'Investigation of a reported crime', 'zh-Hant': '調查已報案的罪行' }, { code: 'access', en: "A person's own access request", 'zh-Hant': '當事人查閱要求' }],
    bases: [{ code: 'hk.pdpo-58', en: 'Prevention or detection of crime (PDPO, section 58)', 'zh-Hant': '防止或偵測罪行（《私隱條例》第58條）' }], refusals: [{ code: 'too-wide', en: 'Too many cameras or too long a span', 'zh-Hant': '範圍過大' }],
    limits: { camera_hours: 2, valid_seconds: 604800, urgent_seconds: 172800, cameras: 64 }, node: 'hall-1', threshold: 2, custodians: 3, practice: true, log_vkey: '', now: new Date(state.now?.() ?? start).toISOString(),
  }),
  'GET cases': () => ({ cases: [theCase()] }),
  [`GET cases/${id}`]: () => ({ ...theCase(), order: state.order ?? made.bundle.order, words: 'Opening order', proof: '' }),
  'POST cases': (_, body) => (state.orders.push(body.order), theCase()),
  [`POST cases/${id}/opening`]: () => (state.state === 'expired' ? over : ((state.state = 'open'), state.opened++, { case: theCase(), approvals: state.approvals, shares: made.bundle.shares, custodians: made.custodians })),
  [`GET cases/${id}/recordings`]: () => (state.state === 'expired' ? over : { recordings: [{ camera: 'gate', recording: '7', kid, begin: new Date(made.boundary + 190).toISOString(), end: new Date(made.boundary + 12190).toISOString(), codec: 'h264', bytes: sealed.length, from: '', to: '' }], gaps: [] }),
};
const types = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.woff2': 'font/woff2' };
const server = createServer(async (request, response) => {
  const url = new URL(request.url, 'http://x/');
  const json = (status, body) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  const name = url.pathname.replace(/^\/(api\/v1\/)?/, '');
  if (!url.pathname.startsWith('/api/')) {
    const file = await readFile(join(built, name || 'index.html')).catch(() => null);
    return file ? response.writeHead(200, { 'content-type': types[extname(name || 'index.html')] ?? 'application/octet-stream' }).end(file) : response.writeHead(404).end();
  }
  if (name.endsWith('/sealed.mp4')) {
    if (state.state !== 'open') return json(410, over.body);
    const [, a, b] = /bytes=(\d+)-(\d+)/.exec(request.headers.range).map(Number);
    return response.writeHead(206, { 'content-type': 'video/mp4' }).end(state.sealed.subarray(a, b + 1));
  }
  let text = '';
  for await (const piece of request) text += piece;
  const answer = routes[`${request.method} ${name}`]?.(url.searchParams, text ? JSON.parse(text) : {});
  if (!answer) return json(404, { error: 'There is nothing here.', code: 'E_NOTFOUND' });
  return json(answer.status ?? 200, answer.body ?? answer);
});
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const url = `http://127.0.0.1:${server.address().port}/`;
const browser = await launch();
const shots = process.env.LETHE_SHOTS;
const problems = [];
let page;
async function open(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-GB', timezoneId: 'UTC', acceptDownloads: true, ...options });
  context.setDefaultTimeout(Number(process.env.LETHE_PATIENCE ?? 20) * 1000);
  const p = await context.newPage();
  await p.clock.install({ time: start });
  p.on('pageerror', (e) => problems.push(String(e)));
  p.on('console', (m) => m.type() === 'error' && !/status of (404|410)/.test(m.text()) && problems.push(m.text()));
  return p;
}
const tap = new Tap(() => page);
const shot = async (name) => shots && page.screenshot({ path: join(shots, `${name}.png`) });
const go = async (hash) => {
  await page.goto(`${url}${hash}`);
  await page.waitForSelector('.page-head h1');
};
const clean = async () => expect((await axe(page)).length === 0, (await axe(page)).join('\n'));
const session = { name: 'case.txt', mimeType: 'text/plain', buffer: Buffer.from(made.session) };
const loadKey = async () => {
  await page.getByLabel('Key file').setInputFiles(session);
  await page.getByRole('button', { name: 'Load the key' }).click();
  await page.getByText('The key of this case is in this page.').waitFor();
};
const ink = () => page.evaluate(() => {
  const c = document.querySelector('[data-view=original] canvas');
  const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
  let sum = 0;
  const seen = new Set();
  for (let i = 0; i < d.length; i += 4) { sum = (sum * 31 + d[i] + d[i + 1] * 3) >>> 0; seen.add(d[i] >> 3); }
  return { sum, shades: seen.size, width: c.width };
});

try {
  page = await open();
  await tap.test('the list says how every case stands', async () => {
    await go('#/cases');
    await page.locator(`[data-case="${id}"]`).waitFor();
    const words = await page.locator(`[data-case="${id}"]`).innerText();
    expect(/Waiting for custodians/.test(words) && /North gate/.test(words) && /2 more of 2 have to approve/.test(words) && /Investigation of a reported crime/.test(words), words);
    await clean();
    await shot('cases-list-1440-light');
  });
  await tap.test('a request is told in words before it is signed, and what leaves names nobody', async () => {
    await go(`#/timeline?cameras=gate&at=${new Date(start - 600000).toISOString()}`);
    await page.keyboard.press('r');
    await page.getByRole('dialog').waitFor();
    await page.getByRole('button', { name: 'Go on' }).click();
    await page.getByRole('alert').getByText('Choose what it is for').waitFor();
    await page.getByLabel('What for').selectOption('crime');
    await page.getByLabel('By what right').selectOption('hk.pdpo-58');
    await page.getByLabel('Reference of your file').fill('RN26-secret');
    await page.getByLabel('Passphrase for the key file').fill('a passphrase of a test');
    await clean();
    await shot('case-request-1440-light');
    await page.getByRole('button', { name: 'Go on' }).click();
    await page.getByText('You ask 2 of 3 custodians of node hall-1 to open: North gate.').waitFor();
    await clean();
    await shot('case-summary-1440-light');
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Sign and send' }).click()]);
    expect(/^case-[0-9a-f]{16}\.age$/.test(file.suggestedFilename()), file.suggestedFilename());
    expect((await readFile(await file.path(), 'utf8')).startsWith('-----BEGIN AGE ENCRYPTED FILE-----'), 'the key is under the passphrase');
    await until('the order arrives', () => state.orders.length);
    expect(/^lethe-order\/v1\nid [0-9a-f]{16}\nnode hall-1\ncamera gate\nfrom .*\nto .*\npurpose crime\nbasis hk.pdpo-58\nreference [0-9a-f]{64}\nrequester session\+/.test(state.orders[0]) && !state.orders[0].includes('RN26'), state.orders[0]);
  });
  await tap.test('without the key nothing opens, with it and one approval neither', async () => {
    await page.reload();
    await go(`#/cases/${id}`);
    expect(await page.getByRole('button', { name: 'Open the originals' }).isDisabled(), 'no key, nothing to open');
    await loadKey();
    state.approved = [1];
    await page.locator('li[data-answer=approved]').waitFor();
    await shot('case-1440-light');
    state.state = 'approved'; // a server that lies
    state.approvals = made.approvals.slice(0, 1);
    await page.locator('button:not([disabled])', { hasText: 'Open the originals' }).click();
    await page.getByRole('alert').getByText('2 custodians must approve, 1 did.').waitFor();
    state.approvals = [made.approvals[0], made.approvals[0]];
    await page.getByRole('button', { name: 'Open the originals' }).click();
    await page.getByRole('alert').getByText('each counts once').waitFor();
    state.order = made.bundle.order.replace(/^purpose .*$/m, 'purpose access');
    await page.getByRole('button', { name: 'Open the originals' }).click();
    await page.getByRole('alert').getByText('it was changed').waitFor();
    state.order = undefined;
    state.approvals = made.approvals;
    await clean();
  });
  await tap.test('two approvals: the original plays and can be stepped', async () => {
    state.approved = [1, 2];
    await page.locator('li[data-answer=approved]').nth(1).waitFor();
    await page.getByRole('button', { name: 'Open the originals' }).click();
    await page.locator('[data-view=original]').waitFor();
    await page.getByRole('button', { name: 'Play', exact: true }).click();
    const first = await until('the original is seen', async () => { const seen = await ink(); return seen.width === 160 && seen.shades > 4 ? seen : null; });
    await until('it moves', async () => (await ink()).sum !== first.sum);
    await page.getByRole('button', { name: 'Pause' }).click();
    await clean();
    await shot('case-view-1440-light');
  });
  await tap.test('a person is uncovered by hand, and the file says what it is', async () => {
    await page.getByRole('button', { name: 'Export with chosen people uncovered' }).click();
    const stage = page.locator('.unmask-stage canvas');
    await page.locator('.unmask-stage canvas[data-ready=yes]').waitFor();
    const area = await stage.boundingBox();
    const draw = async (x) => {
      await page.mouse.move(area.x + area.width * x, area.y + area.height * 0.3);
      await page.mouse.down();
      await page.mouse.move(area.x + area.width * (x + 0.1), area.y + area.height * 0.6, { steps: 3 });
      await page.mouse.up();
    };
    await draw(0.45);
    await page.getByText('one point').waitFor();
    await page.getByRole('slider', { name: 'Go to' }).press('End');
    await draw(0.5);
    await page.getByText('2 points').waitFor();
    await clean();
    await shot('case-unmask-1440-light');
    const [file] = await Promise.all([page.waitForEvent('download', { timeout: 60000 }), page.getByRole('button', { name: 'Write the file' }).click()]);
    const bytes = await readFile(await file.path());
    expect(bytes.includes('ftyp') && bytes.includes(id) && bytes.includes('not evidence'), `${bytes.length} bytes`);
    await page.getByText(/pictures? (was|were) written/).waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).last().click();
  });
  await tap.test('when the case is over nothing can be seen or opened, though the page was open', async () => {
    state.state = 'expired';
    await page.getByText('The case is over. Keys and pictures are gone from this page.').waitFor();
    expect((await page.locator('[data-view=original]').count()) === 0, 'no picture is left');
    expect((await page.getByRole('button', { name: 'Open the originals' }).count()) === 0, 'nothing to press');
    state.state = 'open';
    await page.reload();
    await page.getByText('load the key file').waitFor();
  });
  await tap.test('on a telephone, dark, in Traditional Chinese', async () => {
    const small = await open({ viewport: { width: 390, height: 844 }, colorScheme: 'dark', locale: 'zh-HK', hasTouch: true });
    page = small;
    await go('#/cases');
    await page.locator(`[data-case="${id}"]`).waitFor();
    await shot('cases-list-390-dark');
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'it fits');
    await page.locator(`[data-case="${id}"]`).click();
    await page.getByText('載入密鑰').first().waitFor();
    await clean();
    await shot('case-390-dark');
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'it fits');
    await page.getByLabel('密鑰檔案').setInputFiles(session);
    await page.getByRole('button', { name: '載入密鑰' }).click();
    await page.getByRole('button', { name: '開啟原片' }).click();
    await page.locator('[data-view=original][data-standing=ready], [data-view=original][data-standing=gap]').waitFor();
    await clean();
    await shot('case-view-390-dark');
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'it fits');
  });
  await tap.test('the console has nothing to complain about', async () => expect(problems.length === 0, problems.join('\n')));
} finally {
  await browser.close();
  server.close();
}
process.exit(tap.end());
