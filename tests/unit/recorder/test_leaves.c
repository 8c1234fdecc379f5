/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Facts become entries, each once: starts and promises, hourly lists, erasures, holds that end, masking. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "recorder/leaves.h"
#include "tlog/entry.h"
#include "tlog/manifest.h"

#define T0 (20000 * DAY_US + 9 * HOUR_US) /* 2024-10-04T09:00:00Z */

static char dir[64];
static struct index *ix;
static struct config config;
static struct seal_policy policy;
static struct clock_fake wall;
static struct leaves *leaves;

static void start(void)
{
    struct leaves_config cfg = {.data_dir = dir,
                                .config = &config,
                                .policy = &policy,
                                .version = "0.1.0",
                                .clock = &wall.clock};
    assert_int_equal(leaves_start(&cfg, &leaves, NULL), 0);
}

static void stop(void)
{
    leaves_stop(leaves);
    leaves_free(leaves);
    leaves = NULL;
}

static int setup(void **state)
{
    char path[128];
    snprintf(dir, sizeof(dir), "/tmp/lethe-leaves-XXXXXX");
    if (!mkdtemp(dir) || index_sqlite.open(dir, false, &ix, NULL) < 0)
        return -1;
    snprintf(path, sizeof(path), "%s/volume-id", dir);
    FILE *f = fopen(path, "w");
    fputs("here\n", f);
    fclose(f);
    ix->ops->meta_put(ix, "volume_id", "here", NULL);
    config_default(&config);
    snprintf(config.node, sizeof(config.node), "town-hall");
    memset(&policy, 0, sizeof(policy));
    assert_int_equal(seal_practice_create(dir, &policy, NULL), 0);
    clock_fake_init(&wall, T0 + 10 * MINUTE_US);
    start();
    return 0;
}

static int teardown(void **state)
{
    char cmd[128];
    stop();
    ix->ops->close(ix);
    snprintf(cmd, sizeof(cmd), "rm -rf '%s'", dir);
    return system(cmd);
}

static struct {
    int n;
    int64_t last;
    char text[16][3000];
} told;

static int collect(void *user, const struct index_outbox *o)
{
    static struct tlog_parsed p;
    struct err e = {0};
    if (tlog_entry_parse(o->text, strlen(o->text), &p, &e) < 0)
        fail_msg("%s in %s", e.text, o->text);
    snprintf(told.text[told.n++], sizeof(told.text[0]), "%s", o->text);
    told.last = o->id;
    return 0;
}

/* One round; what it told, and then forgotten. */
static int round_tells(void)
{
    struct err e = {0};
    told.n = 0;
    if (leaves_round(leaves, &e) < 0)
        fail_msg("%s", e.text);
    assert_int_equal(ix->ops->outbox(ix, 16, collect, NULL, NULL), 0);
    assert_int_equal(ix->ops->outbox_drop(ix, told.last, NULL), 0);
    return told.n;
}

static void must_hold(int i, const char *part)
{
    if (!strstr(told.text[i], part))
        fail_msg("'%s' is not in %s", part, told.text[i]);
}

static void test_leaves__a_start_and_its_promises(void **state)
{
    assert_int_equal(round_tells(), 3);
    must_hold(0, "lethe-log/v1 custodians\n");
    must_hold(0, "\nthreshold 2\nof 3\npractice yes\nrecipient ");
    must_hold(1, "lethe-log/v1 policy\n");
    must_hold(1, "\nretention-days 30\nepoch-minutes 10\nwhen-full oldest-first\nmasking yes\n");
    must_hold(2, "lethe-log/v1 node-start\n");
    must_hold(2, "\nnode town-hall\nversion 0.1.0\npractice yes\n");
    assert_int_equal(round_tells(), 0);
    stop(); /* the same promises are not told again, another start is */
    start();
    assert_int_equal(round_tells(), 1);
    must_hold(0, "node-start");
    stop();
    config.retention_days = 7;
    policy.threshold = 3;
    start();
    assert_int_equal(round_tells(), 3);
    must_hold(0, "\nthreshold 3\n");
    must_hold(1, "\nretention-days 7\n");
    stop();
    config.disk.reserve_bytes++; /* what stands only in the hash is a change, too */
    start();
    assert_int_equal(round_tells(), 2);
}

