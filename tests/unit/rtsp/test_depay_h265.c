/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "depay_script.h"

/* VPS, SPS, PPS of a 64x64 stream, made with x265. */
#define VPS "40010c01ffff01600000030090000003000003001e959809"
#define SPS "42010101600000030090000003000003001ea020810596566924cae69c0800001f48000075300840"
#define PPS "4401c172b46240"
#define IDR "2601af0102" /* IDR_W_RADL, first slice segment */
#define P1 "0201d00304"  /* TRAIL_R */
#define P2 "0201500506"  /* a later slice segment */
#define N1 "0001d00708"  /* TRAIL_N: type 0 */
#define CRA "2a01af0102"
#define SEI "4e01aa" /* prefix */
#define SUFFIX "5001aa"

static void test_depay_h265__packets(void **state)
{
    static const struct depay_row rows[] = {
        {"single", "m:" P1, P1 "@0", 0},
        {"TRAIL_N is a picture", "m:" N1 " t9 m:" N1, N1 "@0 " N1 "@9", 0},
        {"AP", "m:60010005" P1 "0005" P2, P1 "," P2 "@0", 0},
        {"AP that ends too early", "m:600100ff" P1, "", ODD_BIT(ODD_FRAGMENT)},
        {"FU", "p:620193af p:62011301 m:62015302", "2601af0102@0", 0},
        {"FU with start and end in one", "m:6201c1d003", "0201d003@0", 0},
        {"FU, type changes between fragments", "p:620193af p:62010101 m:62014102", "2601af0102@0",
         0},
        {"FU, begin is missing", "p:62011301 m:62015302 t9 m:" P1, P1 "@9L", ODD_BIT(ODD_FRAGMENT)},
        {"FU, empty fragment", "p:620193af p:620113 m:62015302", "2601af02@0", ODD_BIT(ODD_EMPTY)},
        {"FU keeps layer and temporal id", "m:6302c1d0", "0302d0@0", 0},
        {"PACI is named", "p:6401000000 m:" P1, P1 "@0L", ODD_BIT(ODD_PACKET_FORM)},
        {"order numbers in single", "m:02010007d00304", P1 "@0", 0, true},
        {"order numbers in AP", "m:600100070005" P1 "000005" P2, P1 "," P2 "@0", 0, true},
        {"order numbers in FU", "p:6201930007af p:62011301 m:62015302", "2601af0102@0", 0, true},
        {"one byte", "m:02 m:" P1, P1 "@0", ODD_BIT(ODD_EMPTY)},
        {"start codes", "m:00000001" P1 "000001" P2, P1 "," P2 "@0", ODD_BIT(ODD_ANNEX_B)},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        script_check(MEDIA_H265, &rows[i]);
}

static void test_depay_h265__units(void **state)
{
    static const struct depay_row rows[] = {
        {"several slices", "p:" P1 " m:" P2 " t9 p:" P1 " m:" P2, P1 "," P2 "@0 " P1 "," P2 "@9",
         0},
        {"marker never set", "p:" P1 " t9 p:" P1 " t18 p:" P1, P1 "@0 " P1 "@9",
         ODD_BIT(ODD_NO_MARKER)},
        {"suffix SEI stays with its picture", "p:" P1 " m:" SUFFIX " t9 m:" P1,
         P1 "," SUFFIX "@0 " P1 "@9", 0},
        {"prefix SEI begins", "p:" P1 " p:" SEI " p:" P1 " t9 p:" P1, P1 "@0 " SEI "," P1 "@0",
         ODD_BIT(ODD_NO_MARKER)},
        {"timestamp changes between slices", "p:" P1 " t5 m:" P2 " t9 m:" P1,
         P1 "," P2 "@0 " P1 "@9", ODD_BIT(ODD_SPLIT_TIMESTAMP)},
        {"without parameter sets IRAP is no key", "m:" IDR " t9 m:" CRA, IDR "@0 " CRA "@9", 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        script_check(MEDIA_H265, &rows[i]);
}

/* Real parameter sets make IDR and CRA key pictures. */
static void test_depay_h265__key(void **state)
{
    static const char *const keys[] = {IDR, CRA};
    for (size_t i = 0; i < COUNT(keys); i++) {
        char script[1024], want[1024];
        snprintf(script, sizeof(script), "p:%s p:%s p:%s m:%s", VPS, SPS, PPS, keys[i]);
        snprintf(want, sizeof(want), "%s,%s,%s,%s@0KC", VPS, SPS, PPS, keys[i]);
        struct depay_run *d = script_run(MEDIA_H265, script, false);
        assert_string_equal(d->out, want);
        script_free(d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_depay_h265__packets),
        cmocka_unit_test(test_depay_h265__units),
        cmocka_unit_test(test_depay_h265__key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
