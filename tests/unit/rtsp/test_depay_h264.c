/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "depay_script.h"

#define SPS "6742c01ed900a03da1000003000100000300320f162e48"
#define SPS2 "6742c01fda014016ec04400000030040000007a3c60ca8"
#define PPS "68cb8cb2"
#define IDR "65880102" /* first slice: first_mb_in_slice is 0 */
#define P1 "41880304"
#define P2 "41400506" /* a later slice of a picture */
#define SEI "0605aa"
#define AUD "09f0"

static void test_depay_h264__packets(void **state)
{
    static const struct depay_row rows[] = {
        {"single NAL units", "p:" SPS " p:" PPS " m:" IDR " t3600 m:" P1,
         SPS "," PPS "," IDR "@0KC " P1 "@3600", 0},
        {"STAP-A", "p:780017" SPS "0004" PPS " m:" IDR, SPS "," PPS "," IDR "@0KC", 0},
        {"STAP-A with the whole access unit and marker", "m:780017" SPS "0004" PPS "0004" IDR,
         SPS "," PPS "," IDR "@0KC", 0},
        {"STAP-A that ends too early", "m:780009" P1, "", ODD_BIT(ODD_FRAGMENT)},
        {"STAP-A with an empty NAL unit", "m:7800000004" P1, P1 "@0", ODD_BIT(ODD_EMPTY)},
        {"STAP-B is named", "m:7900010004" P1, P1 "@0", ODD_BIT(ODD_PACKET_FORM)},
        {"MTAP is named and dropped", "m:7a000100040000000041 t3600 m:" P1, P1 "@3600L",
         ODD_BIT(ODD_PACKET_FORM)},
        {"FU-A", "p:7c8588 p:7c0501 m:7c4502", "65880102@0", 0},
        {"FU-B then FU-A", "p:7d85000188 p:7c0501 m:7c4502", "65880102@0",
         ODD_BIT(ODD_PACKET_FORM)},
        {"FU-A with start and end in one", "m:7cc5880102", "65880102@0", 0},
        {"FU-A, type changes between fragments", "p:7c8588 p:7c0101 m:7c4102", "65880102@0", 0},
        {"FU-A, empty fragment in between", "p:7c8588 p:7c05 p:7c0501 m:7c4502", "65880102@0",
         ODD_BIT(ODD_EMPTY)},
        {"FU-A, empty last fragment", "p:7c8588 p:7c0501 m:7c45", "658801@0", ODD_BIT(ODD_EMPTY)},
        {"FU-A, reserved bit set", "p:7ca588 m:7c6501", "658801@0", 0},
        {"FU-A, end is missing, marker ends", "p:7c8588 m:7c0501", "658801@0", 0},
        {"FU-A, end is missing, next begins", "p:7c8188 p:7c8140 m:7c4101", "6188,614001@0",
         ODD_BIT(ODD_FRAGMENT)},
        {"FU-A, begin is missing", "p:7c0501 m:7c4502 t3600 m:" P1, P1 "@3600L",
         ODD_BIT(ODD_FRAGMENT)},
        {"FU-A, keeps the forbidden and reference bits", "m:3cc188", "2188@0", 0},
        {"empty packet", "p: m:" P1, P1 "@0", ODD_BIT(ODD_EMPTY)},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        script_check(MEDIA_H264, &rows[i]);
}

static void test_depay_h264__units(void **state)
{
    static const struct depay_row rows[] = {
        {"several slices per picture", "p:" P1 " m:" P2 " t3600 p:" P1 " p:" P2 " m:" P2,
         P1 "," P2 "@0 " P1 "," P2 "," P2 "@3600", 0},
        {"marker on parameter sets and SEI", "m:" SPS " m:" PPS " m:" SEI " m:" IDR " t3600 m:" P1,
         SPS "," PPS "," SEI "," IDR "@0KC " P1 "@3600", ODD_BIT(ODD_MARKER)},
        {"marker never set", "p:" P1 " t3600 p:" P1 " p:" P2 " t7200 p:" P1,
         P1 "@0 " P1 "," P2 "@3600", ODD_BIT(ODD_NO_MARKER)},
        {"marker never set, parameter sets with the old timestamp",
         "p:" P1 " p:" SPS " p:" PPS " t3600 p:" IDR " t7200 p:" P1,
         P1 "@0 " SPS "," PPS "," IDR "@3600KC",
         ODD_BIT(ODD_NO_MARKER) | ODD_BIT(ODD_SPLIT_TIMESTAMP)},
        {"marker never set, delimiter begins", "p:" AUD " p:" P1 " p:" AUD " p:" P1 " t3600 p:" AUD,
         AUD "," P1 "@0 " AUD "," P1 "@0", ODD_BIT(ODD_NO_MARKER)},
        {"marker on every slice", "m:" P1 " m:" P2 " t3600 m:" P1 " m:" P2 " t7200 m:" P1,
         P1 "@0 " P2 "@0 " P1 "," P2 "@3600", ODD_BIT(ODD_MARKER)},
        {"timestamp changes between parameter sets and picture", "p:" SPS " p:" PPS " t100 m:" IDR,
         SPS "," PPS "," IDR "@100KC", ODD_BIT(ODD_SPLIT_TIMESTAMP)},
        {"timestamp changes between slices", "p:" P1 " t5 m:" P2 " t3600 m:" P1,
         P1 "," P2 "@0 " P1 "@3600", ODD_BIT(ODD_SPLIT_TIMESTAMP)},
        {"timestamp changes inside a fragmented slice", "p:7c8588 t9 p:7c0501 m:7c4502",
         "65880102@0", 0},
        {"two pictures with one timestamp and markers", "m:" P1 " m:" P1, P1 "@0 " P1 "@0", 0},
        {"key needs parameter sets", "m:" IDR " t3600 p:" SPS " p:" PPS " m:" IDR,
         IDR "@0 " SPS "," PPS "," IDR "@3600KC", 0},
        {"recovery point SEI is no key", "p:" SPS " p:" PPS " p:" SEI " m:" P1,
         SPS "," PPS "," SEI "," P1 "@0C", 0},
        {"parameter sets sent again are no change",
         "p:" SPS " p:" PPS " m:" IDR " t9 p:" SPS " p:" PPS " m:" IDR,
         SPS "," PPS "," IDR "@0KC " SPS "," PPS "," IDR "@9K", 0},
        {"parameter sets change in mid-stream",
         "p:" SPS " p:" PPS " m:" IDR " t9 p:" SPS2 " p:" PPS " m:" IDR,
         SPS "," PPS "," IDR "@0KC " SPS2 "," PPS "," IDR "@9KC", 0},
        {"zeros behind the parameter set are kept, and are no change",
         "p:" SPS " p:" PPS " m:" IDR " t9 p:" SPS "0000 p:" PPS " m:" IDR,
         SPS "," PPS "," IDR "@0KC " SPS "0000," PPS "," IDR "@9K", 0},
        {"a turn ends in mid-fragment", "p:7c8588 turn p:7c0501 turn m:7c4502 turn t9 m:" P1,
         "65880102@0 " P1 "@9", 0},
        {"trailing SEI goes with the next picture", "m:" P1 " p:" SEI " t9 m:" P1,
         P1 "@0 " SEI "," P1 "@9", ODD_BIT(ODD_SPLIT_TIMESTAMP)},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        script_check(MEDIA_H264, &rows[i]);
}

static void test_depay_h264__loss(void **state)
{
    static const struct depay_row rows[] = {
        {"between pictures", "m:" P1 " gap t3600 m:" P1 " t7200 m:" P1,
         P1 "@0 " P1 "@3600L " P1 "@7200", 0},
        {"inside a fragmented slice", "p:" P1 " p:7c8140 gap p:7c0101 m:7c4102 t9 m:" P1,
         P1 "@0L " P1 "@9", 0},
        {"first fragment", "gap p:7c0101 m:7c4102 t9 m:" P1, P1 "@9L", 0},
        {"marker lost", "p:" P1 " gap t3600 m:" P1 " t7200 m:" P1,
         P1 "@0L " P1 "@3600L " P1 "@7200", ODD_BIT(ODD_NO_MARKER)},
        {"first slice of the next picture lost", "p:" P1 " gap t3600 m:" P2, P1 "@0L " P2 "@3600L",
         ODD_BIT(ODD_NO_MARKER)},
        {"the only slice of a picture", "p:7c8188 gap m:7c4102 t9 m:" P1, P1 "@9L", 0},
        {"the only slice behind parameter sets",
         "p:" SPS " p:" PPS " p:7c8588 gap m:7c4502 t9 m:" P1, SPS "," PPS "," P1 "@9CL",
         ODD_BIT(ODD_SPLIT_TIMESTAMP)},
        {"between slices of one picture", "p:" P1 " gap m:" P2 " t9 m:" P1,
         P1 "," P2 "@0L " P1 "@9", 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        script_check(MEDIA_H264, &rows[i]);
}

static void test_depay_h264__annex_b(void **state)
{
    static const struct depay_row rows[] = {
        {"parameter sets and picture in one packet", "m:" SPS "00000001" PPS "00000001" IDR,
         SPS "," PPS "," IDR "@0KC", ODD_BIT(ODD_ANNEX_B)},
        {"short start codes", "m:" SPS "000001" PPS "000001" IDR, SPS "," PPS "," IDR "@0KC",
         ODD_BIT(ODD_ANNEX_B)},
        {"start code in front", "m:00000001" SPS "00000001" PPS "00000001" IDR,
         SPS "," PPS "," IDR "@0KC", ODD_BIT(ODD_ANNEX_B)},
        {"inside STAP-A", "m:78001f" SPS "00000001" PPS "0004" IDR, SPS "," PPS "," IDR "@0KC",
         ODD_BIT(ODD_ANNEX_B)},
        {"inside FU-A",
         "p:7c8742c01ed900a03da1000003000100000300320f162e48 p:7c07000000 p:7c070168cb8cb2 "
         "m:7c4700000001" IDR,
         SPS "," PPS "," IDR "@0KC", ODD_BIT(ODD_ANNEX_B)},
        {"emulation prevention is no start code", "m:4188000003010203", "4188000003010203@0", 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        script_check(MEDIA_H264, &rows[i]);
}

/* 7 MiB without an end: dropped, named, and the next picture is marked. */
static void test_depay_h264__ceiling(void **state)
{
    struct depay_run *d = script_run(MEDIA_H264, "", false);
    static uint8_t bytes[60000] = {0x7c, 0x81, 0x88};
    struct rtp_packet p = {.payload = bytes, .len = sizeof(bytes)};
    for (int i = 0; i < 130; i++) {
        depay_h264(&d->a, &p);
        bytes[1] = 0x01;
    }
    p.marker = true;
    depay_h264(&d->a, &p);
    assert_int_equal(d->n, 0);
    assert_true(d->a.oddities & ODD_BIT(ODD_TOO_LARGE));
    assert_true(d->scratch.cap <= AU_BYTES_MAX);
    script_packet(d, P1, 3600, true, false);
    assert_string_equal(d->out, P1 "@3600L");
    script_free(d);
}

/* A large parked picture does not stay in memory for ever. */
static void test_depay_h264__park_buffer_shrinks(void **state)
{
    struct depay_run *d = script_run(MEDIA_H264, "", false);
    static uint8_t bytes[60000] = {0x7c, 0x81, 0x88};
    struct rtp_packet p = {.payload = bytes, .len = sizeof(bytes)};
    for (int i = 0; i < 20; i++) {
        assembler_unpark(&d->a);
        depay_h264(&d->a, &p);
        bytes[1] = 0x01;
        assert_int_equal(assembler_park(&d->a), 0);
    }
    assert_true(d->a.parked_cap >= 20 * 59998);
    assembler_unpark(&d->a);
    p.len = 3;
    p.marker = true;
    depay_h264(&d->a, &p);
    assembler_park(&d->a);
    d->n = 0;
    d->out[0] = 0;
    for (int i = 0; i < 2 * AU_PARK_ROUNDS; i++) {
        assembler_unpark(&d->a);
        script_packet(d, P1, (uint32_t)i, i % 2, false);
        assembler_park(&d->a);
        d->n = 0;
    }
    assert_true(d->a.parked_cap <= AU_PARK_KEEP);
    script_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_depay_h264__packets),
        cmocka_unit_test(test_depay_h264__units),
        cmocka_unit_test(test_depay_h264__loss),
        cmocka_unit_test(test_depay_h264__annex_b),
        cmocka_unit_test(test_depay_h264__ceiling),
        cmocka_unit_test(test_depay_h264__park_buffer_shrinks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
