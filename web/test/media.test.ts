// SPDX-License-Identifier: AGPL-3.0-or-later
import { describe, expect, it } from 'vitest';
import { Mp4Error, parseFragments, parseInit, parseStill } from '../src/media/mp4';
import { PlaylistError, parsePlaylist, segmentAt } from '../src/media/playlist';

type Part = number | number[] | string | Uint8Array;
const u32 = (...values: number[]) => values.flatMap((v) => [(v >>> 24) & 255, (v >>> 16) & 255, (v >>> 8) & 255, v & 255]);
const zeros = (n: number) => new Array<number>(n).fill(0);
function flat(...parts: Part[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((p) => (typeof p === 'number' ? [p] : typeof p === 'string' ? [...new TextEncoder().encode(p)] : [...p])));
}
function box(type: string, ...parts: Part[]): Uint8Array {
  const body = flat(...parts);
  return flat(u32(body.length + 8), type, body);
}
const avcC = [1, 0x42, 0xc0, 0x1e, 0xff, 0xe1, 0, 0];
const entry = box('avc1', zeros(24), [640 >> 8, 640 & 255, 360 >> 8, 360 & 255], zeros(50), box('avcC', avcC));
const moov = box('moov', box('trak', box('mdia', box('mdhd', zeros(12), u32(90000), zeros(8)), box('minf', box('stbl', box('stsd', u32(0, 1), entry))))));
const init = flat(box('ftyp', 'iso6', u32(0)), moov);

/** A fragment of pictures of the sizes given, at @tfdt, 9000 ticks each; the first one is a key frame. */
function fragment(tfdt: number, sizes: number[]): Uint8Array {
  const make = (offset: number) =>
    box('moof', box('mfhd', u32(0, 1)), box('traf', box('tfhd', u32(0x020000 | 0x38, 1, 9000, 0, 0x1010000)), box('tfdt', u32(0, tfdt)), box('trun', u32(0x205, sizes.length, offset, 0x2000000), u32(...sizes))));
  const moof = make(make(0).length + 8);
  return flat(moof, box('mdat', ...sizes.map((n, i) => new Array<number>(n).fill(i + 1))));
}

describe('parseInit', () => {
  it('finds codec, size and timescale', () => expect(parseInit(init)).toMatchObject({ codec: 'avc1.42c01e', width: 640, height: 360, timescale: 90000 }));
  it('refuses what is no H.264 track', () => expect(() => parseInit(flat(box('moov', box('trak', box('mdia')))))).toThrow(Mp4Error));
});

describe('parseFragments', () => {
  it('reads pictures of several fragments', () => {
    const samples = parseFragments(flat(fragment(0, [3, 2]), fragment(18000, [1])));
    expect(samples.map((s) => [s.dts, s.key, s.data.length, s.data[0]])).toEqual([
      [0, true, 3, 1],
      [9000, false, 2, 2],
      [18000, true, 1, 1],
    ]);
  });
  it('throws one kind of error, whatever is cut off or changed', () => {
    const good = flat(init, fragment(0, [3, 2]));
    for (let i = 0; i < good.length; i++) {
      for (const bad of [good.slice(0, i), Uint8Array.from(good, (v, at) => (at === i ? v ^ 0xff : v))]) {
        for (const parse of [parseInit, parseFragments, parseStill]) {
          try {
            parse(bad);
          } catch (error) {
            expect(error).toBeInstanceOf(Mp4Error);
          }
        }
      }
    }
  });
});

describe('parseStill', () => {
  it('takes the one sample of a progressive file', () => expect([...parseStill(flat(init, box('mdat', [7, 8, 9]))).data]).toEqual([7, 8, 9]));
  it('takes the first one of a fragment', () => expect([...parseStill(flat(init, fragment(0, [2, 2]))).data]).toEqual([1, 1]));
  it('refuses a file without a picture', () => expect(() => parseStill(init)).toThrow(Mp4Error));
});

describe('parsePlaylist', () => {
  const text = `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:4
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="recordings/7/masked.mp4",BYTERANGE="800@0"
#EXT-X-PROGRAM-DATE-TIME:2026-11-23T10:00:00.500Z
#EXTINF:4.000,
#EXT-X-BYTERANGE:1000@800
recordings/7/masked.mp4
#EXTINF:3.5,
#EXT-X-BYTERANGE:900
recordings/7/masked.mp4
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="recordings/8/masked.mp4",BYTERANGE="801@0"
#EXT-X-PROGRAM-DATE-TIME:2026-11-23T10:10:00Z
#EXTINF:4,
#EXT-X-BYTERANGE:10@801
recordings/8/masked.mp4
#EXT-X-ENDLIST
`;
  const T = Date.UTC(2026, 10, 23, 10);
  const segments = parsePlaylist(text, (name) => `/x/${name}`);
  it('gives each segment its time, bytes and map', () => {
    expect(segments.map((s) => [s.start - T, s.end - T, s.url, s.offset, s.length, s.map.length])).toEqual([
      [500, 4500, '/x/recordings/7/masked.mp4', 800, 1000, 800],
      [4500, 8000, '/x/recordings/7/masked.mp4', 1800, 900, 800],
      [600000, 604000, '/x/recordings/8/masked.mp4', 801, 10, 801],
    ]);
  });
  it.each([
    [0, 0],
    [500, 0],
    [4499, 0],
    [4500, 1],
    [8000, 2],
    [604000, 3],
  ])('%i ms is in, or before, segment %i', (at, index) => expect(segmentAt(segments, T + at)).toBe(index));
  it('takes a recording of a single picture, which lasts for nothing', () => {
    const one = parsePlaylist('#EXTM3U\n#EXT-X-MAP:URI="r",BYTERANGE="9@0"\n#EXT-X-PROGRAM-DATE-TIME:2026-11-23T10:00:00Z\n#EXTINF:0.000000,\n#EXT-X-BYTERANGE:5@9\nr\n', (n) => n);
    expect(one.map((s) => s.end - s.start)).toEqual([1]);
  });
  it.each([['no playlist', '<html>'], ['a segment without a map', '#EXTM3U\n#EXTINF:4,\na.mp4'], ['a time that is none', '#EXTM3U\n#EXT-X-PROGRAM-DATE-TIME:yesterday'], ['a range that is none', '#EXTM3U\n#EXT-X-BYTERANGE:x@1']])(
    'refuses %s',
    (_name, bad) => expect(() => parsePlaylist(bad, (n) => n)).toThrow(PlaylistError),
  );
});
