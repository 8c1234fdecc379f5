/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Reading the fragments that scan.c found. */
#include "mp4/reader.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "mp4/clear.h"
#include "mp4/reader_private.h"

int reader_read_at(const struct mp4_reader *r, uint64_t at, void *buf, size_t len)
{
    uint8_t *p = buf;
    while (len > 0) {
        ssize_t n = pread(r->fd, p, len, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : E_TRUNCATED;
        p += n;
        at += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}

int reader_need(struct mp4_reader *r, size_t len)
{
    if (len <= r->data_cap)
        return 0;
    uint8_t *p = realloc(r->data, len);
    if (!p)
        return -ENOMEM;
    r->data = p;
    r->data_cap = len;
    return 0;
}

int mp4_reader_open(int fd, struct mp4_reader **ret, struct err *reterr)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_set(reterr, -errno, "recording: %s", err_text(-errno));
    struct mp4_reader *r = calloc(1, sizeof(*r));
    if (!r)
        return err_set(reterr, -ENOMEM, "recording: out of memory");
    r->fd = fd;
    r->size = st.st_size > 0 ? (uint64_t)st.st_size : 0;
    int e = reader_scan(r, reterr);
    if (e < 0) {
        mp4_reader_close(r);
        return e;
    }
    *ret = r;
    return 0;
}

void mp4_reader_close(struct mp4_reader *r)
{
    if (!r)
        return;
    if (r->data)
        OPENSSL_cleanse(r->data, r->data_cap); /* it may hold opened pictures */
    free(r->data);
    free(r->entry);
    for (int i = 0; i < MP4_TRACKS; i++)
        free(r->run[i].sample);
    free(r);
}

const struct mp4_info *mp4_reader_info(const struct mp4_reader *r)
{
    return &r->info;
}

size_t mp4_reader_fragments(const struct mp4_reader *r)
{
    return r->entries;
}

const struct mp4_entry *mp4_reader_entry(const struct mp4_reader *r, size_t i)
{
    return i < r->entries ? &r->entry[i] : NULL;
}

bool mp4_reader_closed(const struct mp4_reader *r)
{
    return r->closed;
}

const char *mp4_reader_end_reason(const struct mp4_reader *r)
{
    return r->closed ? r->reason : NULL;
}

uint64_t mp4_reader_valid_end(const struct mp4_reader *r)
{
    return r->valid_end;
}

uint64_t mp4_reader_file_size(const struct mp4_reader *r)
{
    return r->size;
}

static int unseal_all(struct mp4_reader *r, const uint8_t *key, size_t moof_len)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int rc = ctx && EVP_DecryptInit_ex(ctx, EVP_aes_128_ctr(), NULL, key, NULL) == 1 ? 0 : -ENOMEM;
    if (rc >= 0)
        rc = mp4_runs_crypt(ctx, r->run, r->data + r->moof_offset, moof_len);
    EVP_CIPHER_CTX_free(ctx);
    return rc;
}

int mp4_reader_load(struct mp4_reader *r, size_t i, const uint8_t *key, struct err *reterr)
{
    const struct mp4_entry *e = mp4_reader_entry(r, i);
    size_t moof_len = 0;
    for (int t = 0; t < MP4_TRACKS; t++)
        r->run[t].count = r->next[t] = 0;
    if (!e)
        return err_set(reterr, E_NOTFOUND, "the recording has no fragment %zu", i);
    int rc = reader_need(r, e->length);
    if (rc >= 0)
        rc = reader_read_at(r, e->offset, r->data, e->length);
    r->peeked = false;
    if (rc >= 0) {
        r->offset = e->offset;
        r->moof_offset = e->moof_offset;
        moof_len = e->length - e->moof_offset >= 8 ? rd32(r->data + e->moof_offset) : 0;
        rc = moof_len > e->length - e->moof_offset
                 ? E_CORRUPT
                 : mp4_parse_moof(r->data + e->moof_offset, moof_len, r->run);
    }
    if (rc >= 0)
        rc = mp4_runs_check(r->run, r->info.tracks, moof_len, e->length - e->moof_offset);
    if (rc >= 0 && key && r->info.encrypted)
        rc = unseal_all(r, key, moof_len);
    if (rc < 0) {
        r->run[0].count = r->run[1].count = 0;
        return err_set(reterr, rc, "recording of %s: fragment %zu at byte %llu: %s", r->info.camera,
                       i, (unsigned long long)e->offset, err_text(rc));
    }
    return 0;
}

