#!/usr/bin/env node
// SPDX-License-Identifier: AGPL-3.0-or-later
// Nine cameras on the wall: one connection, every picture moves, and no queue grows when screen or decoders stand still. TAP.
import { Tap, expect, until } from './harness.mjs';
import { canvasHash } from './pictures.mjs';
import { decoders, framesShown, openStreams, startWall, stopWall } from './wall.mjs';

const TILES = 9;
const QUEUE = 12; // decoded pictures that a tile may hold, and one more while it is handed over: web/src/media/picture.ts
const BACKLOG = 30;
const wall = await startWall({
  tiles: TILES,
  settings: 'mask:\n  learn: 5s\n  width: 320\n',
  sim: ['--scenes', '3', '--scene', 'empty-first', '--scene-seconds', '45', '--size', '320x180', '--fps', '10', '--bitrate', '200k', '--sub-size', '320x180'],
});
const tap = new Tap(() => wall.page);
const { page } = wall;
const least = async () => Math.min(...Object.values(await framesShown(wall)));

try {
  await tap.test('every tile has a picture that moves', async () => {
    await until('all tiles play', async () => Object.keys(await framesShown(wall)).length === TILES && (await least()) > 5);
    for (const id of Object.keys(await framesShown(wall))) {
      const where = `.tile[data-camera="${id}"]`;
      const before = await canvasHash(page, where);
      await until(`the picture of ${id} changes`, async () => (await canvasHash(page, where)) !== before);
    }
  });

  await tap.test('one connection carries them all, the same one all the time', async () => {
    const before = await least();
    await until('fifty pictures more', async () => (await least()) > before + 50);
    const open = openStreams(wall);
    expect(open.length === 1, `${open.length} streams are open`);
    expect(open[0].cameras === TILES, `it was asked for ${open[0].cameras} cameras`);
    expect(wall.live.length === 1, `${wall.live.length} streams were asked for`);
    expect(open[0].bytes > 50 * TILES * 100, `${open[0].bytes} bytes came through it`);
  });

  await tap.test('pictures do not pile up while the screen stands still', async () => {
    const before = await decoders(wall);
    await page.evaluate(() => (globalThis.lethe_still = true));
    await until('three times as many pictures as a queue may hold are decoded', async () => (await decoders(wall)).every((seat, i) => seat.out > before[i].out + 3 * QUEUE));
    const worst = Math.max(...(await decoders(wall)).map((seat) => seat.most));
    expect(worst <= QUEUE + 1, `a tile holds ${worst} pictures`);
    const shown = await least();
    await page.evaluate(() => globalThis.lethe_go_on());
    await until('all go on', async () => (await least()) > shown + 5);
  });

  await tap.test('decoders that are behind get nothing more, then go on with a key picture', async () => {
    await page.evaluate(() => (globalThis.lethe_slow_decoders = true));
    const before = await decoders(wall);
    const [stream] = openStreams(wall);
    const bytes = stream.bytes;
    await until('a lot has come meanwhile', () => stream.bytes > bytes + TILES * 60_000);
    const after = await decoders(wall);
    expect(after.length === TILES, `${after.length} decoders for ${TILES} tiles`);
    for (const [i, seat] of after.entries()) expect(seat.given <= before[i].given + BACKLOG, `${seat.given - before[i].given} pictures went to a decoder that was behind`);
    const shown = await least();
    await page.evaluate(() => (globalThis.lethe_slow_decoders = false));
    await until('all go on', async () => (await least()) > shown + 5);
  });
} finally {
  await stopWall(wall);
}
process.exit(tap.end());
