/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Page, health and metrics of made-up snapshots. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/health.h"
#include "http/html.h"
#include "http/metrics.h"
#include "http/page.h"

#define NOW "\"now\":\"2026-11-24T12:00:00Z\",\"started\":\"2026-11-24T06:00:00Z\""
#define FINE                                                                                       \
    "\"disk\":{\"state\":\"ok\",\"bytes_total\":10,\"bytes_free\":5},\"retention\":{\"promised_"   \
    "days\":30,\"actual_days\":30}"
#define CAMERA(id, name, st)                                                                       \
    "{\"id\":\"" id "\",\"name\":\"" name "\",\"state\":\"" st                                     \
    "\",\"last_frame\":\"2026-11-24T11:59:59Z\"}"

static struct http_snapshot snapshot(const char *json)
{
    struct http_snapshot snap = {.refs = 1};
    if (json)
        assert_int_equal(http_status_parse((const uint8_t *)json, strlen(json), &snap.status, NULL),
                         0);
    else
        snap.code = err_set(&snap.err, -2, "The recorder cannot be reached: gone.");
    return snap;
}

/* The page as text, to be freed. */
static char *page(const char *json, const struct http_page_query *q)
{
    struct http_snapshot snap = snapshot(json);
    struct buf b;
    buf_init(&b, 0);
    assert_int_equal(http_page(&b, &snap, q, 0), 0);
    http_status_free(snap.status);
    return buf_cstr(&b);
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;
    for (const char *p = text; (p = strstr(p, what)); p += strlen(what))
        n++;
    return n;
}

static void test_page__foreign_text_stays_text(void **state)
{
    static const char hostile[] = "{" NOW ",\"node\":\"<script>1</script>\",\"version\":\"</"
                                  "footer><script>\",\"cameras\":[{\"id\":\"<b>\","
                                  "\"name\":\"<script>alert(1)</script>\\\"' onload=x "
                                  "&amp;\",\"state\":\"recording\",\"reason\":\"<img src=x>\","
                                  "\"last_frame\":\"2026-11-24T11:00:00Z\",\"gaps\":[{\"from\":"
                                  "\"2026-11-24T10:00:00Z\",\"to\":null,"
                                  "\"reason\":\"</title><script>\",\"detail\":\"</"
                                  "svg><script>\"}]},{\"id\":\"<script>\",\"state\":\"<script>\"}],"
                                  "\"disk\":{\"state\":\"<script>\"},\"alarms\":[{\"at\":\"2026-11-"
                                  "24T11:59:00Z\",\"kind\":\"<script>\","
                                  "\"camera\":\"<script>\",\"text\":\"<script>\"}]}";
    const struct http_page_query q = {.filter = "", .show = "\"><script>"};
    char *text = page(hostile, &q);
    assert_int_equal(count(text, "<script"), 1); /* ours, with src */
    assert_int_equal(count(text, "<script src=\"/status.js\" defer></script>"), 1);
    assert_int_equal(count(text, "<img"), 0);
    assert_int_equal(count(text, " onload=x"), 1); /* as text, behind an escaped quote */
    assert_non_null(
        strstr(text, "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39; onload=x &amp;amp;"));
    assert_int_equal(count(text, "style="), 0);
    free(text);
    const struct http_page_query search = {.filter = "\"><script>alert(1)</script>"};
    text = page("{" NOW ",\"cameras\":[" CAMERA("a", "", "recording") "]}", &search);
    assert_int_equal(count(text, "<script"), 1);
    assert_non_null(strstr(text, "No camera matches."));
    free(text);
}

