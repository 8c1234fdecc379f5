/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/config.h"
#include "base/log.h"

static void test_config__empty_file_is_the_defaults(void **state)
{
    struct config c, d;
    config_default(&d);
    static const char *const empty[] = {"", "\n", "# nothing\n", "{}\n", "disk:\n", "disk: {}\n"};
    for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
        struct err e = {0};
        int r = config_parse("f.yaml", empty[i], strlen(empty[i]), &c, &e);
        if (r)
            fail_msg("'%s': %s", empty[i], e.text);
        assert_int_equal(c.epoch_minutes, 10);
        assert_int_equal(c.retention_days, 30);
        assert_int_equal(c.threshold, 2);
        assert_int_equal(c.log_level, LOG_LEVEL_INFO);
        assert_int_equal(c.disk.reserve_bytes, 1000000000);
        assert_string_equal(c.listen, "127.0.0.1:8080");
        assert_string_equal(c.node, d.node);
    }
}

static void test_config__reads_every_key(void **state)
{
    static const char text[] =
        "node: hall-2\ndata: store\nlisten: '[::1]:9000'\ncustodians: /etc/c.txt\n"
        "threshold: 3\nepoch_minutes: 15\nretention_days: 7\n"
        "disk: {reserve: 5Gi, when_full: stop}\nthreads: 4\nlog: debug\n"
        "cameras:\n  transport: udp\n  audio: yes\n";
    struct config c;
    struct err e = {0};
    int r = config_parse("/etc/lethe/lethe.yaml", text, strlen(text), &c, &e);
    if (r)
        fail_msg("%s", e.text);
    assert_string_equal(c.node, "hall-2");
    assert_string_equal(c.data_dir, "/etc/lethe/store");
    assert_string_equal(c.custodians, "/etc/c.txt");
    assert_string_equal(c.listen, "[::1]:9000");
    assert_int_equal(c.threshold, 3);
    assert_int_equal(c.epoch_minutes, 15);
    assert_int_equal(c.retention_days, 7);
    assert_int_equal(c.disk.reserve_bytes, INT64_C(5) << 30);
    assert_int_equal(c.disk.when_full, CONFIG_STOP);
    assert_int_equal(c.threads, 4);
    assert_int_equal(c.log_level, LOG_LEVEL_DEBUG);
    assert_int_equal(c.cameras.transport, CONFIG_TRANSPORT_UDP);
    assert_true(c.cameras.audio);
}

