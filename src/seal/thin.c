/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Part of a share file: the keys that a hold keeps, without those that must go. */
#include "base/buf.h"
#include "seal/shares.h"

int64_t seal_shares_thin(const struct seal_shares *s,
                         bool (*keep)(void *user, const char *camera, int64_t epoch_us,
                                      int64_t epoch_length_us),
                         void *user, struct buf *out)
{
    int64_t kept = 0;
    for (size_t i = 0; i < s->count; i++) {
        struct seal_record r;
        if (seal_entry_open(&s->entries[i], &r) < 0 ||
            !keep(user, r.context.camera, r.context.epoch_us, r.context.epoch_length_us))
            continue;
        int err = buf_append(out, s->entries[i].data, s->entries[i].len);
        if (err < 0)
            return err;
        kept++;
    }
    return kept;
}
