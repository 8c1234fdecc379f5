/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef TEST_STORE_FIXTURE_H
#define TEST_STORE_FIXTURE_H
/* A data directory of its own, recordings of made-up access units, and the questions that all store
 * tests ask. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mp4/reader.h"
#include "store/store.h"

#define FIX_RATE 90000
#define FIX_FPS 10
#define FIX_EPOCH (10 * MINUTE_US)
static const int64_t FIX_T0 =
    INT64_C(1795514400) * 1000000; /* 2026-11-24T10:00:00Z, the start of an epoch */

/* 64x64 baseline, as x264 writes it. */
static const uint8_t fix_sps[] = {0x67, 0x42, 0xc0, 0x0a, 0xdc, 0x42, 0x6c, 0x04, 0x40, 0x00, 0x00,
                                  0x03, 0x00, 0x40, 0x00, 0x00, 0x0c, 0x83, 0xc4, 0x89, 0xe0};
static const uint8_t fix_pps[] = {0x68, 0xce, 0x0f, 0xc8};

struct fix {
    char dir[128];
    struct clock_fake clock;
    struct store_config cfg;
    struct store *store;
    struct media_params params;
    pthread_mutex_t lock;
    struct index_event alarm[200];
    size_t alarms;
};

static struct fix fix;

static inline void fix_alarm(void *user, const struct index_event *e)
{
    (void)user;
    pthread_mutex_lock(&fix.lock);
    if (fix.alarms < 200)
        fix.alarm[fix.alarms++] = *e;
    pthread_mutex_unlock(&fix.lock);
    if (getenv("FIX_VERBOSE"))
        fprintf(stderr, "alarm %s: %s\n", e->kind, e->text);
}

static inline bool fix_alarmed(const char *kind)
{
    bool found = false;
    pthread_mutex_lock(&fix.lock);
    for (size_t i = 0; i < fix.alarms; i++)
        found = found || strcmp(fix.alarm[i].kind, kind) == 0;
    pthread_mutex_unlock(&fix.lock);
    return found;
}

static inline void fix_set(struct media_param_set *s, const uint8_t *data, size_t len)
{
    s->len = (uint16_t)len;
    memcpy(s->data, data, len);
}

