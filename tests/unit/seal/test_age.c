/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Vectors in testkit/: from the C2SP collection CCTV (age/testdata, 0BSD or CC0), those without armour and passphrases.
 * LETHE_AGE_TESTKIT may name a folder with the rest, decompressed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <sodium.h>
#include <unistd.h>

#include "base/err.h"
#include "base/hex.h"
#include "seal/age.h"
#include "seal/bech32.h"

static uint8_t *slurp(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    uint8_t *data = malloc(32 << 20);
    *len = fread(data, 1, 32 << 20, f);
    fclose(f);
    return data;
}

struct vector {
    char expect[32], payload[65];
    struct seal_identity *ids[8];
    size_t n;
    bool skip;
};

static void header_line(struct vector *v, const char *line, size_t len)
{
    if (!strncmp(line, "expect: ", 8))
        snprintf(v->expect, sizeof(v->expect), "%.*s", (int)len - 8, line + 8);
    else if (!strncmp(line, "payload: ", 9))
        snprintf(v->payload, sizeof(v->payload), "%.*s", (int)len - 9, line + 9);
    else if (!strncmp(line, "identity: AGE-SECRET-KEY-1", 26))
        assert_int_equal(seal_identity_parse("vector", line + 10, len - 10, &v->ids[v->n++], NULL),
                         0);
    else if (!strncmp(line, "armored", 7) || !strncmp(line, "passphrase", 10) ||
             !strncmp(line, "compressed", 10))
        v->skip = true;
}

static bool as_expected(const struct vector *v, int r, const uint8_t *text, size_t len)
{
    uint8_t hash[32];
    char hex[65];
    if (!strcmp(v->expect, "no match"))
        return r == E_NOTFOUND;
    if (!strcmp(v->expect, "header failure"))
        return r == E_SYNTAX || r == E_TRUNCATED;
    if (!strcmp(v->expect, "HMAC failure"))
        return r == E_CRYPTO;
    if (!strcmp(v->expect, "payload failure"))
        return r == E_CRYPTO || r == E_TRUNCATED || r == E_SYNTAX;
    crypto_hash_sha256(hash, text, len);
    return r == 0 && !strcmp(v->expect, "success") &&
           !strcmp(hex_encode(hash, 32, hex), v->payload);
}

static int run_vector(const char *path)
{
    struct vector v = {0};
    size_t len, n = 0;
    uint8_t *data = slurp(path, &len), *p = data, *end = data + len;
    while (p < end && *p != '\n') {
        uint8_t *nl = memchr(p, '\n', (size_t)(end - p));
        assert_non_null(nl);
        header_line(&v, (const char *)p, (size_t)(nl - p));
        p = nl + 1;
    }
    p++;
    if (!v.skip) {
        size_t file_len = (size_t)(end - p);
        uint8_t *file = malloc(file_len + 1),
                *out = malloc(len + 1); /* exact size for the sanitiser */
        file = realloc(file, file_len ? file_len : 1);
        memcpy(file, p, file_len);
        int r = seal_age_decrypt(file, file_len, v.ids, v.n, out, len + 1, &n);
        if (!as_expected(&v, r, out, n))
            fail_msg("%s: expected %s, got %s", path, v.expect, err_name(r));
        free(file);
        free(out);
    }
    for (size_t i = 0; i < v.n; i++)
        seal_identity_free(v.ids[i]);
    free(data);
    return v.skip ? 0 : 1;
}

static int run_folder(const char *dir)
{
    int count = 0;
    DIR *d = opendir(dir);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        char path[1024];
        snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
        count += e->d_name[0] == '.' ? 0 : run_vector(path);
    }
    closedir(d);
    return count;
}

static void test_age__published_vectors(void **state)
{
    assert_true(run_folder("tests/unit/seal/testkit") > 45);
    const char *more = getenv("LETHE_AGE_TESTKIT");
    if (more)
        printf("%d vectors in %s\n", run_folder(more), more);
}

static struct seal_identity *new_identity(void)
{
    uint8_t key[32];
    char text[SEAL_IDENTITY_CHARS + 1];
    struct seal_identity *id = NULL;
    randombytes_buf(key, sizeof(key));
    seal_identity_encode(key, text);
    assert_int_equal(seal_identity_parse("new", text, strlen(text), &id, NULL), 0);
    return id;
}

static const size_t lengths[] = {0, 1, 300, 65535, 65536, 65537, 131072, 200000};

