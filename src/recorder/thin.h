/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RECORDER_THIN_H
#define RECORDER_THIN_H
/* What the store asks for when a hold keeps part of a share file that is past its class. Blocking. */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Leave only the records for which @keep is true in the share file @path below @data_dir. Returns how many
 * those are; the file is not touched when that is none of them (the caller removes it) or all.
 * Errors: errno values, E_LIMIT. The file is whole, as it was or as it is to be, whatever happens.
 */
int64_t thin_shares(const char *data_dir, const char *path,
                    bool (*keep)(void *ctx, const char *camera, int64_t epoch_us,
                                 int64_t epoch_length_us),
                    void *ctx, struct err *reterr);
#endif
