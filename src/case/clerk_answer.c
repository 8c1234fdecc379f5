/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the clerk answers to each request. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "case/clerk.h"
#include "case/json.h"
#include "case/words.h"
#include "tlog/base64.h"
#include "tlog/durable.h"

#define SET_BYTES ((size_t)1 << 20)
#define KEYS_BYTES ((size_t)65536)

struct asked {
    const struct clerk_options *o;
    json_t *request;
    struct case_desk desk;
    const char *id; /* of a case; "" if the request names none */
};

static struct case_desk desk_of(const struct clerk_options *o)
{
    return (struct case_desk){.data_dir = o->data_dir,
                              .node = o->node,
                              .policy = o->policy,
                              .rules = o->rules,
                              .log = o->log,
                              .now_us = clock_wall_us(o->clock)};
}

static json_t *refusal(int code, const struct err *e)
{
    return json_pack("{sb ss ss}", "ok", 0, "code", err_name(code), "error", err_str(e, code));
}

/* The case as an answer. Takes the folder. */
static int give(const struct asked *q, struct case_folder *f, json_t *ret, struct err *reterr)
{
    struct case_answers a;
    int r = case_folder_answers(f, NULL, NULL, &a, reterr);
    if (r >= 0)
        json_object_set_new(ret, "case", case_json(f, &a, q->desk.now_us));
    case_folder_release(f);
    return r;
}

static int get(const struct asked *q, struct case_folder *ret, struct err *reterr)
{
    return case_folder_load(q->o->data_dir, q->id, false, ret, reterr);
}

static int do_list(const struct asked *q, json_t *ret, struct err *reterr)
{
    char(*ids)[CASE_ID] = NULL;
    size_t n = 0;
    json_t *list = json_array();
    int r = case_folder_list(q->o->data_dir, &ids, &n, reterr);
    for (size_t i = 0; i < n && r >= 0; i++) {
        struct case_folder f;
        struct case_answers a;
        struct err e = {0};
        int bad = case_folder_load(q->o->data_dir, ids[i], false, &f, &e);
        if (bad >= 0 && (bad = case_folder_answers(&f, NULL, NULL, &a, &e)) >= 0)
            json_array_append_new(list, case_json(&f, &a, q->desk.now_us));
        else
            log_warn("clerk", "case %s: %s", ids[i], err_str(&e, bad));
        if (bad >= 0)
            case_folder_release(&f);
    }
    free(ids);
    json_object_set_new(ret, "cases", list);
    return r;
}

static int do_get(const struct asked *q, json_t *ret, struct err *reterr)
{
    struct case_folder f;
    struct buf words[2];
    int r = get(q, &f, reterr);
    if (r < 0)
        return r;
    for (int i = 0; i < 2; i++) {
        buf_init(&words[i], 65536);
        if (r >= 0)
            r = case_words(&f.order, q->o->rules->codes, i ? CASE_ZH_HANT : CASE_EN, 0, &words[i]);
    }
    if (r >= 0) {
        json_object_set_new(ret, "order", json_stringn((char *)f.note.data, f.note.len));
        json_object_set_new(ret, "proof", json_stringn((char *)f.proof.data, f.proof.len));
        json_object_set_new(ret, "words", json_stringn((char *)words[0].data, words[0].len));
        json_object_set_new(ret, "words_zh", json_stringn((char *)words[1].data, words[1].len));
    }
    buf_release(&words[0]);
    buf_release(&words[1]);
    if (r < 0) {
        case_folder_release(&f);
        return r;
    }
    return give(q, &f, ret, reterr);
}

static int do_codes(const struct asked *q, json_t *ret, struct err *reterr)
{
    struct buf keys;
    char path[4200], now[TIME_TEXT];
    (void)reterr;
    snprintf(path, sizeof(path), "%s/log/keys", q->o->data_dir);
    buf_init(&keys, KEYS_BYTES);
    (void)durable_read(path, &keys, NULL); /* no log yet: no key */
    size_t first = 0;
    while (first < keys.len && keys.data[first] != '\n')
        first++;
    json_object_update_new(ret, case_codes_json(q->o->rules));
    json_object_update_new(ret, json_pack("{ss si si sb ss% ss}", "node", q->o->node, "threshold",
                                          q->o->policy->threshold, "custodians",
                                          q->o->policy->count, "practice", q->o->policy->practice,
                                          "log_vkey", keys.len ? (char *)keys.data : "", first,
                                          "now", time_format(q->desk.now_us, now)));
    buf_release(&keys);
    return 0;
}

