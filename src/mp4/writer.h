/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef MP4_WRITER_H
#define MP4_WRITER_H
/*
 * Bytes of a recording: fragmented MP4 (ISO/IEC 14496-12) with Common Encryption (ISO/IEC 23001-7, scheme cenc).
 * Does no I/O. Every piece that it yields is a multiple of MP4_ALIGN bytes long, so that it can be written with
 * O_DIRECT at the end of the file and a fragment on disk is whole or not there.
 *
 *   head      ftyp · moov · uuid/meta · free (padding) · free (becomes sidx at close; whole MP4_ALIGN blocks)
 *   fragment  free (padding) · prft · moof · mdat · free (padding)         one per second or less
 *   tail      mfra, which holds uuid/manifest (SHA-256 of every fragment)  not padded, written at close
 *
 * Byte layout: docs/format/recording.md.
 */
#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "media/frame.h"

#define MP4_ALIGN 4096
#define MP4_TRACKS 2 /* video, audio */
#define MP4_ID 64    /* bytes of camera and node names with NUL */

enum mp4_view { MP4_SEALED, MP4_MASKED };

/* What the head says about the file. Copied by the functions that take it. */
struct mp4_info {
    char camera[MP4_ID], node[MP4_ID];
    enum mp4_view view;
    bool encrypted;
    uint8_t kid[16];
    int64_t epoch_us, epoch_length_us; /* UTC start and length of the key epoch */
    int64_t start_us;                  /* UTC of the first access unit: media time 0 */
    int retention_days;
    int tracks;
    struct media_track track[MP4_TRACKS]; /* [0] video with its parameter sets */
};

/* Build the head. @max_fragments sizes the room kept for sidx. Appends a multiple of MP4_ALIGN to @out. */
int mp4_head_build(const struct mp4_info *info, unsigned max_fragments, struct buf *out,
                   struct err *reterr);

/*
 * The initialisation segment of a live stream: ftyp and moov of @info, nothing else, not padded. Appends to @out, or
 * leaves it as it was.
 */
int mp4_init_build(const struct mp4_info *info, struct buf *out, struct err *reterr);

/*
 * Sample encryption for one key: 8-byte IVs count up and never repeat for the life of the key, also across files.
 * Thread-bound. The key itself stays with the caller (locked memory); only the cipher context holds its schedule.
 */
struct mp4_cipher {
    EVP_CIPHER_CTX *ctx;
    uint64_t next_iv;
};
int mp4_cipher_init(struct mp4_cipher *c, const uint8_t key[16], uint64_t first_iv);
void mp4_cipher_release(struct mp4_cipher *c); /* wipes the schedule; NULL-safe, twice is fine */

/*
 * One fragment in the making. Its payload lives in one page-aligned mapping of MP4_FRAGMENT_MAX bytes of address
 * space of which only the touched part costs memory; fragments are reused from a pool by the caller.
 */
#define MP4_FRAGMENT_MAX ((size_t)8 << 20)
struct mp4_fragment;
int mp4_fragment_new(struct mp4_fragment **ret);
void mp4_fragment_free(struct mp4_fragment *f);
/* Empty it for use with a file described by @info (borrowed until finish). @cipher NULL: clear. */
void mp4_fragment_begin(struct mp4_fragment *f, const struct mp4_info *info);
/*
 * Append one access unit: copies and, with @cipher, encrypts it in the same pass (rule "all16" for slice and SEI
 * NAL units, parameter sets and delimiters stay clear; audio frames as a whole).
 * @dts_ticks, @pts_ticks  media time in the track's ticks since info.start_us. A decode time below 0, or not above the
 *                         one before, is raised; presentation times stand as given.
 * @cipher                 set if and only if info.encrypted
 * Errors: E_LIMIT (fragment is full: finish it and append to the next one; an access unit that does not fit into an
 *         empty one either is lost), E_SYNTAX (NAL lengths do not add up), E_RANGE (no such track), E_BUG (cipher);
 *         nothing was appended then.
 */
int mp4_fragment_append(struct mp4_fragment *f, int track, const struct media_au *au,
                        int64_t dts_ticks, int64_t pts_ticks, struct mp4_cipher *cipher);
unsigned mp4_fragment_samples(const struct mp4_fragment *f);
size_t mp4_fragment_payload(const struct mp4_fragment *f);
/*
 * Close the fragment (E_NOTFOUND: it is empty): durations, prft, moof, padding. @next_dts_ticks: dts of the video access unit that follows, or
 * -1 if none does (the last duration is then repeated). @utc_us: recorder's UTC of the first video sample.
 * @ret_data/@ret_len: the bytes for the file, aligned, valid until begin() or free().
 */
int mp4_fragment_finish(struct mp4_fragment *f, uint32_t sequence, int64_t next_dts_ticks,
                        int64_t utc_us, const uint8_t **ret_data, size_t *ret_len);

/* moof and mdat alone of the fragment that was finished last, without prft and padding: what live viewers get. Valid as long. */
void mp4_fragment_bare(const struct mp4_fragment *f, const uint8_t **ret_data, size_t *ret_len);

/* What close needs to know of each fragment; in RAM one entry per second and open file. */
struct mp4_entry {
    uint64_t offset;
    uint32_t length;
    uint32_t duration_ticks; /* of the video track */
    int64_t dts_ticks;       /* first video sample */
    uint32_t moof_offset;    /* from offset */
    uint32_t samples;        /* of the video track */
    bool key;                /* starts with a random access point */
    uint8_t sha256[32];      /* over all @length bytes */
};
/* Entry of a finished fragment, offset and sha256 left for the caller. */
void mp4_fragment_entry(const struct mp4_fragment *f, struct mp4_entry *ret);

/*
 * sidx and a trailing free box, exactly the room that mp4_head_build() kept for the same @info and @max_fragments; write
 * it at offset *ret_at. Offset and length are multiples of MP4_ALIGN. With more fragments than @max_fragments a
 * reference covers several. Errors: E_NOTFOUND (no fragments), E_RANGE (a reference would be over 2^31-1 bytes).
 */
int mp4_sidx_build(const struct mp4_info *info, const struct mp4_entry *entries, size_t n,
                   unsigned max_fragments, struct buf *out, uint64_t *ret_at);
/* Tail for a file whose last fragment ends at @end. @ret_manifest: SHA-256 of the manifest box, for index and log. */
int mp4_tail_build(const struct mp4_info *info, const struct mp4_entry *entries, size_t n,
                   uint64_t end, const char *end_reason, struct buf *out, uint8_t ret_manifest[32]);
#endif
