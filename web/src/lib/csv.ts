// SPDX-License-Identifier: AGPL-3.0-or-later
// CSV (RFC 4180) for a preview: the server reads it itself and is the one that judges.

export interface CsvRow extends Array<string> {
  line: number; // the line that it begins on, from 1
}

export function parseCsv(text: string): CsvRow[] {
  const rows: CsvRow[] = [];
  let line = 1;
  let at = 0;
  while (at < text.length) {
    const row = Object.assign([] as string[], { line }) as CsvRow;
    for (;;) {
      let field = '';
      if (text[at] === '"') {
        at++;
        while (at < text.length && !(text[at] === '"' && text[at + 1] !== '"')) {
          if (text[at] === '"') at++;
          if (text[at] === '\n') line++;
          field += text[at++];
        }
        at++;
      }
      while (at < text.length && text[at] !== ',' && text[at] !== '\n') field += text[at++];
      row.push(field.replace(/\r$/, '').trim());
      if (text[at] !== ',') break;
      at++;
    }
    at++;
    line++;
    if (row.length > 1 || row[0] !== '') rows.push(row);
  }
  return rows;
}
