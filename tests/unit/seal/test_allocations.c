/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Sealing without memory: an error, nothing left behind, and no text in what is handed back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/err.h"
#include "seal/age.h"
#include "seal/bech32.h"
#include "torture.h"

static const uint8_t text[] = "a share of a key, 32 bytes long..";

static int seal_and_open(void)
{
    struct seal_identity id = {.recipient = "a"}, *ids[] = {&id};
    uint8_t back[sizeof(text)];
    struct buf file;
    size_t len = 0;
    buf_init(&file, 0);
    memset(id.secret, 0x42, sizeof(id.secret));
    memset(back, 0, sizeof(back));
    if (sodium_init() < 0 || crypto_scalarmult_base(id.public_key, id.secret) != 0)
        return E_CRYPTO;
    int r = seal_age_encrypt(id.public_key, text, sizeof(text), &file);
    if (r < 0)
        assert_int_equal(file.len, 0);
    else
        r = seal_age_decrypt(file.data, file.len, ids, 1, back, sizeof(back), &len);
    assert_int_equal(memcmp(back, text, sizeof(text)) == 0, r >= 0);
    buf_release(&file);
    return r;
}

#define CUSTODIANS 3
static struct seal_identity *ids[CUSTODIANS];
static struct seal_policy policy = {.threshold = 2, .count = CUSTODIANS};
static struct seal_vault *vault;

static int setup(void **state)
{
    for (int i = 0; i < CUSTODIANS; i++) {
        uint8_t key[32];
        char name[SEAL_IDENTITY_CHARS + 1];
        memset(key, 0x40 + i, sizeof(key));
        seal_identity_encode(key, name);
        if (seal_identity_parse("id", name, strlen(name), &ids[i], NULL) < 0)
            return -1;
        snprintf(policy.custodian[i].name, SEAL_NAME, "custodian-%d", i + 1);
        memcpy(policy.custodian[i].recipient, ids[i]->recipient, sizeof(ids[i]->recipient));
    }
    return seal_policy_check(&policy, NULL) < 0 ? -1 : seal_vault_new(4, &vault, NULL);
}

static int teardown(void **state)
{
    for (int i = 0; i < CUSTODIANS; i++)
        seal_identity_free(ids[i]);
    seal_vault_free(vault);
    return 0;
}

/* The key of an epoch made, its share file read, the key opened. */
static int share_and_combine(void)
{
    struct seal_context c = {.camera = "yard",
                             .node = "hall-1",
                             .epoch_us = INT64_C(1795514400000000),
                             .epoch_length_us = INT64_C(600000000)};
    struct seal_key *k = NULL;
    struct seal_shares *shares = NULL;
    uint8_t key[SEAL_KEY] = {0};
    struct err e = {0};
    struct buf file;
    buf_init(&file, 0);
    int r = seal_key_create(vault, &policy, &c, &k, &file);
    if (r < 0)
        assert_true(!k && file.len == 0);
    if (r >= 0)
        r = seal_shares_parse(file.data, file.len, &shares, &e);
    if (r >= 0)
        r = seal_shares_open(shares, k->kid, &c, ids, 2, key, &e);
    if (r >= 0)
        assert_memory_equal(key, k->k, SEAL_KEY);
    seal_shares_free(shares);
    seal_key_destroy(vault, k);
    buf_release(&file);
    return r;
}

static void test_allocations__key_and_shares(void **state)
{
    torture(share_and_combine, false);
}

static void test_allocations__age(void **state)
{
    torture(seal_and_open, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allocations__age),
        cmocka_unit_test(test_allocations__key_and_shares),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
