/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Texts of keys, identity files, the custodian file and the practice set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "seal/bech32.h"
#include "seal/seal.h"

static char dir[] = "/tmp/lethe-seal-XXXXXX";

static const char *in_dir(const char *name)
{
    static char path[64][256];
    static int next;
    next = (next + 1) % 64;
    snprintf(path[next], sizeof(path[next]), "%s/%s", dir, name);
    return path[next];
}

static void put_file(const char *name, const char *text, size_t len)
{
    FILE *f = fopen(in_dir(name), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    fclose(f);
}

static int setup(void **state)
{
    return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command);
}

/* C2SP age.md v1: the key pair of its X25519 examples is 32 bytes of 0x42. */
static void test_bech32__known_keys(void **state)
{
    uint8_t key[32], expected[32];
    char text[SEAL_IDENTITY_CHARS + 1];
    memset(expected, 0x42, 32);
    seal_identity_encode(expected, text);
    assert_string_equal(
        text, "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX");
    assert_int_equal(seal_identity_decode(text, strlen(text), key), 0);
    assert_memory_equal(key, expected, 32);
    crypto_scalarmult_base(key, expected);
    seal_recipient_encode(key, text);
    assert_string_equal(text, "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj");
}

static void test_bech32__any_other_character_is_noticed(void **state)
{
    static const char set[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7lbio1QPZB- \x80\xff";
    uint8_t key[32] = {1, 2, 3}, back[32];
    char text[SEAL_RECIPIENT_CHARS + 2];
    seal_recipient_encode(key, text);
    for (size_t at = 0; at < SEAL_RECIPIENT_CHARS; at++) {
        char was = text[at];
        for (size_t i = 0; i < sizeof(set); i++) {
            text[at] = set[i];
            assert_int_equal(seal_recipient_decode(text, SEAL_RECIPIENT_CHARS, back),
                             set[i] == was ? 0 : E_SYNTAX);
        }
        text[at] = was;
    }
    assert_int_equal(seal_recipient_decode(text, SEAL_RECIPIENT_CHARS - 1, back), E_SYNTAX);
    assert_int_equal(seal_recipient_decode(text, SEAL_RECIPIENT_CHARS + 1, back), E_SYNTAX);
    assert_int_equal(seal_recipient_decode("", 0, back), E_SYNTAX);
    assert_true(sodium_is_zero(back, 32));
}

#define ID "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"

static void test_identity__reads_what_is_an_identity(void **state)
{
    static const struct {
        const char *text;
        int code;
    } row[] = {
        {ID, 0},
        {ID "\n", 0},
        {ID "\r\n", 0},
        {"# c\n\n#d\n" ID "\n\n", 0},
        {"", E_SYNTAX},
        {"# only words\n", E_SYNTAX},
        {ID "\n" ID "\n", E_SYNTAX},
        {" " ID, E_SYNTAX},
        {ID " ", E_SYNTAX},
        {"age-secret-key-1gfpyysjzgfpyysjzgfpyysjzgfpyysjzgfpyysjzgfpyysjzgfpq4egaex", E_SYNTAX},
        {"age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj", E_SYNTAX},
        {"-----BEGIN OPENSSH PRIVATE KEY-----\n", E_SYNTAX},
        {"AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEY", E_SYNTAX},
    };
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct seal_identity *id = NULL;
        struct err e = {0};
        int r = seal_identity_parse("keys.txt", row[i].text, strlen(row[i].text), &id, &e);
        if (r != row[i].code)
            fail_msg("'%s': %s", row[i].text, err_name(r));
        assert_int_equal(id != NULL, r == 0);
        if (r < 0) {
            assert_non_null(strstr(e.text, "keys.txt"));
            assert_null(strstr(e.text, "GFPYY")); /* never what stands there */
        }
        seal_identity_free(id);
    }
}

