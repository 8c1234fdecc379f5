/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The view's thread between maskers and viewers that the test plays itself: a masker that lies, mixes up, repeats,
 * stops or talks nonsense, and a viewer that does not read.
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "mask/wire.h"
#include "media/live_wire.h"
#include "recorder/camera_mask.h"
#include "recorder/live.h"
#include "recorder/mask_flow.h"

#define T0 (INT64_C(1790000000) * SECOND_US)
#define PATIENCE_MS 20000

static char dir[64];
static struct clock_fake clk;
static struct store *store;
static struct pool *pool;
static struct view *view;
static struct camera_mask *cam[2]; /* one for each masker */
static const char *name[2];

static struct media_params params = {
    2,
    {{25, {0x67, 0x42, 0xc0, 0x16, 0xd9, 0x00, 0xa0, 0x2f, 0xf9, 0x70, 0x11, 0x00, 0x00,
           0x03, 0x00, 0x01, 0x00, 0x00, 0x03, 0x00, 0x14, 0x0f, 0x16, 0x2e, 0x48}},
     {5, {0x68, 0xcb, 0x83, 0xcb, 0x20}}}};

/* ---- a masker ---- */

struct masker {
    int fd;
    struct buf in;
    struct mask_wire m;
    size_t taken;
};
static struct masker masker[2];

static void masker_say(struct masker *k, const struct mask_wire *m)
{
    struct buf out;
    buf_init(&out, 0);
    assert_true(mask_wire_build(m, &out) >= 0);
    assert_int_equal(send(k->fd, out.data, out.len, MSG_NOSIGNAL), out.len);
    buf_release(&out);
}

static void masker_connect(struct masker *k, uint32_t number)
{
    static struct mask_wire hello;
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof(at.sun_path), "%s/run/masker.sock", dir);
    memset(k, 0, sizeof(*k));
    buf_init(&k->in, 0);
    k->fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(k->fd, (const struct sockaddr *)&at, sizeof(at)), 0);
    hello = (struct mask_wire){.type = MASK_WIRE_HELLO, .hello = {MASK_WIRE_VERSION, number}};
    masker_say(k, &hello);
}

static void masker_close(struct masker *k)
{
    if (k->fd >= 0)
        close(k->fd);
    k->fd = -1;
    buf_release(&k->in);
}

/* The next message of the recorder, or NULL when it has hung up. */
static struct mask_wire *masker_hear(struct masker *k)
{
    if (k->taken)
        buf_consume(&k->in, k->taken);
    k->taken = 0;
    for (;;) {
        int n = mask_wire_parse(k->in.data, k->in.len, MASK_WIRE_FROM_RECORDER, &k->m);
        assert_true(n >= 0);
        if (n > 0) {
            k->taken = (size_t)n;
            return &k->m;
        }
        struct pollfd p = {.fd = k->fd, .events = POLLIN};
        if (poll(&p, 1, PATIENCE_MS) != 1)
            fail_msg("the recorder says nothing to its masker");
        assert_true(buf_reserve(&k->in, 1 << 20) >= 0);
        ssize_t got = recv(k->fd, k->in.data + k->in.len, 1 << 20, 0);
        if (got <= 0)
            return NULL;
        k->in.len += (size_t)got;
    }
}

static struct mask_wire *masker_wait(struct masker *k, enum mask_wire_type type)
{
    struct mask_wire *m;
    while ((m = masker_hear(k)) && m->type != type)
        ;
    assert_non_null(m);
    return m;
}

/* The recorder hangs up on it. */
static void masker_is_cut_off(struct masker *k)
{
    while (masker_hear(k))
        ;
}

