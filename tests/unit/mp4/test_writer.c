/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <sys/resource.h>

#include "clip.h"
#include "mp4/box.h"

static const uint8_t sps_h264[] = {0x67, 0x64, 0x00, 0x0d, 0xac, 0xd9, 0x41, 0x41, 0xfb,
                                   0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00,
                                   0x03, 0x03, 0x20, 0xf1, 0x42, 0x99, 0x60};
static const uint8_t pps_h264[] = {0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0};
static const uint8_t asc[] = {0x12, 0x08};

static struct media_params params;
static struct mp4_info info;

static int setup(void **state)
{
    params.count = 0;
    media_params_put(&params, MEDIA_H264, sps_h264, sizeof(sps_h264));
    media_params_put(&params, MEDIA_H264, pps_h264, sizeof(pps_h264));
    struct clip c = {.track = {.codec = MEDIA_H264, .clock_rate = 90000, .params = &params}};
    info = clip_info(&c, true);
    info.tracks = 2;
    info.track[1] =
        (struct media_track){.codec = MEDIA_AAC, .clock_rate = 44100, .channels = 1, .asc_len = 2};
    memcpy(info.track[1].asc, asc, 2);
    return setup_dir(state);
}

/* A NAL unit of @len bytes with its length in front; contents depend on @seed. Returns the bytes used. */
static size_t put_nal(uint8_t *p, uint8_t type, uint32_t len, uint32_t seed)
{
    wr32(p, len);
    for (uint32_t i = 0; i < len; i++)
        p[4 + i] = (uint8_t)((seed = seed * 1664525U + 1013904223U) >> 24);
    if (len)
        p[4] = type;
    return 4 + len;
}

static void test_writer__head_is_aligned_and_named(void **state)
{
    static const unsigned rooms[] = {0, 1, 300, 337, 338, 700, 4000};
    for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
        struct buf b;
        buf_init(&b, 0);
        assert_int_equal(mp4_head_build(&info, rooms[i], &b, NULL), 0);
        assert_int_equal(b.len % MP4_ALIGN, 0);
        assert_memory_equal(b.data + 4, "ftyp", 4);
        assert_non_null(memmem(b.data, b.len, "gate-7", 6));
        assert_non_null(memmem(b.data, b.len, test_kid, 16));
        assert_non_null(memmem(b.data, b.len, "encv", 4));
        assert_non_null(memmem(b.data, b.len, "enca", 4));
        buf_release(&b);
    }
}

static void test_writer__head_refuses_what_it_cannot_describe(void **state)
{
    struct buf b;
    struct err err = {0};
    struct mp4_info bad = info;
    struct media_params none = {0};
    buf_init(&b, 0);
    bad.track[0].params = &none;
    assert_int_equal(mp4_head_build(&bad, 10, &b, &err), E_SYNTAX);
    assert_non_null(strstr(err.text, "gate-7"));
    bad = info, bad.tracks = 3;
    assert_int_equal(mp4_head_build(&bad, 10, &b, NULL), E_RANGE);
    bad = info, bad.track[0].codec = MEDIA_AAC;
    assert_int_equal(mp4_head_build(&bad, 10, &b, NULL), E_UNSUPPORTED);
    bad = info, bad.track[1].clock_rate = 0;
    assert_int_equal(mp4_head_build(&bad, 10, &b, NULL), E_RANGE);
    b.ceiling = 100;
    assert_int_equal(mp4_head_build(&info, 10, &b, NULL), E_LIMIT);
    assert_int_equal(b.len, 0);
    buf_release(&b);
}

/* Finish @f and check by reading the file that what was appended comes back. */
struct kept {
    int track;
    uint8_t *data;
    uint32_t size;
    int64_t pts;
};

