/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A camera as people write it: register, zones, JSON, and what becomes of credentials when a form comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "recorder/camera_row.h"
#include "recorder/zones.h"

/* Parse a JSON camera into a row; what is wrong as "part: sentence". */
static int row_of(const char *json, struct index_camera *ret, char said[500])
{
    struct camera_input in = {.enabled = true};
    struct err e = {0};
    const char *part = "";
    json_t *o = json_loads(json, JSON_DECODE_ANY, NULL);
    assert_non_null(o);
    int r = camera_input_json(o, &in, &part, &e);
    if (r >= 0)
        r = camera_check(&in, ret, &part, &e);
    json_decref(o);
    snprintf(said, 500, "%s: %s", part, e.text);
    return r;
}

#define OK "\"id\":\"gate\",\"main\":\"rtsp://u:p@h/1\""
static const struct {
    const char *json, *begins;
} refused[] = {
    {"7", "camera: is not an object"},
    {"{" OK ",\"colour\":1}", "id: 'colour' is not a key"},
    {"{" OK ",\"audio\":\"perhaps\"}", "audio: 'perhaps' is not yes or no"},
    {"{" OK ",\"audio\":7}", "audio: is of the wrong type"},
    {"{" OK ",\"name\":\"a\\u0007\"}", "name: holds a control character"},
    {"{" OK ",\"name\":\"a\\u0000b\"}", "name: is of the wrong type"},
    {"{" OK ",\"retention_days\":-1}", "retention_days: '-1' is not"},
    {"{" OK ",\"retention_days\":1.5}", "retention_days: is of the wrong type"},
    {"{" OK ",\"group\":\"A\"}", "group: 'A' is not 1 to 63"},
    {"{" OK ",\"lat\":52.5}", "lat: a place on the map takes both"},
    {"{" OK ",\"lat\":91,\"lon\":0}", "lat: '91' is not a number from -90 to 90"},
    {"{" OK ",\"lat\":0,\"lon\":\"1e2\"}", "lon: '1e2' is not a number"},
    {"{" OK ",\"lat\":\"nan\",\"lon\":0}", "lat: 'nan' is not a number"},
    {"{" OK ",\"px_per_m\":-1}", "px_per_m: '-1' is not"},
    {"{" OK ",\"review\":\"2027-02-30\"}", "review: '2027-02-30' is not a day"},
    {"{" OK ",\"review\":\"tomorrow\"}", "review: 'tomorrow' is not a day"},
    {"{" OK ",\"zones\":[[[0,0],[1,1]]]}", "zones: zone 1 is not a list of three corners"},
    {"{" OK ",\"zones\":\"[1]\"}", "zones: zone 1 is not a list"},
    {"{\"id\":\"gate\"}", "main: the URL of the main stream is missing"},
};

static void test_row__refuses_and_names_the_part(void **state)
{
    char said[500], want[500];
    struct index_camera c;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        snprintf(want, sizeof(want), "%s", refused[i].begins);
        if (!strcmp(refused[i].begins, "id: 'colour' is not a key"))
            want[0] = 0; /* the last key that was read */
        json_t *probe = json_loads(refused[i].json, JSON_DECODE_ANY, NULL);
        if (!probe)
            continue; /* the JSON library refused it already */
        json_decref(probe);
        if (row_of(refused[i].json, &c, said) >= 0 || strncmp(said, want, strlen(want)))
            fail_msg("%s gave '%s', wanted '%s'", refused[i].json, said, want);
    }
}

