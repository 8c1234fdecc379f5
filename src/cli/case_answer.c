/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `lethe case approve`, `lethe case refuse`: hand in what a custodian signed elsewhere. `lethe case close`. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "cli/case.h"
#include "cli/output.h"

static int tell_case(const struct cli_args *a, struct cli_case *c, const char *id,
                     struct err *reterr)
{
    struct case_folder f;
    struct case_answers answers;
    int code = 0, r = case_folder_load(c->data_dir, id, false, &f, reterr);
    if (r < 0)
        return cli_fail(a, reterr, r);
    r = case_folder_answers(&f, NULL, NULL, &answers, reterr);
    if (r < 0)
        code = cli_fail(a, reterr, r);
    else if (cli_flag(a, "json"))
        code = cli_json_print(cli_case_json(c, &f, &answers));
    else
        printf("case %s is %s: %d of %d approved\n", id, case_state_name(f.state),
               __builtin_popcountll(answers.approved), f.policy.threshold);
    case_folder_release(&f);
    return code;
}

static int hand_in(const struct cli_args *a, struct cli_case *c, bool approval, struct err *reterr)
{
    struct buf file = {0};
    struct case_answer answer;
    const char *id = cli_arg(a, 0);
    int r = cli_case_read(cli_arg(a, 1), CASE_ANSWER_BYTES, &file, reterr);
    if (r >= 0)
        r = case_desk_answer(&c->desk, id, file.data, file.len, &answer, reterr);
    buf_release(&file);
    if (r >= 0 && answer.approves != approval)
        fprintf(stderr, "note: what was handed in is %s\n",
                answer.approves ? "an approval" : "a refusal");
    return r < 0 ? cli_fail(a, reterr, r) : tell_case(a, c, id, reterr);
}

static int run_answer(const struct cli_args *a, bool approval)
{
    struct cli_case c;
    struct err e = {0};
    int r = cli_case_begin(a, &c, &e);
    int code = r < 0 ? cli_fail(a, &e, r) : hand_in(a, &c, approval, &e);
    cli_case_release(&c);
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

static const struct cli_option answer_options[] = {
    CLI_CASE_DATA, CLI_CASE_CONFIG,
    CLI_CASE_LANG, {"json", NULL, "print the case with {id, state, answers[], …}"},
    {0},
};

const struct cli_command cli_case_approve = {
    .name = "case approve",
    .summary = "hand in an approval that a custodian signed on another machine",
    .arguments = "CASE FILE",
    .details =
        "FILE is what 'lethe custodian approve -o FILE' or the custodian's desk wrote; '-' is "
        "standard input. It is checked, logged and counted. What does not hold is refused with a "
        "reason, and that is logged as well.",
    .options = answer_options,
    .examples = "# an approval that came by mail\nlethe case approve 3f9c2ab01d77e645 approval.txt",
    .min_args = 2,
    .max_args = 2,
    .run = run_approve,
};

const struct cli_command cli_case_refuse = {
    .name = "case refuse",
    .summary = "hand in a refusal that a custodian signed on another machine",
    .arguments = "CASE FILE",
    .details = "When so many have refused that enough can no longer approve, the case is over.",
    .options = answer_options,
    .examples = "# a refusal that came by mail\nlethe case refuse 3f9c2ab01d77e645 refusal.txt",
    .min_args = 2,
    .max_args = 2,
    .run = run_refuse,
};

static enum case_state end_of(const struct cli_case *c, const struct case_folder *f)
{
    if (case_desk_overdue(f, c->desk.now_us))
        return CASE_EXPIRED;
    return f->state == CASE_OPEN ? CASE_CLOSED : CASE_WITHDRAWN;
}

static int close_one(struct cli_case *c, const char *id, bool only_overdue, struct err *reterr)
{
    struct case_folder f;
    int r = case_folder_load(c->data_dir, id, true, &f, reterr);
    if (r < 0)
        return r;
    if (!only_overdue || case_desk_overdue(&f, c->desk.now_us))
        r = case_desk_end(&c->desk, &f, end_of(c, &f), reterr);
    case_folder_release(&f);
    return r;
}

/* Every case whose time is over becomes expired; what goes wrong with one does not keep the others. */
static int close_overdue(const struct cli_args *a, struct cli_case *c, struct err *reterr)
{
    char(*ids)[CASE_ID] = NULL;
    size_t n = 0;
    int code = 0, r = case_folder_list(c->data_dir, &ids, &n, reterr);
    if (r < 0)
        return cli_fail(a, reterr, r);
    for (size_t i = 0; i < n; i++) {
        r = close_one(c, ids[i], true, reterr);
        if (r < 0) {
            fprintf(stderr, "case %s: %s\n", ids[i], err_str(reterr, r));
            code = 1;
        }
    }
    free(ids);
    return code;
}

static int run_close(const struct cli_args *a)
{
    struct cli_case c;
    struct err e = {0};
    const char *id = cli_arg(a, 0);
    bool overdue = cli_flag(a, "overdue");
    int r = cli_case_begin(a, &c, &e);
    if (r >= 0 && !id == !overdue)
        r = err_set(&e, E_SYNTAX, "say which CASE, or --overdue for all whose time is over");
    if (r >= 0 && id)
        r = close_one(&c, id, false, &e);
    int code = r < 0 ? cli_fail(a, &e, r)
               : id  ? tell_case(a, &c, id, &e)
                     : close_overdue(a, &c, &e);
    cli_case_release(&c);
    return code;
}

static const struct cli_option close_options[] = {
    {"overdue", NULL, "end every case whose time is over; for a timer"},
    CLI_CASE_DATA,
    CLI_CASE_CONFIG,
    CLI_CASE_LANG,
    {"json", NULL, "print the case with {id, state, answers[], …}"},
    {0},
};

const struct cli_command cli_case_close = {
    .name = "case close",
    .summary = "end a case: close what was open, withdraw what was not",
    .arguments = "[CASE]",
    .details = "Afterwards nobody can approve or open it here. A case whose time is over becomes "
               "expired instead. What was exported before is not called back.",
    .options = close_options,
    .examples =
        "# the pictures are not needed any more\nlethe case close 3f9c2ab01d77e645\n"
        "# every hour, so that urgent orders without confirmation end\nlethe case close --overdue",
    .max_args = 1,
    .run = run_close,
};
