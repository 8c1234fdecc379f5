/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Example keys and notes: C2SP signed-note, tlog-cosignature; the 15-entry log of github.com/transparency-dev/tessera. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/utf8.h"
#include "tlog/note.h"

#define FOO_VKEY "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
#define FOO_SIGNATURE                                                                              \
    "— example.com/foo "                                                                         \
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM="
#define FOO_NOTE "This is an example message.\n\n" FOO_SIGNATURE "\n"
#define LOG_SKEY                                                                                   \
    "PRIVATE+KEY+example.com/log/testdata+33d7b496+AeymY/SZAX0jZcJ8enZ5FY1Dz+wTML2yWSkK+9DSF3eg"
#define LOG_VKEY "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"

static struct tlog_vkey vkey(const char *text)
{
    struct tlog_vkey k;
    struct err e = {0};
    if (tlog_vkey_parse(text, strlen(text), &k, &e) < 0)
        fail_msg("%s: %s", text, e.text);
    return k;
}

static int verify(const char *note, const char *key)
{
    struct tlog_vkey k = vkey(key);
    struct tlog_note n;
    int r = tlog_note_parse(note, strlen(note), &n, NULL);
    return r < 0 ? r : tlog_note_verify(&n, &k, 1, NULL, NULL);
}

static void test_note__verifies_the_example_of_the_specification(void **state)
{
    char again[TLOG_VKEY_TEXT];
    struct tlog_vkey k = vkey(FOO_VKEY);
    assert_string_equal(tlog_vkey_format(&k, again), FOO_VKEY);
    assert_int_equal(verify(FOO_NOTE, FOO_VKEY), 1);
    struct tlog_note n;
    assert_int_equal(tlog_note_parse(FOO_NOTE, strlen(FOO_NOTE), &n, NULL), 0);
    assert_int_equal(n.text_len, strlen("This is an example message.\n"));
    assert_int_equal(n.signatures_n, 1);
    assert_memory_equal(n.signatures[0].line, FOO_SIGNATURE "\n", n.signatures[0].line_len);
}

static void test_note__signs_like_another_implementation(void **state)
{
    static const char want[] = "example.com/log/testdata\n15\n"
                               "rKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=\n\n"
                               "— example.com/log/testdata M9e0luh4jTG+UMBqOUo9/q+yAEvx1ilBEniMvjf1"
                               "zfcBOhg+CKubMt53MvIt/uEWP6zdkdIQzd/fmwlM/dlPWF74ewI=\n";
    struct tlog_skey k;
    struct buf b;
    char text[TLOG_SKEY_TEXT], public_text[TLOG_VKEY_TEXT];
    buf_init(&b, 0);
    assert_int_equal(tlog_skey_parse(LOG_SKEY "\n", strlen(LOG_SKEY) + 1, &k, NULL), 0);
    assert_string_equal(tlog_skey_format(&k, text), LOG_SKEY);
    assert_string_equal(tlog_vkey_format(&k.vkey, public_text), LOG_VKEY);
    assert_int_equal(tlog_note_sign(&k, want, strstr(want, "\n\n") + 1 - want, &b), 0);
    assert_int_equal(b.len, strlen(want));
    assert_memory_equal(b.data, want, b.len);
    buf_release(&b);
}

static void test_note__wrong_signatures_of_known_keys_reject_the_note(void **state)
{
    char note[512];
    snprintf(note, sizeof(note), "%s", FOO_NOTE);
    note[0] = 't';
    assert_int_equal(verify(note, FOO_VKEY), E_CRYPTO);
    snprintf(note, sizeof(note), "%s%s", FOO_NOTE,
             "— example.com/foo "
             "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72I"
             "neyaQI=\n");
    assert_int_equal(verify(note, FOO_VKEY), E_CRYPTO);
    assert_int_equal(verify(FOO_NOTE, LOG_VKEY), E_AUTH);
}

static void test_note__other_keys_with_the_same_name_or_id_are_passed_over(void **state)
{
    struct tlog_skey other;
    struct buf b;
    buf_init(&b, 0);
    assert_int_equal(tlog_skey_init(&other, "example.com/foo", TLOG_KEY_NOTE, NULL, NULL), 0);
    assert_int_equal(buf_append(&b, FOO_NOTE, strlen(FOO_NOTE)), 0);
    assert_int_equal(tlog_note_sign_line(&other, FOO_NOTE, 28, 0, &b), 0);
    assert_int_equal(verify(buf_cstr(&b), FOO_VKEY), 1);
    struct tlog_vkey renamed = vkey(FOO_VKEY); /* same id by force, another name */
    snprintf(renamed.name, sizeof(renamed.name), "example.com/bar");
    struct tlog_note n;
    assert_int_equal(tlog_note_parse(FOO_NOTE, strlen(FOO_NOTE), &n, NULL), 0);
    assert_int_equal(tlog_note_verify(&n, &renamed, 1, NULL, NULL), E_AUTH);
    buf_release(&b);
}

