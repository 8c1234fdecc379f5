/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef API_PUBLIC_WORDS_H
#define API_PUBLIC_WORDS_H
#include "api/public.h"

/* One sentence about an entry, in the page's language. */
void public_entry_words(struct public_page *p, const struct tlog_parsed *e);
/* True if both languages have a sentence for this kind; a test asks for all. */
bool public_entry_has_words(const char *kind);
#endif
