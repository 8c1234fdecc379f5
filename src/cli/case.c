/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "cli/case.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hex.h"
#include "seal/file.h"

static int load_codes(struct cli_case *c, struct err *reterr)
{
    c->codes = *case_codes_default();
    return c->config.cases.codes[0] ? case_codes_load(c->config.cases.codes, &c->codes, reterr) : 0;
}

int cli_case_begin(const struct cli_args *a, struct cli_case *c, struct err *reterr)
{
    const char *file = cli_value(a, "config", NULL);
    *c = (struct cli_case){0};
    config_default(&c->config);
    int r = file ? config_load(file, &c->config, reterr) : 0;
    if (r < 0)
        return r;
    c->data_dir =
        !cli_value(a, "data", NULL) && c->config.data_dir[0] ? c->config.data_dir : cli_data_dir(a);
    r = seal_policy_find(c->data_dir, c->config.custodians, c->config.threshold, false, &c->policy,
                         reterr);
    if (r == E_NOTFOUND) { /* a custodian's own machine: the case's folder has the set */
        c->policy = (struct seal_policy){0};
        r = 0;
    }
    if (r >= 0)
        r = load_codes(c, reterr);
    c->rules = (struct case_rules){.camera_us = c->config.cases.camera_hours * HOUR_US,
                                   .valid_us = c->config.cases.valid_us,
                                   .urgent_us = c->config.cases.urgent_us,
                                   .codes = &c->codes};
    const char *lang = cli_value(a, "lang", NULL);
    c->language = case_language_of(lang ? lang : getenv("LANG"));
    cli_case_log_init(c);
    c->desk = (struct case_desk){.data_dir = c->data_dir,
                                 .node = c->config.node,
                                 .policy = &c->policy,
                                 .rules = &c->rules,
                                 .log = &c->log,
                                 .now_us = clock_wall_us(&clock_system)};
    return r;
}

void cli_case_release(struct cli_case *c)
{
    cli_case_log_release(c);
    case_codes_release(&c->codes);
    config_free(&c->config);
}

int cli_case_read(const char *path, size_t most, struct buf *out, struct err *reterr)
{
    const char *name = !strcmp(path, "-") ? "/dev/stdin" : path;
    struct stat st;
    if (stat(name, &st) < 0)
        return err_set(reterr, -errno, "reading %s: %s", path, err_text(-errno));
    size_t room = S_ISREG(st.st_mode) && (size_t)st.st_size < most ? (size_t)st.st_size : most;
    buf_init(out, room + 1);
    int r = buf_reserve(out, room + 1);
    return r < 0 ? r : seal_file_read(name, out->data, room, &out->len, NULL, reterr);
}

/* One verifier key a line. */
static int keys_of(const struct buf *b, struct tlog_policy *p)
{
    const char *at = (const char *)b->data, *end = at + b->len;
    while (at < end && p->logs_n < TLOG_POLICY_LOGS) {
        const char *nl = memchr(at, '\n', (size_t)(end - at));
        size_t n = nl ? (size_t)(nl - at) : (size_t)(end - at);
        if (n > 0 && tlog_vkey_parse(at, n, &p->logs[p->logs_n++], NULL) < 0)
            return E_SYNTAX;
        at += n + 1;
    }
    p->quorum = -1;
    return p->logs_n ? 0 : E_SYNTAX;
}

int cli_case_trust(const struct cli_args *a, const char *data_dir, struct tlog_policy **ret,
                   struct err *reterr)
{
    char path[4096];
    struct buf b = {0};
    const char *given = cli_value(a, "trust", NULL);
    snprintf(path, sizeof(path), "%s/log/keys", data_dir);
    struct tlog_policy *p = calloc(1, sizeof(*p));
    if (!p)
        return -ENOMEM;
    int r = cli_case_read(given ? given : path, TLOG_POLICY_BYTES, &b, reterr);
    if (r >= 0 && keys_of(&b, p) < 0) {
        memset(p, 0, sizeof(*p));
        r = tlog_policy_parse(b.data, b.len, p, reterr);
        if (r < 0)
            err_prefix(reterr, "%s: ", given ? given : path);
    }
    buf_release(&b);
    if (r < 0) {
        free(p);
        return r;
    }
    *ret = p;
    return !given;
}

int cli_case_folder(const struct cli_case *c, const char *name, bool lock, struct case_folder *ret,
                    struct err *reterr)
{
    struct stat st;
    bool path = strchr(name, '/') || (!case_id_valid(name) && stat(name, &st) == 0);
    return path ? case_folder_load_at(name, lock, ret, reterr)
                : case_folder_load(c->data_dir, name, lock, ret, reterr);
}

static json_t *json_time(int64_t us)
{
    char t[TIME_TEXT];
    return us ? json_string(time_format(us, t)) : json_null();
}

static json_t *json_code(const struct cli_case *c, enum case_code_kind kind, const char *code)
{
    return json_pack("{ss ss}", "code", code, "text",
                     case_code_text(&c->codes, kind, code, c->language));
}

static json_t *json_answers(const struct cli_case *c, const struct case_folder *f,
                            const struct case_answers *answers)
{
    json_t *list = json_array();
    for (int i = 0; answers && i < answers->count; i++) {
        const struct case_answer *a = &answers->answer[i];
        json_t *o = json_pack("{si ss ss so}", "custodian", a->custodian, "name",
                              f->policy.custodian[a->custodian - 1].name, "answer",
                              a->approves ? "approved" : "refused", "at", json_time(a->made_us));
        if (!a->approves)
            json_object_set_new(o, "reason", json_code(c, CASE_REFUSAL, a->reason));
        json_array_append_new(list, o);
    }
    return list;
}

json_t *cli_case_json(const struct cli_case *c, const struct case_folder *f,
                      const struct case_answers *answers)
{
    const struct case_order *o = &f->order;
    json_t *cameras = json_array();
    char hash[65], reference[65];
    for (int i = 0; i < o->cameras; i++)
        json_array_append_new(cameras, json_string(o->camera[i]));
    int approved = answers ? __builtin_popcountll(answers->approved) : 0;
    return json_pack(
        "{ss ss so ss so so so so so ss ss ss so so so si si so}", "id", o->id, "state",
        case_state_name(f->state), "since", json_time(f->since_us), "node", o->node, "cameras",
        cameras, "from", json_time(o->from_us), "to", json_time(o->to_us), "purpose",
        json_code(c, CASE_PURPOSE, o->purpose), "basis", json_code(c, CASE_BASIS, o->basis),
        "reference", hex_encode(o->reference, 32, reference), "session", o->session, "order",
        hex_encode(f->hash, 32, hash), "made", json_time(o->made_us), "not_after",
        json_time(o->not_after_us), "urgent", json_time(o->urgent_us), "approved", approved,
        "needed", f->policy.threshold, "answers", json_answers(c, f, answers));
}
