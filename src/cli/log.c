/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `lethe log show`, `tail`, `prove`, `rotate`. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "cli/log_source.h"
#include "cli/output.h"
#include "tlog/base64.h"
#include "tlog/client.h"
#include "tlog/durable.h"
#include "tlog/proof.h"

#define FOLLOW_SECONDS 2

static int parse_index(const char *text, uint64_t *ret, struct err *reterr)
{
    return tlog_decimal_parse(text, strlen(text), ret) < 0
               ? err_set(reterr, E_SYNTAX, "%.40s is not the number of an entry", text)
               : 0;
}

/* ---- show ---- */

static json_t *cosignatures(const struct log_source *s)
{
    json_t *list = json_array();
    char when[TIME_TEXT];
    for (size_t i = 0; i < s->policy.witnesses_n; i++)
        if (s->report.witnesses >> i & 1)
            json_array_append_new(list,
                                  json_pack("{s:s, s:s, s:s}", "name", s->policy.names[i], "key",
                                            s->policy.witnesses[i].name, "time",
                                            time_format(s->report.times[i] * SECOND_US, when)));
    return list;
}

/* What the logger says of witnesses, where one runs here. NULL otherwise. */
static json_t *live_state(const struct cli_args *a)
{
    struct tlog_client *c = NULL;
    json_t *request = json_pack("{s:s}", "op", "status"), *answer = NULL;
    if (tlog_client_open(cli_data_dir(a), TLOG_CLIENT_TIMEOUT_MS, &c, NULL) >= 0)
        (void)tlog_client_call(c, request, &answer, NULL);
    tlog_client_close(c);
    json_decref(request);
    json_object_del(answer, "ok");
    return answer;
}

static void print_witnesses(const json_t *state)
{
    const json_t *list = json_object_get(state, "witnesses");
    const char *head[] = {"WITNESS", "ENTRIES", "COSIGNED", "STATE"};
    struct cli_table t;
    char when[TIME_TEXT];
    if (!json_array_size(list))
        return;
    cli_table_init(&t, 4, head);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *w = json_array_get(list, i);
        const char *error = json_string_value(json_object_get(w, "error"));
        json_int_t time = json_integer_value(json_object_get(w, "time"));
        cli_table_cell(&t, "%s", json_string_value(json_object_get(w, "name")));
        cli_table_cell(&t, "%lld", (long long)json_integer_value(json_object_get(w, "size")));
        cli_table_cell(&t, "%s", time ? time_format(time * SECOND_US, when) : "never");
        cli_table_cell(&t, "%s", error ? error : time ? "cosigns" : "not asked yet");
    }
    printf("\n");
    cli_table_show(&t);
    if (json_is_true(json_object_get(state, "quorum_needed")))
        printf("The quorum has seen %lld entries.\n",
               (long long)json_integer_value(json_object_get(state, "quorum_size")));
}

static int show_state(const struct cli_args *a, struct log_source *s)
{
    char root[TLOG_BASE64_TEXT(32)], vkey[TLOG_VKEY_TEXT];
    json_t *live = cli_arg(a, 0) ? NULL : live_state(a), *keys = json_array();
    for (size_t i = 0; i < s->policy.logs_n; i++)
        if (s->report.logs >> i & 1)
            json_array_append_new(keys, json_string(tlog_vkey_format(&s->policy.logs[i], vkey)));
    tlog_base64(s->head.root.bytes, 32, root);
    if (cli_flag(a, "json"))
        return cli_json_print(json_pack(
            "{s:s, s:s, s:I, s:s, s:o, s:b, s:o, s:o*}", "log", s->where, "origin", s->head.origin,
            "size", (json_int_t)s->head.size, "root", root, "keys", keys, "key_from_log",
            s->own_word, "cosignatures", cosignatures(s), "logger", live));
    printf("origin   %s\nentries  %llu\nroot     %s\n", s->head.origin,
           (unsigned long long)s->head.size, root);
    for (size_t i = 0; i < json_array_size(keys); i++)
        printf("signed   %s\n", json_string_value(json_array_get(keys, i)));
    if (s->own_word)
        printf(
            "\nThe key is the one that the log itself names. Compare it with one from elsewhere,\n"
            "and say --key or --policy.\n");
    const char *refused = json_string_value(json_object_get(live, "refused"));
    if (refused)
        printf("\nNothing is signed any more: %s\n", refused);
    print_witnesses(live);
    json_decref(keys);
    json_decref(live);
    return 0;
}

static json_t *entry_json(uint64_t index, const struct buf *b)
{
    json_t *text = json_stringn((const char *)b->data, b->len);
    return json_pack("{s:I, s:o*, s:o*}", "index", (json_int_t)index, "text", text, "base64",
                     text ? NULL : json_string("not UTF-8"));
}

static void print_entry(uint64_t index, struct buf *b)
{
    char *text = buf_cstr(b), *save = NULL;
    printf("entry %llu\n", (unsigned long long)index);
    for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line;
         line = strtok_r(NULL, "\n", &save))
        printf("  %s\n", cli_clean(line));
}

