/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The hub with a recorder that the test plays: what newcomers get, how slow viewers are thinned, what an end looks like. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/live.h"
#include "media/live_wire.h"

#define PATIENCE_MS 20000
#define FRAGMENT 1000

struct fixture {
    char dir[64];
    int server, client;
    struct live_hub *hub;
    struct buf said; /* of the hub: its subscriptions */
};

static int listen_at(const char *dir)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof(a.sun_path), "%s/live.sock", dir);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    unlink(a.sun_path);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(fd, 4), 0);
    return fd;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    snprintf(f->dir, sizeof(f->dir), "/tmp/lethe-live-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->server = listen_at(f->dir);
    f->client = -1;
    buf_init(&f->said, 0);
    *state = f;
    return live_hub_new(f->dir, &clock_system, &f->hub, NULL);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[100];
    live_hub_free(f->hub);
    close(f->client);
    close(f->server);
    buf_release(&f->said);
    snprintf(command, sizeof(command), "rm -rf %s", f->dir);
    free(f);
    return system(command);
}

/* ---- the recorder ---- */

static void accept_hub(struct fixture *f)
{
    f->client = accept(f->server, NULL, NULL);
    assert_true(f->client >= 0);
    f->said.len = 0;
}

/* Read until the hub has said @what. */
static void hear(struct fixture *f, const char *what)
{
    for (;;) {
        if (f->said.len && memmem(f->said.data, f->said.len, what, strlen(what)))
            return;
        buf_reserve(&f->said, 4096);
        ssize_t n = read(f->client, f->said.data + f->said.len, 4096);
        assert_true(n > 0);
        f->said.len += (size_t)n;
    }
}

static void say(struct fixture *f, enum live_type type, const char *camera, bool key, int64_t utc,
                const char *text, size_t size)
{
    struct live_message m = {.type = type, .key = key, .utc_us = utc, .size = size};
    uint8_t *data = calloc(1, size);
    struct buf b;
    memcpy(data, text, strlen(text) < size ? strlen(text) : size);
    m.data = data;
    snprintf(m.camera, sizeof(m.camera), "%s", camera);
    buf_init(&b, 0);
    assert_int_equal(live_wire_build(&m, &b), 0);
    for (size_t at = 0; at < b.len;) {
        ssize_t n = send(f->client, b.data + at, b.len - at, MSG_NOSIGNAL);
        assert_true(n > 0);
        at += (size_t)n;
    }
    buf_release(&b);
    free(data);
}

static void say_state(struct fixture *f, const char *camera)
{
    static const char text[] = "{\"state\":\"mosaic\",\"reason\":\"test\"}";
    say(f, LIVE_STATE, camera, false, 0, text, sizeof(text) - 1);
}

/* ---- viewers ---- */

static bool yes(void *user)
{
    return *(int *)user;
}

static void nothing(void *user)
{
    (void)user;
}

static int allowed = 1;

static struct live_viewer *watch(struct fixture *f, enum live_kind kind, const char *camera,
                                 const char *other)
{
    char id[2][64];
    struct live_viewer *v = NULL;
    const struct live_right right = {yes, nothing, &allowed};
    snprintf(id[0], 64, "%s", camera);
    snprintf(id[1], 64, "%s", other ? other : "");
    assert_int_equal(
        live_viewer_new(f->hub, kind, (const char(*)[64])id, other ? 2 : 1, &right, &v, NULL), 0);
    return v;
}

static ssize_t read_some(struct live_viewer *v, void *to, size_t max)
{
    ssize_t n = E_BUSY;
    for (int i = 0; n == E_BUSY && i < PATIENCE_MS; i++) {
        n = live_viewer_ops.read(v, 0, to, max);
        if (n == E_BUSY)
            usleep(1000);
    }
    return n;
}

/* The next message: its type, and what it says. Heartbeats are passed over. 0 at the end. */
static int next(struct live_viewer *v, struct buf *in, char text[64])
{
    for (;;) {
        struct live_message m;
        if (in->len >= 5 && in->data[4] == 'H') {
            buf_consume(in, 5);
            continue;
        }
        int n = live_wire_parse(in->data, in->len, LIVE_MESSAGE_MAX, &m);
        assert_true(n >= 0);
        if (n > 0) {
            snprintf(text, 64, "%.*s", (int)(m.size < 63 ? m.size : 63), (const char *)m.data);
            int type = m.type == LIVE_FRAGMENT && m.key ? 'K' : (int)m.type;
            buf_consume(in, (size_t)n);
            return type;
        }
        buf_reserve(in, 65536);
        ssize_t got = read_some(v, in->data + in->len, 65536);
        if (got <= 0)
            return (int)got;
        in->len += (size_t)got;
    }
}

static void expect(struct live_viewer *v, struct buf *in, int type, const char *text)
{
    char got[64];
    assert_int_equal(next(v, in, got), type);
    if (text)
        assert_string_equal(got, text);
}

