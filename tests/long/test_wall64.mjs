#!/usr/bin/env node
// SPDX-License-Identifier: AGPL-3.0-or-later
// A wall of 64 cameras in Chromium for an hour: one stream, no tile that stops, nothing that grows. Says what every process
// costs. TAP.   WALL_SECONDS  WALL_TILES  WALL_SIZE (of the masked picture)  WALL_FPS  WALL_LOG (a line of JSON for each sample)
import { appendFile } from 'node:fs/promises';
import { Tap, expect, sleep, until } from '../e2e/harness.mjs';
import { decoders, established, framesShown, openStreams, pageMemory, processes, startWall, stopWall, usage } from '../e2e/wall.mjs';

const SECONDS = Number(process.env.WALL_SECONDS ?? 3600);
const TILES = Number(process.env.WALL_TILES ?? 64);
const SIZE = process.env.WALL_SIZE ?? '640x360';
const FPS = Number(process.env.WALL_FPS ?? 10);
const EVERY = Math.min(30, SECONDS / 20);
const SETTLE = Math.min(180, SECONDS / 5); // until pools, caches and what the compiler makes have their size

const wall = await startWall({
  tiles: TILES,
  settings: `mask:\n  learn: 20s\n  width: ${SIZE.split('x')[0]}\n  fps: ${FPS}\n  models: /nonexistent\n`,
  sim: ['--scenes', '4', '--scene', 'empty-first', '--scene-seconds', '60', '--size', '640x360', '--fps', String(FPS), '--bitrate', '200k', '--sub-size', SIZE, '--sub-fps', String(FPS), '--sub-bitrate', '200k'],
});
const tap = new Tap(() => wall.page);
const browser = await wall.browser.newBrowserCDPSession();
const samples = [];

/** CPU seconds of Chromium by kind of process. */
async function chromium() {
  const { processInfo } = await browser.send('SystemInfo.getProcessInfo');
  const cpu = {};
  let mib = 0; // of the process with the page: the largest renderer
  for (const { type, id, cpuTime } of processInfo) {
    cpu[`chromium ${type}`] = (cpu[`chromium ${type}`] ?? 0) + cpuTime;
    if (type === 'renderer') mib = Math.max(mib, (await usage(id)).mib);
  }
  return { cpu, mib };
}

async function sample(began) {
  const { cpu, mib } = await chromium();
  const memory = {};
  for (const { name, pid } of await processes(wall)) {
    const used = await usage(pid);
    cpu[name] = (cpu[name] ?? 0) + used.cpu;
    memory[name] = (memory[name] ?? 0) + used.mib;
  }
  const seats = await decoders(wall);
  const taken = {
    at: (performance.now() - began) / 1000, cpu, memory, renderer: mib, page: await pageMemory(wall), frames: await framesShown(wall),
    decoders: seats.length, held: Math.max(...seats.map((seat) => seat.held)), most: Math.max(...seats.map((seat) => seat.most)), queued: Math.max(...seats.map((seat) => seat.queued)),
    established: await established(wall), streams: wall.live.length, open: openStreams(wall).length, bytes: openStreams(wall)[0]?.bytes ?? 0,
  };
  if (process.env.WALL_LOG) await appendFile(process.env.WALL_LOG, `${JSON.stringify(taken)}\n`);
  return taken;
}

const mean = (list, of) => list.reduce((sum, s) => sum + of(s), 0) / list.length;

/** Early and late mean of a figure; it may grow by a tenth and by @slack. */
function flat(what, of, slack, unit) {
  const third = Math.max(1, Math.floor(samples.length / 3));
  const early = mean(samples.slice(0, third), of);
  const late = mean(samples.slice(-third), of);
  console.log(`# ${what}: ${early.toFixed(1)} ${unit} early, ${late.toFixed(1)} ${unit} late`);
  expect(late <= early * 1.1 + slack, `${what} grows: ${early.toFixed(1)} ${unit} early, ${late.toFixed(1)} ${unit} late`);
}

try {
  await tap.test(`all ${TILES} tiles play`, () => until('a picture in every tile', async () => {
    const frames = Object.values(await framesShown(wall));
    return frames.length === TILES && Math.min(...frames) > 5;
  }, 600_000));

  const began = performance.now();
  await tap.test(`they go on for ${SECONDS} s`, async () => {
    await sleep(SETTLE * 1000);
    for (let last = await sample(began); (performance.now() - began) / 1000 < SECONDS; ) {
      await sleep(EVERY * 1000);
      const next = await sample(began);
      samples.push(next);
      const still = Object.keys(next.frames).filter((id) => next.frames[id] === last.frames[id]);
      expect(Object.keys(next.frames).length === TILES && still.length === 0, `after ${next.at.toFixed(0)} s ${still.join(', ') || 'a tile'} stands still`);
      last = next;
    }
  });

  const [first, last] = [samples[0], samples[samples.length - 1]];
  const span = last.at - first.at;
  for (const name of Object.keys(last.cpu).sort()) console.log(`# CPU of ${name}: ${((100 * (last.cpu[name] - (first.cpu[name] ?? 0))) / span).toFixed(2)} % of a core`);
  for (const name of Object.keys(last.memory).sort()) console.log(`# memory of ${name}: ${last.memory[name].toFixed(0)} MiB`);
  const rates = Object.keys(last.frames).map((id) => (last.frames[id] - first.frames[id]) / span).sort((a, b) => a - b);
  console.log(`# pictures a second of a tile: ${rates[0].toFixed(2)} to ${rates[rates.length - 1].toFixed(2)}, median ${rates[rates.length >> 1].toFixed(2)}`);
  console.log(`# live stream: ${(((last.bytes - first.bytes) * 8) / span / 1e6).toFixed(2)} Mbit/s; established connections: ${Math.min(...samples.map((s) => s.established))} to ${Math.max(...samples.map((s) => s.established))}`);
  console.log(`# decoded pictures that a tile held: ${last.most} at most; waiting in a decoder: ${last.queued} at most`);

  await tap.test('one connection carried all of it', () => {
    expect(samples.every((s) => s.open === 1 && s.streams === 1), `${last.streams} streams were asked for, ${last.open} are open`);
    expect(last.bytes > first.bytes, 'the stream brings something');
  });
  await tap.test('no queue of a tile grew', () => expect(last.most <= 13 && last.decoders <= 2 * TILES, `${last.most} pictures, ${last.decoders} decoders`));
  await tap.test('memory of the web process is flat', () => flat('memory of web', (s) => s.memory.web, 4, 'MiB'));
  await tap.test('memory of the page is flat', () => {
    flat('JavaScript heap', (s) => s.page.heap, 3, 'MiB');
    flat('elements of the page', (s) => s.page.nodes, 50, 'nodes');
    flat('listeners of the page', (s) => s.page.listeners, 50, '');
    flat('memory of the renderer', (s) => s.renderer, 30, 'MiB');
  });
} finally {
  await stopWall(wall);
}
process.exit(tap.end());