static struct mask_wire picture_of(uint32_t camera, uint32_t generation, int64_t pts, bool key,
                                   uint8_t *bytes, uint32_t size)
{
    memset(bytes, 0x55, size);
    wr32(bytes, size - 4);
    bytes[4] = key ? 0x65 : 0x41;
    return (struct mask_wire){.type = MASK_WIRE_PICTURE,
                              .camera = camera,
                              .generation = generation,
                              .picture = {.data = bytes,
                                          .size = size,
                                          .key = key,
                                          .pts_ticks = pts,
                                          .width = 640,
                                          .height = 360,
                                          .params = &params,
                                          .state = MASK_MOSAIC,
                                          .reason = "told by the test"}};
}

static void masker_show(struct masker *k, uint32_t camera, uint32_t generation, int64_t pts,
                        bool key, uint32_t size)
{
    static uint8_t bytes[1 << 20];
    static struct mask_wire m;
    m = picture_of(camera, generation, pts, key, bytes, size);
    masker_say(k, &m);
}

static void masker_done(struct masker *k, const struct mask_wire *unit)
{
    static struct mask_wire m;
    m = (struct mask_wire){.type = MASK_WIRE_DONE,
                           .camera = unit->camera,
                           .generation = unit->generation,
                           .done = {unit->unit.sequence}};
    masker_say(k, &m);
}

/* ---- a camera ---- */

static int64_t pts;

static int64_t feed(int which, bool key)
{
    static const uint8_t bytes[] = {0, 0, 0, 2, 0x65, 1};
    clock_fake_advance(&clk, 100000);
    pts += 9000;
    const struct media_au au = {bytes, sizeof(bytes), pts, clk.wall, key};
    camera_mask_unit(cam[which], &au, clk.wall);
    return pts;
}

static void play(int which)
{
    const struct media_track t = {MEDIA_H264, 90000, 640, 360, .params = &params};
    camera_mask_track(cam[which], &t);
    camera_mask_stream(cam[which], true, NULL);
}

/* Feed one, hear it, and answer properly. */
static struct mask_wire *round_trip(int which, bool key, uint32_t size)
{
    int64_t at = feed(which, key);
    struct mask_wire *u = masker_wait(&masker[which], MASK_WIRE_UNIT);
    assert_int_equal(u->unit.au.pts_ticks, at);
    masker_show(&masker[which], u->camera, u->generation, at, key, size);
    masker_done(&masker[which], u);
    return u;
}

/* ---- a viewer ---- */

static struct live_client viewer;

/* The next message. The clock goes on slowly while nothing comes, as a fragment waits half a second for more. */
static struct live_message *hear(void)
{
    static struct live_message m;
    for (int waited = 0; waited < PATIENCE_MS; waited += 100) {
        struct pollfd p = {.fd = viewer.fd, .events = POLLIN};
        int n = live_client_next(&viewer, &m);
        assert_true(n >= 0);
        if (n > 0)
            return &m;
        if (poll(&p, 1, 100) == 1)
            assert_true(live_client_read(&viewer) >= 0);
        else
            clock_fake_advance(&clk, 50000);
    }
    fail_msg("the recorder says nothing to its viewer");
    return NULL;
}

static struct live_message *hear_of(enum live_type type)
{
    struct live_message *m;
    while ((m = hear())->type != type)
        ;
    return m;
}

static void hear_state(const char *camera, const char *state)
{
    for (;;) {
        const struct live_message *m = hear_of(LIVE_STATE);
        char text[2048];
        snprintf(text, sizeof(text), "%.*s", (int)m->size, (const char *)m->data);
        if (strcmp(m->camera, camera) == 0 && strstr(text, state))
            return;
    }
}

static void watch(void)
{
    char run[80];
    const char *const all[] = {"*"};
    snprintf(run, sizeof(run), "%s/run", dir);
    assert_true(live_client_open(&viewer, run, NULL) >= 0);
    assert_true(live_client_subscribe(&viewer, all, 1) >= 0);
}

/* ---- the site ---- */

