/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/schema.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "base/buf.h"
#include "base/clock.h"

struct schema_doc {
    char file[256];
    yaml_document_t yaml;
    yaml_node_t *list; /* of schema_list() */
};

static int refuse_at(const struct schema_doc *d, yaml_mark_t at, int code, struct err *reterr,
                     const char *fmt, ...) __attribute__((format(printf, 5, 6)));

static int refuse_at(const struct schema_doc *d, yaml_mark_t at, int code, struct err *reterr,
                     const char *fmt, ...)
{
    char text[320];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return err_set(reterr, code, "%s:%zu:%zu: %s", d->file, at.line + 1, at.column + 1, text);
}

static bool has_anchor(const yaml_event_t *e)
{
    return (e->type == YAML_SCALAR_EVENT && e->data.scalar.anchor) ||
           (e->type == YAML_MAPPING_START_EVENT && e->data.mapping_start.anchor) ||
           (e->type == YAML_SEQUENCE_START_EVENT && e->data.sequence_start.anchor);
}

static int parser_error(const struct schema_doc *d, const yaml_parser_t *p, struct err *reterr)
{
    /* libyaml does not name every allocation that failed, but names everything else */
    if (p->error == YAML_MEMORY_ERROR || p->error == YAML_NO_ERROR)
        return -ENOMEM;
    return refuse_at(d, p->problem_mark, E_SYNTAX, reterr, "not YAML: %s",
                     p->problem ? p->problem : "unreadable");
}

/* What libyaml would let through and this reader does not: aliases, anchors, tags, depth, a second document. */
static int check_events(struct schema_doc *d, const void *data, size_t len, struct err *reterr)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return -ENOMEM;
    yaml_parser_set_input_string(&parser, data, len);
    int depth = 0, documents = 0, r = 0;
    for (bool end = false; !end && r >= 0;) {
        yaml_event_t e;
        if (!yaml_parser_parse(&parser, &e)) {
            r = parser_error(d, &parser, reterr);
            break;
        }
        end = e.type == YAML_STREAM_END_EVENT;
        depth += (e.type == YAML_MAPPING_START_EVENT || e.type == YAML_SEQUENCE_START_EVENT) -
                 (e.type == YAML_MAPPING_END_EVENT || e.type == YAML_SEQUENCE_END_EVENT);
        documents += e.type == YAML_DOCUMENT_START_EVENT;
        if (e.type == YAML_ALIAS_EVENT || has_anchor(&e))
            r = refuse_at(d, e.start_mark, E_SYNTAX, reterr,
                          "anchors and aliases are not used here; write the value");
        else if (depth > SCHEMA_DEPTH)
            r = refuse_at(d, e.start_mark, E_LIMIT, reterr, "nested deeper than %d levels",
                          SCHEMA_DEPTH);
        else if (documents > 1)
            r = refuse_at(d, e.start_mark, E_SYNTAX, reterr, "a second document (---) in one file");
        yaml_event_delete(&e);
    }
    yaml_parser_delete(&parser);
    return r;
}

int schema_parse(const char *file, const void *data, size_t len, struct schema_doc **ret,
                 struct err *reterr)
{
    struct schema_doc *d = calloc(1, sizeof(*d));
    if (!d)
        return -ENOMEM;
    snprintf(d->file, sizeof(d->file), "%s", file);
    yaml_parser_t parser;
    int r = len > SCHEMA_FILE_BYTES ? err_set(reterr, E_LIMIT, "%s: longer than 8 MiB", file)
                                    : check_events(d, data, len, reterr);
    if (r >= 0 && !yaml_parser_initialize(&parser))
        r = -ENOMEM;
    if (r < 0) {
        free(d);
        return r;
    }
    yaml_parser_set_input_string(&parser, data, len);
    if (!yaml_parser_load(&parser, &d->yaml))
        r = parser_error(d, &parser, reterr);
    yaml_parser_delete(&parser);
    if (r < 0) {
        free(d);
        return r;
    }
    *ret = d;
    return 0;
}

