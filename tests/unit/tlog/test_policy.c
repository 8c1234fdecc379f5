/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Policies, and proofs under them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "tlog/proof.h"

static struct tlog_policy policy;
static struct tlog_skey log_key, other_log, witness[8];
static char vkeys[8][TLOG_VKEY_TEXT], log_vkey[TLOG_VKEY_TEXT];

static int setup(void **state)
{
    uint8_t seed[32] = {0};
    for (int i = 0; i < 8; i++) {
        char name[32];
        snprintf(name, sizeof(name), "witness.example/%d", i);
        seed[0] = (uint8_t)(i + 1);
        tlog_skey_init(&witness[i], name, TLOG_KEY_COSIGNATURE, seed, NULL);
        tlog_vkey_format(&witness[i].vkey, vkeys[i]);
    }
    seed[0] = 99;
    tlog_skey_init(&log_key, "log.example/a", TLOG_KEY_NOTE, seed, NULL);
    tlog_vkey_format(&log_key.vkey, log_vkey);
    return tlog_skey_init(&other_log, "log.example/b", TLOG_KEY_NOTE, NULL, NULL);
}

/* $L is the log's key, $0 to $7 those of witnesses. */
static int parse(const char *text, struct err *e)
{
    static char full[65536];
    size_t n = 0;
    for (; *text && n < sizeof(full) - TLOG_VKEY_TEXT; text++)
        if (*text == '$') {
            text++;
            n += (size_t)snprintf(full + n, TLOG_VKEY_TEXT, "%s",
                                  *text == 'L' ? log_vkey : vkeys[*text - '0']);
        } else {
            full[n++] = *text;
        }
    return tlog_policy_parse(full, n, &policy, e);
}

static void test_policy__the_example_of_the_specification(void **state)
{
    struct err e = {0};
    int r = parse("log $L\n\nwitness X1 $0\nwitness X2 $1\nwitness X3 $2\n"
                  "group X-witnesses 2 X1 X2 X3\n\n"
                  "witness Y1 $3\nwitness Y2\t $4  https://w.example/\nwitness Y3 $5\n"
                  "group Y-witnesses any Y1 Y2 Y3\n  # a comment\n"
                  "group X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n",
                  &e);
    if (r < 0)
        fail_msg("%s", e.text);
    static const struct {
        uint64_t witnesses;
        bool want;
    } table[] = {{0, false},   {0x3f, true},  {0x03, false}, {0x0b, true}, {0x0a, false},
                 {0x2d, true}, {0x38, false}, {0x07, false}, {0x25, true}, {0xffc0, false}};
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
        assert_int_equal(tlog_policy_quorum(&policy, table[i].witnesses), table[i].want);
    assert_string_equal(policy.witness_urls[4], "https://w.example/");
}

static void test_policy__quorum_may_be_one_or_none(void **state)
{
    assert_int_equal(parse("quorum none\n", NULL), 0);
    assert_true(tlog_policy_quorum(&policy, 0));
    assert_int_equal(parse("witness a $0\nwitness b $1\nquorum b\n", NULL), 0);
    assert_false(tlog_policy_quorum(&policy, 1));
    assert_true(tlog_policy_quorum(&policy, 2));
}

