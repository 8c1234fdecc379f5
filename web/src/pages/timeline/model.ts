// SPDX-License-Identifier: AGPL-3.0-or-later
// What the timeline's parts share: the view, the selection, the cameras on the stage, the player.
import { computed, signal } from '@preact/signals';
import { get } from '../../api/client';
import type { Timeline } from '../../api/types';
import { go, href } from '../../lib/router';
import { cameras } from '../../lib/session';
import { matches } from '../../lib/search';
import { iso } from '../../lib/time';
import { MOST_SCREENS, Player } from '../../media/player';
import { DAY, HOUR, MINUTE, clampView, ordered, readDigits, reveal, span, zoomAt, type View } from './maths';
import { CoverageStore } from './store';

export class Model {
  readonly view = signal<View>({ from: Date.now() - 2 * HOUR, to: Date.now() + 6 * MINUTE });
  readonly width = signal(800);
  readonly markA = signal<number | null>(null);
  readonly markB = signal<number | null>(null);
  readonly selection = computed(() => ordered(this.markA.value, this.markB.value));
  readonly chosen = signal<string[]>([]);
  readonly query = signal('');
  readonly drawn = signal(0); // goes up when there is something new to paint
  readonly follows = signal(true); // the view keeps the head in sight
  readonly store = new CoverageStore(() => this.drawn.value++);
  readonly player = new Player((time) => this.findNext(time));
  readonly all = computed(() => (cameras.value ?? []).filter((camera) => camera.may.includes('playback') && (!this.only || this.only.includes(camera.id))));
  readonly rows = computed(() => this.all.value.filter((camera) => matches(this.query.value, camera.id, camera.name)));
  private adopted = false;

  /** @only: the timeline of these cameras alone. @next: when something was recorded after a time, if not what is masked. */
  constructor(
    private readonly only?: string[],
    private readonly next?: (time: number) => number | null,
  ) {}

  /** Takes cameras and time from the address; without them, the first cameras and a minute ago. */
  adopt(query: URLSearchParams, most: number) {
    if (this.adopted || !cameras.value) return;
    this.adopted = true;
    const known = new Set(this.all.value.map((camera) => camera.id));
    const asked = (query.get('cameras') ?? '').split(',').filter((id) => known.has(id)).slice(0, MOST_SCREENS);
    this.chosen.value = asked.length ? asked : this.all.value.filter((c) => c.state === 'recording').slice(0, most).map((c) => c.id);
    const at = Date.parse(query.get('at') ?? '');
    if (!Number.isNaN(at)) this.goTo(at);
  }

  /** Writes the place into the address, so that it can be sent to a colleague. */
  remember() {
    if (this.only) return; // it stands on another page
    go(href('timeline', [], { cameras: this.chosen.value.join(','), at: iso(Math.round(this.player.time.value)) }), true);
  }

  private async findNext(time: number): Promise<number | null> {
    if (this.next) return this.next(time);
    for (const [reach, buckets] of [[HOUR, 1800], [30 * DAY, 2000]] as const) {
      const to = Math.min(Date.now(), time + reach);
      if (to - time < 1000) return null;
      const answer = await get<Timeline>(`timeline?cameras=${this.chosen.value.join(',')}&from=${Math.round(time * 1000)}&to=${Math.round(to * 1000)}&buckets=${buckets}`);
      const step = answer.bucket_us / 1000;
      const firsts = answer.cameras.map((c) => readDigits(c.masked).findIndex((much, i) => much > 0 && (i + 1) * step > 1500)).filter((i) => i >= 0);
      if (firsts.length) return Math.max(time + 100, answer.from_us / 1000 + Math.min(...firsts) * step);
    }
    return null;
  }

  show(view: View) {
    this.view.value = clampView(view, Date.now() - 400 * DAY, Date.now());
  }
  zoom(factor: number, x = this.headX()) {
    this.show(zoomAt(this.view.value, factor, x, this.width.value));
  }
  private headX() {
    const x = ((this.player.time.value - this.view.value.from) / span(this.view.value)) * this.width.value;
    return x >= 0 && x <= this.width.value ? x : this.width.value / 2;
  }
  showSpan(length: number) {
    const head = this.player.time.value;
    const now = Date.now();
    const to = now - head < length * 0.5 ? now + length * 0.04 : head + length / 2;
    this.show({ from: to - length, to });
  }
  goTo(time: number) {
    this.player.seek(time);
    this.show(reveal(this.view.value, this.player.time.value));
  }
  toggle(camera: string): boolean {
    const on = this.chosen.value.includes(camera);
    if (!on && this.chosen.value.length >= MOST_SCREENS) return false;
    this.chosen.value = on ? this.chosen.value.filter((id) => id !== camera) : [...this.chosen.value, camera];
    return true;
  }
  clearMarks() {
    this.markA.value = this.markB.value = null;
  }
  close() {
    this.store.close();
    this.player.close();
  }
}