int schema_load(const char *file, struct schema_doc **ret, struct err *reterr)
{
    struct buf b;
    buf_init(&b, SCHEMA_FILE_BYTES + 1);
    int r = 0;
    FILE *f = fopen(file, "re");
    if (!f)
        return err_set(reterr, -errno, "%s: %s", file, err_text(-errno));
    for (size_t n = 1; n && r >= 0;) {
        r = buf_reserve(&b, 4096);
        n = r < 0 ? 0 : fread(b.data + b.len, 1, 4096, f);
        b.len += n;
    }
    if (r >= 0 && ferror(f))
        r = err_set(reterr, -EIO, "%s: reading failed", file);
    else if (r < 0)
        err_set(reterr, r, "%s: longer than 8 MiB", file);
    fclose(f);
    if (r >= 0)
        r = schema_parse(file, b.data ? (const void *)b.data : "", b.len, ret, reterr);
    buf_release(&b);
    return r;
}

void schema_free(struct schema_doc *d)
{
    if (!d)
        return;
    yaml_document_delete(&d->yaml);
    free(d);
}

static yaml_node_t *node_at(const struct schema_doc *d, int index)
{
    return yaml_document_get_node((yaml_document_t *)(uintptr_t)&d->yaml, index);
}

static const char *scalar(const yaml_node_t *n)
{
    return n->type == YAML_SCALAR_NODE ? (const char *)n->data.scalar.value : NULL;
}

static int bind_bool(const char *text, bool *ret)
{
    static const char *const words[] = {"false", "no", "off", "true", "yes", "on"};
    for (size_t i = 0; i < 6; i++) {
        if (!strcasecmp(text, words[i])) {
            *ret = i >= 3;
            return 0;
        }
    }
    return E_SYNTAX;
}

static int bind_int(const char *text, int64_t *ret)
{
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (errno || end == text || *end || text[0] == ' ' || text[0] == '+')
        return E_SYNTAX;
    *ret = v;
    return 0;
}

static int bind_enum(const char *text, const char *const *names, int *ret)
{
    for (int i = 0; names[i]; i++) {
        if (!strcmp(text, names[i])) {
            *ret = i;
            return 0;
        }
    }
    return E_SYNTAX;
}

static int bind_text(const char *text, size_t len, char *out, size_t size)
{
    if (len >= size)
        return E_RANGE;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return E_SYNTAX;
    memcpy(out, text, len + 1);
    return 0;
}

static void describe_enum(const char *const *names, char *out, size_t size)
{
    size_t at = 0;
    out[0] = 0;
    for (int i = 0; names[i] && at < size; i++)
        at += (size_t)snprintf(out + at, size - at, "%s%s",
                               !i             ? ""
                               : names[i + 1] ? ", "
                                              : " or ",
                               names[i]);
}

/* What @f wants, for the end of "disk.reserve: 'x' is not …". */
static void describe(const struct schema_field *f, char *out, size_t size)
{
    switch (f->kind) {
    case SCHEMA_TEXT:
        snprintf(out, size, "a text of at most %zu bytes without control characters", f->size - 1);
        break;
    case SCHEMA_BOOL:
        snprintf(out, size, "true or false");
        break;
    case SCHEMA_INT:
        snprintf(out, size, "a whole number from %lld to %lld", (long long)f->min,
                 (long long)f->max);
        break;
    case SCHEMA_DURATION:
        snprintf(out, size, "a duration like 90s, 10m or 30d, from %llds to %llds",
                 (long long)(f->min / SECOND_US), (long long)(f->max / SECOND_US));
        break;
    case SCHEMA_SIZE:
        snprintf(out, size, "a size like 512M, 10G or 1Gi, from %lld to %lld bytes",
                 (long long)f->min, (long long)f->max);
        break;
    case SCHEMA_ENUM:
        describe_enum(f->names, out, size);
        break;
    case SCHEMA_MAP:
        snprintf(out, size, "a mapping");
        break;
    }
}

