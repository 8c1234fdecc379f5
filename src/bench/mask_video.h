/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef BENCH_MASK_VIDEO_H
#define BENCH_MASK_VIDEO_H
/* Access units to pictures, for looking at what went in and what came out. One thread, thread-bound. */
#include "media/frame.h"
#include "sim/picture.h"

struct bench_video;
int bench_video_open(enum media_codec codec, struct bench_video **ret); /* -ENOMEM, E_UNSUPPORTED */
void bench_video_close(struct bench_video *v);                          /* NULL is fine */

/*
 * Decode an access unit (NAL units behind 4-byte lengths). @on is called for each picture that comes out, in order of
 * presentation; from inside it bench_video_take() copies the picture.
 * @params  put before a key access unit; may be NULL
 * Damaged access units are passed over.
 */
int bench_video_feed(struct bench_video *v, const struct media_params *params,
                     const struct media_au *au,
                     int (*on)(void *user, struct bench_video *v, int64_t pts_ticks), void *user);
int bench_video_width(const struct bench_video *v); /* of the last picture */
int bench_video_height(const struct bench_video *v);
/* The last picture scaled to the size of @p, which is initialised. */
int bench_video_take(struct bench_video *v, struct sim_picture *p);
#endif
