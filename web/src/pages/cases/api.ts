// SPDX-License-Identifier: AGPL-3.0-or-later
// The routes of cases, and their answers as this page reads them. docs/api/openapi.yaml says the rest.
import { signal } from '@preact/signals';
import { get, request, send } from '../../api/client';
import { language } from '../../i18n';

export type CaseState = 'requested' | 'logged' | 'approved' | 'open' | 'closed' | 'refused' | 'expired' | 'withdrawn';
export interface Case {
  id: string;
  state: CaseState;
  since: string;
  node: string;
  cameras: string[];
  from: string;
  to: string;
  purpose: string;
  basis: string;
  made: string;
  not_after: string;
  urgent: string | null;
  order_hash: string;
  threshold: number;
  custodians: number;
  approved: number[];
  refused: { custodian: number; reason: string }[];
  missing: string | null;
  entry: number | null;
  seconds_left: number;
}
export interface CaseDetail extends Case {
  order: string;
  words: string;
  words_zh?: string;
  proof: string;
}
export interface Code {
  code: string;
  purpose?: string;
  en: string;
  'zh-Hant'?: string;
}
export interface Codes {
  purposes: Code[];
  bases: Code[];
  refusals: Code[];
  limits: { camera_hours: number; valid_seconds: number; urgent_seconds: number; cameras: number };
  node: string;
  threshold: number;
  custodians: number;
  practice: boolean;
  log_vkey: string;
  now: string;
}
export interface Opening {
  case: Case;
  approvals: string[];
  shares: string;
  custodians: string;
}
export interface Recordings {
  recordings: { camera: string; recording: string; kid: string; begin: string; end: string | null; bytes: number }[];
  gaps: { camera: string; from: string; to: string | null; reason: string }[];
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
