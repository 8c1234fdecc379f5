/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What waits for the log: entries in the transaction of the change, and recordings that no manifest has yet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "index/index.h"
#include "tlog/entry.h"

static const struct index_ops *const ops = &index_sqlite;
static char dir[64];
static struct index *ix;

static int setup(void **state)
{
    snprintf(dir, sizeof(dir), "/tmp/lethe-index-XXXXXX");
    return mkdtemp(dir) && ops->open(dir, false, &ix, NULL) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
    char cmd[128];
    ops->close(ix);
    ix = NULL;
    snprintf(cmd, sizeof(cmd), "rm -rf '%s'", dir);
    return system(cmd);
}

struct waiting {
    int n;
    int64_t last;
    char text[16][1200];
};

static int collect(void *user, const struct index_outbox *o)
{
    struct waiting *w = user;
    static struct tlog_parsed p;
    struct err e = {0};
    if (tlog_entry_parse(o->text, strlen(o->text), &p, &e) < 0)
        fail_msg("%s in %s", e.text, o->text);
    assert_true(o->id > w->last);
    w->last = o->id;
    snprintf(w->text[w->n++], sizeof(w->text[0]), "%s", o->text);
    return 0;
}

static struct waiting *waiting(void)
{
    static struct waiting w;
    w = (struct waiting){0};
    assert_int_equal(ops->outbox(ix, 16, collect, &w, NULL), 0);
    return &w;
}

static void take_all(void)
{
    assert_int_equal(ops->outbox_drop(ix, waiting()->last, NULL), 0);
    assert_int_equal(waiting()->n, 0);
}

#define MUST_HOLD(text, part)                                                                      \
    do {                                                                                           \
        if (!strstr(text, part))                                                                   \
            fail_msg("'%s' is not in %s", part, text);                                             \
    } while (0)

static void test_outbox__cameras_tell_what_changes(void **state)
{
    struct index_camera c = {.id = "gate-1",
                             .main_url = "rtsp://view:geheim@10.0.0.7/1",
                             .enabled = true,
                             .retention_days = 7,
                             .changed_us = 1000000};
    assert_int_equal(ops->camera_put(ix, &c, 1, false, NULL), 0);
    struct waiting *w = waiting();
    assert_int_equal(w->n, 1);
    MUST_HOLD(w->text[0], "\nat 1970-01-01T00:00:01Z\ncamera gate-1\nchange added\nenabled "
                          "yes\naudio no\nretention-days 7\n");
    assert_null(strstr(w->text[0], "10.0.0.7"));
    take_all();
    c.changed_us = 2000000;
    assert_int_equal(ops->camera_put(ix, &c, 1, true, NULL), 0); /* the same again is no change */
    assert_int_equal(waiting()->n, 0);
    snprintf(c.reg.place, sizeof(c.reg.place), "Bridge Street 1");
    assert_int_equal(ops->camera_put(ix, &c, 1, true, NULL), 0);
    c.main_url[8] = 'x'; /* another address: nothing of it is told, but that something changed */
    assert_int_equal(ops->camera_put(ix, &c, 1, true, NULL), 0);
    c.declared_empty_us = 3000000;
    assert_int_equal(ops->camera_put(ix, &c, 1, true, NULL), 0);
    w = waiting();
    assert_int_equal(w->n, 4);
    MUST_HOLD(w->text[0], "change changed");
    MUST_HOLD(w->text[2], "declared-empty 1970-01-01T00:00:03Z");
    MUST_HOLD(w->text[3], "lethe-log/v1 masking\n");
    MUST_HOLD(w->text[3], "change declared-empty");
    char *first = strstr(w->text[0], "register "), *second = strstr(w->text[1], "register ");
    assert_memory_equal(first, second, 9 + 64); /* the public entry is the same */
    take_all();
    assert_int_equal(ops->camera_remove(ix, "gate-1", NULL), 0);
    MUST_HOLD(waiting()->text[0], "camera gate-1\nchange removed\n");
    take_all();
}

static void test_outbox__nothing_is_told_of_what_did_not_happen(void **state)
{
    struct index_camera c[2] = {{.id = "a", .main_url = "rtsp://h/"},
                                {.id = "b", .main_url = "rtsp://h/"}};
    assert_int_equal(ops->camera_put(ix, &c[1], 1, false, NULL), 0);
    take_all();
    assert_int_equal(ops->camera_put(ix, c, 2, false, NULL), E_EXISTS);
    assert_int_equal(ops->camera_remove(ix, "c", NULL), E_NOTFOUND);
    assert_int_equal(waiting()->n, 0);
}

