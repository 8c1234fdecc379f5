/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef CLI_FRAME_H
#define CLI_FRAME_H
/* What the files of the command frame share among themselves; commands include cli/command.h only. */
#include <stdio.h>

#include "cli/command.h"

#define CLI_GIVEN 4096 /* most options, and most positional arguments, of one call */

struct cli_given {
    const struct cli_option *option;
    const char *value; /* NULL for a flag */
};

/* One parsed command line; the strings are those of argv. */
struct cli_args {
    const struct cli_command *command;
    struct cli_given *given;
    size_t given_count;
    const char **positional;
    int positional_count;
    bool help; /* --help stood somewhere: nothing was checked */
};

/*
 * Parse what stands behind the command's name. Errors: E_SYNTAX with a sentence that names the option, -ENOMEM.
 * Release with cli_args_release() on success and on failure.
 */
int cli_args_parse(struct cli_args *a, const struct cli_command *c, int argc, char **argv,
                   struct err *reterr);
void cli_args_release(struct cli_args *a);
/* The short name that an option answers to, 0 if none. */
char cli_short(const struct cli_option *o);

/* Commands in order; pass *i = 0 first, NULL ends. Hidden ones are included. */
const struct cli_command *cli_next(size_t *i);
const struct cli_command *cli_find(const char *name);
/* The name in the table nearest to @word (at most two edits for short words), or NULL. */
const char *cli_nearest(const char *word);

void cli_help_command(FILE *out, const struct cli_command *c);
/* Commands whose name begins with "@group ", or all of them for NULL. Returns how many. */
int cli_help_group(FILE *out, const char *group);
/* Print @text wrapped at 80 columns behind @indent spaces; lines that begin with a space are kept. */
void cli_wrap(FILE *out, int indent, const char *text);
#endif
