/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef BENCH_MASK_TRUTH_H
#define BENCH_MASK_TRUTH_H
/*
 * Ground truth of recorded clips: who is where in which frame. Two formats, told apart by their first object:
 *
 *   {"clips": {"FILE": {"FRAME": {"faces": [[x0,y0,x1,y1], …], "persons": […], "vehicles": […]}}}}
 *   lines {"frame": N, "objects": [{"id": N, "class": "person"|"face"|"vehicle", "box": [x0,y0,x1,y1],
 *          "state": "standing"}], "clip": "FILE"}, as `lethe sim --truth` writes them; without "clip" they hold for any
 *
 * Frames count from 0 in order of presentation; boxes are pixels of the file's pictures. A list that is missing in the
 * first format means that nobody looked; an empty one that nobody is there. Reentrant.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "mask/detect.h"

#define TRUTH_BYTES_MAX ((size_t)64 << 20)
#define TRUTH_BOXES_MAX 1000000
#define TRUTH_CLIP 96

struct truth_box {
    char clip[TRUTH_CLIP]; /* name without folders; "": any */
    int frame, id;         /* id -1: none given */
    enum detect_class class;
    bool still;
    float box[4];
};

struct truth {
    struct truth_box *box; /* by clip, then frame */
    size_t count, cap;
};

/*
 * Parse @text. Errors: E_SYNTAX, E_RANGE (frame, id or box beyond reason), E_LIMIT, -ENOMEM, with line and reason.
 * @ret is empty then.
 */
int truth_parse(const char *text, size_t len, struct truth *ret, struct err *reterr);
int truth_read(const char *path, struct truth *ret, struct err *reterr);
void truth_release(struct truth *t);
/* Boxes of one frame of a clip (path or name): the first, and how many follow in *@ret_count. */
const struct truth_box *truth_find(const struct truth *t, const char *clip, int frame,
                                   size_t *ret_count);
#endif
