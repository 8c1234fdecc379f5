// SPDX-License-Identifier: AGPL-3.0-or-later
// One connection for all tiles of the wall. It is given up while the page is hidden, and made anew when it breaks.
import { signal } from '@preact/signals';
import { Failure, request, sentence } from '../api/client';
import { MessageParser, type Message } from './messages';

export type Sink = (message: Message) => void;
export type LinkState = { state: 'idle' | 'connecting' | 'open' | 'waiting'; reason: string; retryAt: number };

const SILENCE_MS = 15000; // three heartbeats
const RETRY_MS = [500, 1000, 2000, 4000, 8000, 15000];

export class LiveLink {
  readonly state = signal<LinkState>({ state: 'idle', reason: '', retryAt: 0 });
  private sinks = new Map<string, Set<Sink>>();
  private controller: AbortController | null = null;
  private subscribed = '';
  private soon: ReturnType<typeof setTimeout> | undefined;
  private watchdog: ReturnType<typeof setTimeout> | undefined;
  private tries = 0;
  bytes = 0;

  constructor() {
    document.addEventListener('visibilitychange', this.visibility);
  }

  close() {
    document.removeEventListener('visibilitychange', this.visibility);
    this.sinks.clear();
    this.stop();
  }

  /** Shows @camera to @sink from its next state and key frame on. Returns how to stop. */
  watch(camera: string, sink: Sink): () => void {
    const set = this.sinks.get(camera) ?? new Set();
    this.sinks.set(camera, set.add(sink));
    this.later();
    return () => {
      set.delete(sink);
      if (set.size === 0) this.sinks.delete(camera);
      this.later();
    };
  }

  /** Connects anew, with the first picture of everything at once. */
  restart() {
    this.subscribed = '';
    this.later();
  }

  private visibility = () => {
    if (document.hidden) this.stop();
    else this.later();
  };

  private later() {
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.connect(), 30);
  }

  private stop(reason = '', retryAt = 0) {
    this.controller?.abort();
    this.controller = null;
    this.subscribed = '';
    clearTimeout(this.soon);
    clearTimeout(this.watchdog);
    this.state.value = { state: retryAt ? 'waiting' : 'idle', reason, retryAt };
  }

  private connect() {
    if (document.hidden) return;
    const cameras = [...this.sinks.keys()].sort().join(',');
    if (cameras === this.subscribed) return;
    this.stop();
    if (!cameras) return;
    this.subscribed = cameras;
    const controller = (this.controller = new AbortController());
    this.state.value = { state: 'connecting', reason: '', retryAt: 0 };
    this.read(cameras, controller).catch((error: unknown) => {
      if (controller.signal.aborted) return;
      if (error instanceof Failure && error.status === 401) return this.stop(sentence(error));
      const wait = RETRY_MS[Math.min(this.tries++, RETRY_MS.length - 1)]!;
      this.stop(sentence(error), Date.now() + wait);
      this.soon = setTimeout(() => this.connect(), wait);
    });
  }

  private alive(controller: AbortController, fail: (error: Error) => void) {
    clearTimeout(this.watchdog);
    this.watchdog = setTimeout(() => {
      fail(new Error('silence'));
      controller.abort();
    }, SILENCE_MS);
  }

  private async read(cameras: string, controller: AbortController) {
    let silent: Error | null = null;
    const fail = (error: Error) => (silent = error);
    this.alive(controller, fail);
    try {
      const response = await request(`live?cameras=${encodeURIComponent(cameras).replaceAll('%2C', ',')}`, { signal: controller.signal });
      this.state.value = { state: 'open', reason: '', retryAt: 0 };
      const reader = response.body!.getReader();
      const parser = new MessageParser();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) throw new Error('ended');
        this.alive(controller, fail);
        this.bytes += value.length;
        this.tries = 0;
        for (const message of parser.push(value)) this.hand(message);
      }
    } catch (error) {
      if (silent && this.controller === controller) {
        this.stop('', Date.now() + 1000);
        this.soon = setTimeout(() => this.connect(), 1000);
        return;
      }
      throw error;
    }
  }

  private hand(message: Message) {
    if (message.type === 'heartbeat') return;
    for (const sink of this.sinks.get(message.camera) ?? []) sink(message);
  }
}
