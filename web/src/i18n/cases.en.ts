// SPDX-License-Identifier: AGPL-3.0-or-later
// English for the pages of cases; a part of en.ts.
export const casesEn = {
  'case.view.mismatch': 'The server gave a recording of another camera or key than it named. Nothing was opened.',
  'case.view.codec': 'This browser cannot play {codec}.',
  'case.view.growing': 'This recording is still being written. It can be played here when its epoch is over.',
  'case.view.no-key': 'The approvals hold no key for this recording.',
} as const;
