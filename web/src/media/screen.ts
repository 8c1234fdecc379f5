// SPDX-License-Identifier: AGPL-3.0-or-later
// One camera in playback: shows on a canvas the picture that belongs to a time, whichever way that time moves.
import { onEachFrame } from './picture';
import type { Group, Picture, Source } from './source';
import type { Track } from './mp4';

export type Standing = 'ready' | 'waiting' | 'gap';
export { onEachFrame };

const AHEAD = 10; // pictures decoded before they are due
const PREFETCH_MS = 2500; // at rate 1: when the next segment is asked for
const SLACK = 0.6; // ms: times come from microseconds
const LIVELY_MS = 250; // on the way from a key picture to the one that is wanted, so often one is shown

const sameTrack = (a: Track, b: Track) => a.codec === b.codec && a.description.length === b.description.length && a.description.every((byte, i) => byte === b.description[i]);

interface Waiting {
  frame: VideoFrame;
  time: number;
}

export class Screen {
  shown: number | null = null; // time of the picture on the canvas, null: none
  private context: CanvasRenderingContext2D | null;
  private decoder: VideoDecoder | null = null;
  private configured: Track | null = null;
  private group: Group | null = null;
  private next = 0; // index of the picture of @group that is decoded next
  private fed: number[] = []; // times given to the decoder, not yet passed
  private frames: Waiting[] = [];
  private broken = 0; // when the decoder failed last
  private inside = 0; // pictures given to the decoder that have not come out
  private wanted = Number.NEGATIVE_INFINITY; // time of the newest picture that was due when it was given to the decoder
  private painted = 0; // when, on the clock of the page

  constructor(
    readonly canvas: HTMLCanvasElement,
    readonly source: Source,
    private resized: (width: number, height: number) => void,
  ) {
    this.context = canvas.getContext('2d', { alpha: false });
  }

  /** Brings the canvas to @time. @keys: key frames only. Call it for each frame of the screen. */
  update(time: number, rate: number, keys: boolean): Standing {
    const segment = this.source.peek(time);
    if (segment === undefined) return this.waiting(time);
    if (segment === null) return 'gap';
    if (Date.now() - this.broken < 1000) return 'waiting';
    if (keys) return this.toKey(segment, time);
    if (!this.covers(time)) {
      const group = this.source.peekGroup(segment);
      if (!group) return 'waiting';
      this.begin(group);
    }
    this.feed(time, rate);
    this.draw(time);
    return this.standing(time);
  }

  /** While a playlist is renewed, what was there is still good. */
  private waiting(time: number): Standing {
    this.draw(time);
    return 'waiting';
  }

  private covers(time: number): boolean {
    if (!this.group || !this.decoder) return false;
    const from = this.fed[0] ?? this.shown ?? this.group.segment.start;
    const first = this.shown !== null ? Math.min(this.shown, from) : from;
    return time >= first - SLACK && time < this.group.segment.end && time - (this.fed[this.fed.length - 1] ?? first) < 6000;
  }

  private begin(group: Group) {
    this.reset(group.track);
    this.group = group;
    this.next = 0;
  }

  private reset(track: Track) {
    this.drop();
    if (this.decoder?.state === 'configured' && this.inside === 0 && this.configured && sameTrack(this.configured, track)) return; // an empty decoder takes any key picture; made anew it would take 50 ms to begin
    this.inside = 0;
    if (!this.decoder || this.decoder.state === 'closed') {
      const decoder: VideoDecoder = new VideoDecoder({
        output: (frame) => (decoder === this.decoder ? this.take(frame) : frame.close()),
        error: () => {
          this.broken = Date.now();
          this.group = null;
        },
      });
      this.decoder = decoder;
    } else this.decoder.reset();
    this.decoder.configure({ codec: track.codec, description: track.description, optimizeForLatency: true });
    this.configured = track;
  }

  /** What is only on the way to the wanted picture is let go at once: the decoder goes on, and nothing is painted for it. */
  private take(frame: VideoFrame) {
    this.inside--;
    const time = frame.timestamp / 1000;
    if (time < this.wanted - SLACK && performance.now() - this.painted < LIVELY_MS) frame.close();
    else this.frames.push({ frame, time });
  }

  private decode(picture: Picture) {
    this.inside++;
    this.fed.push(picture.time);
    this.decoder!.decode(new EncodedVideoChunk({ type: picture.key ? 'key' : 'delta', timestamp: Math.round(picture.time * 1000), data: picture.data }));
  }

