/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "cli/output.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"

int cli_json_print(json_t *object)
{
    int r = object ? json_dumpf(object, stdout,
                                JSON_INDENT(2) | JSON_SORT_KEYS | JSON_REAL_PRECISION(15))
                   : -1;
    json_decref(object);
    if (r < 0) {
        fputs("lethe: out of memory\n", stderr);
        return 1;
    }
    putchar('\n');
    return 0;
}

bool cli_colour(int fd)
{
    const char *term = getenv("TERM"), *no = getenv("NO_COLOR");
    return isatty(fd) && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

char *cli_clean(char *text)
{
    return text_clean(text);
}

/* Characters of UTF-8, each taken as one column wide. */
static int width(const char *s)
{
    int n = 0;
    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

void cli_table_init(struct cli_table *t, int columns, const char *const *head)
{
    *t = (struct cli_table){.columns = columns};
    buf_init(&t->cells, 0);
    for (int i = 0; i < columns; i++)
        cli_table_cell(t, "%s", head[i]);
}

void cli_table_cell(struct cli_table *t, const char *fmt, ...)
{
    char text[640];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    cli_clean(text);
    int r = buf_append(&t->cells, text, strlen(text) + 1);
    if (r < 0)
        t->error = r;
    t->at = (t->at + 1) % t->columns;
    t->rows += t->at == 0;
}

int cli_table_print(struct cli_table *t, struct buf *out)
{
    int widths[CLI_COLUMNS] = {0}, r = t->error;
    const char *cell = (const char *)t->cells.data;
    size_t count = r < 0 ? 0 : t->rows * (size_t)t->columns;
    for (size_t i = 0; i < count; i++, cell += strlen(cell) + 1) {
        int w = width(cell), *max = &widths[i % (size_t)t->columns];
        if (w > *max)
            *max = w;
    }
    cell = (const char *)t->cells.data;
    for (size_t i = 0; i < count && r >= 0; i++, cell += strlen(cell) + 1) {
        int column = (int)(i % (size_t)t->columns), last = column == t->columns - 1;
        r = buf_appendf(out, "%s%*s", cell, last ? 0 : widths[column] - width(cell) + 2, "");
        if (r >= 0 && last) {
            while (out->len && out->data[out->len - 1] == ' ')
                out->len--;
            r = buf_append(out, "\n", 1);
        }
    }
    buf_release(&t->cells);
    return r < 0 ? r : 0;
}

int cli_table_show(struct cli_table *t)
{
    struct buf out;
    buf_init(&out, 0);
    int r = cli_table_print(t, &out);
    if (r >= 0)
        fwrite(out.data, 1, out.len, stdout);
    buf_release(&out);
    return r;
}

static char *scaled(double v, const char *const *units, char out[32])
{
    int i = 0;
    while (v >= 999.5 && units[i + 1]) {
        v /= 1000;
        i++;
    }
    snprintf(out, 32, v < 9.95 && i > 0 ? "%.1f %s" : "%.0f %s", v, units[i]);
    return out;
}

char *cli_bits(double bits_per_second, char out[32])
{
    static const char *const units[] = {"bit/s", "kbit/s", "Mbit/s", "Gbit/s", NULL};
    return scaled(bits_per_second, units, out);
}

char *cli_bytes(double bytes, char out[32])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", NULL};
    return scaled(bytes, units, out);
}

char *cli_ago(int64_t us, char out[32])
{
    if (us < 2 * SECOND_US)
        snprintf(out, 32, "now");
    else if (us < 2 * MINUTE_US)
        snprintf(out, 32, "%lld s ago", (long long)(us / SECOND_US));
    else if (us < 2 * HOUR_US)
        snprintf(out, 32, "%lld min ago", (long long)(us / MINUTE_US));
    else if (us < 2 * DAY_US)
        snprintf(out, 32, "%lld h ago", (long long)(us / HOUR_US));
    else
        snprintf(out, 32, "%lld days ago", (long long)(us / DAY_US));
    return out;
}
