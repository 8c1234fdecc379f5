// SPDX-License-Identifier: AGPL-3.0-or-later
// Pictures of a source one after another, decoded. Whoever takes one closes it.
import type { Group, Source } from './source';

export interface Shown {
  time: number; // ms UTC
  frame: VideoFrame;
}

async function* decode(group: Group): AsyncGenerator<Shown> {
  const ready: VideoFrame[] = [];
  let failure: Error | null = null;
  const decoder = new VideoDecoder({ output: (frame) => ready.push(frame), error: (error) => (failure = error) });
  const pass = function* () {
    for (let frame = ready.shift(); frame; frame = ready.shift()) yield { time: frame.timestamp / 1000, frame };
  };
  try {
    decoder.configure({ codec: group.track.codec, description: group.track.description });
    for (const picture of group.pictures) {
      decoder.decode(new EncodedVideoChunk({ type: picture.key ? 'key' : 'delta', timestamp: Math.round(picture.time * 1000), data: picture.data }));
      while (decoder.decodeQueueSize > 4 && !failure) await new Promise((done) => setTimeout(done, 2));
      if (failure) throw failure;
      yield* pass();
    }
    await decoder.flush();
    yield* pass();
  } finally {
    for (const frame of ready) frame.close();
    if (decoder.state !== 'closed') decoder.close();
  }
}

/** All pictures with a time in [@from, @to). */
export async function* framesOf(source: Source, from: number, to: number): AsyncGenerator<Shown> {
  for await (const group of source.stretches(from, to))
    for await (const shown of decode(group)) {
      if (shown.time >= from - 0.6 && shown.time < to) yield shown;
      else shown.frame.close();
    }
}

/** Goes along with another clock: the last picture at or before a time. */
export class Follower {
  private frames: AsyncGenerator<Shown>;
  private current: Shown | null = null;
  private next: Shown | null | undefined;

  constructor(source: Source, from: number, to: number, private patience: number) {
    this.frames = framesOf(source, from - patience, to);
  }

  /** Valid until the next call; null: none, or it is older than the patience. */
  async at(time: number): Promise<VideoFrame | null> {
    for (;;) {
      if (this.next === undefined) this.next = (await this.frames.next()).value ?? null;
      if (!this.next || this.next.time > time + 0.6) break;
      this.current?.frame.close();
      this.current = this.next;
      this.next = undefined;
    }
    return this.current && time - this.current.time <= this.patience ? this.current.frame : null;
  }

  async close() {
    await this.frames.return(undefined);
    this.current?.frame.close();
    this.next?.frame.close();
    this.current = this.next = null;
  }
}
