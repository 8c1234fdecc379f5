/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/dts.h"

/* Further back than this is a jump of the stream's clock, not reordering: 5 s at 90 kHz. */
#define REORDER_SPAN_TICKS 450000
#define TICKS_LIMIT (INT64_C(1) << 61)

void media_dts_init(struct media_dts *d, int max_reorder)
{
    *d = (struct media_dts){.depth = max_reorder < 0 ? 0 : max_reorder};
    if (d->depth > MEDIA_DTS_DEPTH)
        d->depth = MEDIA_DTS_DEPTH;
}

static void insert(struct media_dts *d, int64_t pts)
{
    int i = d->filled++;
    for (; i > 0 && d->sorted[i - 1] > pts; i--)
        d->sorted[i] = d->sorted[i - 1];
    d->sorted[i] = pts;
}

static int64_t pop(struct media_dts *d)
{
    int64_t first = d->sorted[0];
    d->filled--;
    for (int i = 0; i < d->filled; i++)
        d->sorted[i] = d->sorted[i + 1];
    return first;
}

int64_t media_dts_next(struct media_dts *d, int64_t pts)
{
    pts = pts > TICKS_LIMIT ? TICKS_LIMIT : pts < -TICKS_LIMIT ? -TICKS_LIMIT : pts;
    if (!d->started) {
        /* There is no frame before the first: stand-ins one tick apart, so that presentation stays what it is. */
        for (int i = 0; i < d->depth; i++)
            insert(d, pts - d->depth + i);
        d->started = 1;
        d->last = d->floor = pts - d->depth - 1;
    } else if (pts < d->floor && d->floor - pts < REORDER_SPAN_TICKS &&
               d->depth < MEDIA_DTS_DEPTH) {
        d->depth++;
    }
    insert(d, pts);
    int64_t dts = d->last + 1;
    if (d->filled > d->depth) {
        int64_t first = pop(d);
        d->floor = first > d->floor ? first : d->floor;
        dts = first > dts ? first : dts;
    }
    d->last = dts;
    return dts;
}
