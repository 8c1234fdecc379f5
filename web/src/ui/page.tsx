// SPDX-License-Identifier: AGPL-3.0-or-later
// What every page has: its head with the title and tools, and the clock.
import type { ComponentChildren } from 'preact';
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { clockTime, zoneName } from '../lib/time';

export function PageHead({ title, children }: { title: string; children?: ComponentChildren }) {
  useEffect(() => {
    document.title = `${title} · Lethe`;
  }, [title]);
  return (
    <header class="page-head">
      <h1 id="page-title" tabIndex={-1}>{title}</h1>
      {children}
    </header>
  );
}

export function Clock() {
  const now = useSignal(Date.now());
  useEffect(() => {
    const timer = setInterval(() => (now.value = Date.now()), 500);
    return () => clearInterval(timer);
  }, []);
  return <span class="clock"><b>{clockTime(now.value)}</b> {zoneName()}</span>;
}
