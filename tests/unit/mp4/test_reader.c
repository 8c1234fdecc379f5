/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <openssl/crypto.h>
#include <sys/mman.h>

#include "clip.h"
#include "torture.h"

static struct clip *clip;
static char path[300];

static int setup(void **state)
{
    char source[300];
    if (setup_dir(state) < 0)
        return -1;
    snprintf(path, sizeof(path), "%s/r.mp4", test_dir);
    snprintf(source, sizeof(source), "%s/s.mp4", test_dir);
    if (run("ffmpeg -v error -y -f lavfi -i testsrc=s=160x120:r=25 -frames:v 60 -pix_fmt yuv420p "
            "-g 20 -c:v libx264 -bf 2 '%s'",
            source))
        return -1;
    clip = clip_load(source);
    return 0;
}

static int teardown(void **state)
{
    clip_free(clip);
    return remove_dir(state);
}

/* Read everything that is there; returns the number of samples, all of which must be those of the clip, in order. */
static int read_back(int fd, struct err *err, int *ret_code)
{
    struct mp4_reader *r;
    struct mp4_sample s;
    int n = 0;
    *ret_code = mp4_reader_open(fd, &r, err);
    if (*ret_code < 0)
        return 0;
    for (size_t i = 0; i < mp4_reader_fragments(r); i++) {
        *ret_code = mp4_reader_load(r, i, test_key, err);
        if (*ret_code < 0)
            break;
        while (mp4_reader_next(r, &s)) {
            assert_true(n < clip->count);
            assert_int_equal(s.size, clip->au[n].size);
            assert_memory_equal(s.data, clip->au[n].data, s.size);
            assert_int_equal(s.pts_ticks, clip->au[n].pts_ticks);
            assert_int_equal(s.key, clip->au[n].key);
            n++;
        }
    }
    mp4_reader_close(r);
    return n;
}

static void test_reader__tells_what_the_head_says(void **state)
{
    struct mp4_reader *r;
    record(clip, path, true, 10, 100, true);
    int fd = open(path, O_RDONLY), code;
    assert_int_equal(mp4_reader_open(fd, &r, NULL), 0);
    const struct mp4_info *i = mp4_reader_info(r);
    assert_string_equal(i->camera, "gate-7");
    assert_string_equal(i->node, "node-a");
    assert_int_equal(i->view, MP4_SEALED);
    assert_true(i->encrypted);
    assert_memory_equal(i->kid, test_kid, 16);
    assert_int_equal(i->start_us, TEST_START);
    assert_int_equal(i->epoch_us, TEST_START - 250000);
    assert_int_equal(i->epoch_length_us, 600000000);
    assert_int_equal(i->retention_days, 30);
    assert_int_equal(i->tracks, 1);
    assert_int_equal(i->track[0].codec, MEDIA_H264);
    assert_int_equal(i->track[0].width, 160);
    assert_int_equal(i->track[0].params->count, clip->params.count);
    assert_int_equal(mp4_reader_valid_end(r) % MP4_ALIGN, 0);
    assert_null(mp4_reader_entry(r, mp4_reader_fragments(r)));
    assert_int_equal(mp4_reader_load(r, mp4_reader_fragments(r), test_key, NULL), E_NOTFOUND);
    mp4_reader_close(r);
    assert_int_equal(read_back(fd, NULL, &code), clip->count);
    close(fd);
}

/* The walk and the manifest tell the same. */
static void test_reader__walk_equals_manifest(void **state)
{
    struct mp4_reader *a, *b;
    record(clip, path, true, 7, 100, true);
    int fd = open(path, O_RDWR);
    assert_int_equal(mp4_reader_open(fd, &a, NULL), 0);
    assert_true(mp4_reader_closed(a));
    assert_int_equal(ftruncate(fd, (off_t)mp4_reader_valid_end(a)), 0);
    assert_int_equal(mp4_reader_open(fd, &b, NULL), 0);
    assert_false(mp4_reader_closed(b));
    assert_null(mp4_reader_end_reason(b));
    assert_int_equal(mp4_reader_verify(b, 0, NULL), E_NOTFOUND);
    assert_int_equal(mp4_reader_fragments(a), mp4_reader_fragments(b));
    assert_int_equal(mp4_reader_valid_end(a), mp4_reader_valid_end(b));
    for (size_t i = 0; i < mp4_reader_fragments(a); i++) {
        struct mp4_entry x = *mp4_reader_entry(a, i), y = *mp4_reader_entry(b, i);
        memset(x.sha256, 0, 32);
        assert_memory_equal(&x, &y, sizeof(x));
    }
    mp4_reader_close(a);
    mp4_reader_close(b);
    close(fd);
}

