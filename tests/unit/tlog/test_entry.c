/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Entries: the table, the document and the cases' builder agree; one spelling, everything else is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "case/entry.h"
#include "tlog/entry.h"

static char *document;

static int read_document(void **state)
{
    size_t cap = 0;
    FILE *f = fopen("docs/format/log-entries.md", "r");
    int ok = f && getdelim(&document, &cap, 0, f) > 0;
    if (f)
        fclose(f);
    return ok ? 0 : -1;
}

static int free_document(void **state)
{
    free(document);
    return 0;
}

static void test_entry__the_document_shows_every_kind(void **state)
{
    static struct tlog_parsed p;
    bool seen[64] = {false};
    int n = 0;
    for (char *at = document; (at = strstr(at, "```\nlethe-log/v1 ")); n++) {
        char *text = at + 4, *end = strstr(text, "```");
        struct err e = {0};
        assert_non_null(end);
        if (tlog_entry_parse(text, (size_t)(end - text), &p, &e) < 0)
            fail_msg("%.60s: %s", text, e.text);
        assert_false(seen[p.kind - tlog_kinds]);
        seen[p.kind - tlog_kinds] = true;
        at = end;
    }
    for (const struct tlog_kind *k = tlog_kinds; k->name; k++)
        if (!seen[k - tlog_kinds])
            fail_msg("the document has no example of %s", k->name);
    assert_true(n > 10);
}

/* An entry of every kind that we build, with the document's own bytes: read, built again from its values, the same. */
static void test_entry__is_built_as_it_is_read(void **state)
{
    static struct tlog_parsed p;
    for (char *at = document; (at = strstr(at, "```\nlethe-log/v1 "));) {
        char *text = at + 4, *end = strstr(text, "```");
        struct buf b;
        struct tlog_entry_writer w;
        char id[200], value[200];
        at = end;
        assert_int_equal(tlog_entry_parse(text, (size_t)(end - text), &p, NULL), 0);
        if (p.kind->statement)
            continue;
        buf_init(&b, 65535);
        buf_append(&b, "before", 6);
        snprintf(id, sizeof(id), "%.*s", (int)p.id_len, p.id);
        tlog_entry_begin(&w, p.kind->name, id, &b);
        for (unsigned i = 0; i < p.lines; i++) {
            snprintf(value, sizeof(value), "%.*s", (int)p.line[i].len, p.line[i].value);
            tlog_entry_text(&w, p.line[i].field->key, value);
        }
        assert_int_equal(tlog_entry_end(&w), 0);
        assert_int_equal(b.len, 6 + (size_t)(end - text));
        assert_memory_equal(b.data + 6, text, b.len - 6);
        buf_release(&b);
    }
}

#define HEAD "lethe-log/v1 closing\nid closing-1\ncase 1\n"
#define HASH "order 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n"
#define AT "at 2026-11-27T09:20:00Z\n"
static const struct {
    const char *text;
    int code;
    const char *says;
} refused[] = {
    {"", E_SYNTAX, "line 1"},
    {"lethe-log/v2 closing\n", E_SYNTAX, "line 1"},
    {"lethe-log/v1 party\nid x\n", E_UNSUPPORTED, "party"},
    {"lethe-log/v1 closing\ncase 1\n", E_SYNTAX, "line 2 is not the id"},
    {"lethe-log/v1 closing\nid a b\n", E_SYNTAX, "line 2"},
    {HEAD HASH "at 2026-11-27T09:20:00Z", E_SYNTAX, "line 5: at"}, /* no newline */
    {HEAD HASH, E_SYNTAX, "line 5: at has to stand here"},
    {HEAD AT HASH, E_SYNTAX, "line 4: order"},
    {HEAD HASH HASH AT, E_SYNTAX, "line 5: at"},
    {HEAD HASH AT "\n", E_SYNTAX, "line 6: too many lines"},
    {HEAD HASH AT AT, E_SYNTAX, "line 6: too many lines"},
    {HEAD HASH "at 2026-11-27T09:20:00.000Z\n", E_SYNTAX,
     "line 5: not a value of at"}, /* another spelling */
    {HEAD HASH "at 2026-11-27T09:20:00+00:00\n", E_SYNTAX, "not a value of at"},
    {HEAD HASH "at  2026-11-27T09:20:00Z\n", E_SYNTAX, "not a value of at"},
    {HEAD "order 9F86D081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n" AT, E_SYNTAX,
     "value of order"},
    {HEAD "order 9f86\n" AT, E_SYNTAX, "value of order"},
    {"lethe-log/v1 closing\nid closing-1\ncase J. Smith\n" HASH AT, E_SYNTAX, "value of case"},
    {"lethe-log/v1 identity-destroyed\nid x\n", E_SYNTAX, "no readable statement"},
    {"lethe-log/v1 identity-destroyed\nid x\n\x1b[2J\n", E_SYNTAX, "no readable statement"},
};