static void record(const char *camera, int view, int64_t end_us)
{
    struct index_change c = {.kind = INDEX_CLOSE_RECORDING};
    struct index_recording *r = &c.recording;
    *r = (struct index_recording){
        .view = view, .start_us = end_us - MINUTE_US, .end_us = end_us, .frames = 25};
    r->manifest[0] = (uint8_t)(end_us / MINUTE_US);
    snprintf(r->camera, sizeof(r->camera), "%s", camera);
    snprintf(r->path, sizeof(r->path), "recordings/%s/%lld-%d.mp4", camera, (long long)end_us,
             view);
    assert_int_equal(ix->ops->apply(ix, &c, 1, NULL), 0);
}

/* Root of the list of an hour, checked line by line; how many recordings it has. */
static int read_list(const char *name, char root_hex[65])
{
    static char text[65536];
    char path[200];
    struct tlog_manifest_reader r;
    struct tlog_manifest_line l;
    struct tlog_root root = {0};
    struct tlog_hash leaf;
    struct err e = {0};
    int got, n = 0;
    snprintf(path, sizeof(path), "%s/manifests/%s", dir, name);
    FILE *f = fopen(path, "r");
    if (!f)
        return -1;
    size_t len = fread(text, 1, sizeof(text), f);
    fclose(f);
    if (tlog_manifest_open(text, len, &r, &e) < 0)
        fail_msg("%s", e.text);
    while ((got = tlog_manifest_next(&r, &l, &leaf, &e)) > 0) {
        tlog_root_add(&root, &leaf);
        n++;
    }
    if (got < 0)
        fail_msg("%s", e.text);
    tlog_root_get(&root, &leaf);
    for (int i = 0; i < 32; i++)
        snprintf(root_hex + 2 * i, 3, "%02x", leaf.bytes[i]);
    return n;
}

