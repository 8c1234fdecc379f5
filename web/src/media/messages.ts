// SPDX-License-Identifier: AGPL-3.0-or-later
// The messages of GET /api/v1/live: u32 length · u8 type · payload; docs/api/openapi.yaml. Bytes come in pieces of any size.
import type { LiveState } from '../api/types';

export type Message =
  | { type: 'init'; camera: string; data: Uint8Array }
  | { type: 'fragment'; camera: string; utcMs: number; key: boolean; data: Uint8Array }
  | { type: 'state'; camera: string; state: LiveState }
  | { type: 'heartbeat' };

/** No message of an honest server is longer; one that says so ends the connection. */
export const MESSAGE_LIMIT = 8 << 20;

export class MessageError extends Error {}

/** Collects bytes and hands out whole messages. Message data is a view of memory that is not used again. */
export class MessageParser {
  private pieces: Uint8Array[] = [];
  private size = 0;

  /** Throws MessageError when the bytes cannot be messages. Unknown types are passed over: newer servers may send them. */
  push(piece: Uint8Array): Message[] {
    this.pieces.push(piece);
    this.size += piece.length;
    const out: Message[] = [];
    for (;;) {
      if (this.size < 4) return out;
      const head = this.peek(4);
      const length = new DataView(head.buffer, head.byteOffset, 4).getUint32(0);
      if (length < 1 || length > MESSAGE_LIMIT) throw new MessageError(`message of ${length} bytes`);
      if (this.size < 4 + length) return out;
      const message = parseMessage(this.take(4 + length).subarray(4));
      if (message) out.push(message);
    }
  }

  private peek(n: number): Uint8Array {
    const first = this.pieces[0]!;
    if (first.length >= n) return first.subarray(0, n);
    this.join();
    return this.pieces[0]!.subarray(0, n);
  }

  private take(n: number): Uint8Array {
    if (this.pieces[0]!.length < n) this.join();
    const first = this.pieces[0]!;
    const taken = first.subarray(0, n);
    if (first.length === n) this.pieces.shift();
    else this.pieces[0] = first.subarray(n);
    this.size -= n;
    return taken;
  }

  private join() {
    const all = new Uint8Array(this.size);
    let at = 0;
    for (const piece of this.pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    this.pieces = [all];
  }
}

const text = new TextDecoder('utf-8', { fatal: true });

export function parseMessage(bytes: Uint8Array): Message | null {
  const type = String.fromCharCode(bytes[0]!);
  if (type === 'H') return { type: 'heartbeat' };
  if (type !== 'I' && type !== 'F' && type !== 'C') return null;
  const n = bytes[1];
  if (n === undefined || n === 0 || bytes.length < 2 + n) throw new MessageError(`message ${type} without its camera`);
  try {
    const camera = text.decode(bytes.subarray(2, 2 + n));
    const rest = bytes.subarray(2 + n);
    if (type === 'I') return { type: 'init', camera, data: rest };
    if (type === 'C') return { type: 'state', camera, state: JSON.parse(text.decode(rest)) as LiveState };
    if (rest.length < 9) throw new MessageError('fragment without a time');
    const view = new DataView(rest.buffer, rest.byteOffset, 9);
    return { type: 'fragment', camera, utcMs: Number(view.getBigInt64(0)) / 1000, key: (view.getUint8(8) & 1) === 1, data: rest.subarray(9) };
  } catch (error) {
    if (error instanceof MessageError) throw error;
    throw new MessageError(`message ${type} cannot be read`);
  }
}