static int do_bundle(const struct asked *q, json_t *ret, struct err *reterr)
{
    struct case_folder f;
    struct buf keys;
    char path[4200];
    int r = get(q, &f, reterr);
    if (r < 0)
        return r;
    snprintf(path, sizeof(path), "%s/log/keys", q->o->data_dir);
    buf_init(&keys, KEYS_BYTES);
    r = durable_read(path, &keys, reterr);
    if (r >= 0)
        json_object_set_new(
            ret, "bundle",
            case_bundle_json(&f, q->o->rules->codes, (const char *)keys.data, keys.len));
    buf_release(&keys);
    case_folder_release(&f);
    return r;
}

static int text_of(const struct asked *q, const char *key, const char **ret, size_t *ret_len,
                   struct err *reterr)
{
    const json_t *v = json_object_get(q->request, key);
    if (!json_is_string(v))
        return err_set(reterr, E_SYNTAX, "'%s' is missing, or no text", key);
    *ret = json_string_value(v);
    *ret_len = json_string_length(v);
    return 0;
}

static int do_request(const struct asked *q, json_t *ret, struct err *reterr)
{
    struct case_folder f;
    const char *note;
    size_t len;
    int r = text_of(q, "order", &note, &len, reterr);
    if (r >= 0)
        r = case_desk_request(&q->desk, note, len, &f, reterr);
    return r < 0 ? r : give(q, &f, ret, reterr);
}

static int do_answer(const struct asked *q, json_t *ret, struct err *reterr)
{
    struct case_folder f;
    const char *file;
    size_t len;
    int r = text_of(q, "answer", &file, &len, reterr);
    if (r >= 0)
        r = case_desk_answer(&q->desk, q->id, file, len, NULL, reterr);
    if (r >= 0)
        r = get(q, &f, reterr);
    return r < 0 ? r : give(q, &f, ret, reterr);
}

static int approvals_of(const struct case_folder *f, const struct case_answers *a, json_t *list,
                        struct err *reterr)
{
    int r = 0;
    for (int i = 0; i < a->count && r >= 0; i++) {
        struct buf file;
        char path[4200];
        if (!a->answer[i].approves)
            continue;
        snprintf(path, sizeof(path), "%s/approvals/%d", f->dir, a->answer[i].custodian);
        buf_init(&file, CASE_ANSWER_BYTES);
        r = durable_read(path, &file, reterr);
        if (r >= 0)
            json_array_append_new(list, json_stringn((char *)file.data, file.len));
        buf_release(&file);
    }
    return r;
}

/* What the session needs to make the keys: ciphertext for it alone. */
static int put_material(const struct case_folder *f, const struct case_answers *a, json_t *ret,
                        struct err *reterr)
{
    struct buf set;
    char path[4200], *shares = malloc(TLOG_BASE64_TEXT(f->shares.len));
    json_t *approvals = json_array();
    if (!shares)
        return -ENOMEM;
    tlog_base64(f->shares.data, f->shares.len, shares);
    snprintf(path, sizeof(path), "%s/custodians", f->dir);
    buf_init(&set, SET_BYTES);
    int r = durable_read(path, &set, reterr);
    if (r >= 0)
        r = approvals_of(f, a, approvals, reterr);
    json_object_set_new(ret, "approvals", approvals);
    json_object_set_new(ret, "shares", json_string(shares));
    json_object_set_new(ret, "custodians", json_stringn((char *)set.data, set.len));
    buf_release(&set);
    free(shares);
    return r;
}

static int do_open(const struct asked *q, json_t *ret, struct err *reterr)
{
    struct case_folder f;
    struct case_answers a;
    int r = case_folder_load(q->o->data_dir, q->id, true, &f, reterr);
    if (r < 0)
        return r;
    r = case_folder_answers(&f, NULL, NULL, &a, reterr);
    if (r >= 0) /* nothing leaves before the log says so */
        r = case_desk_opening(&q->desk, &f, &a, reterr);
    if (r >= 0)
        r = put_material(&f, &a, ret, reterr);
    if (r < 0) {
        case_folder_release(&f);
        return r;
    }
    return give(q, &f, ret, reterr);
}

