// SPDX-License-Identifier: AGPL-3.0-or-later
// Traditional Chinese for the pages of cases; a part of zh-Hant.ts.
import type { casesEn } from './cases.en';

export const casesZhHant: Record<keyof typeof casesEn, string> = {
  'case.view.mismatch': '伺服器交出的錄影並非它所指的鏡頭或密鑰。沒有開啟任何內容。',
  'case.view.codec': '此瀏覽器無法播放 {codec}。',
  'case.view.growing': '此錄影仍在寫入。該時段結束後即可在此播放。',
  'case.view.no-key': '批准中沒有此錄影的密鑰。',
};
