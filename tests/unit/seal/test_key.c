/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Vault, making keys, share files, opening: src/seal/{vault,key,record,shares,combine}.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "seal/age.h"
#include "seal/bech32.h"
#include "seal/record.h"
#include "seal/seal.h"
#include "seal/share_file.h"

#define CUSTODIANS 5

#if defined(__SANITIZE_ADDRESS__)
#define REAL_MLOCK 0 /* the address sanitiser puts an empty function in the place of mlock() */
#elif defined(__has_feature)
#define REAL_MLOCK !__has_feature(address_sanitizer)
#else
#define REAL_MLOCK 1
#endif

static struct seal_identity *ids[CUSTODIANS];
static struct seal_policy policy;
static struct seal_vault *vault;

static int setup(void **state)
{
    policy = (struct seal_policy){.threshold = 3, .count = CUSTODIANS};
    for (int i = 0; i < CUSTODIANS; i++) {
        uint8_t key[32];
        char text[SEAL_IDENTITY_CHARS + 1];
        randombytes_buf(key, sizeof(key));
        seal_identity_encode(key, text);
        if (seal_identity_parse("id", text, strlen(text), &ids[i], NULL) < 0)
            return -1;
        snprintf(policy.custodian[i].name, SEAL_NAME, "custodian-%d", i + 1);
        memcpy(policy.custodian[i].recipient, ids[i]->recipient, sizeof(ids[i]->recipient));
    }
    return seal_policy_check(&policy, NULL) < 0 ? -1 : seal_vault_new(64, &vault, NULL);
}

static int teardown(void **state)
{
    for (int i = 0; i < CUSTODIANS; i++)
        seal_identity_free(ids[i]);
    seal_vault_free(vault);
    return 0;
}

static struct seal_context context(const char *camera, int64_t epoch_us)
{
    struct seal_context c = {.epoch_us = epoch_us, .epoch_length_us = 10 * MINUTE_US};
    snprintf(c.camera, sizeof(c.camera), "%s", camera);
    snprintf(c.node, sizeof(c.node), "hall-1");
    return c;
}

#define EPOCH (INT64_C(1795514400) * SECOND_US)

static struct seal_key *make(const char *camera, int64_t epoch_us, struct buf *out)
{
    struct seal_context c = context(camera, epoch_us);
    struct seal_key *k = NULL;
    assert_int_equal(seal_key_create(vault, &policy, &c, &k, out), 0);
    return k;
}

static int open_key(const struct buf *file, const uint8_t kid[SEAL_KID],
                    const struct seal_context *want, int first, size_t n, uint8_t key[SEAL_KEY],
                    struct err *e)
{
    struct seal_shares *s = NULL;
    assert_int_equal(seal_shares_parse(file->data, file->len, &s, e), 0);
    int r = seal_shares_open(s, kid, want, ids + first, n, key, e);
    seal_shares_free(s);
    return r;
}

static void test_key__opens_with_any_threshold_of_custodians(void **state)
{
    struct buf file;
    struct err e = {0};
    uint8_t got[SEAL_KEY];
    buf_init(&file, 0);
    struct seal_key *k[3] = {make("gate", EPOCH, &file), make("yard", EPOCH, &file),
                             make("gate", EPOCH, &file)};
    for (int i = 0; i < 3; i++) {
        struct seal_context want = context(i == 1 ? "yard" : "gate", EPOCH);
        for (int first = 0; first + 3 <= CUSTODIANS; first++) {
            assert_int_equal(open_key(&file, k[i]->kid, &want, first, 3, got, &e), 0);
            assert_memory_equal(got, k[i]->k, SEAL_KEY);
        }
        assert_int_equal(open_key(&file, k[i]->kid, &want, 0, CUSTODIANS, got, &e), 0);
        for (int first = 0; first + 2 <= CUSTODIANS; first++)
            assert_int_equal(open_key(&file, k[i]->kid, &want, first, 2, got, &e), E_THRESHOLD);
        assert_string_equal(e.text, "3 custodians are needed, the identities given open 2 shares");
        assert_int_equal(open_key(&file, k[i]->kid, &want, 0, 1, got, &e), E_THRESHOLD);
        assert_string_equal(e.text, "3 custodians are needed, the identities given open 1 share");
        assert_int_equal(open_key(&file, k[i]->kid, &want, 0, 0, got, &e), E_THRESHOLD);
    }
    assert_memory_not_equal(k[0]->k, k[2]->k, SEAL_KEY);
    for (int i = 0; i < 3; i++)
        seal_key_destroy(vault, k[i]);
    buf_release(&file);
}

