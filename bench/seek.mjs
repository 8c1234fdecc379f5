#!/usr/bin/env node
// SPDX-License-Identifier: AGPL-3.0-or-later
// From a click on the timeline to the first picture of the new time, in Chromium on loopback. A click is a press and a release on
// the ruler, as a hand makes it. Needs $LETHE_BIN with the built application beside it, and `npm ci` in tests/e2e.
//   SEEK_RECORD  seconds that are recorded before (600)   SEEK_CAMERAS  on the stage (4)   SEEK_COUNT  clicks (50)
//   SEEK_COLD    clicks of which each is the first one of a page (10)
import { api } from '../tests/e2e/pictures.mjs';
import { sleep, until } from '../tests/e2e/harness.mjs';
import { startWall, stopWall } from '../tests/e2e/wall.mjs';

const RECORD = Number(process.env.SEEK_RECORD ?? 600);
const CAMERAS = Number(process.env.SEEK_CAMERAS ?? 4);
const COUNT = Number(process.env.SEEK_COUNT ?? 50);
const COLD = Number(process.env.SEEK_COLD ?? 10);
const LATEST_MS = 700; // a picture is at most that much before the time that was clicked: they come ten times a second

/** Runs in the page before anything of it: notes every picture that is drawn in playback, with its time and when it was drawn. */
function instrument() {
  globalThis.lethe_drawn = [];
  globalThis.lethe_pressed = 0;
  addEventListener('pointerup', (event) => (globalThis.lethe_pressed = event.timeStamp), true); // the hand lets go: the input
  const draw = CanvasRenderingContext2D.prototype.drawImage;
  CanvasRenderingContext2D.prototype.drawImage = function (image, ...rest) {
    draw.call(this, image, ...rest);
    const tile = this.canvas.closest?.('.playback .tile');
    if (!tile) return;
    const entry = { camera: tile.dataset.camera, time: image instanceof VideoFrame ? image.timestamp / 1000 : null, at: 0 };
    requestAnimationFrame(() => (entry.at = performance.now())); // by then what was drawn has gone to the screen
    globalThis.lethe_drawn.push(entry);
  };
}

const wall = await startWall({
  tiles: CAMERAS,
  settings: 'epoch_minutes: 1\nmask:\n  learn: 5s\n',
  sim: ['--scenes', String(CAMERAS), '--scene', 'empty-first', '--scene-seconds', '60', '--size', '1280x720', '--fps', '10', '--bitrate', '1M'],
});
const { page, node } = wall;
const began = Date.now() + 10_000;
await page.addInitScript(instrument);

/** The page of the timeline with everything of the span in view, standing at its end. */
async function open(from, to) {
  await page.goto(`${node.url}#/wall`);
  await page.goto(`${node.url}#/timeline?cameras=${wall.cameras.join(',')}&at=${new Date(to).toISOString()}`);
  await page.reload();
  await page.selectOption('.zoom select', to - from > 9 * 60_000 ? 'hour' : 'ten');
  await until('all have a picture', () => page.evaluate((n) => [...document.querySelectorAll('.playback .tile')].filter((tile) => tile.dataset.standing === 'ready').length === n, CAMERAS));
  await sleep(1000);
}

/** Where @time is on the ruler, from what the page says: two clicks would do, but the slider knows its value. */
async function xOf(time, view) {
  const box = await page.locator('.ruler canvas').boundingBox();
  return { x: box.x + ((time - view.from) / (view.to - view.from)) * box.width, y: box.y + box.height / 2 };
}

/** The ruler's scale, by pressing at two places and reading what time that is. */
async function scale() {
  const box = await page.locator('.ruler canvas').boundingBox();
  const at = async (part) => {
    await page.mouse.click(box.x + box.width * part, box.y + box.height / 2);
    await sleep(300);
    return Date.parse(new URLSearchParams((await page.evaluate(() => location.hash)).split('?')[1]).get('at'));
  };
  const [a, b] = [await at(0.2), await at(0.4)];
  const perWidth = (b - a) / 0.2;
  return { from: a - 0.2 * perWidth, to: a + 0.8 * perWidth };
}

/** One click; { first, all, thumb } in ms: a picture of the new time in one tile, in all tiles, and a thumbnail in one. */
async function click(time, view) {
  const { x, y } = await xOf(time, view);
  await page.mouse.move(x, y);
  await page.evaluate(() => {
    globalThis.lethe_drawn.length = 0;
    globalThis.lethe_pressed = 0;
  });
  await page.mouse.down();
  await page.mouse.up();
  const wanted = await until('the address says the time', () => page.evaluate(() => globalThis.lethe_pressed && Date.parse(new URLSearchParams(location.hash.split('?')[1]).get('at'))));
  return until(`pictures of ${new Date(wanted).toISOString()}`, () => page.evaluate(([want, latest, cameras]) => {
    const pressed = globalThis.lethe_pressed;
    const of = new Map();
    for (const { camera, time, at } of globalThis.lethe_drawn) if (at && time !== null && time <= want + 1 && time > want - latest && !of.has(camera)) of.set(camera, at - pressed);
    if (of.size < cameras) return null;
    const thumb = globalThis.lethe_drawn.find((entry) => entry.time === null && entry.at);
    return { first: Math.min(...of.values()), all: Math.max(...of.values()), thumb: thumb ? thumb.at - pressed : null };
  }, [wanted, LATEST_MS, CAMERAS]));
}

function say(what, values) {
  const sorted = [...values].sort((a, b) => a - b);
  const part = (p) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))].toFixed(0);
  console.log(`${what}: median ${part(0.5)} ms, 95 % within ${part(0.95)} ms, worst ${part(1)} ms (${sorted.length})`);
}

try {
  wall.cameras = (await api(page, 'GET', 'cameras')).json.cameras.map((camera) => camera.id);
  await page.goto('about:blank'); // nothing plays while it is recorded
  await sleep(RECORD * 1000);
  const end = Date.now() - 20_000;
  const random = () => began + Math.random() * (end - began);

  await open(began, end);
  let view = await scale();
  const warm = [];
  for (let i = 0; i < COUNT; i++) {
    warm.push(await click(random(), view));
    await sleep(400);
  }
  say(`${CAMERAS} cameras, a picture of the new time in one tile`, warm.map((w) => w.first));
  say(`${CAMERAS} cameras, a picture of the new time in every tile`, warm.map((w) => w.all));

  const cold = [];
  for (let i = 0; i < COLD; i++) {
    await open(began, end);
    view = { from: view.from, to: view.to };
    cold.push(await click(began + Math.random() * Math.min(end - began, Math.max(60_000, end - began - 660_000)), await scale()));
  }
  if (cold.length) say('the same, soon after the page was opened', cold.map((w) => w.all));
} finally {
  await stopWall(wall);
}
process.exit(0);