static void assert_comes_back(struct mp4_fragment *f, const struct kept *kept, int n)
{
    char path[300];
    struct recording *r = calloc(1, sizeof(*r));
    struct mp4_reader *reader;
    struct mp4_sample s;
    int seen[2] = {0, 0}, next[2];
    snprintf(path, sizeof(path), "%s/f.mp4", test_dir);
    r->info = info;
    r->max_fragments = 10;
    recording_head(r, path);
    recording_fragment(r, f, -1);
    recording_close(r);
    assert_int_equal(mp4_reader_open(r->fd, &reader, NULL), 0);
    assert_true(mp4_reader_closed(reader));
    assert_string_equal(mp4_reader_end_reason(reader), "epoch");
    assert_int_equal(mp4_reader_fragments(reader), 1);
    assert_int_equal(mp4_reader_verify(reader, 0, NULL), 0);
    assert_int_equal(mp4_reader_load(reader, 0, test_key, NULL), 0);
    for (int k = 0; k < n; k++) {
        assert_true(mp4_reader_next(reader, &s));
        next[0] = next[1] = 0;
        int at = 0;
        for (; at < n; at++)
            if (kept[at].track == s.track && next[s.track]++ == seen[s.track])
                break;
        seen[s.track]++;
        assert_true(at < n);
        assert_int_equal(s.size, kept[at].size);
        assert_int_equal(s.pts_ticks, kept[at].pts);
        assert_memory_equal(s.data, kept[at].data, s.size);
    }
    assert_false(mp4_reader_next(reader, &s));
    mp4_reader_close(reader);
    close(r->fd);
    free(r);
}

static void free_kept(struct kept *kept, int n)
{
    for (int i = 0; i < n; i++)
        free(kept[i].data);
}

static void append(struct mp4_fragment *f, struct mp4_cipher *c, struct kept *k, int64_t dts,
                   bool key)
{
    struct media_au au = {.data = k->data, .size = k->size, .pts_ticks = k->pts, .key = key};
    assert_int_equal(mp4_fragment_append(f, k->track, &au, dts, k->pts, c), 0);
}

static void test_writer__two_tracks_come_back(void **state)
{
    struct mp4_fragment *f;
    struct mp4_cipher c;
    struct kept kept[60];
    assert_int_equal(mp4_fragment_new(&f), 0);
    assert_int_equal(mp4_cipher_init(&c, test_key, 1), 0);
    mp4_fragment_begin(f, &info);
    for (int i = 0; i < 60; i++) {
        int audio = i % 3 == 2;
        kept[i] = (struct kept){audio, malloc(70000), 0, audio ? i / 3 * 1024 : i * 3600};
        uint32_t len = i == 7 ? 65000 : 20 + (uint32_t)i * 37;
        kept[i].size =
            audio ? len : (uint32_t)put_nal(kept[i].data, i ? 0x41 : 0x65, len, (uint32_t)i);
        if (audio)
            put_nal(kept[i].data - 0, 0x21, len - 4, (uint32_t)i);
        append(f, &c, &kept[i], kept[i].pts, i == 0 || i == 30);
    }
    assert_int_equal(mp4_fragment_samples(f), 60);
    assert_int_equal(c.next_iv, 61); /* one IV for each sample of both tracks */
    assert_comes_back(f, kept, 60);
    free_kept(kept, 60);
    mp4_cipher_release(&c);
    mp4_cipher_release(&c);
    mp4_fragment_free(f);
}

