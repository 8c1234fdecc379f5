// SPDX-License-Identifier: AGPL-3.0-or-later
// Names for the types that `npm run types` makes from docs/api/openapi.yaml.
import type { components } from './schema';

type Schemas = components['schemas'];
export type Camera = Schemas['Camera'];
export type CameraInput = Schemas['CameraFields'] & { id: string; main: string };
export type Export = Schemas['Export'];
export type Gap = Schemas['Gap'];
export type Grant = Schemas['Grant'];
export type Health = Schemas['Health'];
export type LiveState = Schemas['LiveState'];
export type MaskState = Schemas['MaskState'];
export type Probe = Schemas['Probe'];
export type Role = Schemas['Role'];
export type Session = Schemas['Session'];
export type Site = Schemas['Site'];
export type Timeline = Schemas['Timeline'];
export type Token = Schemas['Token'];
export type User = Schemas['User'];
export type Verb = Schemas['Verb'];
export type Zones = [number, number][][];

export interface ImportResult {
  cameras: number;
  changed: boolean;
  problems: { row: number; id?: string; error: string }[];
}
