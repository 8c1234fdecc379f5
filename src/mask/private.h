/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef MASK_PRIVATE_H
#define MASK_PRIVATE_H
/* One camera's masking from inside: for mask.c, view.c and the tests. */
#include "mask/decode.h"
#include "mask/draw.h"
#include "mask/encode.h"
#include "mask/mask.h"
#include "mask/scale.h"
#include "mask/watch.h"

struct mask {
    struct mask_config cfg; /* defaults filled in, but learn_us */
    void (*out)(void *user, const struct mask_output *o);
    void *user;

    struct media_track track; /* of the stream that is decoded; params not kept */
    struct mask_decoder *decoder;
    struct mask_scaler scaler;

    /* as long as the stream has one size */
    int source_width, source_height; /* 0: there is none of these */
    struct mask_encoder *encoder;
    struct mask_picture live; /* the camera's picture, never encoded */
    struct mask_plate plate;
    struct mask_regions regions;
    struct mask_watch watch;
    struct mask_canvas canvas;

    bool await_key; /* the stream broke: nothing counts before the next key picture */
    int whole;      /* undamaged pictures since then, up to a few */
    bool emitted;   /* an output came of the access unit that is being fed */
    int64_t now_us, seen_us, next_us, key_us;

    bool declaring, declared;            /* the place is being, has been shown empty */
    int64_t declaring_us;                /* when that began by the first picture; 0: not yet */
    bool declaring_once;                 /* ends by itself */
    bool lost;                           /* most of the picture is not what was learnt */
    int64_t lost_us, found_us, stale_us; /* since when; 0: not */

    enum mask_state state;
    char reason[sizeof(((struct err *)0)->text)];
    struct mask_times times;
    struct err err; /* of the last picture, met inside the decoder's callback */
};

uint64_t mask_cpu_us(void);
void mask_set_state(struct mask *m, enum mask_state s, const char *reason);
/* view.c: the way of a picture. */
int mask_view_open(struct mask *m, const AVFrame *f);
void mask_view_close(struct mask *m);
/* Everything learnt is void. */
void mask_view_forget(struct mask *m);
/* Look at m->live, learn, decide what may be shown. */
void mask_view_see(struct mask *m, int dt_ms);
/* Draw what the state allows, encode it, hand it out. */
void mask_view_emit(struct mask *m, int64_t pts_ticks, int64_t utc_us);
#endif
