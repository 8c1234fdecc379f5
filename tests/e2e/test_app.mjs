#!/usr/bin/env node
// SPDX-License-Identifier: AGPL-3.0-or-later
// The application in Chromium against a real node with simulated cameras. TAP.
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Node, PATIENCE, Tap, axe, expect, launch, sleep, until } from './harness.mjs';
import { api, canvasHash, difference, pictureAt } from './pictures.mjs';

const CAMERAS = 3;
const password = 'a long sentence for a test';
const node = await Node.start({ cameras: CAMERAS });
const browser = await launch();
const context = async (options = {}) => {
  const made = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-GB', timezoneId: 'UTC', ...options });
  made.setDefaultTimeout(PATIENCE);
  return made;
};
let page;
const problems = []; // what the page itself complained about
const watch = (p) => {
  p.on('pageerror', (error) => problems.push(`error: ${error.message}`));
  p.on('console', (m) => m.type() === 'error' && !/status of (401|403|404|409|429|503)/.test(m.text()) && problems.push(m.text()));
  return p;
};
const tap = new Tap(() => page);
const visit = async (hash) => {
  await page.goto(`${node.url}${hash}`);
  await page.waitForSelector('.page-head h1');
};
const signIn = async (p, user, secret) => {
  await p.goto(node.url);
  await p.fill('input[name=username]', user);
  await p.fill('input[name=password]', secret);
  await p.keyboard.press('Enter');
};
const tile = (id) => `.tile[data-camera="${id}"]`;

