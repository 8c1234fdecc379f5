/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `lethe report`: the yearly report from log and register; `lethe register`: the public register itself. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "audit/report.h"
#include "cli/log_source.h"
#include "cli/output.h"
#include "index/index.h"
#include "tlog/durable.h"

#define REGISTER_BYTES ((size_t)64 << 20)

struct collect {
    struct buf *out;
    int error;
};

static int on_camera(void *user, const struct index_camera *c)
{
    struct collect *g = user;
    if (g->out->len)
        g->error = buf_append(g->out, "\n", 1);
    if (g->error >= 0)
        g->error = index_register_text(c, g->out);
    return g->error < 0;
}

/* Public entries of all cameras of a node, one empty line between two. */
static int register_of(const char *data_dir, struct buf *out, struct err *e)
{
    struct index *ix = NULL;
    struct collect g = {out, 0};
    int r = index_sqlite.open(data_dir, true, &ix, e);
    if (r < 0)
        return r;
    r = ix->ops->cameras(ix, on_camera, &g, e);
    ix->ops->close(ix);
    return r < 0 ? r : g.error;
}

/* Of the file that was named, else of the node whose log it is, else none. */
static int find_register(const struct cli_args *a, struct buf *out, struct err *e)
{
    const char *file = cli_value(a, "register", NULL), *source = cli_arg(a, 0);
    char path[PATH_MAX];
    if (file)
        return durable_read(file, out, e);
    if (source && strstr(source, "://"))
        return 0;
    snprintf(path, sizeof(path), "%s/lethe.db", source ? source : cli_data_dir(a));
    return access(path, F_OK) == 0 ? register_of(source ? source : cli_data_dir(a), out, e) : 0;
}

static int write_report(const struct cli_args *a, struct log_source *s, long year, long size,
                        struct err *e)
{
    const char *output = cli_value(a, "output", NULL);
    struct buf reg, out;
    buf_init(&reg, REGISTER_BYTES);
    buf_init(&out, 0);
    int r = find_register(a, &reg, e);
    if (r >= 0) {
        const struct report_options o = {.year = (int)year,
                                         .log = s->files,
                                         .head = &s->head,
                                         .size = (uint64_t)size,
                                         .register_text = (const char *)reg.data,
                                         .register_len = reg.len};
        r = report_write(&o, &out, e);
    }
    if (r >= 0 && output)
        r = durable_replace(output, out.data, out.len, 0644, false, e);
    else if (r >= 0)
        fwrite(out.data, 1, out.len, stdout);
    buf_release(&reg);
    buf_release(&out);
    return r;
}

static int run_report(const struct cli_args *a)
{
    static struct log_source s;
    struct err e = {0};
    long year, size;
    if (cli_int(a, "year", 1970, 9998, 0, &year) < 0 ||
        cli_int(a, "size", 1, 0x7fffffffffff, 0, &size) < 0)
        return 2;
    int r = log_source_open(a, cli_arg(a, 0), &s, &e);
    if (r >= 0)
        r = write_report(a, &s, year, size, &e);
    log_source_close(&s);
    return r < 0 ? cli_fail(a, &e, r) : 0;
}

static int run_register(const struct cli_args *a)
{
    struct buf b;
    struct err e = {0};
    buf_init(&b, REGISTER_BYTES);
    int r = register_of(cli_data_dir(a), &b, &e);
    if (r >= 0 && b.len)
        fwrite(b.data, 1, b.len, stdout);
    buf_release(&b);
    return r < 0 ? cli_fail(a, &e, r) : 0;
}

static const struct cli_option report_options_table[] = {
    LOG_SOURCE_OPTIONS,
    {.name = "year", .value = "N", .help = "which year (UTC)", .required = true},
    {.name = "register",
     .value = "FILE",
     .help = "the public register, as lethe register prints it (default: the node's own)"},
    {.name = "size",
     .value = "N",
     .help = "only the first N entries, as a report that is checked says"},
    {.name = "output", .value = "FILE", .help = "write there instead of standard output"},
    {0},
};
const struct cli_command cli_report = {
    .name = "report",
    .summary = "write the yearly report from public log and register",
    .arguments = "SOURCE",
    .max_args = 1,
    .details =
        "Cameras, footage, orders to open it by purpose and legal basis, holds, shortfalls, "
        "masking. "
        "The report is a pure function of the first N entries of the log, N being named in it, and "
        "of the register: anybody's copy of both gives the same bytes. Every entry of the register "
        "is held against its hash in the log.",
    .options = report_options_table,
    .examples = "# This node's\nlethe report --year 2026 -o 2026.md\n"
                "# Check a published one\n"
                "lethe report https://cameras.example.org/log --key VKEY --year 2026 --size 20201 "
                "--register "
                "register.txt | cmp - 2026.md",
    .run = run_report,
};

static const struct cli_option register_options[] = {
    {.name = "data", .value = "DIR", .help = "data directory of the node"},
    {0},
};
const struct cli_command cli_register = {
    .name = "register",
    .summary = "print the public register of cameras",
    .details = "The public entry of every camera (docs/format/log-entries.md), with an empty line "
               "between two. The SHA-256 of each is in the log.",
    .options = register_options,
    .examples = "# Publish it beside the log\nlethe register >register.txt",
    .run = run_register,
};