/* Access units of odd shapes: each comes back, and none leaves 16 bytes in a row of what has to be sealed. */
static uint32_t odd_shape(int shape, uint8_t *p, size_t cap)
{
    size_t n = 0;
    switch (shape) {
    case 0: /* empty access unit */
        break;
    case 1: /* NAL units of every length up to 70 */
        for (uint32_t len = 0; len <= 70; len++)
            n += put_nal(p + n, 0x41, len, len);
        break;
    case 2: /* far more slices than saiz has room for */
        for (uint32_t i = 0; i < 500; i++)
            n += put_nal(p + n, 0x41, 100 + i % 7, i);
        break;
    case 3: /* parameter sets up to 64 KiB of clear bytes, then a slice */
        for (uint32_t i = 0; i < 40; i++)
            n += put_nal(p + n, 0x67, 4000, i);
        n += put_nal(p + n, 0x65, 5000, 99);
        break;
    case 4: /* a thing that calls itself SPS and is not */
        n += put_nal(p, 0x67, 300000, 1);
        break;
    case 5: /* tiny slices only */
        for (uint32_t i = 0; i < 20000; i++)
            n += put_nal(p + n, 0x41, 5, i);
        break;
    case 6: /* SEI, vendor type, delimiter, slice of exactly 16 bytes behind its header */
        n += put_nal(p + n, 0x09, 2, 1);
        n += put_nal(p + n, 0x06, 90, 2);
        n += put_nal(p + n, 0x1e, 90, 3);
        n += put_nal(p + n, 0x41, 17, 4);
        break;
    default:
        n += put_nal(p, 0x65, (uint32_t)cap - 4, 5);
    }
    return (uint32_t)n;
}

static void assert_sealed(const uint8_t *au, uint32_t size, const uint8_t *stored,
                          size_t stored_len)
{
    for (uint32_t at = 0; at < size; at += 4 + rd32(au + at)) {
        uint32_t len = rd32(au + at);
        const uint8_t *nal = au + at + 4;
        bool set = len && (nal[0] & 31) == 7 && len <= 4096;
        for (uint32_t i = 1; !set && i + 16 <= len; i += len > 5000 ? 997 : 1)
            assert_null(memmem(stored, stored_len, nal + i, 16));
    }
}

static void test_writer__seals_odd_shapes(void **state)
{
    for (int shape = 0; shape < 8; shape++) {
        struct mp4_fragment *f;
        struct mp4_cipher c;
        struct kept kept = {0, malloc(400000), 0, 0};
        char path[300];
        size_t n = 0;
        print_message("shape %d\n", shape);
        kept.size = odd_shape(shape, kept.data, 400000);
        assert_int_equal(mp4_fragment_new(&f), 0);
        assert_int_equal(mp4_cipher_init(&c, test_key, UINT64_MAX - 3), 0);
        mp4_fragment_begin(f, &info);
        uint8_t *copy = malloc(kept.size + 1), senc[1024];
        int entry = mp4_seal_sample(&c, MEDIA_H264, kept.data, kept.size, copy, senc);
        assert_in_range(entry, 10, MP4_SENC_BYTES); /* saiz says it in one byte */
        assert_int_equal(entry, 10 + 6 * rd16(senc + 8));
        free(copy);
        append(f, &c, &kept, 0, true);
        assert_comes_back(f, &kept, 1);
        snprintf(path, sizeof(path), "%s/f.mp4", test_dir);
        uint8_t *file = slurp(path, &n);
        assert_sealed(kept.data, kept.size, file, n);
        free(file);
        free(kept.data);
        mp4_cipher_release(&c);
        mp4_fragment_free(f);
    }
}

static void test_writer__refuses_broken_units_and_appends_nothing(void **state)
{
    static const uint8_t broken[][9] = {{0},
                                        {0, 0, 0},
                                        {0, 0, 0, 6, 1, 2, 3, 4, 5},
                                        {255, 255, 255, 255, 1},
                                        {0, 0, 0, 1, 9, 0, 0, 0, 1}};
    static const uint32_t sizes[] = {1, 3, 9, 5, 9};
    struct mp4_fragment *f;
    struct mp4_cipher c;
    mp4_fragment_new(&f);
    mp4_cipher_init(&c, test_key, 1);
    mp4_fragment_begin(f, &info);
    for (size_t i = 0; i < 5; i++) {
        struct media_au au = {.data = broken[i], .size = sizes[i]};
        assert_int_equal(mp4_fragment_append(f, 0, &au, 0, 0, &c), E_SYNTAX);
        assert_int_equal(mp4_fragment_append(f, 2, &au, 0, 0, &c), E_RANGE);
        assert_int_equal(mp4_fragment_append(f, 0, &au, 0, 0, NULL), E_BUG);
    }
    const uint8_t *data;
    size_t len;
    assert_int_equal(mp4_fragment_samples(f), 0);
    assert_int_equal(mp4_fragment_finish(f, 1, -1, 0, &data, &len), E_NOTFOUND);
    mp4_cipher_release(&c);
    mp4_fragment_free(f);
}

