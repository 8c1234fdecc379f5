/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Blocks of a program, read back packet by packet by code of the test's own. */
#include "sim/program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "sim/wire.h"

#define PACKET 300

struct packet {
    uint8_t channel, payload_type;
    bool marker;
    uint16_t sequence;
    uint32_t timestamp;
    const uint8_t *payload;
    size_t len;
};

static size_t read_packet(const uint8_t *d, struct packet *p)
{
    assert_int_equal(d[0], '$');
    assert_int_equal(d[4], 0x80);
    *p = (struct packet){.channel = d[1],
                         .payload_type = d[5] & 0x7f,
                         .marker = d[5] >> 7,
                         .sequence = rd16(d + 6),
                         .timestamp = rd32(d + 8),
                         .payload = d + 16,
                         .len = (size_t)rd16(d + 2) - 12};
    return 4 + (size_t)rd16(d + 2);
}

/* Put fragments together again; NAL units go into @out behind 32-bit lengths. Returns packets. */
static unsigned depacketise(enum media_codec codec, const uint8_t *d, size_t len, struct buf *out)
{
    struct buf nal;
    unsigned n = 0;
    buf_init(&nal, 0);
    for (size_t at = 0; at < len; n++) {
        struct packet p;
        at += read_packet(d + at, &p);
        assert_int_equal(p.marker, at == len);
        size_t h = codec == MEDIA_H265 ? 2 : 1;
        bool fu = h == 1 ? (p.payload[0] & 31) == 28 : (p.payload[0] >> 1 & 63) == 49;
        if (fu && (p.payload[h] & 0x80)) {
            uint8_t type = p.payload[h] & (h == 1 ? 31 : 63);
            uint8_t first[2] = {(uint8_t)(h == 1 ? (p.payload[0] & 0xe0) | type
                                                 : (p.payload[0] & 0x81) | type << 1),
                                p.payload[1]};
            nal.len = 0;
            buf_append(&nal, first, h);
        }
        if (fu)
            buf_append(&nal, p.payload + h + 1, p.len - h - 1);
        if (fu && !(p.payload[h] & 0x40))
            continue;
        buf_u32(out, (uint32_t)(fu ? nal.len : p.len));
        buf_append(out, fu ? nal.data : p.payload, fu ? nal.len : p.len);
    }
    buf_release(&nal);
    return n;
}

static void expect_nals(const struct sim_program *p, size_t au, const struct buf *got)
{
    size_t at = 0;
    for (uint32_t i = 0; i < p->aus[au].nal_count; i++) {
        const struct sim_nal *n = &p->nals[p->aus[au].nal + i];
        assert_true(at + 4 + n->len <= got->len);
        assert_int_equal(rd32(got->data + at), n->len);
        assert_memory_equal(got->data + at + 4, n->data, n->len);
        at += 4 + n->len;
    }
    assert_int_equal(at, got->len);
}

/* Ten access units of several sizes around the packet limit; H.264 SEI and slice types, or H.265 ones. */
static struct sim_program *sample(enum media_codec codec)
{
    static const size_t sizes[] = {3,          PACKET - 1, PACKET, PACKET + 1, 2 * PACKET - 4,
                                   2 * PACKET, 5000};
    struct sim_program *p = sim_program_new(codec, 90000);
    uint8_t nal[6000];
    p->seq_start = 65530;
    p->ts_start = 0xfffffff0;
    p->ssrc = 7;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(sim_program_add(p, i * 3600, i * 3600 + 7200, i % 5 == 0), 0);
        for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
            memset(nal, 0x40 + i + (int)k, sizeof(nal));
            nal[0] = codec == MEDIA_H265 ? 1 << 1 : 0x41;
            nal[1] = codec == MEDIA_H265 ? 1 : 0x9a;
            assert_int_equal(sim_program_add_nal(p, nal, sizes[k]), 0);
        }
    }
    assert_int_equal(sim_program_finish(p, 36000, PACKET, 0, NULL), 0);
    return p;
}

static void test_program__packets_carry_every_nal(void **state)
{
    for (int h265 = 0; h265 < 2; h265++) {
        struct sim_program *p = sample(h265 ? MEDIA_H265 : MEDIA_H264);
        for (size_t i = 0; i < p->count; i++) {
            struct buf got;
            buf_init(&got, 0);
            const struct sim_block *b = sim_program_block(p, i, 0);
            assert_int_equal(depacketise(p->codec, b->data, b->len, &got), p->aus[i].packet_count);
            expect_nals(p, i, &got);
            buf_release(&got);
        }
        sim_program_free(p);
    }
}