/* Entries from @first on, each proven, as JSON into @list or printed. */
static int show_entries(struct log_source *s, uint64_t first, uint64_t count, json_t *list,
                        struct err *e)
{
    struct buf b;
    int r = 0;
    buf_init(&b, TLOG_ENTRY_BYTES + 1);
    for (uint64_t i = first; i < first + count && r >= 0; i++) {
        r = log_source_entry(s, i, &b, e);
        if (r >= 0 && list)
            json_array_append_new(list, entry_json(i, &b));
        else if (r >= 0)
            print_entry(i, &b);
    }
    buf_release(&b);
    return r;
}

static int show_some(const struct cli_args *a, struct log_source *s, uint64_t first, uint64_t count,
                     struct err *e)
{
    json_t *list = cli_flag(a, "json") ? json_array() : NULL;
    int r = show_entries(s, first, count, list, e);
    if (r >= 0 && list)
        return cli_json_print(json_pack("{s:s, s:I, s:o}", "origin", s->head.origin, "size",
                                        (json_int_t)s->head.size, "entries", list));
    json_decref(list);
    return r;
}

static int run_show(const struct cli_args *a)
{
    static struct log_source s;
    struct err e = {0};
    const char *entry = cli_value(a, "entry", NULL);
    uint64_t first = 0;
    long count;
    if (cli_int(a, "count", 1, 1000000, 1, &count) < 0)
        return 2;
    int r = log_source_open(a, cli_arg(a, 0), &s, &e);
    if (r >= 0 && !entry)
        r = show_state(a, &s);
    else if (r >= 0 && (r = parse_index(entry, &first, &e)) >= 0)
        r = show_some(a, &s, first, (uint64_t)count, &e);
    log_source_close(&s);
    return r < 0 ? cli_fail(a, &e, r) : r;
}

/* ---- tail ---- */

/* Wait for a checkpoint that continues the one that is known. */
static int follow(struct log_source *s, struct err *e)
{
    const struct timespec pause = {FOLLOW_SECONDS, 0};
    struct tlog_checkpoint before = s->head;
    struct tlog_path p;
    do {
        nanosleep(&pause, NULL);
        int r = log_source_checkpoint(s, e);
        if (r < 0)
            return r;
    } while (s->head.size == before.size && tlog_hash_equal(&s->head.root, &before.root));
    if (s->head.size < before.size)
        return err_set(e, E_CORRUPT,
                       "the log had %llu entries and has %llu now: it was rolled back",
                       (unsigned long long)before.size, (unsigned long long)s->head.size);
    tlog_reader_grow(s->reader, s->head.size);
    struct tlog_subtrees t = tlog_reader_subtrees(s->reader);
    int r = tlog_tree_consistency(&t, before.size, s->head.size, &p, e);
    if (r >= 0 &&
        tlog_consistency_check(before.size, &before.root, s->head.size, &s->head.root, &p) < 0)
        r = err_set(e, E_CORRUPT, "the log does not continue what it was before: it is forked");
    return r;
}

static int run_tail(const struct cli_args *a)
{
    static struct log_source s;
    struct err e = {0};
    long lines;
    if (cli_int(a, "lines", 0, 1000000, 10, &lines) < 0)
        return 2;
    int r = log_source_open(a, cli_arg(a, 0), &s, &e);
    uint64_t want = (uint64_t)lines, from = s.head.size > want ? s.head.size - want : 0;
    if (r >= 0)
        r = show_some(a, &s, from, s.head.size - from, &e);
    while (r >= 0 && cli_flag(a, "follow")) {
        from = s.head.size;
        fflush(stdout);
        r = follow(&s, &e);
        if (r >= 0 && s.head.size > from)
            r = show_some(a, &s, from, s.head.size - from, &e);
    }
    log_source_close(&s);
    return r < 0 ? cli_fail(a, &e, r) : r;
}

/* ---- prove ---- */

static int make_proof(struct log_source *s, uint64_t index, struct buf *out, struct err *e)
{
    struct tlog_subtrees t = tlog_reader_subtrees(s->reader);
    struct tlog_proof p = {
        .index = index, .checkpoint = (const char *)s->note.data, .checkpoint_len = s->note.len};
    struct buf entry;
    buf_init(&entry, TLOG_ENTRY_BYTES);
    int r = log_source_entry(s, index, &entry, e);
    if (r >= 0)
        r = tlog_tree_inclusion(&t, index, s->head.size, &p.path, e);
    if (r >= 0)
        r = tlog_proof_format(&p, out);
    buf_release(&entry);
    return r;
}

