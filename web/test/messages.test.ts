// SPDX-License-Identifier: AGPL-3.0-or-later
import { describe, expect, it } from 'vitest';
import { MESSAGE_LIMIT, MessageError, MessageParser, parseMessage, type Message } from '../src/media/messages';

const bytes = (...parts: (string | number[])[]) => Uint8Array.from(parts.flatMap((p) => (typeof p === 'string' ? [...new TextEncoder().encode(p)] : p)));
function wire(type: string, camera: string, payload: number[] | string = []): Uint8Array {
  const body = type === 'H' ? bytes('H') : bytes(type, [camera.length], camera, payload);
  const out = new Uint8Array(4 + body.length);
  new DataView(out.buffer).setUint32(0, body.length);
  out.set(body, 4);
  return out;
}
function fragment(camera: string, us: bigint, flags: number, data: number[]): Uint8Array {
  const head = new DataView(new ArrayBuffer(9));
  head.setBigInt64(0, us);
  head.setUint8(8, flags);
  return wire('F', camera, [...new Uint8Array(head.buffer), ...data]);
}
const joined = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((p) => [...p]));

describe('MessageParser', () => {
  const all = joined(
    wire('C', 'gate-1', JSON.stringify({ state: 'declared', reason: 'declared empty' })),
    wire('I', 'gate-1', [1, 2, 3]),
    fragment('gate-1', 1795428000123456n, 1, [9, 8]),
    wire('H', ''),
    fragment('yard', 1795428000200000n, 0, []),
  );
  const expected = [
    { type: 'state', camera: 'gate-1', state: { state: 'declared', reason: 'declared empty' } },
    { type: 'init', camera: 'gate-1', data: Uint8Array.from([1, 2, 3]) },
    { type: 'fragment', camera: 'gate-1', utcMs: 1795428000123.456, key: true, data: Uint8Array.from([9, 8]) },
    { type: 'heartbeat' },
    { type: 'fragment', camera: 'yard', utcMs: 1795428000200, key: false, data: new Uint8Array() },
  ];
  for (const size of [1, 2, 3, 7, 64, 4096]) {
    it(`reads the same messages from pieces of ${size} bytes`, () => {
      const parser = new MessageParser();
      const out: Message[] = [];
      for (let at = 0; at < all.length; at += size) out.push(...parser.push(all.slice(at, at + size)));
      expect(out.map((m) => ('data' in m ? { ...m, data: Uint8Array.from(m.data) } : m))).toEqual(expected);
    });
  }
  it('passes over types that it does not know', () => {
    expect(new MessageParser().push(joined(wire('X', 'a', [1]), wire('H', '')))).toEqual([{ type: 'heartbeat' }]);
  });
  it.each([
    ['length 0', [0, 0, 0, 0]],
    ['a length beyond the limit', [0x7f, 0xff, 0xff, 0xff]],
    ['a camera longer than the message', [0, 0, 0, 3, 0x49, 9, 0x61]],
    ['no camera', [0, 0, 0, 2, 0x49, 0]],
    ['a fragment without a time', [0, 0, 0, 4, 0x46, 1, 0x61, 0]],
    ['a state that is no JSON', [0, 0, 0, 4, 0x43, 1, 0x61, 0x7b]],
    ['an id that is no UTF-8', [0, 0, 0, 3, 0x49, 1, 0xff]],
  ])('refuses %s', (_name, raw) => {
    expect(() => new MessageParser().push(Uint8Array.from(raw))).toThrow(MessageError);
  });
  it('holds no more than the limit', () => expect(MESSAGE_LIMIT).toBeLessThanOrEqual(8 << 20));
  it('knows key fragments by the first flag only', () => {
    const message = parseMessage(fragment('a', 0n, 0xfe, []).subarray(4));
    expect(message).toMatchObject({ type: 'fragment', key: false });
  });
});
