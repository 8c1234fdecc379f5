/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/csv.h"

#include <stdbool.h>
#include <string.h>

#include "base/text.h"

void csv_init(struct csv_reader *r, const char *file, const void *data, size_t len)
{
    *r = (struct csv_reader){.file = file, .data = data, .len = len, .line = 1, .column = 1};
    buf_init(&r->text, (size_t)CSV_FIELDS * CSV_FIELD_BYTES);
    if (len >= 3 && !memcmp(data, "\xef\xbb\xbf", 3))
        r->at = 3;
}

void csv_release(struct csv_reader *r)
{
    buf_release(&r->text);
}

static int refuse(const struct csv_reader *r, int code, struct err *reterr, const char *why)
{
    return err_set(reterr, code, "%s:%u:%u: %s", r->file, r->line, r->column, why);
}

static bool at_newline(const struct csv_reader *r)
{
    const unsigned char *p = r->data + r->at;
    size_t left = r->len - r->at;
    return left && (p[0] == '\n' || (p[0] == '\r' && left > 1 && p[1] == '\n'));
}

static void skip_newline(struct csv_reader *r)
{
    r->at += r->data[r->at] == '\r' ? 2 : 1;
    r->line++;
    r->column = 1;
}

/* Take one character into the text. */
static int take(struct csv_reader *r, struct err *reterr)
{
    const unsigned char *p = r->data + r->at;
    size_t n = text_utf8((const char *)p, r->len - r->at);
    if (!n)
        return refuse(r, E_SYNTAX, reterr, "not UTF-8; save the file as UTF-8");
    if (p[0] < 0x20 || p[0] == 0x7f)
        return refuse(r, E_SYNTAX, reterr, "a control character");
    int e = buf_append(&r->text, p, n);
    r->at += n;
    r->column++;
    return e == E_LIMIT ? refuse(r, e, reterr, "the line is too long") : e;
}

static int quoted(struct csv_reader *r, struct err *reterr)
{
    struct csv_reader start = *r;
    int e = 0;
    r->at++;
    r->column++;
    while (e >= 0 && r->at < r->len) {
        if (r->data[r->at] != '"') {
            e = at_newline(r)
                    ? refuse(&start, E_SYNTAX, reterr, "this quote is never closed in its line")
                    : take(r, reterr);
            continue;
        }
        bool pair = r->at + 1 < r->len && r->data[r->at + 1] == '"';
        r->at += pair ? 2 : 1;
        r->column += pair ? 2 : 1;
        if (pair) {
            e = buf_append(&r->text, "\"", 1);
            continue;
        }
        if (r->at < r->len && r->data[r->at] != ',' && !at_newline(r))
            return refuse(r, E_SYNTAX, reterr,
                          "text behind a closing quote; write \"\" for a quote inside quotes");
        return 0;
    }
    return e < 0 ? e : refuse(&start, E_SYNTAX, reterr, "this quote is never closed");
}

static int plain(struct csv_reader *r, struct err *reterr)
{
    int e = 0;
    while (e >= 0 && r->at < r->len && r->data[r->at] != ',' && !at_newline(r)) {
        if (r->data[r->at] == '"')
            return refuse(r, E_SYNTAX, reterr,
                          "a quote inside a field that does not begin with one");
        e = take(r, reterr);
    }
    return e;
}

static int field(struct csv_reader *r, struct csv_record *rec, size_t offsets[], struct err *reterr)
{
    if (rec->count == CSV_FIELDS)
        return refuse(r, E_LIMIT, reterr, "more than 32 fields in a line");
    size_t from = r->text.len;
    offsets[rec->count] = from;
    rec->field[rec->count++] = (struct csv_field){.line = r->line, .column = r->column};
    struct csv_reader start = *r;
    bool is_quoted = r->at < r->len && r->data[r->at] == '"';
    int e = is_quoted ? quoted(r, reterr) : plain(r, reterr);
    if (e >= 0 && r->text.len - from >= CSV_FIELD_BYTES)
        e = refuse(&start, E_LIMIT, reterr, "a field longer than 4095 bytes");
    return e < 0 ? e : buf_append(&r->text, "", 1);
}

int csv_next(struct csv_reader *r, struct csv_record *ret, struct err *reterr)
{
    size_t offsets[CSV_FIELDS];
    while (at_newline(r))
        skip_newline(r);
    if (r->at >= r->len)
        return 0;
    r->text.len = 0;
    ret->line = r->line;
    ret->count = 0;
    for (;;) {
        int e = field(r, ret, offsets, reterr);
        if (e < 0)
            return e;
        if (r->at >= r->len || r->data[r->at] != ',')
            break;
        r->at++;
        r->column++;
    }
    if (r->at < r->len)
        skip_newline(r);
    for (int i = 0; i < ret->count; i++)
        ret->field[i].text = (const char *)r->text.data + offsets[i];
    return 1;
}

int csv_put(struct buf *out, const char *text, int first)
{
    size_t len = strlen(text);
    bool quote = strcspn(text, ",\"\r\n") < len || text[0] == ' ' ||
                 (len && text[len - 1] == ' ') || !strncmp(text, "\xef\xbb\xbf", 3);
    int e = first ? 0 : buf_append(out, ",", 1);
    if (e >= 0 && quote)
        e = buf_append(out, "\"", 1);
    for (const char *p = text; e >= 0 && *p; p++)
        e = buf_append(out, *p == '"' ? "\"\"" : p, *p == '"' ? 2 : 1);
    return e >= 0 && quote ? buf_append(out, "\"", 1) : e;
}
