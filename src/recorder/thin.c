/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "recorder/thin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "seal/file.h"
#include "seal/seal.h"

#define FILE_MAX ((off_t)256 << 20)

static int64_t thin(const char *path, uint8_t *data, size_t len,
                    bool (*keep)(void *, const char *, int64_t, int64_t), void *ctx,
                    struct err *reterr)
{
    struct seal_shares *s = NULL;
    struct buf out;
    buf_init(&out, len + 1);
    int64_t kept = seal_shares_parse(data, len, &s, reterr);
    if (kept >= 0)
        kept = seal_shares_thin(s, keep, ctx, &out);
    if (kept > 0 && (size_t)kept < seal_shares_count(s)) {
        int r = seal_file_write(path, out.data, out.len, 0600, true, reterr);
        kept = r < 0 ? r : kept;
    }
    seal_shares_free(s);
    buf_release(&out);
    return kept;
}

int64_t thin_shares(const char *data_dir, const char *path,
                    bool (*keep)(void *ctx, const char *camera, int64_t epoch_us,
                                 int64_t epoch_length_us),
                    void *ctx, struct err *reterr)
{
    char whole[4096];
    struct stat st;
    size_t len = 0;
    snprintf(whole, sizeof(whole), "%s/%s", data_dir, path);
    if (stat(whole, &st) < 0)
        return err_set(reterr, -errno, "%s: %s", path, err_text(-errno));
    if (st.st_size > FILE_MAX)
        return err_set(reterr, E_LIMIT, "%s is longer than 256 MiB", path);
    uint8_t *data = malloc((size_t)st.st_size + 1);
    if (!data)
        return -ENOMEM;
    int r = seal_file_read(whole, data, (size_t)st.st_size + 1, &len, NULL, reterr);
    int64_t kept = r < 0 ? r : thin(whole, data, len, keep, ctx, reterr);
    free(data);
    return kept;
}
