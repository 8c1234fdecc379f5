/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Recorded pictures: HLS over byte ranges of recordings, the recordings themselves, and single key frames.
 * Source: RFC 8216 §4.3 (playlists), RFC 9110 §14 (ranges).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/reach.h"
#include "api/masked.h"

#define LONGEST_US DAY_US
#define KEYFRAME_NEAR_US MINUTE_US
#define SETTLED_US (2 * MINUTE_US) /* what is older will not get another key frame */
#define PLAYLIST_TYPE "application/vnd.apple.mpegurl"

int api_reach(struct http_request *rq, unsigned verb, int64_t *from_us, int64_t *to_us,
              bool *ret_strict, struct err *reterr)
{
    char group[INDEX_ID] = "";
    int64_t asked = *from_us;
    struct api_camera_list *l = api_camera_list(api_of(rq));
    const struct api_camera *c = api_camera_find(l, http_param(rq, "id"));
    if (c)
        snprintf(group, sizeof(group), "%s", c->group);
    api_camera_list_unref(l);
    if (account_reach(api_who(rq), verb, group, clock_wall_us(rq->clock), from_us, to_us) < 0)
        return err_set(reterr, E_DENIED, "That time lies outside of what this account may see.");
    if (ret_strict)
        *ret_strict = *from_us != asked;
    return 0;
}

/* ---- playlist ---- */

struct playlist {
    struct buf *out;
    struct buf body; /* the target duration stands first and is known last */
    int64_t from_us, to_us;
    bool strict;
    size_t segments;
    int64_t longest_us;
};

/* Bytes of ftyp and moov, which is all that a player needs in front. */
static uint64_t head_bytes(const struct masked_file *f)
{
    uint64_t at = 0;
    for (int i = 0; i < 2; i++) {
        uint8_t size[4];
        if (pread(f->fd, size, 4, (off_t)at) != 4)
            return 0;
        at += rd32(size);
    }
    return at;
}

/* One past the last fragment of the segment that begins with @i: up to the next key frame. */
static size_t segment_end(const struct masked_file *f, size_t i)
{
    size_t n = mp4_reader_fragments(f->reader), k = i + 1;
    while (k < n && !mp4_reader_entry(f->reader, k)->key)
        k++;
    return k;
}

static int put_map(struct playlist *p, const struct masked_file *f, long long id, int64_t at_us)
{
    char time[TIME_TEXT];
    return buf_appendf(&p->body,
                       "%s#EXT-X-MAP:URI=\"recordings/%lld/masked.mp4\",BYTERANGE=\"%llu@0\"\n"
                       "#EXT-X-PROGRAM-DATE-TIME:%s\n",
                       p->segments ? "#EXT-X-DISCONTINUITY\n" : "", id,
                       (unsigned long long)head_bytes(f), time_format(at_us, time));
}

static int put_segment(struct playlist *p, const struct masked_file *f, long long id, size_t i,
                       size_t end)
{
    const struct mp4_entry *first = mp4_reader_entry(f->reader, i),
                           *last = mp4_reader_entry(f->reader, end - 1);
    int64_t us = masked_fragment_end_us(f, end - 1) - masked_fragment_us(f, i);
    p->longest_us = us > p->longest_us ? us : p->longest_us;
    p->segments++;
    return buf_appendf(
        &p->body, "#EXTINF:%lld.%06lld,\n#EXT-X-BYTERANGE:%llu@%llu\nrecordings/%lld/masked.mp4\n",
        (long long)(us / SECOND_US), (long long)(us % SECOND_US),
        (unsigned long long)(last->offset + last->length - first->offset),
        (unsigned long long)first->offset, id);
}

