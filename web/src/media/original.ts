// SPDX-License-Identifier: AGPL-3.0-or-later
// The originals of one camera in an opened case, as a source for the same player that shows the masked view. They come
// as ciphertext; keys and pictures are in this page's memory alone.
import { Failure, sentence } from '../api/client';
import { t } from '../i18n';
import { parseFragments } from './mp4';
import type { Segment } from './playlist';
import { decryptSamples, parseSealedHead, type SealedHead } from './sealed';
import { Source, type Group } from './source';

export interface SealedFile {
  url: string;
  kid: string;
  beginMs: number;
  endMs: number;
  bytes: number;
}
export interface Span {
  fromMs: number;
  toMs: number;
}

const HEAD_BYTES = 128 << 10; // a head with its index; more is asked for when it is longer

export class OriginalSource extends Source {
  override readonly thumbs = false;
  unplayable = ''; // a codec that this browser does not decode
  private heads = new Map<string, Promise<SealedHead>>();
  private bySegment = new WeakMap<Segment, SealedHead>();

  /** @over: the server says that the case is over. */
  constructor(
    camera: string,
    private files: SealedFile[],
    private span: Span,
    private keys: Map<string, CryptoKey>,
    private over: () => void,
    changed: () => void,
  ) {
    super(camera, changed);
  }

  override close() {
    super.close();
    this.keys = new Map();
  }

  /** Nothing is shown outside of the span that was approved. */
  override peek(time: number) {
    return time < this.span.fromMs || time >= this.span.toMs ? null : super.peek(time);
  }

  protected override async bytes(url: string, offset: number, length: number): Promise<Uint8Array> {
    try {
      return await super.bytes(url, offset, length);
    } catch (error) {
      if (error instanceof Failure && error.status === 410) this.over();
      throw error;
    }
  }

  private head(file: SealedFile): Promise<SealedHead> {
    let head = this.heads.get(file.url);
    if (!head) {
      this.heads.set(file.url, (head = this.loadHead(file)));
      head.catch(() => this.heads.delete(file.url));
    }
    return head;
  }

  private async loadHead(file: SealedFile): Promise<SealedHead> {
    const head = parseSealedHead(await this.bytes(file.url, 0, Math.min(file.bytes, HEAD_BYTES)));
    if (head.kid !== file.kid || head.camera !== this.camera) throw new Error(t('case.view.mismatch'));
    const { supported } = await VideoDecoder.isConfigSupported({ codec: head.track.codec, description: head.track.description });
    if (!supported) {
      this.unplayable = head.track.codec.startsWith('hvc1') ? 'H.265' : head.track.codec;
      throw new Error(t('case.view.codec', { codec: this.unplayable }));
    }
    return head;
  }

  /** The stretches of a window of ten minutes that touch the span. One recording that cannot be read does not keep the others. */
  protected override async load(number: number): Promise<Segment[]> {
    const from = Math.max(number * 600000, this.span.fromMs - 20000);
    const to = Math.min((number + 1) * 600000, this.span.toMs);
    const out: Segment[] = [];
    let failed: unknown = null;
    for (const file of this.files) {
      if (file.beginMs >= to || file.endMs <= from || !this.keys.has(file.kid)) continue;
      try {
        const head = await this.head(file);
        if (!head.stretches.length) throw new Error(t('case.view.growing'));
        for (const s of head.stretches) {
          if (s.startMs >= to || s.endMs <= from) continue;
          const segment = { start: s.startMs, end: s.endMs, url: file.url, offset: s.offset, length: s.length, map: { url: file.url, offset: 0, length: 0 } };
          this.bySegment.set(segment, head);
          out.push(segment);
        }
      } catch (error) {
        failed = error;
      }
    }
    if (failed && !out.length) throw failed;
    this.failure = failed ? sentence(failed) : '';
    return out.sort((a, b) => a.start - b.start);
  }

  protected override async fetchGroup(segment: Segment): Promise<Group> {
    const head = this.bySegment.get(segment);
    const key = head && this.keys.get(head.kid);
    if (!head || !key) throw new Error(t('case.view.no-key'));
    const samples = await decryptSamples(parseFragments(await this.bytes(segment.url, segment.offset, segment.length), 1), key);
    const { timescale } = head.track;
    return { segment, track: head.track, pictures: samples.map((s) => ({ time: head.startMs + (s.pts * 1000) / timescale, key: s.key, data: s.data })) };
  }
}
