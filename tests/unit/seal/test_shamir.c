/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/err.h"
#include "base/hex.h"
#include "seal/shamir.h"

#define SHARE(len) ((size_t)(len) + 1)

/* Shares made by version 0.0.4 of the npm package shamir-secret-sharing. */
static const struct {
    int t, n;
    size_t len;
    const char *secret, *share[9];
} foreign[] = {
    {2,
     3,
     32,
     "a1c6eb10355a7fa4c9ee13385d82a7ccf1163b6085aacff4193e6388add2f71c",
     {"eb1b95e7da6fe0a7fc8f4eaa696f4e5719a4ea07bddcc62bbeadba08cc7f50e773",
      "3d0ef22696f258d361a1aaf5d87bea5f910c34c1c7c091667cde1ff9e29e92edf3",
      "e4ff048551a2a5523155a445f742344530c5f72cdae33b699c1109061655727c48"}},
    {3,
     5,
     32,
     "a1c6eb10355a7fa4c9ee13385d82a7ccf1163b6085aacff4193e6388add2f71c",
     {"ed3c8b127e2a74b881e3361b88d6ac9fd08961221481ef01556895818ec3cd5c72",
      "15ef0077b5c7668c449d380df16cc130a5b603c992eb1064094e305702a35236ab",
      "86e101ec069f4056085d2ee4b0f34c48c0312a8843b09c293d9b77dcd7506ef030",
      "ccdaa436202d2120bfe4797d5ea3438c826a97779ec93738b0b7232c756596fb3b",
      "2b214adc9a15f002093d20555b47518090c39e82a4933270d425202c0690b1ad4d"}},
    {5,
     5,
     16,
     "51769bc0e50a2f54799ec3e80d32577c",
     {"22771e9b308b2bd0e5b820f1e7a685dd63", "8506b3419ce24c88d0db18726346364951",
      "635f284c3ef81f29051cad0ac98149ba38", "d46eea2306e378c69d23c695d66e4f9c2b",
      "230618cc66b648ebeb8401467fbe0aae44"}},
    {2, 2, 1, "06", {"5610", "8079"}},
    {4,
     9,
     17,
     "567ba0c5ea0f34597ea3c8ed12375c81a6",
     {"c902eecb22cb90a070285dddc4e0c084b2af", "31b2eeff5d5b0c743c8dd3922d4fd20f55cd",
      "b0bd543ebabb68cbba85c96ca79bb4c251a7", "26d0ee9cc64bfce0a7a8f143b09fcf2ccdfb",
      "8afcd0345c0c32e67e35e73c0129908f1fa2", "50461b4f9516a826f775eb1944a8ab859a91",
      "2049fcbabc12039e95a50191ff0b54ab252e", "4f613849966da66b84b3a11ce5598e68b349",
      "ab52b475df0ae081118e320ef00de7dc7182"}},
};

static void test_shamir__combines_what_others_split(void **state)
{
    for (size_t v = 0; v < sizeof(foreign) / sizeof(foreign[0]); v++) {
        uint8_t want[32], got[32], shares[9 * 33];
        size_t n;
        assert_int_equal(hex_decode(foreign[v].secret, want, sizeof(want), &n), 0);
        for (int first = 0; first + foreign[v].t <= foreign[v].n; first++) {
            for (int i = 0; i < foreign[v].t; i++)
                assert_int_equal(hex_decode(foreign[v].share[first + i],
                                            shares + i * SHARE(foreign[v].len), 33, &n),
                                 0);
            assert_int_equal(seal_shamir_combine(shares, foreign[v].t, foreign[v].len, got), 0);
            assert_memory_equal(got, want, foreign[v].len);
        }
    }
}

/* The field by its definition, apart from the code under test. */
static unsigned slow_multiply(unsigned a, unsigned b)
{
    unsigned r = 0;
    for (int i = 0; i < 8; i++)
        if (b & 1u << i)
            r ^= a << i;
    for (int i = 14; i >= 8; i--)
        if (r & 1u << i)
            r ^= 0x11bu << (i - 8);
    return r;
}

static unsigned slow_inverse(unsigned a)
{
    for (unsigned b = 1; b < 256; b++)
        if (slow_multiply(a, b) == 1)
            return b;
    return 0;
}

