// SPDX-License-Identifier: AGPL-3.0-or-later
// The pages: one line each. A new page is a line here and its key in the translation table.
import { Activity, Cctv, ChartGantt, FolderLock, LayoutGrid, Users as UsersIcon, type LucideIcon } from 'lucide-preact';
import type { ComponentType } from 'preact';
import type { Verb } from '../api/types';
import type { Key } from '../i18n';
import { Cameras } from './cameras/cameras';
import { Cases } from './cases/cases';
import { HealthPage } from './health';
import { TimelinePage } from './timeline/timeline';
import { UsersPage } from './users/users';
import { Wall } from './wall/wall';

export interface Page {
  id: string;
  label: Key;
  icon: LucideIcon;
  view: ComponentType;
  verb: Verb | Verb[] | null; // who sees it in the navigation: with one of them; null: everybody
  group: 'watch' | 'keep';
  key: string; // the second key after g
}

export const pages: Page[] = [
  { id: 'wall', label: 'nav.wall', icon: LayoutGrid, view: Wall, verb: 'live', group: 'watch', key: 'w' },
  { id: 'timeline', label: 'nav.timeline', icon: ChartGantt, view: TimelinePage, verb: 'playback', group: 'watch', key: 't' },
  { id: 'cases', label: 'nav.cases', icon: FolderLock, view: Cases, verb: ['request', 'audit', 'administer'], group: 'watch', key: 'o' },
  { id: 'cameras', label: 'nav.cameras', icon: Cctv, view: Cameras, verb: null, group: 'keep', key: 'c' },
  { id: 'health', label: 'nav.health', icon: Activity, view: HealthPage, verb: 'status', group: 'keep', key: 'h' },
  { id: 'users', label: 'nav.users', icon: UsersIcon, view: UsersPage, verb: 'administer', group: 'keep', key: 'u' },
];
