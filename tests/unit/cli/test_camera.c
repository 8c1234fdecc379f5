/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/camera_import.h"
#include "cli/output.h"

static struct camera_input input(const char *id, const char *main)
{
    struct camera_input in = {.enabled = true};
    snprintf(in.id, sizeof(in.id), "%s", id);
    snprintf(in.main, sizeof(in.main), "%s", main);
    return in;
}

static const struct {
    const char *id, *main, *user, *password, *sub, *pin;
    int days;
    const char *part, *begins;
} refused[] = {
    {"Gate", "rtsp://h/", "", "", "", "", 0, "id", "'Gate' is not 1 to 63"},
    {"", "rtsp://h/", "", "", "", "", 0, "id", "'' is not 1 to 63"},
    {"../x", "rtsp://h/", "", "", "", "", 0, "id", "'../x' is not"},
    {"a", "", "", "", "", "", 0, "main", "the URL of the main stream is missing"},
    {"a", "http://h/", "", "", "", "", 0, "main", "the URL does not begin with rtsp"},
    {"a", "rtsp://h:0/", "", "", "", "", 0, "main", "host or port"},
    {"a", "rtsp://h/a b", "", "", "", "", 0, "main", "a URL holds no blanks"},
    {"a", "rtsp://h/a\nb", "", "", "", "", 0, "main", "a URL holds no blanks"},
    {"a", "rtsp://u:***@h/", "", "", "", "", 0, "main", "the password is '***'"},
    {"a", "rtsp://h/", "", "p", "", "", 0, "user", "a password needs a user"},
    {"a", "rtsp://h/", "", "", "ftp://h/", "", 0, "sub", "the URL does not begin"},
    {"a", "rtsps://h/", "", "", "", "abcd", 0, "pin", "64 hexadecimal"},
    {"a", "rtsps://h/", "", "", "", "zz", 0, "pin", "64 hexadecimal"},
    {"a", "rtsp://h/", "", "", "",
     "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", 0, "pin",
     "a certificate can only be pinned"},
    {"a", "rtsp://h/", "", "", "", "", 3651, "retention_days", "3651 is not"},
    {"a", "rtsp://h/", "", "", "", "", -1, "retention_days", "-1 is not"},
};

static void test_camera__refuses_and_names_the_part(void **state)
{
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct camera_input in = input(refused[i].id, refused[i].main);
        struct index_camera c;
        struct err e = {0};
        const char *part = "";
        snprintf(in.user, sizeof(in.user), "%s", refused[i].user);
        snprintf(in.password, sizeof(in.password), "%s", refused[i].password);
        snprintf(in.sub, sizeof(in.sub), "%s", refused[i].sub);
        snprintf(in.pin, sizeof(in.pin), "%s", refused[i].pin);
        in.retention_days = refused[i].days;
        int r = camera_check(&in, &c, &part, &e);
        if (r >= 0 || strcmp(part, refused[i].part) ||
            strncmp(e.text, refused[i].begins, strlen(refused[i].begins)))
            fail_msg("%zu gave %d %s '%s'", i, r, part, e.text);
    }
}

/* Password of --password-file, URL that is kept, URL that is shown. */
static const struct {
    const char *url, *user, *password, *kept, *shown;
} urls[] = {
    {"rtsp://h/a", "", "", "rtsp://h/a", "rtsp://h/a"},
    {"rtsp://u:p@h/a", "", "", "rtsp://u:p@h/a", "rtsp://u:***@h/a"},
    {"rtsp://u@h/a", "", "", "rtsp://u@h/a", "rtsp://u@h/a"},
    {"rtsp://u:p@h/a", "v", "q", "rtsp://v:q@h/a", "rtsp://v:***@h/a"},
    {"rtsp://h:8554/a", "v", "p@:/%#", "rtsp://v:p%40%3A%2F%25%23@h:8554/a",
     "rtsp://v:***@h:8554/a"},
    {"rtsp://u:p@ss@h/a@b", "", "", "rtsp://u:p%40ss@h/a@b", "rtsp://u:***@h/a@b"},
    {"rtsps://[fe80::1]/a", "v", "p", "rtsps://v:p@[fe80::1]/a", "rtsps://v:***@[fe80::1]/a"},
    {"rtsp://h/user=x_password=geheim_channel=1", "", "",
     "rtsp://h/user=x_password=geheim_channel=1", "rtsp://h/user=x_password=***_channel=1"},
    {"rtsp://h/a?pwd=ab&x=1", "", "", "rtsp://h/a?pwd=ab&x=1", "rtsp://h/a?pwd=**&x=1"},
};

