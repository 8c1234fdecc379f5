/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Entries read strictly: what the builder would not have written is refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/text.h"
#include "tlog/entry_private.h"

#define ENTRY_BYTES 65535
#define DIGITS "0123456789"
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

static bool made_of(const char *p, size_t n, const char *set, size_t min, size_t max)
{
    if (n < min || n > max)
        return false;
    for (size_t i = 0; i < n; i++)
        if (p[i] == '\0' || !strchr(set, p[i]))
            return false;
    return true;
}

static bool is_time(const char *p, size_t n)
{
    char text[TIME_TEXT], back[TIME_TEXT];
    int64_t us;
    if (n >= sizeof(text))
        return false;
    memcpy(text, p, n);
    text[n] = '\0';
    return strlen(text) == n && time_parse(text, &us) >= 0 &&
           strcmp(time_format(us, back), text) == 0;
}

static bool is_name(const char *p, size_t n)
{
    char text[64];
    if (n >= sizeof(text))
        return false;
    memcpy(text, p, n);
    text[n] = '\0';
    return strlen(text) == n && config_id_valid(text);
}

static bool is_word(const char *p, size_t n, const char *word)
{
    return strlen(word) == n && memcmp(p, word, n) == 0;
}

static bool is_number(const char *p, size_t n)
{
    return made_of(p, n, DIGITS, 1, 18) && (n == 1 || p[0] != '0');
}

bool tlog_value_valid(enum tlog_value kind, const char *p, size_t n)
{
    switch (kind) {
    case TLOG_TOKEN:
        return made_of(p, n, LOWER UPPER DIGITS "._:@+-", 1, 160);
    case TLOG_NAME:
        return is_name(p, n);
    case TLOG_TIME:
        return is_time(p, n);
    case TLOG_TIME_OR_NO:
        return is_word(p, n, "no") || is_time(p, n);
    case TLOG_NUMBER:
        return is_number(p, n);
    case TLOG_HASH:
        return made_of(p, n, DIGITS "abcdef", 64, 64);
    case TLOG_SET:
        return made_of(p, n, DIGITS "abcdef", 32, 32);
    case TLOG_CODE:
        return made_of(p, n, LOWER DIGITS ".-", 1, 47) ||
               (n > 2 && !memcmp(p, "E_", 2) && made_of(p, n, UPPER "_", 3, 47));
    case TLOG_YES:
        return is_word(p, n, "yes") || is_word(p, n, "no");
    }
    return false;
}

struct cursor {
    const char *p, *end;
    unsigned line;
};

/* The next line as key and value; false at the end, or if it is none. */
static bool next_line(struct cursor *c, const char **key, size_t *key_len, const char **value,
                      size_t *value_len)
{
    const char *newline = c->p < c->end ? memchr(c->p, '\n', (size_t)(c->end - c->p)) : NULL;
    const char *space = newline ? memchr(c->p, ' ', (size_t)(newline - c->p)) : NULL;
    if (!space)
        return false;
    *key = c->p;
    *key_len = (size_t)(space - c->p);
    *value = space + 1;
    *value_len = (size_t)(newline - space - 1);
    c->p = newline + 1;
    c->line++;
    return true;
}

static int read_head(struct cursor *c, struct tlog_parsed *ret, struct err *reterr)
{
    const char *key, *value;
    size_t key_len, value_len;
    if (!next_line(c, &key, &key_len, &value, &value_len) ||
        !is_word(key, key_len, TLOG_ENTRY_MAGIC))
        return err_set(reterr, E_SYNTAX, "line 1 does not begin with " TLOG_ENTRY_MAGIC);
    if (!made_of(value, value_len, LOWER DIGITS "-", 1, 40))
        return err_set(reterr, E_SYNTAX, "line 1 names no kind of entry");
    ret->kind = tlog_kind_find(value, value_len);
    if (!ret->kind)
        return err_set(reterr, E_UNSUPPORTED, "entries of kind %.*s are not known here",
                       (int)value_len, value);
    if (!next_line(c, &key, &key_len, &ret->id, &ret->id_len) || !is_word(key, key_len, "id") ||
        !tlog_value_valid(TLOG_TOKEN, ret->id, ret->id_len))
        return err_set(reterr, E_SYNTAX, "line 2 is not the id");
    return 0;
}