static void test_identity__signing_key_is_read_or_refused(void **state)
{
    static const struct {
        const char *line;
        int code;
    } row[] = {
        {"# signing key: PRIVATE+KEY+judge+00000000+AQ==\n", E_SYNTAX},
        {"# signing key: \n", E_SYNTAX},
        {"# signing key is elsewhere\n", 0},
    };
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        char text[512];
        struct seal_identity *id = NULL;
        snprintf(text, sizeof(text), "%s" ID "\n", row[i].line);
        assert_int_equal(seal_identity_parse("k", text, strlen(text), &id, NULL), row[i].code);
        assert_true(!id || !id->signs);
        seal_identity_free(id);
    }
}

static void test_identity__file_is_private_whole_and_never_replaced(void **state)
{
    struct seal_identity *made = NULL, *read = NULL, *other = NULL;
    struct err e = {0};
    struct stat st;
    const char *path = in_dir("id.txt");
    umask(0);
    assert_int_equal(seal_identity_generate(path, "judge", NULL, &made, &e), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(seal_identity_load(path, &read, &e), 0);
    assert_memory_equal(read->secret, made->secret, 32);
    assert_string_equal(read->recipient, made->recipient);
    assert_true(read->signs && made->signs);
    assert_true(tlog_vkey_equal(&read->signer.vkey, &made->signer.vkey));
    assert_int_equal(seal_identity_generate(in_dir("next.txt"), "x", made, &other, &e), 0);
    assert_true(
        tlog_vkey_equal(&other->signer.vkey, &made->signer.vkey)); /* only the recipient is new */
    assert_string_not_equal(other->recipient, made->recipient);
    seal_identity_free(other);
    other = NULL;
    assert_int_equal(seal_identity_generate(path, "judge", NULL, &other, &e), E_EXISTS);
    assert_null(other);
    assert_int_equal(seal_identity_generate(in_dir("no/such"), "judge", NULL, &other, &e), -ENOENT);
    seal_identity_free(read);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(seal_identity_load(path, &read, &e), 1);
    assert_non_null(strstr(e.text, "can be read by others"));
    seal_identity_free(read);
    seal_identity_free(made);
    seal_identity_free(NULL);

    assert_int_equal(seal_identity_load(dir, &read, &e), -EISDIR);
    assert_int_equal(seal_identity_load(in_dir("none"), &read, &e), -ENOENT);
    char *big = calloc(1, 70000);
    put_file("big", big, 70000);
    assert_int_equal(seal_identity_load(in_dir("big"), &read, &e), E_LIMIT);
    free(big);
}

#define A "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"
#define B "age18nv85p4lm076rfe5nmkpk8vq66u3eql09ruxalxlfsxu86dlyq0sfgykj4"

#define SA "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
#define SB "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"

static void test_policy__reads_and_refuses(void **state)
{
    static const struct {
        const char *text;
        int threshold, code;
        const char *says;
    } row[] = {
        {"judge " A "\nchief " B "\n", 2, 0, NULL},
        {"# set\nthreshold 2\n\njudge\t" A " # court\r\n  chief  " B, 0, 0, NULL},
        {"judge " A "\nchief " B "\n", 0, E_RANGE, "threshold"},
        {"judge " A "\nchief " B "\n", 3, E_RANGE, "threshold must be 2 to 2"},
        {"threshold 3\njudge " A "\nchief " B "\n", 2, E_RANGE, "threshold must be 2 to 2"},
        {"judge " A "\n", 2, E_RANGE, "2 to 32 custodians, not 1"},
        {"", 2, E_RANGE, "not 0"},
        {"judge " A "\njudge " B "\n", 2, E_EXISTS, "two custodians are named judge"},
        {"judge " A "\nchief " A "\n", 2, E_EXISTS, "judge and chief have the same recipient"},
        {"judge " A "\nchief age1xyz\n", 2, E_SYNTAX, "recipient of chief"},
        {"judge " A "\nchief\n", 2, E_SYNTAX, ":2:"},
        {"judge " A "\nthe chief " B "\n", 2, E_SYNTAX, ":2:"},
        {"threshold 2\nthreshold 2\n", 2, E_SYNTAX, ":2:"},
        {"threshold 1\n", 2, E_SYNTAX, ":1:"},
        {"threshold 2x\n", 2, E_SYNTAX, ":1:"},
        {"require oversight 1\njudge " A " " SA " oversight\nchief " B " " SB "\n", 2, 0, NULL},
        {"judge " A "\nchief " B " " SB "\n", 2, 0, NULL}, /* not all need a key */
        {"require oversight 1\njudge " A " " SA "\nchief " B "\n", 2, E_RANGE, "only 0 custodians"},
        {"require a 2\nrequire b 1\njudge " A " " SA " a\nchief " B " " SB " a\n", 2, E_RANGE,
         "b must"},
        {"require a 2\njudge " A " " SA " a\nchief " B " " SB " b\n", 2, E_RANGE, "2 of role a"},
        {"require oversight 0\n", 2, E_SYNTAX, ":1:"},
        {"require Oversight 1\n", 2, E_SYNTAX, ":1:"},
        {"judge " A " " SA "\nchief " B " " SA "\n", 2, E_EXISTS, "same signing key"},
        {"judge " A " oversight\nchief " B "\n", 2, E_SYNTAX, ":1:"},
        {"threshold -2\n", 2, E_SYNTAX, ":1:"},
        {"threshold 99999999999999999999\n", 2, E_SYNTAX, ":1:"},
    };
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct seal_policy p = {.count = -7};
        struct err e = {0};
        put_file("c.txt", row[i].text, strlen(row[i].text));
        int r = seal_policy_load(in_dir("c.txt"), row[i].threshold, &p, &e);
        if (r != row[i].code || (row[i].says && !strstr(e.text, row[i].says)))
            fail_msg("row %zu: %s %s", i, err_name(r), e.text);
        assert_int_equal(p.count, r == 0 ? 2 : -7);
        assert_true(r == 0 || strstr(e.text, "c.txt"));
    }
    struct seal_policy p;
    put_file("c.txt", "a\0b", 3);
    assert_int_equal(seal_policy_load(in_dir("c.txt"), 2, &p, NULL), E_SYNTAX);
}

