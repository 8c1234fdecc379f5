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
    char vkey[TLOG_VKEY_TEXT];
    const char *name = cli_value(a, "name", "custodian");
    int r = seal_identity_generate(path, name, NULL, &id, &e);
    if (r < 0)
        return cli_fail(a, &e, r);
    int code = 0;
    tlog_vkey_format(&id->signer.vkey, vkey);
    if (cli_flag(a, "json"))
        code = cli_json_print(
            json_pack("{ss ss ss}", "recipient", id->recipient, "signer", vkey, "file", path));
    else
        printf("%s %s %s\n", name, id->recipient, vkey);
    if (isatty(STDERR_FILENO))
        fprintf(stderr,
                "Give this line to the operator: it goes into the custodian file as it is. Keep %s "
                "to yourself and make a copy: without it your share opens nothing.\n",
                path);
    seal_identity_free(id);
    return code;
}

static const struct cli_option keygen_options[] = {
    {"output", "FILE", "the identity file to write; it must not exist", .required = true},
    {"name", "NAME", "name of the custodian in the set (default: custodian)"},
    {"json", NULL, "print {recipient, signer, file}"},
    {0},
};

const struct cli_command cli_custodian_keygen = {
    .name = "custodian keygen",
    .summary = "make a custodian's identity on the custodian's own machine",
    .details =
        "Writes an age X25519 identity, as age-keygen does, and an Ed25519 signing key into one "
        "file with mode 0600. Prints a line for the node's custodian file: name, recipient "
        "(shares are encrypted to it) and verifier key (approvals are checked with it). A role "
        "may be put behind it, like 'oversight'.",
    .options = keygen_options,
    .examples = "# on the custodian's machine\nlethe custodian keygen --name judge -o judge.txt",
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
    json_t *list = json_array(), *required = json_array();
    char vkey[TLOG_VKEY_TEXT];
    for (int i = 0; i < p->count; i++) {
        const struct seal_custodian *c = &p->custodian[i];
        json_array_append_new(list, json_pack("{ss ss ss* ss*}", "name", c->name, "recipient",
                                              c->recipient, "signer",
                                              c->signs ? tlog_vkey_format(&c->signer, vkey) : NULL,
                                              "role", c->role[0] ? c->role : NULL));
    }
    for (int i = 0; i < p->required; i++)
        json_array_append_new(required, json_pack("{ss si}", "role", p->require[i].role, "count",
                                                  p->require[i].count));
    return cli_json_print(json_pack("{si si sb ss so so}", "threshold", p->threshold, "count",
                                    p->count, "practice", p->practice, "set", set, "required",
                                    required, "custodians", list));
}

static int list_text(const struct seal_policy *p, const char *set)
{
    static const char *const head[] = {"NAME", "RECIPIENT", "APPROVES", "ROLE"};
    struct cli_table t;
    printf("%d of %d custodians open a recording; set %s\n", p->threshold, p->count, set);
    if (p->practice)
        puts("This is a practice set: its identities lie beside the recordings, so nothing is "
             "sealed from whoever has "
             "this machine.");
    for (int i = 0; i < p->required; i++)
        printf("At least %d of them with the role %s.\n", p->require[i].count, p->require[i].role);
    cli_table_init(&t, 4, head);
    for (int i = 0; i < p->count; i++) {
        cli_table_cell(&t, "%s", p->custodian[i].name);
        cli_table_cell(&t, "%s", p->custodian[i].recipient);
        cli_table_cell(&t, "%s", p->custodian[i].signs ? "yes" : "no signing key");
        cli_table_cell(&t, "%s", p->custodian[i].role);
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
    {"json", NULL, "print {threshold, count, practice, set, required[], custodians[]}"},
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
