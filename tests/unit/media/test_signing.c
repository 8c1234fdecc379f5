/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>
#include <libavformat/avformat.h>

#include "base/buf.h"
#include "media/signing.h"
#include "signer.h"

#define GOP 12
#define ANY UINT64_MAX
#define NONE (-1)     /* no fault */
#define WHATEVER (-2) /* some fault */

static struct signer stream(bool h265, bool raw, bool rsa)
{
    struct signer s = {.h265 = h265, .raw = raw, .seed = 5};
    signer_key(&s, rsa);
    return s;
}

/* I [SEI of the group before] P P … ; slices of two units each. @mode: SEI_LIST, or 0 for low bitrate. */
static void groups(struct signer *s, int n, int mode)
{
    static uint8_t sei[65536];
    for (int g = 0; g < n; g++) {
        size_t len = g ? signer_sei(s, mode | SEI_SIGNED | SEI_CHAIN, sei) : 0;
        signer_slice(s, true, true);
        signer_slice(s, true, false);
        if (len)
            signer_push(s, sei, len);
        for (int i = 0; i < GOP - 2; i++)
            signer_slice(s, false, i % 2 == 0);
    }
}

static struct signing_report judge(const struct signer *s, const char *roots)
{
    struct signing *v;
    struct signing_report r;
    assert_int_equal(signing_new(s->h265 ? MEDIA_H265 : MEDIA_H264, roots, &v), 0);
    for (size_t i = 0; i < s->units; i++)
        if (s->out[i].len)
            assert_int_equal(signing_add(v, s->out[i].data, s->out[i].len,
                                         INT64_C(1705000000000000) + (int64_t)i),
                             0);
    signing_report(v, &r);
    signing_free(v);
    return r;
}

static void expect(const struct signing_report *r, enum signing_verdict v, int kind, uint64_t nal)
{
    if (r->verdict != v)
        for (size_t i = 0; i < r->faults && i < SIGNING_FAULTS; i++)
            print_message("fault %zu: %s at unit %d, %d\n", i, signing_fault_name(r->fault[i].kind),
                          (int)r->fault[i].nal, (int)r->fault[i].count);
    assert_string_equal(signing_verdict_name(r->verdict), signing_verdict_name(v));
    if (kind == NONE)
        assert_int_equal(r->faults, 0);
    else
        assert_true(r->faults >= 1);
    if (kind < 0)
        return;
    assert_string_equal(signing_fault_name(r->fault[0].kind),
                        signing_fault_name((enum signing_fault_kind)kind));
    if (nal != ANY)
        assert_int_equal(r->fault[0].nal, nal);
}

static void drop(struct signer *s, size_t at)
{
    free(s->out[at].data);
    memmove(&s->out[at], &s->out[at + 1], (s->units - at - 1) * sizeof(*s->out));
    s->units--;
}

static void twice(struct signer *s, size_t at)
{
    memmove(&s->out[at + 1], &s->out[at], (s->units - at) * sizeof(*s->out));
    s->out[at].data = memcpy(malloc(s->out[at].len), s->out[at].data, s->out[at].len);
    s->units++;
}

static void whole(void **state)
{
    for (int v = 0; v < 8; v++) {
        struct signer s = stream(v & 1, v & 2, v & 4);
        groups(&s, 4, SEI_LIST);
        struct signing_report r = judge(&s, NULL);
        expect(&r, SIGNING_AUTHENTIC, NONE, 0);
        assert_int_equal(r.verified, 3 * GOP);
        assert_int_equal(r.pending, GOP);
        assert_int_equal(r.signatures, 3);
        assert_string_equal(r.signer, "/CN=gate-1");
        signer_release(&s);
    }
}

/* Every unit is changed, taken out and doubled, in turn; the fault is at that unit. */
static void every_change(void **state)
{
    for (size_t at = 0; at < 2 * GOP; at++)
        for (int what = 0; what < 3; what++) {
            struct signer s = stream(false, false, false);
            groups(&s, 4, SEI_LIST);
            bool sei = s.out[at].data[0] == 6;
            size_t n = s.out[at].len;
            uint64_t place = at + (what == 1 && at == GOP + 1); /* behind it stands the SEI */
            if (what == 0)
                s.out[at].data[n / 2] ^= 1;
            else if (what == 1)
                drop(&s, at);
            else
                twice(&s, at);
            struct signing_report r = judge(&s, NULL);
            if (sei && what == 2)
                expect(&r, SIGNING_AUTHENTIC, NONE, 0);
            else if (sei)
                expect(&r, SIGNING_NOT_AUTHENTIC, what == 0 ? SIGNING_FAULT_SIGNATURE : WHATEVER,
                       ANY);
            else if (what == 0)
                expect(&r, SIGNING_NOT_AUTHENTIC, SIGNING_FAULT_WRONG, place);
            else if (what == 1)
                expect(&r, SIGNING_AUTHENTIC_MISSING, SIGNING_FAULT_MISSING, place);
            else
                expect(&r, SIGNING_NOT_AUTHENTIC, SIGNING_FAULT_UNCOVERED, ANY);
            if (!sei)
                assert_int_equal(r.faults, 1);
            signer_release(&s);
        }
}

