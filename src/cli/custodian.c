/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `lethe custodian keygen`, `lethe custodian list`. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/config.h"
#include "base/hex.h"
#include "cli/command.h"
#include "cli/output.h"
#include "seal/seal.h"

static int run_keygen(const struct cli_args *a)
{
    struct seal_identity *id = NULL;
    struct err e = {0};
    const char *path = cli_value(a, "output", NULL);
    prctl(PR_SET_DUMPABLE, 0);
    int r = seal_identity_generate(path, &id, &e);
    if (r < 0)
        return cli_fail(a, &e, r);
    int code = 0;
    if (cli_flag(a, "json"))
        code = cli_json_print(json_pack("{ss ss}", "recipient", id->recipient, "file", path));
    else
        printf("%s\n", id->recipient);
    if (isatty(STDERR_FILENO))
        fprintf(stderr,
                "Give this recipient to the operator. Keep %s to yourself and make a copy: without "
                "it your "
                "share opens nothing.\n",
                path);
    seal_identity_free(id);
    return code;
}

static const struct cli_option keygen_options[] = {
    {"output", "FILE", "the identity file to write; it must not exist", .required = true},
    {"json", NULL, "print {recipient, file}"},
    {0},
};

const struct cli_command cli_custodian_keygen = {
    .name = "custodian keygen",
    .summary = "make a custodian's identity on the custodian's own machine",
    .details = "Writes an age X25519 identity with mode 0600, as age-keygen does, and prints the "
               "recipient: the public "
               "part, which goes into the node's custodian file.",
    .options = keygen_options,
    .examples = "# on the custodian's machine\nlethe custodian keygen -o judge.txt",
    .run = run_keygen,
};

static int find_policy(const struct cli_args *a, struct seal_policy *p, struct err *reterr)
{
    struct config c;
    const char *file = cli_value(a, "config", NULL), *data = cli_value(a, "data", NULL);
    config_default(&c);
    int r = file ? config_load(file, &c, reterr) : 0;
    if (r >= 0)
        r = seal_policy_find(!data && c.data_dir[0] ? c.data_dir : cli_data_dir(a), c.custodians,
                             c.threshold, false, p, reterr);
    config_free(&c);
    return r;
}

static int list_json(const struct seal_policy *p, const char *set)
{
    json_t *list = json_array();
    for (int i = 0; i < p->count; i++)
        json_array_append_new(list, json_pack("{ss ss}", "name", p->custodian[i].name, "recipient",
                                              p->custodian[i].recipient));
    return cli_json_print(json_pack("{si si sb ss so}", "threshold", p->threshold, "count",
                                    p->count, "practice", p->practice, "set", set, "custodians",
                                    list));
}

static int list_text(const struct seal_policy *p, const char *set)
{
    static const char *const head[] = {"NAME", "RECIPIENT"};
    struct cli_table t;
    printf("%d of %d custodians open a recording; set %s\n", p->threshold, p->count, set);
    if (p->practice)
        puts("This is a practice set: its identities lie beside the recordings, so nothing is "
             "sealed from whoever has "
             "this machine.");
    cli_table_init(&t, 2, head);
    for (int i = 0; i < p->count; i++) {
        cli_table_cell(&t, "%s", p->custodian[i].name);
        cli_table_cell(&t, "%s", p->custodian[i].recipient);
    }
    return cli_table_show(&t) < 0 ? 1 : 0;
}

static int run_list(const struct cli_args *a)
{
    struct seal_policy p;
    struct err e = {0};
    uint8_t id[SEAL_SET];
    char set[2 * SEAL_SET + 1];
    int r = find_policy(a, &p, &e);
    if (r < 0)
        return cli_fail(a, &e, r);
    seal_policy_id(&p, id);
    hex_encode(id, sizeof(id), set);
    return cli_flag(a, "json") ? list_json(&p, set) : list_text(&p, set);
}

static const struct cli_option list_options[] = {
    {"data", "DIR", "data directory (default: $LETHE_DATA, ./data or /var/lib/lethe)"},
    {"config", "FILE", "lethe.yaml of the node, when it names a custodian file"},
    {"json", NULL, "print {threshold, count, practice, set, custodians[]}"},
    {0},
};

const struct cli_command cli_custodian_list = {
    .name = "custodian list",
    .summary = "show who must take part to open recordings",
    .details = "The set that new recordings are sealed for: the file that lethe.yaml names, else "
               "DATA/custodians.txt, "
               "else the practice set.",
    .options = list_options,
    .examples = "# of a node\nlethe custodian list --config /etc/lethe/lethe.yaml",
    .run = run_list,
};
