/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `lethe open` on data directories made here; the program under test is $LETHE_BIN. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "index/index.h"
#include "mp4/writer.h"
#include "seal/seal.h"

#define FPS 10
#define RATE 90000
#define TICKS (RATE / FPS)
#define EPOCH (INT64_C(1795514400) * SECOND_US) /* 2026-11-24T10:00:00Z */
#define EPOCH_US (10 * MINUTE_US)
#define FRAME_BYTES 400

/* 64x64 baseline, as x264 writes it. */
static const uint8_t sps[] = {0x67, 0x42, 0xc0, 0x0a, 0xdc, 0x42, 0x6c, 0x04, 0x40, 0x00, 0x00,
                              0x03, 0x00, 0x40, 0x00, 0x00, 0x0c, 0x83, 0xc4, 0x89, 0xe0};
static const uint8_t pps[] = {0x68, 0xce, 0x0f, 0xc8};

static char dir[64];
static struct seal_policy policy;
static struct seal_vault *vault;
static struct media_params params = {.count = 2};

static int shell(const char *fmt, ...)
{
    char command[2048];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(command, sizeof(command), fmt, ap);
    va_end(ap);
    int r = system(command);
    return WIFEXITED(r) ? WEXITSTATUS(r) : -1;
}

static int setup(void **state)
{
    snprintf(dir, sizeof(dir), "/tmp/lethe-open-XXXXXX");
    bool made = mkdtemp(dir) != NULL;
    setenv("D", dir, 1);
    memcpy(params.set[0].data, sps, params.set[0].len = sizeof(sps));
    memcpy(params.set[1].data, pps, params.set[1].len = sizeof(pps));
    if (!made || seal_practice_create(dir, &policy, NULL) < 0)
        return -1;
    return seal_vault_new(16, &vault, NULL);
}

static int teardown(void **state)
{
    seal_vault_free(vault);
    return shell("rm -rf '%s'", dir);
}

static void append_file(const char *path, const void *data, size_t len)
{
    FILE *f = fopen(path, "ab");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    fclose(f);
}

static struct seal_key *make_key(const char *camera, int64_t epoch_us)
{
    struct seal_context c = {.epoch_us = epoch_us, .epoch_length_us = EPOCH_US};
    struct seal_key *k;
    struct buf b;
    char path[256], day[TIME_TEXT], clock[TIME_TEXT];
    snprintf(c.camera, sizeof(c.camera), "%s", camera);
    snprintf(c.node, sizeof(c.node), "node");
    buf_init(&b, 0);
    assert_int_equal(seal_key_create(vault, &policy, &c, &k, &b), 0);
    assert_int_equal(shell("mkdir -p %s/keys/%s", dir, time_format_date(epoch_us, day)), 0);
    snprintf(path, sizeof(path), "%s/keys/%s/%.4sZ-30d.shares", dir, day,
             time_format_clock(epoch_us, clock));
    append_file(path, b.data, b.len);
    buf_release(&b);
    return k;
}

/* Picture @i of the recording that begins at @start_us says so in its bytes. */
static void fill(uint8_t *au, int64_t start_us, unsigned i)
{
    wr32(au, FRAME_BYTES - 4);
    au[4] = i % FPS == 0 ? 0x65 : 0x41;
    memset(au + 5, (int)(i & 0x7f) + 1, FRAME_BYTES - 5);
    wr64(au + FRAME_BYTES - 16, (uint64_t)start_us);
    wr32(au + FRAME_BYTES - 8, 0x01010101u + i);
}

/* With @bframes the pictures are shown as 0 3 1 2: decode order 0 1 2 3 with presentation 0 3 1 2. */
static int64_t shown(unsigned i, bool bframes)
{
    static const int order[] = {0, 2, -1, -1};
    return (int64_t)i + (bframes ? order[i % FPS % 4] * (i % FPS < 8) : 0);
}

