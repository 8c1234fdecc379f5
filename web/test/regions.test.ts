// SPDX-License-Identifier: AGPL-3.0-or-later
import { describe, expect, it } from 'vitest';
import { ALONE_MS, boxAt, boxesAt, boxOf, setKey, type Region } from '../src/lib/case/regions';
import { compose, type Drawable } from '../src/media/compose';

const box = { x: 0.2, y: 0.4, w: 0.1, h: 0.2 };
const drawn = (...times: number[]): Region => times.reduce((r, time, i) => setKey(r, time, { ...box, x: 0.2 + i * 0.4 }), { id: 1, keys: [] } as Region);

describe('what is uncovered', () => {
  it('is nothing where nobody pointed', () => {
    expect(boxAt({ id: 1, keys: [] }, 5)).toBeNull();
    const r = drawn(1000, 2000);
    expect(boxAt(r, 999)).toBeNull();
    expect(boxAt(r, 2001)).toBeNull();
    expect(boxesAt([r, { id: 2, keys: [] }], 3000)).toEqual([]);
  });
  it('is for a moment where somebody pointed once', () => {
    const r = drawn(1000);
    expect(boxAt(r, 1000 + ALONE_MS)).toMatchObject(box);
    expect(boxAt(r, 1001 + ALONE_MS)).toBeNull();
  });
  it('moves in a straight line between points, whatever their order', () => {
    const r = drawn(1000, 2000);
    expect(boxAt(r, 1000)!.x).toBeCloseTo(0.2);
    expect(boxAt(r, 1500)!.x).toBeCloseTo(0.4);
    expect(boxAt(r, 2000)!.x).toBeCloseTo(0.6);
    expect(setKey(drawn(2000), 1000, box).keys.map((k) => k.time)).toEqual([1000, 2000]);
  });
  it('is drawn anew, not twice, at the same picture', () => {
    expect(setKey(drawn(1000), 1010, { ...box, x: 0.9 }).keys).toEqual([{ ...box, x: 0.9, time: 1010 }]);
  });
  it('stays inside of the picture', () => {
    expect(boxOf(0.5, 0.5, -3, 2)).toEqual({ x: 0.25, y: 0.75, w: 0.5, h: 0.5 });
  });
  it('is all that comes from the original: under it lies the masked view, or black', () => {
    const said: string[] = [];
    const context = new Proxy({}, { get: (_, name) => (...args: unknown[]) => said.push(`${String(name)} ${args[0] ?? ''}`.trim()), set: () => true }) as unknown as Drawable;
    compose(context, 'original' as unknown as CanvasImageSource, null, [], 16, 9);
    expect(said).toEqual(['fillRect 0']);
    compose(context, 'original' as unknown as CanvasImageSource, 'masked' as unknown as CanvasImageSource, [box], 10, 10);
    expect(said.slice(1)).toEqual(['fillRect 0', 'drawImage masked', 'save', 'beginPath', 'ellipse 2', 'clip', 'drawImage original', 'restore']);
  });
});