/* Cut the file at every sector: what is whole is there, the rest is not, and nothing is made up. */
static void test_reader__torn_anywhere(void **state)
{
    struct mp4_reader *r;
    record(clip, path, true, 10, 100, true);
    int fd = open(path, O_RDWR), code, last = clip->count;
    assert_int_equal(mp4_reader_open(fd, &r, NULL), 0);
    off_t end = (off_t)mp4_reader_file_size(r);
    uint64_t head = mp4_reader_entry(r, 0)->offset;
    mp4_reader_close(r);
    for (off_t size = (end - 1) / 512 * 512; size >= 0; size -= 512) {
        assert_int_equal(ftruncate(fd, size), 0);
        int n = read_back(fd, NULL, &code);
        assert_true(n <= last);
        if ((uint64_t)size < head) /* inside the head: refused, or nothing but a head */
            assert_true(code == E_TRUNCATED || code == E_CORRUPT || n == 0);
        else
            assert_int_equal(code, 0);
        last = n;
    }
    assert_int_equal(last, 0);
    close(fd);
}

/* A fragment in the middle is destroyed: the ones behind it are still found without a manifest. */
static void test_reader__passes_over_damage(void **state)
{
    struct mp4_reader *r;
    uint8_t junk[4096];
    struct mp4_sample s;
    record(clip, path, true, 10, 100, false);
    int fd = open(path, O_RDWR), n = 0;
    memset(junk, 0x5a, sizeof(junk));
    assert_int_equal(mp4_reader_open(fd, &r, NULL), 0);
    size_t all = mp4_reader_fragments(r);
    uint64_t end = mp4_reader_valid_end(r);
    put_at(fd, junk, sizeof(junk), mp4_reader_entry(r, 2)->offset);
    mp4_reader_close(r);
    assert_int_equal(mp4_reader_open(fd, &r, NULL), 0);
    assert_int_equal(mp4_reader_fragments(r), all - 1);
    assert_int_equal(mp4_reader_valid_end(r), end);
    for (size_t i = 0; i < mp4_reader_fragments(r); i++) {
        assert_int_equal(mp4_reader_load(r, i, test_key, NULL), 0);
        while (mp4_reader_next(r, &s))
            n++;
    }
    assert_int_equal(n, clip->count - 10);

    /* closed after the damage, the file keeps its list with the hole in it */
    struct recording *again = calloc(1, sizeof(*again));
    *again = (struct recording){
        .info = clip_info(clip, true), .max_fragments = 100, .fd = fd, .end = end};
    for (again->entries = 0; again->entries < all - 1; again->entries++)
        again->entry[again->entries] = *mp4_reader_entry(r, again->entries);
    recording_close(again);
    mp4_reader_close(r);
    assert_int_equal(mp4_reader_open(fd, &r, NULL), 0);
    assert_true(mp4_reader_closed(r));
    assert_int_equal(mp4_reader_fragments(r), all - 1);
    assert_memory_equal(mp4_reader_entry(r, 2), &again->entry[2], sizeof(again->entry[2]));
    free(again);
    mp4_reader_close(r);
    close(fd);
}

static void test_reader__sees_changed_bytes(void **state)
{
    struct mp4_reader *r;
    struct err err = {0};
    record(clip, path, true, 10, 100, true);
    int fd = open(path, O_RDWR);
    assert_int_equal(mp4_reader_open(fd, &r, NULL), 0);
    uint8_t b;
    uint64_t at = mp4_reader_entry(r, 3)->offset + mp4_reader_entry(r, 3)->length / 2;
    assert_int_equal(pread(fd, &b, 1, (off_t)at), 1);
    b ^= 1;
    put_at(fd, &b, 1, at);
    for (size_t i = 0; i < mp4_reader_fragments(r); i++)
        assert_int_equal(mp4_reader_verify(r, i, &err), i == 3 ? E_CORRUPT : 0);
    assert_non_null(strstr(err.text, "gate-7"));
    mp4_reader_close(r);
    close(fd);
}

/* Every byte of the structures set to several values: an error or fewer samples, never a crash. */
static void test_reader__survives_damaged_structures(void **state)
{
    static const uint8_t values[] = {0x00, 0x7f, 0xff};
    size_t len = 0;
    record(clip, path, true, 30, 20, true);
    uint8_t *file = slurp(path, &len);
    int fd = memfd_create("damaged", 0);
    put_at(fd, file, len, 0);
    for (size_t at = 0; at < len; at++) {
        for (size_t v = 0; v < sizeof(values); v++) {
            struct mp4_reader *r;
            struct mp4_sample s;
            put_at(fd, &values[v], 1, at);
            if (mp4_reader_open(fd, &r, NULL) < 0)
                continue;
            for (size_t i = 0; i < mp4_reader_fragments(r); i++) {
                mp4_reader_verify(r, i, NULL);
                if (mp4_reader_load(r, i, test_key, NULL) == 0)
                    while (mp4_reader_next(r, &s))
                        assert_true(s.size <= len);
            }
            mp4_reader_close(r);
        }
        put_at(fd, file + at, 1, at);
        if (at > 1200 && at < 12000)
            at += 512; /* room of sidx */
        else if (at % 4096 > 1500 && at + 4096 < len)
            at += 61; /* samples */
    }
    close(fd);
    free(file);
}