static void slow_combine(const uint8_t *shares, int t, size_t len, uint8_t *out)
{
    for (size_t k = 0; k < len; k++) {
        unsigned sum = 0;
        for (int i = 0; i < t; i++) {
            unsigned basis = 1, xi = shares[i * SHARE(len) + len];
            for (int j = 0; j < t; j++) {
                unsigned xj = shares[j * SHARE(len) + len];
                if (j != i)
                    basis = slow_multiply(basis, slow_multiply(xj, slow_inverse(xj ^ xi)));
            }
            sum ^= slow_multiply(basis, shares[i * SHARE(len) + k]);
        }
        out[k] = (uint8_t)sum;
    }
}

static void test_shamir__any_t_shares_give_the_secret_back(void **state)
{
    for (int n = 2; n <= SEAL_SHAMIR_SHARES; n += n < 7 ? 1 : 5) {
        for (int t = 2; t <= n; t++) {
            uint8_t secret[32], got[32], slow[32], shares[SEAL_SHAMIR_SHARES * 33],
                picked[SEAL_SHAMIR_SHARES * 33];
            size_t len = 1 + randombytes_uniform(32);
            randombytes_buf(secret, sizeof(secret));
            assert_int_equal(seal_shamir_split(secret, len, t, n, shares), 0);
            int first = (int)randombytes_uniform((uint32_t)n);
            for (int i = 0; i < t; i++)
                memcpy(picked + i * SHARE(len), shares + (size_t)((first + i) % n) * SHARE(len),
                       SHARE(len));
            assert_int_equal(seal_shamir_combine(picked, t, len, got), 0);
            assert_memory_equal(got, secret, len);
            slow_combine(picked, t, len, slow);
            assert_memory_equal(slow, secret, len);
        }
    }
}

static void test_shamir__points_are_distinct_and_never_zero(void **state)
{
    uint8_t secret[1] = {7}, shares[32 * 2];
    int first_seen[256] = {0};
    for (int round = 0; round < 2000; round++) {
        bool seen[256] = {false};
        assert_int_equal(seal_shamir_split(secret, 1, 2, 32, shares), 0);
        first_seen[shares[1]]++;
        for (int i = 0; i < 32; i++) {
            assert_int_not_equal(shares[2 * i + 1], 0);
            assert_false(seen[shares[2 * i + 1]]);
            seen[shares[2 * i + 1]] = true;
        }
    }
    int different = 0;
    for (int i = 0; i < 256; i++)
        different += first_seen[i] > 0;
    assert_true(
        different >
        240); /* 255 points are equally likely: fewer than 241 of them in 2000 rounds never happens */
}

/* With t-1 shares every secret is equally likely: a chosen share of the wrong value moves the result everywhere. */
static void test_shamir__fewer_shares_tell_nothing(void **state)
{
    int equal = 0, byte[256] = {0};
    for (int round = 0; round < 20000; round++) {
        uint8_t secret[1] = {0x5a}, shares[3 * 2], got[1];
        assert_int_equal(seal_shamir_split(secret, 1, 3, 3, shares), 0);
        assert_int_equal(seal_shamir_combine(shares, 2, 1, got), 0);
        equal += got[0] == secret[0];
        byte[shares[0]]++;
    }
    assert_true(equal > 20 && equal < 160); /* 78 expected, and ten standard deviations are 88 */
    for (int i = 0; i < 256; i++)
        assert_true(byte[i] > 10 && byte[i] < 170);
}

static void test_shamir__refuses(void **state)
{
    static const struct {
        size_t len;
        int t, n;
    } bad[] = {{0, 2, 3},  {33, 2, 3},  {16, 1, 3},  {16, 0, 3},
               {16, 4, 3}, {16, 2, 33}, {16, -1, -1}};
    uint8_t secret[64] = {0}, shares[64 * 64] = {0};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(seal_shamir_split(secret, bad[i].len, bad[i].t, bad[i].n, shares),
                         E_RANGE);
    assert_int_equal(seal_shamir_combine(shares, 1, 1, secret), E_RANGE);
    assert_int_equal(seal_shamir_combine(shares, 33, 1, secret), E_RANGE);
    assert_int_equal(seal_shamir_combine(shares, 2, 33, secret), E_RANGE);
    const uint8_t zero[] = {1, 1, 2, 0}, twice[] = {1, 9, 2, 9};
    assert_int_equal(seal_shamir_combine(zero, 2, 1, secret), E_MISMATCH);
    assert_int_equal(seal_shamir_combine(twice, 2, 1, secret), E_MISMATCH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shamir__combines_what_others_split),
        cmocka_unit_test(test_shamir__any_t_shares_give_the_secret_back),
        cmocka_unit_test(test_shamir__points_are_distinct_and_never_zero),
        cmocka_unit_test(test_shamir__fewer_shares_tell_nothing),
        cmocka_unit_test(test_shamir__refuses),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
