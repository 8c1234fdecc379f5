// SPDX-License-Identifier: AGPL-3.0-or-later
// The pages: one line each. A new page is a line here and its key in the translation table.
import { ChartGantt, LayoutGrid, type LucideIcon } from 'lucide-preact';
import type { ComponentType } from 'preact';
import type { Verb } from '../api/types';
import type { Key } from '../i18n';
import { TimelinePage } from './timeline/timeline';
import { Wall } from './wall/wall';

export interface Page {
  id: string;
  label: Key;
  icon: LucideIcon;
  view: ComponentType;
  verb: Verb | null; // who sees it in the navigation; null: everybody
  group: 'watch' | 'keep';
  key: string; // the second key after g
}

export const pages: Page[] = [
  { id: 'wall', label: 'nav.wall', icon: LayoutGrid, view: Wall, verb: 'live', group: 'watch', key: 'w' },
  { id: 'timeline', label: 'nav.timeline', icon: ChartGantt, view: TimelinePage, verb: 'playback', group: 'watch', key: 't' },
];
