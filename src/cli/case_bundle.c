/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `lethe case bundle`: a case as one file for the custodian's desk. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case/json.h"
#include "cli/case.h"
#include "cli/output.h"
#include "seal/file.h"

static int write_bundle(const struct cli_args *a, struct cli_case *c, const struct case_folder *f,
                        struct err *reterr)
{
    struct buf keys = {0};
    char path[4200];
    snprintf(path, sizeof(path), "%s/log/keys", c->data_dir);
    int r = cli_case_read(path, 65536, &keys, reterr);
    json_t *o = r < 0 ? NULL : case_bundle_json(f, &c->codes, (const char *)keys.data, keys.len);
    char *text = o ? json_dumps(o, JSON_INDENT(1)) : NULL;
    json_decref(o);
    buf_release(&keys);
    if (r >= 0)
        r = text ? seal_file_write(cli_value(a, "output", ""), text, strlen(text), 0644, false,
                                   reterr)
                 : -ENOMEM;
    free(text);
    return r;
}

static int run(const struct cli_args *a)
{
    struct cli_case c;
    struct case_folder f;
    struct err e = {0};
    int r = cli_case_begin(a, &c, &e);
    if (r >= 0)
        r = case_folder_load(c.data_dir, cli_arg(a, 0), false, &f, &e);
    if (r >= 0) {
        r = write_bundle(a, &c, &f, &e);
        case_folder_release(&f);
    }
    cli_case_release(&c);
    return r < 0 ? cli_fail(a, &e, r) : 0;
}

static const struct cli_option options[] = {
    {"output", "FILE", "the file to write; it must not exist", .required = true},
    CLI_CASE_DATA,
    CLI_CASE_CONFIG,
    {0},
};

const struct cli_command cli_case_bundle = {
    .name = "case bundle",
    .summary = "write a case into one file for the custodians' desk",
    .arguments = "CASE",
    .details = "Order, proof, encrypted shares, custodian set and code list as JSON: what a "
               "custodian opens "
               "in the desk, a page that works from a local file. There are no secrets in it.",
    .options = options,
    .examples = "# to send to the custodians\nlethe case bundle 3f9c2ab01d77e645 -o case.json",
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