static void test_outbox__entries_and_facts_are_one_transaction(void **state)
{
    char value[32];
    struct index_change c[2] = {{.kind = INDEX_PUT_OUTBOX}, {.kind = INDEX_PUT_META}};
    c[0].outbox = (struct index_outbox){
        0, 5, "closing",
        "lethe-log/v1 closing\nid closing-1\ncase 1\norder "
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\nat "
        "2026-11-27T09:20:00Z\n"};
    c[1].meta.key = "fact", c[1].meta.value = "told";
    assert_int_equal(ops->apply(ix, c, 2, NULL), 0);
    assert_int_equal(waiting()->n, 1);
    assert_int_equal(ops->meta_get(ix, "fact", value, sizeof(value)), 0);
    assert_string_equal(value, "told");
    c[1].meta.value = "";
    assert_int_equal(ops->apply(ix, &c[1], 1, NULL), 0);
    assert_int_equal(ops->meta_get(ix, "fact", value, sizeof(value)), E_NOTFOUND);
    int64_t first = waiting()->last;
    take_all();
    assert_int_equal(ops->apply(ix, c, 1, NULL), 0);
    assert_true(waiting()->last >
                first); /* numbers are not used again: nothing new is dropped with the old */
}

static void test_outbox__the_register_has_one_text(void **state)
{
    struct index_camera c = {
        .id = "gate-1", .name = "Gate, west", .group = "north", .retention_days = 7};
    struct index_register *r = &c.reg;
    struct buf b;
    char *document = NULL;
    size_t cap = 0;
    snprintf(r->purpose, sizeof(r->purpose), "counting traffic");
    snprintf(r->owner, sizeof(r->owner), "City of X, roads");
    snprintf(r->contact, sizeof(r->contact), "roads@x.example");
    snprintf(r->place, sizeof(r->place), "Bridge Street 1, facing south");
    snprintf(r->sees, sizeof(r->sees), "crossing and both pavements");
    snprintf(r->review, sizeof(r->review), "2027-05-01");
    snprintf(r->retention_reason, sizeof(r->retention_reason), "by-law 12, section 3");
    r->located = true, r->lat = 52.516275, r->lon = 13.377704, r->px_per_m = 62.5;
    buf_init(&b, 8192);
    assert_int_equal(index_register_text(&c, &b), 0);
    FILE *f = fopen("docs/format/log-entries.md", "r");
    assert_non_null(f);
    assert_true(getdelim(&document, &cap, 0, f) > 0);
    fclose(f);
    MUST_HOLD(document, buf_cstr(&b));
    free(document);
    buf_release(&b);
}

struct rows {
    int n;
    struct index_recording r[16];
};

static int collect_row(void *user, const struct index_recording *r)
{
    struct rows *rows = user;
    rows->r[rows->n++] = *r;
    return 0;
}

static int64_t unlisted(struct rows *rows)
{
    int64_t listed = 0;
    rows->n = 0;
    assert_int_equal(ops->unlisted(ix, collect_row, rows, &listed, NULL), 0);
    return listed;
}

static void change(int kind, const char *camera, int64_t start_us, int manifest)
{
    struct index_change c = {.kind = kind};
    struct index_recording *r = &c.recording;
    *r = (struct index_recording){
        .start_us = start_us, .end_us = start_us + MINUTE_US, .retention_days = 30};
    r->state = manifest ? INDEX_CLOSED : INDEX_OPEN;
    r->manifest[0] = (uint8_t)manifest;
    snprintf(r->camera, sizeof(r->camera), "%s", camera);
    snprintf(r->path, sizeof(r->path), "recordings/%s/%lld", camera, (long long)start_us);
    assert_int_equal(ops->apply(ix, &c, 1, NULL), 0);
}

static void test_outbox__every_recording_is_listed_once(void **state)
{
    static struct rows rows;
    struct index_change done = {.kind = INDEX_LISTED};
    change(INDEX_PUT_RECORDING, "b", 0, 0);
    unlisted(&rows);
    assert_int_equal(rows.n, 0); /* it has not ended */
    change(INDEX_CLOSE_RECORDING, "b", 0, 7);
    change(INDEX_PUT_RECORDING, "a", DAY_US, 8);
    done.listed = unlisted(&rows);
    assert_int_equal(rows.n, 2);
    assert_string_equal(rows.r[0].camera, "a");
    assert_int_equal(rows.r[1].manifest[0], 7);
    change(INDEX_PUT_RECORDING, "c", 0, 9); /* while the list was written */
    change(INDEX_GARBAGE_RECORDING, "c", 0,
           9); /* and erased at once: it was recorded all the same */
    change(INDEX_DROP_RECORDING, "c", 0, 9);
    assert_int_equal(ops->apply(ix, &done, 1, NULL), 0);
    unlisted(&rows);
    assert_int_equal(rows.n, 1);
    assert_string_equal(rows.r[0].camera, "c");
    change(INDEX_CLOSE_RECORDING, "b", 0, 7); /* told again: nothing new */
    unlisted(&rows);
    assert_int_equal(rows.n, 1);
    change(INDEX_CLOSE_RECORDING, "b", 0, 77); /* another content is */
    unlisted(&rows);
    assert_int_equal(rows.n, 2);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_outbox__cameras_tell_what_changes),
        T(test_outbox__nothing_is_told_of_what_did_not_happen),
        T(test_outbox__entries_and_facts_are_one_transaction),
        T(test_outbox__the_register_has_one_text),
        T(test_outbox__every_recording_is_listed_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
