// SPDX-License-Identifier: AGPL-3.0-or-later
// Thumbnails for scrubbing: key frames, decoded by the browser and kept. Asks for the newest wish first, for few at a time.
import { Failure, request } from '../api/client';
import { parseStill } from './mp4';

export interface Thumb {
  bitmap: ImageBitmap | null; // null: there is no picture near that time
  time: number;
}

const KEEP = 600;
const AT_ONCE = 6;

/** Decodes one key frame. */
export async function decodeStill(bytes: Uint8Array): Promise<ImageBitmap> {
  const { track, data } = parseStill(bytes);
  return new Promise((resolve, reject) => {
    const decoder: VideoDecoder = new VideoDecoder({
      output: (frame) => {
        createImageBitmap(frame).then(resolve, reject).finally(() => frame.close());
      },
      error: reject,
    });
    decoder.configure({ codec: track.codec, description: track.description });
    decoder.decode(new EncodedVideoChunk({ type: 'key', timestamp: 0, data }));
    decoder.flush().then(() => decoder.close(), reject);
  });
}

export class Thumbs {
  private kept = new Map<string, Thumb>();
  private wishes: { key: string; camera: string; time: number }[] = [];
  private running = new Set<string>();
  private round = 0; // goes up when nobody wants what was asked for
  constructor(private changed: () => void) {}

  /** What is there for @camera at @time on a raster of @raster ms, at once; asks for it when it is not. */
  want(camera: string, time: number, raster: number): Thumb | null {
    const at = Math.floor(time / raster) * raster;
    const key = `${camera}@${at}`;
    const known = this.kept.get(key);
    if (known) {
      this.kept.delete(key);
      this.kept.set(key, known);
      return known;
    }
    if (!this.running.has(key)) {
      this.wishes = this.wishes.filter((wish) => wish.camera !== camera);
      this.wishes.push({ key, camera, time: at });
      this.next();
    }
    return null;
  }

  private next() {
    while (this.running.size < AT_ONCE && this.wishes.length) {
      const wish = this.wishes.pop()!;
      this.running.add(wish.key);
      void this.load(wish.camera, wish.time)
        .then((thumb) => thumb && this.keep(wish.key, thumb), () => {})
        .finally(() => {
          this.running.delete(wish.key);
          this.changed();
          this.next();
        });
    }
  }

  /** null: it came too late, and decoding it would hold up what is shown instead. */
  private async load(camera: string, time: number): Promise<Thumb | null> {
    const { round } = this;
    try {
      const response = await request(`cameras/${encodeURIComponent(camera)}/keyframe.mp4?at=${Math.round(time * 1000)}`);
      const taken = Number(response.headers.get('lethe-time')) / 1000 || time;
      const bytes = new Uint8Array(await response.arrayBuffer());
      return round === this.round ? { bitmap: await decodeStill(bytes), time: taken } : null;
    } catch (error) {
      if (error instanceof Failure && error.status === 404) return { bitmap: null, time };
      throw error;
    }
  }

  private keep(key: string, thumb: Thumb) {
    this.kept.set(key, thumb);
    while (this.kept.size > KEEP) {
      const [oldest, gone] = this.kept.entries().next().value!;
      gone.bitmap?.close();
      this.kept.delete(oldest);
    }
  }

  /** What is still on its way is not wanted any more. */
  drop() {
    this.wishes = [];
    this.round++;
  }

  close() {
    this.drop();
    for (const thumb of this.kept.values()) thumb.bitmap?.close();
    this.kept.clear();
  }
}
