// SPDX-License-Identifier: AGPL-3.0-or-later
// Dragging tiles with mouse, pen or finger. A finger has to rest for a moment first, so that scrolling stays possible.
const THRESHOLD = 6;
const HOLD_MS = 350;

/** Watches @grid; calls @drop(from, to) with indices of tiles. Returns how to stop. */
export function dragTiles(grid: HTMLElement, drop: (from: number, to: number) => void): () => void {
  let tile: HTMLElement | null = null;
  let target: HTMLElement | null = null;
  let start = { x: 0, y: 0 };
  let dragging = false;
  let hold: ReturnType<typeof setTimeout> | undefined;
  const index = (element: HTMLElement) => Number(element.dataset.index);
  const tileAt = (x: number, y: number) =>
    document.elementsFromPoint(x, y).map((e) => e.closest<HTMLElement>('.tile')).find((e) => e && e !== tile && grid.contains(e)) ?? null;

  const begin = () => {
    if (!tile) return;
    dragging = true;
    tile.classList.add('dragging');
    grid.classList.add('arranging');
    navigator.vibrate?.(10);
  };
  const down = (event: PointerEvent) => {
    const under = event.target as HTMLElement;
    if (event.button !== 0 || under.closest('button, .menu, .explain')) return;
    tile = under.closest<HTMLElement>('.tile');
    if (!tile) return;
    start = { x: event.clientX, y: event.clientY };
    if (event.pointerType === 'touch') hold = setTimeout(begin, HOLD_MS);
  };
  const move = (event: PointerEvent) => {
    if (!tile) return;
    const dx = event.clientX - start.x;
    const dy = event.clientY - start.y;
    if (!dragging) {
      if (Math.hypot(dx, dy) < THRESHOLD) return;
      if (event.pointerType === 'touch') return end();
      begin();
    }
    tile.style.transform = `translate(${dx}px, ${dy}px)`;
    const over = tileAt(event.clientX, event.clientY);
    if (over === target) return;
    target?.classList.remove('drop-here');
    target = over;
    target?.classList.add('drop-here');
  };
  const up = () => {
    if (dragging && tile && target) drop(index(tile), index(target));
    end();
  };
  const end = () => {
    clearTimeout(hold);
    tile?.classList.remove('dragging');
    tile?.style.removeProperty('transform');
    target?.classList.remove('drop-here');
    grid.classList.remove('arranging');
    tile = target = null;
    dragging = false;
  };
  const still = (event: TouchEvent) => dragging && event.preventDefault();
  grid.addEventListener('pointerdown', down);
  addEventListener('pointermove', move);
  addEventListener('pointerup', up);
  addEventListener('pointercancel', end);
  grid.addEventListener('touchmove', still, { passive: false });
  return () => {
    end();
    grid.removeEventListener('pointerdown', down);
    removeEventListener('pointermove', move);
    removeEventListener('pointerup', up);
    removeEventListener('pointercancel', end);
    grid.removeEventListener('touchmove', still);
  };
}