static void test_reader__other_files_are_refused(void **state)
{
    static const char *const texts[] = {"", "x",
                                        "not an mp4 at all, but long enough to have a box header"};
    struct mp4_reader *r;
    struct err err = {0};
    for (size_t i = 0; i < 3; i++) {
        int fd = memfd_create("other", 0);
        put_at(fd, texts[i], strlen(texts[i]), 0);
        assert_int_equal(mp4_reader_open(fd, &r, &err), E_TRUNCATED);
        assert_true(strlen(err.text) > 10);
        close(fd);
    }
    char source[300];
    snprintf(source, sizeof(source), "%s/s.mp4", test_dir);
    int fd = open(source, O_RDONLY);
    assert_true(mp4_reader_open(fd, &r, &err) < 0);
    close(fd);
    assert_int_equal(mp4_reader_open(-1, &r, &err), -EBADF);
}

/* Write and read a whole recording and export it with allocation @n failing. Returns false when none was left to fail. */
static bool torture_once(long n, int in, int out)
{
    struct mp4_info info = clip_info(clip, true);
    struct mp4_cipher c = {0};
    struct mp4_fragment *f = NULL;
    struct mp4_reader *r = NULL;
    struct mp4_export *e = NULL;
    struct mp4_sample s;
    struct buf b;
    uint8_t hash[32];
    uint64_t at;
    const uint8_t *data;
    size_t len;
    struct mp4_entry entry;
    struct err err = {0};
    buf_init(&b, 0);
    torture_in = n;
    int rc = mp4_head_build(&info, 10, &b, &err);
    if (rc >= 0)
        rc = mp4_cipher_init(&c, test_key, 1);
    if (rc >= 0)
        rc = mp4_fragment_new(&f);
    if (rc >= 0) {
        mp4_fragment_begin(f, &info);
        rc = mp4_fragment_append(f, 0, &clip->au[0], 0, 0, &c);
    }
    if (rc >= 0)
        rc = mp4_fragment_finish(f, 1, -1, info.start_us, &data, &len);
    if (rc >= 0) {
        mp4_fragment_entry(f, &entry);
        entry.offset = b.len;
        rc = mp4_sidx_build(&info, &entry, 1, 10, &b, &at);
    }
    if (rc >= 0)
        rc = mp4_tail_build(&info, &entry, 1, entry.offset + len, "epoch", &b, hash);
    if (rc >= 0)
        rc = mp4_reader_open(in, &r, &err);
    if (rc >= 0)
        rc = mp4_export_open(out, mp4_reader_info(r), &e, &err);
    for (size_t i = 0; rc >= 0 && i < mp4_reader_fragments(r); i++) {
        rc = mp4_reader_verify(r, i, &err);
        if (rc >= 0)
            rc = mp4_reader_load(r, i, test_key, &err);
        while (rc >= 0 && mp4_reader_next(r, &s))
            rc = mp4_export_sample(e, &s, &err);
    }
    if (rc >= 0) {
        rc = mp4_export_close(e, &at, &err);
        e = NULL;
    }
    bool spent = torture_in < 0;
    torture_in = -1;
    mp4_export_abort(e);
    mp4_reader_close(r);
    mp4_fragment_free(f);
    mp4_cipher_release(&c);
    buf_release(&b);
    OPENSSL_thread_stop(); /* frees its error queue */
    if (spent && rc >= 0)
        print_message("allocation %ld: nobody noticed\n", n);
    return spent;
}

static void test_reader__every_allocation_may_fail(void **state)
{
#ifdef TORTURE
    record(clip, path, true, 30, 100, true);
    int in = open(path, O_RDONLY), out = memfd_create("out", 0);
    torture_once(1000000, in, out); /* what OpenSSL keeps for ever is allocated here */
    long n = 0;
    for (;; n++) {
        long before = torture_live;
        bool spent = torture_once(n, in, out);
        assert_int_equal(torture_live, before);
        if (!spent)
            break;
        assert_true(n < 10000);
    }
    print_message("%ld allocations failed, one at a time\n", n);
    assert_true(n > 10);
    close(in);
    close(out);
#else
    skip();
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reader__tells_what_the_head_says),
        cmocka_unit_test(test_reader__walk_equals_manifest),
        cmocka_unit_test(test_reader__torn_anywhere),
        cmocka_unit_test(test_reader__passes_over_damage),
        cmocka_unit_test(test_reader__sees_changed_bytes),
        cmocka_unit_test(test_reader__survives_damaged_structures),
        cmocka_unit_test(test_reader__other_files_are_refused),
        cmocka_unit_test(test_reader__every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
