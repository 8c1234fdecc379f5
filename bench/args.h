/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef BENCH_ARGS_H
#define BENCH_ARGS_H
/* Arguments of the measuring programs: a whole decimal number in its range, or one sentence and exit status 2. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* argv[at], or @fallback when there are not so many. @name is for the sentence. */
static inline long arg_number(int argc, char **argv, int at, const char *name, long fallback,
                              long min, long max)
{
    if (at >= argc)
        return fallback;
    char *end;
    errno = 0;
    long n = strtol(argv[at], &end, 10);
    if (argv[at][0] >= '0' && argv[at][0] <= '9' && *end == 0 && errno == 0 && n >= min && n <= max)
        return n;
    fprintf(stderr, "%s: %s is \"%s\", it must be a number from %ld to %ld\n", argv[0], name,
            argv[at], min, max);
    exit(2);
}
#endif
