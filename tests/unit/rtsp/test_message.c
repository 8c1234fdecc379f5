/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "row.h"

#include "base/err.h"
#include "rtsp/message.h"

static int parse(const char *text, struct rtsp_message *m)
{
    return rtsp_message_parse(text, strlen(text), m);
}

static void test_message__answers(void **state)
{
    static const struct {
        const char *name, *text, *reason;
        int status;
        long cseq; /* -1: unreadable */
    } rows[] = {
        {"plain", "RTSP/1.0 200 OK\r\nCSeq: 3\r\n\r\n", "OK", 200, 3},
        {"empty reason", "RTSP/1.0 200 \r\nCSeq: 3\r\n\r\n", "", 200, 3},
        {"no blank behind the status", "RTSP/1.0 200\r\nCSeq: 3\r\n\r\n", "", 200, 3},
        {"trailing blanks in CSeq", "RTSP/1.0 200 OK\r\nCSeq:  3 \t\r\n\r\n", "OK", 200, 3},
        {"CSeq in other letters", "RTSP/1.0 200 OK\r\ncseq: 3\r\n\r\n", "OK", 200, 3},
        {"CSeq missing", "RTSP/1.0 200 OK\r\n\r\n", "OK", 200, -1},
        {"CSeq not a number", "RTSP/1.0 200 OK\r\nCSeq: x\r\n\r\n", "OK", 200, -1},
        {"bare line feeds", "RTSP/1.0 401 Unauthorized\nCSeq: 7\n\n", "Unauthorized", 401, 7},
        {"line ends in front", "\r\n\r\nRTSP/1.0 200 OK\r\nCSeq: 3\r\n\r\n", "OK", 200, 3},
        {"line without colon", "RTSP/1.0 200 OK\r\nnonsense\r\nCSeq: 3\r\n\r\n", "OK", 200, 3},
        {"version 1.1", "RTSP/1.1 200 OK\r\nCSeq: 3\r\n\r\n", "OK", 200, 3},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct rtsp_message m;
        uint32_t cseq = 0;
        CHECK_INT(&rows[i], parse(rows[i].text, &m), strlen(rows[i].text));
        CHECK_INT(&rows[i], m.status, rows[i].status);
        CHECK(&rows[i], m.reason.n == strlen(rows[i].reason) &&
                            !memcmp(m.reason.p, rows[i].reason, m.reason.n));
        int r = rtsp_message_cseq(&m, &cseq);
        CHECK_INT(&rows[i], r < 0 ? -1 : (long)cseq, rows[i].cseq);
    }
}

static void test_message__hostile(void **state)
{
    static const struct {
        const char *name, *text;
        int result;
    } rows[] = {
        {"nothing", "", 0},
        {"half a line", "RTSP/1.0 200", 0},
        {"no empty line", "RTSP/1.0 200 OK\r\nCSeq: 1\r\n", 0},
        {"body is not complete", "RTSP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nabcd", 0},
        {"status with two digits", "RTSP/1.0 20\r\n\r\n", E_SYNTAX},
        {"status 0", "RTSP/1.0 000 x\r\n\r\n", E_SYNTAX},
        {"control characters", "RTSP/1.0 200 \x01\r\n\r\n", E_SYNTAX},
        {"no version in request", "OPTIONS *\r\n\r\n", E_SYNTAX},
        {"method in small letters", "options * RTSP/1.0\r\n\r\n", E_SYNTAX},
        {"body over the limit", "RTSP/1.0 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
         E_LIMIT},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct rtsp_message m;
        CHECK_INT(&rows[i], parse(rows[i].text, &m), rows[i].result);
    }
    char *endless = malloc(2 * RTSP_HEAD_BYTES);
    memset(endless, 'a', 2 * RTSP_HEAD_BYTES);
    memcpy(endless, "RTSP/1.0 200 ", 13);
    struct rtsp_message m;
    assert_int_equal(rtsp_message_parse(endless, 2 * RTSP_HEAD_BYTES, &m), E_LIMIT);
    free(endless);
}

static void test_message__server_request(void **state)
{
    struct rtsp_message m;
    const char *text = "OPTIONS rtsp://x RTSP/1.0\r\nCSeq: 9\r\n\r\n";
    assert_int_equal(parse(text, &m), strlen(text));
    assert_true(m.request);
    assert_true(span_is(m.method, "OPTIONS"));
}

static void test_message__body_and_folded_line(void **state)
{
    struct rtsp_message m;
    const char *text = "RTSP/1.0 200 OK\r\nA: b\r\n c\r\ncontent-length: 3 \r\n\r\nxyzRTSP";
    assert_int_equal(parse(text, &m), strlen(text) - 4);
    assert_int_equal(m.body.n, 3);
    assert_true(span_starts(rtsp_message_get(&m, "A"), "b"));
    assert_int_equal(rtsp_message_get(&m, "A").n, 5);
}

