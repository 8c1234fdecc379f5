/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tlog/witness.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hex.h"
#include "tlog/durable.h"

#define PROOF_LINES 63 /* most that the protocol allows */
#define TYPE_TEXT "text/plain; charset=utf-8"
#define TYPE_SIZE "text/x.tlog.size"

struct witness {
    char dir[PATH_MAX - 128];
    const struct tlog_policy *logs;
    struct tlog_skey key;
    pthread_mutex_t lock; /* one request at a time: check, remember, answer */
};

static int load_key(struct witness *w, const char *path, struct err *reterr)
{
    struct buf b;
    buf_init(&b, TLOG_SKEY_TEXT);
    int r = durable_read(path, &b, reterr);
    if (r >= 0) {
        r = tlog_skey_parse((const char *)b.data, b.len, &w->key, reterr);
        sodium_memzero(b.data, b.cap);
    }
    buf_release(&b);
    if (r >= 0 && w->key.vkey.type != TLOG_KEY_COSIGNATURE)
        r = err_set(reterr, E_UNSUPPORTED, "%s is a key of type %u, a witness needs type 4", path,
                    w->key.vkey.type);
    return r;
}

static int make_key(struct witness *w, const char *name, const char *path, struct err *reterr)
{
    char text[TLOG_SKEY_TEXT + 1], vkey[TLOG_VKEY_TEXT + 1], vkey_path[PATH_MAX];
    if (!name || !*name)
        return err_set(reterr, E_NOTFOUND,
                       "%s is not there; say --name, as in example.org/witness, to make one", path);
    int r = tlog_skey_init(&w->key, name, TLOG_KEY_COSIGNATURE, NULL, reterr);
    if (r < 0)
        return r;
    size_t text_len = strlen(tlog_skey_format(&w->key, text));
    size_t vkey_len = strlen(tlog_vkey_format(&w->key.vkey, vkey));
    text[text_len++] = vkey[vkey_len++] = '\n';
    snprintf(vkey_path, sizeof(vkey_path), "%s/vkey", w->dir);
    r = durable_replace(path, text, text_len, 0600, true, reterr);
    sodium_memzero(text, sizeof(text));
    return r < 0 ? r : durable_replace(vkey_path, vkey, vkey_len, 0644, true, reterr);
}

int witness_open(const char *dir, const char *name, const struct tlog_policy *logs,
                 struct witness **ret, struct err *reterr)
{
    char path[PATH_MAX];
    struct witness *w = calloc(1, sizeof(*w));
    if (!w)
        return -ENOMEM;
    pthread_mutex_init(&w->lock, NULL);
    w->logs = logs;
    int n = snprintf(w->dir, sizeof(w->dir), "%s", dir);
    int r = n < 0 || (size_t)n >= sizeof(w->dir) ? -ENAMETOOLONG : 0;
    if (r >= 0 && mkdir(w->dir, 0700) < 0 && errno != EEXIST)
        r = -errno;
    if (r < 0)
        err_set(reterr, r, "%s: %s", dir, err_text(r));
    snprintf(path, sizeof(path), "%s/key", w->dir);
    if (r >= 0)
        r = load_key(w, path, reterr);
    if (r == E_NOTFOUND)
        r = make_key(w, name, path, reterr);
    if (r >= 0) {
        *ret = w;
        return 0;
    }
    witness_close(w);
    return r;
}

