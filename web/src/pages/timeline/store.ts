// SPDX-License-Identifier: AGPL-3.0-or-later
// Coverage, activity and gaps in blocks of 512 buckets at levels of detail, kept per camera. A screen costs a few requests;
// what lies in the past is asked for once.
import { get } from '../../api/client';
import type { Gap, Timeline } from '../../api/types';
import { BLOCK, blockMs, blocksOf, levelOf, readDigits, type View } from './maths';

export interface Block {
  masked: Uint8Array;
  sealed: Uint8Array;
  activity: Uint8Array;
  gaps: Gap[];
  leftOut: number;
  asked: number;
  open: boolean; // it reached beyond now
}

const FRESH_MS = 10000;
const KEEP = 6000;
const CAMERAS_AT_ONCE = 60;
const DELAY_MS = 60;

export class CoverageStore {
  private blocks = new Map<string, Block>();
  private running = new Set<string>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private wish: { view: View; width: number; cameras: string[] } | null = null;
  failure = '';

  constructor(private changed: () => void) {}

  block(camera: string, level: number, number: number): Block | undefined {
    return this.blocks.get(`${level}:${number}:${camera}`);
  }

  /** Asks for what the view shows and the store lacks. Call it as often as you like. */
  want(view: View, width: number, cameras: string[]) {
    this.wish = { view, width, cameras };
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.fetchWish();
    }, DELAY_MS);
  }

  private fetchWish() {
    if (!this.wish) return;
    const { view, width, cameras } = this.wish;
    const level = levelOf(view, width);
    for (const number of blocksOf(view, level)) {
      if (number * blockMs(level) > Date.now()) continue;
      const lacking = cameras.filter((camera) => this.lacks(camera, level, number));
      for (let i = 0; i < lacking.length; i += CAMERAS_AT_ONCE) void this.load(level, number, lacking.slice(i, i + CAMERAS_AT_ONCE));
    }
  }

  private lacks(camera: string, level: number, number: number): boolean {
    const known = this.block(camera, level, number);
    return (!known || (known.open && Date.now() - known.asked > FRESH_MS)) && !this.running.has(`${level}:${number}:${camera}`);
  }

  private async load(level: number, number: number, cameras: string[]) {
    const names = cameras.map((camera) => `${level}:${number}:${camera}`);
    for (const name of names) this.running.add(name);
    const from = number * blockMs(level);
    const to = from + blockMs(level);
    const asked = Date.now();
    try {
      const answer = await get<Timeline>(`timeline?cameras=${cameras.map(encodeURIComponent).join(',')}&from=${from * 1000}&to=${to * 1000}&buckets=${BLOCK}`);
      for (const camera of answer.cameras) {
        const name = `${level}:${number}:${camera.id}`;
        this.blocks.delete(name);
        this.blocks.set(name, {
          masked: readDigits(camera.masked, BLOCK), sealed: readDigits(camera.sealed, BLOCK), activity: readDigits(camera.activity, BLOCK),
          gaps: camera.gaps, leftOut: camera.gaps_left_out, asked, open: to > asked,
        });
      }
      while (this.blocks.size > KEEP) this.blocks.delete(this.blocks.keys().next().value!);
      this.failure = '';
    } catch (error) {
      this.failure = error instanceof Error ? error.message : String(error);
    } finally {
      for (const name of names) this.running.delete(name);
      this.changed();
    }
  }

  /** Gaps of @camera that touch the view, without the same one twice. */
  gaps(camera: string, view: View, width: number): Gap[] {
    const level = levelOf(view, width);
    const found = new Map<number, Gap>();
    for (const number of blocksOf(view, level)) for (const gap of this.block(camera, level, number)?.gaps ?? []) {
      const known = found.get(gap.from_us);
      if (!known || (known.to_us !== null && (gap.to_us === null || gap.to_us > known.to_us))) found.set(gap.from_us, gap);
    }
    return [...found.values()].filter((gap) => gap.from_us < view.to * 1000 && (gap.to_us ?? Infinity) > view.from * 1000).sort((a, b) => a.from_us - b.from_us);
  }

  close() {
    clearTimeout(this.timer);
  }
}