/* The text ends at the last empty line; it may hold others, and things that look like signatures. */
static void test_note__text_may_hold_empty_lines(void **state)
{
    static const char text[] = "\n\none\n\n— two AAAAAAA=\n\n";
    struct tlog_skey k;
    struct tlog_note n;
    struct buf b;
    buf_init(&b, 0);
    assert_int_equal(tlog_skey_init(&k, "näme/ž", TLOG_KEY_NOTE, NULL, NULL), 0);
    assert_int_equal(tlog_note_sign(&k, text, strlen(text), &b), 0);
    assert_int_equal(tlog_note_parse(b.data, b.len, &n, NULL), 0);
    assert_int_equal(n.text_len, strlen(text));
    assert_int_equal(tlog_note_verify(&n, &k.vkey, 1, NULL, NULL), 1);
    buf_release(&b);
}

static void test_note__cosignature_has_time_and_other_key_id(void **state)
{
    static const char text[] = "example.com/behind-the-sofa\n20852163\n"
                               "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    struct tlog_skey note_key, key;
    struct tlog_note n;
    struct buf b;
    int64_t time;
    static const uint8_t seed[32] = {7};
    buf_init(&b, 0);
    assert_int_equal(tlog_skey_init(&note_key, "w.example/1", TLOG_KEY_NOTE, seed, NULL), 0);
    assert_int_equal(tlog_skey_init(&key, "w.example/1", TLOG_KEY_COSIGNATURE, seed, NULL), 0);
    assert_memory_not_equal(note_key.vkey.id, key.vkey.id, 4);
    assert_int_equal(buf_appendf(&b, "%s\n", text), 0);
    assert_int_equal(tlog_note_sign_line(&key, text, strlen(text), 1679315147, &b), 0);
    assert_int_equal(tlog_note_parse(b.data, b.len, &n, NULL), 0);
    assert_int_equal(n.signatures[0].len, 72);
    assert_int_equal(tlog_signature_check(&key.vkey, n.text, n.text_len, &n.signatures[0], &time),
                     0);
    assert_int_equal(time, 1679315147);
    /* What is signed, spelled out by hand. */
    char message[256];
    int len = snprintf(message, sizeof(message), "cosignature/v1\ntime 1679315147\n%s", text);
    assert_int_equal(crypto_sign_verify_detached(n.signatures[0].bytes + 8, (uint8_t *)message,
                                                 (unsigned)len, key.vkey.public_key),
                     0);
    assert_int_equal(tlog_note_verify(&n, &note_key.vkey, 1, NULL, NULL), E_AUTH);
    buf_release(&b);
}

static void test_note__refuses_what_is_not_a_note(void **state)
{
    static const struct {
        const char *note;
        int want;
    } table[] = {
        {"", E_SYNTAX},
        {"\n", E_SYNTAX},
        {"\n\n", E_SYNTAX},
        {"text\n\n", E_SYNTAX},
        {"text\n" FOO_SIGNATURE "\n", E_SYNTAX},
        {"text\n\n" FOO_SIGNATURE, E_SYNTAX},
        {"te\rxt\n\n" FOO_SIGNATURE "\n", E_SYNTAX},
        {"te\xc0\x80xt\n\n" FOO_SIGNATURE "\n", E_SYNTAX},
        {"text\n\n- example.com/foo AAAAAAAA\n", E_SYNTAX},
        {"text\n\n—example.com/foo AAAAAAAA\n", E_SYNTAX},
        {"text\n\n— example.com/foo\n", E_SYNTAX},
        {"text\n\n—  AAAAAAAA\n", E_SYNTAX},
        {"text\n\n— a+b AAAAAAAA\n", E_SYNTAX},
        {"text\n\n— a\xc2\xa0"
         "b AAAAAAAA\n",
         E_SYNTAX},
        {"text\n\n— foo AAAA\n", E_SYNTAX},
        {"text\n\n— foo AAAAAA==\n", E_SYNTAX},
        {"text\n\n— foo AAAAAAA\n", E_SYNTAX},
        {"text\n\n— foo AAAAAAB=\n", E_SYNTAX},
        {"text\n\n— foo AAAAA AA=\n", E_SYNTAX},
        {"text\n\n— foo AAAAAAA= \n", E_SYNTAX},
        {"text\n\n— foo AAAAAAA=\njunk\n", E_SYNTAX},
        {"text\n\n— foo AAAAAAA=\n", 0},
    };
    struct tlog_note n;
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        struct err e = {0};
        int r = tlog_note_parse(table[i].note, strlen(table[i].note), &n, &e);
        if (r != table[i].want)
            fail_msg("case %zu: %s (%s)", i, err_name(r), e.text);
        if (r < 0)
            assert_true(e.text[0] != 0);
    }
    assert_int_equal(tlog_note_parse("a\0b\n\n— foo AAAAAAA=\n", 22, &n, NULL), E_SYNTAX);
}