/* What is refused, and what the sentence begins with. */
static const struct {
    const char *text, *begins;
} refused[] = {
    {"node: a\nepohc_minutes: 3\n",
     "f.yaml:2:1: epohc_minutes is not a known key; known here: node, data"},
    {"epoch_minutes: 7\n", "f.yaml:1:16: epoch_minutes must divide the hour"},
    {"epoch_minutes: 0\n", "f.yaml:1:16: epoch_minutes: '0' is not a whole number from 1 to 60"},
    {"epoch_minutes: 61\n", "f.yaml:1:16: epoch_minutes: '61'"},
    {"epoch_minutes: ten\n", "f.yaml:1:16: epoch_minutes: 'ten'"},
    {"epoch_minutes: 0x10\n", "f.yaml:1:16: epoch_minutes: '0x10'"},
    {"epoch_minutes: 99999999999999999999\n", "f.yaml:1:16: epoch_minutes"},
    {"epoch_minutes:\n", "f.yaml:1:15: epoch_minutes: '' is not"},
    {"retention_days: -1\n", "f.yaml:1:17: retention_days"},
    {"threshold: 1\n", "f.yaml:1:12: threshold: '1' is not a whole number from 2 to 32"},
    {"disk:\n  reserve: lots\n", "f.yaml:2:12: disk.reserve: 'lots' is not a size"},
    {"disk:\n  when_full: newest\n",
     "f.yaml:2:14: disk.when_full: 'newest' is not oldest-first or stop"},
    {"disk:\n  when: stop\n",
     "f.yaml:2:3: disk.when is not a known key; known here: reserve, when_full"},
    {"disk: 5G\n", "f.yaml:1:7: disk. keys with values"},
    {"disk: [a]\n", "f.yaml:1:7: disk. keys with values"},
    {"cameras: {audio: maybe}\n", "f.yaml:1:18: cameras.audio: 'maybe' is not true or false"},
    {"node: Ä\n", "f.yaml:1:7: node must be"},
    {"node: [a]\n", "f.yaml:1:7: node: 'a list or mapping' is not a text"},
    {"node: aaaaaaaaaabbbbbbbbbbccccccccccaaaaaaaaaabbbbbbbbbbccccccccccaaaa\n",
     "f.yaml:1:7: node: 'aaaa"},
    {"node: a\nnode: b\n", "f.yaml:2:1: node stands twice"},
    {"node: &x a\ndata: *x\n", "f.yaml:1:7: anchors"},
    {"node: *x\n", "f.yaml:1:7: anchors"},
    {"node: a\n---\nnode: b\n", "f.yaml:2:1: a second document"},
    {"- a\n", "f.yaml:1:1: keys with values"},
    {"just text\n", "f.yaml:1:1: keys with values"},
    {"? [a]\n: b\n", "f.yaml:1:3: (a list or mapping) is not a known key"},
    {"node: [a\n", "f.yaml:2:1: not YAML: "},
    {"\tnode: a\n", "f.yaml:1:1: not YAML: "},
    {"node: \"a\\0b\"\n", "f.yaml:1:7: node: 'a' is not a text"},
    {"listen: 8080\n", "f.yaml:1:9: listen must be ADDRESS:PORT"},
    {"listen: 'a:0'\n", "f.yaml:1:9: listen must be"},
    {"listen: '::1:80'\n", "f.yaml:1:9: listen must be"},
    {"listen: 'a:99999'\n", "f.yaml:1:9: listen must be"},
    {"data: \"a\\nb\"\n", "f.yaml:1:7: data: 'a\nb' is not a text"},
    {"a: [[[[[[[[[[1]]]]]]]]]]\n", "f.yaml:1:11: nested deeper"},
    {"log: 7\n", "f.yaml:1:6: log: '7' is not error, warn, info or debug"},
};

static void test_config__refuses_with_line_and_key(void **state)
{
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct config c = {.threshold = 77};
        struct err e = {0};
        int r = config_parse("f.yaml", refused[i].text, strlen(refused[i].text), &c, &e);
        if (r >= 0 || strncmp(e.text, refused[i].begins, strlen(refused[i].begins)))
            fail_msg("'%s' gave %d '%s', wanted '%s'", refused[i].text, r, e.text,
                     refused[i].begins);
        assert_int_equal(c.threshold, 77);
    }
}

static void test_config__missing_file_has_a_sentence(void **state)
{
    struct config c;
    struct err e = {0};
    assert_int_equal(config_load("/nonexistent/lethe.yaml", &c, &e), -2);
    assert_string_equal(e.text, "/nonexistent/lethe.yaml: No such file or directory");
}

static void test_config__example_of_deploy_is_valid(void **state)
{
    struct config c;
    struct err e = {0};
    int r = config_load("deploy/lethe.yaml", &c, &e);
    if (r)
        fail_msg("%s", e.text);
}

static void test_config__ids(void **state)
{
    static const char *const good[] = {"a", "0", "gate-1", "a.b_c-d"};
    static const char *const bad[] = {
        "",   "-a",       ".a",
        "A",  "a b",      "a/b",
        "..", "\xc3\xa4", "aaaaaaaaaabbbbbbbbbbccccccccccaaaaaaaaaabbbbbbbbbbccccccccccaaaa"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(config_id_valid(good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(config_id_valid(bad[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_config__empty_file_is_the_defaults),
        cmocka_unit_test(test_config__reads_every_key),
        cmocka_unit_test(test_config__refuses_with_line_and_key),
        cmocka_unit_test(test_config__missing_file_has_a_sentence),
        cmocka_unit_test(test_config__example_of_deploy_is_valid),
        cmocka_unit_test(test_config__ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