static void test_page__problems_first_filter_and_pages(void **state)
{
    size_t cap = 1 << 20, n = 0;
    char *json = malloc(cap);
    n += (size_t)snprintf(json, cap, "{" NOW "," FINE ",\"cameras\":[");
    for (int i = 0; i < 250; i++)
        n += (size_t)snprintf(
            json + n, cap - n,
            "%s{\"id\":\"cam%d\",\"state\":\"%s\",\"last_frame\":\"2026-11-24T11:59:59Z\"}",
            i ? "," : "", i,
            i == 249 ? "waiting"
            : i == 3 ? "disabled"
                     : "recording");
    snprintf(json + n, cap - n, "]}");
    struct http_page_query q = {0};
    char *text = page(json, &q);
    assert_int_equal(count(text, "<tr class="), 100);
    assert_true(strstr(text, "<bdi>cam249<") < strstr(text, "<bdi>cam0<"));
    assert_true(strstr(text, "<bdi>cam2<") < strstr(text, "<bdi>cam10<"));
    assert_non_null(strstr(text, "page 1 of 3"));
    assert_null(strstr(text, "<bdi>cam3<")); /* switched off stands last */
    free(text);
    q = (struct http_page_query){.page = "99999999999999999999"};
    text = page(json, &q);
    assert_int_equal(count(text, "<tr class="), 50);
    assert_non_null(strstr(text, "page 3 of 3"));
    assert_non_null(strstr(text, "<bdi>cam3<"));
    free(text);
    q = (struct http_page_query){.filter = "CAM24", .page = "-1"};
    text = page(json, &q);
    assert_int_equal(count(text, "<tr class="), 11);
    free(text);
    q = (struct http_page_query){.show = "problems"};
    text = page(json, &q);
    assert_int_equal(count(text, "<tr class="), 1);
    free(text);
    free(json);
}

static void test_page__says_when_the_recorder_is_gone(void **state)
{
    char *text = page(NULL, &(struct http_page_query){0});
    assert_non_null(strstr(text, "The recorder does not answer"));
    assert_non_null(strstr(text, "class=\"critical\""));
    free(text);
}

static void test_page__practice_banner(void **state)
{
    char *text = page("{" NOW ",\"practice\":true}", &(struct http_page_query){0});
    assert_non_null(strstr(text, "Practice custodians."));
    free(text);
    text = page("{" NOW ",\"practice\":false}", &(struct http_page_query){0});
    assert_null(strstr(text, "Practice custodians."));
    free(text);
}

#define GOOD CAMERA("a", "", "recording")
static const struct {
    const char *name, *json;
    int critical, warnings;
    const char *says;
} judged[] = {
    {"all is well", "{" NOW "," FINE ",\"cameras\":[" GOOD "]}", 0, 0, NULL},
    {"no answer", NULL, 1, 0, "does not answer"},
    {"disk full", "{" NOW ",\"disk\":{\"state\":\"disk-full\"},\"cameras\":[" GOOD "]}", 1, 0,
     "disk is full"},
    {"unknown disk state", "{" NOW ",\"disk\":{\"state\":\"odd\"},\"cameras\":[" GOOD "]}", 1, 0,
     "\"odd\""},
    {"shortfall",
     "{" NOW ",\"retention\":{\"promised_days\":30,\"actual_days\":12},\"cameras\":[" GOOD "]}", 1,
     0, "kept for 12.0 days, promised are 30"},
    {"not connected", "{" NOW "," FINE ",\"cameras\":[" GOOD "," CAMERA("b", "", "waiting") "]}", 0,
     1, "1 of 2 cameras is not connected: b."},
    {"silent camera",
     "{" NOW "," FINE ",\"cameras\":[{\"id\":\"z\",\"state\":\"recording\",\"last_frame\":\"2026-"
     "11-24T11:50:00Z\"}]}",
     0, 1, "sent nothing for 10 s: z"},
    {"fresh critical alarm",
     "{" NOW "," FINE ",\"cameras\":[" GOOD
     "],\"alarms\":[{\"at\":\"2026-11-24T11:55:00Z\",\"kind\":\"fsync-failed\",\"text\":\"t\"}]}",
     1, 0, "t (fsync-failed)"},
    {"old alarm",
     "{" NOW "," FINE ",\"cameras\":[" GOOD
     "],\"alarms\":[{\"at\":\"2026-11-24T11:45:00Z\",\"kind\":\"fsync-failed\",\"text\":\"t\"}]}",
     0, 0, NULL},
    {"slow disk",
     "{" NOW ",\"disk\":{\"state\":\"ok\",\"queue_bytes\":400000000},\"cameras\":[" GOOD "]}", 0, 1,
     "400 MB"},
};

