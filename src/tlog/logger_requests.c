/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the requests of log.sock do. docs/api/log.md */
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "tlog/base64.h"
#include "tlog/cosign.h"
#include "tlog/durable.h"
#include "tlog/entry.h"
#include "tlog/logger.h"

#define ERROR_TEXT 256
#define WITNESSED                                                                                  \
    "log/checkpoint.witnessed" /* below DATA: the newest checkpoint that reached the quorum */

/* What is known of one witness since the process started. */
struct witness_state {
    uint64_t size; /* newest checkpoint that it cosigned */
    int64_t time;  /* seconds, of that cosignature */
    char error[ERROR_TEXT];
};

struct logger_requests {
    struct logger_options options;
    struct tlog_log *log;
    struct witness_state witnesses[TLOG_POLICY_WITNESSES];
    struct buf witnessed; /* newest checkpoint with the quorum's cosignatures; empty: none yet */
    uint64_t witnessed_size;
    struct buf
        candidate; /* the checkpoint that witnesses cosign just now, perhaps not the newest */
    uint64_t candidate_size;
};

static json_t *refusal(int code, const struct err *e)
{
    return json_pack("{s:b, s:s, s:s}", "ok", 0, "code", err_name(code), "error", err_str(e, code));
}

/* ---- witnesses ---- */

/* What the cosignatures of @n say: who has seen it, and is it the newest with a quorum? */
static void look_at_cosignatures(struct logger_requests *q, const struct buf *n)
{
    static struct tlog_policy_report report;
    static struct tlog_policy with_keys; /* the log's own keys instead of those of the file */
    const struct tlog_policy *p = q->options.policy;
    struct tlog_checkpoint c;
    char path[PATH_MAX];
    if (!p)
        return;
    with_keys = *p;
    with_keys.logs_n = tlog_log_keys(q->log, with_keys.logs);
    if (tlog_policy_examine(&with_keys, n->data, n->len, &c, &report, NULL) < 0)
        return;
    for (size_t i = 0; i < p->witnesses_n; i++)
        if (report.witnesses >> i & 1 && c.size >= q->witnesses[i].size) {
            q->witnesses[i].size = c.size;
            q->witnesses[i].time = report.times[i];
            q->witnesses[i].error[0] = 0;
        }
    if (!report.quorum || p->quorum < 0 || (q->witnessed.len && c.size < q->witnessed_size))
        return;
    q->witnessed.len = 0;
    if (buf_append(&q->witnessed, n->data, n->len) < 0)
        return;
    q->witnessed_size = c.size;
    snprintf(path, sizeof(path), "%s/" WITNESSED, q->options.data_dir);
    (void)durable_replace(path, n->data, n->len, 0644, !q->options.no_sync, NULL);
}

/* The newest checkpoint with a quorum from before the restart. */
static void load_witnessed(struct logger_requests *q)
{
    char path[PATH_MAX];
    struct tlog_checkpoint c;
    struct tlog_vkey keys[2];
    size_t keys_n = tlog_log_keys(q->log, keys);
    snprintf(path, sizeof(path), "%s/" WITNESSED, q->options.data_dir);
    if (durable_read(path, &q->witnessed, NULL) < 0 ||
        tlog_checkpoint_open(q->witnessed.data, q->witnessed.len, keys, keys_n, &c, NULL, NULL) <
            0 ||
        c.size > tlog_log_head(q->log)->size)
        q->witnessed.len = 0;
    else
        q->witnessed_size = c.size;
}

int logger_requests_open(const struct logger_options *o, struct logger_requests **ret,
                         struct err *reterr)
{
    char dir[PATH_MAX], key_dir[PATH_MAX];
    struct logger_requests *q = calloc(1, sizeof(*q));
    if (!q)
        return -ENOMEM;
    q->options = *o;
    buf_init(&q->witnessed, TLOG_CHECKPOINT_BYTES);
    buf_init(&q->candidate, TLOG_CHECKPOINT_BYTES);
    snprintf(dir, sizeof(dir), "%s/log", o->data_dir);
    snprintf(key_dir, sizeof(key_dir), "%s/log-key", o->data_dir);
    const struct tlog_log_options options = {
        .dir = dir, .key_dir = key_dir, .origin = o->origin, .create = true, .no_sync = o->no_sync};
    int r = tlog_log_open(&options, &q->log, reterr);
    if (r < 0) {
        logger_requests_close(q);
        return r;
    }
    load_witnessed(q);
    look_at_cosignatures(q, tlog_log_note(q->log));
    *ret = q;
    return 0;
}

