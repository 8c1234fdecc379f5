/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `lethe custodian approve`, `refuse`, `show`: what a custodian does, on the custodian's machine. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/case.h"
#include "cli/output.h"
#include "seal/file.h"

/* What there is to decide on, checked as far as it can be. */
struct decision {
    struct cli_case c;
    struct case_folder f;
    struct seal_shares *shares;
    struct tlog_policy *trust;
    uint64_t index;
    bool loaded, trust_of_node;
};

static int check_shares(struct decision *d, struct err *reterr)
{
    int r = seal_shares_parse(d->f.shares.data, d->f.shares.len, &d->shares, reterr);
    for (size_t i = 0; r >= 0 && i < seal_shares_count(d->shares); i++) {
        uint8_t kid[SEAL_KID];
        struct seal_context context;
        const uint8_t *data;
        size_t len;
        seal_shares_at(d->shares, i, kid, &context, &data, &len);
        r = case_order_covers(&d->f.order, &context, reterr);
    }
    if (r >= 0 && !seal_shares_count(d->shares))
        r = err_set(reterr, E_NOTFOUND, "there are no shares in this case");
    return r;
}

static int decision_open(const struct cli_args *a, struct decision *d, struct err *reterr)
{
    *d = (struct decision){0};
    int r = cli_case_begin(a, &d->c, reterr);
    if (r >= 0)
        r = cli_case_folder(&d->c, cli_arg(a, 0), false, &d->f, reterr);
    if (r < 0)
        return r;
    d->loaded = true;
    r = cli_case_trust(a, d->c.data_dir, &d->trust, reterr);
    if (r < 0)
        return r;
    d->trust_of_node = r > 0;
    r = case_proof_check(d->f.proof.data, d->f.proof.len, &d->f.order, d->f.hash, d->trust,
                         &d->index, reterr);
    if (r >= 0)
        r = case_order_valid_at(&d->f.order, d->c.desk.now_us, reterr);
    return r < 0 ? r : check_shares(d, reterr);
}

static void decision_release(struct decision *d)
{
    seal_shares_free(d->shares);
    free(d->trust);
    if (d->loaded)
        case_folder_release(&d->f);
    cli_case_release(&d->c);
}

static void print_words(const struct decision *d, FILE *out)
{
    struct buf words;
    buf_init(&words, 65536);
    if (case_words(&d->f.order, &d->c.codes, d->c.language, seal_shares_count(d->shares), &words) >=
        0)
        fwrite(words.data, 1, words.len, out);
    buf_release(&words);
    fprintf(out, "In the log as entry %llu%s.\n", (unsigned long long)d->index,
            d->trust_of_node ? ", by the key that the node itself shows; --trust pins another"
                             : "");
}

/* Ask at the terminal, if there is one; without one --yes is needed. */
static int confirm(const struct cli_args *a, const struct decision *d, const char *question,
                   struct err *reterr)
{
    char line[16] = "";
    if (cli_flag(a, "yes"))
        return 0;
    if (!isatty(STDIN_FILENO))
        return err_set(reterr, E_DENIED,
                       "read the order and say --yes: there is no terminal to ask at");
    print_words(d, stderr);
    fprintf(stderr, "%s [y/N] ", question);
    if (!fgets(line, sizeof(line), stdin) || (line[0] != 'y' && line[0] != 'Y'))
        return err_set(reterr, E_DENIED, "nothing was signed");
    return 0;
}

/* Into the file of -o, or into the case when it lies in the node's data directory. */
static int deliver(const struct cli_args *a, struct decision *d, const struct buf *answer,
                   struct err *reterr)
{
    const char *out = cli_value(a, "output", NULL);
    if (out && !strcmp(out, "-"))
        return fwrite(answer->data, 1, answer->len, stdout) == answer->len ? 0 : -1;
    if (out)
        return seal_file_write(out, answer->data, answer->len, 0644, false, reterr);
    return case_desk_answer(&d->c.desk, d->f.order.id, answer->data, answer->len, NULL, reterr);
}

static int tell(const struct cli_args *a, const struct decision *d, const char *what)
{
    const char *out = cli_value(a, "output", NULL);
    if (out && !strcmp(out, "-"))
        return 0;
    if (cli_flag(a, "json"))
        return cli_json_print(json_pack("{ss ss sI ss*}", "case", d->f.order.id, "answer", what,
                                        "entry", (json_int_t)d->index, "file", out));
    printf("%s case %s%s%s\n", what, d->f.order.id, out ? ": " : "", out ? out : "");
    return 0;
}