static void test_note__counts_and_sizes_have_ceilings(void **state)
{
    struct tlog_note n;
    struct buf b;
    buf_init(&b, 8 << 20);
    assert_int_equal(buf_append(&b, "t\n\n", 3), 0);
    for (int i = 0; i < TLOG_NOTE_SIGNATURES; i++)
        assert_int_equal(buf_appendf(&b, "— foo%d AAAAAAA=\n", i), 0);
    assert_int_equal(tlog_note_parse(b.data, b.len, &n, NULL), 0);
    assert_int_equal(n.signatures_n, TLOG_NOTE_SIGNATURES);
    assert_int_equal(buf_appendf(&b, "— foo AAAAAAA=\n"), 0);
    assert_int_equal(tlog_note_parse(b.data, b.len, &n, NULL), E_LIMIT);
    b.len = 0;
    while (b.len <= TLOG_NOTE_BYTES)
        assert_int_equal(buf_append(&b, "padding of the text\n", 20), 0);
    assert_int_equal(buf_appendf(&b, "\n— foo AAAAAAA=\n"), 0);
    assert_int_equal(tlog_note_parse(b.data, b.len, &n, NULL), E_LIMIT);
    buf_release(&b);
}

static void test_key__refuses_what_is_not_a_key(void **state)
{
    static const struct {
        const char *key;
        int want;
    } table[] = {
        {"", E_SYNTAX},
        {"example.com/foo", E_SYNTAX},
        {"example.com/foo+530d903a", E_SYNTAX},
        {"example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", E_SYNTAX},
        {"example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", E_MISMATCH},
        {"example.com/fop+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", E_MISMATCH},
        {"example.com/foo+530d903a+AukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", E_UNSUPPORTED},
        {"example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3Q==", E_SYNTAX},
        {"example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k ", E_SYNTAX},
        {"+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", E_RANGE},
        {"a b+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", E_RANGE},
    };
    struct tlog_vkey k;
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        int r = tlog_vkey_parse(table[i].key, strlen(table[i].key), &k, NULL);
        if (r != table[i].want)
            fail_msg("case %zu: %s", i, err_name(r));
    }
    struct tlog_skey s;
    struct err e = {0};
    static const char wrong[] = "PRIVATE+KEY+example.com/log/testdata+33d7b496+AeymY/"
                                "SZAX0jZcJ8enZ5FY1Dz+wTML2yWSkK+9DSF3eh";
    assert_int_equal(tlog_skey_parse(wrong, strlen(wrong), &s, &e), E_MISMATCH);
    assert_null(strstr(e.text, "SZAX0j"));
    assert_int_equal(tlog_skey_parse(LOG_VKEY, strlen(LOG_VKEY), &s, NULL), E_SYNTAX);
}

static void test_utf8__follows_the_table_of_well_formed_bytes(void **state)
{
    static const char *const bad[] = {"\x80",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xff",
                                      "\xe2\x82",
                                      "\xc3(",
                                      "a\xf0\x9f\x98"};
    static const char *const good[] = {"",
                                       "abc",
                                       "\xc2\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_false(utf8_valid(bad[i], strlen(bad[i])));
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        assert_true(utf8_valid(good[i], strlen(good[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_note__verifies_the_example_of_the_specification),
        cmocka_unit_test(test_note__signs_like_another_implementation),
        cmocka_unit_test(test_note__wrong_signatures_of_known_keys_reject_the_note),
        cmocka_unit_test(test_note__other_keys_with_the_same_name_or_id_are_passed_over),
        cmocka_unit_test(test_note__text_may_hold_empty_lines),
        cmocka_unit_test(test_note__cosignature_has_time_and_other_key_id),
        cmocka_unit_test(test_note__refuses_what_is_not_a_note),
        cmocka_unit_test(test_note__counts_and_sizes_have_ceilings),
        cmocka_unit_test(test_key__refuses_what_is_not_a_key),
        cmocka_unit_test(test_utf8__follows_the_table_of_well_formed_bytes),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