#define HEADER_BYTES 4096 /* of most fragments: a second of one track */

/* moof of fragment @e to r->data. */
static int read_header(struct mp4_reader *r, const struct mp4_entry *e, size_t *ret_len)
{
    size_t room = e->length - e->moof_offset, n = room < HEADER_BYTES ? room : HEADER_BYTES;
    int rc = room < 8 ? E_CORRUPT : reader_need(r, n);
    if (rc >= 0)
        rc = reader_read_at(r, e->offset + e->moof_offset, r->data, n);
    if (rc < 0)
        return rc;
    size_t len = rd32(r->data);
    if (len > room)
        return E_CORRUPT;
    if (len > n) {
        rc = reader_need(r, len);
        if (rc >= 0)
            rc = reader_read_at(r, e->offset + e->moof_offset, r->data, len);
    }
    *ret_len = len;
    return rc;
}

int mp4_reader_peek(struct mp4_reader *r, size_t i, struct err *reterr)
{
    const struct mp4_entry *e = mp4_reader_entry(r, i);
    size_t len = 0;
    for (int t = 0; t < MP4_TRACKS; t++)
        r->run[t].count = r->next[t] = 0;
    if (!e)
        return err_set(reterr, E_NOTFOUND, "the recording has no fragment %zu", i);
    r->peeked = true;
    r->offset = e->offset;
    r->moof_offset = e->moof_offset;
    int rc = read_header(r, e, &len);
    if (rc >= 0)
        rc = mp4_parse_moof(r->data, len, r->run);
    if (rc >= 0)
        rc = mp4_runs_check(r->run, r->info.tracks, len, e->length - e->moof_offset);
    if (rc < 0) {
        r->run[0].count = r->run[1].count = 0;
        return err_set(reterr, rc, "recording of %s: fragment %zu at byte %llu: %s", r->info.camera,
                       i, (unsigned long long)e->offset, err_text(rc));
    }
    return 0;
}

/* Track whose next sample is decoded first, or -1. */
static int next_track(const struct mp4_reader *r)
{
    bool has[MP4_TRACKS] = {r->next[0] < r->run[0].count, r->next[1] < r->run[1].count};
    if (!has[0] || !has[1])
        return has[0] ? 0 : has[1] ? 1 : -1;
    __int128 video = (__int128)r->run[0].sample[r->next[0]].dts * r->info.track[1].clock_rate;
    __int128 audio = (__int128)r->run[1].sample[r->next[1]].dts * r->info.track[0].clock_rate;
    return audio < video ? 1 : 0;
}

bool mp4_reader_next(struct mp4_reader *r, struct mp4_sample *ret)
{
    int t = next_track(r);
    if (t < 0)
        return false;
    const struct mp4_run_sample *s = &r->run[t].sample[r->next[t]++];
    *ret = (struct mp4_sample){.track = t,
                               .dts_ticks = s->dts,
                               .duration_ticks = s->duration,
                               .pts_ticks = s->pts,
                               .key = s->key,
                               .data = r->peeked ? NULL : r->data + r->moof_offset + s->data,
                               .size = s->size,
                               .offset = r->offset + r->moof_offset + s->data};
    return true;
}

int mp4_reader_verify(struct mp4_reader *r, size_t i, struct err *reterr)
{
    const struct mp4_entry *e = mp4_reader_entry(r, i);
    uint8_t hash[32];
    if (!e || !r->closed)
        return err_set(reterr, E_NOTFOUND, "the recording has no manifest, or no fragment %zu", i);
    for (int t = 0; t < MP4_TRACKS; t++)
        r->run[t].count = r->next[t] = 0;
    int rc = reader_need(r, e->length);
    if (rc >= 0)
        rc = reader_read_at(r, e->offset, r->data, e->length);
    if (rc >= 0 && EVP_Digest(r->data, e->length, hash, NULL, EVP_sha256(), NULL) != 1)
        rc = -ENOMEM;
    if (rc >= 0 && memcmp(hash, e->sha256, sizeof(hash)) != 0)
        rc = E_CORRUPT;
    if (rc < 0)
        return err_set(reterr, rc, "recording of %s: fragment %zu at byte %llu: %s", r->info.camera,
                       i, (unsigned long long)e->offset, err_text(rc));
    return 0;
}
