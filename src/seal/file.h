/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef SEAL_FILE_H
#define SEAL_FILE_H
/* Small files, wholly: no stdio, so that no copy of a secret stays in its buffers. Reentrant. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/err.h"

/* Read to the end; pipes too. E_LIMIT if there is more than @cap. @ret_stat may be NULL. */
int seal_file_read(const char *path, uint8_t *out, size_t cap, size_t *ret_len,
                   struct stat *ret_stat, struct err *reterr);
/*
 * Temporary file beside it, fsync, then rename, fsync of the directory. With @replace false an existing file is left
 * alone: E_EXISTS. Nothing stays behind on failure.
 */
int seal_file_write(const char *path, const void *data, size_t len, mode_t mode, bool replace,
                    struct err *reterr);
#endif