static void test_camera__keeps_credentials_and_hides_them(void **state)
{
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct camera_input in = input("a", urls[i].url);
        struct index_camera c;
        struct err e = {0};
        const char *part;
        char shown[CAMERA_URL];
        snprintf(in.user, sizeof(in.user), "%s", urls[i].user);
        snprintf(in.password, sizeof(in.password), "%s", urls[i].password);
        if (camera_check(&in, &c, &part, &e) < 0)
            fail_msg("%s: %s %s", urls[i].url, part, e.text);
        assert_string_equal(c.main_url, urls[i].kept);
        assert_string_equal(camera_redact(c.main_url, shown), urls[i].shown);
        in = input("a", c.main_url); /* what is kept is read as the same */
        assert_true(camera_check(&in, &c, &part, &e) >= 0);
        assert_string_equal(c.main_url, urls[i].kept);
    }
    char shown[CAMERA_URL];
    assert_string_equal(camera_redact("rubbish:secret@x", shown), "(not a readable URL)");
    assert_string_equal(camera_redact("", shown), "");
}

static void test_camera__json_hides_the_password(void **state)
{
    struct camera_input in = input("a", "rtsp://u:geheim@h/a");
    struct index_camera c;
    struct err e = {0};
    const char *part;
    assert_true(camera_check(&in, &c, &part, &e) >= 0);
    json_t *o = camera_json(&c, false);
    char *text = json_dumps(o, 0);
    assert_null(strstr(text, "geheim"));
    free(text);
    json_decref(o);
}

static struct import read_import(const char *text, bool yaml, int *ret, struct err *e)
{
    struct import im = {
        .file = "f", .texts = json_array(), .defaults = {.enabled = true, .transport = 1}};
    struct buf b;
    buf_init(&b, 0);
    assert_true(buf_append(&b, text, strlen(text)) >= 0);
    *ret = yaml ? import_yaml(&im, &b, e) : import_csv(&im, &b, e);
    buf_release(&b);
    return im;
}

static void release_import(struct import *im)
{
    json_decref(im->texts);
    free(im->rows);
    free(im->lines);
}

static void test_import__csv_and_yaml_give_the_same_rows(void **state)
{
    static const char csv[] =
        "main,id,user,password,audio,retention_days,name,transport\n"
        "rtsp://h/1,a,u,\"p,q\",yes,7,\"Gate, west\",udp\nrtsp://h/2,b,,,,,,\n";
    static const char yaml[] =
        "cameras:\n  - {id: a, main: rtsp://h/1, user: u, password: 'p,q', audio: yes,"
        " retention_days: 7, name: 'Gate, west', transport: udp}\n  - id: b\n    main: "
        "rtsp://h/2\n";
    for (int y = 0; y < 2; y++) {
        struct err e = {0};
        int r;
        struct import im = read_import(y ? yaml : csv, y, &r, &e);
        if (r < 0 || im.problems)
            fail_msg("%s %s", e.text, json_string_value(json_array_get(im.texts, 0)));
        assert_int_equal(im.count, 2);
        assert_string_equal(im.rows[0].main_url, "rtsp://u:p%2Cq@h/1");
        assert_string_equal(im.rows[0].name, "Gate, west");
        assert_true(im.rows[0].audio && im.rows[0].enabled);
        assert_int_equal(im.rows[0].retention_days, 7);
        assert_int_equal(im.rows[0].transport, 2);
        assert_string_equal(im.rows[1].id, "b");
        assert_int_equal(im.rows[1].transport, 1);
        assert_false(im.rows[1].audio);
        release_import(&im);
    }
}