static int bind_number(const struct schema_field *f, const char *text, void *at)
{
    int64_t v = 0;
    int r = f->kind == SCHEMA_INT    ? bind_int(text, &v)
            : f->kind == SCHEMA_SIZE ? size_parse(text, &v)
                                     : duration_parse(text, &v);
    if (r < 0)
        return r;
    if (v < f->min || v > f->max)
        return E_RANGE;
    if (f->kind == SCHEMA_INT)
        *(int *)at = (int)v;
    else
        *(int64_t *)at = v;
    return 0;
}

static int bind_scalar(const struct schema_doc *d, const yaml_node_t *n,
                       const struct schema_field *f, void *at, const char *path, struct err *reterr)
{
    const char *text = scalar(n);
    char want[160];
    int r = E_SYNTAX;
    if (text && strlen(text) == n->data.scalar.length) {
        if (f->kind == SCHEMA_TEXT)
            r = bind_text(text, n->data.scalar.length, at, f->size);
        else if (f->kind == SCHEMA_BOOL)
            r = bind_bool(text, at);
        else if (f->kind == SCHEMA_ENUM)
            r = bind_enum(text, f->names, at);
        else
            r = bind_number(f, text, at);
    }
    if (r >= 0)
        return 0;
    describe(f, want, sizeof(want));
    return refuse_at(d, n->start_mark, r, reterr, "%s: '%.40s' is not %s", path,
                     text ? text : "a list or mapping", want);
}

static const struct schema_field *find_field(const struct schema_field *fields, const char *key)
{
    for (; fields->key; fields++)
        if (!strcmp(fields->key, key))
            return fields;
    return NULL;
}

static int unknown_key(const struct schema_doc *d, const yaml_node_t *key,
                       const struct schema_field *fields, const char *path, struct err *reterr)
{
    char known[200];
    size_t at = 0;
    known[0] = 0;
    for (; fields->key && at < sizeof(known); fields++)
        at += (size_t)snprintf(known + at, sizeof(known) - at, "%s%s", at ? ", " : "", fields->key);
    return refuse_at(d, key->start_mark, E_SYNTAX, reterr, "%s is not a known key; known here: %s",
                     path, known);
}

static bool key_repeated(const struct schema_doc *d, const yaml_node_t *map,
                         const yaml_node_pair_t *pair)
{
    const char *key = scalar(node_at(d, pair->key));
    for (const yaml_node_pair_t *p = map->data.mapping.pairs.start; p < pair; p++) {
        const char *other = scalar(node_at(d, p->key));
        if (other && !strcmp(other, key))
            return true;
    }
    return false;
}

static int check_required(const struct schema_doc *d, const yaml_node_t *map,
                          const struct schema_field *fields, const char *prefix, struct err *reterr)
{
    for (; fields->key; fields++) {
        bool found = !fields->required;
        for (const yaml_node_pair_t *p = map->data.mapping.pairs.start;
             p < map->data.mapping.pairs.top; p++) {
            const char *key = scalar(node_at(d, p->key));
            found = found || (key && !strcmp(key, fields->key));
        }
        if (!found)
            return refuse_at(d, map->start_mark, E_SYNTAX, reterr, "%s%s is missing", prefix,
                             fields->key);
    }
    return 0;
}