static void test_health__judges(void **state)
{
    for (size_t i = 0; i < sizeof(judged) / sizeof(judged[0]); i++) {
        struct http_snapshot snap = snapshot(judged[i].json);
        struct http_health h;
        int critical = 0, warnings = 0;
        bool said = !judged[i].says;
        http_health_judge(&snap, &h);
        for (size_t k = 0; k < h.count; k++) {
            critical += h.problems[k].level == HTTP_CRITICAL;
            warnings += h.problems[k].level == HTTP_WARNING;
            said = said || strstr(h.problems[k].text, judged[i].says);
        }
        if (critical != judged[i].critical || warnings != judged[i].warnings || !said)
            fail_msg("%s: %d critical, %d warnings, %s", judged[i].name, critical, warnings,
                     h.count ? h.problems[0].text : "");
        http_status_free(snap.status);
    }
}

static void test_health__tells_why_a_process_died(void **state)
{
    struct http_snapshot snap = snapshot("{" NOW "," FINE ",\"cameras\":[" GOOD "]}");
    char children[] =
        "{\"children\":[{\"name\":\"recorder\",\"death\":\"was killed by SIGSEGV\",\"restarts\":2,"
        "\"death_at\":\"2026-11-24T11:40:00Z\"},{\"name\":\"web\",\"death\":\"\",\"death_at\":null}"
        ",7]}";
    struct http_health h;
    snap.children = children;
    http_health_judge(&snap, &h);
    assert_int_equal(h.count, 1);
    assert_non_null(strstr(h.problems[0].text, "recorder process was killed by SIGSEGV"));
    snap.children = (char[]){"not json"};
    http_health_judge(&snap, &h);
    assert_int_equal(h.count, 0);
    http_status_free(snap.status);
}

static void test_metrics__labels_are_escaped(void **state)
{
    struct http_snapshot snap = snapshot(
        "{" NOW "," FINE
        ",\"cameras\":[{\"id\":\"a\\\"b\\\\c\\nd\",\"state\":\"recording\",\"frames_lost\":3}]}");
    struct buf b;
    buf_init(&b, 0);
    assert_int_equal(http_metrics(&b, &snap), 0);
    const char *text = buf_cstr(&b);
    assert_non_null(strstr(text, "lethe_camera_frames_lost_total{camera=\"a\\\"b\\\\c\\nd\"} 3\n"));
    assert_non_null(strstr(text, "lethe_up 1\n"));
    assert_non_null(strstr(text, "lethe_cameras{state=\"recording\"} 1\n"));
    assert_non_null(strstr(text, "lethe_retention_promised_days 30\n"));
    buf_release(&b);
    http_status_free(snap.status);
    snap = snapshot(NULL);
    buf_init(&b, 0);
    assert_int_equal(http_metrics(&b, &snap), 0);
    assert_non_null(strstr(buf_cstr(&b), "lethe_up 0\n"));
    buf_release(&b);
}

static void test_html__numbers(void **state)
{
    struct buf b;
    struct html h = {&b, 0};
    buf_init(&b, 0);
    html_count(&h, 0), html_put(&h, " "), html_count(&h, 999), html_put(&h, " "),
        html_count(&h, 1234567);
    html_put(&h, " "), html_count(&h, -1234), html_put(&h, " "), html_bytes(&h, 999999),
        html_put(&h, " ");
    html_bytes(&h, 1500000000000), html_put(&h, " "), html_bytes(&h, 7), html_put(&h, " "),
        html_span(&h, -5);
    html_put(&h, " "), html_query(&h, "a b&\xe6<");
    assert_string_equal(
        buf_cstr(&b),
        "0 999 1,234,567 -1,234 1.0&nbsp;MB 1.5&nbsp;TB 7&nbsp;B 0&nbsp;s a%20b%26%E6%3C");
    buf_release(&b);
}

static void test_html__ceiling_is_an_error(void **state)
{
    struct http_snapshot snap = snapshot("{" NOW "," FINE ",\"cameras\":[" GOOD "]}");
    struct buf b;
    buf_init(&b, 1000);
    assert_int_equal(http_page(&b, &snap, &(struct http_page_query){0}, 0), E_LIMIT);
    buf_release(&b);
    http_status_free(snap.status);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_page__foreign_text_stays_text),
        cmocka_unit_test(test_page__problems_first_filter_and_pages),
        cmocka_unit_test(test_page__says_when_the_recorder_is_gone),
        cmocka_unit_test(test_page__practice_banner),
        cmocka_unit_test(test_health__judges),
        cmocka_unit_test(test_health__tells_why_a_process_died),
        cmocka_unit_test(test_metrics__labels_are_escaped),
        cmocka_unit_test(test_html__numbers),
        cmocka_unit_test(test_html__ceiling_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
