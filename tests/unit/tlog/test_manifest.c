/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Lists of recordings: one spelling, order, and a root that is that of the log's own trees. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tlog/manifest.h"

/* RFC 6962 §2.1 as it is written there. */
static void root_by_the_book(const struct tlog_hash *leaf, size_t n, struct tlog_hash *ret)
{
    struct tlog_hash left, right;
    size_t k = 1;
    if (n == 0) {
        tlog_empty_hash(ret);
        return;
    }
    if (n == 1) {
        *ret = leaf[0];
        return;
    }
    while (k * 2 < n)
        k *= 2;
    root_by_the_book(leaf, k, &left);
    root_by_the_book(leaf + k, n - k, &right);
    tlog_node_hash(&left, &right, ret);
}

static void test_manifest__root_is_that_of_the_standard(void **state)
{
    static struct tlog_hash leaf[300];
    struct tlog_root r = {0};
    for (size_t n = 0; n < 300; n++) {
        struct tlog_hash want, got;
        root_by_the_book(leaf, n, &want);
        tlog_root_get(&r, &got);
        if (!tlog_hash_equal(&want, &got))
            fail_msg("%zu leaves", n);
        tlog_leaf_hash(&n, sizeof(n), &leaf[n]);
        tlog_root_add(&r, &leaf[n]);
    }
}

static struct tlog_manifest_line line(const char *camera, const char *view, int64_t start)
{
    struct tlog_manifest_line l = {
        .start_us = start, .end_us = start + 5, .frames = 25, .bytes = 1000};
    snprintf(l.camera, sizeof(l.camera), "%s", camera);
    snprintf(l.view, sizeof(l.view), "%s", view);
    snprintf(l.path, sizeof(l.path), "recordings/%s/2026-11-26/%lldZ-%s.mp4", camera,
             (long long)start, view);
    memset(l.kid, 7, sizeof(l.kid));
    memset(l.manifest, 9, sizeof(l.manifest));
    return l;
}

static void put_list(struct buf *out)
{
    struct tlog_manifest_head h = {"town-hall", INT64_C(1800000000000000), 3};
    struct tlog_manifest_line l[] = {line("a", "masked", 10), line("a", "sealed", 10),
                                     line("b", "sealed", 5)};
    buf_init(out, 1 << 20);
    assert_int_equal(tlog_manifest_put_head(&h, out), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(tlog_manifest_put_line(&l[i], out), 0);
}

static int read_all(const char *text, size_t len, int *ret_lines)
{
    struct tlog_manifest_reader r;
    struct tlog_manifest_line l;
    struct tlog_hash leaf;
    int got = tlog_manifest_open(text, len, &r, NULL);
    for (*ret_lines = 0; got >= 0 && (got = tlog_manifest_next(&r, &l, &leaf, NULL)) > 0;)
        ++*ret_lines;
    return got;
}

static void test_manifest__is_read_as_it_is_written(void **state)
{
    struct buf b;
    struct tlog_manifest_reader r;
    struct tlog_manifest_line l, want = line("a", "masked", 10);
    struct tlog_hash leaf, by_hand;
    int n;
    put_list(&b);
    assert_int_equal(read_all((char *)b.data, b.len, &n), 0);
    assert_int_equal(n, 3);
    assert_int_equal(tlog_manifest_open((char *)b.data, b.len, &r, NULL), 0);
    assert_string_equal(r.head.node, "town-hall");
    char *first = (char *)b.data + r.at;
    assert_int_equal(tlog_manifest_next(&r, &l, &leaf, NULL), 1);
    assert_string_equal(l.path, want.path);
    assert_memory_equal(l.manifest, want.manifest, 32);
    tlog_leaf_hash(first, (size_t)(strchr(first, '\n') - first), &by_hand);
    assert_true(tlog_hash_equal(&leaf, &by_hand));
    buf_release(&b);
}

static void test_manifest__every_byte_matters(void **state)
{
    struct buf b;
    int n;
    put_list(&b);
    for (size_t cut = 0; cut < b.len; cut++)
        assert_true(read_all((char *)b.data, cut, &n) < 0);
    for (size_t i = 0; i < b.len; i++) { /* a byte that is none of this text's makes it none */
        uint8_t was = b.data[i];
        static const char others[] = {'\0', '\n', ' ', '\t', 'G', '\xff'};
        for (size_t k = 0; k < sizeof(others); k++) {
            b.data[i] = (uint8_t)others[k];
            bool in_path = others[k] == 'G' && was != 'G'; /* a letter may stand in a path */
            if (b.data[i] != was && !in_path && read_all((char *)b.data, b.len, &n) >= 0)
                fail_msg("byte %zu as %d", i, others[k]);
        }
        b.data[i] = was;
    }
    buf_append(&b, "\n", 1);
    assert_true(read_all((char *)b.data, b.len, &n) < 0);
    buf_release(&b);
}

static void test_manifest__order_and_doubles(void **state)
{
    struct tlog_manifest_head h = {"n", 0, 2};
    struct tlog_manifest_line a = line("a", "sealed", 10), c = line("b", "sealed", 5);
    struct buf b;
    int n;
    for (int i = 0; i < 3; i++) {
        buf_init(&b, 1 << 16);
        tlog_manifest_put_head(&h, &b);
        tlog_manifest_put_line(i == 0 ? &a : &c, &b);
        tlog_manifest_put_line(i == 2 ? &a : &c, &b);
        assert_int_equal(read_all((char *)b.data, b.len, &n), i == 0 ? 0 : E_ORDER);
        buf_release(&b);
    }
    buf_init(&b, 1 << 16);
    snprintf(a.camera, sizeof(a.camera), "A b");
    assert_int_equal(tlog_manifest_put_line(&a, &b), E_RANGE);
    snprintf(c.path, sizeof(c.path), "/etc/passwd");
    assert_int_equal(tlog_manifest_put_line(&c, &b), E_RANGE);
    assert_int_equal(b.len, 0);
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manifest__root_is_that_of_the_standard),
        cmocka_unit_test(test_manifest__is_read_as_it_is_written),
        cmocka_unit_test(test_manifest__every_byte_matters),
        cmocka_unit_test(test_manifest__order_and_doubles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