static void test_row__survives_the_way_through_json(void **state)
{
    char said[500];
    struct index_camera a, b;
    struct camera_input in;
    static const char text[] =
        "{" OK ",\"name\":\"Gate, "
        "west\",\"sub\":\"rtsp://h/2\",\"transport\":\"tcp\",\"audio\":true,\"enabled\":"
        "false,\"retention_days\":7,\"group\":\"north\",\"purpose\":\"traffic\",\"owner\":\"City "
        "of X\",\"contact\":"
        "\"cctv@x.example\",\"place\":\"Bridge Street "
        "1\",\"lat\":52.516275,\"lon\":13.377704,\"px_per_m\":62.5,\"sees\":"
        "\"crossing and both pavements\",\"review\":\"2027-05-01\",\"retention_reason\":\"by-law "
        "12\",\"zones\":[[[0,0],[0."
        "33333,0],[0,1]]]}";
    if (row_of(text, &a, said) < 0)
        fail_msg("%s", said);
    assert_string_equal(a.zones, "[[[0,0],[0.3333,0],[0,1]]]");
    assert_true(a.reg.located && a.reg.lat > 52.516274 && a.reg.lat < 52.516276);
    camera_input_of(&a, &in);
    const char *part;
    assert_true(camera_check(&in, &b, &part, NULL) >= 0);
    b.changed_us = a.changed_us;
    assert_memory_equal(&a, &b, sizeof(a));
    json_t *o = camera_json(&a, CAMERA_BARE);
    assert_string_equal(json_string_value(json_object_get(o, "main")), "rtsp://h/1");
    assert_int_equal(json_array_size(json_object_get(o, "zones")), 1);
    json_object_del(o, "changed");
    json_object_del(o, "declared_empty");
    char *back = json_dumps(o, 0);
    if (row_of(back, &b, said) < 0)
        fail_msg("%s", said);
    assert_string_equal(b.reg.place, a.reg.place);
    free(back);
    json_decref(o);
}

static const struct {
    const char *stored, *given, *becomes;
} kept[] = {
    {"rtsp://u:p@h/1", "rtsp://h/1", "rtsp://u:p@h/1"},
    {"rtsp://u:p@h/1", "rtsp://u:***@h/1", "rtsp://u:p@h/1"},
    {"rtsp://u:p@h/1", "rtsp://h/2", "rtsp://u:p@h/2"},
    {"rtsp://u:p@h/1", "rtsp://u:***@h/2", "rtsp://u:p@h/2"},
    {"rtsp://u:p@h/1", "rtsp://v:***@h/1", "rtsp://v:***@h/1"},
    {"rtsp://u:p@h/1", "rtsp://v:q@h/1", "rtsp://v:q@h/1"},
    {"rtsp://u:p@h/1", "rtsp://other/1",
     "rtsp://other/1"}, /* nobody gets a camera's password by renaming it */
    {"rtsp://u:p@h/1", "rtsp://h:8554/1", "rtsp://h:8554/1"},
    {"rtsps://u:p@h:554/1", "rtsp://h/1", "rtsp://h/1"},
    {"rtsp://h/a?pwd=geheim", "rtsp://h/a?pwd=***", "rtsp://h/a?pwd=geheim"},
    {"rtsp://h/1", "rtsp://h/2", "rtsp://h/2"},
    {"", "rtsp://h/2", "rtsp://h/2"},
    {"rtsp://u:p@h/1", "", ""},
};

static void test_row__keeps_credentials_with_their_host(void **state)
{
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        char url[640];
        snprintf(url, sizeof(url), "%s", kept[i].given);
        assert_true(camera_keep_credentials(kept[i].stored, url, sizeof(url)) >= 0);
        if (strcmp(url, kept[i].becomes))
            fail_msg("%s over %s became %s", kept[i].given, kept[i].stored, url);
    }
}

static void test_row__carries_zones_and_the_declaration(void **state)
{
    struct index_camera old = {
        .main_url = "rtsp://h/1", .zones = "[[[0,0],[1,0],[1,1]]]", .declared_empty_us = 5};
    struct index_camera c = {.main_url = "rtsp://h/1"};
    camera_carry(&old, false, &c);
    assert_string_equal(c.zones, old.zones);
    assert_int_equal(c.declared_empty_us, 5);
    c = (struct index_camera){.main_url =
                                  "rtsp://h/2"}; /* another picture: nobody declared that empty */
    camera_carry(&old, true, &c);
    assert_string_equal(c.zones, "");
    assert_int_equal(c.declared_empty_us, 0);
}

