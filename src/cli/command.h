/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H
/*
 * One table describes every command: --help, man pages and shell completion are made from it. A command lives in one
 * file src/cli/<command>.c that defines `const struct cli_command cli_<command>`; src/cli/commands.c lists them.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct cli_option {
    const char *name;  /* without "--" */
    const char *value; /* "DIR", "N", …; NULL: a flag */
    const char *help;
    bool repeat; /* may stand several times */
    bool required;
    char short_name; /* 'o' for -o; 0: none. An option named "output" has -o without saying so */
};

struct cli_args;
struct cli_command {
    const char *name;                 /* "open", "camera add" */
    const char *summary;              /* one line */
    const char *arguments;            /* "ID", "FILE…" or NULL */
    const char *details;              /* paragraphs for --help and the man page */
    const struct cli_option *options; /* ends with {0} */
    const char *examples; /* lines "lethe …" with a comment line "# …" before each */
    int min_args, max_args;
    bool hidden;                          /* internal process roles */
    int (*run)(const struct cli_args *a); /* exit code */
};

/* Last value of an option, or @fallback. */
const char *cli_value(const struct cli_args *a, const char *name, const char *fallback);
/* All values of a repeated option, in order: i-th or NULL. */
const char *cli_nth(const struct cli_args *a, const char *name, size_t i);
bool cli_flag(const struct cli_args *a, const char *name);
const char *cli_arg(const struct cli_args *a, int i); /* positional, NULL beyond the end */
/* Typed values: 0, or prints one sentence naming the option and returns < 0 (the caller then returns 2). */
int cli_int(const struct cli_args *a, const char *name, long min, long max, long fallback,
            long *ret);
int cli_duration(const struct cli_args *a, const char *name, long long fallback_us,
                 long long *ret_us);
int cli_size(const struct cli_args *a, const char *name, long long fallback, long long *ret);
/* RFC 3339, "now", or a duration back from now ("-10m"). An option not given leaves *ret_us as it is. */
int cli_time(const struct cli_args *a, const char *name, long long *ret_us);

/* Print "lethe COMMAND: sentence" to stderr and return the exit code of the error's kind (1, bad input 2). */
int cli_fail(const struct cli_args *a, const struct err *e, int code);
/* DATA directory: --data, else $LETHE_DATA, else ./data if it exists, else /var/lib/lethe. */
const char *cli_data_dir(const struct cli_args *a);

extern const struct cli_command
    *const cli_commands[]; /* in the order of the help; ends with NULL */
int cli_main(int argc, char **argv);
#endif
