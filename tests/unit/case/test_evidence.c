/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Evidence from recordings made here: H.264 and H.265, sealed and clear, two epochs; what it costs. */
#include "fixture.h"

#include <fcntl.h>
#include <sys/resource.h>

#include "case/evidence.h"
#include "mp4/writer.h"
#include "seal/shares.h"

#define FPS 10
#define RATE 90000

static uint8_t au[4 << 20];
static struct media_params params;

static void parameter_sets(bool h265)
{
    static const uint8_t sps[] = {0x67, 0x42, 0xc0, 0x0a, 0xdc, 0x42, 0x6c, 0x04, 0x40, 0x00, 0x00,
                                  0x03, 0x00, 0x40, 0x00, 0x00, 0x0c, 0x83, 0xc4, 0x89, 0xe0};
    static const uint8_t pps[] = {0x68, 0xce, 0x0f, 0xc8};
    static const uint8_t vps5[] = {0x40, 0x01, 0x0c, 0x01, 0xff, 0xff, 0x01, 0x60,
                                   0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03,
                                   0x00, 0x00, 0x03, 0x00, 0x1e, 0x95, 0x98, 0x09};
    static const uint8_t sps5[] = {0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90,
                                   0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x1e, 0xa0, 0x20,
                                   0x82, 0x05, 0x96, 0x56, 0x69, 0x24, 0xca, 0xe0, 0x10, 0x00,
                                   0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x01, 0xe0, 0x80};
    static const uint8_t pps5[] = {0x44, 0x01, 0xc1, 0x72, 0xb4, 0x62, 0x40};
    const struct {
        const uint8_t *p;
        size_t n;
    } set[2][3] = {{{sps, sizeof(sps)}, {pps, sizeof(pps)}},
                   {{vps5, sizeof(vps5)}, {sps5, sizeof(sps5)}, {pps5, sizeof(pps5)}}};
    params = (struct media_params){.count = h265 ? 3 : 2};
    for (int i = 0; i < params.count; i++)
        memcpy(params.set[i].data, set[h265][i].p, params.set[i].len = (uint16_t)set[h265][i].n);
}

/* A closed recording of @seconds with pictures of @bytes each, sealed with the node's key of the epoch. */
static int record(struct node *n, int epoch, unsigned seconds, size_t bytes, bool h265, bool sealed)
{
    struct mp4_info info = {.view = MP4_SEALED,
                            .encrypted = sealed,
                            .epoch_us = T0 + epoch * EPOCH,
                            .epoch_length_us = EPOCH,
                            .start_us = T0 + epoch * EPOCH,
                            .tracks = 1,
                            .retention_days = 30};
    struct mp4_entry *entries = calloc(seconds, sizeof(*entries));
    struct mp4_cipher cipher = {0};
    struct mp4_fragment *f;
    struct buf b;
    uint8_t manifest[32];
    snprintf(info.camera, sizeof(info.camera), "gate");
    snprintf(info.node, sizeof(info.node), "hall-1");
    memcpy(info.kid, n->kid[0][epoch], 16);
    info.track[0] = (struct media_track){.codec = h265 ? MEDIA_H265 : MEDIA_H264,
                                         .clock_rate = RATE,
                                         .width = 64,
                                         .height = 64,
                                         .params = &params};
    buf_init(&b, (size_t)1 << 31);
    assert_int_equal(mp4_cipher_init(&cipher, n->key[0][epoch], 1), 0);
    assert_int_equal(mp4_head_build(&info, seconds, &b, NULL), 0);
    assert_int_equal(mp4_fragment_new(&f), 0);
    for (unsigned s = 0; s < seconds; s++) {
        const uint8_t *data;
        size_t len;
        mp4_fragment_begin(f, &info);
        for (unsigned i = s * FPS; i < (s + 1) * FPS; i++) {
            wr32(au, (uint32_t)bytes - 4);
            au[4] = h265 ? i % FPS ? 0x02 : 0x26 : i % FPS ? 0x41 : 0x65;
            au[5] = 1;
            wr32(au + 8, i * 2654435761u);
            struct media_au a = {.data = au, .size = (uint32_t)bytes, .key = i % FPS == 0};
            assert_int_equal(mp4_fragment_append(f, 0, &a, (int64_t)i * RATE / FPS,
                                                 (int64_t)i * RATE / FPS, sealed ? &cipher : NULL),
                             0);
        }
        assert_int_equal(mp4_fragment_finish(f, s + 1, (s + 1) * RATE,
                                             info.start_us + s * SECOND_US, &data, &len),
                         0);
        mp4_fragment_entry(f, &entries[s]);
        entries[s].offset = b.len;
        crypto_hash_sha256(entries[s].sha256, data, len);
        assert_int_equal(buf_append(&b, data, len), 0);
    }
    assert_int_equal(mp4_tail_build(&info, entries, seconds, b.len, "epoch", &b, manifest), 0);
    char *path = in(n, epoch ? "b.mp4" : "a.mp4");
    assert_int_equal(seal_file_write(path, b.data, b.len, 0600, true, NULL), 0);
    buf_release(&b);
    mp4_fragment_free(f);
    mp4_cipher_release(&cipher);
    free(entries);
    return open(path, O_RDONLY);
}

