// SPDX-License-Identifier: AGPL-3.0-or-later
// Requests to /api/v1. An answer that is not 2xx becomes a Failure with the server's own sentence.
import { signal } from '@preact/signals';
import { t } from '../i18n';

export class Failure extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly code: string,
    readonly retryAfter: number,
  ) {
    super(message);
  }
}

/** Goes up when the server says that nobody is signed in (any more). */
export const signedOut = signal(0);

export const base = 'api/v1/';

export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(base + path, { credentials: 'same-origin', ...init });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new Failure(t('error.unreachable'), 0, 'E_UNREACHABLE', 0);
  }
  if (response.ok) return response;
  const body = (await response.json().catch(() => ({}))) as { error?: string; code?: string };
  if (response.status === 401 && path !== 'session') signedOut.value++;
  throw new Failure(body.error ?? t('error.status', { status: response.status }), response.status, body.code ?? '', Number(response.headers.get('retry-after') ?? 0));
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await request(path, { signal, headers: { accept: 'application/json' } })).json() as Promise<T>;
}

export async function send<T>(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<T> {
  const init: RequestInit = { method, headers: { accept: 'application/json' } };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { ...init.headers, 'content-type': 'application/json' };
  }
  const response = await request(path, init);
  const text = await response.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

/** The sentence to show for anything that was thrown. */
export function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
