/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RECORDER_VIEW_PRIVATE_H
#define RECORDER_VIEW_PRIVATE_H
/* What the files of the view's thread share. Everything here is bound to it, but for what is marked otherwise. */
#include <stdatomic.h>
#include <uv.h>

#include "base/list.h"
#include "mask/wire.h"
#include "recorder/camera_mask.h"
#include "recorder/live.h"
#include "recorder/mask_flow.h"
#include "recorder/recording.h"
#include "recorder/view.h"

#define VIEW_TICK_MS 250
#define VIEW_BUCKETS 1024

/* Something for the thread to do; freed after run(). */
struct view_message {
    struct view_message *next;
    void (*run)(struct view *v, struct view_message *m);
};

struct mask_peer;

struct view {
    struct view_config cfg;
    uv_loop_t uv;
    uv_thread_t thread;
    uv_async_t wake;
    uv_timer_t tick;
    struct list cameras; /* struct camera_mask */
    struct list bucket[VIEW_BUCKETS];
    uint32_t next_number;
    unsigned ticks;

    uv_pipe_t mask_server;
    char mask_path[108];
    struct list peers; /* struct mask_peer, those that have not introduced themselves included */
    struct mask_peer *worker[MASK_WIRE_WORKERS];
    struct mask_wire wire; /* the message that is being parsed */
    _Atomic int maskers;

    struct live live;

    uv_mutex_t lock;
    struct view_message *first, **last; /* guarded by lock */
    bool stopping;                      /* guarded by lock */
    _Atomic size_t inbox_bytes;
};

/* One camera's masked view. */
struct camera_mask {
    struct list link, in_bucket;
    struct view *view;
    char id[INDEX_ID];
    int retention_days;
    uint32_t number;
    struct mask_config config;
    int64_t
        row_declared_us; /* as the camera's row has it; what was there at the start says nothing */
    int64_t declared_us; /* a declaration that the masker was not told of yet; 0: none */
    bool enabled, playing, closing;
    char why[160]; /* why the stream is not there */
    struct media_track track;
    struct media_params params;
    bool has_track;
    _Atomic bool wanted; /* for the loop: its masker knows of it; else nothing needs to be copied */
    _Atomic bool dropped; /* set by the loop: an access unit did not fit into the inbox */
    _Atomic bool *gone;

    /* masker */
    struct mask_peer *peer; /* NULL: not connected */
    bool opened;            /* it was told of this camera */
    struct mask_flow flow;

    /* what it says */
    enum view_state state;
    char reason[MASK_WIRE_TEXT];
    unsigned persons, vehicles, others, motion_permille;
    bool await_key;                     /* a picture is missing: what builds upon it is of no use */
    bool has_picture;                   /* one came in this generation */
    char trouble[MASK_WIRE_TEXT];       /* "": none */
    struct media_params picture_params; /* of the pictures that come now */
    struct recording masked;
    struct live_camera live;

    /* the minute that is going on, for the timeline */
    struct {
        int64_t minute_us; /* 0: none */
        uint32_t motion_sum, pictures;
        unsigned motion_max, persons_max, vehicles_max;
    } activity;

    /* what was told of it */
    enum view_state told_state, noted_state;
    char told_reason[MASK_WIRE_TEXT];
    int64_t told_us, noted_us;
    bool told_objects;

    uint64_t pictures, pictures_before, lateness;
    int64_t rate_us;
    double fps;

    uv_mutex_t lock;
    struct camera_mask_status status; /* guarded by lock */
};

static inline int64_t view_wall_us(const struct view *v)
{
    return clock_wall_us(v->cfg.clock);
}
static inline int64_t view_mono_us(const struct view *v)
{
    return clock_mono_us(v->cfg.clock);
}

/* view.c. Any thread; @m is taken. */
void view_post(struct view *v, struct view_message *m);
struct camera_mask *view_find(struct view *v, uint32_t number);

/* mask_link.c */
int mask_link_open(struct view *v, struct err *reterr);
void mask_link_close(struct view *v);
void mask_link_tick(struct view *v, int64_t mono_us);
/* The masker of this camera, or NULL while it is not connected. */
struct mask_peer *mask_link_of(struct view *v, const char *camera);
int mask_peer_number(const struct mask_peer *p);
/* Room for another access unit? False: its queue is at the ceiling. */
bool mask_peer_has_room(const struct mask_peer *p);
/* Queue a message. Errors (-ENOMEM, E_LIMIT, errno): it was not queued. */
int mask_peer_send(struct mask_peer *p, const struct mask_wire *m);

/* camera_masker.c, called by the link */
void camera_mask_attach(struct camera_mask *c, struct mask_peer *p);
void camera_mask_detach(struct camera_mask *c, const char *why);
/* A message about this camera from its own masker. E_PROTOCOL: hang up. */
int camera_mask_on_message(struct camera_mask *c, const struct mask_wire *m);
void camera_mask_tick(struct camera_mask *c, int64_t mono_us, bool turn);
/* Does its masker know of this camera? The loop copies nothing while it does not. */
void camera_mask_set_opened(struct camera_mask *c, bool opened);
/* Queue a message to the camera's masker, with number and generation. */
void camera_mask_send(struct camera_mask *c, struct mask_wire *m);
void camera_mask_send_track(struct camera_mask *c);
/*
 * Tell the masker of this camera, as of something that it has never seen. A declaration that the place is empty holds
 * for the one opening that follows it: whoever declared has looked then, and has not looked again after a restart.
 */
void camera_mask_begin(struct camera_mask *c);
/* A new generation: the masker forgets the place, for this reason in words. */
void camera_mask_forget(struct camera_mask *c, const char *why);

/* camera_mask_view.c */
/* A picture that the flow believes, for the recorder's time @utc_us. */
void camera_mask_on_picture(struct camera_mask *c, const struct mask_output *o, int64_t utc_us);
void camera_mask_end_file(struct camera_mask *c, const char *reason);
/* Work out the state, and tell it where it changed. @quiet: objects alone are no reason to tell. */
void camera_mask_tell(struct camera_mask *c, bool quiet);
void camera_mask_publish(struct camera_mask *c, int64_t mono_us);
/* Hand the minute that is over to the index. @all: the one that is going on too. */
void camera_mask_note_activity(struct camera_mask *c, int64_t utc_us, bool all);
#endif
