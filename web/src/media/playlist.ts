// SPDX-License-Identifier: AGPL-3.0-or-later
// The playlist of a span: byte ranges of recordings, each from key frame to key frame, with times of the wall clock.

export interface Segment {
  start: number; // ms UTC
  end: number;
  url: string;
  offset: number;
  length: number;
  map: { url: string; offset: number; length: number };
}

export class PlaylistError extends Error {}

function range(text: string, previousEnd: number): { offset: number; length: number } {
  const match = /^(\d+)(?:@(\d+))?$/.exec(text);
  if (!match) throw new PlaylistError(`byte range "${text.slice(0, 40)}"`);
  return { length: Number(match[1]), offset: match[2] === undefined ? previousEnd : Number(match[2]) };
}

/** RFC 8216 as far as `playback.m3u8` uses it. @address resolves names in it. */
export function parsePlaylist(text: string, address: (name: string) => string): Segment[] {
  const lines = text.split(/\r?\n/);
  if (lines[0] !== '#EXTM3U') throw new PlaylistError('not a playlist');
  const out: Segment[] = [];
  let map: Segment['map'] | null = null;
  let at: number | null = null;
  let length = Number.NaN;
  let bytes = { offset: 0, length: 0 };
  let ends = new Map<string, number>();
  for (const line of lines) {
    const [tag = '', value = ''] = line.startsWith('#') ? line.split(/:(.*)/s, 2) : [];
    if (tag === '#EXT-X-MAP') {
      const uri = /URI="([^"]*)"/.exec(value)?.[1];
      if (!uri) throw new PlaylistError('a map without its address');
      map = { url: address(uri), ...range(/BYTERANGE="([^"]*)"/.exec(value)?.[1] ?? '0@0', 0) };
    } else if (tag === '#EXT-X-PROGRAM-DATE-TIME') {
      at = Date.parse(value);
      if (Number.isNaN(at)) throw new PlaylistError(`time "${value.slice(0, 40)}"`);
    } else if (tag === '#EXT-X-DISCONTINUITY') {
      ends = new Map();
    } else if (tag === '#EXTINF') length = Number.parseFloat(value) * 1000;
    else if (tag === '#EXT-X-BYTERANGE') bytes = range(value, -1);
    else if (line && !line.startsWith('#')) {
      if (!map || at === null || !(length >= 0)) throw new PlaylistError('a segment without map, time or length');
      const offset = bytes.offset >= 0 ? bytes.offset : (ends.get(line) ?? 0);
      // A recording of one picture lasts for nothing, and is still a picture to see.
      out.push({ start: at, end: at + Math.max(1, length), url: address(line), offset, length: bytes.length, map });
      ends.set(line, offset + bytes.length);
      at += length;
    }
  }
  return out;
}

/** Index of the segment that holds @time, else of the first one behind it; length when there is none. */
export function segmentAt(segments: readonly Segment[], time: number): number {
  let low = 0;
  let high = segments.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (segments[middle]!.end > time) high = middle;
    else low = middle + 1;
  }
  return low;
}
