// SPDX-License-Identifier: AGPL-3.0-or-later
// An export in which only what a person pointed at is uncovered: the masked view, and the original inside the boxes.
// It is made in this page from opened material; where the masked view is missing, the picture is black.
import { BufferTarget, CanvasSource, getFirstEncodableVideoCodec, Mp4OutputFormat, Output, QUALITY_HIGH } from 'mediabunny';
import { boxesAt, type Region } from '../lib/case/regions';
import { compose, type Drawable } from './compose';
import { framesOf, Follower } from './frames';
import type { Source } from './source';

const MASK_MS = 1500; // so old a masked picture may be

export interface Job {
  original: Source;
  masked: Source;
  from: number;
  to: number;
  regions: Region[];
  comment: string;
  signal: AbortSignal;
  progress: (part: number) => void;
}

/** An MP4 without sound. Throws when the browser cannot encode, or there is nothing to write. */
export async function writeUnmasked(job: Job): Promise<{ bytes: ArrayBuffer; pictures: number; codec: string }> {
  const masked = new Follower(job.masked, job.from, job.to, MASK_MS);
  const format = new Mp4OutputFormat({ fastStart: 'in-memory' });
  const target = new BufferTarget();
  const output = new Output({ format, target });
  let writer: { canvas: OffscreenCanvas; context: Drawable; source: CanvasSource; codec: string } | null = null;
  let pictures = 0;
  let last = 0;
  try {
    for await (const { time, frame } of framesOf(job.original, job.from, job.to)) {
      try {
        job.signal.throwIfAborted();
        writer ??= await begin(output, format, frame.displayWidth & ~1, frame.displayHeight & ~1, job.comment);
        const { canvas, context, source } = writer;
        compose(context, frame, await masked.at(time), boxesAt(job.regions, time), canvas.width, canvas.height);
        await source.add((time - job.from) / 1000, Math.max(0.001, Math.min(1, pictures ? (time - last) / 1000 : 0.04)));
        last = time;
        pictures++;
        job.progress((time - job.from) / (job.to - job.from));
      } finally {
        frame.close();
      }
    }
    if (!writer) throw new Error('');
    await output.finalize();
    return { bytes: target.buffer!, pictures, codec: writer.codec };
  } catch (error) {
    await output.cancel().catch(() => {});
    throw error;
  } finally {
    await masked.close();
    if (writer) writer.canvas.width = writer.canvas.height = 1;
  }
}

async function begin(output: Output, format: Mp4OutputFormat, width: number, height: number, comment: string) {
  const codec = await getFirstEncodableVideoCodec(format.getSupportedVideoCodecs(), { width, height });
  if (!codec) throw new Error('no encoder');
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d', { alpha: false })!;
  const source = new CanvasSource(canvas, { codec, bitrate: QUALITY_HIGH });
  output.addVideoTrack(source);
  output.setMetadataTags({ comment });
  await output.start();
  return { canvas, context, source, codec };
}