static void test_key__same_custodian_twice_counts_once(void **state)
{
    struct buf file;
    struct seal_identity *twice[] = {ids[0], ids[1], ids[1], ids[0]};
    struct seal_context want = context("gate", EPOCH);
    struct seal_shares *s = NULL;
    uint8_t got[SEAL_KEY];
    buf_init(&file, 0);
    struct seal_key *k = make("gate", EPOCH, &file);
    assert_int_equal(seal_shares_parse(file.data, file.len, &s, NULL), 0);
    assert_int_equal(seal_shares_open(s, k->kid, &want, twice, 4, got, NULL), E_THRESHOLD);
    seal_shares_free(s);
    seal_key_destroy(vault, k);
    buf_release(&file);
}

static void test_key__is_bound_to_camera_and_epoch(void **state)
{
    struct buf file;
    struct err e = {0};
    uint8_t got[SEAL_KEY], unknown[SEAL_KID] = {1};
    buf_init(&file, 0);
    struct seal_key *k = make("gate", EPOCH, &file);
    struct seal_context want = context("yard", EPOCH);
    assert_int_equal(open_key(&file, k->kid, &want, 0, 3, got, &e), E_MISMATCH);
    assert_string_equal(e.text, "the shares of this key are for camera gate, not for yard");
    want = context("gate", EPOCH + 10 * MINUTE_US);
    assert_int_equal(open_key(&file, k->kid, &want, 0, 3, got, &e), E_MISMATCH);
    assert_non_null(
        strstr(e.text, "for the epoch 2026-11-24T10:00:00Z, not for 2026-11-24T10:10:00Z"));
    want = context("gate", EPOCH);
    want.epoch_length_us = MINUTE_US;
    assert_int_equal(open_key(&file, k->kid, &want, 0, 3, got, &e), E_MISMATCH);
    want = context("gate", EPOCH);
    snprintf(want.node, sizeof(want.node), "hall-2");
    assert_int_equal(open_key(&file, k->kid, &want, 0, 3, got, &e), E_MISMATCH);
    assert_int_equal(open_key(&file, unknown, &want, 0, 3, got, &e), E_NOTFOUND);
    seal_key_destroy(vault, k);
    buf_release(&file);
}

/* Put the shares of one record behind the key record of the other, with a hash that fits. */
static void graft(const struct buf *from, const struct buf *to, struct buf *out)
{
    size_t head_to = SHARE_FILE_HEAD + rd16(to->data + 12),
           head_from = SHARE_FILE_HEAD + rd16(from->data + 12);
    uint8_t hash[32];
    buf_append(out, to->data, head_to);
    buf_append(out, from->data + head_from, from->len - head_from - SHARE_FILE_HASH);
    wr32(out->data + 8, (uint32_t)(out->len + SHARE_FILE_HASH));
    crypto_hash_sha256(hash, out->data, out->len);
    buf_append(out, hash, SHARE_FILE_HASH);
}

static void test_key__shares_of_another_key_are_refused(void **state)
{
    struct buf a, b, mixed;
    struct err e = {0};
    uint8_t got[SEAL_KEY];
    buf_init(&a, 0);
    buf_init(&b, 0);
    buf_init(&mixed, 0);
    struct seal_key *gate = make("gate", EPOCH, &a),
                    *later = make("gate", EPOCH + 10 * MINUTE_US, &b);
    struct seal_context want = context("gate", EPOCH);
    graft(&b, &a, &mixed);
    assert_int_equal(open_key(&mixed, gate->kid, &want, 0, 3, got, &e), E_MISMATCH);
    assert_non_null(strstr(e.text, "belongs to another key"));
    seal_key_destroy(vault, gate);
    seal_key_destroy(vault, later);
    buf_release(&a);
    buf_release(&b);
    buf_release(&mixed);
}