static void test_live__newcomers_have_a_picture_at_once(void **state)
{
    struct fixture *f = *state;
    struct buf a, b;
    buf_init(&a, 0), buf_init(&b, 0);
    struct live_viewer *one = watch(f, LIVE_MESSAGES, "gate", NULL);
    accept_hub(f);
    hear(f, "{\"cameras\":[\"gate\"]}");
    say_state(f, "gate");
    say(f, LIVE_INIT, "gate", false, 0, "head", 10);
    say(f, LIVE_FRAGMENT, "gate", true, 1000000, "k1", FRAGMENT);
    say(f, LIVE_FRAGMENT, "gate", false, 1200000, "f1", FRAGMENT);
    say(f, LIVE_FRAGMENT, "gate", true, 5000000, "k2", FRAGMENT);
    say(f, LIVE_FRAGMENT, "gate", false, 5200000, "f2", FRAGMENT);
    say(f, LIVE_FRAGMENT, "yard", true, 5200000, "nobody asked", FRAGMENT);
    expect(one, &a, 'C', NULL);
    expect(one, &a, 'I', "head");
    expect(one, &a, 'K', "k1");
    expect(one, &a, 'F', "f1");
    expect(one, &a, 'K', "k2");
    expect(one, &a, 'F', "f2");
    struct live_viewer *two = watch(f, LIVE_MESSAGES, "gate", "yard");
    expect(two, &b, 'C', NULL);
    expect(two, &b, 'I', "head");
    expect(two, &b, 'K', "k2"); /* what came before is of no use to a decoder */
    expect(two, &b, 'F', "f2");
    hear(f, "{\"cameras\":[\"gate\",\"yard\"]}");
    live_viewer_ops.free(two);
    f->said.len = 0;
    hear(f, "{\"cameras\":[\"gate\"]}");
    live_viewer_ops.free(one);
    buf_release(&a), buf_release(&b);
}

static void test_live__slow_viewer_is_thinned(void **state)
{
    struct fixture *f = *state;
    struct buf a;
    char text[64];
    size_t seen = 0, keys = 0;
    int before = 0, last = -1, type;
    buf_init(&a, 0);
    struct live_viewer *slow = watch(f, LIVE_MESSAGES, "gate", NULL),
                       *fast = watch(f, LIVE_MESSAGES, "gate", NULL);
    struct buf b;
    buf_init(&b, 0);
    accept_hub(f);
    hear(f, "gate");
    say(f, LIVE_INIT, "gate", false, 0, "head", 10);
    expect(fast, &b, 'I', "head");
    for (int i = 0; i < 400; i++) { /* 40 MB: ten times what a queue holds */
        char name[16];
        snprintf(name, sizeof(name), "%d", i);
        say(f, LIVE_FRAGMENT, "gate", i % 10 == 0, i * 200000, name, 100000);
        expect(fast, &b, i % 10 ? 'F' : 'K', name);
    }
    say_state(f, "gate");
    expect(fast, &b, 'C', NULL);
    expect(slow, &a, 'I', "head");
    while ((type = next(slow, &a, text)) != 'C') {
        int number = (int)strtol(text, NULL, 10);
        assert_true(type == 'F' || type == 'K');
        assert_true(number > last);
        assert_true(number == last + 1 || type == 'K'); /* a gap ends with a key frame */
        before += number != last + 1;
        keys += type == 'K';
        last = number;
        seen++;
    }
    assert_true(before >= 1 && keys >= 1);
    assert_true(seen * 100000 <= LIVE_QUEUE_BYTES * 3 / 2); /* the queue had a ceiling */
    assert_true(last >= 390);                               /* and what is there is new */
    live_viewer_ops.free(slow);
    live_viewer_ops.free(fast);
    buf_release(&a), buf_release(&b);
}

static void test_live__recorder_goes_and_comes(void **state)
{
    struct fixture *f = *state;
    struct buf a;
    char text[64], why[24], reason[200];
    buf_init(&a, 0);
    struct live_viewer *v = watch(f, LIVE_MESSAGES, "gate", NULL);
    accept_hub(f);
    hear(f, "gate");
    say_state(f, "gate");
    say(f, LIVE_INIT, "gate", false, 0, "one", 10);
    say(f, LIVE_FRAGMENT, "gate", true, 0, "k", FRAGMENT);
    expect(v, &a, 'C', NULL);
    assert_true(live_state(f->hub, "gate", why, reason));
    assert_string_equal(why, "mosaic");
    expect(v, &a, 'I', "one");
    expect(v, &a, 'K', "k");
    close(f->client);
    assert_int_equal(next(v, &a, text), 'C');
    assert_non_null(strstr(text, "\"none\""));
    accept_hub(f);
    hear(f, "gate");
    say(f, LIVE_INIT, "gate", false, 0, "two", 10);
    expect(v, &a, 'I', "two");
    assert_false(live_state(f->hub, "other", why, reason));
    live_viewer_ops.free(v);
    buf_release(&a);
}

