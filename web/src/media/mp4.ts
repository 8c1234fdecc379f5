// SPDX-License-Identifier: AGPL-3.0-or-later
// As much of ISO/IEC 14496-12 as one H.264 track needs: moov of an initialisation segment, fragments (moof mdat), and the
// one-sample files that thumbnails are. Lengths come from elsewhere, so each is checked before it is used.

export class Mp4Error extends Error {}

export interface Track {
  codec: string; // avc1.42c01e
  description: Uint8Array; // avcC, for VideoDecoder.configure()
  width: number;
  height: number;
  timescale: number;
}

export interface Sample {
  dts: number; // ticks of the track's timescale
  pts: number;
  duration: number;
  key: boolean;
  data: Uint8Array; // NAL units behind 4-byte lengths
  seal?: Seal; // as long as @data is encrypted
}

/** One entry of `senc` (ISO/IEC 23001-7 §7.2). */
export interface Seal {
  iv: Uint8Array; // 8 bytes
  parts: [clear: number, sealed: number][];
}

export interface Box {
  type: string;
  start: number; // of the box
  body: number; // of its content
  end: number;
}

export class Reader {
  readonly view: DataView;
  constructor(readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  u8 = (at: number) => this.view.getUint8(at);
  u16 = (at: number) => this.view.getUint16(at);
  u32 = (at: number) => this.view.getUint32(at);
  u64 = (at: number) => Number(this.view.getBigUint64(at));

  *boxes(from: number, to: number): Generator<Box> {
    let at = from;
    while (at + 8 <= to) {
      let size = this.u32(at);
      let body = at + 8;
      const type = String.fromCharCode(...this.bytes.subarray(at + 4, at + 8));
      if (size === 1 && at + 16 <= to) {
        size = this.u64(at + 8);
        body = at + 16;
      } else if (size === 0) size = to - at;
      if (size < body - at || at + size > to) throw new Mp4Error(`box ${type} at ${at} is longer than what holds it`);
      yield { type, start: at, body, end: at + size };
      at += size;
    }
  }

  find(within: Pick<Box, 'body' | 'end'>, ...path: string[]): Box {
    let here = within;
    for (const type of path) {
      const next = [...this.boxes(here.body, here.end)].find((box) => box.type === type);
      if (!next) throw new Mp4Error(`no box ${path.join('.')}`);
      here = next;
    }
    return here as Box;
  }
}

const hex = (n: number) => n.toString(16).padStart(2, '0');

export function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof RangeError) throw new Mp4Error('a box ends before its fields do');
    throw error;
  }
}

/** The H.264 track of `moov`. */
export function parseInit(bytes: Uint8Array): Track {
  return guarded(() => {
    const r = new Reader(bytes);
    const mdia = r.find({ body: 0, end: bytes.length }, 'moov', 'trak', 'mdia');
    const mdhd = r.find(mdia, 'mdhd');
    const timescale = r.u32(mdhd.body + (r.u8(mdhd.body) === 1 ? 20 : 12));
    const stsd = r.find(mdia, 'minf', 'stbl', 'stsd');
    const entry = [...r.boxes(stsd.body + 8, stsd.end)][0];
    if (!entry || (entry.type !== 'avc1' && entry.type !== 'avc3')) throw new Mp4Error('not an H.264 track');
    const avcC = r.find({ body: entry.body + 78, end: entry.end }, 'avcC');
    if (avcC.end - avcC.body < 7 || timescale === 0) throw new Mp4Error('no parameters in avcC');
    const description = bytes.slice(avcC.body, avcC.end);
    return {
      codec: `${entry.type}.${hex(description[1]!)}${hex(description[2]!)}${hex(description[3]!)}`,
      description,
      width: r.u16(entry.body + 24),
      height: r.u16(entry.body + 26),
      timescale,
    };
  });
}

/** All samples of all fragments in @bytes, which begin at a box and may hold others in between. @only: of one track. */
export function parseFragments(bytes: Uint8Array, only = 0): Sample[] {
  return guarded(() => {
    const r = new Reader(bytes);
    const out: Sample[] = [];
    for (const box of r.boxes(0, bytes.length)) {
      if (box.type === 'moof') for (const traf of r.boxes(box.body, box.end)) if (traf.type === 'traf' && (!only || trackOf(r, traf) === only)) readTraf(r, box.start, traf, out);
    }
    return out;
  });
}