static int set_up(void **state)
{
    char path[96];
    snprintf(dir, sizeof(dir), "/tmp/lethe-view-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/run", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    clock_fake_init(&clk, T0);
    const struct store_config sc = {
        .data_dir = dir, .clock = &clk.clock, .index_ops = &index_sqlite, .retention_days = 30};
    struct err e = {0};
    if (store_open(&sc, &store, &e) < 0 || pool_new(&pool) < 0)
        fail_msg("%s", e.text);
    const struct view_config vc = {.clock = &clk.clock,
                                   .store = store,
                                   .pool = pool,
                                   .node = "test",
                                   .data_dir = dir,
                                   .epoch_length_us = 10 * MINUTE_US,
                                   .retention_days = 30,
                                   .workers = 2};
    assert_true(view_start(&vc, &view, &e) >= 0);
    pts = 0;
    struct index_camera cfg = {.enabled = true};
    name[0] = "a", name[1] = "b"; /* of masker 0 and of masker 1, by their hashes */
    for (int i = 0; i < 2; i++) {
        snprintf(cfg.id, sizeof(cfg.id), "%s", name[i]);
        cam[i] = camera_mask_open(view, &cfg);
        assert_non_null(cam[i]);
        masker[i].fd = -1;
    }
    viewer.fd = -1;
    return 0;
}

static int tear_down(void **state)
{
    _Atomic bool gone[2] = {false, false};
    char command[100];
    for (int i = 0; i < 2; i++)
        camera_mask_close(cam[i], "removed", &gone[i]);
    for (int i = 0; i < 2; i++)
        while (!atomic_load(&gone[i]))
            usleep(10000);
    view_stop(view);
    for (int i = 0; i < 2; i++)
        masker_close(&masker[i]);
    live_client_close(&viewer);
    store_close(store);
    pool_free(pool);
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command);
}

static void both_play(void)
{
    for (int i = 0; i < 2; i++)
        play(i);
    for (uint32_t i = 0; i < 2; i++)
        masker_connect(&masker[i], i);
    for (int i = 0; i < 2; i++)
        masker_wait(&masker[i], MASK_WIRE_TRACK);
    watch();
}

static struct camera_mask_status status_of(int which)
{
    struct camera_mask_status s;
    camera_mask_read_status(cam[which], &s);
    return s;
}

/* ---- */

static void test_view__pictures_reach_viewers_and_files(void **state)
{
    both_play();
    round_trip(0, true, 100);
    for (int i = 0; i < 12; i++)
        round_trip(0, false, 100);
    const struct live_message *m = hear_of(LIVE_INIT);
    assert_string_equal(m->camera, name[0]);
    assert_memory_equal(m->data + 4, "ftyp", 4);
    m = hear_of(LIVE_FRAGMENT);
    assert_true(m->key);
    assert_int_equal(m->utc_us, T0 + 100000); /* the recorder's time, not the masker's */
    assert_memory_equal(m->data + 4, "moof", 4);
    m = hear_of(LIVE_FRAGMENT);
    assert_false(m->key);
    for (int i = 0; i < 200 && status_of(0).frames < 5; i++) {
        clock_fake_advance(&clk, 100000);
        usleep(50000);
    }
    assert_true(status_of(0).frames >= 5);
    assert_int_equal(status_of(0).masker, 0);
    assert_int_equal(status_of(1).frames, 0);
}