static void test_live__garbage_is_hung_up_on(void **state)
{
    struct fixture *f = *state;
    struct buf a;
    char text[64];
    buf_init(&a, 0);
    struct live_viewer *v = watch(f, LIVE_MESSAGES, "gate", NULL);
    accept_hub(f);
    hear(f, "gate");
    assert_int_equal(write(f->client, "\xff\xff\xff\xff garbage", 12), 12);
    assert_int_equal(next(v, &a, text), 'C');
    assert_non_null(strstr(text, "\"none\""));
    close(f->client);
    accept_hub(f); /* it comes again */
    hear(f, "gate");
    live_viewer_ops.free(v);
    buf_release(&a);
}

static void test_live__file_has_one_head(void **state)
{
    struct fixture *f = *state;
    uint8_t data[8192];
    size_t n = 0;
    ssize_t got;
    struct live_viewer *v = watch(f, LIVE_MP4, "gate", NULL);
    accept_hub(f);
    hear(f, "gate");
    say_state(f, "gate");
    say(f, LIVE_INIT, "gate", false, 0, "head", 10);
    say(f, LIVE_FRAGMENT, "gate", false, 0, "middle", FRAGMENT);
    say(f, LIVE_FRAGMENT, "gate", true, 0, "key", FRAGMENT);
    say(f, LIVE_INIT, "gate", false, 0, "another", 10);
    while ((got = read_some(v, data + n, sizeof(data) - n)) > 0)
        n += (size_t)got;
    assert_int_equal(got, 0); /* it ends where the other stream begins */
    assert_int_equal(n, 10 + FRAGMENT);
    assert_string_equal((char *)data, "head");
    assert_string_equal((char *)data + 10, "key");
    live_viewer_ops.free(v);
}

static void test_live__right_ends(void **state)
{
    struct fixture *f = *state;
    struct buf a;
    char text[64];
    buf_init(&a, 0);
    struct live_viewer *v = watch(f, LIVE_MESSAGES, "gate", NULL);
    accept_hub(f);
    hear(f, "gate");
    say_state(f, "gate");
    expect(v, &a, 'C', NULL);
    __atomic_store_n(&allowed, 0, __ATOMIC_SEQ_CST);
    assert_int_equal(next(v, &a, text), 0);
    __atomic_store_n(&allowed, 1, __ATOMIC_SEQ_CST);
    live_viewer_ops.free(v);
    buf_release(&a);
}

static void *ask_playlist(void *user)
{
    struct fixture *f = user;
    struct buf *out = calloc(1, sizeof(*out));
    struct err e = {0};
    buf_init(out, 0);
    int r = E_BUSY;
    for (int i = 0; i < 4 && r == E_BUSY; i++)
        r = live_hls_playlist(f->hub, "gate", out, &e);
    assert_int_equal(r, 0);
    return out;
}

static void test_live__hls_from_memory(void **state)
{
    struct fixture *f = *state;
    pthread_t asker;
    struct buf *list, out;
    buf_init(&out, 0);
    assert_int_equal(live_hls_segment(f->hub, "gate", 0, &out), E_NOTFOUND);
    assert_int_equal(pthread_create(&asker, NULL, ask_playlist, f), 0);
    accept_hub(f);
    hear(f, "gate");
    say(f, LIVE_INIT, "gate", false, 0, "head", 10);
    for (int i = 0; i < 9; i++) {
        say(f, LIVE_FRAGMENT, "gate", true, i * INT64_C(4000000), "key", FRAGMENT);
        say(f, LIVE_FRAGMENT, "gate", false, i * INT64_C(4000000) + 2000000, "rest", FRAGMENT);
    }
    pthread_join(asker, (void **)&list);
    char *text = buf_cstr(list);
    assert_non_null(strstr(text, "#EXT-X-MAP:URI=\"live/init-1.mp4\""));
    assert_non_null(strstr(text, "#EXTINF:4.000000,"));
    assert_int_equal(live_hls_init(f->hub, "gate", 1, &out), 0);
    assert_string_equal((char *)out.data, "head");
    out.len = 0;
    int r = E_NOTFOUND;
    for (int i = 0; i < PATIENCE_MS && r < 0; i += 10, usleep(10000))
        r = live_hls_segment(f->hub, "gate", 7, &out);
    assert_int_equal(out.len, 2 * FRAGMENT);
    assert_int_equal(live_hls_segment(f->hub, "gate", 0, &out), E_NOTFOUND); /* six are kept */
    assert_int_equal(live_hls_init(f->hub, "gate", 2, &out), E_NOTFOUND);
    buf_release(list);
    free(list);
    buf_release(&out);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_live__newcomers_have_a_picture_at_once),
        TEST(test_live__slow_viewer_is_thinned),
        TEST(test_live__recorder_goes_and_comes),
        TEST(test_live__garbage_is_hung_up_on),
        TEST(test_live__file_has_one_head),
        TEST(test_live__right_ends),
        TEST(test_live__hls_from_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
