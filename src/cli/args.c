/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "cli/frame.h"

char cli_short(const struct cli_option *o)
{
    return o->short_name ? o->short_name : (!strcmp(o->name, "output") && o->value) ? 'o' : 0;
}

static const struct cli_option *find_long(const struct cli_command *c, const char *name, size_t len)
{
    for (const struct cli_option *o = c->options; o && o->name; o++)
        if (strlen(o->name) == len && !memcmp(o->name, name, len))
            return o;
    return NULL;
}

static const struct cli_option *find_short(const struct cli_command *c, char name)
{
    for (const struct cli_option *o = c->options; o && o->name; o++)
        if (cli_short(o) == name)
            return o;
    return NULL;
}

static bool is_given(const struct cli_args *a, const struct cli_option *o)
{
    for (size_t i = 0; i < a->given_count; i++)
        if (a->given[i].option == o)
            return true;
    return false;
}

static int put_option(struct cli_args *a, const struct cli_option *o, const char *value,
                      struct err *reterr)
{
    if (!o->repeat && o->value && is_given(a, o))
        return err_set(reterr, E_SYNTAX, "--%s is given twice", o->name);
    a->given[a->given_count++] = (struct cli_given){.option = o, .value = value};
    return 0;
}

/* "--name", "--name=value", "-o", "-ovalue"; *i moves on when the value is the next argument. */
static int parse_option(struct cli_args *a, int argc, char **argv, int *i, struct err *reterr)
{
    const char *arg = argv[*i], *value = NULL;
    const struct cli_option *o;
    if (arg[1] == '-') {
        const char *eq = strchr(arg, '=');
        size_t len = eq ? (size_t)(eq - arg - 2) : strlen(arg + 2);
        o = find_long(a->command, arg + 2, len);
        value = eq ? eq + 1 : NULL;
    } else {
        o = find_short(a->command, arg[1]);
        value = arg[2] ? arg + 2 : NULL;
    }
    if (!o)
        return err_set(reterr, E_SYNTAX, "%.*s is not an option of this command",
                       (int)strcspn(arg, "="), arg);
    if (!o->value) {
        if (value)
            return err_set(reterr, E_SYNTAX, "--%s takes no value", o->name);
        return put_option(a, o, NULL, reterr);
    }
    if (!value) {
        if (*i + 1 >= argc || !strncmp(argv[*i + 1], "--", 2))
            return err_set(reterr, E_SYNTAX, "--%s needs a value: --%s %s", o->name, o->name,
                           o->value);
        value = argv[++*i];
    }
    return put_option(a, o, value, reterr);
}

static int check_args(const struct cli_args *a, struct err *reterr)
{
    const struct cli_command *c = a->command;
    for (const struct cli_option *o = c->options; o && o->name; o++)
        if (o->required && !is_given(a, o))
            return err_set(reterr, E_SYNTAX, "--%s %s is missing", o->name,
                           o->value ? o->value : "");
    if (a->positional_count < c->min_args)
        return err_set(reterr, E_SYNTAX, "%s is missing", c->arguments ? c->arguments : "argument");
    if (a->positional_count > c->max_args)
        return err_set(reterr, E_SYNTAX, "'%s' is one argument too many",
                       a->positional[c->max_args]);
    return 0;
}

int cli_args_parse(struct cli_args *a, const struct cli_command *c, int argc, char **argv,
                   struct err *reterr)
{
    *a = (struct cli_args){.command = c};
    if (argc > CLI_GIVEN)
        return err_set(reterr, E_SYNTAX, "more than %d arguments", CLI_GIVEN);
    size_t room = (size_t)argc + 1;
    a->given = calloc(room, sizeof(*a->given));
    a->positional = calloc(room, sizeof(*a->positional));
    if (!a->given || !a->positional)
        return -ENOMEM;
    bool options_end = false;
    int first_error = 0;
    for (int i = 0; i < argc; i++) {
        const char *arg = argv[i];
        if (!options_end && !strcmp(arg, "--")) {
            options_end = true;
        } else if (!options_end && (!strcmp(arg, "--help") || !strcmp(arg, "-h"))) {
            a->help = true;
            return 0;
        } else if (!options_end && arg[0] == '-' && arg[1]) {
            int r = parse_option(a, argc, argv, &i, first_error ? NULL : reterr);
            if (r < 0 && !first_error)
                first_error = r;
        } else {
            a->positional[a->positional_count++] = arg;
        }
    }
    return first_error ? first_error : check_args(a, reterr);
}

