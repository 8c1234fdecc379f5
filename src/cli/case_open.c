/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `lethe case open`: the session's key and t approvals give the keys; the rest is `lethe open`. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/clock.h"
#include "cli/case_opening.h"

void cli_opening_release(struct cli_opening *o)
{
    seal_identity_free(o->session);
    case_shares_release(&o->shares);
    seal_shares_free(o->records);
    open_job_release(&o->job);
    if (o->loaded)
        case_folder_release(&o->f);
    cli_case_release(&o->c);
}

/* Which camera and which part of the order's span. */
static int choose(const struct cli_args *a, struct cli_opening *o, struct err *reterr)
{
    const struct case_order *order = &o->f.order;
    const char *camera = cli_value(a, "camera", order->camera[0]);
    long long from = order->from_us, to = order->to_us;
    bool known = false;
    if (cli_time(a, "from", &from) < 0 || cli_time(a, "to", &to) < 0)
        return err_set(reterr, E_SYNTAX, "the span cannot be read");
    if (order->cameras > 1 && !cli_value(a, "camera", NULL))
        return err_set(reterr, E_SYNTAX, "the order names %d cameras: say which with --camera",
                       order->cameras);
    for (int i = 0; i < order->cameras; i++)
        known |= !strcmp(order->camera[i], camera);
    if (!known)
        return err_set(reterr, E_MISMATCH, "camera %s is not in the order", camera);
    if (from < order->from_us || to > order->to_us || from >= to)
        return err_set(reterr, E_MISMATCH, "the span is not inside that of the order");
    o->job = (struct open_job){
        .data_dir = o->c.data_dir, .camera = camera, .from_us = from, .to_us = to};
    return 0;
}

static int keys_of_sources(struct cli_opening *o, struct err *reterr)
{
    struct open_job *j = &o->job;
    int r = 0;
    if (!(j->keys = sodium_allocarray(j->sources, SEAL_KEY)))
        return -ENOMEM;
    for (size_t i = 0; i < j->sources && r >= 0; i++) {
        struct open_source *s = &j->source[i];
        struct seal_context want = {.epoch_us = s->epoch_us, .epoch_length_us = s->epoch_length_us};
        snprintf(want.camera, sizeof(want.camera), "%s", j->camera);
        snprintf(want.node, sizeof(want.node), "%s", o->f.order.node);
        if (!s->encrypted)
            continue;
        if (case_order_covers(&o->f.order, &want, NULL) < 0) {
            s->readable = false;
            s->outside = true;
            continue;
        }
        r = case_shares_key(&o->shares, o->records, s->kid, &want, j->keys + i * SEAL_KEY, reterr);
        if (r == E_NOTFOUND) {
            fprintf(stderr, "%s cannot be opened: there are no shares of its key\n", s->path);
            s->readable = false;
            j->lost = true;
            r = 0;
        } else if (r < 0) {
            err_prefix(reterr, "%s: ", s->path);
        }
    }
    return r;
}

int cli_opening_begin(const struct cli_args *a, struct cli_opening *o, struct err *reterr)
{
    int r = cli_case_begin(a, &o->c, reterr);
    if (r >= 0)
        r = case_folder_load(o->c.data_dir, cli_arg(a, 0), true, &o->f, reterr);
    if (r < 0)
        return r;
    o->loaded = true;
    r = choose(a, o, reterr);
    if (r >= 0)
        r = seal_identity_load(cli_value(a, "session", ""), &o->session, reterr);
    if (r > 0)
        fprintf(stderr, "warning: %s\n", reterr->text);
    if (r >= 0)
        r = case_folder_answers(&o->f, o->session, &o->shares, &o->answers, reterr);
    if (r >= 0)
        r = open_list(&o->job, reterr);
    if (r >= 0)
        r = seal_shares_parse(o->f.shares.data, o->f.shares.len, &o->records, reterr);
    if (r >= 0) /* nothing is opened before the log says so */
        r = case_desk_opening(&o->c.desk, &o->f, &o->answers, reterr);
    if (r >= 0)
        r = keys_of_sources(o, reterr);
    return r;
}

static int run(const struct cli_args *a)
{
    struct cli_opening o = {0};
    struct err e = {0};
    prctl(PR_SET_DUMPABLE, 0); /* keys: no core file, no reading by others of the same user */
    int r = sodium_init() < 0 ? E_BUG : cli_opening_begin(a, &o, &e);
    if (r >= 0)
        r = open_write(&o.job, cli_value(a, "output", NULL), cli_flag(a, "force"), &e);
    int code = r < 0 ? cli_fail(a, &e, r)
                     : open_tell(&o.job, cli_value(a, "output", ""), cli_flag(a, "json"));
    cli_opening_release(&o);
    return code;
}

static const struct cli_option options[] = {
    {"session", "FILE", "the session's key, as 'lethe case request' wrote it", .required = true},
    {"output", "FILE", "the clear MP4 to write", .required = true},
    {"camera", "ID", "which one, when the order names several"},
    {"from", "T", "begin, inside the order's span (default: all of it)"},
    {"to", "T", "end, inside the order's span"},
    {"force", NULL, "replace FILE if it exists"},
    CLI_CASE_DATA,
    CLI_CASE_CONFIG,
    {"json", NULL, "print {camera, frames, bytes, recordings, gaps[], first}"},
    {0},
};

const struct cli_command cli_case_open = {
    .name = "case open",
    .summary = "open what the custodians approved",
    .arguments = "CASE",
    .details =
        "Combines the shares of the approvals, checks every key against its record, and writes "
        "the bitstream that the camera sent, unchanged. With fewer approvals than the custodian "
        "set asks for, or without a required role, nothing is written. The opening is put into "
        "the log before anything is opened.\n\n"
        "Keys are per epoch: where the first pictures of the span are sealed with the key of the "
        "epoch before, they stay closed and are listed as a gap 'outside-order'.",
    .options = options,
    .examples = "# the whole span of a case with one camera\n"
                "lethe case open 3f9c2ab01d77e645 --session session.txt -o gate.mp4",
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
