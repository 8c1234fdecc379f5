#!/usr/bin/env node
// SPDX-License-Identifier: AGPL-3.0-or-later
// The pages for everybody, in Chromium: small, alone, readable without a script, on a phone, on paper, and honest about a
// proof that does not hold. LETHE_SHOTS=DIR keeps pictures.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Node, Tap, axe, expect, launch, until } from './harness.mjs';

const CAMERAS = 40;
const FIRST_LOAD = 200 * 1024; // bytes over the wire
const shots = process.env.LETHE_SHOTS;
const pages = { register: 'register', camera: 'register/gate-3', numbers: 'numbers', log: 'log', entry: 'log/entries/2', reports: 'report', report: `report/${new Date().getUTCFullYear()}`, contact: 'contact' };

const node = await Node.start({ cameras: 1, settings: 'node: town-hall\nresidents: 740000\nmask: {enabled: no}\n' });
const browser = await launch();
const tap = new Tap();

/** A visitor: what it loaded, from where, and what went wrong. */
async function visitor(options) {
  const context = await browser.newContext({ locale: 'en-GB', ...options });
  const page = await context.newPage();
  const seen = { bytes: 0, elsewhere: [], errors: [] };
  const cdp = await context.newCDPSession(page);
  await cdp.send('Network.enable');
  cdp.on('Network.loadingFinished', (e) => (seen.bytes += e.encodedDataLength));
  page.on('request', (r) => r.url().startsWith(node.url) || r.url().startsWith('data:') || seen.elsewhere.push(r.url()));
  page.on('pageerror', (e) => seen.errors.push(String(e)));
  page.on('console', (m) => m.type() === 'error' && seen.errors.push(m.text()));
  return { context, page, seen };
}

try {
  const rows = Array.from({ length: CAMERAS }, (_, i) => `gate-${i},${node.rtsp}/cam0/main,"Gate ${i}",counting traffic,"City of X, roads",roads@x.example,"Bridge Street ${i}",${(52.5 + i * 0.0007).toFixed(4)},${(13.3 + (i % 7) * 0.001).toFixed(4)},62.5,both pavements,${i % 5 ? '2099' : '2020'}-05-01`);
  const csv = join(node.folder, 'cameras.csv');
  await writeFile(csv, ['id,main,name,purpose,owner,contact,place,lat,lon,px_per_m,sees,review', ...rows].join('\n') + '\n');
  await node.command('camera', 'import', csv, '--data', node.data);
  await until('the log tells of all cameras', async () => (await (await fetch(`${node.url}numbers.json`)).json()).kinds.camera === CAMERAS);

  for (const [name, path] of Object.entries(pages)) {
    await tap.test(`/${path}: loads little, from here only, and says nothing wrong`, async () => {
      const { context, page, seen } = await visitor({ viewport: { width: 1440, height: 900 } });
      await page.goto(node.url + path, { waitUntil: 'networkidle' });
      expect(seen.bytes > 500 && seen.bytes < FIRST_LOAD, `${seen.bytes} bytes`);
      expect(!seen.elsewhere.length, `asked elsewhere: ${seen.elsewhere}`);
      expect(!seen.errors.length, seen.errors.join(' | '));
      console.log(`# /${path}: ${(seen.bytes / 1024).toFixed(1)} KiB`);
      await context.close();
    });
    for (const [width, colorScheme] of [[1440, 'light'], [390, 'dark']])
      await tap.test(`/${path}: axe finds nothing at ${width} px, ${colorScheme}, and nothing sticks out`, async () => {
        const { context, page } = await visitor({ viewport: { width, height: 844 }, colorScheme });
        await page.goto(node.url + path, { waitUntil: 'networkidle' });
        const found = await axe(page);
        expect(!found.length, found.join('\n'));
        const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        expect(over <= 0, `${over} px wider than the window`);
        if (shots) await page.screenshot({ path: join(shots, `public-${name}-${width}-${colorScheme}.png`) });
        await context.close();
      });
  }

  const plain = await visitor({ javaScriptEnabled: false, viewport: { width: 390, height: 844 } });
  const read = async (path, ...words) => {
    await plain.page.goto(node.url + path);
    const text = await plain.page.locator('main').innerText();
    for (const word of words) expect(text.includes(word), `/${path} does not say '${word}': ${text.slice(0, 300)}`);
  };
  await tap.test('without a script: the register with map, list and what is overdue for review', async () => {
    await read('register', 'Gate 3', 'counting traffic');
    expect((await plain.page.locator('.map circle').count()) >= CAMERAS / 2, 'the map has no dots');
    await read('register/gate-0', 'City of X, roads', '2020-05-01');
    expect((await plain.page.locator('.due').count()) > 0, 'a review that is overdue is not marked');
  });
  await tap.test('without a script: numbers, per 1,000 residents too', async () => read('numbers', '0.05', 'London'));
  await tap.test('without a script: the log in words, and one entry with its proof', async () => {
    await read('log', 'gate-');
    await read('log/entries/2', 'c2sp.org/tlog-proof@v1');
  });
  await tap.test('without a script: the yearly report', async () => {
    await read('report', String(new Date().getUTCFullYear()));
    await plain.page.locator('main a').first().click();
    const text = await plain.page.locator('main').innerText();
    expect(text.includes('Orders to open original pictures') && text.includes('as logged') && !text.includes('NOT as logged'), text.slice(0, 600));
  });
  await tap.test('in Traditional Chinese when the browser asks for it', async () => {
    const { context, page } = await visitor({ locale: 'zh-HK' });
    for (const [path, word] of [['register', '攝影機'], ['numbers', '數字'], ['log', '日誌'], ['report', '年度報告']]) {
      await page.goto(node.url + path);
      expect((await page.locator('h1').innerText()).includes(word), `/${path}: ${await page.locator('h1').innerText()}`);
    }
    await context.close();
  });

  const proof = await visitor({});
  await tap.test('a proof is checked in the browser', async () => {
    await proof.page.goto(`${node.url}log/entries/2`);
    await proof.page.locator('#verdict.yes').waitFor();
  });
  await tap.test('and one that does not hold is called that', async () => {
    await proof.page.route('**/log/entries/2', async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, body: (await response.text()).replace('practice yes', 'practice no') });
    });
    await proof.page.goto(`${node.url}log/entries/2`);
    const changed = (await proof.page.locator('#entry').innerText()).includes('practice no');
    expect(changed, 'the entry was not changed: choose another');
    await proof.page.locator('#verdict.no').waitFor();
  });
  await tap.test('on paper: dark on light, no navigation', async () => {
    const { context, page } = await visitor({ colorScheme: 'dark' });
    await page.goto(`${node.url}register/gate-3`);
    await page.emulateMedia({ media: 'print' });
    const seen = await page.evaluate(() => ({ nav: getComputedStyle(document.querySelector('nav')).display, ink: getComputedStyle(document.body).color, ground: getComputedStyle(document.body).backgroundColor }));
    expect(seen.nav === 'none', JSON.stringify(seen));
    expect(/^rgb\((\d|[1-7]\d), /.test(seen.ink), `ink is ${seen.ink}`);
    if (shots) await page.pdf({ path: join(shots, 'public-camera.pdf') });
    await context.close();
  });
} finally {
  await browser.close();
  await node.stop();
}
process.exit(tap.end());
