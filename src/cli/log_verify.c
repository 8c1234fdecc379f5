/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `lethe log verify`: a whole log from its entries up, an older checkpoint, or one proof. */
#include <stdio.h>
#include <string.h>

#include "cli/log_source.h"
#include "cli/output.h"
#include "tlog/base64.h"
#include "tlog/durable.h"
#include "tlog/proof.h"
#include "tlog/verify.h"

#define PROBLEMS_SHOWN 100

struct findings {
    json_t *problems;
    size_t n;
};

static void on_problem(void *user, const char *sentence)
{
    struct findings *f = user;
    if (f->n++ < PROBLEMS_SHOWN)
        json_array_append_new(f->problems, json_string(sentence));
}

/* A checkpoint that somebody kept is the beginning of what the log is now. */
static int check_since(struct log_source *s, const char *file, struct findings *f, struct err *e)
{
    struct buf b;
    struct tlog_checkpoint old;
    struct tlog_path p;
    struct err why = {0};
    char text[400];
    buf_init(&b, TLOG_CHECKPOINT_BYTES);
    int r = durable_read(file, &b, e);
    if (r >= 0)
        r = tlog_checkpoint_open(b.data, b.len, s->policy.logs, s->policy.logs_n, &old, NULL, e);
    buf_release(&b);
    if (r < 0)
        return err_prefix(e, "%s: ", file), r;
    struct tlog_subtrees t = tlog_reader_subtrees(s->reader);
    r = tlog_tree_consistency(&t, old.size, s->head.size, &p, &why);
    if (r >= 0)
        r = tlog_consistency_check(old.size, &old.root, s->head.size, &s->head.root, &p);
    if (r >= 0)
        return 0;
    snprintf(text, sizeof(text),
             "the log does not continue %.100s: it had signed %llu entries then, which are not the "
             "first of the %llu of now",
             file, (unsigned long long)old.size, (unsigned long long)s->head.size);
    on_problem(f, text);
    return 0;
}

static int report(const struct cli_args *a, const struct log_source *s, struct findings *f)
{
    char root[TLOG_BASE64_TEXT(32)];
    if (cli_flag(a, "json")) {
        cli_json_print(json_pack(
            "{s:b, s:s, s:s, s:I, s:s, s:b, s:i, s:o}", "ok", f->n == 0, "log", s->where, "origin",
            s->head.origin, "size", (json_int_t)s->head.size, "root",
            tlog_base64(s->head.root.bytes, 32, root), "key_from_log", s->own_word, "cosignatures",
            __builtin_popcountll(s->report.witnesses), "problems", f->problems));
        return f->n ? 1 : 0;
    }
    for (size_t i = 0; i < json_array_size(f->problems); i++)
        printf("%s\n", json_string_value(json_array_get(f->problems, i)));
    if (f->n > PROBLEMS_SHOWN)
        printf("and %zu more\n", f->n - PROBLEMS_SHOWN);
    if (f->n == 0)
        printf(
            "%s: %llu entries, all as signed%s\n", s->head.origin, (unsigned long long)s->head.size,
            s->own_word ? " by the key that the log itself names; say --key to be sure of it" : "");
    json_decref(f->problems);
    return f->n ? 1 : 0;
}

static int verify_log(const struct cli_args *a)
{
    static struct log_source s;
    struct err e = {0};
    struct findings f = {json_array(), 0};
    const struct tlog_verify v = {NULL, on_problem, &f};
    const char *since = cli_value(a, "since", NULL);
    int r = log_source_open(a, cli_arg(a, 0), &s, &e);
    if (r >= 0)
        r = tlog_verify(s.files, &s.head, &v, &e);
    if (r >= 0 && since)
        r = check_since(&s, since, &f, &e);
    if (r >= 0)
        r = report(a, &s, &f);
    else
        json_decref(f.problems);
    log_source_close(&s);
    return r < 0 ? cli_fail(a, &e, r) : r;
}

static int verify_proof(const struct cli_args *a, const char *file)
{
    static struct log_source s;
    struct err e = {0};
    struct buf text, entry;
    struct tlog_proof p;
    struct tlog_checkpoint c = {0};
    const char *entry_file = cli_value(a, "entry", NULL);
    buf_init(&text, TLOG_PROOF_BYTES);
    buf_init(&entry, TLOG_ENTRY_BYTES);
    int r = log_source_files(a, cli_arg(a, 0), &s, &e);
    if (r >= 0 && !entry_file)
        r = err_set(&e, E_SYNTAX, "a proof is of an entry: say --entry FILE");
    if (r >= 0)
        r = log_source_policy(a, &s, &e);
    if (r >= 0)
        r = durable_read(file, &text, &e);
    if (r >= 0)
        r = durable_read(entry_file, &entry, &e);
    if (r >= 0)
        r = tlog_proof_parse(text.data, text.len, &p, &e);
    if (r >= 0)
        r = tlog_proof_check(&p, entry.data, entry.len, &s.policy, &c, &e);
    log_source_close(&s);
    buf_release(&text);
    buf_release(&entry);
    if (r < 0)
        return cli_fail(a, &e, r);
    if (cli_flag(a, "json"))
        return cli_json_print(json_pack("{s:b, s:s, s:I, s:I}", "ok", 1, "origin", c.origin,
                                        "index", (json_int_t)p.index, "size", (json_int_t)c.size));
    printf("%s: the entry is number %llu of %llu\n", c.origin, (unsigned long long)p.index,
           (unsigned long long)c.size);
    return 0;
}

static int run_verify(const struct cli_args *a)
{
    const char *proof = cli_value(a, "proof", NULL);
    return proof ? verify_proof(a, proof) : verify_log(a);
}

static const struct cli_option options[] = {
    LOG_SOURCE_OPTIONS,
    {.name = "since",
     .value = "FILE",
     .help = "a checkpoint kept from before: the log must continue it"},
    {.name = "proof", .value = "FILE", .help = "check one .tlog-proof instead of a log"},
    {.name = "entry", .value = "FILE", .help = "with --proof: the entry, byte for byte"},
    {.name = "json", .help = "one JSON object"},
    {0},
};
const struct cli_command cli_log_verify = {
    .name = "log verify",
    .summary = "check a public log from its entries up",
    .arguments = "SOURCE",
    .max_args = 1,
    .details =
        "Reads every entry, computes all hashes anew, and holds them against the files and the "
        "signed checkpoint. With --policy the witnesses' quorum must have cosigned it. Exit "
        "code 1 when anything is wrong.",
    .options = options,
    .examples = "# All of somebody's log, over the network\n"
                "lethe log verify https://cameras.example.org/log --key VKEY --json\n"
                "# It must also continue what was saved last month\n"
                "lethe log verify DIR --policy trust.policy --since 2026-10.checkpoint",
    .run = run_verify,
};
