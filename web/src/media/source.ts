// SPDX-License-Identifier: AGPL-3.0-or-later
// What was recorded of one camera, fetched as it is needed: playlists in windows, segments in a small store.
import { Failure, base, request, sentence } from '../api/client';
import { parseFragments, parseInit, type Track } from './mp4';
import { parsePlaylist, segmentAt, type Segment } from './playlist';

export interface Picture {
  time: number; // ms UTC
  key: boolean;
  data: Uint8Array;
}
export interface Group {
  segment: Segment;
  track: Track;
  pictures: Picture[]; // in order; the first one is a key frame
}

const WINDOW = 10 * 60 * 1000;
const FRESH_MS = 4000; // how long a window that reaches to now is believed
const KEEP_GROUPS = 16;

interface Window {
  segments: Segment[];
  asked: number;
  open: boolean; // it reached to now when it was asked for
}
const RETRY_MS = 2000;

/**
 * peek…() answer at once: what is there, null when there is nothing, undefined while it is being fetched.
 * One more call starts no more requests.
 */
export class Source {
  readonly thumbs: boolean = true; // there are small pictures of it for scrubbing
  failure = '';
  private windows = new Map<number, Window>();
  private groups = new Map<string, Group>();
  private maps = new Map<string, Promise<Track>>();
  private running = new Map<string, number>(); // since when; a failure stays until it may be tried again
  protected controller = new AbortController();

  constructor(
    readonly camera: string,
    protected changed: () => void,
  ) {}

  close() {
    this.controller.abort();
  }

  private run(name: string, work: () => Promise<void>) {
    const until = this.running.get(name);
    if (until !== undefined && until > Date.now()) return;
    this.running.set(name, Number.POSITIVE_INFINITY);
    work()
      .then(() => {
        this.running.delete(name);
        this.failure = '';
      })
      .catch((error: unknown) => {
        this.running.set(name, Date.now() + RETRY_MS);
        if (!this.controller.signal.aborted) this.failure = sentence(error);
      })
      .finally(this.changed);
  }

  private peekWindow(number: number): Window | undefined {
    const known = this.windows.get(number);
    if (!known || (known.open && Date.now() - known.asked > FRESH_MS)) {
      this.run(`window ${number}`, async () => {
        const asked = Date.now();
        const segments = await this.load(number);
        this.windows.delete(number);
        this.windows.set(number, { segments, asked, open: (number + 1) * WINDOW > asked });
        if (this.windows.size > 24) this.windows.delete(this.windows.keys().next().value!);
      });
    }
    return known;
  }

  /** The segment that holds @time. */
  peek(time: number): Segment | null | undefined {
    const number = Math.floor(time / WINDOW);
    for (const n of [number, number - 1]) {
      // A segment may begin in the window before and be told only there.
      const window = this.peekWindow(n);
      if (!window) return undefined;
      const found = window.segments[segmentAt(window.segments, time)];
      if (found && found.start <= time) return found;
      const last = window.segments[window.segments.length - 1];
      if (n !== number || (time - number * WINDOW > 60000) || (last && last.start < time && n === number)) break;
    }
    return null;
  }

  /** The last segment that begins before @time, in the window of @time or the one before. */
  peekBefore(time: number): Segment | null | undefined {
    const number = Math.floor(time / WINDOW);
    for (const n of [number, number - 1]) {
      const window = this.peekWindow(n);
      if (!window) return undefined;
      const found = window.segments.findLast((segment) => segment.start < time);
      if (found) return found;
    }
    return null;
  }

  peekGroup(segment: Segment): Group | undefined {
    const name = `${segment.url}@${segment.offset}`;
    const known = this.groups.get(name);
    if (known) {
      this.groups.delete(name);
      this.groups.set(name, known);
      return known;
    }
    this.run(name, async () => {
      this.groups.set(name, await this.fetchGroup(segment));
      if (this.groups.size > KEEP_GROUPS) this.groups.delete(this.groups.keys().next().value!);
    });
    return undefined;
  }

  /** Every stretch that touches a span, in order, with its pictures; nothing of it is kept. */
  async *stretches(from: number, to: number): AsyncGenerator<Group> {
    let last = Number.NEGATIVE_INFINITY;
    for (let n = Math.floor(from / WINDOW) - 1; n * WINDOW < to; n++) {
      for (const segment of await this.load(n)) {
        if (segment.start <= last || segment.end <= from || segment.start >= to) continue;
        last = segment.start;
        yield await this.fetchGroup(segment);
      }
    }
  }

  protected async load(number: number): Promise<Segment[]> {
    const from = number * WINDOW * 1000;
    const path = `cameras/${encodeURIComponent(this.camera)}/`;
    try {
      const response = await request(`${path}playback.m3u8?from=${from}&to=${from + WINDOW * 1000}`, { signal: this.controller.signal });
      const folder = new URL(base + path, location.href);
      return parsePlaylist(await response.text(), (name) => new URL(name, folder).href);
    } catch (error) {
      if (error instanceof Failure && error.status === 404) return [];
      throw error;
    }
  }

  protected async bytes(url: string, offset: number, length: number): Promise<Uint8Array> {
    const response = await fetch(url, { credentials: 'same-origin', signal: this.controller.signal, headers: { range: `bytes=${offset}-${offset + length - 1}` } });
    if (response.status !== 206 && response.status !== 200) throw new Failure(response.statusText, response.status, '', 0);
    const all = new Uint8Array(await response.arrayBuffer());
    return response.status === 200 ? all.subarray(offset, offset + length) : all;
  }

  protected async fetchGroup(segment: Segment): Promise<Group> {
    const { map } = segment;
    const mapName = `${map.url}@${map.offset}`;
    let track = this.maps.get(mapName);
    if (!track) {
      this.maps.set(mapName, (track = this.bytes(map.url, map.offset, map.length).then(parseInit)));
      track.catch(() => this.maps.delete(mapName));
    }
    const [known, bytes] = await Promise.all([track, this.bytes(segment.url, segment.offset, segment.length)]);
    const samples = parseFragments(bytes);
    const first = samples[0]?.dts ?? 0;
    return {
      segment,
      track: known,
      pictures: samples.map((s) => ({ time: segment.start + ((s.pts - first) * 1000) / known.timescale, key: s.key, data: s.data })),
    };
  }
}