static int answer(const struct cli_args *a, struct decision *d, bool approve,
                  struct seal_identity *id, struct err *reterr)
{
    struct buf out;
    const char *reason = approve ? NULL : cli_value(a, "reason", "");
    if (reason && !case_codes_find(&d->c.codes, CASE_REFUSAL, reason))
        return err_set(reterr, E_NOTFOUND, "'%s' is no reason of 'lethe case codes'", reason);
    int r = case_custodian_of(&d->f.policy, id, reterr);
    if (r >= 0)
        r = confirm(a, d, approve ? "Approve?" : "Refuse?", reterr);
    if (r < 0)
        return r;
    buf_init(&out, CASE_ANSWER_BYTES);
    r = approve ? case_approve(&d->f.order, d->f.hash, d->shares, &d->f.policy, id, d->index,
                               d->c.desk.now_us, &out, reterr)
                : case_refuse(&d->f.order, d->f.hash, &d->f.policy, id, reason, d->c.desk.now_us,
                              &out, reterr);
    if (r >= 0)
        r = deliver(a, d, &out, reterr);
    buf_release(&out);
    return r;
}

static int run_answer(const struct cli_args *a, bool approve)
{
    struct decision d;
    struct seal_identity *id = NULL;
    struct err e = {0};
    prctl(PR_SET_DUMPABLE, 0);
    int r = decision_open(a, &d, &e);
    if (r >= 0) {
        r = seal_identity_load(cli_value(a, "identity", ""), &id, &e);
        if (r > 0)
            fprintf(stderr, "warning: %s\n", e.text);
    }
    if (r >= 0)
        r = answer(a, &d, approve, id, &e);
    int code = r < 0 ? cli_fail(a, &e, r) : tell(a, &d, approve ? "approved" : "refused");
    seal_identity_free(id);
    decision_release(&d);
    return code;
}

static int run_approve(const struct cli_args *a)
{
    return run_answer(a, true);
}

static int run_refuse(const struct cli_args *a)
{
    return run_answer(a, false);
}

#define COMMON                                                                                     \
    {"identity", "FILE", "your identity, as 'lethe custodian keygen' writes it",                   \
     .required = true},                                                                            \
        {"output", "FILE",                                                                         \
         "write the answer there instead of handing it in; '-': standard output"},                 \
        {"yes", NULL, "do not ask"}, CLI_CASE_TRUST, CLI_CASE_DATA, CLI_CASE_CONFIG, CLI_CASE_LANG

static const struct cli_option approve_options[] = {
    COMMON,
    {"json", NULL, "print {case, answer, entry, file}"},
    {0},
};

const struct cli_command cli_custodian_approve = {
    .name = "custodian approve",
    .summary = "approve an order: re-encrypt your shares for its session, and sign",
    .arguments = "CASE",
    .details =
        "Runs where the custodian's identity is. CASE is an id in the data directory, or the "
        "path of a case's folder that was copied to this machine.\n\n"
        "Refuses an order that is changed, has run out, or is not proved to be in the log, and "
        "one that comes with any share outside of it. Your identity never leaves this machine; "
        "what leaves it can be opened by the session of this order only.",
    .options = approve_options,
    .examples =
        "# on the node\nlethe custodian approve 3f9c2ab01d77e645 --identity judge.txt\n"
        "# on a machine of one's own, with a copied folder and the log's key from elsewhere\n"
        "lethe custodian approve ./3f9c2ab01d77e645 --identity judge.txt --trust log-policy "
        "-o approval.txt",
    .min_args = 1,
    .max_args = 1,
    .run = run_approve,
};

static const struct cli_option refuse_options[] = {
    {"reason", "CODE", "why: a code of 'lethe case codes'", .required = true},
    COMMON,
    {"json", NULL, "print {case, answer, entry, file}"},
    {0},
};

const struct cli_command cli_custodian_refuse = {
    .name = "custodian refuse",
    .summary = "refuse an order with a reason, and sign",
    .arguments = "CASE",
    .options = refuse_options,
    .examples = "# too many cameras\nlethe custodian refuse 3f9c2ab01d77e645 --identity judge.txt "
                "--reason too-wide",
    .min_args = 1,
    .max_args = 1,
    .run = run_refuse,
};

static int run_show(const struct cli_args *a)
{
    struct decision d;
    struct err e = {0};
    int r = decision_open(a, &d, &e), code = 0;
    if (r < 0)
        code = cli_fail(a, &e, r);
    else if (cli_flag(a, "json"))
        code = cli_json_print(json_pack(
            "{so sI sI sb}", "case", cli_case_json(&d.c, &d.f, NULL), "entry", (json_int_t)d.index,
            "keys", (json_int_t)seal_shares_count(d.shares), "pinned", !d.trust_of_node));
    else
        print_words(&d, stdout);
    decision_release(&d);
    return code;
}

static const struct cli_option show_options[] = {
    CLI_CASE_TRUST,
    CLI_CASE_DATA,
    CLI_CASE_CONFIG,
    CLI_CASE_LANG,
    {"json", NULL, "print {case, entry, keys, pinned}"},
    {0},
};

const struct cli_command cli_custodian_show = {
    .name = "custodian show",
    .summary = "check an order as 'custodian approve' does, and show it in words",
    .arguments = "CASE",
    .options = show_options,
    .examples = "# before deciding\nlethe custodian show 3f9c2ab01d77e645 --lang zh-Hant",
    .min_args = 1,
    .max_args = 1,
    .run = run_show,
};
