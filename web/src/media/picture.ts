// SPDX-License-Identifier: AGPL-3.0-or-later
// Turns the initialisation segments and fragments of one camera into a moving picture at the live edge.
// WebCodecs where the browser has it: a canvas and a decoder, no media element, so 64 of them are cheap and a picture is
// shown when its time comes rather than when a buffer is full. Else Media Source Extensions.
import { parseFragments, parseInit, type Track } from './mp4';

export interface Picture {
  readonly element: HTMLCanvasElement | HTMLVideoElement;
  init(bytes: Uint8Array): void;
  fragment(utcMs: number, key: boolean, bytes: Uint8Array): void;
  close(): void;
}
export interface PictureEvents {
  /** A picture taken at @utcMs is on the screen. */
  shown(utcMs: number): void;
  size(width: number, height: number): void;
}

export const hasWebCodecs = () => typeof VideoDecoder === 'function' && isSecureContext;

export function makePicture(events: PictureEvents): Picture {
  return hasWebCodecs() ? new CodecPicture(events) : new MsePicture(events);
}

// One clock of the screen for all pictures.
const due = new Set<(now: number) => void>();
let ticking = 0;
function tick(now: number) {
  for (const work of due) work(now);
  ticking = due.size ? requestAnimationFrame(tick) : 0;
}
export function onEachFrame(work: (now: number) => void): () => void {
  due.add(work);
  if (!ticking) ticking = requestAnimationFrame(tick);
  return () => due.delete(work);
}

const SMOOTH_MS = 250; // one fragment and a bit: what pictures wait so that they come evenly
const QUEUE = 12; // decoded pictures that may wait
const BACKLOG = 30; // samples in the decoder before it is given up until the next key frame

class CodecPicture implements Picture {
  readonly element = document.createElement('canvas');
  private context = this.element.getContext('2d', { alpha: false });
  private decoder: VideoDecoder | null = null;
  private track: Track | null = null;
  private queue: { frame: VideoFrame; at: number; utcMs: number }[] = [];
  private waitKey = true;
  private delay = Number.POSITIVE_INFINITY; // least (arrival − capture): the way's constant part and both clocks' difference
  private stopTicks: () => void;

  constructor(private events: PictureEvents) {
    this.stopTicks = onEachFrame((now) => this.draw(now));
  }

  init(bytes: Uint8Array) {
    this.track = parseInit(bytes);
    this.reset();
    this.events.size(this.track.width, this.track.height);
  }

  private reset() {
    this.flush();
    if (this.decoder && this.decoder.state !== 'closed') this.decoder.close();
    this.waitKey = true;
    this.delay = Number.POSITIVE_INFINITY;
    if (!this.track) return;
    const decoder: VideoDecoder = new VideoDecoder({
      output: (frame) => (decoder === this.decoder ? this.take(frame) : frame.close()),
      error: () => decoder === this.decoder && this.reset(),
    });
    decoder.configure({ codec: this.track.codec, description: this.track.description, optimizeForLatency: true });
    this.decoder = decoder;
  }

  fragment(utcMs: number, _key: boolean, bytes: Uint8Array) {
    if (!this.track || !this.decoder || this.decoder.state !== 'configured') return;
    const samples = parseFragments(bytes);
    const first = samples[0];
    if (!first) return;
    const arrival = performance.now() + performance.timeOrigin - utcMs;
    this.delay = Math.min(arrival, this.delay + 5); // grows by 5 ms a fragment, so that a jump of a clock heals
    if (this.decoder.decodeQueueSize > BACKLOG) {
      this.waitKey = true;
      return; // a key picture too: it would be one more for a decoder that is behind
    }
    for (const sample of samples) {
      if (this.waitKey && !sample.key) continue;
      this.waitKey = false;
      const at = utcMs + ((sample.pts - first.dts) * 1000) / this.track.timescale;
      this.decoder.decode(new EncodedVideoChunk({ type: sample.key ? 'key' : 'delta', timestamp: Math.round(at * 1000), data: sample.data }));
    }
  }

  private take(frame: VideoFrame) {
    const utcMs = frame.timestamp / 1000;
    this.queue.push({ frame, utcMs, at: utcMs + this.delay + SMOOTH_MS - performance.timeOrigin });
    while (this.queue.length > QUEUE) this.queue.shift()!.frame.close();
  }