static void test_policy__refuses_with_line_and_reason(void **state)
{
    static const struct {
        const char *text, *says;
    } table[] = {
        {"", "no quorum"},
        {"quorum none", "does not end"},
        {"quorum none\nquorum none\n", "line 2: there is more than one quorum"},
        {"quorum a\n", "line 1: a is not defined"},
        {"quorum a\nwitness a $0\n", "line 1: a is not defined"},
        {"log $L\nlog $L\nquorum none\n", "line 2: the key of log.example/a is listed twice"},
        {"log $0\nquorum none\n", "line 1: a key of type 4"},
        {"witness a $L\nquorum none\n", "line 1: a key of type 1"},
        {"witness a $0\nwitness a $1\nquorum none\n", "line 2: the name a is taken"},
        {"witness a $0\nwitness b $0\nquorum none\n", "line 2: the key of witness.example/0 is"},
        {"witness none $0\nquorum none\n", "line 1: the name none is taken"},
        {"witness a $0\ngroup g 0 a\nquorum g\n", "line 2: the group has 1"},
        {"witness a $0\ngroup g 2 a\nquorum g\n", "line 2: the group has 1"},
        {"witness a $0\ngroup g 01 a\nquorum g\n", "line 2: how many"},
        {"witness a $0\ngroup g any\nquorum g\n", "line 2: a group is"},
        {"witness a $0\ngroup g any a a\nquorum g\n", "line 2: a is a member already"},
        {"witness a $0\ngroup g any a\ngroup h any a\nquorum g\n", "line 3: a is a member already"},
        {"witness a $0\ngroup g any none\nquorum g\n", "line 2: none is not defined"},
        {"group g any g\nquorum g\n", "line 1: g is not defined"},
        {"quorum none extra\n", "line 1: a quorum is"},
        {"log\nquorum none\n", "line 1: a log is"},
        {"log $L a b\nquorum none\n", "line 1: a log is"},
        {"log x\nquorum none\n", "line 1: not a key"},
        {"Quorum none\n", "line 1: a line begins with"},
        {"quorum\rnone\n", "line 1: the line has control"},
        {"\xef\xbb\xbfquorum none\n", "line 1: a line begins with"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        struct err e = {0};
        int r = parse(table[i].text, &e);
        if (r >= 0 || !strstr(e.text, table[i].says))
            fail_msg("case %zu: %s: %s", i, err_name(r), e.text);
    }
}

static void test_policy__has_ceilings(void **state)
{
    struct err e = {0};
    static char text[1 << 20];
    size_t n = 0;
    for (int i = 0; i <= TLOG_POLICY_WITNESSES; i++) {
        struct tlog_skey k;
        char vkey[TLOG_VKEY_TEXT];
        tlog_skey_init(&k, "w", TLOG_KEY_COSIGNATURE, NULL, NULL);
        n += (size_t)snprintf(text + n, sizeof(text) - n, "witness w%d %s\n", i,
                              tlog_vkey_format(&k.vkey, vkey));
    }
    assert_int_equal(tlog_policy_parse(text, n, &policy, &e), E_LIMIT);
    memset(text, '#', sizeof(text));
    assert_int_equal(tlog_policy_parse(text, sizeof(text), &policy, &e), E_LIMIT);
}

/* A log of two entries, a proof of the second, cosigned as @signers says. */
static void make_proof(const struct tlog_skey *log, uint64_t signers, struct buf *out)
{
    struct tlog_checkpoint c = {.size = 2};
    struct tlog_proof p = {.index = 1, .path = {.n = 1}};
    struct tlog_hash leaf;
    struct buf text, note;
    buf_init(&text, 0), buf_init(&note, 0);
    snprintf(c.origin, sizeof(c.origin), "log.example/a");
    tlog_leaf_hash("zero", 4, &p.path.hashes[0]);
    tlog_leaf_hash("one", 3, &leaf);
    tlog_node_hash(&p.path.hashes[0], &leaf, &c.root);
    assert_int_equal(tlog_checkpoint_format(&c, &text), 0);
    assert_int_equal(tlog_note_sign(log, (char *)text.data, text.len, &note), 0);
    for (int i = 0; i < 8; i++)
        if (signers >> i & 1)
            assert_int_equal(
                tlog_note_sign_line(&witness[i], (char *)text.data, text.len, 5000 + i, &note), 0);
    p.checkpoint = (char *)note.data;
    p.checkpoint_len = note.len;
    out->len = 0;
    assert_int_equal(tlog_proof_format(&p, out), 0);
    buf_release(&text), buf_release(&note);
}

static void test_proof__needs_entry_log_and_quorum(void **state)
{
    struct buf b;
    struct tlog_proof p;
    struct tlog_checkpoint c;
    struct err e = {0};
    buf_init(&b, 0);
    assert_int_equal(parse("log $L\nwitness a $0\nwitness b $1\nwitness c $2\n"
                           "group g 2 a b c\nquorum g\n",
                           NULL),
                     0);
    make_proof(&log_key, 0x86, &b); /* b, c and a stranger */
    assert_int_equal(tlog_proof_parse(b.data, b.len, &p, NULL), 0);
    assert_int_equal(tlog_proof_check(&p, "one", 3, &policy, &c, NULL), 0);
    assert_true(c.size == 2 && p.index == 1 && p.path.n == 1 && !p.extra);
    assert_int_equal(tlog_proof_check(&p, "zero", 4, &policy, NULL, NULL), E_MISMATCH);
    make_proof(&log_key, 0x84, &b);
    assert_int_equal(tlog_proof_parse(b.data, b.len, &p, NULL), 0);
    assert_int_equal(tlog_proof_check(&p, "one", 3, &policy, NULL, &e), E_THRESHOLD);
    make_proof(&other_log, 0x86, &b);
    assert_int_equal(tlog_proof_parse(b.data, b.len, &p, NULL), 0);
    assert_int_equal(tlog_proof_check(&p, "one", 3, &policy, NULL, NULL), E_AUTH);
    struct tlog_policy_report report;
    make_proof(&log_key, 0x03, &b);
    assert_int_equal(tlog_proof_parse(b.data, b.len, &p, NULL), 0);
    assert_int_equal(
        tlog_policy_examine(&policy, p.checkpoint, p.checkpoint_len, &c, &report, NULL), 0);
    assert_true(report.witnesses == 3 && report.times[1] == 5001 && report.times[2] == 0);
    char *line = memmem(b.data, b.len, "witness.example/1 ", 18); /* one letter of a cosignature */
    line[60] = line[60] == 'A' ? 'B' : 'A';
    assert_int_equal(
        tlog_policy_examine(&policy, p.checkpoint, p.checkpoint_len, &c, &report, NULL), E_CRYPTO);
    buf_release(&b);
}

static void test_proof__refuses_what_is_not_one(void **state)
{
#define HASH "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
    static const struct {
        const char *text;
        int want;
    } table[] = {
        {"", E_SYNTAX},
        {"c2sp.org/tlog-proof@v2\nindex 0\n\n", E_SYNTAX},
        {"c2sp.org/tlog-proof@v1", E_SYNTAX},
        {"c2sp.org/tlog-proof@v1\n", E_SYNTAX},
        {"c2sp.org/tlog-proof@v1\nindex 00\n\n", E_SYNTAX},
        {"c2sp.org/tlog-proof@v1\nindex -1\n\n", E_SYNTAX},
        {"c2sp.org/tlog-proof@v1\nindex 9223372036854775808\n\n", E_SYNTAX},
        {"c2sp.org/tlog-proof@v1\nindex 9223372036854775807\n\n", 0},
        {"c2sp.org/tlog-proof@v1\nindex 0\n", E_SYNTAX},
        {"c2sp.org/tlog-proof@v1\nindex 0\nextra AAAA\n\n", E_SYNTAX},
        {"c2sp.org/tlog-proof@v1\nextra AAA\nindex 0\n\n", E_SYNTAX},
        {"c2sp.org/tlog-proof@v1\nextra A!AA\nindex 0\n\n", E_SYNTAX},
        {"c2sp.org/tlog-proof@v1\nextra AAA=\nindex 0\n" HASH "\nrest", 0},
        {"c2sp.org/tlog-proof@v1\nindex 0\n" HASH "AAAA\n\n", E_SYNTAX},
        {"c2sp.org/tlog-proof@v1\nindex 0\nx" HASH "\n", E_SYNTAX},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        struct tlog_proof p;
        int r = tlog_proof_parse(table[i].text, strlen(table[i].text), &p, NULL);
        if (r != table[i].want)
            fail_msg("case %zu: %s", i, err_name(r));
    }
}

static void test_checkpoint__refuses_what_is_not_one(void **state)
{
    static const struct {
        const char *text;
        int want;
    } table[] = {
        {"", E_SYNTAX},
        {"o\n", E_SYNTAX},
        {"o\n0\n", E_SYNTAX},
        {"\n0\n" HASH, E_SYNTAX},
        {"o\n01\n" HASH, E_SYNTAX},
        {"o\n+1\n" HASH, E_SYNTAX},
        {"o\n 1\n" HASH, E_SYNTAX},
        {"o\n\n" HASH, E_SYNTAX},
        {"o\n9223372036854775808\n" HASH, E_SYNTAX},
        {"o\n1\nAAAA\n", E_SYNTAX},
        {"o\n0\n" HASH, 0},
        {"o r\n9223372036854775807\n" HASH "extension\n", 0},
        {"o\n1\n" HASH "\n", E_SYNTAX},
        {"o\n1\n" HASH "x", E_SYNTAX},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        struct tlog_checkpoint c;
        int r = tlog_checkpoint_parse(table[i].text, strlen(table[i].text), &c, NULL);
        if (r != table[i].want)
            fail_msg("case %zu: %s", i, err_name(r));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_policy__the_example_of_the_specification),
        cmocka_unit_test(test_policy__quorum_may_be_one_or_none),
        cmocka_unit_test(test_policy__refuses_with_line_and_reason),
        cmocka_unit_test(test_policy__has_ceilings),
        cmocka_unit_test(test_proof__needs_entry_log_and_quorum),
        cmocka_unit_test(test_proof__refuses_what_is_not_one),
        cmocka_unit_test(test_checkpoint__refuses_what_is_not_one),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, setup, NULL);
}
