// SPDX-License-Identifier: AGPL-3.0-or-later
// Many cameras on one page, and what can be counted of them: connections, pictures in flight, processor time, memory.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Node, PATIENCE, launch, until } from './harness.mjs';
import { api } from './pictures.mjs';

const password = 'a long sentence for a wall';

/** Runs in the page before anything of it: counts what each decoder holds, and can stop the screen or the decoders. */
function instrument() {
  const seats = (globalThis.lethe_decoders = []); // one for each decoder that was made
  const owner = new WeakMap();
  const Real = globalThis.VideoDecoder;
  globalThis.VideoDecoder = class extends Real {
    constructor({ output, error }) {
      const seat = { given: 0, out: 0, held: 0, most: 0, queued: 0 };
      super({
        error,
        output(frame) {
          seat.out++;
          seat.most = Math.max(seat.most, ++seat.held);
          owner.set(frame, seat);
          output(frame);
        },
      });
      this.seat = seat;
      seats.push(seat);
    }
    decode(chunk) {
      this.seat.given++;
      super.decode(chunk);
      this.seat.queued = Math.max(this.seat.queued, super.decodeQueueSize);
    }
    get decodeQueueSize() {
      return globalThis.lethe_slow_decoders ? 1000 : super.decodeQueueSize;
    }
  };
  const close = VideoFrame.prototype.close;
  VideoFrame.prototype.close = function () {
    const seat = owner.get(this);
    owner.delete(this);
    if (seat) seat.held--;
    close.call(this);
  };
  const real = globalThis.requestAnimationFrame.bind(globalThis);
  const waiting = [];
  globalThis.requestAnimationFrame = (work) => (globalThis.lethe_still ? waiting.push(work) : real(work));
  globalThis.lethe_go_on = () => {
    globalThis.lethe_still = false;
    for (const work of waiting.splice(0)) real(work);
  };
}

/** A node with @tiles cameras, declared empty, and a page that shows them all. */
export async function startWall({ tiles, settings, sim }) {
  const wall = { tiles, node: await Node.start({ cameras: tiles, settings, sim }), live: [] };
  try {
    const { node } = wall;
    await writeFile(join(node.folder, 'password'), password, { mode: 0o600 });
    await node.command('user', 'add', 'wanda', '--role', 'administrator', '--data', node.data, '--password-file', join(node.folder, 'password'));
    const rows = Array.from({ length: tiles }, (_, i) => `cam-${String(i).padStart(2, '0')},${node.rtsp}/cam${i}/main,${node.rtsp}/cam${i}/sub`);
    await writeFile(join(node.folder, 'cameras.csv'), ['id,main,sub', ...rows, ''].join('\n'));
    await node.command('camera', 'import', join(node.folder, 'cameras.csv'), '--data', node.data);
    wall.browser = await launch();
    const context = await wall.browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-GB', timezoneId: 'UTC' });
    context.setDefaultTimeout(PATIENCE);
    const page = (wall.page = await context.newPage());
    await page.addInitScript(instrument);
    wall.cdp = await context.newCDPSession(page);
    await wall.cdp.send('Performance.enable');
    await countLive(wall);
    await page.goto(node.url);
    await page.fill('input[name=username]', 'wanda');
    await page.fill('input[name=password]', password);
    await page.keyboard.press('Enter');
    await page.waitForSelector('.page-head h1');
    for (const row of rows) {
      const id = row.slice(0, row.indexOf(','));
      await until(`${id} is declared empty`, async () => (await api(page, 'POST', `cameras/${id}/declare-empty`, { empty: true })).status === 204);
    }
    await page.goto(`${node.url}#/wall`);
    wall.live.length = 0; // the protocol does not tell the end of what the page before had open
    await page.reload();
    return wall;
  } catch (error) {
    await stopWall(wall);
    throw error;
  }
}

export async function stopWall({ browser, node }) {
  await browser?.close();
  await node.stop();
}

/** Follows every request for the live stream: when it ended, how much it brought. An HTTP/1.1 response has its connection alone. */
async function countLive({ cdp, live }) {
  const by = new Map();
  cdp.on('Network.requestWillBeSent', ({ requestId, request }) => {
    if (!new URL(request.url).pathname.endsWith('/api/v1/live')) return;
    const entry = { cameras: new URL(request.url).searchParams.get('cameras')?.split(',').length ?? 0, connection: 0, bytes: 0, ended: false };
    by.set(requestId, entry);
    live.push(entry);
  });
  cdp.on('Network.responseReceived', ({ requestId, response }) => by.has(requestId) && (by.get(requestId).connection = response.connectionId));
  cdp.on('Network.dataReceived', ({ requestId, dataLength }) => by.has(requestId) && (by.get(requestId).bytes += dataLength));
  for (const event of ['Network.loadingFinished', 'Network.loadingFailed']) cdp.on(event, ({ requestId }) => by.has(requestId) && (by.get(requestId).ended = true));
  await cdp.send('Network.enable', { maxTotalBufferSize: 0, maxResourceBufferSize: 0 });
}

export const openStreams = ({ live }) => live.filter((entry) => !entry.ended);

/** Pictures that each tile has shown, by camera. */
export const framesShown = ({ page }) =>
  page.evaluate(() => Object.fromEntries([...document.querySelectorAll('.tile[data-camera]')].map((tile) => [tile.dataset.camera, Number(tile.dataset.frames ?? 0)])));

export const decoders = ({ page }) => page.evaluate(() => globalThis.lethe_decoders.map((seat) => ({ ...seat })));

/** Connections to the web server that are established, seen from its side. */
export async function established({ node }) {
  const port = Number(new URL(node.url).port).toString(16).toUpperCase().padStart(4, '0');
  const lines = (await readFile('/proc/net/tcp', 'utf8')).split('\n').slice(1).map((line) => line.trim().split(/\s+/));
  return lines.filter(([, local, , state]) => local?.endsWith(`:${port}`) && state === '01').length;
}

/** Processes of the node: [{ name, pid }]. The name is that of the command. */
export async function processes({ node }) {
  const serve = node.children.find((child) => child.spawnargs[1] === 'serve').pid;
  const found = [{ name: 'sim', pid: node.children[0].pid }, { name: 'serve', pid: serve }];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    if (Number(stat.slice(stat.lastIndexOf(')') + 4).split(' ')[0]) !== serve) continue;
    const argv = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
    found.push({ name: argv[1], pid: Number(pid) });
  }
  return found;
}

const TICKS = 100; // of a second: sysconf(_SC_CLK_TCK) wherever Linux runs

/** CPU seconds and resident MiB of a process. */
export async function usage(pid) {
  const stat = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ').pop().split(' ');
  const rss = /VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'));
  return { cpu: (Number(stat[11]) + Number(stat[12])) / TICKS, mib: Number(rss?.[1] ?? 0) / 1024 };
}

/** What the page holds after its garbage is gone. */
export async function pageMemory({ cdp }) {
  await cdp.send('HeapProfiler.collectGarbage');
  const { metrics } = await cdp.send('Performance.getMetrics');
  const value = (name) => metrics.find((m) => m.name === name).value;
  return { heap: value('JSHeapUsedSize') / 1048576, nodes: value('Nodes'), listeners: value('JSEventListeners') };
}