  private feed(time: number, rate: number) {
    if (!this.group || this.decoder?.state !== 'configured') return;
    const ahead = Math.max(400, 400 * rate);
    for (;;) {
      const picture: Picture | undefined = this.group.pictures[this.next];
      if (!picture) {
        const following = this.following();
        if (!following) break;
        if (!this.configured || !sameTrack(following.track, this.configured)) {
          // Another recording: what was fed is finished first, then the decoder starts anew.
          if (time < following.segment.start - SLACK) break;
          return this.begin(following);
        }
        this.group = following;
        this.next = 0;
        continue;
      }
      const due = picture.time <= time + SLACK;
      if (!due && (picture.time > time + ahead || this.frames.length + this.decoder.decodeQueueSize >= AHEAD)) break;
      if (due && this.decoder.decodeQueueSize > 60) break;
      if (due) this.wanted = picture.time;
      this.decode(picture);
      this.next++;
    }
    if (this.group.segment.end - time < PREFETCH_MS * Math.max(1, rate)) this.following();
  }

  /** The group behind this one, when there is one without a gap. */
  private following(): Group | undefined {
    const segment = this.source.peek(this.group!.segment.end + 1);
    return segment && segment.start - this.group!.segment.end < 50 && segment !== this.group!.segment ? this.source.peekGroup(segment) : undefined;
  }

  private draw(time: number) {
    let ready: Waiting | null = null;
    while (this.frames.length && this.frames[0]!.time <= time + SLACK) {
      ready?.frame.close();
      ready = this.frames.shift()!;
    }
    while (this.fed.length > 1 && this.fed[1]! <= time + SLACK) this.fed.shift();
    if (ready) this.paint(ready);
  }

  private paint({ frame, time }: Waiting) {
    if (this.canvas.width !== frame.displayWidth || this.canvas.height !== frame.displayHeight) {
      this.canvas.width = frame.displayWidth;
      this.canvas.height = frame.displayHeight;
      this.resized(frame.displayWidth, frame.displayHeight);
    }
    this.context?.drawImage(frame, 0, 0);
    frame.close();
    this.shown = time;
    this.painted = performance.now();
  }

  private standing(time: number): Standing {
    const due = this.fed[0] !== undefined && this.fed[0] <= time + SLACK ? this.fed[0] : null;
    if (due === null) return this.shown !== null && this.group ? 'ready' : 'waiting';
    return this.shown !== null && this.shown >= due - SLACK ? 'ready' : 'waiting';
  }

  /** Shows the key frame that @segment begins with, and decodes nothing else. */
  private toKey(segment: Group['segment'], time: number): Standing {
    const ready = this.frames.pop();
    if (ready) this.paint(ready);
    for (const { frame } of this.frames.splice(0)) frame.close();
    const group = this.source.peekGroup(segment);
    if (!group?.pictures[0]) return 'waiting';
    const key = group.pictures[0];
    if (this.shown !== null && Math.abs(this.shown - key.time) < SLACK) return 'ready';
    if (this.fed[0] !== key.time && time >= key.time - SLACK) {
      this.reset(group.track);
      this.group = null;
      this.decode(key);
      void this.decoder!.flush().catch(() => {});
    }
    return 'waiting';
  }

  /** Times of the pictures beside @time, as far as they are known: for stepping. */
  beside(time: number, by: 1 | -1): number | null | undefined {
    const here = this.source.peek(time);
    if (here === undefined) return undefined;
    if (here) {
      const group = this.source.peekGroup(here);
      if (!group) return undefined;
      const found = by > 0 ? group.pictures.find((p) => p.time > time + SLACK) : group.pictures.findLast((p) => p.time < time - SLACK);
      if (found) return found.time;
    }
    const other = by > 0 ? (here ? this.source.peek(here.end + 1) : null) : this.source.peekBefore(here ? here.start : time);
    if (!other) return other;
    const group = this.source.peekGroup(other);
    return group ? (by > 0 ? group.pictures[0]?.time : group.pictures[group.pictures.length - 1]?.time) ?? null : undefined;
  }

  /** Something else was painted over it. */
  forget() {
    this.shown = null;
    this.group = null;
    this.drop();
  }

  private drop() {
    for (const { frame } of this.frames.splice(0)) frame.close();
    this.fed = [];
    this.shown = null;
    this.wanted = Number.NEGATIVE_INFINITY;
  }

  close() {
    this.drop();
    if (this.decoder && this.decoder.state !== 'closed') this.decoder.close();
    this.decoder = null;
    this.source.close();
  }
}
