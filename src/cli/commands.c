/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "cli/command.h"
#include "cli/frame.h"

/* One line per command. The order is the one of `lethe help`. */
#define CLI_LIST(X)                                                                                \
    X(serve)                                                                                       \
    X(status)                                                                                      \
    X(sim)                                                                                         \
    X(probe)                                                                                       \
    X(camera_add)                                                                                  \
    X(camera_list)                                                                                 \
    X(camera_show)                                                                                 \
    X(camera_set)                                                                                  \
    X(camera_remove)                                                                               \
    X(camera_import)                                                                               \
    X(camera_export)                                                                               \
    X(user_add)                                                                                    \
    X(user_list)                                                                                   \
    X(user_remove)                                                                                 \
    X(user_passwd)                                                                                 \
    X(user_token)                                                                                  \
    X(user_setup)                                                                                  \
    X(custodian_keygen)                                                                            \
    X(custodian_list)                                                                              \
    X(register)                                                                                    \
    X(report)                                                                                      \
    X(audit)                                                                                       \
    X(log_show)                                                                                    \
    X(log_verify)                                                                                  \
    X(log_prove)                                                                                   \
    X(log_tail)                                                                                    \
    X(log_rotate)                                                                                  \
    X(witness)                                                                                     \
    X(custodian_rotate)                                                                            \
    X(custodian_destroy)                                                                           \
    X(custodian_show)                                                                              \
    X(custodian_approve)                                                                           \
    X(custodian_refuse)                                                                            \
    X(case_request)                                                                                \
    X(case_list)                                                                                   \
    X(case_show)                                                                                   \
    X(case_bundle)                                                                                 \
    X(case_approve)                                                                                \
    X(case_refuse)                                                                                 \
    X(case_open)                                                                                   \
    X(case_evidence)                                                                               \
    X(case_close)                                                                                  \
    X(case_codes)                                                                                  \
    X(hold_add)                                                                                    \
    X(hold_list)                                                                                   \
    X(hold_remove)                                                                                 \
    X(verify)                                                                                      \
    X(open)                                                                                        \
    X(export)                                                                                      \
    X(mask)                                                                                        \
    X(models)                                                                                      \
    X(fsck)                                                                                        \
    X(reindex)                                                                                     \
    X(bench_ingest)                                                                                \
    X(bench_mask)                                                                                  \
    X(docs_man)                                                                                    \
    X(docs_completion)                                                                             \
    X(recorder)                                                                                    \
    X(logger)                                                                                      \
    X(cosigner)                                                                                    \
    X(clerk)                                                                                       \
    X(masker)                                                                                      \
    X(web)

#define X(name) extern const struct cli_command cli_##name;
CLI_LIST(X)
#undef X

const struct cli_command *const cli_commands[] = {
#define X(name) &cli_##name,
    CLI_LIST(X)
#undef X
        NULL,
};

const struct cli_command *cli_next(size_t *i)
{
    return cli_commands[*i] ? cli_commands[(*i)++] : NULL;
}