static const struct {
    const char *text;
    bool yaml;
    const char *begins;
} bad_imports[] = {
    {"id\na\n", false, "f:1:1: the first line names the columns"},
    {"", false, "f:1:1: the first line names the columns"},
    {"id,main,colour\n", false, "f:1:9: 'colour' is not a column"},
    {"id,main,id\n", false, "f:1:9: column 'id' stands twice"},
    {"id,main\na,rtsp://h,\n", false, "f:2:1: line: 3 fields, but the header has 2"},
    {"id,main\nok,rtsp://h\nb,rtp://h\n", false, "f:3:3: main: the URL does not begin"},
    {"id,main,audio\na,rtsp://h,perhaps\n", false, "f:2:12: audio: 'perhaps' is not yes or no"},
    {"id,main,retention_days\na,rtsp://h,-1\n", false,
     "f:2:12: retention_days: '-1' is not a number"},
    {"id,main\na,\"rtsp://h\n", false, "f:2:3: this quote is never closed"},
    {"cameras:\n  - id: a\n", true, "f:2:5: main is missing"},
    {"cameras:\n  - id: a\n    main: rtsp://h\n    colour: red\n", true,
     "f:4:5: colour is not a known key"},
    {"cameras:\n  - id: A\n    main: rtsp://h\n", true, "f:2:9: id: 'A' is not 1 to 63"},
    {"cameras: 7\n", true, "f:1:1: a list under the one key 'cameras:'"},
    {"- id: a\n", true, "f:1:1: a list under the one key 'cameras:'"},
    {"cameras: [a]\n", true, "f:1:11: keys with values"},
};

static void test_import__names_line_and_column(void **state)
{
    for (size_t i = 0; i < sizeof(bad_imports) / sizeof(bad_imports[0]); i++) {
        struct err e = {0};
        int r;
        struct import im = read_import(bad_imports[i].text, bad_imports[i].yaml, &r, &e);
        const char *first = json_string_value(json_array_get(im.texts, 0)),
                   *said = r < 0 ? e.text : first;
        if (!said || strncmp(said, bad_imports[i].begins, strlen(bad_imports[i].begins)))
            fail_msg("%zu gave %d '%s', wanted '%s'", i, r, said ? said : "nothing",
                     bad_imports[i].begins);
        release_import(&im);
    }
}

static void test_output__cleans_what_steers_a_terminal(void **state)
{
    char text[] = "a\033[2Jb\r\n\x7f\xc2\x9b"
                  "c\xe2\x80\xae"
                  "d\xc3\xa9";
    assert_string_equal(cli_clean(text), "a?[2Jb?????c???d\xc3\xa9");
}

static void test_output__units(void **state)
{
    char out[32];
    assert_string_equal(cli_bits(2100000, out), "2.1 Mbit/s");
    assert_string_equal(cli_bits(0, out), "0 bit/s");
    assert_string_equal(cli_bytes(999.9e9, out), "1.0 TB");
    assert_string_equal(cli_bytes(12e9, out), "12 GB");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_camera__refuses_and_names_the_part),
        cmocka_unit_test(test_camera__keeps_credentials_and_hides_them),
        cmocka_unit_test(test_camera__json_hides_the_password),
        cmocka_unit_test(test_import__csv_and_yaml_give_the_same_rows),
        cmocka_unit_test(test_import__names_line_and_column),
        cmocka_unit_test(test_output__cleans_what_steers_a_terminal),
        cmocka_unit_test(test_output__units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