void cli_args_release(struct cli_args *a)
{
    free(a->given);
    free(a->positional);
    a->given = NULL;
    a->positional = NULL;
}

const char *cli_value(const struct cli_args *a, const char *name, const char *fallback)
{
    for (size_t i = a->given_count; i-- > 0;)
        if (!strcmp(a->given[i].option->name, name))
            return a->given[i].value ? a->given[i].value : "";
    return fallback;
}

const char *cli_nth(const struct cli_args *a, const char *name, size_t n)
{
    for (size_t i = 0; i < a->given_count; i++)
        if (!strcmp(a->given[i].option->name, name) && n-- == 0)
            return a->given[i].value;
    return NULL;
}

bool cli_flag(const struct cli_args *a, const char *name)
{
    return cli_value(a, name, NULL) != NULL;
}

const char *cli_arg(const struct cli_args *a, int i)
{
    return i >= 0 && i < a->positional_count ? a->positional[i] : NULL;
}

static int bad_value(const struct cli_args *a, const char *name, const char *text, const char *want)
{
    fprintf(stderr, "lethe %s: --%s '%s' is not %s\n", a->command->name, name, text, want);
    return E_SYNTAX;
}

int cli_int(const struct cli_args *a, const char *name, long min, long max, long fallback,
            long *ret)
{
    const char *text = cli_value(a, name, NULL);
    *ret = fallback;
    if (!text)
        return 0;
    char *end, want[80];
    errno = 0;
    long v = strtol(text, &end, 10);
    snprintf(want, sizeof(want), "a whole number from %ld to %ld", min, max);
    if (errno || end == text || *end || text[0] == ' ' || v < min || v > max)
        return bad_value(a, name, text, want);
    *ret = v;
    return 0;
}

int cli_duration(const struct cli_args *a, const char *name, long long fallback_us,
                 long long *ret_us)
{
    const char *text = cli_value(a, name, NULL);
    int64_t v = fallback_us;
    if (text && duration_parse(text, &v) < 0)
        return bad_value(a, name, text, "a duration like 500ms, 90s, 10m, 24h or 30d");
    *ret_us = v;
    return 0;
}

int cli_size(const struct cli_args *a, const char *name, long long fallback, long long *ret)
{
    const char *text = cli_value(a, name, NULL);
    int64_t v = fallback;
    if (text && size_parse(text, &v) < 0)
        return bad_value(a, name, text, "a size like 512k, 2M or 10Gi");
    *ret = v;
    return 0;
}

int cli_time(const struct cli_args *a, const char *name, long long *ret_us)
{
    const char *text = cli_value(a, name, NULL);
    if (!text)
        return 0;
    int64_t now = clock_wall_us(&clock_system), v = 0;
    if (!strcmp(text, "now"))
        v = now;
    else if (text[0] == '-' && duration_parse(text + 1, &v) >= 0)
        v = now - v;
    else if (time_parse(text, &v) < 0)
        return bad_value(
            a, name, text,
            "a time like 2026-11-23T10:00:00Z, 2026-11-23T18:00:00+08:00, now or -10m");
    *ret_us = v;
    return 0;
}

int cli_fail(const struct cli_args *a, const struct err *e, int code)
{
    fflush(stdout);
    fprintf(stderr, "lethe %s: %s\n", a->command->name, err_str(e, code));
    return err_kind(code) == ERR_BAD_INPUT ? 2 : 1;
}

const char *cli_data_dir(const struct cli_args *a)
{
    struct stat st;
    const char *dir = cli_value(a, "data", NULL);
    if (dir)
        return dir;
    dir = getenv("LETHE_DATA");
    if (dir && *dir)
        return dir;
    return !stat("data/lethe.db", &st) || (!stat("data", &st) && S_ISDIR(st.st_mode))
               ? "data"
               : "/var/lib/lethe";
}