static int put_recording(struct playlist *p, const struct masked_file *f)
{
    long long id = mp4_reader_info(f->reader)->start_us;
    size_t n = mp4_reader_fragments(f->reader);
    bool begun = false;
    int r = 0;
    for (size_t i = 0, end; i < n && r >= 0; i = end) {
        end = segment_end(f, i);
        if (!mp4_reader_entry(f->reader, i)->key ||
            masked_fragment_end_us(f, end - 1) <= p->from_us ||
            (p->strict && masked_fragment_us(f, i) < p->from_us))
            continue;
        if (masked_fragment_us(f, i) >= p->to_us)
            break;
        if (!begun)
            r = put_map(p, f, id, masked_fragment_us(f, i));
        begun = true;
        if (r >= 0)
            r = put_segment(p, f, id, i, end);
    }
    return r;
}

static int fill_playlist(struct http_request *rq, struct playlist *p, struct err *reterr)
{
    struct index *ix;
    struct masked_rows rows;
    int r = api_index_take(api_of(rq), &ix, reterr);
    if (r < 0)
        return r;
    r = masked_find(ix, http_param(rq, "id"), p->from_us, p->to_us, &rows, reterr);
    api_index_give(api_of(rq), ix);
    for (size_t i = 0; i < rows.count && r >= 0; i++) {
        struct masked_file f = {0};
        r = masked_open(api_of(rq)->data_dir, rows.row[i].path, &f, reterr);
        if (r >= 0)
            r = put_recording(p, &f);
        else if (r == E_NOTFOUND || r == E_TRUNCATED) /* gone meanwhile, or just begun */
            r = 0;
        masked_close(&f);
    }
    masked_rows_release(&rows);
    return r;
}

static int get_playlist(struct http_request *rq, struct http_reply *rp)
{
    struct playlist p = {.out = &rp->body};
    int r = http_query_span(rq, &p.from_us, &p.to_us, &rp->err);
    if (r >= 0 && p.to_us - p.from_us > LONGEST_US)
        r = err_set(&rp->err, E_RANGE, "A playlist spans 24 hours at most.");
    if (r >= 0)
        r = api_reach(rq, ACCOUNT_PLAYBACK, &p.from_us, &p.to_us, &p.strict, &rp->err);
    if (r < 0)
        return r;
    buf_init(&p.body, (size_t)16 << 20);
    r = fill_playlist(rq, &p, &rp->err);
    if (r >= 0 && !p.segments)
        r = err_set(&rp->err, E_NOTFOUND, "There is no masked picture in that span.");
    if (r >= 0)
        r = buf_appendf(&rp->body,
                        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:%lld\n"
                        "#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-INDEPENDENT-SEGMENTS\n",
                        (long long)((p.longest_us + SECOND_US - 1) / SECOND_US));
    if (r >= 0)
        r = buf_append(&rp->body, p.body.data, p.body.len);
    if (r >= 0)
        r = buf_appendf(&rp->body, "#EXT-X-ENDLIST\n");
    buf_release(&p.body);
    rp->type = PLAYLIST_TYPE;
    return r;
}

/* ---- bytes of a recording ---- */

struct file_body {
    struct masked_file file;
};

static ssize_t read_file(void *self, uint64_t at, void *to, size_t max)
{
    struct file_body *b = self;
    ssize_t n = pread(b->file.fd, to, max, (off_t)at);
    return n < 0 ? -errno : n;
}

static void free_file(void *self)
{
    struct file_body *b = self;
    masked_close(&b->file);
    free(b);
}

static const struct http_body_ops file_ops = {.read = read_file, .free = free_file};

/* The recording of {id} that began at @start_us: its number in playlists. */
static int open_recording(struct http_request *rq, int64_t start_us, struct masked_file *ret,
                          struct index_recording *ret_row, struct err *reterr)
{
    struct index *ix;
    struct masked_rows rows;
    int r = api_index_take(api_of(rq), &ix, reterr);
    if (r < 0)
        return r;
    r = masked_find(ix, http_param(rq, "id"), start_us, start_us + 1, &rows, reterr);
    api_index_give(api_of(rq), ix);
    if (r < 0)
        return r;
    r = E_NOTFOUND;
    for (size_t i = 0; i < rows.count && r == E_NOTFOUND; i++)
        if (rows.row[i].start_us == start_us) {
            *ret_row = rows.row[i];
            r = masked_open(api_of(rq)->data_dir, rows.row[i].path, ret, reterr);
        }
    masked_rows_release(&rows);
    return r == E_NOTFOUND ? err_set(reterr, r, "There is no such recording.") : r;
}