static void record(const char *camera, int64_t start_us, unsigned seconds, bool bframes,
                   const char *reason)
{
    char path[256], day[TIME_TEXT], clock[TIME_TEXT];
    struct mp4_info info = {.view = MP4_SEALED,
                            .encrypted = true,
                            .epoch_length_us = EPOCH_US,
                            .start_us = start_us,
                            .epoch_us = start_us - start_us % EPOCH_US,
                            .tracks = 1,
                            .retention_days = 30};
    struct mp4_entry entries[64];
    struct mp4_cipher cipher = {0};
    struct mp4_fragment *f;
    struct buf b;
    uint8_t manifest[32], au[FRAME_BYTES];
    snprintf(info.camera, sizeof(info.camera), "%s", camera);
    snprintf(info.node, sizeof(info.node), "node");
    info.track[0] = (struct media_track){
        .codec = MEDIA_H264, .clock_rate = RATE, .width = 64, .height = 64, .params = &params};
    struct seal_key *k = make_key(camera, info.epoch_us);
    memcpy(info.kid, k->kid, sizeof(info.kid));
    buf_init(&b, 0);
    assert_int_equal(mp4_cipher_init(&cipher, k->k, 1), 0);
    assert_int_equal(mp4_head_build(&info, 64, &b, NULL), 0);
    assert_int_equal(mp4_fragment_new(&f), 0);
    for (unsigned s = 0; s < seconds; s++) {
        const uint8_t *data;
        size_t len;
        mp4_fragment_begin(f, &info);
        for (unsigned i = s * FPS; i < (s + 1) * FPS; i++) {
            fill(au, start_us, i);
            struct media_au a = {.data = au, .size = sizeof(au), .key = i % FPS == 0};
            assert_int_equal(
                mp4_fragment_append(f, 0, &a, i * TICKS, shown(i, bframes) * TICKS, &cipher), 0);
        }
        assert_int_equal(
            mp4_fragment_finish(f, s + 1, (s + 1) * RATE, start_us + s * SECOND_US, &data, &len),
            0);
        mp4_fragment_entry(f, &entries[s]);
        entries[s].offset = b.len;
        crypto_hash_sha256(entries[s].sha256, data, len);
        assert_int_equal(buf_append(&b, data, len), 0);
    }
    if (reason)
        assert_int_equal(mp4_tail_build(&info, entries, seconds, b.len, reason, &b, manifest), 0);
    time_format_date(info.epoch_us, day);
    assert_int_equal(shell("mkdir -p %s/recordings/%s/%s", dir, camera, day), 0);
    snprintf(path, sizeof(path), "%s/recordings/%s/%s/%s-sealed.mp4", dir, camera, day,
             time_format_clock(start_us, clock));
    append_file(path, b.data, b.len);
    buf_release(&b);
    mp4_fragment_free(f);
    mp4_cipher_release(&cipher);
    seal_key_destroy(vault, k);
}

/* Run `lethe open`; *ret gets the JSON, @said standard error. */
static int run_open(const char *camera, double from_s, double to_s, const char *more, json_t **ret,
                    char said[4096])
{
    char from[TIME_TEXT], to[TIME_TEXT], path[128];
    time_format(EPOCH + (int64_t)(from_s * 1e6), from);
    time_format(EPOCH + (int64_t)(to_s * 1e6), to);
    int code = shell("'%s' open --data %s --camera %s --from %s --to %s -o %s/out.mp4 --json %s "
                     ">%s/stdout 2>%s/stderr",
                     getenv("LETHE_BIN"), dir, camera, from, to, dir, more, dir, dir);
    snprintf(path, sizeof(path), "%s/stdout", dir);
    if (ret)
        *ret = json_load_file(path, 0, NULL);
    snprintf(path, sizeof(path), "%s/stderr", dir);
    FILE *f = fopen(path, "rb");
    said[fread(said, 1, 4095, f)] = 0;
    fclose(f);
    return code;
}

static bool exists(const char *name)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

#define TWO "--identity $D/practice/custodian-1.txt --identity $D/practice/custodian-3.txt"

/* Bit by bit: picture n of the recording at @start_us, for first <= n < end in decode order, and no other one. */
static void expect_pictures(int64_t start_us, unsigned first, unsigned end, unsigned total)
{
    char path[128];
    uint8_t au[FRAME_BYTES];
    snprintf(path, sizeof(path), "%s/out.mp4", dir);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    uint8_t *data = malloc(16 << 20), *at = data;
    size_t len = fread(data, 1, 16 << 20, f);
    fclose(f);
    for (unsigned i = 0; i < total; i++) {
        fill(au, start_us, i);
        uint8_t *found = memmem(at, len - (size_t)(at - data), au, sizeof(au));
        if ((found != NULL) != (i >= first && i < end))
            fail_msg("picture %u is %s", i, found ? "there" : "missing");
        at = found ? found + sizeof(au) : at;
    }
    free(data);
}

static void expect_gap(const json_t *o, size_t i, double from_s, double to_s, const char *reason)
{
    const json_t *g = json_array_get(json_object_get(o, "gaps"), i);
    int64_t from, to;
    assert_non_null(g);
    assert_string_equal(json_string_value(json_object_get(g, "reason")), reason);
    assert_int_equal(time_parse(json_string_value(json_object_get(g, "from")), &from), 0);
    assert_int_equal(time_parse(json_string_value(json_object_get(g, "to")), &to), 0);
    assert_int_equal((from - EPOCH) / 1000, (int64_t)(from_s * 1000));
    assert_int_equal((to - EPOCH) / 1000, (int64_t)(to_s * 1000));
}

