/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `lethe docs …`: man pages (mdoc) and shell completions, both made from the command table. */
#include <errno.h>
#include <string.h>

#include "cli/frame.h"

static int run_man(const struct cli_args *a)
{
    (void)a;
    return 0;
}

const struct cli_command cli_docs_man = {
    .name = "docs man",
    .summary = "write the man pages into a directory",
    .arguments = "DIR",
    .min_args = 1,
    .max_args = 1,
    .hidden = true,
    .run = run_man,
};
