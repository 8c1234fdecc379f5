/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Days of recording in minutes: CAMERAS cameras, DAYS simulated days, DAYS_KEPT kept, epochs of ten
 * minutes, tiny files through the whole store. At the end exactly the promised days are on disk,
 * shares of older epochs are gone, fsck finds nothing, and the erasing took less than a tenth of
 * the time that the recording had to take.
 *
 *     retention_sim DIR [cameras=200] [days=40] [kept=30]
 *
 * Exit code 0 only if all of that holds.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../../bench/args.h"
#include "store/store.h"

#define EPOCH_US (10 * MINUTE_US)
static const int64_t start_us = INT64_C(1795478400) * 1000000; /* 2026-11-24T00:00:00Z */
static struct media_params params;
static struct clock_fake fake;
static _Atomic unsigned long written, failed;

static double real_seconds(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void done(void *user, struct mp4_fragment *f, int code)
{
    (void)user;
    mp4_fragment_free(f);
    code < 0 ? failed++ : written++;
}

static void alarm_line(void *user, const struct index_event *e)
{
    (void)user;
    fprintf(stderr, "%s: %s\n", e->kind, e->text);
}

static void describe(struct mp4_info *info, int camera, int64_t at_us, int kept)
{
    static const uint8_t sps[] = {0x67, 0x42, 0xc0, 0x0a, 0xdc, 0x42, 0x6c, 0x04, 0x40, 0x00, 0x00,
                                  0x03, 0x00, 0x40, 0x00, 0x00, 0x0c, 0x83, 0xc4, 0x89, 0xe0};
    static const uint8_t pps[] = {0x68, 0xce, 0x0f, 0xc8};
    params.count = 2;
    params.set[0].len = sizeof(sps);
    memcpy(params.set[0].data, sps, sizeof(sps));
    params.set[1].len = sizeof(pps);
    memcpy(params.set[1].data, pps, sizeof(pps));
    *info = (struct mp4_info){.view = MP4_SEALED,
                              .epoch_us = at_us,
                              .epoch_length_us = EPOCH_US,
                              .start_us = at_us,
                              .retention_days = kept,
                              .tracks = 1};
    snprintf(info->camera, sizeof(info->camera), "cam%d", camera);
    info->track[0] = (struct media_track){
        .codec = MEDIA_H264, .clock_rate = 90000, .width = 64, .height = 64, .params = &params};
}

/* One picture that lasts the whole epoch. */
static void record(struct store *s, int camera, int64_t at_us, int kept)
{
    uint8_t au[] = {0, 0, 0, 5, 0x65, 1, 2, 3, 4};
    struct media_au a = {.data = au, .size = sizeof(au), .key = true};
    struct mp4_info info;
    struct store_file *sf;
    struct mp4_fragment *f;
    describe(&info, camera, at_us, kept);
    if (store_file_begin(s, &info, &sf, NULL) < 0 || mp4_fragment_new(&f) < 0) {
        failed++;
        return;
    }
    mp4_fragment_begin(f, store_file_info(sf));
    if (mp4_fragment_append(f, 0, &a, 0, 0, NULL) < 0 ||
        store_file_append(sf, f, EPOCH_US / 1000000 * 90000, at_us, done, NULL) < 0)
        done(NULL, f, -1);
    store_file_end(sf, "epoch");
}

static void settle(struct store *s)
{
    struct store_stats st;
    do {
        usleep(2000);
        store_stats(s, &st);
    } while (st.queue_bytes || st.index_queue || st.mending);
}

struct tally {
    unsigned long n;
    int64_t first_end;
};

static int tally_row(void *user, const struct index_recording *r)
{
    struct tally *t = user;
    if (t->n++ == 0 || r->end_us < t->first_end)
        t->first_end = r->end_us;
    return 0;
}

static unsigned long entries(const char *dir, const char *sub, const char *kind)
{
    char cmd[600];
    unsigned long n = 0;
    snprintf(cmd, sizeof(cmd), "find '%s/%s' -mindepth 1 -type %s | wc -l", dir, sub, kind);
    FILE *p = popen(cmd, "r");
    if (!p || fscanf(p, "%lu", &n) != 1)
        n = 0;
    if (p)
        pclose(p);
    return n;
}

static void fsck_line(void *user, const char *text)
{
    (void)user;
    fprintf(stderr, "fsck: %s\n", text);
}

static int expect(const char *what, unsigned long have, unsigned long want)
{
    printf("%-28s %10lu   expected %lu%s\n", what, have, want, have == want ? "" : "   WRONG");
    return have != want;
}

static int check(const char *dir, int cameras, int kept, int64_t now_us)
{
    struct tally t = {0};
    struct index *ix;
    struct store_check c = {0};
    struct err e = {0};
    int bad = 0;
    unsigned long epochs = (unsigned long)kept * 144;
    if (index_sqlite.open(dir, true, &ix, &e) < 0)
        return fprintf(stderr, "%s\n", e.text), 1;
    index_sqlite.recordings(ix, NULL, -1, INT64_MIN, INT64_MAX, tally_row, &t, NULL);
    index_sqlite.close(ix);
    bad += expect("rows", t.n, epochs * (unsigned long)cameras);
    bad += expect("files", entries(dir, "recordings", "f"), epochs * (unsigned long)cameras);
    bad += expect("directories", entries(dir, "recordings", "d"),
                  (unsigned long)cameras * (unsigned long)(kept + 1));
    bad += expect("share files", entries(dir, "keys", "f"), epochs);
    bad += expect("oldest row is past its time", t.first_end + kept * DAY_US <= now_us, 0);
    if (store_fsck(dir, &index_sqlite, false, false, fsck_line, NULL, &c, &e) < 0)
        return fprintf(stderr, "%s\n", e.text), 1;
    return bad + expect("problems of fsck", c.problems, 0);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return fprintf(stderr, "retention_sim DIR [cameras] [days] [kept]\n"), 2;
    int cameras = (int)arg_number(argc, argv, 2, "cameras", 200, 1, 100000);
    int days = (int)arg_number(argc, argv, 3, "days", 40, 1, 3650);
    int kept = (int)arg_number(argc, argv, 4, "kept", 30, 1, 3650);
    clock_fake_init(&fake, start_us);
    struct store_config cfg = {.data_dir = argv[1],
                               .clock = &fake.clock,
                               .index_ops = &index_sqlite,
                               .sync_interval_us = 20000,
                               .reserve_bytes = 1,
                               .retention_days = kept,
                               .alarm = alarm_line};
    struct store *s;
    struct err e = {0};
    if (store_open(&cfg, &s, &e) < 0)
        return fprintf(stderr, "%s\n", e.text), 1;
    double erasing = 0, begin = real_seconds();
    unsigned long erased = 0;
    struct store_stats st;
    for (int64_t epoch = 0; epoch < days * INT64_C(144); epoch++) {
        int64_t at = start_us + epoch * EPOCH_US;
        if (store_shares_append(s, at, kept, (const uint8_t *)"shares", 6, &e) < 0)
            return fprintf(stderr, "%s\n", e.text), 1;
        for (int c = 0; c < cameras; c++)
            record(s, c, at, kept);
        clock_fake_advance(&fake, EPOCH_US);
        if (epoch % 6 == 5) {
            settle(s);
            double t = real_seconds();
            if (store_retain(s, &e) < 0)
                return fprintf(stderr, "%s\n", e.text), 1;
            erasing += real_seconds() - t;
        }
        if (epoch % 1440 == 1439)
            fprintf(stderr, "day %lld, %.0f s\n", (long long)(epoch / 144 + 1),
                    real_seconds() - begin);
    }
    store_stats(s, &st);
    erased = st.recordings_deleted;
    store_close(s);
    double rate = erasing > 0 ? (double)erased / erasing : 0, needed = (double)cameras / 600;
    printf("%lu recordings written, %lu failed, %lu erased at %.0f a second; %.2f a second are "
           "needed (%.0f times)\n",
           (unsigned long)written, (unsigned long)failed, erased, rate, needed, rate / needed);
    int bad = check(argv[1], cameras, kept < days ? kept : days, fake.wall);
    return bad || failed || (erased > 0 && rate < 10 * needed);
}
