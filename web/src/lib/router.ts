// SPDX-License-Identifier: AGPL-3.0-or-later
// Addresses are #/page/rest?query, so that the server serves one file and the one-time link's token never reaches a log.
import { computed, signal } from '@preact/signals';

export interface Place {
  page: string;
  rest: string[];
  query: URLSearchParams;
}

export function parsePlace(hash: string): Place {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const [page = '', ...rest] = path.split('/').map(decode);
  return { page, rest: rest.filter((part) => part !== ''), query: new URLSearchParams(query) };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

const hash = signal(typeof location === 'undefined' ? '' : location.hash);
if (typeof addEventListener !== 'undefined') addEventListener('hashchange', () => (hash.value = location.hash));

export const place = computed(() => parsePlace(hash.value));

export function href(page: string, rest: string[] = [], query: Record<string, string> = {}): string {
  const tail = new URLSearchParams(query).toString();
  return `#/${[page, ...rest].map(encodeURIComponent).join('/')}${tail ? `?${tail}` : ''}`;
}

export function go(to: string, replace = false) {
  if (replace) history.replaceState(null, '', to);
  else history.pushState(null, '', to);
  hash.value = location.hash;
}
