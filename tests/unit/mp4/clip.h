/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef TEST_CLIP_H
#define TEST_CLIP_H
/*
 * Test material: clips as a camera would send them (4-byte lengths, parameter sets in band before each key frame), and
 * recordings made of them. Demuxed by libavformat, which shares nothing with the code under test.
 */
#include <libavformat/avformat.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "media/dts.h"
#include "media/params.h"
#include "base/clock.h"
#include "mp4/export.h"
#include "mp4/reader.h"
#include "mp4/writer.h"

#define CLIP_MAX 2000

struct clip {
    struct media_track track;
    struct media_params params;
    struct media_au au[CLIP_MAX];
    int count;
    int reorder;
};

static char test_dir[256];

__attribute__((unused)) static int run(const char *fmt, ...)
{
    char cmd[4096];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(cmd, sizeof(cmd), fmt, ap);
    va_end(ap);
    int r = system(cmd);
    return WIFEXITED(r) ? WEXITSTATUS(r) : -1;
}

__attribute__((unused)) static int setup_dir(void **state)
{
    snprintf(test_dir, sizeof(test_dir), "/tmp/lethe-mp4-XXXXXX");
    return mkdtemp(test_dir) ? 0 : -1;
}

__attribute__((unused)) static int remove_dir(void **state)
{
    return run("rm -rf '%s'", test_dir);
}

__attribute__((unused)) static uint8_t *slurp(const char *path, size_t *ret_len)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    fseek(f, 0, SEEK_END);
    long n = ftell(f);
    rewind(f);
    uint8_t *p = malloc((size_t)n + 1);
    *ret_len = fread(p, 1, (size_t)n, f);
    fclose(f);
    return p;
}

/* Parameter sets of avcC or hvcC. */
static void clip_sets(struct clip *c, const uint8_t *x, int len)
{
    int hevc = c->track.codec == MEDIA_H265, at = hevc ? 23 : 5;
    for (int list = 0; list < (hevc ? x[22] : 2); list++) {
        int n = hevc ? x[at + 1] << 8 | x[at + 2] : x[at] & 31;
        at += hevc ? 3 : 1;
        for (int i = 0; i < n; i++) {
            int size = x[at] << 8 | x[at + 1];
            assert_true(at + 2 + size <= len);
            enum media_nal_kind k = media_nal_kind(c->track.codec, x + at + 2, (size_t)size);
            if (k != NAL_SEI)
                assert_true(
                    media_params_put(&c->params, c->track.codec, x + at + 2, (size_t)size) >= 0);
            at += 2 + size;
        }
    }
}

static void clip_add(struct clip *c, const AVPacket *p, AVRational base)
{
    bool key = p->flags & AV_PKT_FLAG_KEY;
    size_t sets = 0;
    for (int i = 0; key && i < c->params.count; i++)
        sets += 4 + c->params.set[i].len;
    uint8_t *data = malloc(sets + (size_t)p->size), *at = data;
    for (int i = 0; key && i < c->params.count; i++) {
        wr32(at, c->params.set[i].len);
        memcpy(at + 4, c->params.set[i].data, c->params.set[i].len);
        at += 4 + c->params.set[i].len;
    }
    memcpy(at, p->data, (size_t)p->size);
    c->au[c->count++] =
        (struct media_au){.data = data,
                          .size = (uint32_t)(sets + (size_t)p->size),
                          .pts_ticks = av_rescale_q(p->pts, base, (AVRational){1, 90000}),
                          .key = key};
}