static void test_leaves__every_hour_is_listed(void **state)
{
    char root[65], part[100];
    round_tells();
    record("b", 0, T0 + 20 * MINUTE_US);
    record("a", 0, T0 + 20 * MINUTE_US);
    record("a", 1, T0 + 20 * MINUTE_US);
    clock_fake_advance(&wall,
                       50 * MINUTE_US); /* ten o'clock: files that end now are still being closed */
    assert_int_equal(round_tells(), 0);
    record("a", 0, T0 + 60 * MINUTE_US);
    clock_fake_advance(&wall, 2 * MINUTE_US);
    assert_int_equal(round_tells(), 1);
    must_hold(0, "lethe-log/v1 manifest\nid manifest-20241004T09Z\n");
    must_hold(0, "\nhour 2024-10-04T09:00:00Z\nrecordings 4\n");
    assert_int_equal(read_list("2024-10-04/09Z.manifest", root), 4);
    snprintf(part, sizeof(part), "\nroot %s\n", root);
    must_hold(0, part);
    assert_int_equal(round_tells(), 0);
    clock_fake_advance(&wall, HOUR_US); /* an hour of nothing is an hour */
    assert_int_equal(round_tells(), 1);
    must_hold(0, "\nrecordings 0\n");
    must_hold(0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    record("c", 0, T0 + 3 * HOUR_US);
    clock_fake_advance(&wall, 5 * HOUR_US); /* away for hours: one list for what there is */
    assert_int_equal(round_tells(), 1);
    must_hold(0, "hour 2024-10-04T15:00:00Z\nrecordings 1\n");
    wall.wall -= 3 * HOUR_US; /* a clock that goes back makes no second list of an hour */
    assert_int_equal(round_tells(), 0);
}

static void test_leaves__a_list_without_its_entry_is_written_anew(void **state)
{
    char root[65], path[300];
    round_tells();
    record("a", 0, T0 + 20 * MINUTE_US);
    clock_fake_advance(&wall, 52 * MINUTE_US);
    snprintf(path, sizeof(path),
             "mkdir -p %s/manifests/2024-10-04; echo rubbish >%s/manifests/2024-10-04/09Z.manifest",
             dir, dir);
    assert_int_equal(system(path), 0);
    assert_int_equal(round_tells(), 1);
    assert_int_equal(read_list("2024-10-04/09Z.manifest", root), 1);
    /* without the volume nothing is written, and told when it is back */
    clock_fake_advance(&wall, HOUR_US);
    snprintf(path, sizeof(path), "mv %s/volume-id %s/gone", dir, dir);
    assert_int_equal(system(path), 0);
    assert_int_equal(round_tells(), 0);
    assert_int_equal(read_list("2024-10-04/10Z.manifest", root), -1);
    snprintf(path, sizeof(path), "mv %s/gone %s/volume-id", dir, dir);
    assert_int_equal(system(path), 0);
    assert_int_equal(round_tells(), 1);
}

static void test_leaves__old_lists_go(void **state)
{
    char path[300], root[65];
    round_tells();
    clock_fake_advance(&wall, 52 * MINUTE_US);
    assert_int_equal(round_tells(), 1);
    clock_fake_advance(&wall, 399 * DAY_US);
    round_tells();
    assert_int_equal(read_list("2024-10-04/09Z.manifest", root), 0);
    clock_fake_advance(&wall, 2 * DAY_US);
    round_tells();
    assert_int_equal(read_list("2024-10-04/09Z.manifest", root), -1);
    snprintf(path, sizeof(path), "%s/manifests/2024-10-04", dir);
    assert_true(access(path, F_OK) < 0);
}

static void test_leaves__erasures_when_their_hour_is_over(void **state)
{
    struct index_change c = {.kind = INDEX_ADD_ERASURE};
    round_tells();
    c.erasure = (struct index_erasure){T0, "retention", 10, 1, T0 - 30 * DAY_US, T0 - 29 * DAY_US};
    assert_int_equal(ix->ops->apply(ix, &c, 1, NULL), 0);
    c.erasure = (struct index_erasure){T0, "retention", 5, 1, T0 - 31 * DAY_US, T0 - 30 * DAY_US};
    assert_int_equal(ix->ops->apply(ix, &c, 1, NULL), 0);
    c.erasure = (struct index_erasure){T0, "disk-full", 1, 0, T0 - DAY_US, T0 - DAY_US};
    assert_int_equal(ix->ops->apply(ix, &c, 1, NULL), 0);
    assert_int_equal(round_tells(), 0);
    clock_fake_advance(&wall, 52 * MINUTE_US);
    assert_int_equal(round_tells(), 3);
    must_hold(1, "reason disk-full\nrecordings 1\nshare-files 0\n");
    must_hold(2, "id erasure-20241004T09Z-retention\n");
    must_hold(2, "reason retention\nrecordings 15\nshare-files 2\nfirst-epoch "
                 "2024-09-03T09:00:00Z\nlast-epoch 2024-09-05T09:00:00Z\n");
    assert_int_equal(round_tells(), 0);
}

static void test_leaves__holds_and_masking(void **state)
{
    struct index_hold h = {"h-1", "gate-1", T0, T0 + HOUR_US, T0 + HOUR_US, "court-order", T0};
    round_tells();
    assert_int_equal(ix->ops->hold_put(ix, &h, NULL), 0);
    assert_int_equal(ix->ops->hold_put(ix, &h, NULL), E_EXISTS);
    leaves_note_masking(leaves, "gate-1", false);
    leaves_note_masking(leaves, NULL, true);
    assert_int_equal(round_tells(), 3);
    must_hold(0, "hold h-1\nchange added\ncamera gate-1\n");
    must_hold(1, "camera gate-1\nchange failed\n");
    must_hold(2, "\nat 2024-10-04T09:10:00Z\nchange works\n");
    clock_fake_advance(&wall, 50 * MINUTE_US); /* its end */
    assert_int_equal(round_tells(), 1);
    must_hold(0, "hold h-1\nchange ended\n");
    assert_int_equal(round_tells(), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_leaves__a_start_and_its_promises),
        T(test_leaves__every_hour_is_listed),
        T(test_leaves__a_list_without_its_entry_is_written_anew),
        T(test_leaves__old_lists_go),
        T(test_leaves__erasures_when_their_hour_is_over),
        T(test_leaves__holds_and_masking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