try {
  page = watch(await (await context()).newPage());

  await tap.test('the one-time link makes the first administrator, with mistakes told', async () => {
    await page.goto(node.link);
    await page.getByRole('heading', { name: 'First administrator' }).waitFor();
    await page.fill('input[name=username]', 'Ada Lovelace');
    await page.fill('input[name=new-password]', 'short');
    await page.fill('input[name=again]', 'other');
    await page.getByRole('button', { name: 'Create the account' }).click();
    expect((await page.locator('.field .error').count()) === 3, 'three fields are wrong and say so');
    await page.fill('input[name=username]', 'ada');
    await page.fill('input[name=new-password]', password);
    await page.fill('input[name=again]', password);
    await page.getByRole('button', { name: 'Create the account' }).click();
    await page.getByRole('heading', { name: 'Cameras', exact: true }).waitFor();
  });

  await tap.test('a used link says so and offers to sign in', async () => {
    const other = watch(await (await context()).newPage());
    await other.goto(node.link);
    await other.getByText('the one-time link is worth nothing any more').waitFor();
    await other.context().close();
  });

  await tap.test('every page says that custodians are only practising', async () => {
    for (const hash of ['#/wall', '#/timeline', '#/cameras', '#/health', '#/users']) {
      await visit(hash);
      await page.getByRole('region', { name: 'Practice custodians' }).waitFor();
    }
  });

  await tap.test('a camera is tried and added', async () => {
    await visit('#/cameras/add');
    await page.getByLabel('Address of the main stream').fill('rtsp://127.0.0.1:9/none');
    await page.getByRole('button', { name: 'Try the address' }).click();
    await page.locator('.probe .notice.bad').waitFor();
    await page.getByLabel('Address of the main stream').fill(`${node.rtsp}/cam0/main`);
    await page.getByLabel('Address of the smaller stream').fill(`${node.rtsp}/cam0/sub`);
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('The camera answers.').waitFor();
    expect(/H\.?264/.test(await page.locator('.probe-tracks').innerText()), 'the probe names the codec');
    await page.getByLabel('Name', { exact: true }).fill('North gate');
    await page.getByLabel('Id', { exact: true }).fill('gate-0');
    await page.locator('form').getByRole('button', { name: 'Add camera' }).click();
    await page.getByRole('heading', { name: 'North gate' }).waitFor();
  });

  await tap.test('many are imported, all or none, with the mistake on its line', async () => {
    await visit('#/cameras/import');
    const rows = [1, 2].map((i) => `gate-${i},"Gate, number ${i}",${node.rtsp}/cam${i}/main,${node.rtsp}/cam${i}/sub`);
    await page.getByLabel('Cameras as CSV').fill(['id,name,main,sub', rows[0], 'gate-2,x,http://no,'].join('\n'));
    await page.getByRole('button', { name: 'Look for mistakes' }).click();
    await page.getByText('1 line is wrong; nothing was changed.').waitFor();
    expect((await page.locator('tr.wrong').first().innerText()).startsWith('3'), 'the mistake stands on line 3');
    await page.getByLabel('Cameras as CSV').fill(['id,name,main,sub', ...rows].join('\n'));
    await page.getByRole('button', { name: 'Look for mistakes' }).click();
    await page.getByText('2 cameras, no mistake found.').waitFor();
    await page.getByRole('button', { name: 'Import 2 cameras' }).click();
    await page.getByRole('link', { name: 'Gate, number 2' }).waitFor();
  });

  await tap.test('a place is declared empty, after a question', async () => {
    await visit('#/cameras/c/gate-0');
    await page.getByRole('button', { name: 'The place is empty now' }).click();
    const dialog = page.getByRole('dialog');
    expect(await dialog.getByRole('button', { name: 'The place is empty now' }).isDisabled(), 'nothing without saying that it is seen');
    await dialog.getByRole('checkbox').check();
    await dialog.getByRole('button', { name: 'The place is empty now' }).click();
    await page.getByText('Declared empty, and logged.').waitFor();
    for (const id of ['gate-1', 'gate-2']) expect((await api(page, 'POST', `cameras/${id}/declare-empty`, { empty: true })).status === 204, id);
  });

  await tap.test('the wall shows every camera, and the picture moves', async () => {
    await visit('#/wall');
    for (let i = 0; i < CAMERAS; i++) {
      const where = tile(`gate-${i}`);
      await until(`a picture of gate-${i}`, () => page.evaluate((s) => Number(document.querySelector(s)?.dataset.frames ?? 0) > 5, where));
      const before = await canvasHash(page, where);
      await until(`the picture of gate-${i} changes`, async () => (await canvasHash(page, where)) !== before);
    }
    await page.locator('.badge', { hasText: 'Live' }).first().waitFor();
  });

  await tap.test('each tile shows its own camera', async () => {
    for (let i = 0; i < CAMERAS; i++) {
      // The key frame that was recorded of each camera, compared with what the tile shows: the own one is nearest. While
      // a place is still covered all look the same, so it waits until they do not.
      let last = '';
      await until(`the tile of gate-${i} is nearest to its own recording`, async () => {
        const at = await page.evaluate((s) => Number(document.querySelector(s).dataset.utc), tile(`gate-${i}`));
        const distances = [];
        for (let k = 0; k < CAMERAS; k++) {
          // People walk on between two key frames: the nearest in time counts, and the newest may not be recorded yet.
          const near = [];
          for (const back of [1500, 3000, 5000]) {
            const picture = await pictureAt(page, `gate-${k}`, at - back);
            if (picture) near.push(await difference(page, tile(`gate-${i}`), picture));
          }
          if (!near.length) return false;
          distances.push(Math.min(...near));
        }
        last = distances.map((d) => d.toFixed(1)).join();
        const others = distances.filter((_, k) => k !== i);
        return distances[i] < 0.7 * Math.min(...others);
      }).catch((error) => {
        throw new Error(`${error.message}; distances ${last}`);
      });
    }
  });

  await tap.test('one connection carries the wall, and none while the page is hidden', async () => {
    const seen = [];
    page.on('request', (r) => r.url().includes('/api/v1/live') && seen.push(r.url()));
    await page.reload();
    await until('tiles play again', () => page.evaluate(() => [...document.querySelectorAll('.tile')].filter((t) => Number(t.dataset.frames) > 2).length === 3));
    expect(seen.length === 1, `${seen.length} connections: ${seen}`);
  });

  await tap.test('tiles are arranged with keys, saved, and there after a reload', async () => {
    await page.locator(tile('gate-0')).focus();
    await page.keyboard.press('Shift+ArrowRight');
    const order = () => page.evaluate(() => [...document.querySelectorAll('.tile[data-camera]')].map((t) => t.dataset.camera).join());
    await until('the tile has moved', async () => (await order()) === 'gate-1,gate-0,gate-2');
    await page.getByRole('button', { name: /All cameras/ }).click();
    await page.getByRole('menuitem', { name: 'Save as …' }).click();
    await page.getByLabel('Name').fill('night');
    await page.keyboard.press('Enter');
    await page.getByText('“night” is saved.').waitFor();
    await page.reload();
    await until('the arrangement is back', async () => (await order()) === 'gate-1,gate-0,gate-2');
  });

  await tap.test('tiles are arranged by dragging', async () => {
    const from = await page.locator(tile('gate-1')).boundingBox();
    const to = await page.locator(tile('gate-2')).boundingBox();
    await page.mouse.move(from.x + from.width / 2, from.y + from.height / 2);
    await page.mouse.down();
    await page.mouse.move(to.x + to.width / 2, to.y + to.height / 2, { steps: 8 });
    await sleep(2500); // nobody has to hurry: the page draws itself anew meanwhile
    await page.mouse.up();
    await until('the tile lies behind the others', () => page.evaluate(() => [...document.querySelectorAll('.tile[data-camera]')].map((t) => t.dataset.camera).join() === 'gate-0,gate-2,gate-1'));
  });

  await tap.test('one camera alone, and back', async () => {
    await page.locator(tile('gate-2')).focus();
    await page.keyboard.press('Enter');
    await until('one tile', async () => (await page.locator('.tile[data-camera]').count()) === 1);
    await page.keyboard.press('Escape');
    await until('all tiles', async () => (await page.locator('.tile[data-camera]').count()) === 3);
  });

  await tap.test('the state of the mask is told and explained', async () => {
    const badge = page.locator(`${tile('gate-0')} .mask-badge button`);
    await badge.click();
    await page.locator(`${tile('gate-0')} .explain`).waitFor();
    await page.keyboard.press('Escape');
  });

  await tap.test('privacy zones are drawn, moved by keys, undone, saved', async () => {
    await visit('#/cameras/c/gate-1');
    await page.locator('.live-picture canvas').waitFor();
    await page.getByRole('button', { name: 'Draw' }).click();
    const box = await page.locator('.board').boundingBox();
    for (const [x, y] of [[0.1, 0.1], [0.3, 0.1], [0.3, 0.4]]) await page.mouse.click(box.x + box.width * x, box.y + box.height * y);
    await page.keyboard.press('Enter');
    expect((await page.locator('.board button.corner').count()) === 3, 'three corners');
    const corner = page.locator('[data-corner="0-0"]');
    await corner.focus();
    const before = await corner.getAttribute('aria-label');
    await page.keyboard.press('Shift+ArrowRight');
    await until('the corner has moved', async () => (await corner.getAttribute('aria-label')) !== before);
    await page.keyboard.press('+');
    await until('a corner more', async () => (await page.locator('.board button.corner').count()) === 4);
    await page.keyboard.press('Control+z');
    await until('it is undone', async () => (await page.locator('.board button.corner').count()) === 3);
    await page.getByRole('button', { name: 'Save zones' }).click();
    await page.getByText('1 zone is in force from the next picture on.').waitFor();
    const stored = (await api(page, 'GET', 'cameras/gate-1')).json.mask.zones;
    expect(stored.length === 1 && stored[0].length === 3 && Math.abs(stored[0][0][0] - 0.15) < 0.02, JSON.stringify(stored));
  });

  await tap.test('the timeline plays what was recorded, in step, and steps by pictures', async () => {
    await visit('#/timeline?cameras=gate-0,gate-2');
    await until('half a minute is recorded', async () => {
      const now = Date.now();
      const { json } = await api(page, 'GET', `timeline?cameras=gate-0,gate-2&from=${(now - 60000) * 1000}&to=${now * 1000}&buckets=60`);
      return json.cameras?.every((c) => c.masked.replaceAll('0', '').length > 20);
    });
    const at = Date.now() - 20000;
    await visit(`#/timeline?cameras=gate-0,gate-2&at=${new Date(at).toISOString()}`);
    await page.reload();
    const ready = () => page.evaluate(() => [...document.querySelectorAll('.playback .tile')].filter((t) => t.dataset.standing === 'ready' && t.querySelector('canvas')).length === 2);
    await until('both have a picture', ready);
    const text = () => page.locator('.transport .time b').innerText();
    const start = await text();
    const before = await canvasHash(page, tile('gate-0'));
    await page.keyboard.press('.');
    await until('one picture on', async () => (await text()) !== start);
    await page.keyboard.press('Space');
    await until('the picture changes while it plays', async () => (await canvasHash(page, tile('gate-0'))) !== before);
    await page.keyboard.press('k');
    await until('it stands', async () => { const a = await text(); await sleep(400); return a === (await text()); });
  });

  await tap.test('scrubbing shows thumbnails', async () => {
    const ruler = await page.locator('.ruler canvas').boundingBox();
    const asked = [];
    page.on('request', (r) => r.url().includes('keyframe.mp4') && asked.push(r.url()));
    for (let i = 0; i < 6; i++) await page.keyboard.press('+');
    await page.mouse.move(ruler.x + ruler.width * 0.5, ruler.y + 20);
    await page.mouse.down();
    for (let i = 0; i < 12; i++) {
      await page.mouse.move(ruler.x + ruler.width * (0.5 - i * 0.03), ruler.y + 20);
      await sleep(40);
    }
    await until('thumbnails were asked for and shown', () => asked.length > 0 && page.evaluate(() => document.querySelector('.playback .tile').dataset.standing !== 'waiting'));
    await page.mouse.up();
  });

  await tap.test('users with roles are made in the page', async () => {
    await visit('#/users');
    for (const [name, role] of [['vera', 'viewer'], ['ivan', 'investigator'], ['otto', 'administrator']]) {
      await page.getByRole('button', { name: 'Add user' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel('User name').fill(name);
      await dialog.getByLabel('New password').fill(password);
      await dialog.getByLabel('Role').selectOption(role);
      await dialog.getByRole('button', { name: 'Save' }).click();
      await page.getByText(`${name} is added.`).waitFor();
    }
  });

  await tap.test('a viewer sees the wall and nothing else, by direct address neither', async () => {
    const viewer = watch(await (await context()).newPage());
    await signIn(viewer, 'vera', password);
    await until('the wall plays for a viewer', () => viewer.evaluate(() => [...document.querySelectorAll('.tile')].some((t) => Number(t.dataset.frames) > 2)));
    const links = await viewer.locator('.rail nav a').allInnerTexts();
    expect(!links.some((l) => /Timeline|Users/.test(l)), links.join());
    await viewer.goto(`${node.url}#/timeline`);
    await viewer.getByRole('heading', { name: 'Live' }).waitFor();
    const now = Date.now() * 1000;
    const span = `from=${now - 20e6}&to=${now}`;
    for (const [method, path, body] of [
      ['GET', `timeline?cameras=gate-0&${span}`], ['GET', `cameras/gate-0/playback.m3u8?${span}`], ['GET', `cameras/gate-0/keyframe.mp4?at=${now - 10e6}`],
      ['GET', `cameras/gate-0/masked.mp4?${span}`], ['GET', `cameras/gate-0/export?${span}`], ['GET', 'users'], ['GET', 'tokens'],
      ['POST', 'users', { name: 'eve', password, grants: [] }], ['POST', 'cameras', { id: 'x', main: 'rtsp://h/1' }], ['DELETE', 'cameras/gate-0'],
      ['PUT', 'cameras/gate-0/zones', { zones: [] }], ['POST', 'cameras/gate-0/declare-empty', { empty: true }], ['POST', 'probe', { url: 'rtsp://h/1' }],
    ]) {
      const { status } = await api(viewer, method, path, body);
      expect(status === 403, `${method} ${path}: ${status}`);
    }
    await viewer.context().close();
  });

  await tap.test('an administrator looks after things and does not export', async () => {
    const admin = watch(await (await context()).newPage());
    await signIn(admin, 'otto', password);
    await admin.waitForSelector('.page-head h1');
    await admin.goto(`${node.url}#/timeline`);
    await admin.locator('.transport').waitFor();
    expect((await admin.getByRole('button', { name: 'Export' }).count()) === 0, 'there is no button');
    expect((await api(admin, 'GET', `cameras/gate-0/masked.mp4?from=${Date.now() * 1000 - 20e6}&to=${Date.now() * 1000}`)).status === 403, 'and the route is closed');
    expect((await api(admin, 'GET', 'users')).status === 200, 'users are the administrator\'s');
    await admin.context().close();
  });

  await tap.test('an investigator exports a span, which ffprobe reads', async () => {
    const investigator = watch(await (await context({ acceptDownloads: true })).newPage());
    await signIn(investigator, 'ivan', password);
    await investigator.waitForSelector('.page-head h1');
    await investigator.goto(`${node.url}#/timeline?cameras=gate-0&at=${new Date(Date.now() - 20000).toISOString()}`);
    await until('a picture', () => investigator.evaluate(() => document.querySelector('.playback .tile')?.dataset.standing === 'ready'));
    await investigator.keyboard.press('i');
    await investigator.getByRole('button', { name: 'Export' }).click();
    const dialog = investigator.getByRole('dialog');
    const end = Date.now() - 8000;
    const input = (ms) => new Date(ms).toISOString().slice(0, 19);
    await dialog.getByLabel('From (UTC)').fill(input(end - 12000));
    await dialog.getByLabel('To (UTC)').fill(input(end));
    const saved = investigator.waitForEvent('download');
    await dialog.getByRole('button', { name: 'Download' }).click();
    const file = join(node.folder, 'export.mp4');
    await (await saved).saveAs(file);
    await investigator.locator('.job[data-state=done]').waitFor();
    const probe = JSON.parse(execFileSync('ffprobe', ['-v', 'error', '-count_frames', '-show_streams', '-show_format', '-of', 'json', file]));
    const [video] = probe.streams;
    expect(video.codec_name === 'h264' && Number(video.nb_read_frames) > 60, `${video.codec_name}, ${video.nb_read_frames} pictures`);
    expect(Math.abs(Number(probe.format.duration) - 12) < 2, `${probe.format.duration} s`);
    await investigator.context().close();
  });

  await tap.test('health is told in words', async () => {
    await visit('#/health');
    await page.locator('.verdict').waitFor();
    await page.getByText('Cameras recording').waitFor();
    expect(/3\s*of 3/.test(await page.locator('.figure').first().innerText()), await page.locator('.figure').first().innerText());
  });

  await tap.test('the keyboard alone goes from signing in to a full tile', async () => {
    const keys = watch(await (await context()).newPage());
    await keys.goto(node.url);
    await keys.waitForSelector('input[name=username]:focus');
    await keys.keyboard.type('vera');
    await keys.keyboard.press('Tab');
    await keys.keyboard.type(password);
    await keys.keyboard.press('Enter');
    await keys.waitForSelector('.page-head h1');
    await keys.keyboard.press('Tab');
    expect(await keys.evaluate(() => document.activeElement.classList.contains('skip')), 'first comes the way past the navigation');
    await keys.keyboard.press('Enter');
    let steps = 0;
    while (!(await keys.evaluate(() => document.activeElement.matches('.tile'))) && steps++ < 20) await keys.keyboard.press('Tab');
    expect(steps < 20, 'a tile is reached by Tab');
    await keys.keyboard.press('ArrowRight');
    await keys.keyboard.press('Enter');
    await until('one tile', async () => (await keys.locator('.tile[data-camera]').count()) === 1);
    await keys.keyboard.press('?');
    await keys.getByRole('dialog', { name: 'Keyboard' }).waitFor();
    await keys.keyboard.press('Escape');
    await keys.keyboard.press('g');
    await keys.keyboard.press('c');
    await keys.getByRole('heading', { name: 'Cameras', exact: true }).waitFor();
    await keys.context().close();
  });

  await tap.test('Traditional Chinese has no English left in it', async () => {
    const chinese = watch(await (await context({ locale: 'zh-HK' })).newPage());
    await signIn(chinese, 'ada', password);
    for (const [hash, title] of [['#/wall', '實時畫面'], ['#/timeline', '時間軸'], ['#/cameras', '鏡頭'], ['#/health', '系統狀況'], ['#/users', '用戶']]) {
      await chinese.waitForSelector('.page-head h1');
      await chinese.goto(`${node.url}${hash}`);
      await chinese.getByRole('heading', { name: title, exact: true }).waitFor();
      const words = await chinese.evaluate(() => [...document.querySelectorAll('button, h1, h2, h3, th, label')].filter((e) => !e.closest('[lang=en], .tile, .names, .menu') && /^[a-z ]{4,}$/i.test(e.textContent.trim())).map((e) => e.textContent.trim()));
      expect(words.filter((w) => !/^(English|Lethe|ada|vera|ivan|otto|night)$/.test(w)).length === 0, words.join(', '));
    }
    await chinese.context().close();
  });

  for (const [width, height] of [[1440, 900], [390, 844]]) {
    for (const colorScheme of ['light', 'dark']) {
      await tap.test(`axe finds nothing at ${width} px, ${colorScheme}`, async () => {
        const phone = width < 500;
        const p = watch(await (await context({ viewport: { width, height }, colorScheme, hasTouch: phone, isMobile: phone })).newPage());
        await p.goto(node.url);
        await p.waitForSelector('input[name=username]');
        const found = (await axe(p)).map((v) => `sign-in: ${v}`);
        await signIn(p, 'ada', password);
        for (const hash of ['#/wall', '#/timeline', '#/cases', '#/cameras', '#/cameras/add', '#/cameras/import', '#/cameras/c/gate-1', '#/health', '#/users']) {
          await p.waitForSelector('.page-head h1');
          await p.goto(`${node.url}${hash}`);
          await sleep(1500);
          found.push(...(await axe(p)).map((v) => `${hash}: ${v}`));
          const wide = await p.evaluate(() => document.documentElement.scrollWidth - innerWidth);
          if (wide > 0) found.push(`${hash}: ${wide} px wider than the window`);
        }
        expect(found.length === 0, found.join('\n'));
        await p.context().close();
      });
    }
  }

  await tap.test('wrong passwords are refused, then held back for a while', async () => {
    const thief = watch(await (await context()).newPage());
    await thief.goto(node.url);
    let held = false;
    for (let i = 0; i < 40 && !held; i++) {
      await thief.fill('input[name=username]', 'vera');
      await thief.fill('input[name=password]', `guess number ${i}`);
      await thief.locator('button[type=submit]').click();
      await thief.locator('.notice[role=alert]').waitFor();
      const text = await thief.locator('.notice[role=alert]').last().innerText();
      held = /Too many attempts/.test(text);
      expect(held || /wrong/.test(text), text);
    }
    expect(held, 'at last it says to wait');
    expect(await thief.locator('button[type=submit]').isDisabled(), 'and does not let one go on');
    await thief.context().close();
  });

  await tap.test('signing out ends it', async () => {
    await visit('#/wall');
    await page.getByRole('button', { name: 'Account of ada' }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect((await api(page, 'GET', 'cameras')).status === 401, 'the cookie is worth nothing');
  });

  await tap.test('the page had nothing to complain about', async () => expect(problems.length === 0, problems.slice(0, 10).join('\n')));
} finally {
  if (process.env.LETHE_SHOTS) await writeFile(join(process.env.LETHE_SHOTS, 'serve.log'), node.logs.serve ?? '');
  await browser.close();
  await node.stop();
}
process.exit(tap.end());
