// SPDX-License-Identifier: AGPL-3.0-or-later
/** Whether every word of @query occurs in one of @texts, whatever the case. */
export function matches(query: string, ...texts: string[]): boolean {
  const where = texts.join('\n').toLowerCase();
  return query.toLowerCase().split(/\s+/).every((word) => where.includes(word));
}
