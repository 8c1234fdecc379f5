/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The one way from a recording to somebody's eyes: what it opens, what it refuses, and that there is no other. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/masked.h"
#include "base/clock.h"
#include "media/params.h"

#define T0 (20000 * DAY_US)
#define STEP_TICKS 9000 /* 10 pictures a second */
#define STEP_US 100000

static char dir[64];
static struct media_params params;

static void run(const char *fmt, ...)
{
    char command[300];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(command, sizeof(command), fmt, ap);
    va_end(ap);
    assert_int_equal(system(command), 0);
}

static int set_up(void **state)
{
    static const uint8_t pps[] = {0x68, 0xce, 0x3c, 0x80};
    uint8_t sps[256];
    snprintf(dir, sizeof(dir), "/tmp/lethe-masked-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    run("mkdir -p %s/recordings/gate", dir);
    FILE *f = fopen("fuzz/corpus/sps/x264-street-camera", "r");
    assert_non_null(f);
    size_t n = fread(sps, 1, sizeof(sps), f);
    fclose(f);
    /* a corpus file may begin with the codec */
    size_t skip = 0;
    while (skip < n && (sps[skip] & 0x1f) != 7)
        skip++;
    params.count = 0;
    assert_true(media_params_put(&params, MEDIA_H264, sps + skip, n - skip) >= 0);
    assert_true(media_params_put(&params, MEDIA_H264, pps, sizeof(pps)) >= 0);
    return 0;
}

static int tear_down(void **state)
{
    run("rm -rf %s", dir);
    return 0;
}

static struct mp4_info info_of(enum mp4_view view, bool encrypted, int64_t start_us)
{
    struct mp4_info i = {.camera = "gate",
                         .node = "n",
                         .view = view,
                         .encrypted = encrypted,
                         .epoch_us = start_us,
                         .epoch_length_us = 10 * MINUTE_US,
                         .start_us = start_us,
                         .retention_days = 30,
                         .tracks = 1};
    i.track[0] = (struct media_track){
        .codec = MEDIA_H264, .clock_rate = 90000, .width = 640, .height = 360, .params = &params};
    return i;
}

/* A file with @pictures, a key frame every 20, in fragments of 10; each picture's bytes tell its number. */
static void record(const char *path, const struct mp4_info *info, int pictures)
{
    char full[200];
    struct buf out;
    struct mp4_fragment *f = NULL;
    buf_init(&out, 0);
    assert_int_equal(mp4_head_build(info, 100, &out, NULL), 0);
    assert_int_equal(mp4_fragment_new(&f), 0);
    for (int i = 0; i < pictures;) {
        const uint8_t *data;
        size_t len;
        int first = i;
        mp4_fragment_begin(f, info);
        for (; i < pictures && i < first + 10; i++) {
            uint8_t au[12] = {0, 0, 0, 8, i % 20 ? 0x41 : 0x65, (uint8_t)(i >> 8), (uint8_t)i, 1,
                              2, 3, 4, 5};
            struct media_au a = {
                .data = au, .size = sizeof(au), .pts_ticks = i * STEP_TICKS, .key = i % 20 == 0};
            assert_int_equal(mp4_fragment_append(f, 0, &a, i * STEP_TICKS, i * STEP_TICKS, NULL),
                             0);
        }
        assert_int_equal(mp4_fragment_finish(f, (uint32_t)first + 1, i * STEP_TICKS,
                                             info->start_us + first * STEP_US, &data, &len),
                         0);
        buf_append(&out, data, len);
    }
    mp4_fragment_free(f);
    snprintf(full, sizeof(full), "%s/%s", dir, path);
    FILE *to = fopen(full, "w");
    assert_non_null(to);
    assert_int_equal(fwrite(out.data, 1, out.len, to), out.len);
    fclose(to);
    buf_release(&out);
}

static void test_open__masked_only(void **state)
{
    struct masked_file f = {0};
    struct err e = {0};
    struct mp4_info masked = info_of(MP4_MASKED, false, T0),
                    sealed = info_of(MP4_SEALED, false, T0);
    record("recordings/gate/a.mp4", &masked, 20);
    record("recordings/gate/b.mp4", &sealed, 20);
    assert_int_equal(masked_open(dir, "recordings/gate/a.mp4", &f, NULL), 0);
    assert_int_equal(mp4_reader_fragments(f.reader), 2);
    masked_close(&f);
    masked_close(&f);
    /* the name, the row and the request may say what they like: the head decides */
    run("cp %s/recordings/gate/b.mp4 %s/recordings/gate/c-masked.mp4", dir, dir);
    assert_int_equal(masked_open(dir, "recordings/gate/c-masked.mp4", &f, &e), E_DENIED);
    assert_non_null(strstr(e.text, "not masked"));
    assert_int_equal(masked_open(dir, "recordings/gate/b.mp4", &f, NULL), E_DENIED);
}

static void test_open__no_other_file(void **state)
{
    struct masked_file f = {0};
    struct mp4_info masked = info_of(MP4_MASKED, false, T0);
    record("recordings/gate/a.mp4", &masked, 20);
    run("cp %s/recordings/gate/a.mp4 %s/outside.mp4", dir, dir);
    run("ln -s %s/outside.mp4 %s/recordings/gate/link.mp4", dir, dir);
    run("echo text >%s/recordings/gate/text.mp4", dir);
    assert_int_equal(masked_open(dir, "outside.mp4", &f, NULL), E_DENIED);
    assert_int_equal(masked_open(dir, "recordings/../outside.mp4", &f, NULL), E_DENIED);
    assert_int_equal(masked_open(dir, "/etc/passwd", &f, NULL), E_DENIED);
    assert_int_equal(masked_open(dir, "recordings/gate/none.mp4", &f, NULL), E_NOTFOUND);
    assert_int_equal(masked_open(dir, "recordings/gate/link.mp4", &f, NULL), -ELOOP);
    assert_true(masked_open(dir, "recordings/gate/text.mp4", &f, NULL) < 0);
}

/* Of what the web process is made of, nothing else opens a file that could be a recording. */
static void test_tree__no_other_way(void **state)
{
    static const char *const allowed[] = {
        "src/api/masked.c",  /* the one */
        "src/http/files.c",  /* the application, before the sandbox */
        "src/http/tls.c",    /* key and certificate, before the sandbox */
        "src/http/source.c", /* DATA/run/serve.json */
    };
    char line[300];
    FILE *p = popen(
        "grep -lE '(^|[^a-zA-Z0-9_.>])(open|openat|open64|fopen|mp4_reader_open|mmap|sendfile|"
        "MHD_create_response_from_fd[a-z_0-9]*)\\(' src/api/*.c src/http/*.c src/account/*.c",
        "r");
    int bad = 0, found = 0;
    assert_non_null(p);
    while (fgets(line, sizeof(line), p)) {
        bool known = false;
        line[strcspn(line, "\n")] = 0;
        for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
            known = known || strcmp(line, allowed[i]) == 0;
        found++;
        if (!known && strncmp(line, "src/api/case", 12) != 0) {
            print_error("%s opens files: pictures go through masked_open() only\n", line);
            bad++;
        }
    }
    pclose(p);
    assert_int_equal(bad, 0);
    assert_true(found >= 3); /* the test looks where it should */
}

static struct index *index_with(const char *const paths[], const int64_t starts[],
                                const int pictures[], size_t n)
{
    struct index *ix = NULL;
    assert_int_equal(index_sqlite.open(dir, false, &ix, NULL), 0);
    for (size_t i = 0; i < n; i++) {
        struct mp4_info info = info_of(MP4_MASKED, false, starts[i]);
        struct index_change c = {.kind = INDEX_PUT_RECORDING};
        record(paths[i], &info, pictures[i]);
        c.recording = (struct index_recording){.view = MP4_MASKED,
                                               .start_us = starts[i],
                                               .end_us = starts[i] + pictures[i] * STEP_US,
                                               .epoch_us = starts[i],
                                               .frames = pictures[i],
                                               .state = INDEX_CLOSED,
                                               .retention_days = 30};
        snprintf(c.recording.camera, sizeof(c.recording.camera), "gate");
        snprintf(c.recording.path, sizeof(c.recording.path), "%s", paths[i]);
        snprintf(c.recording.end_reason, sizeof(c.recording.end_reason), "stream-lost");
        assert_int_equal(ix->ops->apply(ix, &c, 1, NULL), 0);
    }
    return ix;
}

static const char *const two[] = {"recordings/gate/1.mp4", "recordings/gate/2.mp4"};
static const int64_t two_starts[] = {T0, T0 + 30 * SECOND_US};
static const int two_pictures[] = {100, 100};

static void test_span__cuts_and_gaps(void **state)
{
    struct index *ix = index_with(two, two_starts, two_pictures, 2);
    struct masked_span *s = NULL, *again = NULL;
    struct err e = {0};
    /* from 3.05 s: the key frame at 2 s is in it, the picture at 3.0 s is the first one shown */
    assert_int_equal(
        masked_span_make(ix, dir, "gate", T0 + 3050000, T0 + 35 * SECOND_US, false, &s, &e), 0);
    assert_int_equal(s->from_us, T0 + 3000000);
    assert_int_equal(mp4_virtual_start_us(s->file), T0 + 2000000);
    assert_int_equal(mp4_virtual_frames(s->file), 80 + 50);
    assert_int_equal(s->gaps, 1);
    assert_int_equal(s->gap[0].from_us, T0 + 10 * SECOND_US);
    assert_int_equal(s->gap[0].to_us, T0 + 30 * SECOND_US);
    assert_string_equal(s->gap[0].reason, "stream-lost");
    /* the same span is the same file */
    assert_int_equal(
        masked_span_make(ix, dir, "gate", T0 + 3050000, T0 + 35 * SECOND_US, false, &again, &e), 0);
    assert_string_equal(s->etag, again->etag);
    masked_span_unref(again);
    /* strict: nothing from before the span */
    assert_int_equal(
        masked_span_make(ix, dir, "gate", T0 + 3050000, T0 + 35 * SECOND_US, true, &again, &e), 0);
    assert_int_equal(mp4_virtual_start_us(again->file), T0 + 4000000);
    assert_string_not_equal(s->etag, again->etag);
    masked_span_unref(again);
    masked_span_unref(s);
    assert_int_equal(
        masked_span_make(ix, dir, "gate", T0 + 12 * SECOND_US, T0 + 20 * SECOND_US, false, &s, &e),
        E_NOTFOUND);
    assert_int_equal(masked_span_make(ix, dir, "other", T0, T0 + DAY_US, false, &s, &e),
                     E_NOTFOUND);
    ix->ops->close(ix);
}

static void test_span__any_byte_at_any_time(void **state)
{
    struct index *ix = index_with(two, two_starts, two_pictures, 2);
    struct masked_span *s = NULL;
    struct masked_reader *r = NULL;
    assert_int_equal(masked_span_make(ix, dir, "gate", T0, T0 + 60 * SECOND_US, false, &s, NULL),
                     0);
    size_t total = mp4_virtual_bytes(s->file);
    uint8_t *whole = malloc(total), piece[97];
    assert_int_equal(masked_reader_new(s, &r), 0);
    for (size_t at = 0; at < total;) {
        ssize_t n = masked_reader_read(r, at, whole + at, total - at);
        assert_true(n > 0);
        at += (size_t)n;
    }
    assert_int_equal(masked_reader_read(r, total, piece, 1), 0);
    for (size_t at = total; at-- > 0;) { /* backwards, across files */
        ssize_t n = masked_reader_read(r, at, piece, sizeof(piece));
        assert_true(n > 0 && memcmp(piece, whole + at, (size_t)n) == 0);
    }
    /* the last picture of the second file stands last */
    assert_int_equal(whole[total - 6], 99);
    assert_memory_equal(whole + 4, "ftyp", 4);
    /* a recording that goes away in the middle of a download is an error, not an end */
    masked_reader_free(r);
    run("rm %s/recordings/gate/2.mp4", dir);
    assert_int_equal(masked_reader_new(s, &r), 0);
    assert_true(masked_reader_read(r, total - 1, piece, 1) < 0);
    masked_reader_free(r);
    masked_span_unref(s);
    free(whole);
    ix->ops->close(ix);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_open__masked_only),
        TEST(test_open__no_other_file),
        cmocka_unit_test(test_tree__no_other_way),
        TEST(test_span__cuts_and_gaps),
        TEST(test_span__any_byte_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
