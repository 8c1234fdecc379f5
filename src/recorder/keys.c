/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "recorder/keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "recorder/camera.h"

#define KEYS_BATCH 64 /* shares of this many keys are made durable together */

struct request {
    struct request *next;
    struct camera *camera;
    char id[SEAL_NAME];
    int64_t epoch_us;
    int retention_days;
};

struct keys {
    struct keys_config cfg;
    struct seal_vault *vault;
    uv_thread_t thread;
    uv_mutex_t lock;
    uv_cond_t more;
    struct request *first, **last; /* guarded by lock */
    bool stopping;                 /* guarded by lock */
};

int64_t keys_epoch_length(const struct keys *k)
{
    return k->cfg.epoch_length_us;
}

int64_t keys_epoch_of(const struct keys *k, int64_t utc_us)
{
    return utc_us - utc_us % k->cfg.epoch_length_us;
}

void keys_release(struct keys *k, struct epoch_key *e)
{
    if (!e)
        return;
    mp4_cipher_release(&e->cipher);
    seal_key_destroy(k->vault, e->key);
    free(e);
}

static int make_key(struct keys *k, const struct request *r, struct buf *shares,
                    struct epoch_key **ret)
{
    struct seal_context ctx = {.epoch_us = r->epoch_us, .epoch_length_us = k->cfg.epoch_length_us};
    snprintf(ctx.camera, sizeof(ctx.camera), "%s", r->id);
    snprintf(ctx.node, sizeof(ctx.node), "%s", k->cfg.node);
    struct epoch_key *e = calloc(1, sizeof(*e));
    if (!e)
        return -ENOMEM;
    e->epoch_us = r->epoch_us;
    int code = seal_key_create(k->vault, k->cfg.policy, &ctx, &e->key, shares);
    if (code >= 0)
        code = mp4_cipher_init(&e->cipher, e->key->k, 1);
    if (code < 0) {
        keys_release(k, e);
        return code;
    }
    *ret = e;
    return 0;
}

/* The next requests that go into the same share file, at most KEYS_BATCH, unlinked from the queue.
 */
static int take_batch(struct keys *k, struct request *batch[KEYS_BATCH])
{
    int n = 0;
    uv_mutex_lock(&k->lock);
    while (!k->first && !k->stopping)
        uv_cond_wait(&k->more, &k->lock);
    struct request **p = &k->first;
    while (!k->stopping && *p && n < KEYS_BATCH) {
        struct request *r = *p;
        if (n &&
            (r->epoch_us != batch[0]->epoch_us || r->retention_days != batch[0]->retention_days)) {
            p = &r->next;
            continue;
        }
        batch[n++] = r;
        *p = r->next;
    }
    k->last = &k->first;
    while (*k->last)
        k->last = &(*k->last)->next;
    uv_mutex_unlock(&k->lock);
    return n;
}

static void serve(struct keys *k, struct request *const batch[], int n)
{
    struct epoch_key *made[KEYS_BATCH] = {0};
    int code[KEYS_BATCH] = {0};
    struct buf shares;
    buf_init(&shares, 0);
    for (int i = 0; i < n; i++)
        code[i] = make_key(k, batch[i], &shares, &made[i]);
    int written = 0;
    if (shares.len > 0)
        written = store_shares_append(k->cfg.store, batch[0]->epoch_us, batch[0]->retention_days,
                                      shares.data, shares.len, NULL);
    for (int i = 0; i < n; i++) {
        if (written < 0) {
            keys_release(k, made[i]);
            made[i] = NULL;
            code[i] = written;
        }
        camera_post_key(batch[i]->camera, made[i], code[i]);
        free(batch[i]);
    }
    buf_release(&shares);
}

static void run(void *arg)
{
    struct keys *k = arg;
    struct request *batch[KEYS_BATCH];
    int n;
    while ((n = take_batch(k, batch)) > 0)
        serve(k, batch, n);
}

int keys_start(const struct keys_config *cfg, struct keys **ret, struct err *reterr)
{
    struct keys *k = calloc(1, sizeof(*k));
    if (!k)
        return -ENOMEM;
    k->cfg = *cfg;
    k->last = &k->first;
    int r = seal_vault_new(cfg->max_keys, &k->vault, reterr);
    if (r < 0) {
        free(k);
        return r;
    }
    if ((r = uv_mutex_init(&k->lock)) < 0 || (r = uv_cond_init(&k->more)) < 0 ||
        (r = uv_thread_create(&k->thread, run, k)) < 0) {
        seal_vault_free(k->vault);
        free(k);
        return r;
    }
    *ret = k;
    return 0;
}

int keys_request(struct keys *k, struct camera *c, const char *id, int64_t epoch_us,
                 int retention_days)
{
    struct request *r = calloc(1, sizeof(*r));
    if (!r)
        return -ENOMEM;
    *r = (struct request){.camera = c, .epoch_us = epoch_us, .retention_days = retention_days};
    snprintf(r->id, sizeof(r->id), "%s", id);
    uv_mutex_lock(&k->lock);
    *k->last = r;
    k->last = &r->next;
    uv_cond_signal(&k->more);
    uv_mutex_unlock(&k->lock);
    return 0;
}

void keys_stop(struct keys *k)
{
    if (!k)
        return;
    uv_mutex_lock(&k->lock);
    k->stopping = true;
    uv_cond_signal(&k->more);
    uv_mutex_unlock(&k->lock);
    uv_thread_join(&k->thread);
    while (k->first) {
        struct request *r = k->first;
        k->first = r->next;
        free(r);
    }
    seal_vault_free(k->vault);
    uv_cond_destroy(&k->more);
    uv_mutex_destroy(&k->lock);
    free(k);
}
