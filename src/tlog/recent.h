/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef TLOG_RECENT_H
#define TLOG_RECENT_H
/*
 * The ids of the last entries, so that an entry that is handed in twice is in the log once. An id stands in a line
 * "id TEXT" near the top of an entry; entries without one are never taken for each other. Thread-bound.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TLOG_RECENT_IDS 8192u /* how many are remembered, at least */

struct tlog_recent;
/* NULL when out of memory. */
struct tlog_recent *tlog_recent_new(void);
void tlog_recent_free(struct tlog_recent *r);
void tlog_recent_clear(struct tlog_recent *r);
/* The id line of an entry; false: it has none. */
bool tlog_entry_id(const char *entry, size_t len, const char **ret_id, size_t *ret_len);
/* Remember the entry at @index; the oldest are forgotten. */
void tlog_recent_add(struct tlog_recent *r, const char *entry, size_t len, uint64_t index);
/* Is there an entry with the same id? Its index then. */
bool tlog_recent_find(const struct tlog_recent *r, const char *entry, size_t len,
                      uint64_t *ret_index);
#endif