void logger_requests_close(struct logger_requests *q)
{
    if (!q)
        return;
    tlog_log_close(q->log);
    buf_release(&q->witnessed);
    buf_release(&q->candidate);
    free(q);
}

/* ---- append ---- */

static int take_entries(struct logger_request *r, const json_t *list)
{
    size_t n = json_array_size(list);
    if (n == 0)
        return err_set(&r->err, E_SYNTAX, "append needs \"entries\", a list of texts");
    r->entries = calloc(n, sizeof(*r->entries));
    r->indexes = calloc(n, sizeof(*r->indexes));
    if (!r->entries || !r->indexes)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        const json_t *text = json_array_get(list, i);
        if (!json_is_string(text))
            return err_set(&r->err, E_SYNTAX, "entry %zu is not a text", i);
        r->entries[i] = (struct tlog_entry){json_string_value(text), json_string_length(text)};
        if (r->entries[i].len > TLOG_ENTRY_BYTES)
            return err_set(&r->err, E_LIMIT, "entry %zu has %zu bytes, at most %d are possible", i,
                           r->entries[i].len, TLOG_ENTRY_BYTES);
    }
    r->entries_n = n;
    return 1;
}

int logger_request_parse(const char *line, size_t len, struct logger_request *ret)
{
    json_error_t e;
    *ret = (struct logger_request){0};
    ret->json = json_loadb(line, len, JSON_REJECT_DUPLICATES, &e);
    const char *op = json_string_value(json_object_get(ret->json, "op"));
    if (!ret->json)
        ret->code = err_set(&ret->err, E_SYNTAX, "not JSON: %.200s", e.text);
    else if (!op)
        ret->code = err_set(&ret->err, E_SYNTAX, "a request is an object with \"op\"");
    else if (strcmp(op, "append") == 0)
        ret->code = take_entries(ret, json_object_get(ret->json, "entries"));
    return ret->code;
}

void logger_request_release(struct logger_request *r)
{
    json_decref(r->json);
    free(r->entries);
    free(r->indexes);
    *r = (struct logger_request){0};
}

void logger_commit(struct logger_requests *q, struct logger_request *const *requests, size_t n)
{
    size_t total = 0, at = 0;
    struct err e = {0};
    for (size_t i = 0; i < n; i++)
        total += requests[i]->entries_n;
    struct tlog_entry *all = calloc(total, sizeof(*all));
    uint64_t *indexes = calloc(total, sizeof(*indexes));
    int r = all && indexes ? 0 : -ENOMEM;
    for (size_t i = 0; i < n && r >= 0; i++) {
        memcpy(all + at, requests[i]->entries, requests[i]->entries_n * sizeof(*all));
        at += requests[i]->entries_n;
    }
    if (r >= 0)
        r = tlog_log_append(q->log, all, total, indexes, &e);
    if (r < 0)
        log_error("logger", "%zu entries could not be logged: %s", total, err_str(&e, r));
    at = 0;
    for (size_t i = 0; i < n; i++) {
        requests[i]->code = r;
        requests[i]->err = e;
        if (r >= 0)
            memcpy(requests[i]->indexes, indexes + at, requests[i]->entries_n * sizeof(*indexes));
        at += requests[i]->entries_n;
    }
    free(all);
    free(indexes);
}

static json_t *append_answer(const struct logger_requests *q, const struct logger_request *r)
{
    json_t *indexes = json_array();
    for (size_t i = 0; i < r->entries_n; i++)
        json_array_append_new(indexes, json_integer((json_int_t)r->indexes[i]));
    return json_pack("{s:b, s:I, s:I, s:o}", "ok", 1, "first", (json_int_t)r->indexes[0], "size",
                     (json_int_t)tlog_log_head(q->log)->size, "indexes", indexes);
}

/* ---- the others ---- */

static json_t *do_proof(struct logger_requests *q, const json_t *json, struct err *e, int *ret)
{
    struct buf b;
    json_t *index = json_object_get(json, "index"), *answer = NULL;
    bool quorum = json_is_true(json_object_get(json, "quorum"));
    if (!json_is_integer(index) || json_integer_value(index) < 0) {
        *ret = err_set(e, E_SYNTAX, "proof needs \"index\", the number of an entry");
        return NULL;
    }
    uint64_t i = (uint64_t)json_integer_value(index);
    if (quorum && i >= q->witnessed_size && i < tlog_log_head(q->log)->size) {
        *ret = err_set(e, E_BUSY,
                       "the quorum of witnesses has not cosigned entry %llu yet; ask again later",
                       (unsigned long long)i);
        return NULL;
    }
    buf_init(&b, 0);
    *ret = tlog_log_prove_under(q->log, i, quorum ? &q->witnessed : tlog_log_note(q->log), &b, e);
    if (*ret >= 0)
        answer = json_pack("{s:b, s:s%}", "ok", 1, "proof", (const char *)b.data, b.len);
    buf_release(&b);
    return answer;
}

