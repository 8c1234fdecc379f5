/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the public register says of a camera, as the text that the log has the hash of. */
#include <sodium.h>
#include <string.h>

#include "base/buf.h"
#include "index/index.h"

static int put(struct buf *out, const char *key, const char *value)
{
    return *value ? buf_appendf(out, "%s %s\n", key, value) : 0;
}

int index_register_text(const struct index_camera *c, struct buf *out)
{
    const struct index_register *r = &c->reg;
    int bad = buf_appendf(out, "lethe-register/v1\ncamera %s\nretention-days %d\naudio %s\n", c->id,
                          c->retention_days, c->audio ? "yes" : "no");
    const char *const before[][2] = {{"name", c->name},       {"group", c->group},
                                     {"purpose", r->purpose}, {"owner", r->owner},
                                     {"contact", r->contact}, {"place", r->place}};
    for (size_t i = 0; i < sizeof(before) / sizeof(before[0]) && bad >= 0; i++)
        bad = put(out, before[i][0], before[i][1]);
    if (bad >= 0 && r->located)
        bad = buf_appendf(out, "lat %.6f\nlon %.6f\n", r->lat, r->lon);
    if (bad >= 0 && r->px_per_m > 0)
        bad = buf_appendf(out, "px-per-m %.2f\n", r->px_per_m);
    const char *const after[][2] = {
        {"sees", r->sees}, {"review", r->review}, {"retention-reason", r->retention_reason}};
    for (size_t i = 0; i < sizeof(after) / sizeof(after[0]) && bad >= 0; i++)
        bad = put(out, after[i][0], after[i][1]);
    return bad;
}

int index_register_hash(const struct index_camera *c, uint8_t ret[32])
{
    struct buf b;
    buf_init(&b, 8192);
    int r = index_register_text(c, &b);
    if (r >= 0)
        crypto_hash_sha256(ret, b.data, b.len);
    buf_release(&b);
    return r;
}
