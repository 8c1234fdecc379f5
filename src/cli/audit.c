/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `lethe audit`: a site against its own log. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/audit.h"
#include "base/clock.h"
#include "cli/log_source.h"
#include "cli/output.h"
#include "tlog/durable.h"

struct output {
    bool json;
    json_t *problems, *notes;
};

static void on_finding(void *user, const struct audit_finding *f)
{
    struct output *o = user;
    char where[300], text[400];
    snprintf(where, sizeof(where), "%s", f->where);
    snprintf(text, sizeof(text), "%s", f->text);
    cli_clean(where);
    cli_clean(text);
    if (o->json)
        json_array_append_new(
            f->weight == AUDIT_FRAUD ? o->problems : o->notes,
            json_pack("{s:s, s:s, s:s}", "code", f->code, "where", where, "text", text));
    else
        printf("%s %s: %s: %s\n", f->weight == AUDIT_FRAUD ? "BROKEN" : "note  ", f->code, where,
               text);
}

static int summary(const struct output *o, const struct log_source *s, const struct audit_counts *c,
                   bool disk)
{
    if (o->json)
        cli_json_print(json_pack("{s:b, s:s, s:s, s:b, s:o, s:o, s:{s:I, s:I, s:I, s:I, s:I, s:I}}",
                                 "ok", c->frauds == 0, "site", s->where, "origin", s->head.origin,
                                 "disk", disk, "problems", o->problems, "notes", o->notes,
                                 "looked_at", "entries", (json_int_t)c->entries, "manifests",
                                 (json_int_t)c->manifests, "listed", (json_int_t)c->listed,
                                 "recordings", (json_int_t)c->recordings, "share_files",
                                 (json_int_t)c->share_files, "cases", (json_int_t)c->cases));
    else if (c->frauds == 0)
        printf(
            "%s keeps what it promises: %llu entries%s, %llu recordings, %llu listed, %llu share "
            "files, %llu cases\n",
            s->head.origin, (unsigned long long)c->entries,
            disk ? "" : " (only the log was looked at)", (unsigned long long)c->recordings,
            (unsigned long long)c->listed, (unsigned long long)c->share_files,
            (unsigned long long)c->cases);
    else
        printf("%llu promises are broken\n", (unsigned long long)c->frauds);
    return c->frauds ? 1 : 0;
}

static int audit(const struct cli_args *a, struct log_source *s, struct err *e)
{
    struct output o = {cli_flag(a, "json"), json_array(), json_array()};
    struct audit_counts counts;
    struct buf since;
    const char *source = cli_arg(a, 0), *file = cli_value(a, "since", NULL);
    char probe[PATH_MAX + 32];
    long long now = clock_wall_us(&clock_system);
    if (cli_time(a, "now", &now) < 0)
        return 2;
    if (!source)
        source = cli_data_dir(a);
    snprintf(probe, sizeof(probe), "%s/log/checkpoint", source);
    bool disk = !strstr(source, "://") && access(probe, F_OK) == 0;
    buf_init(&since, TLOG_CHECKPOINT_BYTES);
    int r = file ? durable_read(file, &since, e) : 0;
    if (r >= 0) {
        const struct audit_options options = {.data_dir = disk ? source : NULL,
                                              .log = s->files,
                                              .policy = &s->policy,
                                              .since = file ? since.data : NULL,
                                              .since_len = since.len,
                                              .now_us = now,
                                              .footage = cli_flag(a, "footage")};
        r = audit_run(&options, on_finding, &o, &counts, e);
    }
    buf_release(&since);
    if (r >= 0)
        return summary(&o, s, &counts, disk);
    json_decref(o.problems);
    json_decref(o.notes);
    return r;
}

static int run_audit(const struct cli_args *a)
{
    static struct log_source s;
    struct err e = {0};
    int r = log_source_files(a, cli_arg(a, 0), &s, &e);
    if (r >= 0)
        r = log_source_policy(a, &s, &e);
    if (r >= 0) /* for its name; the audit reads it again */
        r = s.files.get(s.files.user, "checkpoint", &s.note, &e);
    struct tlog_policy_report report;
    if (r >= 0)
        r = tlog_policy_examine(&s.policy, s.note.data, s.note.len, &s.head, &report, &e);
    if (r >= 0)
        r = audit(a, &s, &e);
    log_source_close(&s);
    return r < 0 ? cli_fail(a, &e, r) : r;
}

static const struct cli_option options[] = {
    LOG_SOURCE_OPTIONS,
    {.name = "since",
     .value = "FILE",
     .help = "a checkpoint kept from before: the log must continue it"},
    {.name = "footage",
     .help = "also read every recording and compare its pictures with its hashes"},
    {.name = "now", .value = "TIME", .help = "when the copy was taken (default now)"},
    {.name = "json", .help = "one JSON object"},
    {0},
};
const struct cli_command cli_audit = {
    .name = "audit",
    .summary = "hold a site, or a copy of its disk, against its public log",
    .arguments = "DIR|ADDRESS",
    .max_args = 1,
    .details =
        "DIR is the data directory of a node or a copy of it; with the address of a log only the "
        "log "
        "is looked at. Checked is that the log is whole and continues what was signed before; that "
        "everything recorded was listed and is as it was listed; that what was listed is there, or "
        "was destroyed when it should be and the log says so; that nothing older than promised can "
        "be opened any more; that cameras, promises and custodians are those the log tells of; and "
        "that every opening had its order and approvals first.\n\n"
        "Nothing is changed. Exit code 1 when a promise is broken.",
    .options = options,
    .examples = "# This node\nlethe audit --key VKEY\n"
                "# A copy of a disk, as of the day it was taken, pictures included\n"
                "lethe audit /mnt/copy --key VKEY --now 2026-11-26T12:00:00Z --footage --json",
    .run = run_audit,
};
