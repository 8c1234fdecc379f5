/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef CASE_WORDS_H
#define CASE_WORDS_H
/* An order in words that a custodian reads before deciding. English, or Traditional Chinese. Reentrant. */
#include "case/codes.h"
#include "case/order.h"

enum case_language { CASE_EN, CASE_ZH_HANT };
/* "zh-Hant", "zh-TW", "zh-HK", "zh_HK.UTF-8" … are Chinese; all else is English. NULL is fine. */
enum case_language case_language_of(const char *name);
/* Append lines "label: value". @keys: number of keys that it opens, 0: not said. */
int case_words(const struct case_order *o, const struct case_codes *codes, enum case_language l,
               size_t keys, struct buf *out);
/* Text of a code; the code itself when the list does not have it. */
const char *case_code_text(const struct case_codes *codes, enum case_code_kind kind,
                           const char *code, enum case_language l);
#endif