  private draw(now: number) {
    let ready = null;
    while (this.queue.length && this.queue[0]!.at <= now) {
      ready?.frame.close();
      ready = this.queue.shift()!;
    }
    if (!ready) return;
    const { frame } = ready;
    if (this.element.width !== frame.displayWidth || this.element.height !== frame.displayHeight) {
      this.element.width = frame.displayWidth;
      this.element.height = frame.displayHeight;
      this.events.size(frame.displayWidth, frame.displayHeight);
    }
    this.context?.drawImage(frame, 0, 0);
    frame.close();
    this.events.shown(ready.utcMs);
  }

  private flush() {
    for (const { frame } of this.queue.splice(0)) frame.close();
  }

  close() {
    this.stopTicks();
    this.track = null;
    if (this.decoder && this.decoder.state !== 'closed') this.decoder.close();
    this.decoder = null;
    this.flush();
  }
}

const EDGE_MS = 400; // where playing aims to be behind the newest picture
const LATE_MS = 1200; // further behind it jumps
const KEEP_S = 20;

function joined(parts: Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

class MsePicture implements Picture {
  readonly element = document.createElement('video');
  private source: MediaSource | null = null;
  private buffer: SourceBuffer | null = null;
  private pending: Uint8Array[] = [];
  private last = 0;
  private utcOffset = 0; // utc − media time, ms
  private timescale = 1;
  private stopTicks: () => void;
  private shownAt = -1;

  constructor(private events: PictureEvents) {
    this.element.muted = true;
    this.element.playsInline = true;
    this.element.disablePictureInPicture = true;
    this.element.addEventListener('resize', () => events.size(this.element.videoWidth, this.element.videoHeight));
    this.stopTicks = onEachFrame(() => this.edge());
  }

  init(bytes: Uint8Array) {
    const track = parseInit(bytes);
    this.timescale = track.timescale;
    this.pending = [bytes];
    this.buffer = null;
    const source = (this.source = new MediaSource());
    if (this.element.src) URL.revokeObjectURL(this.element.src);
    this.element.src = URL.createObjectURL(source);
    source.addEventListener('sourceopen', () => {
      if (source !== this.source) return;
      this.buffer = source.addSourceBuffer(`video/mp4; codecs="${track.codec}"`);
      this.buffer.addEventListener('updateend', () => this.feed());
      this.feed();
    }, { once: true });
    this.events.size(track.width, track.height);
  }

  fragment(utcMs: number, _key: boolean, bytes: Uint8Array) {
    const first = parseFragments(bytes)[0];
    if (!first || this.pending.length > 100) return;
    this.utcOffset = utcMs - (first.dts * 1000) / this.timescale;
    this.pending.push(bytes);
    this.feed();
  }

  private feed() {
    const { buffer } = this;
    if (!buffer || buffer.updating || this.source?.readyState !== 'open') return;
    const ranges = buffer.buffered;
    if (ranges.length && this.element.currentTime - ranges.start(0) > 2 * KEEP_S) return buffer.remove(0, this.element.currentTime - KEEP_S);
    // All that has come meanwhile at once: an append costs more than the bytes in it.
    if (this.pending.length) buffer.appendBuffer(joined(this.pending.splice(0)) as BufferSource);
  }

  private edge() {
    const ranges = this.buffer?.buffered;
    if (!ranges?.length || this.element.error) return;
    const end = ranges.end(ranges.length - 1);
    const behind = (end - this.element.currentTime) * 1000;
    const start = ranges.start(ranges.length - 1);
    if (behind > LATE_MS || behind < 0 || this.element.currentTime < start) this.element.currentTime = Math.max(start, end - EDGE_MS / 1000);
    this.element.playbackRate = behind > EDGE_MS + 300 ? 1.08 : 1;
    if (this.element.paused) void this.element.play().catch(() => {});
    if (this.element.currentTime !== this.shownAt && this.element.readyState >= 2) {
      this.shownAt = this.element.currentTime;
      const utcMs = this.shownAt * 1000 + this.utcOffset;
      if (utcMs - this.last > 50 || utcMs < this.last) this.events.shown((this.last = utcMs));
    }
  }

  close() {
    this.stopTicks();
    this.source = null;
    this.buffer = null;
    this.pending = [];
    if (this.element.src) URL.revokeObjectURL(this.element.src);
    this.element.removeAttribute('src');
    this.element.load();
  }
}