static json_t *do_checkpoint(struct logger_requests *q, const json_t *json, struct err *e, int *ret)
{
    const struct buf *n = tlog_log_note(q->log);
    return json_pack("{s:b, s:I, s:s%}", "ok", 1, "size", (json_int_t)tlog_log_head(q->log)->size,
                     "checkpoint", (const char *)n->data, n->len);
}

static json_t *witness_list(const struct logger_requests *q)
{
    const struct tlog_policy *p = q->options.policy;
    json_t *list = json_array();
    for (size_t i = 0; p && i < p->witnesses_n; i++) {
        const struct witness_state *w = &q->witnesses[i];
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:s, s:I, s:I, s:s?}", "name", p->names[i],
                                        "key", p->witnesses[i].name, "url", p->witness_urls[i],
                                        "size", (json_int_t)w->size, "time", (json_int_t)w->time,
                                        "error", w->error[0] ? w->error : NULL));
    }
    return list;
}

static json_t *do_status(struct logger_requests *q, const json_t *json, struct err *e, int *ret)
{
    const struct tlog_checkpoint *h = tlog_log_head(q->log);
    const struct tlog_policy *p = q->options.policy;
    const char *refused = tlog_log_refused(q->log);
    struct tlog_vkey keys[2];
    char vkey[TLOG_VKEY_TEXT], root[TLOG_BASE64_TEXT(32)];
    json_t *vkeys = json_array();
    size_t n = tlog_log_keys(q->log, keys);
    for (size_t i = 0; i < n; i++)
        json_array_append_new(vkeys, json_string(tlog_vkey_format(&keys[i], vkey)));
    bool needed = p && p->quorum >= 0;
    return json_pack(
        "{s:b, s:s, s:I, s:s, s:o, s:s, s:s?, s:b, s:I, s:o}", "ok", 1, "origin", h->origin, "size",
        (json_int_t)h->size, "root", tlog_base64(h->root.bytes, 32, root), "keys", vkeys, "state",
        refused ? "refused" : "signing", "refused", refused, "quorum_needed", needed, "quorum_size",
        (json_int_t)(needed ? q->witnessed_size : h->size), "witnesses", witness_list(q));
}

/* The checkpoint that was cosigned becomes the candidate, unless it is that already. */
static int take_candidate(struct logger_requests *q, const json_t *checkpoint, struct err *e)
{
    struct tlog_vkey keys[2];
    struct tlog_checkpoint c;
    size_t n = tlog_log_keys(q->log, keys);
    int r = tlog_checkpoint_open(json_string_value(checkpoint), json_string_length(checkpoint),
                                 keys, n, &c, NULL, e);
    if (r < 0 || (q->candidate.len && c.size == q->candidate_size))
        return r;
    q->candidate.len = 0;
    q->candidate_size = c.size;
    return buf_append(&q->candidate, json_string_value(checkpoint), json_string_length(checkpoint));
}

static json_t *do_cosign(struct logger_requests *q, const json_t *json, struct err *e, int *ret)
{
    const json_t *lines = json_object_get(json, "lines");
    const json_t *checkpoint = json_object_get(json, "checkpoint");
    if (!json_is_string(lines) || !json_is_string(checkpoint)) {
        *ret = err_set(e, E_SYNTAX,
                       "cosign needs \"checkpoint\" and \"lines\", what witnesses say to it");
        return NULL;
    }
    const char *text = json_string_value(lines);
    size_t len = json_string_length(lines);
    *ret = q->options.policy ? take_candidate(q, checkpoint, e)
                             : err_set(e, E_NOTFOUND, "no witnesses are configured");
    if (*ret >= 0)
        *ret = tlog_cosign_merge(q->options.policy, &q->candidate, text, len, e);
    if (*ret < 0)
        return NULL;
    look_at_cosignatures(q, &q->candidate);
    if (q->candidate_size == tlog_log_head(q->log)->size)
        *ret = tlog_log_cosign(q->log, q->options.policy, text, len, e);
    return *ret < 0 ? NULL : json_pack("{s:b, s:i}", "ok", 1, "added", *ret);
}

