/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The thread, the outbox, and what others note. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "recorder/leaves_private.h"

#define ROUND_US SECOND_US
#define AWAY_US (5 * SECOND_US) /* between two looks for a logger */
#define BATCH 256
#define BATCH_BYTES ((size_t)1 << 20)
#define ENTRY_BYTES 65535

void leaf_begin(struct leaf *f, const char *kind, const char *id, int64_t at_us)
{
    f->kind = kind;
    f->at_us = at_us;
    buf_init(&f->text, ENTRY_BYTES);
    tlog_entry_begin(&f->w, kind, id, &f->text);
    tlog_entry_time(&f->w, "at", at_us);
}

int leaf_post(struct leaves *l, struct leaf *f, const struct index_change *more, size_t n,
              struct err *reterr)
{
    struct index_change c[4];
    int r = tlog_entry_end(&f->w);
    const char *text = r < 0 ? NULL : buf_cstr(&f->text);
    if (r >= 0 && !text)
        r = -ENOMEM;
    if (r >= 0 && n < 4) {
        c[0] =
            (struct index_change){.kind = INDEX_PUT_OUTBOX, .outbox = {0, f->at_us, f->kind, text}};
        for (size_t i = 0; i < n; i++)
            c[i + 1] = more[i];
        r = l->index->ops->apply(l->index, c, n + 1, reterr);
    } else {
        err_set(reterr, r < 0 ? r : E_BUG, "an entry of kind %s cannot be written", f->kind);
    }
    buf_release(&f->text);
    return r;
}

/* ---- outbox to logger ---- */

struct batch {
    struct tlog_entry entry[BATCH];
    size_t n, bytes;
    int64_t last;
};

static int collect(void *user, const struct index_outbox *o)
{
    struct batch *b = user;
    size_t len = strlen(o->text);
    char *copy = strndup(o->text, len);
    if (!copy)
        return -ENOMEM;
    b->entry[b->n++] = (struct tlog_entry){copy, len};
    b->bytes += len;
    b->last = o->id;
    return b->n == BATCH || b->bytes > BATCH_BYTES;
}

static void let_go(struct leaves *l, int code, const struct err *e)
{
    tlog_client_close(l->client);
    l->client = NULL;
    l->client_retry_us = clock_mono_us(&clock_system) + AWAY_US;
    if (!l->told_away)
        log_info("log", "no logger takes entries (%s); they wait in the index", err_str(e, code));
    l->told_away = true;
}

static int connect_logger(struct leaves *l)
{
    struct err e = {0};
    if (l->client)
        return 0;
    if (clock_mono_us(&clock_system) < l->client_retry_us)
        return E_BUSY;
    int r = tlog_client_open(l->cfg.data_dir, TLOG_CLIENT_TIMEOUT_MS, &l->client, &e);
    if (r < 0)
        let_go(l, r, &e);
    else if (l->told_away)
        log_info("log", "the logger is back");
    l->told_away = r < 0;
    return r;
}

/* Hand over one batch. Returns how many were taken. */
static int64_t hand_over(struct leaves *l, struct err *reterr)
{
    static const struct batch empty;
    struct batch *b = malloc(sizeof(*b));
    struct err e = {0};
    if (!b)
        return -ENOMEM;
    *b = empty;
    int64_t r = l->index->ops->outbox(l->index, BATCH, collect, b, reterr);
    if (r >= 0 && b->n > 0 && connect_logger(l) >= 0) {
        int code = tlog_client_append(l->client, b->entry, b->n, NULL, &e);
        if (code < 0)
            let_go(l, code, &e);
        else
            r = l->index->ops->outbox_drop(l->index, b->last, reterr);
        r = code < 0 ? 0 : r < 0 ? r : (int64_t)b->n;
    } else if (r >= 0) {
        r = 0;
    }
    for (size_t i = 0; i < b->n; i++)
        free((char *)(uintptr_t)b->entry[i].text);
    free(b);
    return r;
}

/* ---- what others noted ---- */

void leaves_note_shortfall(struct leaves *l)
{
    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    l->shortfall = true;
    pthread_mutex_unlock(&l->lock);
}

int leaves_note_masking(struct leaves *l, const char *camera, bool works)
{
    if (!l)
        return 0;
    pthread_mutex_lock(&l->lock);
    int r = l->masking_count < LEAVES_MASKING ? 0 : E_FULL;
    if (r == 0) {
        int i = l->masking_count++;
        snprintf(l->masking[i].camera, INDEX_ID, "%s", camera ? camera : "");
        l->masking[i].works = works;
        l->masking[i].at_us = clock_wall_us(l->cfg.clock);
    }
    pthread_mutex_unlock(&l->lock);
    return r;
}

