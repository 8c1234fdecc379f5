/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Sealed recordings of an open case, as they lie on the disk: ciphertext. case_open_sealed() is the only place of the web
 * process that opens originals, and it refuses whatever is not encrypted by its own head.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/cases.h"
#include "base/hex.h"
#include "mp4/reader.h"

#define ROWS_MAX 20000

struct sealed {
    int fd;
    struct mp4_reader *reader;
};

static void close_sealed(struct sealed *s)
{
    if (!s->reader)
        return;
    mp4_reader_close(s->reader);
    close(s->fd);
    s->reader = NULL;
}

static int case_open_sealed(const char *data_dir, const char *path, struct sealed *ret,
                            struct err *reterr)
{
    char full[512 + INDEX_PATH];
    snprintf(full, sizeof(full), "%.511s/%s", data_dir, path);
    if (strncmp(path, "recordings/", 11) != 0 || strstr(path, ".."))
        return err_set(reterr, E_DENIED, "That is no recording.");
    int fd = open(full, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return err_set(reterr, errno == ENOENT ? E_NOTFOUND : -errno,
                       "A recording cannot be opened: %s.", err_text(-errno));
    int r = mp4_reader_open(fd, &ret->reader, reterr);
    if (r >= 0 && (mp4_reader_info(ret->reader)->view != MP4_SEALED ||
                   !mp4_reader_info(ret->reader)->encrypted))
        r = err_set(reterr, E_DENIED, "That recording is not sealed.");
    ret->fd = fd;
    if (r < 0) {
        mp4_reader_close(ret->reader);
        ret->reader = NULL;
        close(fd);
    }
    return r;
}

/* ---- which ones ---- */

struct rows {
    struct index_recording *row;
    size_t n;
};

static int add_row(void *user, const struct index_recording *r)
{
    struct rows *rows = user;
    if (rows->n == ROWS_MAX)
        return E_LIMIT;
    if (rows->n % 64 == 0) {
        struct index_recording *more = reallocarray(rows->row, rows->n + 64, sizeof(*more));
        if (!more)
            return -ENOMEM;
        rows->row = more;
    }
    rows->row[rows->n++] = *r;
    return 0;
}

struct span {
    int64_t from_us, to_us;
    json_t *cameras; /* of the case; borrowed */
};

static int span_of(const json_t *c, struct span *ret)
{
    const char *from = json_string_value(json_object_get(c, "from"));
    const char *to = json_string_value(json_object_get(c, "to"));
    ret->cameras = json_object_get(c, "cameras");
    if (!from || !to || http_time_parse(from, &ret->from_us) < 0 ||
        http_time_parse(to, &ret->to_us) < 0)
        return E_CORRUPT;
    return 0;
}

static json_t *row_json(const char *camera, const struct index_recording *r, int64_t bytes)
{
    char name[INDEX_ID + 32], kid[33];
    snprintf(name, sizeof(name), "%s@%lld", camera, (long long)r->start_us);
    return json_pack("{ss ss ss so so sI}", "camera", camera, "recording", name, "kid",
                     hex_encode(r->kid, sizeof(r->kid), kid), "begin", api_time(r->start_us), "end",
                     api_time(r->end_us), "bytes", (json_int_t)bytes);
}

struct gaps {
    json_t *list;
    const char *camera;
    const struct span *span;
};

static int add_gap(void *user, const struct index_gap *g)
{
    struct gaps *all = user;
    int64_t from = g->from_us > all->span->from_us ? g->from_us : all->span->from_us;
    int64_t to = g->to_us && g->to_us < all->span->to_us ? g->to_us : all->span->to_us;
    if (from < to)
        json_array_append_new(all->list,
                              json_pack("{ss so so ss}", "camera", all->camera, "from",
                                        api_time(from), "to", api_time(to), "reason", g->reason));
    return 0;
}

static int list_camera(struct http_request *rq, struct index *ix, const char *camera,
                       const struct span *s, json_t *list, json_t *gaps, struct err *reterr)
{
    struct rows rows = {0};
    struct gaps all = {gaps, camera, s};
    int r =
        ix->ops->recordings(ix, camera, MP4_SEALED, s->from_us, s->to_us, add_row, &rows, reterr);
    for (size_t i = 0; i < rows.n && r >= 0; i++) {
        struct sealed f = {0};
        struct err e = {0};
        if (case_open_sealed(api_of(rq)->data_dir, rows.row[i].path, &f, &e) < 0)
            continue; /* gone meanwhile, or just begun */
        json_array_append_new(list, row_json(camera, &rows.row[i],
                                             (int64_t)(mp4_reader_closed(f.reader)
                                                           ? mp4_reader_file_size(f.reader)
                                                           : mp4_reader_valid_end(f.reader))));
        close_sealed(&f);
    }
    free(rows.row);
    return r < 0 ? r : ix->ops->gaps(ix, camera, s->from_us, s->to_us, add_gap, &all, reterr);
}

/* The open case, or a refusal. */
static int open_case(struct http_request *rq, struct http_reply *rp, json_t **ret, struct span *s)
{
    int r = cases_ask(rq, rp, "case.get", json_object(), ret);
    if (r < 0)
        return r;
    const json_t *c = json_object_get(*ret, "case");
    r = cases_want_open(rp, c);
    if (r >= 0)
        r = span_of(c, s);
    if (r < 0)
        json_decref(*ret);
    return r;
}

static int list_all(struct http_request *rq, const struct span *s, json_t *list, json_t *gaps,
                    struct err *reterr)
{
    struct index *ix;
    int r = api_index_take(api_of(rq), &ix, reterr);
    if (r < 0)
        return r;
    for (size_t i = 0; i < json_array_size(s->cameras) && r >= 0; i++)
        r = list_camera(rq, ix, json_string_value(json_array_get(s->cameras, i)), s, list, gaps,
                        reterr);
    api_index_give(api_of(rq), ix);
    return r;
}

static int get_recordings(struct http_request *rq, struct http_reply *rp)
{
    struct span s;
    json_t *answer = NULL;
    int r = open_case(rq, rp, &answer, &s);
    if (r < 0)
        return r;
    json_t *list = json_array(), *gaps = json_array();
    r = list_all(rq, &s, list, gaps, &rp->err);
    json_decref(answer);
    if (r < 0) {
        json_decref(list);
        json_decref(gaps);
        return r;
    }
    return http_reply_json(rp, json_pack("{so so}", "recordings", list, "gaps", gaps));
}

/* ---- bytes ---- */

static ssize_t read_file(void *self, uint64_t at, void *to, size_t max)
{
    struct sealed *s = self;
    ssize_t n = pread(s->fd, to, max, (off_t)at);
    return n < 0 ? -errno : n;
}

static void free_file(void *self)
{
    close_sealed(self);
    free(self);
}

static const struct http_body_ops file_ops = {.read = read_file, .free = free_file};

static bool names_camera(const struct span *s, const char *camera)
{
    json_t *c;
    size_t i;
    json_array_foreach(s->cameras, i, c)
    {
        if (strcmp(json_string_value(c), camera) == 0)
            return true;
    }
    return false;
}

/* "CAMERA@START" → the row, if it touches the order's span. */
static int find_row(struct http_request *rq, const struct span *s, struct index_recording *ret,
                    struct err *reterr)
{
    char camera[INDEX_ID] = "", *end = NULL;
    const char *name = http_param(rq, "recording"), *at = strrchr(name, '@');
    struct rows rows = {0};
    struct index *ix;
    if (at && (size_t)(at - name) < sizeof(camera))
        memcpy(camera, name, (size_t)(at - name));
    long long start = at ? strtoll(at + 1, &end, 10) : 0;
    if (!at || !camera[0] || !end || *end || !names_camera(s, camera))
        return err_set(reterr, E_NOTFOUND, "This case has no such recording.");
    int r = api_index_take(api_of(rq), &ix, reterr);
    if (r < 0)
        return r;
    r = ix->ops->recordings(ix, camera, MP4_SEALED, s->from_us, s->to_us, add_row, &rows, reterr);
    api_index_give(api_of(rq), ix);
    if (r >= 0)
        r = err_set(reterr, E_NOTFOUND, "This case has no such recording.");
    for (size_t i = 0; i < rows.n && r == E_NOTFOUND; i++) {
        if (rows.row[i].start_us == start) {
            *ret = rows.row[i];
            r = 0;
        }
    }
    free(rows.row);
    return r;
}

static int get_sealed(struct http_request *rq, struct http_reply *rp)
{
    struct span s;
    struct index_recording row;
    json_t *answer = NULL;
    int r = open_case(rq, rp, &answer, &s);
    if (r < 0)
        return r;
    r = find_row(rq, &s, &row, &rp->err);
    json_decref(answer);
    struct sealed *f = r < 0 ? NULL : calloc(1, sizeof(*f));
    if (r >= 0)
        r = f ? case_open_sealed(api_of(rq)->data_dir, row.path, f, &rp->err) : -ENOMEM;
    if (r < 0) {
        free(f);
        return r;
    }
    rp->type = "video/mp4";
    rp->cache = HTTP_NO_STORE; /* the end of the case ends it */
    return http_reply_bytes(rp, rq,
                            mp4_reader_closed(f->reader) ? mp4_reader_file_size(f->reader)
                                                         : mp4_reader_valid_end(f->reader),
                            &file_ops, f);
}

const struct http_route api_case_footage_routes[] = {
    {"GET", "/api/v1/cases/{case}/recordings", ACCOUNT_REQUEST, get_recordings},
    {"GET", "/api/v1/cases/{case}/recordings/{recording}/sealed.mp4", ACCOUNT_REQUEST, get_sealed},
    {0},
};
