// SPDX-License-Identifier: AGPL-3.0-or-later
// Bytes and text for what cases are made of. Strict: each value has one spelling.
export type Bytes = Uint8Array<ArrayBuffer>;

/** A refusal that people read. What a page of cases cannot trust ends in one. */
export class Refusal extends Error {}
export function refuse(sentence: string): never {
  throw new Refusal(sentence);
}

const encoder = new TextEncoder();
export const utf8 = (text: string): Bytes => encoder.encode(text) as Bytes;
export function fromUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return refuse('Text that should be UTF-8 is not.');
  }
}

export const hex = (bytes: Uint8Array) => Array.from(bytes, (x) => x.toString(16).padStart(2, '0')).join('');
export function unhex(text: string): Bytes {
  if (text.length % 2 || !/^[0-9a-f]*$/.test(text)) refuse('A number in hexadecimal cannot be read.');
  return Uint8Array.from(text.match(/../g) ?? [], (x) => parseInt(x, 16));
}

export const base64 = (bytes: Uint8Array) => btoa(Array.from(bytes, (x) => String.fromCharCode(x)).join(''));
export function unbase64(text: string): Bytes {
  let bytes: Bytes;
  try {
    bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  } catch {
    return refuse('Base64 cannot be read.');
  }
  return base64(bytes) === text ? bytes : refuse('Base64 is not in its one spelling.');
}

export function join(...parts: Uint8Array[]): Bytes {
  const out = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
export const same = (a: Uint8Array, b: Uint8Array) => a.length === b.length && a.every((x, i) => x === b[i]);
export const sha256 = async (...parts: Uint8Array[]): Promise<Bytes> => new Uint8Array(await crypto.subtle.digest('SHA-256', join(...parts)));

/** UTC as orders write it: milliseconds only when they are not zero. */
export const rfc3339 = (ms: number) => new Date(ms).toISOString().replace('.000Z', 'Z');
export function parseTime(text: string): number {
  const ms = Date.parse(text);
  return Number.isFinite(ms) && rfc3339(ms) === text ? ms : refuse(`The time “${text.slice(0, 40)}” is not in its one spelling.`);
}
