/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "row.h"

#include "base/buf.h"
#include "base/err.h"
#include "rtsp/rtp.h"

static void test_rtp__parse(void **state)
{
    static const struct {
        const char *name, *hex;
        int result, payload; /* bytes of payload */
    } rows[] = {
        {"plain", "80e0000100000002000000030102", 0, 2},
        {"no payload", "80e000010000000200000003", 0, 0},
        {"one contributing source", "81e0000100000002000000030000000901", 0, 1},
        {"extension", "90e0000100000002000000031000000100000000ff", 0, 1},
        {"padding", "a0e0000100000002000000030a0b000003", 0, 2},
        {"padding is everything", "a0e00001000000020000000300000003", 0, 1},
        {"short", "80e0000100000002000000", E_TRUNCATED, 0},
        {"version 1", "40e000010000000200000003", E_SYNTAX, 0},
        {"sources beyond the end", "8fe000010000000200000003", E_SYNTAX, 0},
        {"extension beyond the end", "90e00001000000020000000310000009", E_SYNTAX, 0},
        {"half an extension head", "90e0000100000002000000031000", E_SYNTAX, 0},
        {"padding larger than the packet", "a0e000010000000200000003ff", E_SYNTAX, 0},
        {"padding 0", "a0e00001000000020000000300", E_SYNTAX, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct rtp_packet p;
        size_t n = strlen(rows[i].hex) / 2;
        uint8_t *b = malloc(n);
        for (size_t k = 0; k < n; k++) {
            unsigned v;
            sscanf(rows[i].hex + 2 * k, "%2x", &v);
            b[k] = (uint8_t)v;
        }
        CHECK_INT(&rows[i], rtp_parse(b, n, &p), rows[i].result);
        if (rows[i].result == 0) {
            CHECK_INT(&rows[i], p.len, rows[i].payload);
            CHECK_INT(&rows[i], p.payload_type, 96);
            CHECK_INT(&rows[i], p.marker, 1);
        }
        free(b);
    }
}

static void test_rtp__sequence(void **state)
{
    static const struct {
        const char *name;
        uint16_t first, second;
        int missing;
    } rows[] = {
        {"next", 5, 6, 0},
        {"one missing", 5, 7, 1},
        {"wraps", 65535, 0, 0},
        {"wraps with loss", 65534, 1, 2},
        {"far away is no loss", 5, 20000, E_ORDER},
        {"goes back", 5, 4, E_ORDER},
        {"stands still", 5, 5, E_ORDER},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct rtp_source s = {0};
        CHECK_INT(&rows[i], rtp_source_count(&s, rows[i].first), 0);
        CHECK_INT(&rows[i], rtp_source_count(&s, rows[i].second), rows[i].missing);
        CHECK_INT(&rows[i], rtp_source_count(&s, (uint16_t)(rows[i].second + 1)), 0);
    }
}

static void test_rtp__packets_of_an_earlier_session(void **state)
{
    struct rtp_source s = {0};
    assert_int_equal(rtp_source_check(&s, 7), RTP_TAKE_NEW_SOURCE);
    rtp_source_count(&s, 1);
    s.announced = true;
    for (int i = 1; i < RTP_STALE_PACKETS; i++)
        assert_int_equal(rtp_source_check(&s, 9), RTP_DROP_STALE);
    assert_int_equal(rtp_source_check(&s, 7), RTP_TAKE);
    assert_int_equal(rtp_source_check(&s, 9), RTP_DROP_STALE); /* counting began anew */
    for (int i = 2; i < RTP_STALE_PACKETS; i++)
        rtp_source_check(&s, 9);
    assert_int_equal(rtp_source_check(&s, 9), RTP_TAKE_NEW_SOURCE);
}

static void test_rtp__ssrc_change_without_announcement(void **state)
{
    struct rtp_source s = {0};
    rtp_source_check(&s, 7);
    rtp_source_count(&s, 1);
    assert_int_equal(rtp_source_check(&s, 9), RTP_TAKE_NEW_SOURCE);
    assert_int_equal(rtp_source_count(&s, 5000), 0);
}

static size_t put_report(uint8_t *p, uint32_t ssrc, uint64_t ntp, uint32_t ts)
{
    memset(p, 0, 28);
    p[0] = 0x80, p[1] = 200;
    wr16(p + 2, 6);
    wr32(p + 4, ssrc);
    wr64(p + 8, ntp);
    wr32(p + 16, ts);
    return 28;
}

static void test_rtcp__sender_report(void **state)
{
    uint8_t p[64];
    struct rtcp_sender_report sr;
    bool bye = false;
    size_t n = put_report(p, 3, UINT64_C(3913056000) << 32 | 0x80000000, 77);
    assert_int_equal(rtcp_find_sender_report(p, n, &sr, &bye), 1);
    assert_int_equal(sr.ssrc, 3);
    assert_int_equal(sr.rtp_timestamp, 77);
    assert_true(rtcp_ntp_to_us(sr.ntp) ==
                INT64_C(1704067200500000)); /* 2024-01-01 and a half second */
    memcpy(p + n, "\x81\xcb\x00\x01\x00\x00\x00\x03", 8);
    assert_int_equal(rtcp_find_sender_report(p, n + 8, &sr, &bye), 1);
    assert_true(bye);
}

static void test_rtcp__malformed(void **state)
{
    uint8_t p[64] = {0};
    struct rtcp_sender_report sr;
    put_report(p, 3, 1, 77);
    for (size_t n = 0; n < 28; n++) {
        uint8_t *exact = malloc(n + 1);
        memcpy(exact, p, n);
        exact = realloc(exact, n ? n : 1);
        assert_int_equal(rtcp_find_sender_report(exact, n, &sr, NULL), 0);
        free(exact);
    }
    wr16(p + 2, 5); /* says less than a sender report needs */
    assert_int_equal(rtcp_find_sender_report(p, 28, &sr, NULL), 0);
    wr16(p + 2, 0xffff);
    assert_int_equal(rtcp_find_sender_report(p, 28, &sr, NULL), 0);
}

static void test_rtcp__clock_after_2036(void **state)
{
    assert_true(rtcp_ntp_to_us(UINT64_C(0) << 32) == INT64_C(2085978496) * 1000000);
}

static void test_rtcp__receiver_report(void **state)
{
    uint8_t out[RTCP_REPORT_BYTES];
    struct rtp_source s = {0};
    size_t n = rtcp_receiver_report(&s, 1, 0, 0, out);
    assert_int_equal(out[0], 0x80); /* nothing received: no block */
    assert_int_equal(n, 24);
    s.ssrc = 5;
    rtp_source_count(&s, 10);
    rtp_source_count(&s, 12);
    n = rtcp_receiver_report(&s, 1, 0x11223344, 1000000, out);
    assert_int_equal(out[0], 0x81);
    assert_int_equal(n, 48);
    assert_int_equal(rd32(out + 8), 5);
    assert_int_equal(out[12], 256 / 3); /* a third was lost */
    assert_int_equal(rd24(out + 13), 1);
    assert_int_equal(rd32(out + 16), 12);
    assert_int_equal(rd32(out + 28), 65536);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rtp__parse),
        cmocka_unit_test(test_rtp__sequence),
        cmocka_unit_test(test_rtp__packets_of_an_earlier_session),
        cmocka_unit_test(test_rtp__ssrc_change_without_announcement),
        cmocka_unit_test(test_rtcp__sender_report),
        cmocka_unit_test(test_rtcp__malformed),
        cmocka_unit_test(test_rtcp__clock_after_2036),
        cmocka_unit_test(test_rtcp__receiver_report),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
