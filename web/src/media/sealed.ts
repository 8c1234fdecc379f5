// SPDX-License-Identifier: AGPL-3.0-or-later
// Sealed recordings (docs/format/recording.md): what the head says, and samples decrypted by WebCrypto's AES-CTR.
import { guarded, Mp4Error, Reader, type Box, type Sample, type Track } from './mp4';

export interface Stretch {
  startMs: number; // decoding can begin here
  endMs: number;
  offset: number;
  length: number;
}
export interface SealedHead {
  track: Track;
  kid: string;
  camera: string;
  node: string;
  startMs: number;
  epochMs: number;
  epochEndMs: number;
  stretches: Stretch[]; // empty: the recording is not closed yet
}

const META = 'c15e0e526a434d0b9d55718f0c2e9437';
const hex = (bytes: Uint8Array) => Array.from(bytes, (x) => x.toString(16).padStart(2, '0')).join('');

function codecOf(r: Reader, entry: Box, name: string): { codec: string; description: Uint8Array } {
  const type = name === 'avc1' ? 'avcC' : 'hvcC';
  const box = r.find({ body: entry.body + 78, end: entry.end }, type);
  const d = r.bytes.slice(box.body, box.end);
  if (d.length < (type === 'avcC' ? 7 : 23)) throw new Mp4Error(`no parameters in ${type}`);
  if (type === 'avcC') return { codec: `avc1.${hex(d.subarray(1, 4))}`, description: d };
  return { codec: hevcName(d), description: d };
}

/** ISO/IEC 14496-15 Annex E.3. */
function hevcName(d: Uint8Array): string {
  const space = ['', 'A', 'B', 'C'][d[1]! >> 6]!;
  let compatible = 0;
  for (let i = 0; i < 32; i++) if ((d[2 + (i >> 3)]! >> (7 - (i & 7))) & 1) compatible += 2 ** i;
  const constraints = [...d.subarray(6, 12)];
  while (constraints.length && constraints[constraints.length - 1] === 0) constraints.pop();
  return ['hvc1', `${space}${d[1]! & 31}`, compatible.toString(16).toUpperCase(), `${d[1]! & 32 ? 'H' : 'L'}${d[12]}`, ...constraints.map((x) => x.toString(16).toUpperCase())].join('.');
}

function readMeta(r: Reader, boxes: Box[]) {
  const meta = boxes.find((box) => box.type === 'uuid' && hex(r.bytes.subarray(box.body, box.body + 16)) === META);
  if (!meta) throw new Mp4Error('a recording that does not say whose it is');
  const at = meta.body + 16;
  const name = (from: number) => new TextDecoder().decode(r.bytes.subarray(from + 1, from + 1 + r.u8(from)));
  const us = (from: number) => Number(r.view.getBigInt64(from)) / 1000;
  const camera = name(at + 52);
  return { epochMs: us(at + 12), epochEndMs: us(at + 12) + us(at + 20), startMs: us(at + 28), kid: hex(r.bytes.subarray(at + 36, at + 52)), camera, node: name(at + 53 + r.u8(at + 52)) };
}

/** References of `sidx` (ISO/IEC 14496-12 §8.16.3), joined from one key frame to the next. */
function readSidx(r: Reader, box: Box, startMs: number): Stretch[] {
  const timescale = r.u32(box.body + 8);
  let time = r.u64(box.body + 12);
  let offset = box.end + r.u64(box.body + 20);
  const out: Stretch[] = [];
  for (let i = 0, at = box.body + 32; i < r.u16(box.body + 30); i++, at += 12) {
    const length = r.u32(at) & 0x7fffffff;
    const duration = r.u32(at + 4);
    const last = out[out.length - 1];
    if (duration === 0 && last) last.length += length;
    else if (duration > 0) out.push({ startMs: startMs + (time * 1000) / timescale, endMs: startMs + ((time + duration) * 1000) / timescale, offset, length });
    time += duration;
    offset += length;
  }
  return out;
}

/** The head of a sealed recording: its first bytes up to the first fragment, @bytes may hold more. */
export function parseSealedHead(bytes: Uint8Array): SealedHead {
  return guarded(() => {
    const r = new Reader(bytes);
    const boxes: Box[] = [];
    try {
      for (const box of r.boxes(0, bytes.length)) boxes.push(box);
    } catch (error) {
      if (!(error instanceof Mp4Error) || !boxes.some((box) => box.type === 'moov')) throw error; // the last box may be cut off
    }
    const mdia = r.find({ body: 0, end: boxes[1]?.end ?? 0 }, 'moov', 'trak', 'mdia');
    const mdhd = r.find(mdia, 'mdhd');
    const stsd = r.find(mdia, 'minf', 'stbl', 'stsd');
    const entry = [...r.boxes(stsd.body + 8, stsd.end)][0];
    if (entry?.type !== 'encv') throw new Mp4Error('not a sealed recording');
    const sinf = r.find({ body: entry.body + 78, end: entry.end }, 'sinf');
    const frma = r.find(sinf, 'frma');
    const tenc = r.find(sinf, 'schi', 'tenc');
    const meta = readMeta(r, boxes);
    if (hex(r.bytes.subarray(tenc.body + 8, tenc.body + 24)) !== meta.kid || r.u8(tenc.body + 7) !== 8) throw new Mp4Error('key ids that contradict each other');
    const track = { ...codecOf(r, entry, new TextDecoder().decode(bytes.subarray(frma.body, frma.body + 4))), width: r.u16(entry.body + 24), height: r.u16(entry.body + 26), timescale: r.u32(mdhd.body + 20) };
    const sidx = boxes.find((box) => box.type === 'sidx');
    return { ...meta, track, stretches: sidx ? readSidx(r, sidx, meta.startMs) : [] };
  });
}

/** A content key for decryptSamples(): it cannot be read out of the browser's key store again. */
export const importKey = (key: Uint8Array<ArrayBuffer>) => crypto.subtle.importKey('raw', key, 'AES-CTR', false, ['decrypt']);

/** ISO/IEC 23001-7 §9.5: one key stream over all sealed parts of a sample; counter = IV (8) · block number (8). */
async function unseal(sample: Sample, key: CryptoKey): Promise<Sample> {
  const { seal } = sample;
  if (!seal) return sample;
  const total = seal.parts.reduce((n, [clear, sealed]) => n + clear + sealed, 0);
  if (total !== sample.data.length) throw new Mp4Error('a seal that does not fit its sample');
  const each = (work: (at: number, length: number) => void) => {
    let at = 0;
    for (const [clear, sealed] of seal.parts) {
      at += clear;
      work(at, sealed);
      at += sealed;
    }
  };
  const packed = new Uint8Array(seal.parts.reduce((n, [, sealed]) => n + sealed, 0));
  let to = 0;
  each((at, length) => {
    packed.set(sample.data.subarray(at, at + length), to);
    to += length;
  });
  const counter = new Uint8Array(16);
  counter.set(seal.iv);
  const clear = new Uint8Array(await crypto.subtle.decrypt({ name: 'AES-CTR', counter, length: 64 }, key, packed));
  const data = sample.data.slice();
  to = 0;
  each((at, length) => {
    data.set(clear.subarray(to, to + length), at);
    to += length;
  });
  const { seal: _, ...rest } = sample;
  return { ...rest, data };
}

export const decryptSamples = (samples: Sample[], key: CryptoKey): Promise<Sample[]> => Promise.all(samples.map((sample) => unseal(sample, key)));