static void test_policy__refuses_points_of_low_order(void **state)
{
    struct seal_policy p = {
        .threshold = 2, .count = 2, .custodian = {{.name = "a", .recipient = A}, {.name = "b"}}};
    struct err e = {0};
    uint8_t zero[32] = {0};
    seal_recipient_encode(zero, p.custodian[1].recipient);
    assert_int_equal(seal_policy_check(&p, &e), E_SYNTAX);
    assert_non_null(strstr(e.text, "usable"));
}

static void test_policy__survives_being_saved(void **state)
{
    struct seal_policy
        p = {.threshold = 2,
             .count = 2,
             .practice = true,
             .required = 1,
             .require = {{.role = "oversight", .count = 1}},
             .custodian = {{.name = "judge", .recipient = A, .signs = true, .role = "oversight"},
                           {.name = "chief", .recipient = B}}},
        back;
    uint8_t id[SEAL_SET], id_back[SEAL_SET];
    struct err e = {0};
    assert_int_equal(tlog_vkey_parse(SA, strlen(SA), &p.custodian[0].signer, &e), 0);
    assert_int_equal(seal_policy_check(&p, &e), 0);
    for (int i = 0; i < 2; i++) /* the second time over the first */
        assert_int_equal(seal_policy_save(in_dir("saved.txt"), &p, &e), 0);
    assert_int_equal(seal_policy_load(in_dir("saved.txt"), 0, &back, &e), 0);
    assert_memory_equal(&back, &p, sizeof(p));
    seal_policy_id(&p, id);
    seal_policy_id(&back, id_back);
    assert_memory_equal(id, id_back, SEAL_SET);
    snprintf(back.custodian[0].name, SEAL_NAME, "court"); /* a name is no part of the set */
    seal_policy_id(&back, id_back);
    assert_memory_equal(id, id_back, SEAL_SET);
    back.custodian[1].public_key[5] ^= 1;
    seal_policy_id(&back, id_back);
    assert_memory_not_equal(id, id_back, SEAL_SET);
}

