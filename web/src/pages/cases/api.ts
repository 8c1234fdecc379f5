// SPDX-License-Identifier: AGPL-3.0-or-later
// The routes of cases. Types of their answers come from docs/api/openapi.yaml.
import { signal } from '@preact/signals';
import { get, request, send } from '../../api/client';
import type { components } from '../../api/schema';
import { language } from '../../i18n';

type Schemas = components['schemas'];
export type Case = Schemas['Case'];
export type CaseState = Schemas['CaseState'];
export type CaseDetail = Case & Schemas['CaseDetail'];
export type Codes = Schemas['CaseCodes'];
export type Code = Schemas['CaseCode'];
export type Recordings = Schemas['CaseRecordings'];
export interface Opening {
  case: Case;
  approvals: string[];
  shares: string;
  custodians: string;
}

export const codes = signal<Codes | null>(null);
let ahead = 0; // of the node's clock, ms
/** The node's clock: orders and remaining times go by it. */
export const nodeNow = () => Date.now() + ahead;

export async function loadCodes(): Promise<Codes> {
  const before = Date.now();
  const answer = await get<Codes>('cases/codes');
  ahead = Date.parse(answer.now) - (before + Date.now()) / 2 || 0;
  codes.value = answer;
  return answer;
}
export const codeText = (list: Code[] | undefined, code: string) => {
  const found = list?.find((c) => c.code === code);
  return found?.[language.value] || found?.en || code;
};

const path = (id: string) => `cases/${encodeURIComponent(id)}`;
export const listCases = async () => (await get<{ cases: Case[] }>('cases')).cases;
export const getCase = (id: string) => get<CaseDetail>(path(id));
export const postOrder = (order: string) => send<Case>('POST', 'cases', { order });
export const postOpening = (id: string) => send<Opening>('POST', `${path(id)}/opening`, {});
export const getRecordings = (id: string) => get<Recordings>(`${path(id)}/recordings`);
export const postEnd = (id: string, how: 'withdraw' | 'close', body: object = {}) => send<Case>('POST', `${path(id)}/${how}`, body);
export const sealedUrl = (id: string, recording: string) => new URL(`api/v1/${path(id)}/recordings/${encodeURIComponent(recording)}/sealed.mp4`, location.href.replace(/#.*/, '')).href;
/** The case's file for a desk that is opened from a local file. */
export const getBundle = async (id: string) => (await request(`${path(id)}/bundle`)).blob();

export const ended = (state: CaseState) => state === 'closed' || state === 'refused' || state === 'expired' || state === 'withdrawn';
/** @time null: it goes on. */
export const ms = (time: string | null) => (time === null ? nodeNow() : Date.parse(time));