static void test_view__foreign_and_old_pictures_are_dropped(void **state)
{
    both_play();
    const struct mask_wire *u = round_trip(0, true, 100);
    uint32_t number = u->camera, generation = u->generation;
    hear_of(LIVE_INIT);
    round_trip(1, true, 100);
    uint32_t other = masker[1].m.camera, other_generation = masker[1].m.generation;
    assert_true(number != other);
    int64_t other_at = feed(1, false), at = feed(0, false);
    masker_wait(&masker[1], MASK_WIRE_UNIT);
    masker_wait(&masker[0], MASK_WIRE_UNIT);

    masker_show(&masker[0], other, other_generation, other_at, false, 201); /* not its camera */
    masker_show(&masker[0], number, generation - 1, at, false, 202);        /* of before */
    masker_show(&masker[0], number, generation + 1, at, false, 203);        /* of never */
    masker_show(&masker[0], number, generation, at + 1, false, 204);        /* never sent */
    masker_show(&masker[0], 4711, generation, at, false, 205);              /* no camera at all */
    masker_show(&masker[0], number, generation, at, true, 110);             /* the right one */
    masker_show(&masker[0], number, generation, at, true, 206);             /* twice */
    int64_t last = feed(0, true);
    masker_wait(&masker[0], MASK_WIRE_UNIT);
    masker_show(&masker[0], number, generation, last, true, 120);
    bool right = false, end = false;
    while (!end) {
        const struct live_message *m = hear_of(LIVE_FRAGMENT);
        assert_true(strcmp(m->camera, name[0]) == 0 || strcmp(m->camera, name[1]) == 0);
        for (size_t i = 0; i + 4 <= m->size; i++) { /* lengths of NAL units tell pictures apart */
            uint32_t nal = rd32(m->data + i) + 4;
            assert_false(nal > 200 && nal < 207);
            right = right || nal == 110;
            end = end || nal == 120;
        }
    }
    assert_true(right);
}

static void test_view__a_stream_that_begins_anew_is_another_generation(void **state)
{
    both_play();
    uint32_t generation = round_trip(0, true, 100)->generation;
    hear_of(LIVE_FRAGMENT);
    int64_t at = feed(0, false);
    masker_wait(&masker[0], MASK_WIRE_UNIT);
    camera_mask_stream(cam[0], false, "cable");
    hear_state(name[0], "no-stream");
    camera_mask_stream(cam[0], true, NULL);
    const struct mask_wire *m = masker_wait(&masker[0], MASK_WIRE_FORGET);
    assert_true(m->generation > generation);
    uint32_t number = m->camera;
    masker_show(&masker[0], number, generation, at, false, 100);    /* still of the old one */
    masker_show(&masker[0], number, m->generation, at, false, 100); /* never sent in the new one */
    feed(0, false); /* a stream begins with a key frame */
    int64_t key = feed(0, true);
    m = masker_wait(&masker[0], MASK_WIRE_UNIT);
    assert_int_equal(m->unit.au.pts_ticks, key);
    assert_false(m->unit.au.loss);
    masker_show(&masker[0], number, m->generation, key, true, 100);
    hear_state(name[0], "mosaic");
}

static void test_view__late_masker(void **state)
{
    both_play();
    round_trip(0, true, 100);
    hear_state(name[0], "mosaic");
    int64_t at = feed(0, false);
    const struct mask_wire *u = masker_wait(&masker[0], MASK_WIRE_UNIT);
    uint32_t number = u->camera, generation = u->generation;
    clock_fake_advance(&clk, MASK_LATE_US + 100000);
    hear_state(name[0], "late");
    feed(0, true); /* dropped: the masker has to catch up first */
    masker_show(&masker[0], number, generation, at, false, 200); /* too late to be shown */
    masker_done(&masker[0], &masker[0].m);
    usleep(300000);
    int64_t key = feed(0, true);
    u = masker_wait(&masker[0], MASK_WIRE_UNIT);
    assert_int_equal(u->unit.au.pts_ticks, key);
    assert_true(u->unit.au.loss);
    masker_show(&masker[0], number, generation, key, true, 100);
    const struct live_message *m;
    while (strcmp((m = hear_of(LIVE_FRAGMENT))->camera, name[0]) != 0 ||
           m->utc_us < clk.wall - 2000000)
        ;
    assert_true(m->key);
}

