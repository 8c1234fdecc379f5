/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef CASE_BUNDLE_H
#define CASE_BUNDLE_H
/*
 * The share records of exactly the keys that an order asks for, copied out of a node's share files: what a custodian's
 * tool is given. Encrypted; in the format of a share file (docs/format/shares.md). Reentrant; blocks on files.
 */
#include "case/order.h"

/*
 * Append the records to @out, sorted by file and place, each key once. Share files that cannot be read are an error.
 * Errors: E_NOTFOUND (none), E_LIMIT, errno values.
 */
int case_bundle_collect(const char *data_dir, const struct case_order *o, struct buf *out,
                        struct err *reterr);
#endif
