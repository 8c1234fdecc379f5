/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef BASE_SCHEMA_H
#define BASE_SCHEMA_H
/*
 * YAML by schema: a table says which keys a mapping may have, of which kind and range, and where the value goes.
 * Every refusal is one sentence with file, line, column and key. Anchors, aliases, duplicate keys and second
 * documents are refused; nothing nests deeper than SCHEMA_DEPTH. Reentrant.
 *
 * Source: YAML 1.1 as libyaml reads it. Booleans are true/false/yes/no/on/off, integers decimal: nothing is guessed.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SCHEMA_FILE_BYTES ((size_t)8 << 20) /* longest file that is read */
#define SCHEMA_DEPTH 8

enum schema_kind {
    SCHEMA_TEXT,     /* char[size] with NUL; no control characters */
    SCHEMA_BOOL,     /* bool */
    SCHEMA_INT,      /* int, min..max */
    SCHEMA_DURATION, /* int64_t microseconds, min..max */
    SCHEMA_SIZE,     /* int64_t bytes, min..max */
    SCHEMA_ENUM,     /* int, index in names */
    SCHEMA_MAP       /* fields; offsets count from the struct that the outer offset names */
};

struct schema_field {
    const char *key; /* NULL ends a table */
    enum schema_kind kind;
    size_t offset, size; /* size: TEXT, bytes of the array */
    int64_t min, max;
    const char *const *names; /* ENUM; ends with NULL */
    const struct schema_field *fields;
    bool required;
};
#define SCHEMA_TEXT_FIELD(type, member)                                                            \
    .offset = offsetof(type, member), .size = sizeof(((type *)0)->member)

/* Where in the file something stands; lines and columns count from 1. */
struct schema_place {
    unsigned line, column;
};

struct schema_doc;
/*
 * Parse @len bytes; @file is the name for sentences (kept). An empty document is an empty mapping.
 * Errors: E_SYNTAX, E_LIMIT, -ENOMEM.
 */
int schema_parse(const char *file, const void *data, size_t len, struct schema_doc **ret,
                 struct err *reterr);
/* Read and parse a file: also errno values of open and read. */
int schema_load(const char *file, struct schema_doc **ret, struct err *reterr);
void schema_free(struct schema_doc *d);

/* Fill @out from the document's mapping by @fields; keys that are not there leave @out as it is. E_SYNTAX, E_RANGE. */
int schema_bind(const struct schema_doc *d, const struct schema_field *fields, void *out,
                struct err *reterr);

/* The document is a mapping with the one key @key, a list of mappings: how many, or E_SYNTAX. */
int schema_list(struct schema_doc *d, const char *key, struct err *reterr);
/* Fill @out from the i-th of them. @ret is where it stands. */
int schema_bind_item(const struct schema_doc *d, int i, const struct schema_field *fields,
                     void *out, struct schema_place *ret, struct err *reterr);

/* Where the value of @key stands in the i-th of them; the item itself when it has no such key. */
struct schema_place schema_place_of(const struct schema_doc *d, int i, const char *key);

/* A sentence about the value at a path like "disk.reserve": "node.yaml:7:12: disk.reserve …". Returns @code. */
int schema_refuse(const struct schema_doc *d, const char *path, int code, struct err *reterr,
                  const char *fmt, ...) __attribute__((format(printf, 5, 6)));
#endif
