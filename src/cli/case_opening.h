/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef CLI_CASE_OPENING_H
#define CLI_CASE_OPENING_H
/* What `lethe case open` and `lethe case evidence` have in common. Zero it before use. */
#include "cli/case.h"
#include "cli/open.h"

struct cli_opening {
    struct cli_case c;
    struct case_folder f;
    struct case_answers answers;
    struct case_shares shares;
    struct seal_shares *records;
    struct seal_identity *session;
    struct open_job job; /* recordings and their keys */
    bool loaded;
};
/*
 * Options --session, --camera, --from, --to and the case's id: load and check all of it, log the opening, combine the
 * keys. Release in any case.
 */
int cli_opening_begin(const struct cli_args *a, struct cli_opening *o, struct err *reterr);
void cli_opening_release(struct cli_opening *o);

/* What goes onto the cover sheet of evidence. */
struct evidence_sheet {
    const char *file; /* as it was written */
    const struct cli_opening *opening;
    uint8_t sha256[32];
    uint64_t bytes, frames;
    int64_t made_us;
};
/* FILE.txt and FILE.html beside it. */
int cli_evidence_sheets(const struct evidence_sheet *s, struct err *reterr);
#endif