static void test_view__a_masker_that_breaks_the_protocol_is_cut_off(void **state)
{
    both_play();
    round_trip(0, true, 100);
    hear_state(name[0], "mosaic");
    static struct mask_wire lie;
    lie = (struct mask_wire){.type = MASK_WIRE_DONE,
                             .camera = masker[0].m.camera,
                             .generation = masker[0].m.generation,
                             .done = {77}}; /* never sent */
    masker_say(&masker[0], &lie);
    masker_is_cut_off(&masker[0]);
    hear_state(name[0], "no-masker");
    assert_int_equal(view_maskers(view), 1);
    masker_close(&masker[0]);
    masker_connect(&masker[0], 0);
    masker_wait(&masker[0], MASK_WIRE_OPEN);
    assert_int_equal(send(masker[0].fd, "\0\0\0\x9X\0\0\0\0\0\0\0\0", 13, MSG_NOSIGNAL), 13);
    masker_is_cut_off(&masker[0]);
    masker_close(&masker[0]);
    masker_connect(&masker[0], 2); /* there are two: 0 and 1 */
    masker_is_cut_off(&masker[0]);
    masker_close(&masker[0]);
    masker_connect(&masker[0], 0);
    masker_wait(&masker[0], MASK_WIRE_OPEN);
    masker_say(&masker[0], &(struct mask_wire){.type = MASK_WIRE_HELLO,
                                               .hello = {MASK_WIRE_VERSION, 0}}); /* again */
    masker_is_cut_off(&masker[0]);
}

static void test_view__a_new_masker_takes_the_place_of_the_old(void **state)
{
    struct masker second;
    both_play();
    uint32_t generation = round_trip(0, true, 100)->generation;
    int64_t at = feed(0, false);
    uint32_t number = masker_wait(&masker[0], MASK_WIRE_UNIT)->camera;
    masker_connect(&second, 0);
    const struct mask_wire *m = masker_wait(&second, MASK_WIRE_OPEN);
    assert_int_equal(m->camera, number);
    assert_true(m->generation > generation);
    masker_is_cut_off(&masker[0]);
    masker_show(&second, number, m->generation, at, false, 100); /* it was never given that one */
    int64_t key = feed(0, true);
    m = masker_wait(&second, MASK_WIRE_UNIT);
    assert_int_equal(m->unit.au.pts_ticks, key);
    masker_close(&second);
}

static void test_view__a_viewer_that_does_not_read_is_thinned(void **state)
{
    enum { PICTURES = 300, SIZE = 100000 };
    both_play();
    round_trip(0, true, SIZE);
    hear_of(LIVE_FRAGMENT);
    int64_t before = clk.wall;
    for (int i = 1; i < PICTURES; i++) /* 30 MB that nobody reads */
        round_trip(0, i % 20 == 0, SIZE);
    usleep(300000);
    uint64_t bytes = 0;
    bool hole = false;
    struct live_message m;
    while (!hole) {
        struct pollfd p = {.fd = viewer.fd, .events = POLLIN};
        int n = live_client_next(&viewer, &m);
        if (n == 0 && poll(&p, 1, 500) == 0)
            round_trip(0, true, 100); /* all is read: from this key frame on there is room again */
        else if (n == 0)
            assert_true(live_client_read(&viewer) >= 0);
        if (n == 0 || m.type != LIVE_FRAGMENT)
            continue;
        bytes += m.size;
        hole = m.utc_us - before > 500000;
        assert_true(!hole || m.key); /* after a hole only a key frame can be shown */
        before = m.utc_us;
    }
    assert_true(bytes > LIVE_QUEUE_BYTES / 2 && bytes < 2 * LIVE_QUEUE_BYTES);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* as the recorder does: a masker may go while it is written to */
#define CASE(name) cmocka_unit_test_setup_teardown(test_view__##name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(pictures_reach_viewers_and_files),
        CASE(foreign_and_old_pictures_are_dropped),
        CASE(a_stream_that_begins_anew_is_another_generation),
        CASE(late_masker),
        CASE(a_masker_that_breaks_the_protocol_is_cut_off),
        CASE(a_new_masker_takes_the_place_of_the_old),
        CASE(a_viewer_that_does_not_read_is_thinned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
