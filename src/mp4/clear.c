/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "mp4/clear.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mp4/box.h"

static int crypt_sample(EVP_CIPHER_CTX *ctx, const struct mp4_run *run,
                        const struct mp4_run_sample *s, uint8_t *moof, size_t moof_len)
{
    struct span senc = {moof + s->senc, moof_len - s->senc, false};
    uint8_t iv[16] = {0}, *data = moof + s->data;
    const uint8_t *given = span_take(&senc, 8);
    if (s->senc == 0 || !given)
        return E_CORRUPT;
    memcpy(iv, given, 8);
    int n = 0;
    if (EVP_EncryptInit_ex(ctx, NULL, NULL, NULL, iv) != 1)
        return E_CRYPTO;
    if (!run->subsamples)
        return EVP_EncryptUpdate(ctx, data, &n, data, (int)s->size) == 1 ? 0 : E_CRYPTO;
    uint32_t left = s->size;
    for (uint32_t count = span_u16(&senc); count > 0; count--) {
        uint32_t clear = span_u16(&senc), sealed = span_u32(&senc);
        if (senc.bad || clear > left || sealed > left - clear)
            return E_CORRUPT;
        data += clear;
        if (sealed && EVP_EncryptUpdate(ctx, data, &n, data, (int)sealed) != 1)
            return E_CRYPTO;
        data += sealed;
        left -= clear + sealed;
    }
    return left == 0 ? 0 : E_CORRUPT;
}

int mp4_runs_crypt(EVP_CIPHER_CTX *ctx, const struct mp4_run run[MP4_TRACKS], uint8_t *moof,
                   size_t moof_len)
{
    int r = 0;
    for (int t = 0; t < MP4_TRACKS; t++)
        for (uint32_t i = 0; i < run[t].count && r >= 0; i++)
            r = crypt_sample(ctx, &run[t], &run[t].sample[i], moof, moof_len);
    return r;
}

int mp4_runs_check(const struct mp4_run run[MP4_TRACKS], int tracks, size_t moof_len, uint64_t room)
{
    uint64_t at = moof_len + 8;
    for (int t = 0; t < MP4_TRACKS; t++) {
        if (run[t].count && t >= tracks)
            return E_CORRUPT;
        for (uint32_t i = 0; i < run[t].count; i++) {
            const struct mp4_run_sample *s = &run[t].sample[i];
            if (s->data < at || (uint64_t)s->data + s->size > room)
                return E_CORRUPT;
            at = (uint64_t)s->data + s->size;
        }
    }
    return 0;
}

int mp4_clearing_init(struct mp4_clearing *c, const uint8_t *key)
{
    *c = (struct mp4_clearing){0};
    if (!key)
        return 0;
    c->ctx = EVP_CIPHER_CTX_new();
    if (c->ctx && EVP_EncryptInit_ex(c->ctx, EVP_aes_128_ctr(), NULL, key, NULL) == 1)
        return 0;
    mp4_clearing_release(c);
    return -ENOMEM;
}

void mp4_clearing_release(struct mp4_clearing *c)
{
    EVP_CIPHER_CTX_free(c->ctx); /* cleanses the key schedule */
    for (int i = 0; i < MP4_TRACKS; i++)
        free(c->run[i].sample);
    *c = (struct mp4_clearing){0};
}

/* Name the three boxes of encryption, which stand last in a traf, or make them free. */
static int rename_boxes(uint8_t *traf, size_t len, bool clear)
{
    static const char names[3][5] = {"saiz", "saio", "senc"};
    uint8_t *last[3] = {NULL, NULL, NULL};
    for (size_t at = 8; at < len;) {
        if (len - at < 8 || rd32(traf + at) < 8 || rd32(traf + at) > len - at)
            return E_CORRUPT;
        last[0] = last[1];
        last[1] = last[2];
        last[2] = traf + at + 4;
        at += rd32(traf + at);
    }
    for (int i = 0; i < 3; i++) {
        if (!last[i] || memcmp(last[i], clear ? names[i] : "free", 4) != 0)
            return E_CORRUPT;
        memcpy(last[i], clear ? "free" : names[i], 4);
    }
    return 0;
}

/* Where the 64 bits of decode time stand, and which track it is. */
static uint8_t *decode_time(uint8_t *traf, size_t len, int *ret_track)
{
    struct span body = {traf + 8, len - 8, false};
    struct span tfhd = span_child(body, MP4_TYPE('t', 'f', 'h', 'd')),
                tfdt = span_child(body, MP4_TYPE('t', 'f', 'd', 't'));
    span_u32(&tfhd);
    uint32_t id = span_u32(&tfhd);
    if (tfhd.bad || tfdt.bad || id < 1 || id > MP4_TRACKS || tfdt.len < 12 || tfdt.p[0] != 1)
        return NULL;
    *ret_track = (int)id - 1;
    return traf + (tfdt.p + 4 - traf);
}

static int patch_traf(uint8_t *traf, size_t len, bool encrypted, bool clear,
                      const int64_t shift[MP4_TRACKS])
{
    int track = 0, r = encrypted ? rename_boxes(traf, len, clear) : 0;
    uint8_t *time = r < 0 ? NULL : decode_time(traf, len, &track);
    if (!time)
        return E_CORRUPT;
    wr64(time, clear ? rd64(time) + (uint64_t)shift[track] : rd64(time) - (uint64_t)shift[track]);
    return 0;
}

static int patch_moof(uint8_t *moof, size_t len, bool encrypted, bool clear,
                      const int64_t shift[MP4_TRACKS])
{
    int r = 0;
    for (size_t at = 8; at < len && r >= 0;) {
        if (len - at < 8 || rd32(moof + at) < 8 || rd32(moof + at) > len - at)
            return E_CORRUPT;
        if (!memcmp(moof + at + 4, "traf", 4))
            r = patch_traf(moof + at, rd32(moof + at), encrypted, clear, shift);
        at += rd32(moof + at);
    }
    return r;
}

static size_t moof_len_of(const uint8_t *data, size_t len, uint32_t moof)
{
    if (moof > len || len - moof < 8 || memcmp(data + moof + 4, "moof", 4) != 0)
        return 0;
    size_t n = rd32(data + moof);
    return n >= 8 && n <= len - moof ? n : 0;
}

/* The samples, by a moof in its sealed form. */
static int crypt_fragment(struct mp4_clearing *c, uint8_t *data, size_t len, uint32_t moof,
                          size_t n)
{
    int r = mp4_parse_moof(data + moof, n, c->run);
    if (r >= 0)
        r = mp4_runs_check(c->run, MP4_TRACKS, n, len - moof);
    if (r >= 0 && c->ctx)
        r = mp4_runs_crypt(c->ctx, c->run, data + moof, n);
    return r;
}

int mp4_clearing_open(struct mp4_clearing *c, uint8_t *data, size_t len, uint32_t moof,
                      const int64_t shift[MP4_TRACKS])
{
    size_t n = moof_len_of(data, len, moof);
    int r = n ? crypt_fragment(c, data, len, moof, n) : E_CORRUPT;
    return r < 0 ? r : patch_moof(data + moof, n, c->ctx != NULL, true, shift);
}

int mp4_clearing_seal(struct mp4_clearing *c, uint8_t *data, size_t len, uint32_t moof,
                      const int64_t shift[MP4_TRACKS])
{
    size_t n = moof_len_of(data, len, moof);
    int r = n ? patch_moof(data + moof, n, c->ctx != NULL, false, shift) : E_CORRUPT;
    return r < 0 ? r : crypt_fragment(c, data, len, moof, n);
}