static void test_message__session(void **state)
{
    static const struct {
        const char *name, *value, *id;
        unsigned timeout;
    } rows[] = {
        {"id only", "12345", "12345", 0},
        {"timeout", "12345;timeout=30", "12345", 30},
        {"blanks", " 12345 ; timeout = 30 ", "12345", 30},
        {"capital letters", "12345;Timeout=30", "12345", 30},
        {"unit behind the number", "12345;timeout=30s", "12345", 30},
        {"no number", "12345;timeout=", "12345", 0},
        {"not a parameter", "12345;timeout", "12345", 0},
        {"timeout 0", "12345;timeout=0", "12345", 0},
        {"negative", "12345;timeout=-5", "12345", 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char id[64];
        unsigned timeout = 0;
        CHECK_INT(&rows[i], rtsp_session_header(span_of(rows[i].value), id, sizeof(id), &timeout),
                  0);
        CHECK_TEXT(&rows[i], id, rows[i].id);
        CHECK_INT(&rows[i], timeout, rows[i].timeout);
    }
    char id[4];
    unsigned timeout;
    assert_int_equal(rtsp_session_header(span_of(""), id, sizeof(id), &timeout), E_NOTFOUND);
    assert_int_equal(rtsp_session_header(span_of("12345"), id, sizeof(id), &timeout), E_LIMIT);
}

static void test_message__transport(void **state)
{
    static const struct {
        const char *name, *value;
        int rtp, rtcp; /* channels, -1: none */
        int server_rtp, server_rtcp;
        long long ssrc; /* -1: none */
        const char *source;
    } rows[] = {
        {"plain", "RTP/AVP/TCP;unicast;interleaved=0-1", 0, 1, 0, 0, -1, ""},
        {"other ids", "RTP/AVP/TCP;unicast;interleaved=4-5", 4, 5, 0, 0, -1, ""},
        {"swapped ids", "RTP/AVP/TCP;interleaved=1-0", 1, 0, 0, 0, -1, ""},
        {"one id", "RTP/AVP/TCP;interleaved=0", 0, 1, 0, 0, -1, ""},
        {"order of parameters", "RTP/AVP/TCP;ssrc=0A;interleaved=2-3;unicast", 2, 3, 0, 0, 10, ""},
        {"blanks in ssrc", "RTP/AVP/TCP;interleaved=0-1;ssrc=   5F2", 0, 1, 0, 0, 0x5f2, ""},
        {"invalid ssrc", "RTP/AVP/TCP;interleaved=0-1;ssrc=xyz", 0, 1, 0, 0, -1, ""},
        {"ssrc too long", "RTP/AVP/TCP;interleaved=0-1;ssrc=1234567890", 0, 1, 0, 0, -1, ""},
        {"RTP/AVP instead of RTP/AVP/TCP", "RTP/AVP;unicast;interleaved=0-1", 0, 1, 0, 0, -1, ""},
        {"UDP ports", "RTP/AVP;unicast;client_port=1-2;server_port=6970-6971", -1, -1, 6970, 6971,
         -1, ""},
        {"no server port", "RTP/AVP;unicast;client_port=1-2", -1, -1, 0, 0, -1, ""},
        {"server port 0", "RTP/AVP;unicast;server_port=0-0", -1, -1, 0, 0, -1, ""},
        {"several transports", "RAW/RAW/UDP;x, RTP/AVP/TCP;interleaved=2-3,RTP/AVP", 2, 3, 0, 0, -1,
         ""},
        {"empty source", "RTP/AVP;source=;server_port=5-6", -1, -1, 5, 6, -1, ""},
        {"host name as source", "RTP/AVP;source=cam.local;server_port=5-6", -1, -1, 5, 6, -1, ""},
        {"address as source", "RTP/AVP;source=10.0.0.1;server_port=5-6", -1, -1, 5, 6, -1,
         "10.0.0.1"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct rtsp_transport_reply t;
        CHECK_INT(&rows[i], rtsp_transport_header(span_of(rows[i].value), &t), 0);
        CHECK_INT(&rows[i], t.has_interleaved ? t.rtp_channel : -1, rows[i].rtp);
        CHECK_INT(&rows[i], t.has_interleaved ? t.rtcp_channel : -1, rows[i].rtcp);
        CHECK_INT(&rows[i], t.server_rtp, rows[i].server_rtp);
        CHECK_INT(&rows[i], t.server_rtcp, rows[i].server_rtcp);
        CHECK_INT(&rows[i], t.has_ssrc ? (long long)t.ssrc : -1, rows[i].ssrc);
        CHECK_TEXT(&rows[i], t.source, rows[i].source);
    }
    struct rtsp_transport_reply t;
    assert_true(rtsp_transport_header(span_of(""), &t) < 0);
    assert_true(rtsp_transport_header(span_of("RTP/AVP;multicast;port=1-2"), &t) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_message__answers),
        cmocka_unit_test(test_message__hostile),
        cmocka_unit_test(test_message__server_request),
        cmocka_unit_test(test_message__body_and_folded_line),
        cmocka_unit_test(test_message__session),
        cmocka_unit_test(test_message__transport),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