static int64_t number(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

static void test_open__cuts_at_key_frame_before_and_at_the_end(void **state)
{
    char said[4096];
    json_t *o;
    record("plain", EPOCH, 10, false, "shutdown");
    static const struct {
        double from, to;
        unsigned first, end;
    } row[] = {{0, 10, 0, 100},     {3, 6, 30, 60},  {3.95, 6.05, 30, 61},
               {3.05, 3.1, 30, 31}, {-5, 0.1, 0, 1}, {9.9, 20, 90, 100}};
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        if (run_open("plain", row[i].from, row[i].to, TWO " --force", &o, said) != 0)
            fail_msg("row %zu: %s", i, said);
        assert_int_equal(number(o, "frames"), row[i].end - row[i].first);
        assert_true(number(o, "bytes") > (row[i].end - row[i].first) * FRAME_BYTES);
        expect_pictures(EPOCH, row[i].first, row[i].end, 100);
        json_decref(o);
        assert_false(exists("out.mp4.part"));
    }
    unlink("out.mp4");
}

static void test_open__takes_along_what_b_frames_refer_to(void **state)
{
    char said[4096];
    json_t *o;
    record("bframes", EPOCH, 6, true, "shutdown");
    /* decode order 20 21 22 23, shown 20 23 21 22: up to 21.5 needs the picture shown as 23 */
    assert_int_equal(run_open("bframes", 2, 2.15, TWO " --force", &o, said), 0);
    assert_int_equal(number(o, "frames"), 3);
    expect_pictures(EPOCH, 20, 23, 60);
    json_decref(o);
    assert_int_equal(run_open("bframes", 2.2, 2.4, TWO " --force", &o, said), 0);
    expect_pictures(EPOCH, 20, 24, 60);
    json_decref(o);
}

static void test_open__joins_epochs_and_names_gaps(void **state)
{
    char said[4096], path[128];
    json_t *o;
    record("joined", EPOCH + 595 * SECOND_US, 5, false, "epoch");
    record("joined", EPOCH + 600 * SECOND_US, 4, false, "stream-lost");
    record("joined", EPOCH + 610 * SECOND_US, 4, false, NULL); /* never closed */
    record("joined", EPOCH + 620 * SECOND_US, 2, false, "shutdown");
    assert_int_equal(run_open("joined", 590, 630, TWO " --force", &o, said), 0);
    assert_int_equal(number(o, "frames"), 150);
    assert_int_equal(number(o, "recordings"), 4);
    assert_int_equal(json_array_size(json_object_get(o, "gaps")), 4);
    expect_gap(o, 0, 590, 595, "not-recorded");
    expect_gap(o, 1, 604, 610, "stream-lost");
    expect_gap(o, 2, 614, 620, "crash");
    expect_gap(o, 3, 622, 630, "shutdown");
    json_decref(o);
    struct index *ix;
    struct index_change c[2] = {
        {.kind = INDEX_PUT_GAP,
         .gap = {"joined", EPOCH + 604 * SECOND_US, EPOCH + 608 * SECOND_US, "login-refused",
                 "401"}},
        {.kind = INDEX_PUT_GAP, .gap = {"joined", EPOCH + 622 * SECOND_US, 0, "camera-off", ""}}};
    assert_int_equal(index_sqlite.open(dir, false, &ix, NULL), 0);
    assert_int_equal(index_sqlite.apply(ix, c, 2, NULL), 0);
    index_sqlite.close(ix);
    assert_int_equal(run_open("joined", 600, 630, TWO " --force", &o, said), 0);
    assert_int_equal(json_array_size(json_object_get(o, "gaps")), 4);
    expect_gap(o, 0, 604, 608, "login-refused");
    expect_gap(o, 1, 608, 610, "stream-lost");
    expect_gap(o, 2, 614, 620, "crash");
    expect_gap(o, 3, 622, 630, "camera-off");
    json_decref(o);
    snprintf(path, sizeof(path), "%s/lethe.db",
             dir); /* no index, a damaged one: the pictures are there all the same */
    assert_int_equal(shell("rm -f %s-wal %s-shm; echo damaged > %s", path, path, path), 0);
    assert_int_equal(run_open("joined", 590, 630, TWO " --force", &o, said), 0);
    assert_int_equal(number(o, "frames"), 150);
    assert_non_null(strstr(said, "the index cannot be read"));
    json_decref(o);
    unlink(path);
}

