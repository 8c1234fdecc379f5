// SPDX-License-Identifier: AGPL-3.0-or-later
// Downloads of masked spans: with progress, paused and resumed by byte range, and still there after a reload.
// The part that has arrived lies in the browser's private file system where there is one, else in memory.
import { signal } from '@preact/signals';
import { Failure, get, request, sentence } from '../api/client';
import type { Export } from '../api/types';

export interface Job {
  id: string;
  what: Export;
  got: number;
  state: 'running' | 'paused' | 'failed' | 'done';
  failure: string;
}

export const jobs = signal<Job[]>([]);
const stops = new Map<string, AbortController>();
const memory = new Map<string, Uint8Array[]>();
const FLUSH = 4 << 20;

const folder = async () => {
  const root = await navigator.storage?.getDirectory?.();
  return root?.getDirectoryHandle('exports', { create: true });
};
const change = (id: string, part: Partial<Job>) => (jobs.value = jobs.value.map((job) => (job.id === id ? { ...job, ...part } : job)));
const find = (id: string) => jobs.value.find((job) => job.id === id);
const query = (from_us: number, to_us: number) => `from=${from_us}&to=${to_us}`;

export const describe = (camera: string, fromMs: number, toMs: number) =>
  get<Export>(`cameras/${encodeURIComponent(camera)}/export?${query(Math.round(fromMs * 1000), Math.round(toMs * 1000))}`);

const asked = new Map<string, { from: number; to: number }>(); // the span as it was asked for: the address must stay the same

export async function startExport(what: Export, fromMs: number, toMs: number) {
  const id = crypto.randomUUID();
  asked.set(id, { from: Math.round(fromMs * 1000), to: Math.round(toMs * 1000) });
  jobs.value = [...jobs.value, { id, what, got: 0, state: 'running', failure: '' }];
  await remember(id);
  await run(id);
}

export function pause(id: string) {
  change(id, { state: 'paused' });
  stops.get(id)?.abort();
}
export const resume = (id: string) => run(id);

export async function cancel(id: string) {
  stops.get(id)?.abort();
  jobs.value = jobs.value.filter((job) => job.id !== id);
  memory.delete(id);
  const dir = await folder().catch(() => undefined);
  for (const name of [`${id}.mp4`, `${id}.json`]) await dir?.removeEntry(name).catch(() => {});
}

/** Nothing of what was exported stays in this browser. Files that were saved are not ours any more. */
export async function forgetExports() {
  for (const job of jobs.value) await cancel(job.id);
}

async function remember(id: string) {
  const dir = await folder().catch(() => undefined);
  const file = await dir?.getFileHandle(`${id}.json`, { create: true });
  const out = await file?.createWritable();
  await out?.write(JSON.stringify({ what: find(id)!.what, asked: asked.get(id) }));
  await out?.close();
}

/** Jobs of an earlier visit, as paused ones. */
export async function recallExports() {
  const dir = await folder().catch(() => undefined);
  if (!dir) return;
  for await (const [name, handle] of dir as unknown as AsyncIterable<[string, FileSystemFileHandle]>) {
    const id = /^([0-9a-f-]{36})\.json$/.exec(name)?.[1];
    if (!id || find(id)) continue;
    try {
      const note = JSON.parse(await (await handle.getFile()).text()) as { what: Export; asked: { from: number; to: number } };
      const got = await dir.getFileHandle(`${id}.mp4`).then((h) => h.getFile()).then((f) => f.size, () => 0);
      asked.set(id, note.asked);
      jobs.value = [...jobs.value, { id, what: note.what, got, state: got >= note.what.bytes ? 'done' : 'paused', failure: '' }];
    } catch {
      await dir.removeEntry(name).catch(() => {});
    }
  }
}

async function run(id: string) {
  const job = find(id);
  const span = asked.get(id);
  if (!job || !span || stops.has(id)) return;
  const stop = new AbortController();
  stops.set(id, stop);
  change(id, { state: 'running', failure: '' });
  let sink: Sink | null = null;
  try {
    sink = await openSink(id);
    const headers: Record<string, string> = sink.size ? { range: `bytes=${sink.size}-`, 'if-range': job.what.etag } : {};
    const response = await request(`cameras/${encodeURIComponent(job.what.camera)}/masked.mp4?${query(span.from, span.to)}`, { headers, signal: stop.signal });
    if (sink.size && response.status !== 206) await sink.restart();
    change(id, { got: sink.size });
    await pump(id, response, sink);
    if (sink.size !== job.what.bytes) throw new Error(`${sink.size} of ${job.what.bytes}`);
    await sink.close();
    change(id, { state: 'done', got: job.what.bytes });
    await saveFile(id);
  } catch (error) {
    await sink?.close().catch(() => {});
    if (find(id)?.state === 'running') change(id, { state: 'failed', failure: error instanceof Failure && error.status === 416 ? '' : sentence(error) });
  } finally {
    stops.delete(id);
  }
}

async function pump(id: string, response: Response, sink: Sink) {
  const reader = response.body!.getReader();
  let shown = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    await sink.write(value);
    if (Date.now() - shown > 100) {
      shown = Date.now();
      change(id, { got: sink.size });
    }
  }
}

interface Sink {
  size: number;
  write(bytes: Uint8Array): Promise<void>;
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** A file in the private file system; closed every few megabytes, because only then what was written stays. */
async function openSink(id: string): Promise<Sink> {
  const dir = await folder().catch(() => undefined);
  const file = await dir?.getFileHandle(`${id}.mp4`, { create: true }).catch(() => undefined);
  if (!file?.createWritable) return memorySink(id);
  let out: FileSystemWritableFileStream | null = null;
  let pending = 0;
  const sink: Sink = {
    size: (await file.getFile()).size,
    async write(bytes) {
      if (!out) {
        out = await file.createWritable({ keepExistingData: true });
        await out.seek(sink.size);
      }
      await out.write(bytes as Uint8Array<ArrayBuffer>);
      sink.size += bytes.length;
      pending += bytes.length;
      if (pending >= FLUSH) await sink.close();
    },
    async restart() {
      await sink.close();
      const empty = await file.createWritable();
      await empty.close();
      sink.size = 0;
    },
    async close() {
      const open = out;
      out = null;
      pending = 0;
      await open?.close();
    },
  };
  return sink;
}

function memorySink(id: string): Sink {
  const parts = memory.get(id) ?? [];
  memory.set(id, parts);
  const sink: Sink = {
    size: parts.reduce((sum, part) => sum + part.length, 0),
    async write(bytes) {
      parts.push(bytes);
      sink.size += bytes.length;
    },
    async restart() {
      parts.length = 0;
      sink.size = 0;
    },
    async close() {},
  };
  return sink;
}

/** Hands the finished file to the browser's downloads. */
export async function saveFile(id: string) {
  const job = find(id);
  if (!job) return;
  const dir = await folder().catch(() => undefined);
  const stored = await dir?.getFileHandle(`${id}.mp4`).then((handle) => handle.getFile()).catch(() => undefined);
  const blob = stored?.size ? stored : new Blob(memory.get(id) as BlobPart[], { type: 'video/mp4' });
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob.slice(0, blob.size, 'video/mp4'));
  link.download = job.what.file;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

