/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RECORDER_LIVE_H
#define RECORDER_LIVE_H
/*
 * DATA/run/live.sock: masked live video for the web process (docs/format/live.md). Keeps, per camera, the fragments since
 * its last key frame, so that a new viewer has a picture at once. Bound to the view's thread.
 *
 * Bounds: LIVE_BACKLOG_BYTES per camera; LIVE_QUEUE_BYTES per client, beyond which a camera is thinned to its next key
 * frame; a client that takes nothing for LIVE_PATIENCE_US is cut off.
 */
#include <uv.h>

#include "base/list.h"
#include "media/frame.h"
#include "media/live_wire.h"
#include "mp4/writer.h"

#define LIVE_BACKLOG_BYTES ((size_t)2 << 20)
#define LIVE_BACKLOG 128
#define LIVE_QUEUE_BYTES ((size_t)8 << 20)
#define LIVE_CLIENTS 32
#define LIVE_PATIENCE_US (30 * SECOND_US)
#define LIVE_FRAGMENT_US (SECOND_US / 5)
#define LIVE_PENDING 8 /* pictures of one fragment */

struct view;
struct camera_mask;
struct live_blob; /* a message, shared by backlog and clients */

struct live {
    struct view *view;
    uv_pipe_t server;
    char path[108];
    struct list clients;
    int client_count;
    struct mp4_fragment *scratch; /* fragments are made here */
};

struct live_pending {
    int64_t dts_ticks, utc_us;
    uint32_t at, size;
    bool key;
};

struct live_camera {
    struct list subs; /* struct live_sub */
    struct live_blob *state, *init, *backlog[LIVE_BACKLOG];
    int backlog_count;
    size_t backlog_bytes;
    struct media_params *params; /* those of init; NULL: the next picture must be a key frame */
    int64_t base_dts, last_dts, step;
    uint32_t sequence;
    struct buf bytes; /* of the pending pictures */
    struct live_pending pending[LIVE_PENDING];
    int pending_count;
};

int live_open(struct live *l, struct view *v, struct err *reterr);
void live_close(struct live *l);
void live_tick(struct live *l, int64_t mono_us);

void live_camera_open(struct live *l, struct camera_mask *c);
void live_camera_close(struct live *l, struct camera_mask *c);
/* One masked picture; the fragment that it completes goes out. @info describes the stream, its params are those of @au. */
void live_camera_picture(struct live *l, struct camera_mask *c, const struct mp4_info *info,
                         const struct media_au *au, int64_t utc_us);
/* The stream of pictures is interrupted: what was kept for new viewers is old. */
void live_camera_break(struct live *l, struct camera_mask *c);
/* Tell viewers of the camera's state as it is now. */
void live_camera_state(struct live *l, struct camera_mask *c);

/* live_client.c */
struct live_blob *live_blob_new(const struct live_message *m);
void live_blob_unref(struct live_blob *b);
/* To every viewer of @c; what is not a fragment is never left out. */
void live_send(struct live *l, struct camera_mask *c, struct live_blob *b, bool fragment, bool key);
int live_listen(struct live *l, struct err *reterr);
void live_clients_close(struct live *l);
void live_clients_tick(struct live *l, int64_t mono_us);
void live_clients_camera_opened(struct live *l, struct camera_mask *c);
void live_clients_camera_closed(struct live *l, struct camera_mask *c);
#endif
