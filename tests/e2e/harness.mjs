// SPDX-License-Identifier: AGPL-3.0-or-later
// A node of its own for a test in the browser: simulated cameras, `lethe serve`, Chromium; and TAP.
//   LETHE_BIN       the program, with the built application beside it
//   LETHE_CHROMIUM  another browser than /usr/bin/chromium
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { chromium } from 'playwright-core';

export const PATIENCE = Number(process.env.LETHE_PATIENCE ?? 120) * 1000; // everything that waits waits that long: machines are slow, tests are not clocks
const bin = resolve(process.env.LETHE_BIN ?? 'build/lethe');

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Waits until @look gives something true, and returns it. */
export async function until(what, look, patience = PATIENCE) {
  const end = Date.now() + patience;
  for (let last; ; ) {
    try {
      const seen = await look();
      if (seen) return seen;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) throw new Error(`${what}: not within ${patience / 1000} s${last ? ` (${last.message})` : ''}`);
    await sleep(150);
  }
}

export const freePort = () =>
  new Promise((done) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });

const running = new Set(); // whatever ends this program ends these
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'])
  process.on(signal, () => {
    for (const child of running) child.kill('SIGTERM');
    setTimeout(() => process.exit(1), 3000);
  });

export class Node {
  children = [];
  logs = {};

  /** @sim: what the simulated cameras send, options of `lethe sim`; else @cameras different scenes. */
  static async start({ cameras = 3, settings = '', sim = ['--scenes', String(cameras), '--scene', 'empty-first', '--scene-seconds', '45', '--size', '640x360', '--fps', '10', '--bitrate', '400k'] } = {}) {
    const node = new Node();
    node.folder = await mkdtemp(join(process.env.TMPDIR ?? tmpdir(), 'lethe-e2e-'));
    node.data = join(node.folder, 'data');
    try {
      const rtsp = await freePort();
      node.run('sim', ['sim', '--port', String(rtsp), '--cameras', String(cameras), ...sim]);
      await until('the simulator listens', () => node.logs.sim.includes('ready rtsp'));
      node.rtsp = `rtsp://127.0.0.1:${rtsp}`;
      const port = await freePort();
      const config = join(node.folder, 'lethe.yaml');
      await writeFile(config, settings);
      node.run('serve', ['serve', '--data', node.data, '--listen', `127.0.0.1:${port}`, ...(settings ? ['--config', config] : [])]);
      node.url = `http://127.0.0.1:${port}/`;
      node.link = (await until('the set-up link is printed', () => /(http:\/\/\S+#\/setup\/\S+)/.exec(node.logs.serve)))[1];
      await until('the whole node is up', async () => (await (await fetch(`${node.url}api/v1/site`)).json()).practice); // the recorder has told of its custodians
      return node;
    } catch (error) {
      await node.stop();
      throw error;
    }
  }

  run(name, args) {
    const child = spawn(bin, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, LETHE_DATA: '' } });
    this.logs[name] = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (this.logs[name] = (this.logs[name] + data).slice(-200_000)));
    running.add(child);
    child.exited = new Promise((done) => child.on('exit', () => done(running.delete(child))));
    this.children.push(child);
    return child;
  }

  /** Runs a command to its end; throws with what it said when it fails. */
  async command(...args) {
    const child = spawn(bin, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (said += data));
    const code = await new Promise((done) => child.on('exit', done));
    if (code !== 0) throw new Error(`lethe ${args.join(' ')}: ${said}`);
    return said;
  }

  async stop() {
    for (const child of this.children.reverse()) {
      child.kill('SIGTERM');
      const hard = setTimeout(() => child.kill('SIGKILL'), 30_000);
      await child.exited;
      clearTimeout(hard);
    }
    if (!process.env.LETHE_KEEP) await rm(this.folder, { recursive: true, force: true });
  }
}

export const launch = () =>
  chromium.launch({ executablePath: process.env.LETHE_CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--autoplay-policy=no-user-gesture-required'] });

/** Tests one after another as TAP. One that throws is not ok; the next ones run all the same. */
export class Tap {
  count = 0;
  failed = 0;
  constructor(page) {
    this.page = page; // () => Page, for a picture of what failed
  }
  async test(name, work) {
    this.count++;
    try {
      await work();
      console.log(`ok ${this.count} - ${name}`);
    } catch (error) {
      this.failed++;
      console.log(`not ok ${this.count} - ${name}`);
      for (const line of String(error.stack ?? error).split('\n').slice(0, 14)) console.log(`  # ${line}`);
      const shots = process.env.LETHE_SHOTS;
      if (shots) await this.page?.()?.screenshot({ path: join(shots, `failed-${this.count}.png`) }).catch(() => {});
    }
  }
  end() {
    console.log(`1..${this.count}`);
    return this.failed ? 1 : 0;
  }
}

export function expect(condition, text) {
  if (!condition) throw new Error(text);
}

/** axe-core over what is on the page now. Returns its violations as text. */
export async function axe(page) {
  const source = await readFile(new URL('node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
  await page.evaluate(source); // through the protocol: the page's own policy forbids foreign scripts
  return page.evaluate(async () => {
    const result = await globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] });
    return result.violations.map((v) => `${v.id} (${v.impact}): ${v.nodes.slice(0, 4).map((n) => `${n.target.join(' ')}: ${(n.any[0] ?? n.all[0] ?? n.none[0])?.message ?? ''}`).join(' | ')}`);
  });
}