static void test_writer__full_fragment_says_so(void **state)
{
    static const uint32_t sizes[] = {100, 3000, 20000, 1 << 20, 3 << 20};
    uint8_t *data = malloc(8 << 20);
    struct mp4_cipher c;
    struct mp4_fragment *f;
    mp4_cipher_init(&c, test_key, 1);
    mp4_fragment_new(&f);
    for (size_t i = 0; i < 5; i++) {
        const uint8_t *out;
        size_t len;
        struct media_au au = {.data = data, .size = (uint32_t)put_nal(data, 0x41, sizes[i], 7)};
        mp4_fragment_begin(f, &info);
        unsigned n = 0;
        while (mp4_fragment_append(f, 0, &au, n * 3600, n * 3600, &c) == 0)
            n++;
        assert_true(n > 0 && n == mp4_fragment_samples(f));
        assert_int_equal(mp4_fragment_append(f, 0, &au, 0, 0, &c), E_LIMIT);
        assert_int_equal(mp4_fragment_finish(f, 1, -1, 0, &out, &len), 0);
        assert_true(len <= MP4_FRAGMENT_MAX && len >= mp4_fragment_payload(f));
    }
    struct media_au huge = {.data = data, .size = 8 << 20};
    mp4_fragment_begin(f, &info);
    assert_int_equal(mp4_fragment_append(f, 0, &huge, 0, 0, &c), E_LIMIT);
    mp4_cipher_release(&c);
    mp4_fragment_free(f);
    free(data);
}

/* A reused fragment: 2 Mbit/s at 25 frames/s costs about 1 % on top, and the header is no longer moved. */
static void test_writer__padding_stays_small(void **state)
{
    struct mp4_fragment *f;
    struct mp4_cipher c;
    uint8_t *data = malloc(60000);
    size_t payload = 0, written = 0;
    mp4_fragment_new(&f);
    mp4_cipher_init(&c, test_key, 1);
    uint32_t seed = 1;
    for (int k = 0; k < 60; k++) {
        const uint8_t *out;
        size_t len;
        mp4_fragment_begin(f, &info);
        for (int i = 0; i < 25; i++) {
            seed = seed * 1664525U + 1013904223U;
            struct media_au au = {
                .data = data,
                .size = (uint32_t)put_nal(data, 0x41, i ? 7000 + seed % 3000 : 50000, seed)};
            assert_int_equal(
                mp4_fragment_append(f, 0, &au, (k * 25 + i) * 3600, (k * 25 + i) * 3600, &c), 0);
        }
        payload += mp4_fragment_payload(f);
        assert_int_equal(mp4_fragment_finish(f, (uint32_t)k + 1, -1, 0, &out, &len), 0);
        written += len;
    }
    print_message("overhead %.2f %%\n", 100.0 * (double)(written - payload) / (double)payload);
    assert_true(written - payload < payload * 3 / 200);
    mp4_cipher_release(&c);
    mp4_fragment_free(f);
    free(data);
}