/* A grant with bounds reaches no recording that crosses them; its playlists name only byte ranges inside. */
static int check_reach(struct http_request *rq, const struct masked_file *f, struct err *reterr)
{
    size_t n = mp4_reader_fragments(f->reader);
    int64_t from = n ? masked_fragment_us(f, 0) : mp4_reader_info(f->reader)->start_us;
    int64_t to = n ? masked_fragment_end_us(f, n - 1) : from + 1, asked_from = from, asked_to = to;
    uint64_t first, length, lowest = UINT64_MAX, highest = 0, head = head_bytes(f);
    int r = api_reach(rq, ACCOUNT_PLAYBACK, &from, &to, NULL, reterr);
    if (r < 0 || (from == asked_from && to == asked_to))
        return r;
    for (size_t i = 0; i < n; i++) {
        const struct mp4_entry *e = mp4_reader_entry(f->reader, i);
        if (masked_fragment_us(f, i) < from || masked_fragment_us(f, i) >= to)
            continue;
        lowest = e->offset < lowest ? e->offset : lowest;
        highest = e->offset + e->length;
    }
    r = http_range_parse(http_header(rq, "Range"), mp4_reader_valid_end(f->reader), &first,
                         &length);
    if (r == 1 && (first + length <= head || (first >= lowest && first + length <= highest)))
        return 0;
    return err_set(reterr, E_DENIED,
                   "These bytes lie outside of the time that this account may see.");
}

static int parse_number(const char *text, int64_t *ret)
{
    size_t n = strlen(text);
    if (!n || n > 18 || strspn(text, "0123456789") != n)
        return E_NOTFOUND;
    *ret = strtoll(text, NULL, 10);
    return 0;
}

static int get_recording(struct http_request *rq, struct http_reply *rp)
{
    int64_t start;
    struct index_recording row;
    struct file_body *b = calloc(1, sizeof(*b));
    int r = b ? parse_number(http_param(rq, "recording"), &start) : -ENOMEM;
    if (r == E_NOTFOUND)
        err_set(&rp->err, r, "There is no such recording.");
    if (r >= 0)
        r = open_recording(rq, start, &b->file, &row, &rp->err);
    if (r >= 0)
        r = check_reach(rq, &b->file, &rp->err);
    if (r < 0) {
        if (b)
            free_file(b);
        return r;
    }
    bool closed = mp4_reader_closed(b->file.reader);
    rp->type = "video/mp4";
    rp->cache = closed ? HTTP_PRIVATE : HTTP_NO_STORE;
    if (closed)
        snprintf(rp->etag, sizeof(rp->etag), "\"%lld\"", (long long)start);
    return http_reply_bytes(rp, rq,
                            closed ? mp4_reader_file_size(b->file.reader)
                                   : mp4_reader_valid_end(b->file.reader),
                            &file_ops, b);
}

/* ---- one picture ---- */

struct picture {
    int64_t at_us, from_us, to_us;
    size_t row, fragment;
    int64_t found_us; /* -1: none */
};

/* The last key frame at or before the time, else the first behind it. */
static bool better(const struct picture *p, int64_t at)
{
    if (at < p->from_us || at >= p->to_us)
        return false;
    if (p->found_us < 0)
        return true;
    return at <= p->at_us ? p->found_us > p->at_us || at > p->found_us
                          : p->found_us > p->at_us && at < p->found_us;
}

static void look(struct picture *p, const struct masked_file *f, size_t row)
{
    for (size_t i = 0; i < mp4_reader_fragments(f->reader); i++) {
        int64_t at = masked_fragment_us(f, i);
        if (mp4_reader_entry(f->reader, i)->key && better(p, at)) {
            p->row = row;
            p->fragment = i;
            p->found_us = at;
        }
    }
}

