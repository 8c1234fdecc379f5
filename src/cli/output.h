/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H
/* What commands print: tables, JSON, colours. */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Print @object with a newline, and drop the reference. Returns the exit code: 0, or 1 without memory. */
int cli_json_print(json_t *object);

/* Colours only on a terminal, and not when NO_COLOR is set or TERM is dumb. */
bool cli_colour(int fd);

/* Replace what could steer a terminal (C0, DEL, C1 and direction controls) by '?'. Returns @text. */
char *cli_clean(char *text);

/*
 * Columns that are as wide as their longest cell. Cells are copied and cleaned. Out of memory is remembered and told by cli_table_print().
 */
#define CLI_COLUMNS 12
struct cli_table {
    struct buf cells; /* each with NUL */
    size_t rows;
    int columns, at;
    int error;
};
void cli_table_init(struct cli_table *t, int columns, const char *const *head);
void cli_table_cell(struct cli_table *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Append the lines to @out; frees the table. 0 or the error that was met. */
int cli_table_print(struct cli_table *t, struct buf *out);
/* The same to standard output. */
int cli_table_show(struct cli_table *t);

/* "2.1 Mbit/s", "3.4 GB", "5 min ago" in @out (of at least 32 bytes). Returns @out. */
char *cli_bits(double bits_per_second, char out[32]);
char *cli_bytes(double bytes, char out[32]);
char *cli_ago(int64_t us, char out[32]);
#endif