static void test_writer__time_never_goes_back(void **state)
{
    static const int64_t dts[] = {-7200, -3600, 0, 3600, 3600, 3599, INT64_MIN, INT64_MAX / 8};
    static const int64_t pts[] = {0, 10800, 7200, 3600, 14400, INT64_MIN, INT64_MAX, 5};
    struct mp4_fragment *f;
    struct mp4_cipher c;
    uint8_t data[64];
    struct kept kept[8];
    mp4_fragment_new(&f);
    mp4_cipher_init(&c, test_key, 1);
    mp4_fragment_begin(f, &info);
    for (int i = 0; i < 8; i++) {
        struct media_au au = {.data = data, .size = (uint32_t)put_nal(data, 0x41, 40, 1)};
        assert_int_equal(mp4_fragment_append(f, 0, &au, dts[i], pts[i], &c), 0);
        kept[i] = (struct kept){0, memcpy(malloc(64), data, 64), au.size, pts[i]};
    }
    const uint8_t *out;
    size_t len;
    struct mp4_entry e;
    assert_int_equal(mp4_fragment_finish(f, 1, 0, -5, &out, &len), 0);
    mp4_fragment_entry(f, &e);
    assert_int_equal(e.dts_ticks, 0);
    assert_int_equal(e.samples, 8);
    free_kept(kept, 8);
    mp4_cipher_release(&c);
    mp4_fragment_free(f);
}

static void test_writer__index_covers_every_fragment(void **state)
{
    static const struct {
        size_t n;
        unsigned max;
        int key_every;
    } rows[] = {{1, 1, 1},   {10, 100, 1},  {600, 700, 2}, {600, 100, 2},
                {600, 1, 3}, {50, 3, 1000}, {20, 0, 1}};
    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        struct mp4_entry *e = calloc(rows[k].n, sizeof(*e));
        struct buf head, b;
        uint64_t at, pos, bytes = 0, ticks = 0;
        buf_init(&head, 0);
        buf_init(&b, 0);
        assert_int_equal(mp4_head_build(&info, rows[k].max, &head, NULL), 0);
        for (size_t i = 0; i < rows[k].n; i++)
            e[i] = (struct mp4_entry){head.len + i * 8192,
                                      8192,
                                      90000,
                                      (int64_t)i * 90000,
                                      64,
                                      25,
                                      i % (size_t)rows[k].key_every == 0,
                                      {0}};
        assert_int_equal(mp4_sidx_build(&info, e, rows[k].n, rows[k].max, &b, &at), 0);
        assert_int_equal(at + b.len, head.len);
        unsigned refs = rd16(b.data + 38);
        assert_true(refs >= 1 && refs <= (rows[k].max ? rows[k].max : 1));
        for (unsigned i = 0; i < refs; i++) {
            bytes += rd32(b.data + 40 + 12 * i);
            ticks += rd32(b.data + 44 + 12 * i);
        }
        pos = at + rd32(b.data) + rd64(b.data + 28);
        assert_int_equal(pos, e[0].offset + 64);
        assert_int_equal(pos + bytes, head.len + rows[k].n * 8192);
        assert_int_equal(ticks, rows[k].n * 90000);
        buf_release(&b);
        buf_release(&head);
        free(e);
    }
}

static void test_writer__no_memory_for_a_fragment(void **state)
{
#ifndef __SANITIZE_ADDRESS__
    struct rlimit old, tight;
    struct mp4_fragment *f;
    getrlimit(RLIMIT_AS, &old);
    tight = old;
    tight.rlim_cur = 1 << 20;
    setrlimit(RLIMIT_AS, &tight);
    int r = mp4_fragment_new(&f);
    setrlimit(RLIMIT_AS, &old);
    assert_int_equal(r, -ENOMEM);
#else
    skip();
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writer__head_is_aligned_and_named),
        cmocka_unit_test(test_writer__head_refuses_what_it_cannot_describe),
        cmocka_unit_test(test_writer__two_tracks_come_back),
        cmocka_unit_test(test_writer__seals_odd_shapes),
        cmocka_unit_test(test_writer__refuses_broken_units_and_appends_nothing),
        cmocka_unit_test(test_writer__full_fragment_says_so),
        cmocka_unit_test(test_writer__padding_stays_small),
        cmocka_unit_test(test_writer__time_never_goes_back),
        cmocka_unit_test(test_writer__index_covers_every_fragment),
        cmocka_unit_test(test_writer__no_memory_for_a_fragment),
    };
    return cmocka_run_group_tests(tests, setup, remove_dir);
}