static struct clip *clip_load(const char *path)
{
    struct clip *c = calloc(1, sizeof(*c));
    AVFormatContext *f = NULL;
    AVPacket *p = av_packet_alloc();
    if (avformat_open_input(&f, path, NULL, NULL) < 0)
        fail_msg("cannot open %s", path);
    int v = av_find_best_stream(f, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    AVCodecParameters *par = f->streams[v]->codecpar;
    c->track =
        (struct media_track){.codec = par->codec_id == AV_CODEC_ID_HEVC ? MEDIA_H265 : MEDIA_H264,
                             .clock_rate = 90000,
                             .params = &c->params};
    clip_sets(c, par->extradata, par->extradata_size);
    struct media_sps sps;
    assert_int_equal(media_params_sps(&c->params, c->track.codec, &sps), 0);
    c->track.width = sps.width;
    c->track.height = sps.height;
    c->reorder = sps.max_reorder;
    while (av_read_frame(f, p) >= 0 && c->count < CLIP_MAX) {
        if (p->stream_index == v)
            clip_add(c, p, f->streams[v]->time_base);
        av_packet_unref(p);
    }
    av_packet_free(&p);
    avformat_close_input(&f);
    int64_t first = c->au[0].pts_ticks;
    for (int i = 0; i < c->count; i++)
        c->au[i].pts_ticks -= first;
    return c;
}

static void clip_free(struct clip *c)
{
    for (int i = 0; i < c->count; i++)
        free((void *)(uintptr_t)c->au[i].data);
    free(c);
}

static const uint8_t test_key[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
#define TEST_KEY "000102030405060708090a0b0c0d0e0f"
static const uint8_t test_kid[16] = {0xa0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xaf};
#define TEST_START INT64_C(1795514400250000) /* 2026-11-24 */

static struct mp4_info clip_info(const struct clip *c, bool sealed)
{
    struct mp4_info info = {.camera = "gate-7",
                            .node = "node-a",
                            .view = sealed ? MP4_SEALED : MP4_MASKED,
                            .encrypted = sealed,
                            .epoch_us = TEST_START - 250000,
                            .epoch_length_us = 600000000,
                            .start_us = TEST_START,
                            .retention_days = 30,
                            .tracks = 1};
    memcpy(info.kid, test_kid, 16);
    info.track[0] = c->track;
    return info;
}

struct recording {
    struct mp4_info info;
    unsigned max_fragments;
    struct mp4_entry entry[CLIP_MAX];
    size_t entries;
    uint64_t end;
    int fd;
};

static void put_at(int fd, const void *data, size_t len, uint64_t at)
{
    assert_int_equal(pwrite(fd, data, len, (off_t)at), len);
}

static void recording_fragment(struct recording *r, struct mp4_fragment *f, int64_t next_dts)
{
    const uint8_t *data;
    size_t len;
    struct mp4_entry *e = &r->entry[r->entries];
    int64_t utc = r->info.start_us;
    assert_int_equal(mp4_fragment_finish(f, (uint32_t)r->entries + 1, next_dts, utc, &data, &len),
                     0);
    assert_int_equal(len % MP4_ALIGN, 0);
    assert_int_equal((uintptr_t)data % MP4_ALIGN, 0);
    mp4_fragment_entry(f, e);
    assert_int_equal(e->length, len);
    e->offset = r->end;
    EVP_Digest(data, len, e->sha256, NULL, EVP_sha256(), NULL);
    put_at(r->fd, data, len, r->end);
    r->end += len;
    r->entries++;
}

static void recording_head(struct recording *r, const char *path)
{
    struct buf head;
    struct err err = {0};
    buf_init(&head, 0);
    r->fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (mp4_head_build(&r->info, r->max_fragments, &head, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(head.len % MP4_ALIGN, 0);
    put_at(r->fd, head.data, head.len, 0);
    r->end = head.len;
    buf_release(&head);
}

static void recording_close(struct recording *r)
{
    struct buf b;
    uint64_t at;
    uint8_t hash[32];
    buf_init(&b, 0);
    assert_int_equal(mp4_sidx_build(&r->info, r->entry, r->entries, r->max_fragments, &b, &at), 0);
    assert_int_equal(b.len % MP4_ALIGN, 0);
    assert_int_equal(at % MP4_ALIGN, 0);
    assert_int_equal(at + b.len, r->entry[0].offset);
    put_at(r->fd, b.data, b.len, at);
    b.len = 0;
    assert_int_equal(mp4_tail_build(&r->info, r->entry, r->entries, r->end, "epoch", &b, hash), 0);
    put_at(r->fd, b.data, b.len, r->end);
    buf_release(&b);
}

/* Record @c into @path with fragments of up to @per access units, as the recorder cuts them; with @closed sidx and tail are written. */
__attribute__((unused)) static void record(const struct clip *c, const char *path, bool sealed,
                                           int per, unsigned max_fragments, bool closed)
{
    struct recording *r = calloc(1, sizeof(*r));
    struct mp4_cipher cipher;
    struct mp4_fragment *f;
    struct media_dts dts;
    r->info = clip_info(c, sealed);
    r->max_fragments = max_fragments;
    recording_head(r, path);
    assert_int_equal(mp4_cipher_init(&cipher, test_key, 1), 0);
    assert_int_equal(mp4_fragment_new(&f), 0);
    media_dts_init(&dts, c->reorder);
    int64_t next = media_dts_next(&dts, c->au[0].pts_ticks);
    for (int i = 0, in = 0; i < c->count; i++) {
        if (in++ == 0)
            mp4_fragment_begin(f, &r->info);
        assert_int_equal(
            mp4_fragment_append(f, 0, &c->au[i], next, c->au[i].pts_ticks, sealed ? &cipher : NULL),
            0);
        bool last = i + 1 == c->count;
        next = last ? -1 : media_dts_next(&dts, c->au[i + 1].pts_ticks);
        if (last || in == per || c->au[i + 1].key) {
            recording_fragment(r, f, next);
            in = 0;
        }
    }
    if (closed)
        recording_close(r);
    mp4_fragment_free(f);
    mp4_cipher_release(&cipher);
    close(r->fd);
    free(r);
}
#endif
