/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef MP4_READER_H
#define MP4_READER_H
/*
 * Reader for the files that mp4/writer.h makes, and for what a crash leaves of them. Trusts nothing: every length is
 * checked against the file. Thread-bound.
 */
#include "mp4/writer.h"

struct mp4_reader;

/*
 * Open by descriptor (borrowed, pread only). Reads the head and the manifest of a closed file, else walks the headers of
 * the fragments. A torn end is not an error, nor is a damaged fragment in the middle: it is missing from the entries,
 * and the offset of the next one tells.
 * Errors: E_TRUNCATED (the head is not whole), E_CORRUPT (no recording of ours), E_LIMIT, -ENOMEM, errno of pread.
 */
int mp4_reader_open(int fd, struct mp4_reader **ret, struct err *reterr);
void mp4_reader_close(struct mp4_reader *r);

const struct mp4_info *mp4_reader_info(const struct mp4_reader *r);
size_t mp4_reader_fragments(const struct mp4_reader *r);
/* Entry with recomputed bounds; sha256 is that of the manifest if there is one, else zero. */
const struct mp4_entry *mp4_reader_entry(const struct mp4_reader *r, size_t i);
bool mp4_reader_closed(const struct mp4_reader *r);            /* has manifest and mfra */
const char *mp4_reader_end_reason(const struct mp4_reader *r); /* of the manifest, or NULL */
uint64_t mp4_reader_valid_end(
    const struct mp4_reader *r); /* bytes up to the end of the last whole fragment */
uint64_t mp4_reader_file_size(const struct mp4_reader *r);

struct mp4_sample {
    int track;
    uint64_t dts_ticks, duration_ticks;
    int64_t pts_ticks;
    bool key;
    const uint8_t *data; /* decrypted if a key was given; valid until the next fragment is read */
    uint32_t size;
    uint64_t offset; /* of its bytes in the file */
};
/*
 * Read fragment @i; with @key (16 bytes) decrypt it. A wrong key is not noticed: CTR has no check. Samples are then had
 * one by one, both tracks merged by decode time. Errors: E_NOTFOUND, E_CORRUPT, E_LIMIT, E_CRYPTO, -ENOMEM, -EIO.
 */
int mp4_reader_load(struct mp4_reader *r, size_t i, const uint8_t *key, struct err *reterr);
/* The same without the samples' bytes: reads the header of fragment @i only; data of its samples is NULL. */
int mp4_reader_peek(struct mp4_reader *r, size_t i, struct err *reterr);
bool mp4_reader_next(struct mp4_reader *r, struct mp4_sample *ret);
/* Compare fragment @i with the manifest: E_CORRUPT, or E_NOTFOUND if the file has none. */
int mp4_reader_verify(struct mp4_reader *r, size_t i, struct err *reterr);
#endif
