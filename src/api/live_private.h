/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef API_LIVE_PRIVATE_H
#define API_LIVE_PRIVATE_H
/*
 * What live_hub.c (the thread), live_viewer.c (queues) and live_hls.c (segments) share.
 *
 * Locks, in the order in which they are taken: hub.wake_lock, a waker's own, hub.lock. A viewer's read() runs under its
 * waker's lock and takes hub.lock; whoever wakes holds wake_lock only, which keeps the viewers in the list.
 */
#include <pthread.h>

#include "api/live.h"
#include "base/list.h"
#include "media/live_wire.h"

#define LIVE_GOP 128 /* fragments kept since the last key frame: 25 s */

/* A message as viewers get it, shared by reference (atomic). */
struct live_packet {
    int refs;
    enum live_type type;
    bool key;
    int64_t utc_us;
    uint32_t len, boxes; /* of data; where MP4 boxes begin in it */
    uint8_t data[];
};

struct hls_segment {
    int64_t number, init, utc_us, duration_us;
    struct buf data;
};
struct live_hls {
    struct hls_segment segment[LIVE_HLS_SEGMENTS];
    int64_t next, inits;     /* numbers of the next segment and the newest initialisation segment */
    struct buf init, before; /* before: the one that older segments belong to */
    struct hls_segment building; /* number -1: waits for a key frame */
    int64_t asked_us;            /* monotonic */
    int64_t discontinuity;       /* how many segments with another init went by */
};

struct live_camera {
    char id[LIVE_CAMERA];
    struct list subscribers; /* struct live_subscription.link */
    struct live_packet *state, *init, *fragment[LIVE_GOP];
    size_t fragments;
    bool broken; /* too many fragments without a key frame: wait for the next one */
    struct live_hls *hls;
};

struct live_subscription {
    struct list link; /* in live_camera.subscribers */
    struct live_viewer *viewer;
    struct live_camera *camera;
    bool wait_key; /* thinned: nothing before the next key frame */
};

struct live_hub {
    char run_dir[512];
    const struct clock *clock;
    pthread_t thread;
    bool started;
    int wake_fd; /* eventfd: look at wanted, stopping */

    pthread_mutex_t wake_lock;
    pthread_mutex_t lock;        /* guards all below */
    pthread_cond_t segment_done; /* with lock */
    struct list viewers;         /* changed with both locks held */
    size_t viewer_count;
    struct live_camera **camera; /* sorted by id */
    size_t cameras, camera_cap;
    bool changed; /* the set of wanted cameras */
    bool stopping, connected;
    int hls_waiters;
    int64_t checked_us; /* the thread's own */
};

struct live_camera *live_camera_get_locked(struct live_hub *h, const char *id);
struct live_camera *live_camera_find_locked(const struct live_hub *h, const char *id);
/* The set of wanted cameras changed: tell the thread. */
void live_hub_poke(struct live_hub *h);
void live_packet_unref(struct live_packet *p);

/* Put @p into the queues of all who watch @c. */
void live_viewers_push_locked(struct live_camera *c, struct live_packet *p, int64_t now_us);
/* Without any lock but none: wake those that have something. Heartbeats and ends too. */
void live_viewers_wake(struct live_hub *h);
/* End those whose right is over. Without any lock. */
void live_viewers_check(struct live_hub *h);
void live_viewers_tick_locked(struct live_hub *h, int64_t now_us);

void live_hls_packet_locked(struct live_hub *h, struct live_camera *c, const struct live_packet *p);
void live_hls_free(struct live_hls *s);
#endif