const trackOf = (r: Reader, traf: Box) => r.u32(r.find(traf, 'tfhd').body + 4);

interface Defaults {
  duration: number;
  size: number;
  flags: number;
  base: number;
}

// ISO/IEC 14496-12 §8.8.7: optional fields stand in the order of their flags.
function readTfhd(r: Reader, tfhd: Box, moof: number): Defaults {
  const flags = r.u32(tfhd.body) & 0xffffff;
  let at = tfhd.body + 8;
  const next = (wide = false) => {
    const value = wide ? r.u64(at) : r.u32(at);
    at += wide ? 8 : 4;
    return value;
  };
  const base = flags & 0x1 ? next(true) : moof;
  if (flags & 0x2) next();
  return { base, duration: flags & 0x8 ? next() : 0, size: flags & 0x10 ? next() : 0, flags: flags & 0x20 ? next() : 0 };
}

const NON_SYNC = 0x10000;

/** Entries of `senc` with subsamples and IVs of 8 bytes; none where nothing is sealed. */
function readSenc(r: Reader, traf: Box): Seal[] {
  const senc = [...r.boxes(traf.body, traf.end)].find((box) => box.type === 'senc');
  if (!senc) return [];
  if ((r.u32(senc.body) & 2) === 0) throw new Mp4Error('sealed samples without subsamples');
  const out: Seal[] = [];
  let at = senc.body + 8;
  for (let n = r.u32(senc.body + 4); n > 0; n--) {
    const count = r.u16(at + 8);
    if (at + 10 + 6 * count > senc.end) throw new Mp4Error('a seal ends before its fields do');
    const parts = Array.from({ length: count }, (_, i): [number, number] => [r.u16(at + 10 + 6 * i), r.u32(at + 12 + 6 * i)]);
    out.push({ iv: r.bytes.subarray(at, at + 8), parts });
    at += 10 + 6 * count;
  }
  return out;
}

function readTraf(r: Reader, moof: number, traf: Box, out: Sample[]) {
  const seals = readSenc(r, traf);
  let number = 0;
  const defaults = readTfhd(r, r.find(traf, 'tfhd'), moof);
  const tfdt = r.find(traf, 'tfdt');
  let dts = r.u8(tfdt.body) === 1 ? r.u64(tfdt.body + 4) : r.u32(tfdt.body + 4);
  for (const trun of r.boxes(traf.body, traf.end)) {
    if (trun.type !== 'trun') continue;
    const flags = r.u32(trun.body) & 0xffffff;
    const count = r.u32(trun.body + 4);
    let at = trun.body + 8;
    let data = defaults.base + (flags & 0x1 ? r.view.getInt32(at) : 0);
    if (flags & 0x1) at += 4;
    const first = flags & 0x4 ? r.u32(at) : undefined;
    if (flags & 0x4) at += 4;
    for (let i = 0; i < count; i++) {
      const field = (mask: number, otherwise: number) => {
        if (!(flags & mask)) return otherwise;
        at += 4;
        return r.u32(at - 4);
      };
      const duration = field(0x100, defaults.duration);
      const size = field(0x200, defaults.size);
      const marks = field(0x400, i === 0 && first !== undefined ? first : defaults.flags);
      const shift = flags & 0x800 ? field(0x800, 0) | 0 : 0;
      if (data + size > r.bytes.length) throw new Mp4Error('a sample lies outside of what was read');
      out.push({ dts, pts: dts + shift, duration, key: (marks & NON_SYNC) === 0, data: r.bytes.subarray(data, data + size), ...(seals[number] && { seal: seals[number] }) });
      number++;
      dts += duration;
      data += size;
    }
  }
}

/** The track and the one sample of a thumbnail: `ftyp moov mdat`, or a fragment. */
export function parseStill(bytes: Uint8Array): { track: Track; data: Uint8Array } {
  const track = parseInit(bytes);
  return guarded(() => {
    const r = new Reader(bytes);
    const boxes = [...r.boxes(0, bytes.length)];
    if (boxes.some((box) => box.type === 'moof')) {
      const sample = parseFragments(bytes)[0];
      if (!sample) throw new Mp4Error('no picture');
      return { track, data: sample.data };
    }
    const mdat = boxes.find((box) => box.type === 'mdat');
    if (!mdat || mdat.end === mdat.body) throw new Mp4Error('no picture');
    return { track, data: bytes.subarray(mdat.body, mdat.end) };
  });
}
