/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef MP4_CLEAR_H
#define MP4_CLEAR_H
/*
 * A sealed fragment as a clear one, and back to the same bytes. In the clear one saiz, saio and senc are named 'free',
 * decode times are moved to another origin, and the payload is decrypted; all else stays as it was. So whoever has the
 * clear fragment and the key can make the sealed one again and hold its SHA-256 against the manifest. Thread-bound.
 * Source: ISO/IEC 23001-7 §7.2, §9.4.
 */
#include "mp4/parse.h"

struct mp4_clearing {
    EVP_CIPHER_CTX *ctx; /* NULL: the recording is not encrypted */
    struct mp4_run run[MP4_TRACKS];
};
/* @key NULL: for recordings that are not encrypted. -ENOMEM. */
int mp4_clearing_init(struct mp4_clearing *c, const uint8_t *key);
void mp4_clearing_release(struct mp4_clearing *c); /* wipes the key's schedule */
/*
 * Turn @data, a whole fragment with its moof at @moof, into a clear one in place.
 * @shift  added to the decode times of each track, ticks
 * Errors: E_CORRUPT, E_LIMIT, E_CRYPTO, -ENOMEM; @data is of no use then.
 */
int mp4_clearing_open(struct mp4_clearing *c, uint8_t *data, size_t len, uint32_t moof,
                      const int64_t shift[MP4_TRACKS]);
/* The other way; @shift as it was given. */
int mp4_clearing_seal(struct mp4_clearing *c, uint8_t *data, size_t len, uint32_t moof,
                      const int64_t shift[MP4_TRACKS]);

/* Samples lie behind moof, inside of @room bytes from moof on, and do not overlap. E_CORRUPT. */
int mp4_runs_check(const struct mp4_run run[MP4_TRACKS], int tracks, size_t moof_len,
                   uint64_t room);
/* Encrypt or decrypt all samples in place: with CTR that is the same. @moof begins the moof. */
int mp4_runs_crypt(EVP_CIPHER_CTX *ctx, const struct mp4_run run[MP4_TRACKS], uint8_t *moof,
                   size_t moof_len);
#endif
