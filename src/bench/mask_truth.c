/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "bench/mask_truth.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAME_MAX 100000000
#define PIXEL_MAX 65536

struct parse {
    struct truth *t;
    struct err *reterr;
    int line; /* 0: one object */
};

static int bad(const struct parse *p, int code, const char *what)
{
    return p->line ? err_set(p->reterr, code, "truth, line %d: %s", p->line, what)
                   : err_set(p->reterr, code, "truth: %s", what);
}

static int add(struct parse *p, const struct truth_box *b)
{
    struct truth *t = p->t;
    if (t->count == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 256;
        struct truth_box *more =
            t->count < TRUTH_BOXES_MAX ? realloc(t->box, cap * sizeof(*more)) : NULL;
        if (!more)
            return t->count < TRUTH_BOXES_MAX ? -ENOMEM : bad(p, E_LIMIT, "too many boxes");
        t->box = more;
        t->cap = cap;
    }
    t->box[t->count++] = *b;
    return 0;
}

static int read_clip(const struct parse *p, const char *name, char ret[TRUTH_CLIP])
{
    const char *slash = strrchr(name, '/');
    name = slash ? slash + 1 : name;
    if (strlen(name) >= TRUTH_CLIP)
        return bad(p, E_RANGE, "the name of a clip is too long");
    memcpy(ret, name, strlen(name) + 1);
    return 0;
}

static int read_box(const struct parse *p, const json_t *j, float ret[4])
{
    if (!json_is_array(j) || json_array_size(j) != 4)
        return bad(p, E_SYNTAX, "a box is four numbers: left, top, right, bottom");
    for (size_t i = 0; i < 4; i++) {
        const json_t *v = json_array_get(j, i);
        double d = json_is_number(v) ? json_number_value(v) : (double)NAN;
        if (!(d >= -PIXEL_MAX && d <= PIXEL_MAX))
            return bad(p, E_RANGE, "a corner of a box is no number, or beyond any picture");
        ret[i] = (float)d;
    }
    return ret[2] > ret[0] && ret[3] > ret[1] ? 0 : bad(p, E_RANGE, "a box ends before it begins");
}

static int read_list(struct parse *p, const json_t *list, struct truth_box *b,
                     enum detect_class class)
{
    if (!list)
        return 0;
    if (!json_is_array(list))
        return bad(p, E_SYNTAX, "faces, persons and vehicles are lists of boxes");
    b->class = class;
    for (size_t i = 0; i < json_array_size(list); i++) {
        int r = read_box(p, json_array_get(list, i), b->box);
        if (r >= 0)
            r = add(p, b);
        if (r < 0)
            return r;
    }
    return 0;
}

static int read_frame_number(const struct parse *p, const char *text, int *ret)
{
    char *end;
    errno = 0;
    long n = strtol(text, &end, 10);
    if (errno || end == text || *end || n < 0 || n > FRAME_MAX)
        return bad(p, E_RANGE, "frames are numbers from 0 on");
    *ret = (int)n;
    return 0;
}

