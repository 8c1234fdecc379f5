/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A share file cut down to what is held: those keys open, the others are gone from the file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "recorder/thin.h"
#include "seal/file.h"
#include "seal/seal.h"

#define EPOCH (INT64_C(1795514400) * SECOND_US)
#define LENGTH (10 * MINUTE_US)

static char dir[64], path[128];
static uint8_t kid[3][SEAL_KID];

static bool keep_some(void *ctx, const char *camera, int64_t epoch_us, int64_t length_us)
{
    assert_int_equal(length_us, LENGTH);
    return strstr(ctx, camera) != NULL;
}

static size_t read_file(uint8_t *data, size_t cap)
{
    size_t len = 0;
    assert_int_equal(seal_file_read(path, data, cap, &len, NULL, NULL), 0);
    return len;
}

static void test_thin__leaves_what_is_held(void **state)
{
    static struct seal_policy policy;
    static uint8_t data[1 << 16], before[1 << 16];
    struct seal_vault *vault;
    struct buf b;
    char cmd[128];
    snprintf(dir, sizeof(dir), "/tmp/lethe-thin-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/x.shares", dir);
    assert_int_equal(seal_practice_create(dir, &policy, NULL), 0);
    assert_int_equal(seal_vault_new(8, &vault, NULL), 0);
    buf_init(&b, 1 << 20);
    static const char *const cameras[] = {"one", "two", "three"};
    for (int i = 0; i < 3; i++) {
        struct seal_context c = {.epoch_us = EPOCH, .epoch_length_us = LENGTH};
        struct seal_key *k;
        snprintf(c.camera, sizeof(c.camera), "%s", cameras[i]);
        snprintf(c.node, sizeof(c.node), "n");
        assert_int_equal(seal_key_create(vault, &policy, &c, &k, &b), 0);
        memcpy(kid[i], k->kid, SEAL_KID);
        seal_key_destroy(vault, k);
    }
    buf_append(&b, "LETHKEY1 torn", 13);
    assert_int_equal(seal_file_write(path, b.data, b.len, 0600, false, NULL), 0);
    size_t len = read_file(before, sizeof(before));

    char none[] = "-", all[] = "one two three", two[] = "two";
    assert_int_equal(thin_shares(dir, "x.shares", keep_some, none, NULL), 0);
    assert_int_equal(thin_shares(dir, "x.shares", keep_some, all, NULL), 3);
    assert_int_equal(read_file(data, sizeof(data)), len); /* not touched in either case */
    assert_memory_equal(data, before, len);
    assert_int_equal(thin_shares(dir, "x.shares", keep_some, two, NULL), 1);
    size_t left = read_file(data, sizeof(data));
    struct seal_shares *s;
    assert_int_equal(seal_shares_parse(data, left, &s, NULL), 0);
    assert_int_equal(seal_shares_count(s), 1);
    assert_int_equal(seal_shares_find(s, kid[1], NULL, NULL, NULL), 0);
    assert_int_equal(seal_shares_find(s, kid[0], NULL, NULL, NULL), E_NOTFOUND);
    assert_null(memmem(data, left, "camera three", 12));
    seal_shares_free(s);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(thin_shares(dir, "missing", keep_some, two, NULL), -2);
    seal_vault_free(vault);
    buf_release(&b);
    snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
    assert_int_equal(system(cmd), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_thin__leaves_what_is_held)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