static double seconds_of(const struct timeval *t)
{
    return (double)t->tv_sec + 1e-6 * (double)t->tv_usec;
}

/* CPU of this process; of it in the kernel, which is reading and writing. */
static double cpu(double *ret_kernel)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    *ret_kernel = seconds_of(&u.ru_stime);
    return seconds_of(&u.ru_utime) + *ret_kernel;
}

/* Evidence of two recordings into out.mp4. */
static int export(struct node *n, const struct case_folder *f, const int fd[2], bool sealed,
                  uint64_t *ret_bytes)
{
    char keys[TLOG_VKEY_TEXT];
    struct tlog_vkey key[2];
    const char *answers[3] = {NULL};
    struct buf note[2];
    struct err e = {0};
    struct seal_shares *s = NULL;
    uint64_t frames;
    uint8_t sha[32];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(approval(n, f, i, &note[i], &e), 0);
        char *text = buf_cstr(&note[i]);
        *strstr(text, "-----BEGIN") = 0;
        answers[i] = text;
    }
    tlog_log_keys(n->tlog, key);
    tlog_vkey_format(&key[0], keys);
    struct evidence_about about = {.camera = "gate",
                                   .from_us = f->order.from_us,
                                   .to_us = f->order.to_us,
                                   .now_us = n->desk.now_us,
                                   .signer = &n->requester,
                                   .order = &f->order,
                                   .note = &f->note,
                                   .proof = &f->proof,
                                   .policy = &n->policy,
                                   .answers = answers,
                                   .log_keys = keys};
    struct evidence_writer *w;
    int out = open(in(n, "out.mp4"), O_RDWR | O_CREAT | O_TRUNC, 0600),
        r = evidence_create(out, &about, &w, &e);
    assert_int_equal(r, 0);
    assert_int_equal(seal_shares_parse(f->shares.data, f->shares.len, &s, NULL), 0);
    for (int i = 0; i < 2 && r >= 0; i++) {
        size_t len;
        const struct seal_entry *entry = seal_shares_entry(s, n->kid[0][i]);
        const char *text = seal_entry_text(entry, &len);
        char *record = strndup(text, len);
        r = evidence_add(w, fd[i], i ? "b.mp4" : "a.mp4", sealed ? n->key[0][i] : NULL, record, &e);
        free(record);
    }
    if (r < 0)
        fail_msg("%s", e.text);
    r = evidence_finish(w, ret_bytes, &frames, sha, &e);
    if (r < 0)
        fail_msg("%s", e.text);
    seal_shares_free(s);
    buf_release(&note[0]);
    buf_release(&note[1]);
    return out;
}

