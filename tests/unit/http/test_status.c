/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "http/status.h"

static struct http_status *parse(const char *json)
{
    struct http_status *s = NULL;
    struct err e = {0};
    assert_int_equal(http_status_parse((const uint8_t *)json, strlen(json), &s, &e), 0);
    return s;
}

static void test_status__reads_all_keys(void **state)
{
    struct http_status *s = parse(
        "{\"node\":\"n1\",\"version\":\"1.2\",\"started\":\"2026-11-24T00:00:00Z\",\"now\":\"2026-"
        "11-24T01:00:00.5Z\","
        "\"practice\":true,\"threads\":2,\"cameras\":[{\"id\":\"c1\",\"name\":\"Gate\",\"state\":"
        "\"waiting\","
        "\"reason\":\"refused\",\"bitrate_bps\":2000000,\"fps\":24.5,\"last_frame\":\"2026-11-"
        "24T00:30:00Z\","
        "\"frames_received\":10,\"frames_recorded\":8,\"frames_lost\":2,\"gaps\":[{\"from\":\"2026-"
        "11-24T00:30:00Z\","
        "\"to\":null,\"reason\":\"stream-lost\",\"detail\":\"x\"}]}],\"retention\":{\"promised_"
        "days\":30,"
        "\"actual_days\":29.5},\"disk\":{\"state\":\"ok\",\"bytes_total\":100,\"bytes_free\":40,"
        "\"bytes_written\":7,"
        "\"queue_bytes\":3},\"alarms\":[{\"at\":\"2026-11-24T00:01:00Z\",\"kind\":\"old\","
        "\"camera\":\"\",\"text\":\"a\"},"
        "{\"at\":\"2026-11-24T00:02:00Z\",\"kind\":\"new\",\"camera\":\"c1\",\"text\":\"b\"}]}");
    assert_string_equal(s->node, "n1");
    assert_true(s->practice);
    assert_int_equal(s->now_us - s->started_us, HOUR_US + SECOND_US / 2);
    assert_int_equal(s->camera_count, 1);
    const struct http_camera *c = &s->cameras[0];
    assert_int_equal(c->state, HTTP_CAMERA_WAITING);
    assert_int_equal(c->bitrate_bps, 2000000);
    assert_int_equal(c->frames_lost, 2);
    assert_int_equal(c->gap_count, 1);
    assert_int_equal(c->gaps[0].to_us, 0);
    assert_string_equal(c->gaps[0].reason, "stream-lost");
    assert_true(s->actual_days > 29.4 && s->actual_days < 29.6);
    assert_int_equal(s->disk.bytes_free, 40);
    assert_string_equal(s->alarms[0].kind, "new");
    http_status_free(s);
}

/* Wrong types and missing keys are zeros, not crashes. */
static void test_status__takes_anything_that_is_an_object(void **state)
{
    static const char *const cases[] = {
        "{}",
        "{\"cameras\":null,\"alarms\":7,\"disk\":[],\"retention\":\"x\",\"now\":5,\"node\":{},"
        "\"practice\":1}",
        "{\"cameras\":[1,null,\"x\",[],{\"gaps\":[1,null,{\"from\":1}]}]}",
        "{\"cameras\":[{\"bitrate_bps\":-5,\"fps\":-1e308,\"frames_lost\":1e300,\"state\":"
        "\"dancing\",\"last_frame\":\"0\"}]}",
        "{\"disk\":{\"bytes_total\":-1,\"bytes_free\":9223372036854775807}}",
        "{\"now\":\"1969-12-31T23:59:59Z\",\"started\":\"9999-12-31T23:59:59."
        "999999999999999999Z\"}",
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        http_status_free(parse(cases[i]));
    struct http_status *s = parse(cases[3]);
    assert_int_equal(s->cameras[0].bitrate_bps, 0);
    assert_int_equal(s->cameras[0].frames_lost, 0);
    assert_int_equal(s->cameras[0].state, HTTP_CAMERA_UNKNOWN);
    http_status_free(s);
}

static void test_status__refuses(void **state)
{
    static const char *const cases[] = {
        "",
        "[]",
        "nonsense",
        "{\"cameras\":[[[",
        "{\"a\":1,\"a\":2}",
        "{\"node\":\"\xff\"}",
        "{\"x\":1e999}",
        "\"text\"",
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct http_status *s = NULL;
        struct err e = {0};
        assert_int_equal(http_status_parse((const uint8_t *)cases[i], strlen(cases[i]), &s, &e),
                         E_SYNTAX);
        assert_null(s);
        assert_true(e.text[0]);
    }
}

static void test_status__cuts_long_text_between_characters(void **state)
{
    char json[1000], name[600] = "";
    for (int i = 0; i < 100; i++)
        strcat(name, "\xe6\xb8\xaf"); /* 3 bytes each; 127 is no multiple of 3 */
    snprintf(json, sizeof(json), "{\"cameras\":[{\"name\":\"%s\"}]}", name);
    struct http_status *s = parse(json);
    assert_int_equal(strlen(s->cameras[0].name), 126);
    http_status_free(s);
}

static void test_status__keeps_the_newest_gaps(void **state)
{
    size_t cap = 400000, n = 0;
    char *json = malloc(cap);
    n += (size_t)snprintf(json, cap, "{\"cameras\":[{\"gaps\":[");
    for (int i = 0; i < HTTP_STATUS_GAPS + 5; i++)
        n += (size_t)snprintf(json + n, cap - n, "%s{\"reason\":\"r%d\"}", i ? "," : "", i);
    snprintf(json + n, cap - n, "]}]}");
    struct http_status *s = parse(json);
    assert_int_equal(s->cameras[0].gap_total, HTTP_STATUS_GAPS + 5);
    assert_int_equal(s->cameras[0].gap_count, HTTP_STATUS_GAPS);
    assert_string_equal(s->cameras[0].gaps[0].reason, "r5");
    http_status_free(s);
    free(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status__reads_all_keys),
        cmocka_unit_test(test_status__takes_anything_that_is_an_object),
        cmocka_unit_test(test_status__refuses),
        cmocka_unit_test(test_status__cuts_long_text_between_characters),
        cmocka_unit_test(test_status__keeps_the_newest_gaps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
