// SPDX-License-Identifier: AGPL-3.0-or-later
// Where tiles stand. Pure arithmetic; tested in test/grid.test.ts.

/** Columns that give @count tiles of @aspect the most area in a box. */
export function bestColumns(count: number, width: number, height: number, aspect = 16 / 9, gap = 2): number {
  let best = 1;
  let most = 0;
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const w = (width - gap * (columns - 1)) / columns;
    const h = (height - gap * (rows - 1)) / rows;
    const tile = Math.min(w, h * aspect);
    if (tile > most + 0.01) {
      most = tile;
      best = columns;
    }
  }
  return best;
}

/** @list with the entry at @from standing at @to. */
export function moved<T>(list: readonly T[], from: number, to: number): T[] {
  const out = [...list];
  if (from < 0 || from >= out.length) return out;
  const [entry] = out.splice(from, 1);
  out.splice(Math.max(0, Math.min(to, out.length)), 0, entry!);
  return out;
}

/** The neighbour of tile @at in direction of an arrow key, or @at itself at the edge. */
export function neighbour(at: number, count: number, columns: number, key: string): number {
  const to = { ArrowLeft: at - 1, ArrowRight: at + 1, ArrowUp: at - columns, ArrowDown: at + columns, Home: 0, End: count - 1 }[key];
  if (to === undefined || to < 0) return at;
  if (to >= count) return key === 'ArrowDown' && Math.floor(at / columns) < Math.floor((count - 1) / columns) ? count - 1 : at;
  return to;
}

/** How many pages @count cameras fill with @size tiles each; never none. */
export const pagesOf = (count: number, size: number) => Math.max(1, Math.ceil(count / Math.max(1, size)));