static void test_age__round_trip(void **state)
{
    struct seal_identity *ids[2] = {new_identity(), new_identity()};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        size_t len = lengths[i], n = 1;
        uint8_t *text = malloc(len + 1), *out = malloc(len + 1);
        struct buf file;
        buf_init(&file, 0);
        randombytes_buf(text, len + 1);
        assert_int_equal(seal_age_encrypt(ids[1]->public_key, text, len, &file), 0);
        assert_int_equal(file.len, seal_age_size(len));
        assert_int_equal(seal_age_decrypt(file.data, file.len, ids, 2, out, len, &n), 0);
        assert_int_equal(n, len);
        assert_memory_equal(out, text, len);
        assert_int_equal(seal_age_decrypt(file.data, file.len, ids, 1, out, len, &n), E_NOTFOUND);
        if (len)
            assert_int_equal(seal_age_decrypt(file.data, file.len, ids, 2, out, len - 1, &n),
                             E_LIMIT);
        buf_release(&file);
        free(text);
        free(out);
    }
    seal_identity_free(ids[0]);
    seal_identity_free(ids[1]);
}

/* Every single bit counts, and nothing of the text is left behind on failure. */
static void test_age__any_flipped_bit_is_noticed(void **state)
{
    struct seal_identity *id = new_identity();
    struct buf file;
    uint8_t out[64];
    size_t n;
    buf_init(&file, 0);
    assert_int_equal(seal_age_encrypt(id->public_key, (const uint8_t *)"it is I", 7, &file), 0);
    for (size_t bit = 0; bit < file.len * 8; bit++) {
        file.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        memset(out, 0xee, sizeof(out));
        if (seal_age_decrypt(file.data, file.len, &id, 1, out, sizeof(out), &n) >= 0)
            fail_msg("bit %zu of byte %zu", bit % 8, bit / 8);
        assert_true(sodium_is_zero(out, sizeof(out)));
        file.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t len = 0; len < file.len; len++)
        assert_true(seal_age_decrypt(file.data, len, &id, 1, out, sizeof(out), &n) < 0);
    buf_release(&file);
    seal_identity_free(id);
}

/* Run @command with D set to the folder. */
static int shell(const char *command, const char *dir)
{
    setenv("D", dir, 1);
    return system(command);
}

static void test_age__stock_tool_in_both_directions(void **state)
{
    char dir[] = "/tmp/lethe-age-XXXXXX", path[256];
    if (system("command -v age >/dev/null && command -v age-keygen >/dev/null"))
        skip();
    assert_non_null(mkdtemp(dir));
    assert_int_equal(shell("age-keygen -o $D/theirs.txt 2>/dev/null", dir), 0);
    struct seal_identity *theirs = NULL, *ours = NULL;
    snprintf(path, sizeof(path), "%s/theirs.txt", dir);
    assert_int_equal(seal_identity_load(path, &theirs, NULL), 0);
    snprintf(path, sizeof(path), "%s/ours.txt", dir);
    assert_int_equal(seal_identity_generate(path, "judge", NULL, &ours, NULL), 0);
    assert_int_equal(
        shell("test \"$(age-keygen -y $D/ours.txt)\" = "
              "\"$(sed -n 's/# public key: //p' $D/ours.txt)\" -a $(stat -c %a $D/ours.txt) = 600",
              dir),
        0);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        size_t len = lengths[i], n, file_len;
        uint8_t *text = malloc(len + 1);
        struct buf file;
        buf_init(&file, 0);
        randombytes_buf(text, len + 1);
        assert_int_equal(seal_age_encrypt(theirs->public_key, text, len, &file), 0);
        snprintf(path, sizeof(path), "%s/a.age", dir);
        FILE *f = fopen(path, "wb");
        fwrite(file.data, 1, file.len, f);
        fclose(f);
        assert_int_equal(shell("age -d -i $D/theirs.txt $D/a.age >$D/a", dir), 0);
        assert_int_equal(shell("age -r $(age-keygen -y $D/theirs.txt) -r $(age-keygen -y "
                               "$D/ours.txt) -o $D/b.age $D/a",
                               dir),
                         0);
        snprintf(path, sizeof(path), "%s/b.age", dir);
        uint8_t *back = slurp(path, &file_len), *out = malloc(len + 1);
        assert_int_equal(seal_age_decrypt(back, file_len, &ours, 1, out, len, &n), 0);
        assert_int_equal(n, len);
        assert_memory_equal(out, text, len);
        free(back);
        free(out);
        free(text);
        buf_release(&file);
    }
    seal_identity_free(theirs);
    seal_identity_free(ours);
    assert_int_equal(shell("rm -r $D", dir), 0);
}

static void test_age__refuses_points_of_low_order(void **state)
{
    uint8_t zero[32] = {0}, one[32] = {1};
    struct buf file;
    buf_init(&file, 0);
    assert_int_equal(seal_age_encrypt(zero, zero, 1, &file), E_CRYPTO);
    assert_int_equal(seal_age_encrypt(one, zero, 1, &file), E_CRYPTO);
    assert_int_equal(file.len, 0);
    buf_release(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_age__published_vectors),
        cmocka_unit_test(test_age__round_trip),
        cmocka_unit_test(test_age__any_flipped_bit_is_noticed),
        cmocka_unit_test(test_age__stock_tool_in_both_directions),
        cmocka_unit_test(test_age__refuses_points_of_low_order),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