/* All lines of one field. */
static int read_field(struct cursor *c, const struct tlog_field *f, struct tlog_parsed *ret,
                      struct err *reterr)
{
    unsigned count = 0;
    for (; count < f->max; count++) {
        struct cursor before = *c;
        const char *key, *value;
        size_t key_len, value_len;
        if (!next_line(c, &key, &key_len, &value, &value_len) || !is_word(key, key_len, f->key)) {
            *c = before;
            break;
        }
        if (!tlog_value_valid(f->value, value, value_len))
            return err_set(reterr, E_SYNTAX, "line %u: not a value of %s", c->line, f->key);
        if (ret->lines == TLOG_ENTRY_LINES)
            return err_set(reterr, E_LIMIT, "more than %d lines", TLOG_ENTRY_LINES);
        ret->line[ret->lines].field = f;
        ret->line[ret->lines].value = value;
        ret->line[ret->lines++].len = value_len;
    }
    return count >= f->min
               ? 0
               : err_set(reterr, E_SYNTAX, "line %u: %s has to stand here", c->line + 1, f->key);
}

/* UTF-8 without control characters but newlines. */
static bool is_statement(const char *p, size_t n)
{
    for (size_t step; n > 0; p += step, n -= step) {
        step = text_utf8(p, n);
        if (step == 0 || (step == 1 && (unsigned char)*p < 0x20 && *p != '\n') || *p == 0x7f)
            return false;
    }
    return true;
}

int tlog_entry_parse(const char *text, size_t len, struct tlog_parsed *ret, struct err *reterr)
{
    struct cursor c = {text, text + len, 0};
    ret->lines = 0;
    ret->statement = NULL;
    ret->statement_len = 0;
    if (len > ENTRY_BYTES)
        return err_set(reterr, E_LIMIT, "longer than %d bytes", ENTRY_BYTES);
    int r = read_head(&c, ret, reterr);
    for (const struct tlog_field *f = r < 0 ? NULL : ret->kind->field; f && f->key && r >= 0; f++)
        r = read_field(&c, f, ret, reterr);
    if (r < 0)
        return r;
    if (!ret->kind->statement)
        return c.p == c.end ? 0 : err_set(reterr, E_SYNTAX, "line %u: too many lines", c.line + 1);
    ret->statement = c.p;
    ret->statement_len = (size_t)(c.end - c.p);
    return ret->statement_len && is_statement(ret->statement, ret->statement_len)
               ? 0
               : err_set(reterr, E_SYNTAX, "line %u: there is no readable statement", c.line + 1);
}

const char *tlog_parsed_text(const struct tlog_parsed *p, const char *key, unsigned i, char *ret,
                             size_t cap)
{
    for (unsigned n = 0; n < p->lines; n++) {
        if (strcmp(p->line[n].field->key, key) != 0 || i-- > 0)
            continue;
        if (p->line[n].len >= cap)
            return NULL;
        memcpy(ret, p->line[n].value, p->line[n].len);
        ret[p->line[n].len] = '\0';
        return ret;
    }
    return NULL;
}

int tlog_parsed_number(const struct tlog_parsed *p, const char *key, int64_t *ret)
{
    char text[24];
    if (!tlog_parsed_text(p, key, 0, text, sizeof(text)))
        return E_NOTFOUND;
    *ret = strtoll(text, NULL, 10);
    return 0;
}

int tlog_parsed_time(const struct tlog_parsed *p, const char *key, int64_t *ret_us)
{
    char text[TIME_TEXT];
    if (!tlog_parsed_text(p, key, 0, text, sizeof(text)))
        return E_NOTFOUND;
    if (!strcmp(text, "no")) {
        *ret_us = 0;
        return 0;
    }
    return time_parse(text, ret_us);
}