static void round_trip(bool h265, bool sealed, unsigned seconds, size_t bytes, bool measure)
{
    struct node n;
    struct err e = {0};
    struct evidence_report r;
    uint64_t size;
    node_open(&n, false);
    parameter_sets(h265);
    struct case_order o = order_of(&n);
    o.from_us = T0;
    o.to_us = T0 + EPOCH + (int64_t)seconds * SECOND_US;
    struct case_folder f = request(&n, &o);
    int fd[2] = {record(&n, 0, seconds, bytes, h265, sealed),
                 record(&n, 1, seconds, bytes, h265, sealed)};
    double kernel, kernel_after, before = cpu(&kernel);
    int out = export(&n, &f, fd, sealed, &size);
    double took = cpu(&kernel_after) - before;
    if (measure)
        print_message("evidence: %.0f MB, %.0f MB a second of CPU, %.0f %% of it in the kernel\n",
                      (double)size / 1e6, (double)size / 1e6 / took,
                      100 * (kernel_after - kernel) / took);
    before = cpu(&kernel);
    assert_int_equal(evidence_verify(out, n.trust, &r, &e), 0);
    if (measure)
        print_message("verified: %.0f MB a second of CPU\n",
                      (double)size / 1e6 / (cpu(&kernel) - before));
    for (size_t i = 0; i < r.problems; i++)
        print_message("%s: %s\n", r.problem[i].what, r.problem[i].text);
    assert_int_equal(r.problems, 0);
    assert_int_equal(r.fragments_right, 2 * seconds);
    assert_int_equal(r.frames, 2 * seconds * FPS);
    assert_int_equal(r.approvals, 2);
    assert_true(r.order_logged && r.log_pinned);
    /* a manifest of another recording in its place */
    close(out);
    close(fd[0]);
    close(fd[1]);
    case_folder_release(&f);
    node_close(&n);
}

static void test_evidence__round_trip(void **state)
{
    for (int v = 0; v < 4; v++)
        round_trip(v & 1, v & 2, 6, 3000, false);
}

static void test_evidence__speed(void **state)
{
    memset(au, 0x55, sizeof(au));
    round_trip(false, true, 20, 400000, true);
}

static void test_evidence__every_damage_is_found(void **state)
{
    struct node n;
    struct err e = {0};
    uint64_t size;
    node_open(&n, false);
    parameter_sets(false);
    struct case_order o = order_of(&n);
    o.from_us = T0;
    o.to_us = T0 + EPOCH + 3 * SECOND_US;
    struct case_folder f = request(&n, &o);
    int fd[2] = {record(&n, 0, 3, 700, false, true), record(&n, 1, 3, 700, false, true)};
    int out = export(&n, &f, fd, true, &size);
    uint8_t *blob = malloc(size), bit;
    assert_int_equal(pread(out, blob, size, 0), (ssize_t)size);
    for (uint64_t at = 0; at < size; at += 1 + size / 600) { /* bits all over the file */
        static struct evidence_report r;
        bit = blob[at] ^ (uint8_t)(1 << at % 8);
        assert_int_equal(pwrite(out, &bit, 1, (off_t)at), 1);
        int code = evidence_verify(out, n.trust, &r, &e);
        if (code >= 0 && !r.problems)
            fail_msg("byte %llu of %llu", (unsigned long long)at, (unsigned long long)size);
        assert_int_equal(pwrite(out, &blob[at], 1, (off_t)at), 1);
    }
    for (uint64_t cut = 0; cut < size; cut += 1 + size / 50) {
        static struct evidence_report r;
        assert_int_equal(ftruncate(out, (off_t)cut), 0);
        int code = evidence_verify(out, n.trust, &r, &e);
        assert_true(code < 0 || r.problems);
        assert_int_equal(pwrite(out, blob, size, 0), (ssize_t)size);
    }
    free(blob);
    close(out);
    close(fd[0]);
    close(fd[1]);
    case_folder_release(&f);
    node_close(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_evidence__round_trip),
        cmocka_unit_test(test_evidence__every_damage_is_found),
        cmocka_unit_test(test_evidence__speed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