static int bind_map(const struct schema_doc *d, const yaml_node_t *map,
                    const struct schema_field *fields, void *out, const char *prefix,
                    struct err *reterr)
{
    if (map->type == YAML_SCALAR_NODE && !map->data.scalar.length)
        return 0; /* "disk:" with nothing behind it */
    if (map->type != YAML_MAPPING_NODE)
        return refuse_at(d, map->start_mark, E_SYNTAX, reterr,
                         "%s%skeys with values are wanted here", prefix, *prefix ? " " : "");
    int r = check_required(d, map, fields, prefix, reterr);
    const yaml_node_pair_t *top = map->data.mapping.pairs.top;
    for (const yaml_node_pair_t *p = map->data.mapping.pairs.start; r >= 0 && p < top; p++) {
        const yaml_node_t *key = node_at(d, p->key), *value = node_at(d, p->value);
        const char *name = scalar(key);
        char path[128];
        snprintf(path, sizeof(path), "%s%.60s", prefix, name ? name : "(a list or mapping)");
        const struct schema_field *f = name ? find_field(fields, name) : NULL;
        if (!f)
            return unknown_key(d, key, fields, path, reterr);
        if (key_repeated(d, map, p))
            return refuse_at(d, key->start_mark, E_SYNTAX, reterr, "%s stands twice", path);
        void *at = (char *)out + f->offset;
        if (f->kind == SCHEMA_MAP) {
            snprintf(path, sizeof(path), "%s%.60s.", prefix, name);
            r = bind_map(d, value, f->fields, at, path, reterr);
        } else {
            r = bind_scalar(d, value, f, at, path, reterr);
        }
    }
    return r;
}

int schema_bind(const struct schema_doc *d, const struct schema_field *fields, void *out,
                struct err *reterr)
{
    const yaml_node_t *root = node_at(d, 1);
    return root ? bind_map(d, root, fields, out, "", reterr) : 0;
}

int schema_list(struct schema_doc *d, const char *key, struct err *reterr)
{
    yaml_node_t *root = node_at(d, 1), *list = NULL;
    if (root && root->type == YAML_MAPPING_NODE &&
        root->data.mapping.pairs.top - root->data.mapping.pairs.start == 1) {
        const char *name = scalar(node_at(d, root->data.mapping.pairs.start->key));
        if (name && !strcmp(name, key))
            list = node_at(d, root->data.mapping.pairs.start->value);
    }
    if (!list || list->type != YAML_SEQUENCE_NODE)
        return err_set(reterr, E_SYNTAX, "%s:1:1: a list under the one key '%s:' is wanted",
                       d->file, key);
    d->list = list;
    return (int)(list->data.sequence.items.top - list->data.sequence.items.start);
}

int schema_bind_item(const struct schema_doc *d, int i, const struct schema_field *fields,
                     void *out, struct schema_place *ret, struct err *reterr)
{
    const yaml_node_t *item = node_at(d, d->list->data.sequence.items.start[i]);
    *ret = (struct schema_place){(unsigned)item->start_mark.line + 1,
                                 (unsigned)item->start_mark.column + 1};
    if (item->type != YAML_MAPPING_NODE)
        return refuse_at(d, item->start_mark, E_SYNTAX, reterr, "keys with values are wanted here");
    return bind_map(d, item, fields, out, "", reterr);
}

static const yaml_node_t *find_path(const struct schema_doc *d, const yaml_node_t *n,
                                    const char *path)
{
    while (n && n->type == YAML_MAPPING_NODE && *path) {
        size_t len = strcspn(path, ".");
        const yaml_node_t *next = NULL;
        for (const yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top;
             p++) {
            const char *key = scalar(node_at(d, p->key));
            if (key && strlen(key) == len && !memcmp(key, path, len))
                next = node_at(d, p->value);
        }
        n = next;
        path += len + (path[len] == '.');
    }
    return n;
}

struct schema_place schema_place_of(const struct schema_doc *d, int i, const char *key)
{
    const yaml_node_t *item = node_at(d, d->list->data.sequence.items.start[i]);
    const yaml_node_t *value = find_path(d, item, key);
    yaml_mark_t at = value ? value->start_mark : item->start_mark;
    return (struct schema_place){(unsigned)at.line + 1, (unsigned)at.column + 1};
}

int schema_refuse(const struct schema_doc *d, const char *path, int code, struct err *reterr,
                  const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    const yaml_node_t *n = find_path(d, node_at(d, 1), path);
    if (!n)
        return err_set(reterr, code, "%s: %s %s", d->file, path, text);
    return refuse_at(d, n->start_mark, code, reterr, "%s %s", path, text);
}
