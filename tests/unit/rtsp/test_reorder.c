/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "row.h"

#include "rtsp/reorder.h"

struct seen {
    int n;
    int seq[4096];
};

static void deliver(void *user, const uint8_t *p, size_t n)
{
    struct seen *s = user;
    s->seq[s->n++] = p[0] << 8 | p[1];
}

/* The wait for packets before the first one is taken as over. */
static void push(struct reorder *r, int seq, int64_t now, struct seen *out)
{
    uint8_t p[2] = {(uint8_t)(seq >> 8), (uint8_t)seq};
    bool first = !r->started;
    reorder_push(r, (uint16_t)seq, p, 2, now, deliver, out);
    if (first)
        reorder_expire(r, now + REORDER_WAIT_US, deliver, out);
}

static void test_reorder__first_sent_comes_second(void **state)
{
    struct reorder r;
    struct seen out = {0};
    reorder_init(&r);
    for (int i = 0; i < 4; i++) { /* 1 0 3 2 */
        uint8_t p[2] = {0, (uint8_t)(i ^ 1)};
        reorder_push(&r, (uint16_t)(i ^ 1), p, 2, 0, deliver, &out);
    }
    assert_int_equal(out.n, 0);
    reorder_expire(&r, REORDER_WAIT_US, deliver, &out);
    assert_int_equal(out.n, 4);
    for (int i = 0; i < 4; i++)
        assert_int_equal(out.seq[i], i);
    reorder_release(&r);
}

static void test_reorder__rows(void **state)
{
    static const struct {
        const char *name;
        int in[8], n_in;
        int out[8], n_out;
    } rows[] = {
        {"in order", {1, 2, 3}, 3, {1, 2, 3}, 3},
        {"two swapped", {1, 3, 2, 4}, 4, {1, 2, 3, 4}, 4},
        {"turned round", {1, 5, 4, 3, 2}, 5, {1, 2, 3, 4, 5}, 5},
        {"duplicate of a delivered one", {1, 2, 2, 3}, 4, {1, 2, 3}, 3},
        {"duplicate of a waiting one", {1, 3, 3, 2}, 4, {1, 2, 3}, 3},
        {"over the wrap", {65534, 0, 65535, 1}, 4, {65534, 65535, 0, 1}, 4},
        {"hole stays closed", {1, 3, 4}, 3, {1}, 1},
        {"hole given up when the places are used up", {1, 3, 67}, 3, {1, 3}, 2},
        {"far ahead", {1, 30000, 30001}, 3, {1, 30000, 30001}, 3},
        {"late", {5, 6, 4, 7}, 4, {5, 6, 7}, 3},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct reorder r;
        struct seen out = {0};
        reorder_init(&r);
        for (int k = 0; k < rows[i].n_in; k++)
            push(&r, rows[i].in[k], 0, &out);
        CHECK_INT(&rows[i], out.n, rows[i].n_out);
        for (int k = 0; k < out.n; k++)
            CHECK_INT(&rows[i], out.seq[k], rows[i].out[k]);
        reorder_release(&r);
    }
}

static void test_reorder__old_hole_is_given_up(void **state)
{
    struct reorder r;
    struct seen out = {0};
    reorder_init(&r);
    push(&r, 1, 0, &out);
    push(&r, 3, 10, &out);
    push(&r, 5, 20, &out);
    reorder_expire(&r, REORDER_WAIT_US - 1, deliver, &out);
    assert_int_equal(out.n, 1);
    reorder_expire(&r, REORDER_WAIT_US + 10, deliver, &out);
    assert_int_equal(out.n, 2);
    reorder_expire(&r, REORDER_WAIT_US + 20, deliver, &out);
    assert_int_equal(out.n, 3);
    reorder_release(&r);
}

static void test_reorder__sender_began_anew(void **state)
{
    struct reorder r;
    struct seen out = {0};
    reorder_init(&r);
    push(&r, 5000, 0, &out);
    for (int i = 0; i < 40; i++)
        push(&r, 100 + i, 0, &out);
    assert_true(out.n >= 20);
    assert_int_equal(out.seq[out.n - 1], 139);
    reorder_release(&r);
}

/* Shuffled inside a window, with losses and duplicates: what comes out rises and nothing comes twice. */
static void test_reorder__random(void **state)
{
    struct reorder r;
    struct seen out = {0};
    unsigned seed = 3;
    reorder_init(&r);
    int window[8];
    for (int base = 0; base < 2000; base += 8) {
        for (int i = 0; i < 8; i++)
            window[i] = base + i;
        for (int i = 7; i > 0; i--) {
            int j = rand_r(&seed) % (i + 1), t = window[i];
            window[i] = window[j], window[j] = t;
        }
        for (int i = 0; i < 8; i++) {
            if (base > 0 && rand_r(&seed) % 50 == 0)
                continue;
            push(&r, window[i], 0, &out);
            if (rand_r(&seed) % 20 == 0)
                push(&r, window[i], 0, &out);
        }
    }
    for (int i = 1; i < out.n; i++)
        assert_true(out.seq[i] > out.seq[i - 1]);
    assert_true(out.n > 1800);
    reorder_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reorder__rows),
        cmocka_unit_test(test_reorder__first_sent_comes_second),
        cmocka_unit_test(test_reorder__old_hole_is_given_up),
        cmocka_unit_test(test_reorder__sender_began_anew),
        cmocka_unit_test(test_reorder__random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
