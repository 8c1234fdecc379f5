// SPDX-License-Identifier: AGPL-3.0-or-later
// Arrangements of the wall, kept by the server for this user. What comes back is checked: any program may have put it there.
import { computed, signal } from '@preact/signals';
import { get, send } from '../../api/client';
import { cameras } from '../../lib/session';

export const SIZES = [0, 1, 4, 9, 16, 25, 36, 64] as const; // tiles on a page; 0: as many as there are, 64 at most
export interface Layout {
  name: string; // '' is the wall of all cameras
  size: number;
  cameras: string[] | null; // null: all that may be seen
}

export const saved = signal<Layout[]>([]);
export const current = signal<Layout>({ name: '', size: 0, cameras: null });
export const page = signal(0);

const seeable = computed(() => (cameras.value ?? []).filter((camera) => camera.may.includes('live')).map((camera) => camera.id));
export const shown = computed(() => current.value.cameras ?? seeable.value);
export const pageSize = computed(() => current.value.size || Math.min(64, Math.max(1, shown.value.length)));

export const changed = computed(() => {
  const now = current.value;
  if (!now.name) return now.cameras !== null;
  const then = saved.value.find((layout) => layout.name === now.name);
  return JSON.stringify(then) !== JSON.stringify(now);
});

export function readLayouts(data: unknown): { layouts: Layout[]; current: string } {
  const wall = (data as { wall?: { layouts?: unknown; current?: unknown } } | null)?.wall;
  const list = Array.isArray(wall?.layouts) ? wall.layouts : [];
  const layouts = list.flatMap((entry: Partial<Layout>) =>
    typeof entry?.name === 'string' && entry.name && (SIZES as readonly unknown[]).includes(entry.size) && (entry.cameras === null || Array.isArray(entry.cameras))
      ? [{ name: entry.name, size: entry.size!, cameras: entry.cameras?.filter((id) => typeof id === 'string') ?? null }]
      : [],
  );
  return { layouts, current: typeof wall?.current === 'string' ? wall.current : '' };
}

let rest: Record<string, unknown> = {}; // what other pages keep beside the wall

export async function loadLayouts() {
  const data = await get<Record<string, unknown>>('layouts');
  rest = data;
  const read = readLayouts(data);
  saved.value = read.layouts;
  current.value = read.layouts.find((layout) => layout.name === read.current) ?? current.value;
}

async function store() {
  rest = { ...rest, wall: { layouts: saved.value, current: current.value.name } };
  await send('PUT', 'layouts', rest);
}

export async function save(name: string) {
  const layout = { ...current.value, name, cameras: current.value.cameras ?? shown.value };
  saved.value = [...saved.value.filter((other) => other.name !== name), layout].sort((a, b) => a.name.localeCompare(b.name));
  current.value = layout;
  await store();
}

export async function remove(name: string) {
  saved.value = saved.value.filter((layout) => layout.name !== name);
  current.value = { name: '', size: current.value.size, cameras: null };
  await store();
}

export async function pick(name: string) {
  current.value = saved.value.find((layout) => layout.name === name) ?? { name: '', size: 0, cameras: null };
  page.value = 0;
  await store();
}

export function arrange(ids: string[]) {
  current.value = { ...current.value, cameras: ids };
}
export function resize(size: number) {
  current.value = { ...current.value, size };
  page.value = 0;
}
