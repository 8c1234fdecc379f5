/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "sim/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

static long parse(const char *text, struct sim_request *r, char *copy)
{
    strcpy(copy, text);
    return sim_request_parse(copy, strlen(text), r);
}

static void test_request__reads_method_headers_and_body(void **state)
{
    char copy[400];
    struct sim_request r;
    const char *text = "SET_PARAMETER rtsp://h/cam1/main RTSP/1.0\r\nCSeq:  7 \r\ncontent-length: "
                       "4\r\n\r\nabcdNEXT";
    assert_int_equal(parse(text, &r, copy), strlen(text) - 4);
    assert_string_equal(r.method, "SET_PARAMETER");
    assert_string_equal(r.uri, "rtsp://h/cam1/main");
    assert_string_equal(sim_request_header(&r, "cseq"), "7");
    assert_int_equal(r.body_len, 4);
    assert_memory_equal(r.body, "abcd", 4);
    assert_null(sim_request_header(&r, "Session"));
}

static void test_request__waits_for_the_rest(void **state)
{
    const char *text = "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 3\r\n\r\nabc";
    for (size_t n = 0; n < strlen(text); n++) {
        char *copy = malloc(n + 1);
        struct sim_request r;
        memcpy(copy, text, n);
        assert_int_equal(sim_request_parse(copy, n, &r), 0);
        assert_memory_equal(copy, text, n); /* unchanged: it is parsed again */
        free(copy);
    }
}

static void test_request__refuses_nonsense(void **state)
{
    static const struct {
        const char *text;
        long want;
    } rows[] = {
        {"GET / HTTP/1.1\r\n\r\n", E_SYNTAX},
        {"OPTIONS\r\n\r\n", E_SYNTAX},
        {"OPTIONS RTSP/1.0\r\n\r\n", E_SYNTAX},
        {"OPTIONS * RTSP/1.0\r\nno colon\r\n\r\n", E_SYNTAX},
        {"OPTIONS * RTSP/1.0\r\nContent-Length: -1\r\n\r\n", E_LIMIT},
        {"OPTIONS * RTSP/1.0\r\nContent-Length: 99999999\r\n\r\n", E_LIMIT},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char copy[400];
        struct sim_request r;
        assert_int_equal(parse(rows[i].text, &r, copy), rows[i].want);
    }
}

static void test_request__refuses_too_many_headers(void **state)
{
    char text[4000] = "OPTIONS * RTSP/1.0\r\n", copy[4000];
    struct sim_request r;
    for (int i = 0; i <= SIM_HEADERS; i++)
        strcat(text, "A: b\r\n");
    strcat(text, "\r\n");
    assert_int_equal(parse(text, &r, copy), E_LIMIT);
}

static void test_request__tells_answers_apart(void **state)
{
    char copy[400];
    struct sim_request r;
    assert_true(parse("RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n", &r, copy) > 0);
    assert_true(r.response);
}

static void test_target__names_camera_stream_and_track(void **state)
{
    static const struct {
        const char *uri;
        int camera, stream, track;
    } rows[] = {
        {"rtsp://h:1/cam0/main", 0, 0, -1},   {"rtsp://h:1/cam17/sub/trackID=1", 17, 1, 1},
        {"rtsp://h/cam3/main/", 3, 0, -1},    {"rtsp://h/cam3/main?x=1/trackID=0", 3, 0, 0},
        {"rtsp://h/cam3/mainly", -1, -1, -1}, {"rtsp://h/cam/main", -1, -1, -1},
        {"rtsp://h/cam-1/main", -1, -1, -1},  {"*", -1, -1, -1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sim_target t = sim_target_parse(rows[i].uri);
        assert_int_equal(t.camera, rows[i].camera);
        assert_int_equal(t.stream, rows[i].stream);
        assert_int_equal(t.track, rows[i].track);
    }
}

static void test_transport__takes_the_first_that_works(void **state)
{
    struct sim_transport t =
        sim_transport_parse("RTP/AVP;multicast,RTP/AVP/TCP;unicast;interleaved=4-5", true);
    assert_true(t.ok && t.tcp);
    assert_int_equal(t.channel[0], 4);
    assert_int_equal(t.channel[1], 5);
    t = sim_transport_parse("RTP/AVP;unicast;client_port=5000-5001", true);
    assert_true(t.ok && !t.tcp);
    assert_int_equal(t.client_port[1], 5001);
    assert_false(sim_transport_parse("RTP/AVP;unicast;client_port=5000-5001", false).ok);
    assert_false(sim_transport_parse("RTP/AVP;unicast", true).ok);
    assert_false(sim_transport_parse("RTP/AVP/TCP;interleaved=300-301", true).ok);
    assert_false(sim_transport_parse(NULL, true).ok);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request__reads_method_headers_and_body),
        cmocka_unit_test(test_request__waits_for_the_rest),
        cmocka_unit_test(test_request__refuses_nonsense),
        cmocka_unit_test(test_request__refuses_too_many_headers),
        cmocka_unit_test(test_request__tells_answers_apart),
        cmocka_unit_test(test_target__names_camera_stream_and_track),
        cmocka_unit_test(test_transport__takes_the_first_that_works),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
