/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef CLI_VERIFY_H
#define CLI_VERIFY_H
/* `lethe verify` and the program lethe-verify, which is nothing else. */
#include <jansson.h>
#include <stdio.h>

#include "case/evidence.h"

/* @keys: NULL, or a file with a tlog-policy or verifier keys, one a line. Errors of evidence_verify(). */
int verify_file(const char *path, const char *keys, struct evidence_report *ret,
                struct err *reterr);
void verify_print(FILE *out, const char *path, const struct evidence_report *r);
json_t *verify_json(const char *path, const struct evidence_report *r);
#endif
