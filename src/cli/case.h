/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef CLI_CASE_H
#define CLI_CASE_H
/* What the commands of cases and custodians share. */
#include "base/config.h"
#include "case/desk.h"
#include "case/proof.h"
#include "case/words.h"
#include "cli/command.h"

/* A node as the command line sees it: settings, custodians, limits. */
struct cli_case {
    struct config config;
    const char *data_dir;
    struct seal_policy policy;
    struct case_codes codes;
    struct case_rules rules;
    struct case_log log; /* opened with the first entry */
    void *log_state;
    struct case_desk desk;
    enum case_language language;
};
int cli_case_begin(const struct cli_args *a, struct cli_case *c, struct err *reterr);
void cli_case_release(struct cli_case *c);

/* The node's log: the running logger's socket, or, when none runs, the log itself. */
void cli_case_log_init(struct cli_case *c);
void cli_case_log_release(struct cli_case *c);

/*
 * Whom to believe about the log: the file of --trust (a tlog-policy, or verifier keys one a line), else the keys that
 * the node shows. Returns 1 in the second case. Freed by the caller.
 */
int cli_case_trust(const struct cli_args *a, const char *data_dir, struct tlog_policy **ret,
                   struct err *reterr);

/* A folder by id in the data directory, or by path when @name has a slash or is a directory. */
int cli_case_folder(const struct cli_case *c, const char *name, bool lock, struct case_folder *ret,
                    struct err *reterr);
/* Read a file wholly into @out ("-": standard input). */
int cli_case_read(const char *path, size_t most, struct buf *out, struct err *reterr);
/* Everything about a case as JSON. @answers may be NULL. */
struct json_t *cli_case_json(const struct cli_case *c, const struct case_folder *f,
                             const struct case_answers *answers);

#define CLI_CASE_DATA                                                                              \
    {                                                                                              \
        "data", "DIR", "data directory (default: $LETHE_DATA, ./data or /var/lib/lethe)"           \
    }
#define CLI_CASE_CONFIG                                                                            \
    {                                                                                              \
        "config", "FILE", "lethe.yaml of the node"                                                 \
    }
#define CLI_CASE_LANG                                                                              \
    {                                                                                              \
        "lang", "LANG", "en or zh-Hant (default: $LANG)"                                           \
    }
#define CLI_CASE_TRUST                                                                             \
    {                                                                                              \
        "trust", "FILE",                                                                           \
            "whose log to believe: a tlog-policy or verifier keys (default: the keys the node "    \
            "shows)"                                                                               \
    }
#endif
