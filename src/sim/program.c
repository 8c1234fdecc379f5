/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "sim/program.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "media/params.h"
#include "sim/packetise.h"

#define AU_BYTES_MAX ((size_t)16 << 20)

struct sim_block *sim_block_new(size_t len)
{
    if (len > UINT32_MAX)
        return NULL;
    struct sim_block *b = malloc(sizeof(*b) + len);
    if (b) {
        b->refs = 1;
        b->len = (uint32_t)len;
        b->loop = 0;
    }
    return b;
}

struct sim_block *sim_block_copy(const void *data, size_t len)
{
    struct sim_block *b = sim_block_new(len);
    if (b)
        memcpy(b->data, data, len);
    return b;
}

void sim_block_unref(struct sim_block *b)
{
    if (b && --b->refs == 0)
        free(b);
}

struct sim_program *sim_program_new(enum media_codec codec, uint32_t clock_rate)
{
    struct sim_program *p = calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    p->codec = codec;
    p->clock_rate = clock_rate;
    p->payload_type = codec == MEDIA_PCMU   ? 0
                      : codec == MEDIA_PCMA ? 8
                      : codec == MEDIA_AAC  ? 97
                                            : 96;
    return p;
}

void sim_program_free(struct sim_program *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->count; i++)
        sim_block_unref(p->aus[i].block);
    for (size_t i = 0; p->truth && i < p->count; i++)
        free(p->truth[i].objects);
    for (size_t i = 0; i < p->nal_count; i++)
        free((void *)(uintptr_t)p->nals[i].data);
    free(p->truth);
    free(p->nals);
    free(p->aus);
    free(p);
}

int sim_program_add(struct sim_program *p, int64_t dts_ticks, int64_t pts_ticks, bool key)
{
    if (p->count && dts_ticks <= p->aus[p->count - 1].dts_ticks)
        return E_ORDER;
    if (p->count == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 256;
        struct sim_au *aus = realloc(p->aus, cap * sizeof(*aus));
        if (!aus)
            return -ENOMEM;
        p->aus = aus;
        p->cap = cap;
    }
    p->aus[p->count++] = (struct sim_au){
        .nal = (uint32_t)p->nal_count, .dts_ticks = dts_ticks, .pts_ticks = pts_ticks, .key = key};
    return 0;
}

int sim_program_add_nal(struct sim_program *p, const uint8_t *data, size_t len)
{
    if (!p->count || !len || len > AU_BYTES_MAX)
        return E_SYNTAX;
    if (p->nal_count == p->nal_cap) {
        size_t cap = p->nal_cap ? p->nal_cap * 2 : 512;
        struct sim_nal *nals = realloc(p->nals, cap * sizeof(*nals));
        if (!nals)
            return -ENOMEM;
        p->nals = nals;
        p->nal_cap = cap;
    }
    uint8_t *copy = malloc(len);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, data, len);
    struct sim_nal *n = &p->nals[p->nal_count];
    *n = (struct sim_nal){.data = copy, .len = (uint32_t)len};
    if (!EVP_Digest(data, len, n->sha, NULL, EVP_sha256(), NULL)) {
        free(copy);
        return E_CRYPTO;
    }
    p->nal_count++;
    p->aus[p->count - 1].nal_count++;
    p->bytes += (int64_t)len;
    return 0;
}

/* Next start code at or after @at: its position, and in *@ret_nal where the NAL unit begins; @len if there is none. */
static size_t start_code(const uint8_t *d, size_t len, size_t at, size_t *ret_nal)
{
    for (; at + 3 <= len; at++) {
        if (d[at] || d[at + 1] || d[at + 2] != 1)
            continue;
        *ret_nal = at + 3;
        return at;
    }
    *ret_nal = len;
    return len;
}

static int add_annexb(struct sim_program *p, const uint8_t *d, size_t len)
{
    size_t nal, next;
    start_code(d, len, 0, &nal);
    while (nal < len) {
        size_t end = start_code(d, len, nal, &next);
        while (end > nal &&
               d[end - 1] == 0) /* trailing_zero_8bits and the first byte of a long start code */
            end--;
        int r = end > nal ? sim_program_add_nal(p, d + nal, end - nal) : 0;
        if (r < 0)
            return r;
        nal = next;
    }
    return 0;
}

int sim_program_add_stream(struct sim_program *p, const uint8_t *d, size_t len, int length_size)
{
    if (!length_size)
        return add_annexb(p, d, len);
    size_t at = 0, prefix = (size_t)length_size;
    while (at < len) {
        if (len - at < prefix)
            return E_SYNTAX;
        size_t n = 0;
        for (size_t i = 0; i < prefix; i++)
            n = n << 8 | d[at + i];
        at += prefix;
        if (n > len - at)
            return E_SYNTAX;
        int r = n ? sim_program_add_nal(p, d + at, n) : 0;
        if (r < 0)
            return r;
        at += n;
    }
    return 0;
}