static void test_program__numbers_go_on_over_loops(void **state)
{
    struct sim_program *p = sample(MEDIA_H264);
    uint16_t seq = 65530;
    for (int64_t loop = 0; loop < 40; loop++)
        for (size_t i = 0; i < p->count; i++) {
            const struct sim_block *b = sim_program_block(p, i, loop);
            for (size_t at = 0; at < b->len;) {
                struct packet k;
                at += read_packet(b->data + at, &k);
                assert_int_equal(k.sequence, seq++);
                assert_int_equal(k.timestamp,
                                 (uint32_t)(0xfffffff0 + loop * 36000 + (int64_t)i * 3600 + 7200));
                assert_int_equal(k.channel, 0);
            }
        }
    sim_program_free(p);
}

static void test_program__a_block_in_use_is_not_patched(void **state)
{
    struct sim_program *p = sample(MEDIA_H264);
    struct sim_block *held = sim_program_block(p, 3, 0);
    held->refs++;
    uint8_t *before = malloc(held->len);
    memcpy(before, held->data, held->len);
    struct sim_block *next = sim_program_block(p, 3, 1);
    assert_ptr_not_equal(held, next);
    assert_memory_equal(before, held->data, held->len);
    assert_memory_not_equal(before, next->data, held->len);
    assert_ptr_equal(next, sim_program_block(p, 3, 1)); /* shared by all in the same pass */
    assert_ptr_equal(next, sim_program_block(p, 3, 2)); /* nobody holds it: patched in place */
    sim_block_unref(held);
    free(before);
    sim_program_free(p);
}

static void test_program__splits_streams(void **state)
{
    static const uint8_t annexb[] = {0, 0, 0, 1, 0x67, 1,    2, 0, 0, 1, 0x68,
                                     3, 0, 0, 0, 1,    0x65, 4, 5, 6, 0, 0};
    static const uint8_t prefixed[] = {0, 0, 0, 3, 0x67, 1, 2, 0, 0, 0, 0, 0, 0, 0, 2, 0x68, 3};
    struct sim_program *p = sim_program_new(MEDIA_H264, 90000);
    sim_program_add(p, 0, 0, true);
    assert_int_equal(sim_program_add_stream(p, annexb, sizeof(annexb), 0), 0);
    assert_int_equal(p->nal_count, 3);
    assert_int_equal(p->nals[0].len, 3);
    assert_int_equal(p->nals[1].len, 2);
    assert_int_equal(p->nals[2].len, 4);
    sim_program_add(p, 1, 1, false);
    assert_int_equal(sim_program_add_stream(p, prefixed, sizeof(prefixed), 4), 0);
    assert_int_equal(p->nal_count, 5);
    for (size_t n = 1; n < sizeof(prefixed);
         n++) /* cut anywhere: refused or fewer, never beyond the end */
        (void)sim_program_add_stream(p, prefixed, n, 4);
    assert_int_equal(sim_program_add_stream(p, prefixed, 6, 4), E_SYNTAX);
    assert_int_equal(sim_program_add(p, 1, 1, false), E_ORDER);
    sim_program_free(p);
}

static void test_program__finds_the_next_key_picture(void **state)
{
    struct sim_program *p = sample(MEDIA_H264);
    bool wrapped;
    assert_int_equal(sim_program_key_after(p, 0, &wrapped), 0);
    assert_int_equal(sim_program_key_after(p, 1, &wrapped), 5);
    assert_false(wrapped);
    assert_int_equal(sim_program_key_after(p, 18001, &wrapped), 0);
    assert_true(wrapped);
    sim_program_free(p);
}

static void test_wire__odd_payloads_are_framed(void **state)
{
    static const struct {
        enum sim_quirk_id id;
        int64_t arg;
    } rows[] = {{SIM_Q_FU, 1},       {SIM_Q_FU, 2},         {SIM_Q_FU, 4},     {SIM_Q_FU, 8},
                {SIM_Q_FU, 15},      {SIM_Q_ANNEXB, 1},     {SIM_Q_ANNEXB, 2}, {SIM_Q_STAP, 1},
                {SIM_Q_TRAILING, 1}, {SIM_Q_BIG_PACKETS, 1}};
    for (int h265 = 0; h265 < 2; h265++) {
        struct sim_program *p = sample(h265 ? MEDIA_H265 : MEDIA_H264);
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            struct sim_quirks q = {0};
            struct buf out;
            buf_init(&out, 0);
            q.arg[rows[i].id] = rows[i].arg;
            assert_true(sim_wire_is_odd(&q));
            assert_int_equal(sim_wire_build(p, &p->aus[2], &q, &out), 0);
            size_t at = 0;
            struct packet k = {0};
            while (at < out.len)
                at += read_packet(out.data + at, &k);
            assert_int_equal(at, out.len);
            assert_true(k.marker);
            buf_release(&out);
        }
        sim_program_free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_program__packets_carry_every_nal),
        cmocka_unit_test(test_program__numbers_go_on_over_loops),
        cmocka_unit_test(test_program__a_block_in_use_is_not_patched),
        cmocka_unit_test(test_program__splits_streams),
        cmocka_unit_test(test_program__finds_the_next_key_picture),
        cmocka_unit_test(test_wire__odd_payloads_are_framed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
