/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RECORDER_CAMERA_H
#define RECORDER_CAMERA_H
/*
 * One camera's pipeline: access units from its RTSP session become sealed fragments of one file per
 * epoch. Bound to its loop, but for what is marked otherwise. camera.c: life, session, status;
 * camera_record.c: files; camera_sub.c: the stream that is masked.
 */
#include <stdatomic.h>
#include <uv.h>

#include "base/list.h"
#include "index/index.h"
#include "media/dts.h"
#include "mp4/writer.h"
#include "recorder/camera_mask.h"
#include "recorder/keys.h"
#include "recorder/recording.h"
#include "recorder/timebase.h"
#include "rtsp/session.h"
#include "store/store.h"

struct loop;
struct node_clock;

/* What all cameras of the process share; immutable while cameras live. */
struct camera_context {
    struct store *store;
    struct keys *keys;
    struct pool *pool;
    struct node_clock *clock;
    struct view *view; /* NULL: no masked views */
    const char *node;
    int retention_days; /* of the node */
};

enum camera_state { CAMERA_DISABLED, CAMERA_CONNECTING, CAMERA_RECORDING, CAMERA_WAITING };

#define CAMERA_GAPS 32
/* What the status shows; copied under the camera's lock. */
struct camera_status {
    enum camera_state state;
    char reason[160];
    int64_t bitrate_bps, last_frame_us, camera_clock_offset_us;
    bool camera_clock_known;
    double fps;
    uint64_t frames_received, frames_recorded, frames_lost, packets_lost, bytes, reconnects;
    char codec[8];
    int width, height;
    struct index_gap gaps[CAMERA_GAPS]; /* the latest, oldest first */
    int gap_count;
    struct camera_mask_status mask;
};

struct camera {
    struct list link; /* of the loop */
    struct loop *loop;
    const struct camera_context *ctx;
    struct index_camera cfg;
    void (*closed)(void *user); /* set by camera_close() */
    void *closed_user;

    /* session */
    struct rtsp_session *session;
    enum rtsp_state rtsp_state;
    char why[160];
    struct media_track track[MP4_TRACKS];
    struct media_params params; /* of track[0] */
    bool has_track[MP4_TRACKS];
    int64_t playing_since_us;
    bool unconnected; /* waits for the answer to the first request for a key */

    /* the masked view, and the stream that it is made of (camera_sub.c) */
    struct camera_mask *mask; /* NULL: none */
    _Atomic bool mask_gone;
    struct rtsp_session *sub; /* NULL: none, or the main one serves both */
    enum rtsp_state sub_state;
    enum media_codec sub_codec;
    uint32_t sub_rate;
    struct media_params sub_params;
    bool sub_known;
    struct media_dts sub_dts;
    struct timebase sub_timebase;
    unsigned sub_clock_generation;

    /* time */
    struct media_dts dts;
    struct timebase timebase[MP4_TRACKS];
    unsigned clock_generation;
    int64_t step_seen_us; /* monotonic; 0: the clock was not stepped */

    /* keys */
    struct epoch_key *key, *next_key;
    int64_t key_requested_us; /* epoch of the request under way, 0: none */
    int64_t key_retry_us;

    /* the sealed view: file and fragment in the making */
    struct recording sealed;
    int64_t audio_base_pts, audio_base_ticks;
    bool audio_based;

    /* gap that is open now; reason "" when footage is being made */
    struct index_gap gap;
    bool gap_noted;
    char end_reason[24];

    /* counters of the loop */
    uint64_t frames_received, frames_lost, packets_lost; /* lost: before the recording saw them */
    uint64_t rate_bytes, rate_frames;                    /* at the last turn */
    int64_t rate_at_us;
    double fps, bps;
    int64_t last_frame_us, camera_offset_us;
    bool camera_offset_known, closing;

    uv_mutex_t lock;
    struct camera_status status; /* guarded by lock */
};

/*
 * Make a camera bound to @l; camera_start() must then be posted to the loop. @open_gap: gap left
 * open by the last run, or NULL. -ENOMEM. Thread-safe.
 */
int camera_new(struct loop *l, const struct camera_context *ctx, const struct index_camera *cfg,
               const struct index_gap *open_gap, struct camera **ret);
/* Messages for loop_post(): @arg is the camera. */
void camera_start(struct loop *l, void *arg);
/* End the file with @c->end_reason ("shutdown", "removed", "changed"), close, free, then call
 * closed. */
void camera_close(struct loop *l, void *arg);
/* Every LOOP_TICK_MS; @turn once a second. */
void camera_tick(struct camera *c, int64_t now_us, bool turn);
/* Hand a key (or NULL and an error) to the camera's loop. Any thread. Owns: takes @k. */
void camera_post_key(struct camera *c, struct epoch_key *k, int code);
/* Copy of the status. Any thread. */
void camera_read_status(struct camera *c, struct camera_status *ret);

struct rtsp_config camera_session_config(const struct camera *c, const char *url);

/* camera_sub.c */
/* The main stream is masked too, as the camera has no other. */
bool camera_sub_is_main(const struct camera *c);
/* Open and close the session of the sub stream, if there is one and a view to be made of it. */
void camera_sub_open(struct camera *c);
void camera_sub_close(struct camera *c);
/* What happens to the main stream; passed on if it is masked. */
void camera_sub_main_state(struct camera *c, bool playing, const char *why);
void camera_sub_main_track(struct camera *c, const struct media_track *t);
void camera_sub_main_au(struct camera *c, const struct media_au *au);
void camera_sub_main_cut(struct camera *c, const char *reason);

/* camera_record.c */
void camera_on_video(struct camera *c, const struct media_au *au);
void camera_on_audio(struct camera *c, const struct media_au *au);
/* Write out what is pending and end the file; a gap opens at the end of what is covered. Nothing if
 * no file is open. */
void camera_end_file(struct camera *c, const char *reason);
/* Flush a fragment that has waited too long, take notice of write errors. */
void camera_flush(struct camera *c, int64_t now_us);
/* Ask for the key of the epoch of @utc_us unless it is here or under way. */
void camera_want_key(struct camera *c, int64_t utc_us);
void camera_drop_keys(struct camera *c);
/* Open the sessions, once: with a key, or when there is none for now. */
void camera_connect(struct camera *c);
/* Tell index and status about the open gap; @to_us 0 while it lasts. */
void camera_note_gap(struct camera *c, int64_t to_us);
#endif
