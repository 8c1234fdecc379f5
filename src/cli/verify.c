/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `lethe verify`. */
#include "cli/verify.h"

#include <errno.h>
#include <stdlib.h>

#include "cli/command.h"
#include "cli/output.h"

static int run(const struct cli_args *a)
{
    struct err e = {0};
    struct evidence_report *r = calloc(1, sizeof(*r));
    const char *path = cli_arg(a, 0);
    int code = r ? verify_file(path, cli_value(a, "trust", NULL), r, &e) : -ENOMEM;
    if (code < 0) {
        free(r);
        return cli_fail(a, &e, code);
    }
    bool good = r->problems == 0;
    if (cli_flag(a, "json"))
        code = cli_json_print(verify_json(path, r));
    else
        verify_print(stdout, path, r);
    free(r);
    return good ? code : 1;
}

static const struct cli_option options[] = {
    {"trust", "FILE",
     "whose log to believe: a tlog-policy or verifier keys (default: those in the file, which is "
     "told)"},
    {"json", NULL, "print {ok, problems[], fragments, frames, approvals, order_logged, …}"},
    {0},
};

const struct cli_command cli_verify = {
    .name = "verify",
    .summary = "check evidence, or a recording, and name what is not as it was",
    .arguments = "FILE",
    .details = "Needs no network and nothing but the file. Evidence: every fragment is sealed "
               "again and held "
               "against the manifest of its recording; statement, order, proof of the public log, "
               "approvals "
               "and the camera's own signature, if it made one, are checked. A recording is held "
               "against its "
               "own manifest.\n\nExit code 0 only if all of it holds. What does not is named with "
               "its second.",
    .options = options,
    .examples = "# with the log's key that the operator published\n"
                "lethe verify --trust hall-1.keys exhibit-1.mp4",
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
