/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Sample encryption, ISO/IEC 23001-7 scheme cenc: AES-128-CTR, counter block = IV (8 bytes) · block number (8 bytes),
 * one key stream over all protected bytes of a sample.
 *
 * Rule "all16": of each NAL unit that is not a parameter set or a delimiter, the last floor((length - header) / 16) * 16
 * bytes are protected; length field, NAL header and the remainder stay clear. What is neither slice nor SEI (fillers,
 * types that vendors use for their own data) is sealed too. After the 39th subsample one last subsample takes in the
 * rest of the access unit, NAL headers included, because saiz gives an entry 255 bytes.
 */
#include <errno.h>
#include <openssl/crypto.h>

#include "media/params.h"
#include "mp4/box.h"

/* Longer parameter sets belong to no camera (and are not kept for avcC either): nothing in them has to stay clear. */
#define CLEAR_SET_MAX 4096

int mp4_cipher_init(struct mp4_cipher *c, const uint8_t key[16], uint64_t first_iv)
{
    *c = (struct mp4_cipher){.next_iv = first_iv};
    c->ctx = EVP_CIPHER_CTX_new();
    if (!c->ctx)
        return -ENOMEM;
    if (EVP_EncryptInit_ex(c->ctx, EVP_aes_128_ctr(), NULL, key, NULL) != 1) {
        mp4_cipher_release(c);
        return -ENOMEM;
    }
    return 0;
}

void mp4_cipher_release(struct mp4_cipher *c)
{
    if (!c)
        return;
    EVP_CIPHER_CTX_free(c->ctx); /* cleanses the key schedule */
    c->ctx = NULL;
}

struct sealing {
    struct mp4_cipher *c;
    const uint8_t *src;
    uint8_t *dst, *senc;
    uint32_t pos;   /* bytes done */
    uint32_t clear; /* bytes copied since the last subsample */
    unsigned subsamples;
};

static void pass(struct sealing *s, uint32_t n)
{
    memcpy(s->dst + s->pos, s->src + s->pos, n);
    s->pos += n;
    s->clear += n;
}

static int seal(struct sealing *s, uint32_t n)
{
    int len = 0;
    if (n && EVP_EncryptUpdate(s->c->ctx, s->dst + s->pos, &len, s->src + s->pos, (int)n) != 1)
        return E_BUG;
    uint8_t *p = s->senc + 10 + 6 * s->subsamples++;
    wr16(p, (uint16_t)s->clear);
    wr32(p + 2, n);
    s->pos += n;
    s->clear = 0;
    return 0;
}

static int start(struct sealing *s)
{
    uint8_t iv[16] = {0};
    wr64(iv, s->c->next_iv);
    memcpy(s->senc, iv, 8);
    s->c->next_iv++; /* also when this sample is refused later: an IV is never used twice */
    return EVP_EncryptInit_ex(s->c->ctx, NULL, NULL, NULL, iv) == 1 ? 0 : E_BUG;
}

static bool stays_clear(enum media_codec codec, const uint8_t *nal, uint32_t len)
{
    enum media_nal_kind k = media_nal_kind(codec, nal, len);
    bool set = k == NAL_VPS || k == NAL_SPS || k == NAL_PPS;
    return (set && len <= CLEAR_SET_MAX) || (k == NAL_DELIMITER && len <= 16);
}

/* One NAL unit whose length field is at pos; @left bytes follow that field. */
static int seal_nal(struct sealing *s, enum media_codec codec, uint32_t len, uint32_t left)
{
    uint32_t header = codec == MEDIA_H265 ? 2 : 1;
    bool last = s->subsamples == MP4_SUBSAMPLES - 1;
    if (last)
        len = left;
    else if (s->clear > UINT16_MAX - CLEAR_SET_MAX - 64)
        return seal(s, 0) < 0 ? E_BUG : seal_nal(s, codec, len, left);
    uint32_t protect = len > header ? (len - header) & ~15U : 0;
    if (!last && stays_clear(codec, s->src + s->pos + 4, len))
        protect = 0;
    pass(s, 4 + len - protect);
    return protect || last ? seal(s, protect) : 0;
}

static int check_lengths(const uint8_t *src, uint32_t size)
{
    for (uint32_t pos = 0; pos < size; pos += 4 + rd32(src + pos))
        if (size - pos < 4 || rd32(src + pos) > size - pos - 4)
            return E_SYNTAX;
    return 0;
}

int mp4_seal_sample(struct mp4_cipher *c, enum media_codec codec, const uint8_t *src, uint32_t size,
                    uint8_t *dst, uint8_t *senc)
{
    struct sealing s = {.c = c, .src = src, .dst = dst, .senc = senc};
    bool video = media_is_video(codec);
    if (size > INT32_MAX || (video && check_lengths(src, size) < 0))
        return E_SYNTAX;
    if (!c) {
        memcpy(dst, src, size);
        return 0;
    }
    int r = start(&s);
    if (r < 0)
        return r;
    if (!video) { /* the whole frame; its entry is the IV alone */
        int len = 0;
        return EVP_EncryptUpdate(c->ctx, dst, &len, src, (int)size) == 1 ? 8 : E_BUG;
    }
    while (s.pos < size && r >= 0)
        r = seal_nal(&s, codec, rd32(src + s.pos), size - s.pos - 4);
    if (r >= 0 && s.clear)
        r = seal(&s, 0);
    if (r < 0)
        return r;
    wr16(senc + 8, (uint16_t)s.subsamples);
    return (int)(10 + 6 * s.subsamples);
}