static void test_practice__is_made_once(void **state)
{
    struct seal_policy p, again;
    struct seal_identity *id = NULL;
    struct err e = {0};
    struct stat st;
    const char *data = in_dir("data");
    assert_int_equal(mkdir(data, 0700), 0);
    assert_int_equal(seal_policy_find(data, "", 2, false, &p, &e), E_NOTFOUND);
    assert_int_equal(seal_practice_create(data, &p, &e), 0);
    assert_true(p.practice);
    assert_int_equal(p.threshold, 2);
    assert_int_equal(p.count, 3);
    assert_int_equal(stat(in_dir("data/practice"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(seal_identity_load(in_dir("data/practice/custodian-3.txt"), &id, &e), 0);
    assert_memory_equal(id->public_key, p.custodian[2].public_key, 32);
    seal_identity_free(id);
    assert_int_equal(seal_practice_create(data, &again, &e), 0);
    assert_memory_equal(&again, &p, sizeof(p));
    /* interrupted: the policy and one identity are missing; those that are there are kept */
    assert_int_equal(unlink(in_dir("data/practice/custodians.txt")), 0);
    assert_int_equal(unlink(in_dir("data/practice/custodian-2.txt")), 0);
    assert_int_equal(seal_practice_create(data, &again, &e), 0);
    assert_memory_equal(again.custodian[0].public_key, p.custodian[0].public_key, 32);
    assert_memory_not_equal(again.custodian[1].public_key, p.custodian[1].public_key, 32);
    /* the identities may be taken away */
    assert_int_equal(unlink(in_dir("data/practice/custodian-1.txt")), 0);
    assert_int_equal(seal_policy_find(data, "", 2, true, &p, &e), 0);
    assert_memory_equal(&again, &p, sizeof(p));
}

static void test_policy__real_custodians_go_before_practice(void **state)
{
    struct seal_policy p;
    struct err e = {0};
    const char *data = in_dir("data2"), *text = "threshold 2\njudge " A "\nchief " B "\n";
    assert_int_equal(mkdir(data, 0700), 0);
    assert_int_equal(seal_practice_create(data, &p, &e), 0);
    put_file("data2/custodians.txt", text, strlen(text));
    assert_int_equal(seal_policy_find(data, "", 2, true, &p, &e), 0);
    assert_false(p.practice);
    assert_string_equal(p.custodian[0].name, "judge");
    assert_int_equal(seal_policy_find(data, in_dir("elsewhere"), 2, true, &p, &e), -ENOENT);
    put_file("data2/custodians.txt", "broken\n", 7); /* never falls back to practice */
    assert_int_equal(seal_policy_find(data, "", 2, true, &p, &e), E_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bech32__known_keys),
        cmocka_unit_test(test_bech32__any_other_character_is_noticed),
        cmocka_unit_test(test_identity__reads_what_is_an_identity),
        cmocka_unit_test(test_identity__signing_key_is_read_or_refused),
        cmocka_unit_test(test_identity__file_is_private_whole_and_never_replaced),
        cmocka_unit_test(test_policy__reads_and_refuses),
        cmocka_unit_test(test_policy__refuses_points_of_low_order),
        cmocka_unit_test(test_policy__survives_being_saved),
        cmocka_unit_test(test_practice__is_made_once),
        cmocka_unit_test(test_policy__real_custodians_go_before_practice),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, setup, teardown);
}