static int do_end(const struct asked *q, json_t *ret, struct err *reterr)
{
    struct case_folder f;
    const char *how = json_string_value(json_object_get(q->request, "how"));
    enum case_state to = how && !strcmp(how, "close") ? CASE_CLOSED : CASE_WITHDRAWN;
    if (!how || (to == CASE_WITHDRAWN && strcmp(how, "withdraw") != 0))
        return err_set(reterr, E_SYNTAX, "'how' is close or withdraw");
    int r = case_folder_load(q->o->data_dir, q->id, true, &f, reterr);
    if (r < 0)
        return r;
    r = case_desk_end(&q->desk, &f, to, reterr);
    if (r < 0) {
        case_folder_release(&f);
        return r;
    }
    return give(q, &f, ret, reterr);
}

static const struct {
    const char *op;
    int (*run)(const struct asked *q, json_t *ret, struct err *reterr);
} ops[] = {
    {"case.list", do_list},     {"case.get", do_get},         {"case.codes", do_codes},
    {"case.bundle", do_bundle}, {"case.request", do_request}, {"case.answer", do_answer},
    {"case.open", do_open},     {"case.end", do_end},
};

static int run(struct asked *q, json_t *ret, struct err *reterr)
{
    const char *op = json_string_value(json_object_get(q->request, "op"));
    const char *id = json_string_value(json_object_get(q->request, "id"));
    q->id = id ? id : "";
    for (size_t i = 0; op && i < sizeof(ops) / sizeof(ops[0]); i++)
        if (strcmp(ops[i].op, op) == 0)
            return ops[i].run(q, ret, reterr);
    return err_set(reterr, E_UNSUPPORTED, "there is no op '%.40s'", op ? op : "");
}

json_t *clerk_answer(const struct clerk_options *o, const char *line, size_t len)
{
    struct err e = {0};
    struct asked q = {
        .o = o, .request = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL), .desk = desk_of(o)};
    json_t *ret = json_pack("{sb}", "ok", 1);
    int r = json_is_object(q.request)
                ? run(&q, ret, &e)
                : err_set(&e, E_SYNTAX, "a request is one JSON object a line");
    json_decref(q.request);
    if (r < 0) {
        json_decref(ret);
        return refusal(r, &e);
    }
    return ret;
}

static bool is_known(const struct clerk_over *known, const char *id)
{
    for (size_t i = 0; i < known->count; i++)
        if (strcmp(known->id[i], id) == 0)
            return true;
    return false;
}

static void remember(struct clerk_over *known, const char *id)
{
    char(*more)[CASE_ID] = reallocarray(known->id, known->count + 1, sizeof(*more));
    if (!more)
        return; /* it is read once more */
    known->id = more;
    memcpy(known->id[known->count++], id, CASE_ID);
}

static void look_at(const struct case_desk *d, const char *id, struct clerk_over *known)
{
    struct case_folder f;
    struct err e = {0};
    if (case_folder_load(d->data_dir, id, false, &f, NULL) < 0)
        return;
    bool over = case_desk_overdue(&f, d->now_us), final = case_state_final(f.state);
    case_folder_release(&f);
    if (final)
        remember(known, id);
    if (!over || case_folder_load(d->data_dir, id, true, &f, NULL) < 0)
        return;
    int r = case_desk_overdue(&f, d->now_us) ? case_desk_end(d, &f, CASE_EXPIRED, &e) : 0;
    if (r < 0)
        log_warn("clerk", "case %s ran out, but cannot be ended: %s", id, err_str(&e, r));
    else
        log_info("clerk", "case %s ran out", id);
    case_folder_release(&f);
}

void clerk_end_overdue(const struct clerk_options *o, struct clerk_over *known)
{
    char(*ids)[CASE_ID] = NULL;
    size_t n = 0;
    const struct case_desk d = desk_of(o);
    if (case_folder_list(o->data_dir, &ids, &n, NULL) < 0)
        return;
    for (size_t i = 0; i < n; i++)
        if (!is_known(known, ids[i]))
            look_at(&d, ids[i], known);
    free(ids);
}
