/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef CLI_LOG_SOURCE_H
#define CLI_LOG_SOURCE_H
/* The log that a command looks at: a directory or an address, with its checkpoint verified. */
#include <limits.h>

#include "cli/command.h"
#include "tlog/policy.h"
#include "tlog/reader.h"

struct log_source {
    char where[PATH_MAX]; /* for sentences */
    struct tlog_http *http;
    struct tlog_files files;
    struct tlog_reader *reader;
    struct tlog_policy policy;
    struct tlog_policy_report report;
    struct tlog_checkpoint head;
    struct buf note; /* the checkpoint with its signatures */
    bool own_word;   /* its key was taken from the log itself */
};

/*
 * @source  directory of a log or of a node, or an address; NULL: the node's
 * --key and --policy say whose signatures count, else the log's own list does.
 * Errors: those of reading, and of a checkpoint that is not signed or cosigned as it has to be.
 */
int log_source_open(const struct cli_args *a, const char *source, struct log_source *s,
                    struct err *reterr);
void log_source_close(struct log_source *s);
/* Files only; for commands that report a bad checkpoint themselves. log_source_close() in any case. */
int log_source_files(const struct cli_args *a, const char *source, struct log_source *s,
                     struct err *reterr);
int log_source_policy(const struct cli_args *a, struct log_source *s, struct err *reterr);
int log_source_checkpoint(struct log_source *s, struct err *reterr);
/* One entry, proven to be in the log. E_CORRUPT when it is not. */
int log_source_entry(struct log_source *s, uint64_t index, struct buf *ret, struct err *reterr);

#define LOG_SOURCE_OPTIONS                                                                         \
    {.name = "data", .value = "DIR", .help = "data directory of the node"},                        \
        {.name = "key",                                                                            \
         .value = "VKEY",                                                                          \
         .help = "key of the log; several while it is being replaced",                             \
         .repeat = true},                                                                          \
    {                                                                                              \
        .name = "policy", .value = "FILE",                                                         \
        .help = "tlog-policy file: logs, witnesses and the quorum that a checkpoint must have"     \
    }
#endif