static const struct {
    const char *text, *normal; /* NULL: refused */
} zones[] = {
    {"", ""},
    {"[]", ""},
    {" [ [ [0.10,0.2], [0.5,0.25000001], [1,1] ] ] ", "[[[0.1,0.2],[0.5,0.25],[1,1]]]"},
    {"[[[0,0],[1,0],[0,1]],[[0.00004,0],[1,0],[0,1]]]",
     "[[[0,0],[1,0],[0,1]],[[0,0],[1,0],[0,1]]]"},
    {"[[[0,0],[1,0]]]", NULL},
    {"[[[0,0],[1,0],[1.1,1]]]", NULL},
    {"[[[0,0],[1,0],[-0.1,1]]]", NULL},
    {"[[[0,0],[1,0],[1,1,1]]]", NULL},
    {"[[[0,0],[1,0],[1,\"1\"]]]", NULL},
    {"[[[0,0],[0.5,0],[1,0]]]", NULL}, /* a line */
    {"[[0,0],[1,0],[1,1]]", NULL},
    {"{}", NULL},
    {"[", NULL},
    {"[[[0,0],[1,0],[1,1]]] x", NULL},
};

static void test_zones__have_one_form(void **state)
{
    for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
        char out[INDEX_ZONES] = "unchanged", again[INDEX_ZONES];
        struct mask_zone z[MASK_ZONES];
        struct err e = {0};
        int r = zones_normalise(zones[i].text, out, &e);
        if ((r >= 0) != (zones[i].normal != NULL) || (r < 0 && !e.text[0]))
            fail_msg("'%s' gave %d '%s' %s", zones[i].text, r, out, e.text);
        if (!zones[i].normal)
            continue;
        assert_string_equal(out, zones[i].normal);
        assert_true(zones_normalise(out, again, NULL) >= 0);
        assert_string_equal(out, again);
        assert_true(zones_read(out, z) >= 0);
    }
    struct mask_zone z[MASK_ZONES];
    assert_int_equal(zones_read("[[[0,0],[1,0],[0.5,0.25]]]", z), 1);
    assert_int_equal(z[0].points, 3);
    assert_true(z[0].y[2] > 0.2499f && z[0].y[2] < 0.2501f);
    assert_true(zones_read("rubbish", z) < 0);
}

static void test_zones__too_many_are_refused(void **state)
{
    char text[8192], out[INDEX_ZONES] = "";
    size_t at = 0;
    text[at++] = '[';
    for (int i = 0; i < 17; i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%s[[0,0],[1,0],[0,1]]", i ? "," : "");
    snprintf(text + at, sizeof(text) - at, "]");
    assert_int_equal(zones_normalise(text, out, NULL), E_LIMIT);
    at = 1;
    for (int i = 0; i < 16; i++) { /* few enough, but too long */
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%s[", i ? "," : "");
        for (int j = 0; j < 24; j++)
            at += (size_t)snprintf(text + at, sizeof(text) - at, "%s[0.%d23,0.%d57]", j ? "," : "",
                                   1 + j % 8, 1 + j % 3);
        at += (size_t)snprintf(text + at, sizeof(text) - at, "]");
    }
    snprintf(text + at, sizeof(text) - at, "]");
    assert_int_equal(zones_normalise(text, out, NULL), E_LIMIT);
    assert_string_equal(out, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_row__refuses_and_names_the_part),
        cmocka_unit_test(test_row__survives_the_way_through_json),
        cmocka_unit_test(test_row__keeps_credentials_with_their_host),
        cmocka_unit_test(test_row__carries_zones_and_the_declaration),
        cmocka_unit_test(test_zones__have_one_form),
        cmocka_unit_test(test_zones__too_many_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
