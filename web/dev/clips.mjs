// SPDX-License-Identifier: AGPL-3.0-or-later
// Clips for the development server: drawn places with figures that move, in fragments of 0.2 s. Made once, with FFmpeg.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SECONDS = 24;
const looks = [
  ['0x5d6a66', '0x8b948c', '0x3f4a4d'],
  ['0x6b6459', '0xa09684', '0x4a4640'],
  ['0x4f6170', '0x8fa3b1', '0x35424d'],
  ['0x5f6b55', '0x95a184', '0x414a3a'],
];

function draw([ground, wall, road], seed) {
  const figures = [0, 1, 2].map((i) => {
    const speed = 30 + ((seed * 37 + i * 53) % 60);
    const y = 190 + i * 34;
    return `drawbox=x='mod(t*${speed}+${(seed * 131 + i * 210) % 640}\\,720)-40':y=${y}:w=24:h=62:color=0xd08a4e:t=fill`;
  });
  return [
    `color=c=${ground}:s=640x360:r=10:d=${SECONDS}`,
    `drawbox=x=0:y=0:w=640:h=120:color=${wall}:t=fill`,
    `drawbox=x=${60 + seed * 20}:y=30:w=70:h=90:color=0x2e3638:t=fill`,
    `drawbox=x=${260 + seed * 30}:y=24:w=110:h=60:color=0x9fb4bd:t=fill`,
    `drawbox=x=0:y=270:w=640:h=90:color=${road}:t=fill`,
    `drawbox=x=0:y=312:w=640:h=3:color=0xb9b9a9:t=fill`,
    ...figures,
  ].join(',');
}

export function clips() {
  const own = process.env.LETHE_DEV_CLIPS;
  const folder = own ?? join(tmpdir(), 'lethe-dev-clips');
  mkdirSync(folder, { recursive: true });
  return looks.map((look, i) => {
    const file = join(folder, `${i}.mp4`);
    if (!existsSync(file)) {
      execFileSync('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', draw(look, i), '-c:v', 'libx264', '-preset', 'veryfast', '-tune', 'zerolatency', '-profile:v', 'baseline',
        '-pix_fmt', 'yuv420p', '-g', '40', '-bf', '0', '-movflags', 'empty_moov+default_base_moof+frag_keyframe', '-frag_duration', '200000', file]);
    }
    return parse(readFileSync(file));
  });
}

const type = (b, at) => b.toString('latin1', at + 4, at + 8);
function inside(b, from, to, name) {
  for (let at = from; at < to; at += b.readUInt32BE(at)) if (type(b, at) === name) return at;
  return -1;
}

/** A clip as its initialisation segment and fragments {bytes, tfdt, key}; `step` is the length of one in ticks. */
function parse(b) {
  let init;
  let moof = -1;
  const fragments = [];
  let timescale = 0;
  for (let at = 0; at < b.length; at += b.readUInt32BE(at)) {
    const name = type(b, at);
    const end = at + b.readUInt32BE(at);
    if (name === 'moov') {
      init = b.subarray(0, end);
      const mdia = inside(b, inside(b, at + 8, end, 'trak') + 8, end, 'mdia');
      timescale = b.readUInt32BE(inside(b, mdia + 8, end, 'mdhd') + 20);
    }
    if (name === 'moof') moof = at;
    if (name === 'mdat') {
      const traf = inside(b, moof + 8, at, 'traf');
      const tfdt = inside(b, traf + 8, at, 'tfdt');
      fragments.push({ bytes: Buffer.from(b.subarray(moof, end)), at: tfdt - moof + 12, tfdt: Number(b.readBigUInt64BE(tfdt + 12)) });
    }
  }
  for (const f of fragments) f.key = (f.tfdt / timescale) % 4 < 0.01;
  return { init, fragments, timescale, seconds: SECONDS };
}

/** Fragment @i of the clip, endlessly repeated. */
export function fragment(clip, i) {
  const f = clip.fragments[i % clip.fragments.length];
  const bytes = Buffer.from(f.bytes);
  bytes.writeBigUInt64BE(BigInt(f.tfdt + Math.floor(i / clip.fragments.length) * clip.seconds * clip.timescale), f.at);
  return { bytes, key: f.key };
}
