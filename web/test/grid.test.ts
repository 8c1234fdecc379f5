// SPDX-License-Identifier: AGPL-3.0-or-later
import { describe, expect, it } from 'vitest';
import { bestColumns, moved, neighbour, pagesOf } from '../src/pages/wall/grid';
import { readLayouts } from '../src/pages/wall/layouts';

describe('bestColumns', () => {
  it.each([
    [1, 1440, 800, 1],
    [2, 1440, 500, 2],
    [4, 1440, 810, 2],
    [9, 1600, 900, 3],
    [64, 1600, 900, 8],
    [3, 400, 900, 1],
  ])('%i tiles in %i×%i stand in %i columns', (count, w, h, columns) => expect(bestColumns(count, w, h)).toBe(columns));
  it('survives a box without size', () => expect(bestColumns(5, 0, 0)).toBe(1));
});

describe('moved', () => {
  it.each([
    [0, 2, 'bca'],
    [2, 0, 'cab'],
    [1, 1, 'abc'],
    [1, 99, 'acb'],
    [7, 0, 'abc'],
  ])('from %i to %i', (from, to, text) => expect(moved([...'abc'], from, to).join('')).toBe(text));
});

describe('neighbour', () => {
  // 0 1 2
  // 3 4
  it.each([
    [0, 'ArrowRight', 1],
    [0, 'ArrowLeft', 0],
    [1, 'ArrowDown', 4],
    [2, 'ArrowDown', 4],
    [4, 'ArrowDown', 4],
    [4, 'ArrowUp', 1],
    [4, 'ArrowRight', 4],
    [3, 'Home', 0],
    [0, 'End', 4],
  ])('of %i by %s is %i', (at, key, to) => expect(neighbour(at, 5, 3, key)).toBe(to));
});

describe('pagesOf', () => {
  it.each([
    [0, 4, 1],
    [4, 4, 1],
    [5, 4, 2],
    [500, 64, 8],
  ])('%i cameras on pages of %i', (count, size, pages) => expect(pagesOf(count, size)).toBe(pages));
});

describe('readLayouts', () => {
  it('takes what this page wrote', () => {
    const layouts = [{ name: 'night', size: 4, cameras: ['a', 'b'] }];
    expect(readLayouts({ wall: { layouts, current: 'night' } })).toEqual({ layouts, current: 'night' });
  });
  it.each([null, {}, { wall: 7 }, { wall: { layouts: 'x' } }, { wall: { layouts: [null, 1, { name: '' }, { name: 'x', size: 5, cameras: [] }, { name: 'x', size: 4, cameras: 'a' }] } }])(
    'leaves out what it does not know: %j',
    (data) => expect(readLayouts(data)).toEqual({ layouts: [], current: '' }),
  );
});
