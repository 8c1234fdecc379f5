/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef API_LIVE_H
#define API_LIVE_H
/*
 * Live pictures: one connection to DATA/run/live.sock for all viewers of this process. The hub's thread reads messages,
 * keeps for each wanted camera what a new viewer needs (state, initialisation segment, fragments since the last key frame),
 * and puts them into the viewers' queues, which have a ceiling. Thread-safe.
 */
#include "base/clock.h"
#include "base/err.h"
#include "http/message.h"

#define LIVE_VIEWERS 256
#define LIVE_VIEWER_CAMERAS 256
#define LIVE_QUEUE_BYTES ((size_t)4 << 20) /* of one viewer; then it is thinned */
#define LIVE_HLS_SEGMENTS 6
#define LIVE_HLS_SEGMENT_BYTES ((size_t)16 << 20)

struct live_hub;
int live_hub_new(const char *run_dir, const struct clock *clock, struct live_hub **ret,
                 struct err *reterr);
/* After the server has stopped: no viewer is left. */
void live_hub_free(struct live_hub *h);

/* What is known of a camera's masked view: false when nobody watches it. */
bool live_state(struct live_hub *h, const char *camera, char ret_state[24], char ret_reason[200]);

/* One who watches; as a body it never ends by itself. */
struct live_viewer;
enum live_kind {
    LIVE_MESSAGES, /* all messages of the cameras */
    LIVE_MP4       /* one camera: initialisation segment and fragments, as one file */
};
/* Asked every LIVE_CHECK_US on the hub's thread: may the viewer go on? */
struct live_right {
    bool (*holds)(void *user);
    void (*free)(void *user);
    void *user;
};
#define LIVE_CHECK_US (10 * SECOND_US)
/* E_FULL: too many viewers. Owns: the body's free(); takes @right->user, also on error. */
int live_viewer_new(struct live_hub *h, enum live_kind kind, const char (*camera)[64], size_t n,
                    const struct live_right *right, struct live_viewer **ret, struct err *reterr);
extern const struct http_body_ops live_viewer_ops;

/* HLS of one camera, as long as somebody asks for it. Appends to @out. */
/* Waits up to 5 s for the first segment: E_BUSY. */
int live_hls_playlist(struct live_hub *h, const char *camera, struct buf *out, struct err *reterr);
/* E_NOTFOUND: not there any more, or not yet. */
int live_hls_init(struct live_hub *h, const char *camera, int64_t number, struct buf *out);
int live_hls_segment(struct live_hub *h, const char *camera, int64_t number, struct buf *out);
#endif