/* What the cosigner has to say of a witness that did not cosign. */
static json_t *do_witness(struct logger_requests *q, const json_t *json, struct err *e, int *ret)
{
    const char *name = json_string_value(json_object_get(json, "name"));
    const char *error = json_string_value(json_object_get(json, "error"));
    const struct tlog_policy *p = q->options.policy;
    for (size_t i = 0; p && name && i < p->witnesses_n; i++)
        if (strcmp(p->names[i], name) == 0) {
            snprintf(q->witnesses[i].error, ERROR_TEXT, "%s", error ? error : "");
            return json_pack("{s:b}", "ok", 1);
        }
    *ret = err_set(e, E_NOTFOUND, "there is no such witness");
    return NULL;
}

static json_t *do_compare(struct logger_requests *q, const json_t *json, struct err *e, int *ret)
{
    const json_t *note = json_object_get(json, "checkpoint");
    *ret = json_is_string(note)
               ? tlog_log_compare(q->log, json_string_value(note), json_string_length(note), e)
               : err_set(e, E_SYNTAX, "compare needs \"checkpoint\"");
    if (*ret < 0)
        return NULL;
    if (*ret)
        log_error("logger", "alarm: %s; nothing is signed from now on", tlog_log_refused(q->log));
    return json_pack("{s:b, s:b}", "ok", 1, "refused", *ret);
}

/* The log tells of its own keys. */
static int log_key_entry(struct logger_requests *q, const char *change, const struct tlog_vkey *k,
                         struct err *e)
{
    struct tlog_entry_writer w;
    struct buf text;
    char id[TLOG_ENTRY_ID];
    buf_init(&text, 0);
    tlog_entry_begin(&w, "log-key", tlog_entry_new_id("log-key", id), &text);
    tlog_entry_time(&w, "at", clock_wall_us(q->options.clock) / 1000 * 1000);
    tlog_entry_text(&w, "change", change);
    tlog_entry_hex(&w, "key", k->public_key, sizeof(k->public_key));
    int r = tlog_entry_end(&w);
    if (r >= 0)
        r = tlog_log_append(q->log, &(struct tlog_entry){(const char *)text.data, text.len}, 1,
                            NULL, e);
    buf_release(&text);
    return r;
}

static json_t *do_rotate(struct logger_requests *q, const json_t *json, struct err *e, int *ret)
{
    struct tlog_vkey k[2];
    char vkey[TLOG_VKEY_TEXT];
    size_t n = tlog_log_keys(q->log, k);
    if (json_is_true(json_object_get(json, "end"))) {
        *ret = n < 2 ? 0 : log_key_entry(q, "retired", &k[0], e);
        if (*ret >= 0)
            *ret = tlog_log_rotate_end(q->log, e);
        tlog_log_keys(q->log, k);
    } else {
        *ret = tlog_log_rotate(q->log, &k[0], e);
        if (*ret >= 0)
            *ret = log_key_entry(q, "added", &k[0], e);
    }
    return *ret < 0 ? NULL : json_pack("{s:b, s:s}", "ok", 1, "key", tlog_vkey_format(&k[0], vkey));
}

static json_t *dispatch(struct logger_requests *q, const json_t *json, struct err *e, int *ret)
{
    static const struct {
        const char *op;
        json_t *(*run)(struct logger_requests *, const json_t *, struct err *, int *);
    } table[] = {
        {"checkpoint", do_checkpoint}, {"proof", do_proof},     {"status", do_status},
        {"cosign", do_cosign},         {"witness", do_witness}, {"compare", do_compare},
        {"rotate", do_rotate},
    };
    const char *op = json_string_value(json_object_get(json, "op"));
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
        if (strcmp(op, table[i].op) == 0)
            return table[i].run(q, json, e, ret);
    *ret = err_set(e, E_UNSUPPORTED, "there is no request \"%.40s\"", op);
    return NULL;
}

int logger_answer(struct logger_requests *q, struct logger_request *r, struct buf *out)
{
    int code = r->code;
    json_t *answer = NULL;
    if (code >= 0 && r->entries)
        answer = append_answer(q, r);
    else if (code >= 0)
        answer = dispatch(q, r->json, &r->err, &code);
    if (!answer)
        answer = refusal(code < 0 ? code : -ENOMEM, &r->err);
    char *text = json_dumps(answer, JSON_COMPACT);
    json_decref(answer);
    int made = text ? buf_append(out, text, strlen(text)) : -ENOMEM;
    free(text);
    return made < 0 ? made : buf_append(out, "\n", 1);
}