static void test_open__refuses_and_leaves_nothing(void **state)
{
    static const struct {
        const char *camera, *more;
        double from, to;
        int code;
        const char *says;
    } row[] = {
        {"refused", "--identity $D/practice/custodian-1.txt", 0, 5, 1,
         "2 custodians are needed, the identities given open 1 share\n"},
        {"refused", "--identity $D/practice/custodian-1.txt --identity $D/practice/custodian-1.txt",
         0, 5, 1, "open 1 share\n"},
        {"refused", "--identity $D/stranger.txt $D/practice/custodian-1.txt", 0, 5, 1,
         "open 1 share\n"},
        {"refused", "--identity $D/none.txt", 0, 5, 1, "none.txt: No such file"},
        {"refused", "--identity $D/volume.txt", 0, 5, 2,
         "volume.txt:1: not an age X25519 identity"},
        {"refused", TWO, 5, 5, 2, "--from must be before --to"},
        {"refused", TWO, 20, 30, 1, "has no sealed recording between"},
        {"nobody", TWO, 0, 5, 1, "there are no recordings of camera nobody"},
        {"../refused", TWO, 0, 5, 2, "is no name of a camera"},
    };
    char said[4096];
    setenv("D", dir, 1);
    record("refused", EPOCH, 5, false, "shutdown");
    assert_int_equal(shell("rm -f $D/out.mp4; echo x > $D/volume.txt; '%s' custodian keygen -o "
                           "$D/stranger.txt >/dev/null",
                           getenv("LETHE_BIN")),
                     0);
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        int code = run_open(row[i].camera, row[i].from, row[i].to, row[i].more, NULL, said);
        if (code != row[i].code || !strstr(said, row[i].says))
            fail_msg("row %zu: %d %s", i, code, said);
        assert_false(exists("out.mp4") || exists("out.mp4.part"));
    }
    assert_int_equal(shell("echo mine > $D/out.mp4"), 0);
    assert_int_equal(run_open("refused", 0, 5, TWO, NULL, said), 2);
    assert_non_null(strstr(said, "--force"));
    assert_int_equal(shell("test \"$(cat $D/out.mp4)\" = mine"), 0);
}

static void test_open__refuses_shares_of_another_camera_or_epoch(void **state)
{
    char said[4096];
    json_t *o;
    record("swap-a", EPOCH + 6000 * SECOND_US, 3, false, "epoch");
    record("swap-b", EPOCH + 6000 * SECOND_US, 3, false, "epoch");
    /* a recording put under another camera's name; its head says what it is */
    assert_int_equal(
        shell("cp $D/recordings/swap-b/*/* $(ls -d $D/recordings/swap-a/*)/114001Z-sealed.mp4"), 0);
    assert_int_equal(run_open("swap-a", 6000, 6010, TWO " --force", &o, said), 0);
    assert_int_equal(number(o, "frames"), 30);
    assert_non_null(strstr(said, "is of another camera"));
    json_decref(o);
    /* the share file of another epoch in the place of this one */
    record("swap-c", EPOCH + 6600 * SECOND_US, 3, false, "epoch");
    assert_int_equal(shell("cp $(ls $D/keys/*/1140Z-30d.shares) $(ls $D/keys/*/1150Z-30d.shares)"),
                     0);
    assert_int_equal(run_open("swap-c", 6600, 6610, TWO " --force", NULL, said), 1);
    assert_non_null(strstr(said, "there are no shares of its key"));
    assert_non_null(strstr(said, "none of the 1 recordings"));
}

static void test_open__goes_on_around_damage(void **state)
{
    char said[4096];
    json_t *o;
    record("damaged", EPOCH + 9000 * SECOND_US, 3, false, "epoch");
    record("damaged", EPOCH + 9003 * SECOND_US, 3, false, "epoch");
    assert_int_equal(shell("dd if=/dev/urandom of=$(ls $D/recordings/damaged/*/123003Z-sealed.mp4) "
                           "bs=4096 count=1 "
                           "conv=notrunc 2>/dev/null"),
                     0);
    assert_int_equal(run_open("damaged", 9000, 9006, TWO " --force", &o, said), 1);
    assert_int_equal(number(o, "frames"), 30);
    assert_non_null(strstr(said, "123003Z-sealed.mp4 cannot be read"));
    assert_true(exists("out.mp4"));
    json_decref(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open__cuts_at_key_frame_before_and_at_the_end),
        cmocka_unit_test(test_open__takes_along_what_b_frames_refer_to),
        cmocka_unit_test(test_open__joins_epochs_and_names_gaps),
        cmocka_unit_test(test_open__refuses_and_leaves_nothing),
        cmocka_unit_test(test_open__refuses_shares_of_another_camera_or_epoch),
        cmocka_unit_test(test_open__goes_on_around_damage),
    };
    if (sodium_init() < 0 || !getenv("LETHE_BIN"))
        return 77;
    return cmocka_run_group_tests(tests, setup, teardown);
}