static void order(void **state)
{
    struct signer s = stream(false, false, false);
    groups(&s, 4, SEI_LIST);
    struct unit u = s.out[16];
    s.out[16] = s.out[17];
    s.out[17] = u;
    struct signing_report r = judge(&s, NULL);
    assert_int_equal(r.verdict, SIGNING_NOT_AUTHENTIC);
    signer_release(&s);

    s = stream(false, false, false); /* a whole group with its signature is taken out */
    groups(&s, 5, SEI_LIST);
    drop(&s, 3 * GOP + 4); /* its signature, in the group behind it */
    for (int i = 0; i < GOP - 2; i++)
        drop(&s, 2 * GOP + 4);
    drop(&s, 2 * GOP + 1); /* its key picture; the signature of the group before stays */
    drop(&s, 2 * GOP + 1);
    r = judge(&s, NULL);
    expect(&r, SIGNING_AUTHENTIC_MISSING, SIGNING_FAULT_MISSING, ANY);
    signer_release(&s);

    s = stream(false, false, false); /* only the signature is */
    groups(&s, 5, SEI_LIST);
    drop(&s, 2 * GOP + 3);
    r = judge(&s, NULL);
    expect(&r, SIGNING_NOT_AUTHENTIC, SIGNING_FAULT_MISSING, ANY);
    assert_int_equal(r.fault[1].kind, SIGNING_FAULT_UNCOVERED);
    signer_release(&s);
}

static void cut_out(void **state)
{
    struct signer s = stream(false, false, false); /* an export begins with the third group */
    groups(&s, 6, SEI_LIST);
    for (int i = 0; i < 2 * GOP + 1; i++)
        drop(&s, 0);
    struct signing_report r = judge(&s, NULL);
    expect(&r, SIGNING_AUTHENTIC, NONE, 0);
    assert_int_equal(r.verified, 3 * GOP);
    signer_release(&s);
}

static void low_bitrate(void **state)
{
    for (int v = 0; v < 2; v++) {
        struct signer s = stream(v, false, false);
        groups(&s, 4, 0);
        struct signing_report r = judge(&s, NULL);
        expect(&r, SIGNING_AUTHENTIC, NONE, 0);
        assert_int_equal(r.verified, 3 * GOP);
        s.out[2 * GOP].data[20] ^= 1;
        r = judge(&s, NULL);
        expect(&r, SIGNING_NOT_AUTHENTIC, SIGNING_FAULT_WRONG, ANY);
        signer_release(&s);
    }
}

/* Long groups are signed in parts, and a signature may stand for several groups. */
static void parts_and_bundles(void **state)
{
    struct signer s = stream(false, true, false);
    signer_put(&s, SEI_CERTIFICATE | SEI_CHAIN | SEI_SIGNED);
    for (int g = 0; g < 3; g++) {
        signer_slice(&s, true, true);
        for (int part = 0; part < 3; part++) {
            for (int i = 0; i < 5; i++)
                signer_slice(&s, false, true);
            if (part < 2)
                signer_put(&s, SEI_LIST | SEI_SIGNED | SEI_PARTIAL);
        }
        signer_put(&s, SEI_LIST | SEI_SIGNED);
    }
    struct signing_report r = judge(&s, NULL);
    expect(&r, SIGNING_AUTHENTIC, NONE, 0);
    assert_int_equal(r.verified, 48);
    drop(&s, 6); /* the last unit of the first part */
    r = judge(&s, NULL);
    expect(&r, SIGNING_AUTHENTIC_MISSING, SIGNING_FAULT_MISSING, ANY);
    assert_int_equal(r.missing, 1);
    signer_release(&s);

    for (int v = 0; v < 2; v++) {
        s = stream(false, false, false);
        for (int g = 0; g < 9; g++) {
            signer_slice(&s, true, true);
            for (int i = 0; i < 4; i++)
                signer_slice(&s, false, true);
            signer_put(&s, g % 3 == 2 ? SEI_LIST | SEI_SIGNED | SEI_CHAIN : SEI_LIST);
        }
        if (v)
            s.out[5].data[80] ^= 1; /* the unsigned list of the first group */
        r = judge(&s, NULL);
        if (v)
            assert_int_equal(r.verdict, SIGNING_NOT_AUTHENTIC);
        else
            expect(&r, SIGNING_AUTHENTIC, NONE, 0);
        signer_release(&s);
    }
}

