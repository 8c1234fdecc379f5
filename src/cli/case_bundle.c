/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `lethe case bundle`: a case as one file for the custodian's desk. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "cli/case.h"
#include "cli/output.h"
#include "seal/file.h"
#include "tlog/base64.h"

static json_t *custodians_of(const struct seal_policy *p)
{
    json_t *list = json_array();
    char vkey[TLOG_VKEY_TEXT];
    for (int i = 0; i < p->count; i++) {
        const struct seal_custodian *c = &p->custodian[i];
        json_array_append_new(
            list, json_pack("{ss ss ss ss}", "name", c->name, "recipient", c->recipient, "signer",
                            c->signs ? tlog_vkey_format(&c->signer, vkey) : "", "role", c->role));
    }
    return list;
}

static json_t *codes_of(const struct case_codes *codes)
{
    json_t *list = json_array();
    for (size_t i = 0; i < codes->count; i++) {
        const struct case_code *k = &codes->code[i];
        json_array_append_new(list,
                              json_pack("{ss ss ss ss}", "kind", case_code_kind_names[k->kind],
                                        "code", k->code, "en", k->en, "zh-Hant", k->zh));
    }
    return list;
}

static json_t *bundle_of(const struct cli_case *c, const struct case_folder *f,
                         const struct buf *keys)
{
    uint8_t set[SEAL_SET];
    char set_hex[2 * SEAL_SET + 1];
    char *shares = malloc(TLOG_BASE64_TEXT(f->shares.len));
    if (!shares)
        return NULL;
    tlog_base64(f->shares.data, f->shares.len, shares);
    seal_policy_id(&f->policy, set);
    json_t *o =
        json_pack("{ss ss% ss% ss ss si so so ss%}", "format", "lethe-case/v1", "order",
                  (const char *)f->note.data, f->note.len, "proof", (const char *)f->proof.data,
                  f->proof.len, "shares", shares, "set", hex_encode(set, SEAL_SET, set_hex),
                  "threshold", f->policy.threshold, "custodians", custodians_of(&f->policy),
                  "codes", codes_of(&c->codes), "log_keys", (const char *)keys->data, keys->len);
    free(shares);
    return o;
}

static int write_bundle(const struct cli_args *a, struct cli_case *c, const struct case_folder *f,
                        struct err *reterr)
{
    struct buf keys = {0};
    char path[4200];
    snprintf(path, sizeof(path), "%s/log/keys", c->data_dir);
    int r = cli_case_read(path, 65536, &keys, reterr);
    json_t *o = r < 0 ? NULL : bundle_of(c, f, &keys);
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
