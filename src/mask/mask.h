/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef MASK_MASK_H
#define MASK_MASK_H
/*
 * One camera's masked view: access units in, masked access units out. docs/design/masking.md is the page to read
 * first. Time is that of the access units, never the wall clock, so that a file is masked as fast as the machine can.
 * Thread-bound. Fails closed: an error yields a covered picture or none, never an unmasked one.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "mask/detect.h"
#include "media/frame.h"

#define MASK_OBJECTS 64
#define MASK_ZONES 16
#define MASK_ZONE_POINTS 24

/* What is known, and so what may be shown. */
enum mask_state {
    MASK_COVERED,  /* the whole picture is covered */
    MASK_DETECTOR, /* (a) plate and silhouettes, a person detector runs within its budget */
    MASK_DECLARED, /* (b) plate and silhouettes, the place was declared empty while it was learnt */
    MASK_MOSAIC    /* (c) coarse plate */
};
const char *mask_state_name(enum mask_state s); /* "covered", "detector", "declared", "mosaic" */

/* Polygon that is always filled; corners in 0..1 of width and height. */
struct mask_zone {
    int points;
    float x[MASK_ZONE_POINTS], y[MASK_ZONE_POINTS];
};

struct mask_config {
    int width; /* of the masked picture, even; 0: 640; the picture is never enlarged */
    int fps;   /* most frames a second; 0: 10 */
    int64_t
        learn_us; /* quiet time before a pixel enters the plate; 0: 120 s in state (a) and (c), 1 h in (b) */
    bool declared_empty; /* an administrator declared the place empty: learning may be quick once */
    int zone_count;
    struct mask_zone zone[MASK_ZONES];
    struct detector_pool
        *detectors; /* shared by the cameras of the process, borrowed; NULL: none */
};

/* Something that is covered. Lives for this camera and this frame; @track dies with the object. */
struct mask_object {
    uint32_t track;
    enum detect_class class; /* DETECT_UNKNOWN: it moved, nobody said what it is */
    float x0, y0, x1, y1;    /* 0..1 of the picture */
    float dx, dy;            /* motion in picture widths and heights a second */
};

/* What came of one picture. Pointers are borrowed for the time of the call. */
struct mask_output {
    const uint8_t *
        data; /* masked access unit, H.264, NAL units behind 4-byte lengths; parameter sets in band */
    uint32_t size;
    bool key;
    int64_t pts_ticks; /* of the access unit that it was made from */
    int64_t utc_us;
    int width, height;
    const struct media_params *params;
    enum mask_state state;
    const char *reason;        /* one sentence for people: why this state */
    unsigned covered_permille; /* of the picture, silhouettes and zones */
    unsigned motion_permille;
    int object_count;
    const struct mask_object *objects;
};

struct mask;
/* @out is called for each masked picture from inside mask_feed(). -ENOMEM, E_RANGE (config), E_UNSUPPORTED (no codec). */
int mask_new(const struct mask_config *cfg, void (*out)(void *user, const struct mask_output *o),
             void *user, struct mask **ret, struct err *reterr);
void mask_free(struct mask *m);
/*
 * Feed one access unit of the sub stream, in decode order. @track describes the stream; another codec or size in it
 * starts everything anew, covered. @utc_us: recorder's time of @au.
 * Errors: those of the decoder as E_SYNTAX; the view is covered then until enough whole pictures came.
 */
int mask_feed(struct mask *m, const struct media_track *track, const struct media_au *au,
              int64_t utc_us, struct err *reterr);
/* The stream broke, or the camera was moved, swapped or knocked as far as the caller knows: cover until learnt anew. */
void mask_forget(struct mask *m, const char *reason);
/* Begin (true) or end commissioning: what is seen while it lasts is the empty place. The caller logs the act. */
void mask_declare_empty(struct mask *m, bool empty);

/* The stream ends: hand out the pictures that the decoder holds back. It may go on with a key picture. */
void mask_flush(struct mask *m);
/* Make the next picture a key picture, for somebody who begins to watch. */
void mask_want_key(struct mask *m);

/* Thread CPU time spent since mask_new(), microseconds, and frames, for benches. */
struct mask_times {
    uint64_t frames, decode_us, plate_us, draw_us, encode_us, detect_us;
};
void mask_read_times(const struct mask *m, struct mask_times *ret);
#endif