/* The dealer lied, or a custodian's share was exchanged by somebody who can encrypt to the custodian, as anyone can. */
static void test_key__wrong_combination_is_noticed(void **state)
{
    struct buf file, forged;
    struct err e = {0};
    uint8_t got[SEAL_KEY], share[SEAL_SHAMIR_SHARE] = {1}, hash[32];
    char text[SEAL_SHARE_TEXT];
    buf_init(&file, 0);
    buf_init(&forged, 0);
    struct seal_key *k = make("gate", EPOCH, &file);
    struct seal_context want = context("gate", EPOCH);
    size_t record_len = rd16(file.data + 12), head = SHARE_FILE_HEAD + record_len;
    share[SEAL_SHAMIR_SHARE - 1] = 77;
    int n = seal_share_build((const char *)file.data + SHARE_FILE_HEAD, record_len, 1, share, text);
    buf_append(&forged, file.data, head);
    buf_u16(&forged, (uint16_t)seal_age_size((size_t)n));
    assert_int_equal(seal_age_encrypt(ids[0]->public_key, (uint8_t *)text, (size_t)n, &forged), 0);
    buf_append(&forged, file.data + forged.len, file.len - forged.len - SHARE_FILE_HASH);
    crypto_hash_sha256(hash, forged.data, forged.len);
    buf_append(&forged, hash, SHARE_FILE_HASH);
    assert_int_equal(open_key(&forged, k->kid, &want, 0, 3, got, &e), E_CRYPTO);
    assert_string_equal(e.text, "the shares do not combine to the key that was recorded");
    assert_int_equal(open_key(&forged, k->kid, &want, 1, 3, got, &e), 0);
    seal_key_destroy(vault, k);
    buf_release(&file);
    buf_release(&forged);
}

static void test_shares__torn_and_damaged_records_are_skipped(void **state)
{
    struct buf file;
    struct seal_key *k[4];
    size_t end[4];
    buf_init(&file, 0);
    for (int i = 0; i < 4; i++) {
        k[i] = make("gate", EPOCH, &file);
        end[i] = file.len;
    }
    for (size_t len = 0; len <= file.len;
         len += len % 97 == 0 ? 1 : 7) { /* a crash may leave any length */
        struct seal_shares *s = NULL;
        size_t whole = (len >= end[0]) + (len >= end[1]) + (len >= end[2]) + (len >= end[3]);
        assert_int_equal(seal_shares_parse(file.data, len, &s, NULL), 0);
        assert_int_equal(seal_shares_count(s), whole);
        assert_int_equal(seal_shares_damaged(s), len != (whole ? end[whole - 1] : 0));
        seal_shares_free(s);
    }
    struct buf torn; /* a torn record with whole ones behind it */
    buf_init(&torn, 0);
    buf_append(&torn, file.data, end[0] + 700);
    buf_append(&torn, file.data + end[1], file.len - end[1]);
    for (size_t at = 0; at < end[0]; at += 31) {
        struct seal_shares *s = NULL;
        torn.data[at] ^= 0x40;
        assert_int_equal(seal_shares_parse(torn.data, torn.len, &s, NULL), 0);
        assert_int_equal(seal_shares_count(s), 2);
        assert_int_equal(seal_shares_find(s, k[0]->kid, NULL, NULL, NULL), E_NOTFOUND);
        assert_int_equal(seal_shares_find(s, k[1]->kid, NULL, NULL, NULL), E_NOTFOUND);
        assert_int_equal(seal_shares_find(s, k[3]->kid, NULL, NULL, NULL), 0);
        assert_int_equal(seal_shares_damaged(s), 1);
        torn.data[at] ^= 0x40;
        seal_shares_free(s);
    }
    for (int i = 0; i < 4; i++)
        seal_key_destroy(vault, k[i]);
    buf_release(&file);
    buf_release(&torn);
}

static void test_shares__hostile_file_costs_little(void **state)
{
    size_t len = 8 << 20;
    uint8_t *data = malloc(len);
    for (size_t i = 0; i + 16 <= len; i += 16) {
        memcpy(data + i, SHARE_FILE_MAGIC, 8);
        wr32(data + i + 8, 65536);
        wr32(data + i + 12, 0);
    }
    struct seal_shares *s = NULL;
    clock_t start = clock();
    assert_int_equal(seal_shares_parse(data, len, &s, NULL), 0);
    assert_true(clock() - start < 10 * CLOCKS_PER_SEC);
    assert_int_equal(seal_shares_count(s), 0);
    seal_shares_free(s);
    free(data);
}

