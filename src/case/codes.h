/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef CASE_CODES_H
#define CASE_CODES_H
/*
 * Purposes and legal bases that an order may name: a code list, each with a text that anybody understands, in English
 * and Traditional Chinese. An organisation may put its own list in their place (docs/format/codes.md). The texts are
 * descriptions, no legal advice. Reentrant.
 */
#include "base/err.h"
#include "case/text.h"

enum case_code_kind { CASE_PURPOSE, CASE_BASIS, CASE_REFUSAL };

struct case_code {
    int kind;              /* enum case_code_kind */
    char code[CASE_CODE];  /* "investigation", "hk.pdpo-58" */
    char where[16];        /* "any", "hk", "uk", "eu" */
    char en[256], zh[256]; /* zh-Hant; may be "" in a list of one's own */
};

struct case_codes {
    struct case_code *code;
    size_t count;
};

/* The list that is compiled in. */
const struct case_codes *case_codes_default(void);
/* Read a list of one's own, YAML. E_SYNTAX, E_EXISTS, E_LIMIT (over 512) with file and line; errno values; -ENOMEM. */
int case_codes_load(const char *path, struct case_codes *ret, struct err *reterr);
void case_codes_release(struct case_codes *c);
/* NULL: no such code. */
const struct case_code *case_codes_find(const struct case_codes *c, enum case_code_kind kind,
                                        const char *code);
extern const char *const case_code_kind_names[]; /* "purpose", "basis", "refusal", NULL */
#endif