static void keys(void **state)
{
    struct signer s = stream(false, false, false);
    groups(&s, 3, SEI_LIST);
    struct signing_report r =
        judge(&s, s.pem); /* self-signed, valid when it was recorded and not today */
    expect(&r, SIGNING_AUTHENTIC, NONE, 0);
    assert_int_equal(r.trust, SIGNING_TRUST_OK);
    struct signer other = stream(false, false, false);
    r = judge(&s, other.pem);
    assert_int_equal(r.verdict, SIGNING_NOT_AUTHENTIC);
    assert_int_equal(r.trust, SIGNING_TRUST_BAD);
    signer_key(&s, false); /* somebody else goes on signing */
    groups(&s, 3, SEI_LIST);
    r = judge(&s, NULL);
    assert_int_equal(r.verdict, SIGNING_NOT_AUTHENTIC);
    signer_release(&s);
    signer_release(&other);
}

static void not_signed(void **state)
{
    struct signing *v;
    struct signing_report r;
    const uint8_t slice[] = {0x65, 0x88, 1, 2, 3, 0x80}, sei[] = {6, 5, 17, 1, 2, 3};
    assert_int_equal(signing_new(MEDIA_AAC, NULL, &v), E_UNSUPPORTED);
    assert_int_equal(signing_new(MEDIA_H264, "no certificate", &v), E_SYNTAX);
    assert_int_equal(signing_new(MEDIA_H264, NULL, &v), 0);
    for (int i = 0; i < 2 * SIGNING_WAKE; i++) {
        assert_int_equal(signing_add(v, slice, sizeof(slice), 0), 0);
        assert_int_equal(signing_add(v, sei, sizeof(sei), 0), 0);
    }
    signing_report(v, &r);
    expect(&r, SIGNING_NOT_SIGNED, NONE, 0);
    assert_int_equal(r.pending, 0); /* it stopped hashing */
    signing_free(v);
}

/* A clip of a real camera-side signer: flip, drop, cost. */
struct clip {
    AVFormatContext *f;
    AVPacket *p;
};

static struct signing_report judge_clip(const char *path, int flip, int lose, double *ret_cpu)
{
    struct signing *v;
    struct signing_report r;
    struct clip c = {.p = av_packet_alloc()};
    assert_int_equal(avformat_open_input(&c.f, path, NULL, NULL), 0);
    assert_int_equal(signing_new(MEDIA_H264, NULL, &v), 0);
    struct timespec a, b;
    double cpu = 0;
    for (int i = 0; av_read_frame(c.f, c.p) >= 0; i++) {
        if (i == flip)
            c.p->data[c.p->size / 2] ^= 1;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
        if (i != lose)
            assert_int_equal(signing_add_sample(v, c.p->data, (size_t)c.p->size, 0), 0);
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
        cpu += (double)(b.tv_sec - a.tv_sec) + 1e-9 * (double)(b.tv_nsec - a.tv_nsec);
        av_packet_unref(c.p);
    }
    signing_report(v, &r);
    signing_free(v);
    av_packet_free(&c.p);
    avformat_close_input(&c.f);
    if (ret_cpu)
        *ret_cpu = cpu;
    return r;
}

static void camera_clip(void **state)
{
    char path[4096];
    const char *media = getenv("LETHE_MEDIA");
    snprintf(path, sizeof(path), "%s/signed/test_signed_h264.mp4", media ? media : "");
    FILE *f = media && *media ? fopen(path, "rb") : NULL;
    if (!f) {
        print_message("SKIP: LETHE_MEDIA has no signed clip\n");
        skip();
    }
    fclose(f);
    double cpu;
    struct signing_report r = judge_clip(path, -1, -1, &cpu);
    expect(&r, SIGNING_AUTHENTIC, NONE, 0);
    assert_int_equal(r.verified, 256);
    print_message("signed clip of 10.3 s: %.2f ms of CPU, %.4f %% of a core; %s\n", 1e3 * cpu,
                  100 * cpu / 10.3, r.signer);
    r = judge_clip(path, 100, -1, NULL);
    expect(&r, SIGNING_NOT_AUTHENTIC, SIGNING_FAULT_WRONG, 101); /* one SEI stands before it */
    assert_int_equal(r.faults, 1);
    r = judge_clip(path, -1, 100, NULL);
    expect(&r, SIGNING_AUTHENTIC_MISSING, SIGNING_FAULT_MISSING, 101);
    assert_int_equal(r.faults, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole),       cmocka_unit_test(every_change),
        cmocka_unit_test(order),       cmocka_unit_test(cut_out),
        cmocka_unit_test(low_bitrate), cmocka_unit_test(parts_and_bundles),
        cmocka_unit_test(keys),        cmocka_unit_test(not_signed),
        cmocka_unit_test(camera_clip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
