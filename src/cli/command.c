/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "cli/command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/frame.h"

const struct cli_command *cli_find(const char *name)
{
    size_t i = 0;
    for (const struct cli_command *c; (c = cli_next(&i));)
        if (!strcmp(c->name, name))
            return c;
    return NULL;
}

/* Levenshtein distance of two short words; long words count as far apart. */
static int distance(const char *a, const char *b)
{
    enum { MAX = 32 };
    size_t n = strlen(a), m = strlen(b);
    int row[MAX + 1];
    if (n > MAX || m > MAX)
        return MAX;
    for (size_t j = 0; j <= m; j++)
        row[j] = (int)j;
    for (size_t i = 1; i <= n; i++) {
        int diagonal = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            int best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[m];
}

const char *cli_nearest(const char *word)
{
    const char *nearest = NULL;
    int best = (int)strlen(word) / 3 + 2;
    size_t i = 0;
    for (const struct cli_command *c; (c = cli_next(&i));) {
        int d = c->hidden ? best : distance(word, c->name);
        if (d < best) {
            best = d;
            nearest = c->name;
        }
    }
    return nearest;
}

static int print_usage(FILE *out)
{
    fputs("lethe " LETHE_VERSION ": a camera recorder that seals what it records and forgets it "
          "in time\n\nUsage: lethe COMMAND [options]\n\nCommands:\n",
          out);
    cli_help_group(out, NULL);
    fputs("\n'lethe help COMMAND' shows options and examples, 'lethe --version' the version.\n",
          out);
    return out == stdout ? 0 : 2;
}

/* The command that argv names with one word or two; *ret_words says with how many. */
static const struct cli_command *find_command(int argc, char **argv, int *ret_words)
{
    char two[128];
    if (argc > 1) {
        snprintf(two, sizeof(two), "%s %s", argv[0], argv[1]);
        *ret_words = 2;
        const struct cli_command *c = cli_find(two);
        if (c)
            return c;
    }
    *ret_words = 1;
    return cli_find(argv[0]);
}

static bool is_group(const char *word)
{
    size_t i = 0, len = strlen(word);
    for (const struct cli_command *c; (c = cli_next(&i));)
        if (!c->hidden && !strncmp(c->name, word, len) && c->name[len] == ' ')
            return true;
    return false;
}

static int unknown_command(int argc, char **argv)
{
    char name[128];
    bool group = is_group(argv[0]);
    if (group && (argc < 2 || argv[1][0] == '-')) {
        bool asked = argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"));
        fprintf(asked ? stdout : stderr, "lethe %s is followed by one of:\n", argv[0]);
        cli_help_group(asked ? stdout : stderr, argv[0]);
        return asked ? 0 : 2;
    }
    snprintf(name, sizeof(name), "%s%s%s", argv[0], group ? " " : "", group ? argv[1] : "");
    const char *nearest = cli_nearest(name);
    fprintf(stderr, "lethe: '%s' is not a command", name);
    if (nearest)
        fprintf(stderr, "; did you mean '%s'?\n", nearest);
    else
        fputs("; 'lethe help' lists them\n", stderr);
    return 2;
}

static int run_help(int argc, char **argv)
{
    int words;
    if (argc < 1)
        return print_usage(stdout);
    const struct cli_command *c = find_command(argc, argv, &words);
    if (c) {
        cli_help_command(stdout, c);
        return 0;
    }
    if (argc == 1 && is_group(argv[0])) {
        printf("lethe %s is followed by one of:\n", argv[0]);
        cli_help_group(stdout, argv[0]);
        return 0;
    }
    return unknown_command(argc, argv);
}

static int run_command(const struct cli_command *c, int argc, char **argv)
{
    struct cli_args a;
    struct err e = {0};
    int code = 0, r = cli_args_parse(&a, c, argc, argv, &e);
    if (r < 0) {
        fprintf(stderr, "lethe %s: %s\n'lethe help %s' shows the options.\n", c->name,
                err_str(&e, r), c->name);
        code = r == -ENOMEM ? 1 : 2;
    } else if (a.help) {
        cli_help_command(stdout, c);
    } else {
        code = c->run(&a);
    }
    cli_args_release(&a);
    return code;
}

static int dispatch(int argc, char **argv)
{
    int words;
    if (argc < 2)
        return print_usage(stderr);
    if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "version")) {
        puts("lethe " LETHE_VERSION);
        return 0;
    }
    if (!strcmp(argv[1], "help") || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
        return run_help(argc - 2, argv + 2);
    const struct cli_command *c = find_command(argc - 1, argv + 1, &words);
    if (!c)
        return unknown_command(argc - 1, argv + 1);
    return run_command(c, argc - 1 - words, argv + 1 + words);
}

int cli_main(int argc, char **argv)
{
    int code = dispatch(argc, argv);
    if ((fflush(stdout) || ferror(stdout)) && code == 0) {
        fprintf(stderr, "lethe: writing to standard output failed: %s\n", err_text(-errno));
        code = 1;
    }
    return code;
}
