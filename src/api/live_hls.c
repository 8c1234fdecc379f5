/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The last seconds of a camera as HLS segments in memory. Source: RFC 8216 §6.2.2 (live playlists). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/live_private.h"

#define FIRST_WAIT_S 5
#define WAITERS 2 /* each keeps a worker busy */

static struct live_hls *hls_new(void)
{
    struct live_hls *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    for (int i = 0; i < LIVE_HLS_SEGMENTS; i++) {
        s->segment[i].number = -1;
        buf_init(&s->segment[i].data, LIVE_HLS_SEGMENT_BYTES);
    }
    s->building.number = -1;
    buf_init(&s->building.data, LIVE_HLS_SEGMENT_BYTES);
    buf_init(&s->init, 0);
    buf_init(&s->before, 0);
    return s;
}

void live_hls_free(struct live_hls *s)
{
    if (!s)
        return;
    for (int i = 0; i < LIVE_HLS_SEGMENTS; i++)
        buf_release(&s->segment[i].data);
    buf_release(&s->building.data);
    buf_release(&s->init);
    buf_release(&s->before);
    free(s);
}

static void close_segment(struct live_hub *h, struct live_hls *s, int64_t end_us)
{
    if (s->building.number < 0)
        return;
    struct hls_segment *to = &s->segment[s->building.number % LIVE_HLS_SEGMENTS];
    struct buf spare = to->data;
    *to = s->building;
    to->duration_us = end_us > to->utc_us ? end_us - to->utc_us : 100000;
    spare.len = 0;
    s->building = (struct hls_segment){.number = -1, .data = spare};
    pthread_cond_broadcast(&h->segment_done);
}

void live_hls_packet_locked(struct live_hub *h, struct live_camera *c, const struct live_packet *p)
{
    struct live_hls *s = c->hls;
    if (p->type == LIVE_INIT) {
        s->building.number = -1;
        s->building.data.len = 0;
        struct buf old = s->before;
        s->before = s->init;
        s->init = old;
        s->init.len = 0;
        if (buf_append(&s->init, p->data + p->boxes, p->len - p->boxes) >= 0)
            s->inits++;
        return;
    }
    if (p->type != LIVE_FRAGMENT || !s->inits)
        return;
    if (p->key) {
        close_segment(h, s, p->utc_us);
        s->building.number = s->next++;
        s->building.init = s->inits;
        s->building.utc_us = p->utc_us;
    }
    if (s->building.number < 0)
        return;
    if (buf_append(&s->building.data, p->data + p->boxes, p->len - p->boxes) < 0) {
        s->building.number = -1; /* too large: wait for the next key frame */
        s->building.data.len = 0;
    }
}

/* The camera's segments, begun if nobody asked before. */
static struct live_hls *ask_locked(struct live_hub *h, const char *camera)
{
    struct live_camera *c = live_camera_get_locked(h, camera);
    if (!c)
        return NULL;
    if (!c->hls) {
        h->changed |= list_empty(&c->subscribers);
        c->hls = hls_new();
        if (c->hls && c->init) { /* somebody watches already: begin with what there is */
            live_hls_packet_locked(h, c, c->init);
            for (size_t i = 0; i < c->fragments; i++)
                live_hls_packet_locked(h, c, c->fragment[i]);
        }
    }
    if (c->hls)
        c->hls->asked_us = clock_mono_us(h->clock);
    return c->hls;
}

static const struct hls_segment *oldest(const struct live_hls *s)
{
    const struct hls_segment *found = NULL;
    for (int i = 0; i < LIVE_HLS_SEGMENTS; i++) {
        const struct hls_segment *x = &s->segment[i];
        if (x->number >= 0 && (!found || x->number < found->number))
            found = x;
    }
    return found;
}

static int put_playlist(const struct live_hls *s, struct buf *out)
{
    const struct hls_segment *first = oldest(s);
    int64_t longest = SECOND_US, init = 0;
    char time[TIME_TEXT];
    for (int i = 0; i < LIVE_HLS_SEGMENTS; i++)
        if (s->segment[i].number >= 0 && s->segment[i].duration_us > longest)
            longest = s->segment[i].duration_us;
    int r =
        buf_appendf(out,
                    "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:%lld\n"
                    "#EXT-X-MEDIA-SEQUENCE:%lld\n#EXT-X-INDEPENDENT-SEGMENTS\n",
                    (long long)((longest + SECOND_US - 1) / SECOND_US), (long long)first->number);
    for (int64_t k = first->number; r >= 0; k++) {
        const struct hls_segment *x = &s->segment[k % LIVE_HLS_SEGMENTS];
        if (x->number != k)
            break;
        if (x->init != init)
            r = buf_appendf(out, "%s#EXT-X-MAP:URI=\"live/init-%lld.mp4\"\n",
                            init ? "#EXT-X-DISCONTINUITY\n" : "", (long long)x->init);
        init = x->init;
        if (r >= 0)
            r = buf_appendf(out,
                            "#EXT-X-PROGRAM-DATE-TIME:%s\n#EXTINF:%lld.%06lld,\nlive/%lld.m4s\n",
                            time_format(x->utc_us, time), (long long)(x->duration_us / SECOND_US),
                            (long long)(x->duration_us % SECOND_US), (long long)k);
    }
    return r;
}

int live_hls_playlist(struct live_hub *h, const char *camera, struct buf *out, struct err *reterr)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += FIRST_WAIT_S;
    pthread_mutex_lock(&h->lock);
    struct live_hls *s = ask_locked(h, camera);
    live_hub_poke(h);
    int r = 0, waited = h->hls_waiters++ < WAITERS ? 0 : ETIMEDOUT;
    while (s && !oldest(s) && !waited) {
        waited = pthread_cond_timedwait(&h->segment_done, &h->lock, &end);
        s = ask_locked(h, camera);
    }
    h->hls_waiters--;
    r = !s           ? -ENOMEM
        : !oldest(s) ? err_set(reterr, E_BUSY, "There is no picture of this camera yet; try again.")
                     : put_playlist(s, out);
    pthread_mutex_unlock(&h->lock);
    return r;
}

int live_hls_init(struct live_hub *h, const char *camera, int64_t number, struct buf *out)
{
    int r = E_NOTFOUND;
    pthread_mutex_lock(&h->lock);
    struct live_camera *c = live_camera_find_locked(h, camera);
    const struct live_hls *s = c ? c->hls : NULL;
    if (s && number == s->inits && number > 0)
        r = buf_append(out, s->init.data, s->init.len);
    else if (s && number == s->inits - 1 && number > 0)
        r = buf_append(out, s->before.data, s->before.len);
    pthread_mutex_unlock(&h->lock);
    return r;
}

int live_hls_segment(struct live_hub *h, const char *camera, int64_t number, struct buf *out)
{
    int r = E_NOTFOUND;
    pthread_mutex_lock(&h->lock);
    struct live_camera *c = live_camera_find_locked(h, camera);
    struct live_hls *s = c ? c->hls : NULL;
    if (s && number >= 0 && s->segment[number % LIVE_HLS_SEGMENTS].number == number) {
        const struct buf *data = &s->segment[number % LIVE_HLS_SEGMENTS].data;
        r = buf_append(out, data->data, data->len);
        s->asked_us = clock_mono_us(h->clock);
    }
    pthread_mutex_unlock(&h->lock);
    return r;
}