static int tell_masking(struct leaves *l, struct err *reterr)
{
    int r = 0;
    pthread_mutex_lock(&l->lock);
    while (l->masking_count > 0 && r >= 0) {
        char camera[INDEX_ID], id[TLOG_ENTRY_ID];
        bool works = l->masking[0].works;
        int64_t at_us = l->masking[0].at_us;
        memcpy(camera, l->masking[0].camera, sizeof(camera));
        pthread_mutex_unlock(&l->lock);
        struct leaf f;
        leaf_begin(&f, "masking", tlog_entry_new_id("masking", id), at_us);
        if (*camera)
            tlog_entry_text(&f.w, "camera", camera);
        tlog_entry_text(&f.w, "change", works ? "works" : "failed");
        r = leaf_post(l, &f, NULL, 0, reterr);
        pthread_mutex_lock(&l->lock);
        if (r >= 0)
            memmove(l->masking, l->masking + 1, sizeof(l->masking[0]) * (size_t)--l->masking_count);
    }
    pthread_mutex_unlock(&l->lock);
    return r;
}

static int tell_shortfall(struct leaves *l, struct err *reterr)
{
    char until[32] = "", id[TLOG_ENTRY_ID];
    int64_t now = clock_wall_us(l->cfg.clock);
    pthread_mutex_lock(&l->lock);
    bool due = l->shortfall && l->cfg.store &&
               (now - l->shortfall_told_us >= HOUR_US || now < l->shortfall_told_us);
    pthread_mutex_unlock(&l->lock);
    if (!due)
        return 0;
    struct store_stats st;
    struct leaf f;
    store_stats(l->cfg.store, &st);
    (void)l->index->ops->meta_get(l->index, "shortfall_until_us", until, sizeof(until));
    leaf_begin(&f, "shortfall", tlog_entry_new_id("shortfall", id), now);
    tlog_entry_number(&f.w, "promised-days", (int64_t)st.promised_days);
    tlog_entry_number(&f.w, "actual-hours", (int64_t)(st.actual_days * 24));
    tlog_entry_time(&f.w, "until", *until ? strtoll(until, NULL, 10) : now);
    int r = leaf_post(l, &f, NULL, 0, reterr);
    if (r < 0)
        return r;
    pthread_mutex_lock(&l->lock);
    l->shortfall = false;
    l->shortfall_told_us = now;
    pthread_mutex_unlock(&l->lock);
    return 0;
}

/* ---- the thread ---- */

int64_t leaves_round(struct leaves *l, struct err *reterr)
{
    int64_t r = 0;
    if (!l->index)
        r = index_sqlite.open(l->cfg.data_dir, false, &l->index, reterr);
    if (r >= 0 && !l->started) {
        if (l->index->ops->durable)
            r = l->index->ops->durable(l->index);
        if (r >= 0)
            r = leaves_tell_start(l, reterr);
        l->started = r >= 0;
    }
    if (r >= 0)
        r = tell_masking(l, reterr);
    if (r >= 0)
        r = tell_shortfall(l, reterr);
    if (r >= 0)
        r = leaves_tell_hours(l, reterr);
    if (r >= 0)
        r = hand_over(l, reterr);
    if (r < 0 && r != E_BUSY && l->index) { /* opened anew, when the volume is back for example */
        l->index->ops->close(l->index);
        l->index = NULL;
    }
    return r;
}

static void rest(struct leaves *l, int64_t us)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += us / SECOND_US;
    until.tv_nsec += us % SECOND_US * 1000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_cond_timedwait(&l->wake, &l->lock, &until);
}

static void *leaves_main(void *arg)
{
    struct leaves *l = arg;
    int64_t said_us = 0;
    pthread_mutex_lock(&l->lock);
    for (bool last = false; !last;) {
        last = l->stop; /* one round more, for what was noted at the end */
        pthread_mutex_unlock(&l->lock);
        struct err e = {0};
        int64_t r = leaves_round(l, &e), now = clock_mono_us(&clock_system);
        if (r < 0 && (said_us == 0 || now - said_us > 10 * MINUTE_US)) {
            log_warn("log", "entries cannot be written: %s; trying again", err_str(&e, (int)r));
            said_us = now;
        }
        pthread_mutex_lock(&l->lock);
        if (!l->stop && r != BATCH)
            rest(l, ROUND_US);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

int leaves_start(const struct leaves_config *cfg, struct leaves **ret, struct err *reterr)
{
    struct leaves *l = calloc(1, sizeof(*l));
    if (!l)
        return -ENOMEM;
    l->cfg = *cfg;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->wake, NULL);
    int r = cfg->store ? -pthread_create(&l->thread, NULL, leaves_main, l) : 0;
    if (r < 0) {
        free(l);
        return err_set(reterr, r, "the thread for the log could not be started: %s", err_text(r));
    }
    l->running = cfg->store != NULL;
    *ret = l;
    return 0;
}

void leaves_stop(struct leaves *l)
{
    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    l->stop = true;
    pthread_cond_signal(&l->wake);
    pthread_mutex_unlock(&l->lock);
    if (l->running)
        pthread_join(l->thread, NULL);
    l->running = false;
}

void leaves_free(struct leaves *l)
{
    if (!l)
        return;
    tlog_client_close(l->client);
    if (l->index)
        l->index->ops->close(l->index);
    pthread_mutex_destroy(&l->lock);
    pthread_cond_destroy(&l->wake);
    free(l);
}