static void test_record__has_one_spelling(void **state)
{
    struct seal_record r = {.context = context("gate", EPOCH), .threshold = 2, .count = 3}, back;
    char text[SEAL_RECORD_TEXT], changed[SEAL_RECORD_TEXT + 1];
    int n = seal_record_build(&r, text);
    assert_true(n > 0);
    assert_string_equal(
        text,
        "lethe-key v1\ncamera gate\nnode hall-1\nepoch 2026-11-24T10:00:00Z\nlength 600000 ms\n"
        "shares 2 of 3\ncustodians 00000000000000000000000000000000\ncommitment "
        "0000000000000000000000000000000000000000000000000000000000000000\n");
    assert_int_equal(seal_record_parse(text, (size_t)n, &back), 0);
    assert_memory_equal(&back, &r, sizeof(r));
    static const struct {
        const char *from, *to;
    } other[] = {{"v1", "v2"},
                 {"gate", "ga te"},
                 {"gate", ""},
                 {"10:00:00Z", "10:00:00.000Z"},
                 {"10:00:00Z", "11:00:00+01:00"},
                 {"600000", "+600000"},
                 {"600000", "0600000"},
                 {"600000 ms", "600000"},
                 {"600000", "99999999999999999999"},
                 {"2 of 3", "02 of 3"},
                 {"2 of 3", "2 of 2147483651"},
                 {"2 of 3", "1 of 3"},
                 {"2 of 3", "4 of 3"},
                 {"2 of 3", "2 of 33"},
                 {"2 of 3", "2"},
                 {"custodians 00", "custodians 0"},
                 {"custodians 00", "custodians A0"},
                 {"commitment", "commitment "},
                 {"node", "nodes"},
                 {"\nnode", "\n\nnode"},
                 {"lethe", "\nlethe"}};
    for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
        char *at = strstr(text, other[i].from);
        assert_non_null(at);
        int len = snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - text), text,
                           other[i].to, at + strlen(other[i].from));
        if (seal_record_parse(changed, (size_t)len, &back) != E_SYNTAX)
            fail_msg("'%s' instead of '%s' was taken", other[i].to, other[i].from);
    }
    snprintf(changed, sizeof(changed), "%sx", text);
    assert_int_equal(seal_record_parse(changed, (size_t)n + 1, &back), E_SYNTAX);
    assert_int_equal(seal_record_parse(text, (size_t)n - 1, &back), E_SYNTAX);
}

static void test_key__refuses_what_cannot_be_written_down(void **state)
{
    struct buf file;
    struct seal_key *k = NULL;
    buf_init(&file, 0);
    assert_int_equal(buf_append(&file, "before", 6), 0);
    struct seal_context c = context("two words", EPOCH);
    assert_int_equal(seal_key_create(vault, &policy, &c, &k, &file), E_RANGE);
    c = context("", EPOCH);
    assert_int_equal(seal_key_create(vault, &policy, &c, &k, &file), E_RANGE);
    c = context("gate", EPOCH + 1);
    assert_int_equal(seal_key_create(vault, &policy, &c, &k, &file), E_RANGE);
    c = context("gate", -1000);
    assert_int_equal(seal_key_create(vault, &policy, &c, &k, &file), E_RANGE);
    c = context("gate", EPOCH);
    struct seal_policy unchecked = policy;
    unchecked.threshold = 1;
    assert_int_equal(seal_key_create(vault, &unchecked, &c, &k, &file), E_BUG);
    memset(unchecked.custodian[2].public_key, 0, 32); /* a key of low order */
    unchecked.threshold = 3;
    assert_int_equal(seal_key_create(vault, &unchecked, &c, &k, &file), E_CRYPTO);
    file.ceiling = 1500; /* room ends in the middle of the shares */
    assert_int_equal(seal_key_create(vault, &policy, &c, &k, &file), E_LIMIT);
    assert_null(k);
    assert_int_equal(file.len, 6);
    buf_release(&file);
}