static int find_picture(struct http_request *rq, const struct masked_rows *rows, struct picture *p,
                        struct err *reterr)
{
    p->found_us = -1;
    for (size_t i = 0; i < rows->count; i++) {
        struct masked_file f = {0};
        int r = masked_open(api_of(rq)->data_dir, rows->row[i].path, &f, reterr);
        if (r == E_DENIED)
            return r;
        if (r >= 0)
            look(p, &f, i);
        masked_close(&f);
        if (p->found_us >= 0 && rows->row[i].start_us > p->at_us)
            break;
    }
    return p->found_us < 0 ? err_set(reterr, E_NOTFOUND,
                                     "There is no masked picture within a minute of that time.")
                           : 0;
}

static int put_picture(struct http_request *rq, struct http_reply *rp,
                       const struct masked_rows *rows, const struct picture *p)
{
    struct masked_file f = {0};
    struct mp4_virtual *v = NULL;
    struct mp4_virtual_part part;
    struct mp4_sample s;
    int r = masked_open(api_of(rq)->data_dir, rows->row[p->row].path, &f, &rp->err);
    if (r >= 0)
        r = mp4_virtual_new(&v);
    if (r >= 0)
        r = mp4_virtual_source(v, mp4_reader_info(f.reader), 0, &rp->err);
    if (r >= 0)
        r = mp4_reader_peek(f.reader, p->fragment, &rp->err);
    if (r >= 0)
        r = mp4_reader_next(f.reader, &s) && s.key ? mp4_virtual_sample(v, &s, &rp->err)
                                                   : E_CORRUPT;
    if (r >= 0)
        r = mp4_virtual_finish(v, 0, &rp->err);
    for (uint64_t at = 0; r >= 0 && mp4_virtual_at(v, at, &part); at += part.length) {
        r = buf_reserve(&rp->body, part.length);
        if (r < 0)
            break;
        if (part.memory)
            memcpy(rp->body.data + rp->body.len, part.memory, part.length);
        else if (pread(f.fd, rp->body.data + rp->body.len, part.length, (off_t)part.offset) !=
                 (ssize_t)part.length)
            r = E_TRUNCATED;
        rp->body.len += part.length;
    }
    mp4_virtual_free(v);
    masked_close(&f);
    return r;
}

static int get_keyframe(struct http_request *rq, struct http_reply *rp)
{
    struct picture p = {0};
    struct index *ix;
    struct masked_rows rows = {0};
    int r = http_query_time(rq, "at", &p.at_us, &rp->err);
    if (r >= 0) {
        p.from_us = p.at_us - KEYFRAME_NEAR_US;
        p.to_us = p.at_us + KEYFRAME_NEAR_US;
        r = api_reach(rq, ACCOUNT_PLAYBACK, &p.from_us, &p.to_us, NULL, &rp->err);
    }
    if (r >= 0)
        r = api_index_take(api_of(rq), &ix, &rp->err);
    if (r < 0)
        return r;
    r = masked_find(ix, http_param(rq, "id"), p.from_us, p.to_us, &rows, &rp->err);
    api_index_give(api_of(rq), ix);
    if (r >= 0)
        r = find_picture(rq, &rows, &p, &rp->err);
    if (r >= 0)
        r = put_picture(rq, rp, &rows, &p);
    masked_rows_release(&rows);
    rp->type = "video/mp4";
    if (p.at_us < clock_wall_us(rq->clock) - SETTLED_US)
        rp->cache = HTTP_PRIVATE;
    http_reply_header(rp, "Lethe-Time", "%lld", (long long)p.found_us);
    return r;
}

const struct http_route api_playback_routes[] = {
    {"GET", "/api/v1/cameras/{id}/playback.m3u8", ACCOUNT_PLAYBACK, get_playlist},
    {"GET", "/api/v1/cameras/{id}/recordings/{recording}/masked.mp4", ACCOUNT_PLAYBACK,
     get_recording},
    {"GET", "/api/v1/cameras/{id}/keyframe.mp4", ACCOUNT_PLAYBACK, get_keyframe},
    {0},
};
