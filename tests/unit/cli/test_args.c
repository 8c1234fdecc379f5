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
#include "cli/frame.h"

static const struct cli_option options[] = {
    {"camera", "ID", "which", .required = true},
    {"identity", "FILE", "key", .repeat = true},
    {"output", "FILE", "where"},
    {"days", "N", "how long", .short_name = 'n'},
    {"json", NULL, "print JSON"},
    {0},
};
static const struct cli_command command = {
    .name = "open", .arguments = "FILE", .options = options, .min_args = 0, .max_args = 1};

/* Words of @line, parted by blanks; "_" stands for an empty word. */
static int parse(struct cli_args *a, const char *line, struct err *e)
{
    static char text[512];
    static char *argv[64];
    int argc = 0;
    snprintf(text, sizeof(text), "%s", line);
    for (char *w = strtok(text, " "); w; w = strtok(NULL, " "))
        argv[argc++] = strcmp(w, "_") ? w : w + 1;
    return cli_args_parse(a, &command, argc, argv, e);
}

static void test_args__reads_every_form(void **state)
{
    struct cli_args a;
    struct err e = {0};
    long days;
    assert_int_equal(
        parse(&a, "--camera=c1 --identity A -o out.mp4 --identity=B -n7 file --json", &e), 0);
    assert_string_equal(cli_value(&a, "camera", NULL), "c1");
    assert_string_equal(cli_nth(&a, "identity", 0), "A");
    assert_string_equal(cli_nth(&a, "identity", 1), "B");
    assert_null(cli_nth(&a, "identity", 2));
    assert_string_equal(cli_value(&a, "output", NULL), "out.mp4");
    assert_int_equal(cli_int(&a, "days", 0, 9, 1, &days), 0);
    assert_int_equal(days, 7);
    assert_true(cli_flag(&a, "json"));
    assert_string_equal(cli_arg(&a, 0), "file");
    assert_null(cli_arg(&a, 1));
    cli_args_release(&a);
    assert_int_equal(parse(&a, "--camera c -- --json", &e), 0);
    assert_string_equal(cli_arg(&a, 0), "--json");
    assert_false(cli_flag(&a, "json"));
    cli_args_release(&a);
    assert_int_equal(parse(&a, "--camera= -", &e), 0);
    assert_string_equal(cli_value(&a, "camera", NULL), "");
    assert_string_equal(cli_arg(&a, 0), "-");
    cli_args_release(&a);
    assert_int_equal(parse(&a, "--nonsense --help", &e), 0);
    assert_true(a.help);
    cli_args_release(&a);
}

static const struct {
    const char *line, *says;
} refused[] = {
    {"", "--camera ID is missing"},
    {"--camera", "--camera needs a value: --camera ID"},
    {"--camera --json", "--camera needs a value: --camera ID"},
    {"--camera a --camera b", "--camera is given twice"},
    {"--camera a --json=1", "--json takes no value"},
    {"--camera a --jso", "--jso is not an option of this command"},
    {"--camera a --secret=x", "--secret is not an option of this command"},
    {"--camera a -x", "-x is not an option of this command"},
    {"--camera a b c", "'c' is one argument too many"},
};

static void test_args__refuses_with_the_option(void **state)
{
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct cli_args a;
        struct err e = {0};
        assert_int_equal(parse(&a, refused[i].line, &e), E_SYNTAX);
        assert_string_equal(e.text, refused[i].says);
        cli_args_release(&a);
    }
}

static void test_args__typed_values(void **state)
{
    static const char *const bad[] = {"x", "1x", "_", "10", "-1", "99999999999999999999", "0x1"};
    struct cli_args a;
    struct err e = {0};
    long v;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char line[64];
        snprintf(line, sizeof(line), "--camera c --days %s", bad[i]);
        assert_int_equal(parse(&a, line, &e), 0);
        assert_true(cli_int(&a, "days", 0, 9, 0, &v) < 0);
        cli_args_release(&a);
    }
    long long t = 5, now = clock_wall_us(&clock_system);
    assert_int_equal(parse(&a, "--camera c --output -10m", &e), 0);
    assert_int_equal(cli_time(&a, "output", &t), 0);
    assert_true(llabs(now - 10 * MINUTE_US - t) < 5 * SECOND_US);
    assert_int_equal(cli_time(&a, "identity", &t), 0); /* not given: as it was */
    cli_args_release(&a);
}

static void test_args__nearest_command(void **state)
{
    assert_string_equal(cli_nearest("statsu"), "status");
    assert_string_equal(cli_nearest("camera ad"), "camera add");
    assert_string_equal(cli_nearest("porbe"), "probe");
    assert_null(cli_nearest("xyzzy-and-more"));
    assert_null(cli_nearest("cosignr")); /* hidden */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_args__reads_every_form),
        cmocka_unit_test(test_args__refuses_with_the_option),
        cmocka_unit_test(test_args__typed_values),
        cmocka_unit_test(test_args__nearest_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