static void test_entry__refuses_other_spellings(void **state)
{
    static struct tlog_parsed p;
    assert_int_equal(tlog_entry_parse(HEAD HASH AT, strlen(HEAD HASH AT), &p, NULL), 0);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct err e = {0};
        int r = tlog_entry_parse(refused[i].text, strlen(refused[i].text), &p, &e);
        if (r != refused[i].code || !strstr(e.text, refused[i].says))
            fail_msg("%zu gave %d '%s', wanted '%s'", i, r, e.text, refused[i].says);
    }
    assert_true(tlog_entry_parse(HEAD HASH "at 2026-11-27T09:20:00Z\0\n", strlen(HEAD HASH AT) + 1,
                                 &p, NULL) < 0);
}

static void test_entry__builder_tells_mistakes(void **state)
{
    struct buf b;
    struct tlog_entry_writer w;
    buf_init(&b, 65535);
    for (int mistake = 0; mistake < 8; mistake++) {
        tlog_entry_begin(&w, mistake == 0 ? "party" : "hold", mistake == 1 ? "a b" : "hold-1", &b);
        tlog_entry_time(&w, "at", 0);
        tlog_entry_text(&w, mistake == 2 ? "reason" : "hold", "1");
        tlog_entry_text(&w, "change", mistake == 3 ? "Added" : "added");
        tlog_entry_text(&w, "camera", mistake == 4 ? "J. Smith" : "gate-1");
        tlog_entry_time(&w, "from", 0);
        tlog_entry_time(&w, "to", 0);
        tlog_entry_time(&w, "until", 0);
        if (mistake != 5)
            tlog_entry_text(&w, "reason", "court-order");
        if (mistake == 6)
            tlog_entry_text(&w, "reason", "twice");
        int r = tlog_entry_end(&w);
        if ((r < 0) != (mistake < 7))
            fail_msg("mistake %d gave %d", mistake, r);
        if (r < 0)
            assert_int_equal(b.len, 0);
    }
    static struct tlog_parsed p;
    int64_t us;
    char text[64];
    assert_int_equal(tlog_entry_parse((char *)b.data, b.len, &p, NULL), 0);
    assert_int_equal(tlog_parsed_time(&p, "until", &us), 0);
    assert_int_equal(us, 0);
    assert_string_equal(tlog_parsed_text(&p, "camera", 0, text, sizeof(text)), "gate-1");
    assert_null(tlog_parsed_text(&p, "camera", 1, text, sizeof(text)));
    assert_null(tlog_parsed_text(&p, "camera", 0, text, 6));
    assert_int_equal(tlog_parsed_number(&p, "keys", &us), E_NOTFOUND);
    buf_release(&b);
}

/* What src/case writes by its own hand is in the table, too. */
static void test_entry__cases_are_entries(void **state)
{
    static struct tlog_parsed p;
    static struct case_order o = {.id = "0123456789abcdef",
                                  .node = "n",
                                  .cameras = 2,
                                  .camera = {"a", "b"},
                                  .to_us = 1000,
                                  .purpose = "robbery",
                                  .basis = "eu.led-8",
                                  .not_after_us = 5000};
    static struct case_answer a = {
        .id = "0123456789abcdef", .custodian = 2, .count = 3, .shares = 6, .reason = "too-wide"};
    uint8_t hash[32] = {7};
    struct buf b;
    struct err e = {0};
    buf_init(&b, 65535);
    for (int i = 0; i < 9; i++) {
        static const char *const events[] = {"closing", "withdrawal", "expiry"};
        b.len = 0;
        o.urgent_us = i == 1 ? 3000 : 0;
        a.approves = i == 2;
        int r =
            i < 2    ? case_entry_order(&o, hash, &b)
            : i < 4  ? case_entry_answer(&a, &b)
            : i == 4 ? case_entry_event(&o, hash, "opening", "", "", 0, &b)
            : i == 5
                ? case_entry_event(
                      &o, hash, "rejection", "-12",
                      "what 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\nwhy "
                      "E_CRYPTO\n",
                      0, &b)
                : case_entry_event(&o, hash, events[i - 6], "", "", 0, &b);
        assert_int_equal(r, 0);
        if (tlog_entry_parse((char *)b.data, b.len, &p, &e) < 0)
            fail_msg("%d: %s in %.*s", i, e.text, (int)b.len, b.data);
    }
    b.len = 0;
    assert_int_equal(case_entry_destroyed("lethe-destroyed/v1\n\xe2\x80\x94 x\n", 24, &b), 0);
    assert_int_equal(tlog_entry_parse((char *)b.data, b.len, &p, NULL), 0);
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entry__the_document_shows_every_kind),
        cmocka_unit_test(test_entry__is_built_as_it_is_read),
        cmocka_unit_test(test_entry__refuses_other_spellings),
        cmocka_unit_test(test_entry__builder_tells_mistakes),
        cmocka_unit_test(test_entry__cases_are_entries),
    };
    return cmocka_run_group_tests(tests, read_document, free_document);
}