static void test_vault__is_full_and_then_is_not(void **state)
{
    struct seal_vault *v = NULL;
    struct seal_key *k[4] = {0}, *more = NULL;
    struct seal_context c = context("gate", EPOCH);
    struct buf file;
    buf_init(&file, 0);
    assert_int_equal(seal_vault_new(4, &v, NULL), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(seal_key_create(v, &policy, &c, &k[i], &file), 0);
    assert_int_equal(seal_key_create(v, &policy, &c, &more, &file), E_LIMIT);
    uint8_t *slot = k[2]->k;
    assert_false(sodium_is_zero(slot, SEAL_KEY));
    assert_true(sodium_is_zero(slot + SEAL_KEY, 16)); /* the salt is gone */
    seal_key_destroy(v, k[2]);
    assert_true(sodium_is_zero(slot, SEAL_KEY));
    assert_int_equal(seal_key_create(v, &policy, &c, &k[2], &file), 0);
    assert_ptr_equal(k[2]->k, slot);
    for (int i = 0; i < 4; i++)
        seal_key_destroy(v, k[i]);
    seal_key_destroy(v, NULL);
    seal_vault_free(v);
    seal_vault_free(NULL);
    buf_release(&file);
}

/* Of the mapping that holds @address: Locked: in kB, and whether VmFlags has @flag. */
static long locked_kb(const void *address, const char *flag, bool *ret_flag)
{
    char line[512];
    bool inside = false;
    long kb = -1;
    FILE *f = fopen("/proc/self/smaps", "r");
    assert_non_null(f);
    while (fgets(line, sizeof(line), f)) {
        unsigned long from, to;
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            inside = (unsigned long)address >= from && (unsigned long)address < to;
        if (inside && !strncmp(line, "Locked:", 7))
            kb = strtol(line + 7, NULL, 10);
        if (inside && !strncmp(line, "VmFlags:", 8))
            *ret_flag = strstr(line, flag) != NULL;
    }
    fclose(f);
    return kb;
}

static void test_vault__is_locked_not_dumped_not_inherited(void **state)
{
    struct seal_vault *v = NULL;
    struct buf file;
    struct seal_key *k = NULL;
    struct seal_context c = context("gate", EPOCH);
    bool dontdump = false;
    buf_init(&file, 0);
    assert_int_equal(seal_vault_new(5000, &v, NULL), 0); /* two epochs of 2,500 cameras */
    assert_int_equal(seal_key_create(v, &policy, &c, &k, &file), 0);
    long kb = locked_kb(k->k, " dd ", &dontdump);
    assert_true(kb >= 156 || !REAL_MLOCK);
    assert_true(dontdump);
    pid_t child = fork();
    if (child == 0)
        _exit(sodium_is_zero(k->k, SEAL_KEY) ? 0 : 1);
    int status = -1;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    seal_key_destroy(v, k);
    seal_vault_free(v);
    buf_release(&file);
}

static void test_vault__says_when_the_limit_is_too_low(void **state)
{
    if (!REAL_MLOCK)
        skip();
    pid_t child = fork();
    if (child == 0) {
        struct rlimit none = {0, 0};
        struct seal_vault *v = NULL;
        struct err e = {0};
        setrlimit(RLIMIT_MEMLOCK, &none);
        if (geteuid() == 0 && setuid(65534) < 0)
            _exit(2);
        int r = seal_vault_new(100, &v, &e);
        _exit(r == -12 && strstr(e.text, "limit of locked memory") ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    assert_int_equal(seal_vault_new(0, &(struct seal_vault *){NULL}, NULL), E_RANGE);
}

static void test_key__cost(void **state)
{
    struct buf file;
    enum { ROUNDS = 200 };
    struct seal_key *k = NULL;
    struct seal_context c = context("gate", EPOCH);
    struct timespec a, b;
    buf_init(&file, 0);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
    for (int i = 0; i < ROUNDS; i++) {
        assert_int_equal(seal_key_create(vault, &policy, &c, &k, &file), 0);
        seal_key_destroy(vault, k);
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
    double us =
        ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / 1e3 / ROUNDS;
    print_message("seal_key_create, %d of %d: %.0f us of CPU, %zu bytes\n", policy.threshold,
                  policy.count, us, file.len / ROUNDS);
    assert_true(us < 20000);
    buf_release(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key__opens_with_any_threshold_of_custodians),
        cmocka_unit_test(test_key__same_custodian_twice_counts_once),
        cmocka_unit_test(test_key__is_bound_to_camera_and_epoch),
        cmocka_unit_test(test_key__shares_of_another_key_are_refused),
        cmocka_unit_test(test_key__wrong_combination_is_noticed),
        cmocka_unit_test(test_key__refuses_what_cannot_be_written_down),
        cmocka_unit_test(test_key__cost),
        cmocka_unit_test(test_record__has_one_spelling),
        cmocka_unit_test(test_shares__torn_and_damaged_records_are_skipped),
        cmocka_unit_test(test_shares__hostile_file_costs_little),
        cmocka_unit_test(test_vault__is_full_and_then_is_not),
        cmocka_unit_test(test_vault__is_locked_not_dumped_not_inherited),
        cmocka_unit_test(test_vault__says_when_the_limit_is_too_low),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, setup, teardown);
}
