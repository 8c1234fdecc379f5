// SPDX-License-Identifier: AGPL-3.0-or-later
// Up to 16 cameras at one time of the wall clock. One clock for all; it waits for those that have a picture coming.
import { signal } from '@preact/signals';
import { onEachFrame } from './picture';
import { Screen, type Standing } from './screen';
import { Source } from './source';
import { Thumbs } from './thumbs';

export const MOST_SCREENS = 16;
const PATIENCE_MS = 3000; // how long the others wait for one
const BUDGET = 700; // pictures a second that may be decoded in full; beyond it only key frames are
const EDGE_MS = 2500; // so far behind now there may be no recording yet

export class Player {
  readonly time = signal(Date.now() - 60000);
  readonly playing = signal(false);
  readonly rate = signal(1); // negative: backwards
  readonly buffering = signal(false);
  readonly standings = signal<Record<string, Standing>>({});
  readonly sizes = signal<Record<string, number>>({}); // aspect ratios
  private news = signal(0);
  private screens = new Map<string, Screen>();
  private thumbs: Thumbs;
  private scrub: { raster: number } | null = null;
  private last = 0;
  private waitingSince = 0;
  private seekingNext = false;
  private stepping: 1 | -1 | 0 = 0;
  private stopTicks: () => void;

  /** @findNext: when something was recorded after a time; null: nothing. */
  constructor(private findNext: (time: number) => Promise<number | null>) {
    this.thumbs = new Thumbs(() => this.scrub && this.paintThumbs());
    this.stopTicks = onEachFrame((now) => this.tick(now));
  }

  /** @make: another source than the masked recordings of @camera, which is then only a name. */
  add(camera: string, canvas: HTMLCanvasElement, make: (changed: () => void) => Source = (changed) => new Source(camera, changed)): () => void {
    const screen = new Screen(canvas, make(() => this.news.value++), (w, h) => (this.sizes.value = { ...this.sizes.value, [camera]: w / h }));
    this.screens.set(camera, screen);
    return () => {
      screen.close();
      this.screens.delete(camera);
    };
  }

  failure(camera: string): string {
    void this.news.value; // whoever asks wants to know again when something has come or failed
    return this.screens.get(camera)?.source.failure ?? '';
  }

  seek(time: number) {
    this.endScrub();
    this.stepping = 0;
    this.time.value = Math.min(time, Date.now());
  }

  play(rate = Math.abs(this.rate.value)) {
    this.endScrub();
    this.stepping = 0;
    this.rate.value = rate;
    this.playing.value = true;
  }
  pause() {
    this.playing.value = false;
    this.rate.value = Math.abs(this.rate.value);
  }

  step(by: 1 | -1) {
    this.pause();
    this.endScrub();
    this.stepping = by;
  }

  /** Shows thumbnails at @time until seek() or play(). @raster: ms within which one is as good as another. */
  scrubTo(time: number, raster: number) {
    this.scrub = { raster };
    this.time.value = Math.min(time, Date.now());
    this.paintThumbs();
  }

  endScrub() {
    if (!this.scrub) return;
    this.scrub = null;
    this.thumbs.drop();
    for (const screen of this.screens.values()) screen.forget();
  }

  private paintThumbs() {
    const standings: Record<string, Standing> = {};
    for (const [camera, { canvas, source }] of this.screens) {
      if (!source.thumbs) {
        standings[camera] = 'ready';
        continue;
      }
      const thumb = this.thumbs.want(camera, this.time.value, this.scrub!.raster);
      standings[camera] = thumb ? (thumb.bitmap ? 'ready' : 'gap') : 'waiting';
      if (!thumb?.bitmap) continue;
      const { width, height } = thumb.bitmap;
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
      canvas.getContext('2d', { alpha: false })?.drawImage(thumb.bitmap, 0, 0);
    }
    this.publish(standings);
  }

  private publish(standings: Record<string, Standing>) {
    const before = this.standings.value;
    if (Object.keys(before).length !== Object.keys(standings).length || Object.entries(standings).some(([id, s]) => before[id] !== s)) this.standings.value = standings;
  }

  private tick(now: number) {
    const passed = Math.min(250, now - this.last);
    this.last = now;
    if (this.scrub || this.screens.size === 0) return;
    if (this.stepping) this.tryStep();
    const rate = this.rate.value;
    const keys = this.playing.value && (rate < 0 || this.screens.size * rate * 10 > BUDGET);
    const standings: Record<string, Standing> = {};
    for (const [camera, screen] of this.screens) standings[camera] = screen.update(this.time.value, Math.abs(rate), keys);
    this.publish(standings);
    if (!this.playing.value) {
      this.buffering.value = Object.values(standings).includes('waiting');
      return;
    }
    this.advance(passed * rate, Object.values(standings), now);
  }

  private advance(by: number, standings: Standing[], now: number) {
    const waiting = standings.includes('waiting');
    if (!waiting) this.waitingSince = 0;
    else this.waitingSince ||= now;
    const hold = waiting && now - this.waitingSince < PATIENCE_MS;
    this.buffering.value = hold;
    if (hold || this.seekingNext) return;
    if (by > 0 && standings.every((s) => s === 'gap')) return this.skipGap();
    const time = this.time.value + by;
    if (time > Date.now() - EDGE_MS) this.time.value = Math.min(this.time.value, Date.now());
    else this.time.value = time;
  }

  private skipGap() {
    if (this.time.value > Date.now() - 4 * EDGE_MS) return; // the recorder is just not there yet
    this.seekingNext = true;
    const from = this.time.value;
    this.findNext(from)
      .then((next) => {
        if (!this.playing.value || this.time.value !== from) return;
        if (next === null) this.pause();
        else this.time.value = Math.max(next, from + 1);
      })
      .catch(() => this.pause())
      .finally(() => (this.seekingNext = false));
  }

  /** To the next picture of any camera: the nearest one in that direction. Waits until all have said what they have. */
  private tryStep() {
    const by = this.stepping as 1 | -1;
    const found: number[] = [];
    for (const screen of this.screens.values()) {
      const time = screen.beside(this.time.value, by);
      if (time === undefined) return;
      if (time !== null) found.push(time);
    }
    this.stepping = 0;
    if (found.length) this.time.value = by > 0 ? Math.min(...found) : Math.max(...found);
  }

  close() {
    this.stopTicks();
    for (const screen of this.screens.values()) screen.close();
    this.screens.clear();
    this.thumbs.close();
  }
}
