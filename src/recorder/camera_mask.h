/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RECORDER_CAMERA_MASK_H
#define RECORDER_CAMERA_MASK_H
/*
 * One camera's masked view, as its loop sees it: what happens to the stream goes in, nothing comes back and nothing
 * blocks. Life: camera_mask.c; its masker: camera_masker.c; pictures, files and states: camera_mask_view.c.
 *
 * There is no way from an access unit to a file or a viewer except through a masker.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "index/index.h"
#include "media/frame.h"
#include "recorder/view.h"

enum view_state {
    VIEW_COVERED, /* as enum mask_state, in that order */
    VIEW_DETECTOR,
    VIEW_DECLARED,
    VIEW_MOSAIC,
    VIEW_LATE,      /* the masker does not answer in time */
    VIEW_FAILED,    /* the masker cannot mask this stream */
    VIEW_NO_MASKER, /* none is connected */
    VIEW_NO_STREAM, /* the camera sends nothing */
    VIEW_OFF        /* disabled or removed */
};
const char *view_state_name(
    enum view_state s); /* "covered", … "late", "failed", "no-masker", "no-stream", "off" */

struct camera_mask_status {
    enum view_state state;
    char reason[200];
    int masker; /* number, -1: none is connected */
    double fps;
    uint64_t late;    /* times that the masker was late */
    uint64_t dropped; /* access units that were not sent to it */
    uint64_t frames;  /* masked pictures that were recorded */
    unsigned persons, vehicles, others;
};

struct camera_mask;

/* Begin; NULL when out of memory, and then there is no masked view of this camera. Any thread. */
struct camera_mask *camera_mask_open(struct view *v, const struct index_camera *cfg);
/* What follows is for the camera's loop; NULL as @c does nothing. */
/* The stream begins or has ended; @why in words, may be NULL. A stream that begins anew is a new generation. */
void camera_mask_stream(struct camera_mask *c, bool playing, const char *why);
void camera_mask_track(struct camera_mask *c, const struct media_track *t);
/* @utc_us: recorder's time of the picture. Copies, and drops when the view's thread is behind. */
void camera_mask_unit(struct camera_mask *c, const struct media_au *au, int64_t utc_us);
/* End the masked file with @reason (clock-stepped, …) and begin another. */
void camera_mask_cut(struct camera_mask *c, const char *reason);
/*
 * The camera's row has changed: other zones cover everything until the place is learnt anew; a place that was declared
 * empty just now is being commissioned. Any thread.
 */
void camera_mask_configure(struct camera_mask *c, const struct index_camera *cfg);
/* End the file with @reason and free @c; *@gone is set then. */
void camera_mask_close(struct camera_mask *c, const char *reason, _Atomic bool *gone);
/* Any thread, as long as the camera is open. */
void camera_mask_read_status(struct camera_mask *c, struct camera_mask_status *ret);
#endif