void witness_close(struct witness *w)
{
    if (!w)
        return;
    tlog_skey_wipe(&w->key);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

const struct tlog_vkey *witness_vkey(const struct witness *w)
{
    return &w->key.vkey;
}

/* ---- one request ---- */

struct request {
    uint64_t old;
    struct tlog_path proof;
    const char *note;
    size_t note_len;
    struct tlog_vkey keys[TLOG_POLICY_LOGS]; /* those that are trusted for the origin */
    size_t keys_n;
    struct tlog_checkpoint checkpoint;
    struct tlog_note parsed;
};

static void answer(struct witness_answer *a, int status, const char *text)
{
    a->status = status;
    a->type = TYPE_TEXT;
    a->body.len = 0;
    (void)buf_appendf(&a->body, "%s\n", text);
}

static int parse(const char *body, size_t len, struct request *q)
{
    const char *line;
    size_t at = 0, n;
    if (!tlog_line(body, len, &at, &line, &n) || n < 5 || memcmp(line, "old ", 4) != 0 ||
        tlog_decimal_parse(line + 4, n - 4, &q->old) < 0)
        return E_SYNTAX;
    bool more;
    while ((more = tlog_line(body, len, &at, &line, &n)) && n > 0)
        if (q->proof.n == PROOF_LINES ||
            tlog_hash_parse(line, n, &q->proof.hashes[q->proof.n++]) < 0)
            return E_SYNTAX;
    q->note = body + at;
    q->note_len = len - at;
    return more ? 0 : E_SYNTAX;
}

/* The origin decides whose keys may have signed. Returns the status, 200 when the checkpoint is the log's. */
static int authenticate(const struct witness *w, struct request *q, struct err *why)
{
    if (tlog_note_parse(q->note, q->note_len, &q->parsed, why) < 0 ||
        tlog_checkpoint_parse(q->parsed.text, q->parsed.text_len, &q->checkpoint, why) < 0)
        return 400;
    for (size_t i = 0; i < w->logs->logs_n; i++)
        if (strcmp(w->logs->logs[i].name, q->checkpoint.origin) == 0)
            q->keys[q->keys_n++] = w->logs->logs[i];
    if (q->keys_n == 0) {
        err_set(why, E_NOTFOUND, "the log %.100s is not known here", q->checkpoint.origin);
        return 404;
    }
    return tlog_note_verify(&q->parsed, q->keys, q->keys_n, NULL, why) < 0 ? 403 : 200;
}

static char *state_path(const struct witness *w, const char *origin, char out[PATH_MAX])
{
    uint8_t hash[32];
    char hex[65];
    crypto_hash_sha256(hash, (const uint8_t *)origin, strlen(origin));
    snprintf(out, PATH_MAX, "%s/logs/%s", w->dir, hex_encode(hash, sizeof(hash), hex));
    return out;
}

/* What was cosigned last; size 0 when nothing was. */
static int load_state(const struct witness *w, const struct request *q, struct tlog_checkpoint *ret,
                      struct err *why)
{
    char path[PATH_MAX];
    struct buf b;
    struct tlog_note n;
    buf_init(&b, TLOG_NOTE_BYTES);
    *ret = (struct tlog_checkpoint){0};
    tlog_empty_hash(&ret->root);
    int r = durable_read(state_path(w, q->checkpoint.origin, path), &b, why);
    if (r == E_NOTFOUND) {
        buf_release(&b);
        why->text[0] = 0;
        return 0;
    }
    if (r >= 0)
        r = tlog_note_parse(b.data, b.len, &n, why);
    if (r >= 0) /* ours: nobody has put another file there */
        r = tlog_note_verify(&n, &w->key.vkey, 1, NULL, why);
    if (r >= 0)
        r = tlog_checkpoint_parse(n.text, n.text_len, ret, why);
    buf_release(&b);
    return r;
}

/* 200 when the checkpoint continues what was cosigned last. */
static int check(struct request *q, const struct tlog_checkpoint *last, struct witness_answer *a)
{
    struct tlog_hash empty;
    const struct tlog_checkpoint *c = &q->checkpoint;
    if (q->old > c->size) {
        answer(a, 400, "the old size is larger than the checkpoint's");
        return 400;
    }
    if (q->old != last->size) {
        a->status = 409;
        a->type = TYPE_SIZE;
        (void)buf_appendf(&a->body, "%llu\n", (unsigned long long)last->size);
        return 409;
    }
    tlog_empty_hash(&empty);
    bool good = c->size > 0 || tlog_hash_equal(&c->root, &empty);
    if (good && q->old == 0)
        good = q->proof.n == 0;
    else if (good)
        good = tlog_consistency_check(q->old, &last->root, c->size, &c->root, &q->proof) >= 0;
    if (!good) {
        err_set(&a->why, E_MISMATCH,
                "%.100s: the checkpoint of %llu entries is not proven to continue the one of %llu",
                c->origin, (unsigned long long)c->size, (unsigned long long)last->size);
        answer(a, 422, "the consistency proof does not verify");
        return 422;
    }
    return 200;
}

/* Signature lines of the log, as they were checked. */
static int own_lines(const struct request *q, struct buf *out)
{
    int r = 0;
    for (size_t i = 0; i < q->parsed.signatures_n && r >= 0; i++)
        for (size_t k = 0; k < q->keys_n; k++) {
            const struct tlog_signature *s = &q->parsed.signatures[i];
            if (memcmp(s->id, q->keys[k].id, sizeof(s->id)) == 0 &&
                strlen(q->keys[k].name) == s->name_len &&
                memcmp(s->name, q->keys[k].name, s->name_len) == 0) {
                r = buf_append(out, s->line, s->line_len);
                break;
            }
        }
    return r;
}

static int remember_and_sign(const struct witness *w, const struct request *q, int64_t unix_time,
                             struct witness_answer *a)
{
    char path[PATH_MAX];
    struct buf state;
    buf_init(&state, TLOG_NOTE_BYTES);
    int r = tlog_note_sign_line(&w->key, q->parsed.text, q->parsed.text_len, unix_time, &a->body);
    if (r >= 0)
        r = buf_appendf(&state, "%.*s\n", (int)q->parsed.text_len, q->parsed.text);
    if (r >= 0)
        r = own_lines(q, &state);
    if (r >= 0)
        r = buf_append(&state, a->body.data, a->body.len);
    if (r >= 0)
        r = durable_replace(state_path(w, q->checkpoint.origin, path), state.data, state.len, 0644,
                            true, &a->why);
    buf_release(&state);
    return r;
}

void witness_add_checkpoint(struct witness *w, const void *body, size_t len, int64_t unix_time,
                            struct witness_answer *ret)
{
    struct tlog_checkpoint last;
    struct request *q = calloc(1, sizeof(*q));
    *ret = (struct witness_answer){.status = 200, .type = TYPE_TEXT};
    buf_init(&ret->body, TLOG_NOTE_BYTES);
    if (!q || len > WITNESS_BODY_BYTES || parse(body, len, q) < 0) {
        answer(ret, q ? 400 : 500, "not an add-checkpoint request");
        free(q);
        return;
    }
    ret->status = authenticate(w, q, &ret->why);
    if (ret->status != 200) {
        answer(ret, ret->status, ret->why.text);
        free(q);
        return;
    }
    pthread_mutex_lock(&w->lock);
    int r = load_state(w, q, &last, &ret->why);
    if (r >= 0 && check(q, &last, ret) == 200)
        r = remember_and_sign(w, q, unix_time, ret);
    pthread_mutex_unlock(&w->lock);
    if (r < 0)
        answer(ret, 500, "the witness cannot keep its state; it does not cosign");
    free(q);
}

void witness_get_checkpoint(struct witness *w, const char *hex, struct witness_answer *ret)
{
    char path[PATH_MAX];
    *ret = (struct witness_answer){.status = 200, .type = TYPE_TEXT};
    buf_init(&ret->body, TLOG_NOTE_BYTES);
    if (strlen(hex) != 64 || strspn(hex, "0123456789abcdef") != 64) {
        answer(ret, 404, "the path is HEX/checkpoint, HEX being SHA-256 of a log's origin");
        return;
    }
    snprintf(path, sizeof(path), "%s/logs/%s", w->dir, hex);
    int r = durable_read(path, &ret->body, NULL);
    if (r < 0)
        answer(ret, r == E_NOTFOUND ? 404 : 500, "no checkpoint of that log was cosigned here");
}
