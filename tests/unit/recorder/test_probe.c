/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "recorder/probe.h"

/* A camera without fault: five seconds at 25 pictures a second, a key frame each second. */
static struct probe healthy(void)
{
    struct probe p = {.tls = true, .pinned = true, .seconds = 5};
    p.track[0] = (struct probe_track){
        .seen = true,
        .params_in_sdp = true,
        .frames = 126,
        .keys = 6,
        .bytes = 1250000,
        .max_pts = 450000,
        .last_pts = 450000,
        .last_us = 5 * SECOND_US,
        .longest_key_us = SECOND_US,
        .worst_wait_us = 40000,
        .reports = true,
        .track = {.codec = MEDIA_H264, .clock_rate = 90000, .width = 1920, .height = 1080}};
    return p;
}

static bool says(const struct probe *p, enum probe_weight weight, const char *part)
{
    struct probe_finding f[PROBE_FINDINGS];
    int n = probe_findings(p, f);
    for (int i = 0; i < n; i++)
        if (f[i].weight == weight && strstr(f[i].text, part))
            return true;
    return false;
}

static void test_probe__nothing_to_say_about_a_good_camera(void **state)
{
    struct probe p = healthy();
    struct probe_finding f[PROBE_FINDINGS];
    assert_int_equal(probe_findings(&p, f), 0);
    assert_true(probe_fps(&p.track[0]) > 24.9 && probe_fps(&p.track[0]) < 25.1);
    assert_true(probe_bits(&p.track[0]) == 2e6);
}

static void test_probe__names_what_is_wrong(void **state)
{
    struct probe p = healthy();
    p.track[0].keys = 0;
    assert_true(says(&p, PROBE_BAD, "no key frame"));
    p = healthy();
    p.track[0].longest_key_us = 10 * SECOND_US;
    assert_true(says(&p, PROBE_WARN, "a key frame only every 10.0 s"));
    p = healthy();
    p.track[0].lost = 3;
    assert_true(says(&p, PROBE_BAD, "3 packets were lost"));
    p = healthy();
    p.track[0].track.codec = MEDIA_H265;
    assert_true(says(&p, PROBE_NOTE, "H.265"));
    p = healthy();
    p.track[0].params_in_sdp = false;
    assert_true(says(&p, PROBE_NOTE, "parameter sets are not announced"));
    p = healthy();
    p.track[0].reordered = true;
    assert_true(says(&p, PROBE_NOTE, "B-frames"));
    p = healthy();
    p.track[0].reports = false;
    assert_true(says(&p, PROBE_NOTE, "no sender reports"));
    p = healthy();
    p.track[0].clock_offset_us = -90 * SECOND_US;
    assert_true(says(&p, PROBE_WARN, "clock is 90.0 s behind"));
    p = healthy();
    p.track[1] = (struct probe_track){.seen = true, .track = {.codec = MEDIA_PCMA}};
    assert_true(says(&p, PROBE_NOTE, "left out unless"));
    p = healthy();
    p.tls = false;
    assert_true(says(&p, PROBE_NOTE, "not encrypted"));
    p = healthy();
    p.pinned = false;
    snprintf(p.pin, sizeof(p.pin), "ab12");
    assert_true(says(&p, PROBE_NOTE, "--pin ab12"));
    p = healthy();
    p.track[0].frames = p.track[0].keys = 0;
    assert_true(says(&p, PROBE_BAD, "no picture came"));
}

static void test_probe__takes_the_description_apart(void **state)
{
    struct probe p = healthy();
    char text[] = "server: Cam/1.0\033[2J\ntransport: TCP interleaved\ntrack 0: H.264\noddity: "
                  "sends rubbish\n";
    probe_take_description(&p, text);
    assert_string_equal(p.server, "Cam/1.0?[2J");
    assert_string_equal(p.transport, "TCP interleaved");
    assert_int_equal(p.oddity_count, 1);
    assert_true(says(&p, PROBE_NOTE, "sends rubbish"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_probe__nothing_to_say_about_a_good_camera),
        cmocka_unit_test(test_probe__names_what_is_wrong),
        cmocka_unit_test(test_probe__takes_the_description_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
