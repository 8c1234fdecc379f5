// SPDX-License-Identifier: AGPL-3.0-or-later
// Who is signed in, what the node is, and the cameras that this account may know of.
import { computed, effect, signal } from '@preact/signals';
import { Failure, get, send, signedOut } from '../api/client';
import { forgetExports } from './exports';
import type { Camera, Health, Session, Site, Verb } from '../api/types';

export const site = signal<Site | null>(null);
export const session = signal<Session | null>(null);
export const phase = signal<'starting' | 'door' | 'in' | 'unreachable'>('starting');
export const cameras = signal<Camera[] | null>(null);
export const camerasFailure = signal('');
export const health = signal<Health | null>(null);

export const may = (verb: Verb) => session.value?.verbs.includes(verb) ?? false;
export const cameraById = computed(() => new Map((cameras.value ?? []).map((camera) => [camera.id, camera])));
export const cameraName = (id: string) => cameraById.value.get(id)?.name || id;

export async function start() {
  try {
    site.value = await get<Site>('site');
    session.value = await get<Session>('session');
    phase.value = 'in';
  } catch (error) {
    phase.value = error instanceof Failure && error.status === 401 ? 'door' : 'unreachable';
  }
}

export function enter(next: Session) {
  session.value = next;
  if (site.value) site.value = { ...site.value, setup_needed: false };
  phase.value = 'in';
}

export async function leave() {
  await forgetExports().catch(() => {});
  await send('DELETE', 'session').catch(() => {});
  forget();
}

function forget() {
  session.value = null;
  cameras.value = null;
  health.value = null;
  phase.value = 'door';
}
effect(() => {
  if (signedOut.value > 0) forget();
});

export async function loadCameras() {
  try {
    cameras.value = (await get<{ cameras: Camera[] }>('cameras')).cameras;
    camerasFailure.value = '';
  } catch (error) {
    camerasFailure.value = error instanceof Error ? error.message : String(error);
  }
}

export async function loadHealth() {
  if (!may('status')) return;
  try {
    health.value = await get<Health>('health');
  } catch {
    /* the page of health says so itself */
  }
}

/** Runs @work now and every @ms while the page is visible. Returns the way to stop it. */
export function every(ms: number, work: () => void): () => void {
  work();
  const timer = setInterval(() => document.visibilityState === 'visible' && work(), ms);
  return () => clearInterval(timer);
}