static int run_prove(const struct cli_args *a)
{
    static struct log_source s;
    struct err e = {0};
    struct buf proof;
    uint64_t index = 0;
    const char *output = cli_value(a, "output", NULL);
    buf_init(&proof, TLOG_PROOF_BYTES);
    int r = parse_index(cli_arg(a, 0), &index, &e);
    if (r >= 0) {
        r = log_source_open(a, cli_arg(a, 1), &s, &e);
        if (r >= 0)
            r = make_proof(&s, index, &proof, &e);
        log_source_close(&s);
    }
    if (r >= 0 && output)
        r = durable_replace(output, proof.data, proof.len, 0644, false, &e);
    else if (r >= 0 && cli_flag(a, "json"))
        cli_json_print(json_pack("{s:I, s:s%}", "index", (json_int_t)index, "proof",
                                 (const char *)proof.data, proof.len));
    else if (r >= 0)
        fwrite(proof.data, 1, proof.len, stdout);
    buf_release(&proof);
    return r < 0 ? cli_fail(a, &e, r) : 0;
}

/* ---- rotate ---- */

static int run_rotate(const struct cli_args *a)
{
    struct err e = {0};
    struct tlog_client *c = NULL;
    json_t *answer = NULL;
    bool end = cli_flag(a, "end");
    json_t *request = json_pack("{s:s, s:b}", "op", "rotate", "end", end);
    int r = tlog_client_open(cli_data_dir(a), TLOG_CLIENT_TIMEOUT_MS, &c, &e);
    if (r >= 0)
        r = tlog_client_call(c, request, &answer, &e);
    tlog_client_close(c);
    json_decref(request);
    if (r < 0)
        return cli_fail(a, &e, r);
    const char *key = json_string_value(json_object_get(answer, "key"));
    if (cli_flag(a, "json"))
        return cli_json_print(answer);
    printf(
        "%s\n%s\n", key,
        end ? "This key signs alone from now on; the one before it is gone."
            : "This key signs beside the old one from now on. Give it to everybody who checks the "
              "log, witnesses\nfirst; then say lethe log rotate --end.");
    json_decref(answer);
    return 0;
}

#define SOURCE_DETAILS                                                                             \
    "SOURCE is the directory of a log or of a node, or the address that a log is served at; "      \
    "without it the log of this node. Every entry is proven against the signed checkpoint before " \
    "it is shown."

static const struct cli_option show_options[] = {
    LOG_SOURCE_OPTIONS,
    {.name = "entry", .value = "N", .help = "show entry N, counted from 0"},
    {.name = "count", .value = "N", .help = "with --entry: so many from there (default 1)"},
    {.name = "json", .help = "one JSON object"},
    {0},
};
const struct cli_command cli_log_show = {
    .name = "log show",
    .summary = "show the state of a public log, or its entries",
    .arguments = "SOURCE",
    .max_args = 1,
    .details = SOURCE_DETAILS,
    .options = show_options,
    .examples = "# State of this node's log and its witnesses\nlethe log show\n"
                "# One entry of somebody else's\n"
                "lethe log show https://cameras.example.org/log --key VKEY --entry 17",
    .run = run_show,
};

static const struct cli_option tail_options[] = {
    LOG_SOURCE_OPTIONS,
    {.name = "lines",
     .value = "N",
     .help = "begin with the last N entries (default 10)",
     .short_name = 'n'},
    {.name = "follow",
     .help = "go on as the log grows, holding it to what it said before",
     .short_name = 'f'},
    {.name = "json", .help = "one JSON object, one more for each growth"},
    {0},
};
const struct cli_command cli_log_tail = {
    .name = "log tail",
    .summary = "show the newest entries of a public log",
    .arguments = "SOURCE",
    .max_args = 1,
    .details = SOURCE_DETAILS,
    .options = tail_options,
    .examples = "# The last ten, and what comes\nlethe log tail --follow",
    .run = run_tail,
};

static const struct cli_option prove_options[] = {
    LOG_SOURCE_OPTIONS,
    {.name = "output", .value = "FILE", .help = "write there instead of standard output"},
    {.name = "json", .help = "one JSON object"},
    {0},
};
const struct cli_command cli_log_prove = {
    .name = "log prove",
    .summary = "write a proof that an entry is in the log",
    .arguments = "N [SOURCE]",
    .min_args = 1,
    .max_args = 2,
    .details =
        "The proof (.tlog-proof) holds the signed checkpoint with its cosignatures and can be "
        "checked offline by anybody who has the entry and the keys: lethe log verify --proof, "
        "or any other tool for the format.",
    .options = prove_options,
    .examples = "# A proof of entry 17, and its check\nlethe log prove 17 -o 17.tlog-proof\n"
                "lethe log verify --proof 17.tlog-proof --entry entry.txt --key VKEY",
    .run = run_prove,
};

static const struct cli_option rotate_options[] = {
    {.name = "data", .value = "DIR", .help = "data directory of the node"},
    {.name = "end", .help = "let the new key sign alone, and destroy the old one"},
    {.name = "json", .help = "one JSON object"},
    {0},
};
const struct cli_command cli_log_rotate = {
    .name = "log rotate",
    .summary = "replace the key that signs the public log",
    .details = "In two steps: both keys sign until everybody who checks the log has the new one.",
    .options = rotate_options,
    .examples = "# Make a new key\nlethe log rotate\n# Retire the old one\nlethe log rotate --end",
    .run = run_rotate,
};
