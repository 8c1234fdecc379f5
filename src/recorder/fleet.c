/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "recorder/fleet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "recorder/node_clock.h"

int fleet_open(struct fleet *f, struct index *ix, const struct camera_context *ctx, int threads,
               struct err *reterr)
{
    *f = (struct fleet){.index = ix, .ctx = ctx, .version = -1};
    f->loops = calloc((size_t)threads, sizeof(*f->loops));
    if (!f->loops)
        return -ENOMEM;
    for (int i = 0; i < threads; i++) {
        int r = loop_start(&f->loops[i], &ctx->clock->clock);
        if (r < 0) {
            fleet_close(f, "shutdown");
            return err_set(reterr, r, "loop thread %d could not be started: %s", i, err_text(r));
        }
        f->loop_count++;
    }
    return 0;
}

static struct loop *least_loaded(struct fleet *f)
{
    struct loop *best = &f->loops[0];
    for (int i = 1; i < f->loop_count; i++)
        if (atomic_load(&f->loops[i].camera_count) < atomic_load(&best->camera_count))
            best = &f->loops[i];
    return best;
}

static void on_camera_closed(void *user)
{
    struct fleet_member *m = user;
    atomic_store(&m->gone, true);
}

static void leave(struct fleet_member *m, const char *reason)
{
    if (m->leaving)
        return;
    m->leaving = true;
    m->camera->closed = on_camera_closed;
    m->camera->closed_user = m;
    snprintf(m->camera->end_reason, sizeof(m->camera->end_reason), "%s", reason);
    atomic_fetch_sub(&m->camera->loop->camera_count, 1);
    while (loop_post(m->camera->loop, camera_close, m->camera) < 0)
        uv_sleep(10);
}

struct last_gap {
    struct index_gap gap;
    bool found;
};

static int keep_open_gap(void *user, const struct index_gap *g)
{
    struct last_gap *l = user;
    if (g->to_us == 0) {
        l->gap = *g;
        l->found = true;
    }
    return 0;
}

/* Start one camera. Returns false to try again later. */
static bool start(struct fleet *f, const struct index_camera *cfg)
{
    struct last_gap open = {0};
    int64_t now = clock_wall_us(&f->ctx->clock->clock);
    f->index->ops->gaps(f->index, cfg->id, 0, now, keep_open_gap, &open, NULL);
    struct fleet_member *m = calloc(1, sizeof(*m));
    if (!m)
        return false;
    m->cfg = *cfg;
    struct loop *l = least_loaded(f);
    if (camera_new(l, f->ctx, cfg, open.found ? &open.gap : NULL, &m->camera) < 0) {
        free(m);
        return false;
    }
    while (loop_post(l, camera_start, m->camera) < 0)
        uv_sleep(10);
    atomic_fetch_add(&l->camera_count, 1);
    m->next = f->first;
    f->first = m;
    return true;
}

static struct fleet_member *find(struct fleet *f, const char *id)
{
    for (struct fleet_member *m = f->first; m; m = m->next)
        if (!m->leaving && strcmp(m->cfg.id, id) == 0)
            return m;
    return NULL;
}

static bool same(const struct index_camera *a, const struct index_camera *b)
{
    return strcmp(a->main_url, b->main_url) == 0 && strcmp(a->sub_url, b->sub_url) == 0 &&
           strcmp(a->pin, b->pin) == 0 && a->transport == b->transport && a->audio == b->audio &&
           a->enabled == b->enabled && a->tls_insecure == b->tls_insecure &&
           a->retention_days == b->retention_days;
}

static int collect(void *user, const struct index_camera *c)
{
    struct fleet *f = user;
    if (f->pending_count % 256 == 0) {
        void *more = realloc(f->pending, (f->pending_count + 256) * sizeof(*f->pending));
        if (!more)
            return -ENOMEM;
        f->pending = more;
    }
    f->pending[f->pending_count++] = *c;
    return 0;
}

/*
 * Row and addresses of a camera lie in two files, whose commits are two moments: a reader in between sees the new row
 * with no address, or with the old one. So the table is read again a second after each change, and a row without an
 * address is left out until it has one.
 */
#define REREAD_TICKS 10

static bool is_whole(const struct index_camera *c)
{
    return c->main_url[0] != 0;
}

/* Compare the table with what runs; what is new or changed stays in pending to be started bit by
 * bit. */
static void reload(struct fleet *f, int64_t version)
{
    free(f->pending);
    f->pending = NULL;
    f->pending_count = f->pending_next = 0;
    struct err e = {0};
    int r = f->index->ops->cameras(f->index, collect, f, &e);
    if (r < 0) {
        log_warn("index", "camera table could not be read (%s), trying again", err_str(&e, r));
        f->pending_count = 0;
        return;
    }
    f->version = version;
    for (struct fleet_member *m = f->first; m; m = m->next)
        m->seen = false;
    size_t kept = 0;
    for (size_t i = 0; i < f->pending_count; i++) {
        struct fleet_member *m = find(f, f->pending[i].id);
        if (!is_whole(&f->pending[i])) {
            f->reread = REREAD_TICKS;
            if (m)
                m->seen = true;
            continue;
        }
        if (m && same(&m->cfg, &f->pending[i])) {
            if (strcmp(m->cfg.zones, f->pending[i].zones) != 0 ||
                m->cfg.declared_empty_us != f->pending[i].declared_empty_us)
                camera_mask_configure(m->camera->mask, &f->pending[i]);
            m->cfg = f->pending[i];
            m->seen = true;
            continue;
        }
        if (m)
            leave(m, "changed");
        f->pending[kept++] = f->pending[i];
    }
    f->pending_count = kept;
    for (struct fleet_member *m = f->first; m; m = m->next)
        if (!m->seen)
            leave(m, "removed");
}

static void sweep(struct fleet *f)
{
    struct fleet_member **p = &f->first;
    while (*p) {
        struct fleet_member *m = *p;
        if (!atomic_load(&m->gone)) {
            p = &m->next;
            continue;
        }
        *p = m->next;
        free(m);
    }
}

void fleet_tick(struct fleet *f)
{
    sweep(f);
    int64_t version = f->index->ops->camera_version(f->index);
    bool changed = version >= 0 && version != f->version;
    bool again = f->reread > 0 && --f->reread == 0;
    if (changed)
        f->reread = REREAD_TICKS;
    if (changed || (again && version >= 0))
        reload(f, version);
    for (int i = 0; i < FLEET_STARTS_PER_TICK && f->pending_next < f->pending_count; i++) {
        if (!start(f, &f->pending[f->pending_next]))
            return;
        f->pending_next++;
    }
}

void fleet_close(struct fleet *f, const char *reason)
{
    for (struct fleet_member *m = f->first; m; m = m->next)
        leave(m, reason);
    for (int i = 0; i < f->loop_count; i++)
        loop_join(&f->loops[i]);
    sweep(f);
    free(f->loops);
    free(f->pending);
    *f = (struct fleet){0};
}

size_t fleet_count(const struct fleet *f)
{
    size_t n = 0;
    for (const struct fleet_member *m = f->first; m; m = m->next)
        n += !m->leaving;
    return n;
}