static void learn_params(struct sim_program *p, const struct sim_nal *n)
{
    enum media_nal_kind k = media_nal_kind(p->codec, n->data, n->len);
    if (k == NAL_VPS || k == NAL_SPS || k == NAL_PPS)
        (void)media_params_put(&p->params, p->codec, n->data, n->len);
}

static int build_block(struct sim_program *p, struct sim_au *au, struct sim_packetiser *pk,
                       struct buf *scratch)
{
    pk->timestamp = p->ts_start + (uint32_t)au->pts_ticks;
    pk->packets = 0;
    scratch->len = 0;
    for (uint32_t i = 0; i < au->nal_count; i++) {
        const struct sim_nal *n = &p->nals[au->nal + i];
        int r = sim_packetise(pk, n->data, n->len, i + 1 == au->nal_count, scratch);
        if (r < 0)
            return r;
    }
    au->packet = p->loop_packets;
    au->packet_count = pk->packets;
    p->loop_packets += pk->packets;
    sim_block_unref(au->block);
    au->block = sim_block_copy(scratch->data, scratch->len);
    return au->block ? 0 : -ENOMEM;
}

static int compare_pts(const void *a, const void *b)
{
    const struct sim_au *const *x = a, *const *y = b;
    return ((*x)->pts_ticks > (*y)->pts_ticks) - ((*x)->pts_ticks < (*y)->pts_ticks);
}

static int number_pictures(struct sim_program *p)
{
    struct sim_au **order = malloc(p->count * sizeof(struct sim_au *));
    if (!order)
        return -ENOMEM;
    for (size_t i = 0; i < p->count; i++)
        order[i] = &p->aus[i];
    qsort(order, p->count, sizeof(struct sim_au *), compare_pts);
    for (size_t i = 0; i < p->count; i++)
        order[i]->picture = (uint32_t)i;
    free(order);
    return 0;
}

int sim_program_finish(struct sim_program *p, int64_t loop_ticks, size_t packet_bytes,
                       uint8_t channel, struct err *reterr)
{
    if (!p->count || loop_ticks <= p->aus[p->count - 1].dts_ticks)
        return err_set(reterr, E_RANGE, "%s: no access units, or times that do not rise", p->name);
    p->loop_ticks = loop_ticks;
    p->packet_bytes = packet_bytes;
    p->channel = channel;
    p->loop_packets = 0;
    struct sim_packetiser pk = {.codec = p->codec,
                                .channel = channel,
                                .payload_type = p->payload_type,
                                .ssrc = p->ssrc,
                                .sequence = p->seq_start,
                                .packet_bytes = packet_bytes};
    struct buf scratch;
    buf_init(&scratch, 2 * AU_BYTES_MAX);
    int r = number_pictures(p);
    for (size_t i = 0;
         i < p->nal_count && r >= 0 && (p->codec == MEDIA_H264 || p->codec == MEDIA_H265); i++)
        learn_params(p, &p->nals[i]);
    for (size_t i = 0; i < p->count && r >= 0; i++) {
        struct sim_au *au = &p->aus[i];
        if (au->pts_ticks - au->dts_ticks > p->delay_ticks)
            p->delay_ticks = au->pts_ticks - au->dts_ticks;
        r = build_block(p, au, &pk, &scratch);
    }
    buf_release(&scratch);
    return r < 0 ? err_set(reterr, r, "%s: %s", p->name, err_text(r)) : 0;
}

static void patch(const struct sim_program *p, struct sim_block *b, size_t index, int64_t loop)
{
    uint16_t seq = sim_program_sequence(p, index, loop);
    uint32_t ts = sim_program_timestamp(p, index, loop);
    for (size_t at = 0; at < b->len; at += SIM_FRAMING + (size_t)rd16(b->data + at + 2)) {
        wr16(b->data + at + SIM_FRAMING + 2, seq++);
        wr32(b->data + at + SIM_FRAMING + 4, ts);
    }
    b->loop = loop;
}

struct sim_block *sim_program_block(struct sim_program *p, size_t index, int64_t loop)
{
    struct sim_au *au = &p->aus[index];
    if (au->block->loop == loop)
        return au->block;
    if (au->block->refs > 1) { /* a slow reader still has the old bytes before it */
        struct sim_block *copy = sim_block_copy(au->block->data, au->block->len);
        if (!copy)
            return NULL;
        sim_block_unref(au->block);
        au->block = copy;
    }
    patch(p, au->block, index, loop);
    return au->block;
}

size_t sim_program_key_after(const struct sim_program *p, int64_t ticks, bool *ret_wrapped)
{
    *ret_wrapped = false;
    for (size_t i = 0; i < p->count; i++)
        if (p->aus[i].key && p->aus[i].dts_ticks >= ticks)
            return i;
    *ret_wrapped = true;
    for (size_t i = 0; i < p->count; i++)
        if (p->aus[i].key)
            return i;
    return 0;
}