static inline int fix_setup(void **state)
{
    (void)state;
    memset(&fix, 0, sizeof(fix));
    pthread_mutex_init(&fix.lock, NULL);
    const char *base = getenv("TMPDIR");
    snprintf(fix.dir, sizeof(fix.dir), "%s/lethe-store-XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(fix.dir))
        return -1;
    clock_fake_init(&fix.clock, FIX_T0);
    fix.params.count = 2;
    fix_set(&fix.params.set[0], fix_sps, sizeof(fix_sps));
    fix_set(&fix.params.set[1], fix_pps, sizeof(fix_pps));
    fix.cfg = (struct store_config){.data_dir = fix.dir,
                                    .clock = &fix.clock.clock,
                                    .index_ops = &index_sqlite,
                                    .writers = 3,
                                    .sync_interval_us = 10000,
                                    .reserve_bytes = 1,
                                    .retention_days = 30,
                                    .alarm = fix_alarm};
    return 0;
}

static inline int fix_shell(const char *fmt, ...)
{
    char cmd[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(cmd, sizeof(cmd), fmt, ap);
    va_end(ap);
    int r = system(cmd);
    return WIFEXITED(r) ? WEXITSTATUS(r) : -1;
}

static inline int fix_teardown(void **state)
{
    (void)state;
    store_close(fix.store);
    fix.store = NULL;
    return fix_shell("rm -rf '%s'", fix.dir);
}

static inline void fix_open(void)
{
    struct err e = {0};
    int err = store_open(&fix.cfg, &fix.store, &e);
    if (err < 0)
        fail_msg("store_open: %s", err_str(&e, err));
}

static inline void fix_close(void)
{
    store_close(fix.store);
    fix.store = NULL;
}

static inline struct mp4_info fix_info(const char *camera, int64_t start_us)
{
    struct mp4_info info = {.view = MP4_SEALED,
                            .epoch_length_us = FIX_EPOCH,
                            .start_us = start_us,
                            .tracks = 1,
                            .retention_days = 30,
                            .encrypted = false};
    snprintf(info.camera, sizeof(info.camera), "%s", camera);
    snprintf(info.node, sizeof(info.node), "node");
    info.epoch_us = start_us - start_us % FIX_EPOCH;
    info.track[0] = (struct media_track){.codec = MEDIA_H264,
                                         .clock_rate = FIX_RATE,
                                         .width = 64,
                                         .height = 64,
                                         .params = &fix.params};
    return info;
}

/* One second of FIX_FPS pictures of @size bytes, the first a key frame; the bytes tell camera
 * second @second. */
static inline struct mp4_fragment *fix_fragment(const struct mp4_info *info, unsigned second,
                                                size_t size)
{
    struct mp4_fragment *f;
    uint8_t *au = malloc(size + 5);
    assert_int_equal(mp4_fragment_new(&f), 0);
    mp4_fragment_begin(f, info);
    for (unsigned i = 0; i < FIX_FPS; i++) {
        wr32(au, (uint32_t)size + 1);
        au[4] = i == 0 ? 0x65 : 0x41;
        memset(au + 5, (int)(second * FIX_FPS + i) & 0xff, size);
        struct media_au a = {.data = au, .size = (uint32_t)size + 5, .key = i == 0};
        int64_t ticks = (int64_t)(second * FIX_FPS + i) * (FIX_RATE / FIX_FPS);
        assert_int_equal(mp4_fragment_append(f, 0, &a, ticks, ticks, NULL), 0);
    }
    free(au);
    return f;
}

/* What done() saw: fragments written, failed, and the last error. */
struct fix_count {
    _Atomic unsigned ok, failed;
    _Atomic int code;
};

static inline void fix_done(void *user, struct mp4_fragment *f, int code)
{
    struct fix_count *c = user;
    mp4_fragment_free(f);
    if (code >= 0) {
        c->ok++;
        return;
    }
    c->code = code;
    c->failed++;
}

/* Append second @second; the fragment is freed when it cannot be queued. */
static inline int fix_append(struct store_file *sf, unsigned second, size_t size,
                             struct fix_count *count)
{
    const struct mp4_info *info = store_file_info(sf);
    struct mp4_fragment *f = fix_fragment(info, second, size);
    int err = store_file_append(sf, f, (int64_t)(second + 1) * FIX_RATE,
                                info->start_us + second * SECOND_US, fix_done, count);
    if (err < 0)
        mp4_fragment_free(f);
    return err;
}

/* A whole recording of @seconds, ended with @reason. */
static inline void fix_record(const char *camera, int64_t start_us, unsigned seconds, size_t size,
                              const char *reason, struct fix_count *count)
{
    struct mp4_info info = fix_info(camera, start_us);
    struct store_file *sf;
    assert_int_equal(store_file_begin(fix.store, &info, &sf, NULL), 0);
    for (unsigned i = 0; i < seconds; i++)
        assert_int_equal(fix_append(sf, i, size, count), 0);
    store_file_end(sf, reason);
}

struct fix_rows {
    struct index_recording r[2000];
    size_t n;
};

static inline int fix_collect(void *user, const struct index_recording *r)
{
    struct fix_rows *rows = user;
    if (rows->n < 2000)
        rows->r[rows->n] = *r;
    rows->n++;
    return 0;
}

static inline void fix_read_rows(struct fix_rows *rows)
{
    struct index *ix;
    rows->n = 0;
    assert_int_equal(index_sqlite.open(fix.dir, true, &ix, NULL), 0);
    assert_int_equal(
        index_sqlite.recordings(ix, NULL, -1, INT64_MIN, INT64_MAX, fix_collect, rows, NULL), 0);
    index_sqlite.close(ix);
}

static inline void fix_line(void *user, const char *text)
{
    (void)user;
    if (getenv("FIX_VERBOSE"))
        fprintf(stderr, "fsck: %s\n", text);
}

static inline uint64_t fix_fsck(bool repair, bool verify, struct store_check *ret)
{
    struct store_check c = {0};
    struct err e = {0};
    int err = store_fsck(fix.dir, &index_sqlite, repair, verify, fix_line, NULL, &c, &e);
    if (err < 0)
        fail_msg("fsck: %s", err_str(&e, err));
    if (ret)
        *ret = c;
    return c.problems;
}

/* Until @cond or five seconds. */
#define FIX_WAIT(cond)                                                                             \
    do {                                                                                           \
        for (int fix_i = 0; fix_i < 500 && !(cond); fix_i++)                                       \
            usleep(10000);                                                                         \
        assert_true(cond);                                                                         \
    } while (0)
#endif