static int read_labels(struct parse *p, json_t *clips)
{
    const char *name, *frame;
    json_t *clip, *lists;
    struct truth_box b = {.id = -1};
    json_object_foreach(clips, name, clip)
    {
        int r = read_clip(p, name, b.clip);
        if (r >= 0 && !json_is_object(clip))
            r = bad(p, E_SYNTAX, "a clip is an object of frames");
        if (r < 0)
            return r;
        json_object_foreach(clip, frame, lists)
        {
            r = read_frame_number(p, frame, &b.frame);
            if (r >= 0)
                r = read_list(p, json_object_get(lists, "faces"), &b, DETECT_FACE);
            if (r >= 0)
                r = read_list(p, json_object_get(lists, "persons"), &b, DETECT_PERSON);
            if (r >= 0)
                r = read_list(p, json_object_get(lists, "vehicles"), &b, DETECT_VEHICLE);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

static int read_object(struct parse *p, const json_t *o, struct truth_box *b)
{
    const char *class = json_string_value(json_object_get(o, "class")),
               *state = json_string_value(json_object_get(o, "state"));
    const json_t *id = json_object_get(o, "id");
    if (!class)
        return bad(p, E_SYNTAX, "an object has a class and a box");
    b->class = !strcmp(class, "person")    ? DETECT_PERSON
               : !strcmp(class, "face")    ? DETECT_FACE
               : !strcmp(class, "vehicle") ? DETECT_VEHICLE
                                           : DETECT_UNKNOWN;
    if (b->class == DETECT_UNKNOWN)
        return bad(p, E_SYNTAX, "a class is person, face or vehicle");
    if (id &&
        (!json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) > FRAME_MAX))
        return bad(p, E_RANGE, "an id is a number from 0 on");
    b->id = id ? (int)json_integer_value(id) : -1;
    b->still = state && (!strcmp(state, "standing") || !strcmp(state, "sitting"));
    int r = read_box(p, json_object_get(o, "box"), b->box);
    return r < 0 ? r : add(p, b);
}

static int read_line(struct parse *p, const json_t *line)
{
    const json_t *frame = json_object_get(line, "frame"), *list = json_object_get(line, "objects");
    const char *clip = json_string_value(json_object_get(line, "clip"));
    struct truth_box b = {0};
    if (!json_is_integer(frame) || !json_is_array(list))
        return bad(p, E_SYNTAX, "a line has a frame (number) and objects (list)");
    if (json_integer_value(frame) < 0 || json_integer_value(frame) > FRAME_MAX)
        return bad(p, E_RANGE, "frames are numbers from 0 on");
    int r = clip ? read_clip(p, clip, b.clip) : 0;
    b.frame = (int)json_integer_value(frame);
    for (size_t i = 0; i < json_array_size(list) && r >= 0; i++)
        r = read_object(p, json_array_get(list, i), &b);
    return r;
}

static int read_lines(struct parse *p, const char *text, size_t len)
{
    for (size_t at = 0; at < len;) {
        const char *end = memchr(text + at, '\n', len - at);
        size_t n = end ? (size_t)(end - text) - at : len - at;
        p->line++;
        if (n > 0 && text[at] != '\r') {
            json_error_t e;
            json_t *line = json_loadb(text + at, n, 0, &e);
            int r = line ? read_line(p, line) : bad(p, E_SYNTAX, e.text);
            json_decref(line);
            if (r < 0)
                return r;
        }
        at += n + 1;
    }
    return 0;
}

static int by_clip_and_frame(const void *a, const void *b)
{
    const struct truth_box *x = a, *y = b;
    int c = strcmp(x->clip, y->clip);
    return c ? c : (x->frame > y->frame) - (x->frame < y->frame);
}

int truth_parse(const char *text, size_t len, struct truth *ret, struct err *reterr)
{
    struct parse p = {.t = ret, .reterr = reterr};
    *ret = (struct truth){0};
    if (len > TRUTH_BYTES_MAX)
        return bad(&p, E_LIMIT, "more than 64 MiB");
    json_t *whole = json_loadb(text, len, 0, NULL), *clips = json_object_get(whole, "clips");
    int r = clips ? read_labels(&p, clips) : read_lines(&p, text, len);
    json_decref(whole);
    if (r < 0)
        truth_release(ret);
    else if (ret->count)
        qsort(ret->box, ret->count, sizeof(*ret->box), by_clip_and_frame);
    return r;
}

int truth_read(const char *path, struct truth *ret, struct err *reterr)
{
    FILE *f = fopen(path, "re");
    char *text = f ? malloc(TRUTH_BYTES_MAX + 1) : NULL;
    if (!text) {
        int code = f ? -ENOMEM : -errno;
        if (f)
            fclose(f);
        return err_set(reterr, code, "%s: %s", path, err_text(code));
    }
    size_t n = fread(text, 1, TRUTH_BYTES_MAX + 1, f);
    int r = ferror(f) ? err_set(reterr, -EIO, "reading failed") : truth_parse(text, n, ret, reterr);
    fclose(f);
    free(text);
    if (r < 0)
        err_prefix(reterr, "%.200s: ", path);
    return r;
}

void truth_release(struct truth *t)
{
    free(t->box);
    *t = (struct truth){0};
}

static const struct truth_box *find(const struct truth *t, const char *clip, int frame,
                                    size_t *ret_count)
{
    struct truth_box key = {.frame = frame};
    snprintf(key.clip, sizeof(key.clip), "%s", clip);
    size_t lo = 0, hi = t->count;
    while (lo < hi) {
        size_t middle = lo + (hi - lo) / 2;
        if (by_clip_and_frame(&t->box[middle], &key) < 0)
            lo = middle + 1;
        else
            hi = middle;
    }
    size_t end = lo;
    while (end < t->count && by_clip_and_frame(&t->box[end], &key) == 0)
        end++;
    *ret_count = end - lo;
    return end > lo ? &t->box[lo] : NULL;
}

const struct truth_box *truth_find(const struct truth *t, const char *clip, int frame,
                                   size_t *ret_count)
{
    const char *slash = strrchr(clip, '/');
    const struct truth_box *b = find(t, slash ? slash + 1 : clip, frame, ret_count);
    return b ? b : find(t, "", frame, ret_count);
}
