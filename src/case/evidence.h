/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef CASE_EVIDENCE_H
#define CASE_EVIDENCE_H
/*
 * Evidence: a span of one camera as one MP4 that plays anywhere and can be checked without a network and without the
 * recorder. The bitstream is the camera's; fragments are those of the recordings, decrypted (mp4/clear.h), so that a
 * checker makes the sealed ones again with the key and holds them against the recordings' manifests.
 *
 *   ftyp · meta (suep, cstb: ONVIF Export File Format) · moov · fragments · uuid/evidence
 *
 * uuid/evidence is a signed note by the session of the order (the statement) and an index in JSON, which the statement
 * names by its hash, as it names the head. docs/format/evidence.md. Blocks on files; thread-bound.
 * Source: ONVIF Export File Format Specification 26.06, "Required Side Information", "Timing".
 */
#include "case/answer.h"
#include "media/signing.h"
#include "mp4/reader.h"
#include "tlog/policy.h"

struct evidence_about {
    const char *camera;
    int64_t from_us, to_us, now_us;
    const struct tlog_skey *signer; /* the session's */
    const struct case_order *order;
    const struct buf *note, *proof; /* of the order */
    const struct seal_policy *policy;
    const char *const *answers; /* approvals, notes only; ends with NULL */
    const char *log_keys;       /* verifier keys of the node's log, one a line */
};

struct evidence_writer;
/* @fd: an empty file (borrowed, pwrite). -ENOMEM. */
int evidence_create(int fd, const struct evidence_about *about, struct evidence_writer **ret,
                    struct err *reterr);
/*
 * The fragments of one recording that touch the span, from the last key frame at or before it. Recordings come in
 * order of time.
 * @name         of the file, for people
 * @key          NULL when the recording is not encrypted
 * @key_record   text that the KID is the hash of; NULL likewise
 * Errors: E_BUSY (still being written), E_UNSUPPORTED (other parameter sets than before), E_CORRUPT (a fragment is not
 *         what its manifest says; nothing of it is exported), E_NOTFOUND (nothing of the span), errno values.
 */
int evidence_add(struct evidence_writer *w, int in_fd, const char *name, const uint8_t *key,
                 const char *key_record, struct err *reterr);
int evidence_gap(struct evidence_writer *w, int64_t from_us, int64_t to_us, const char *reason,
                 const char *detail);
/* Write statement and index. @ret_sha256: of the whole file. Frees @w in any case. */
int evidence_finish(struct evidence_writer *w, uint64_t *ret_bytes, uint64_t *ret_frames,
                    uint8_t ret_sha256[32], struct err *reterr);
void evidence_abort(struct evidence_writer *w);

/* ---- checking ---- */

#define EVIDENCE_PROBLEMS 64
struct evidence_problem {
    const char *what; /* "fragment", "manifest", "statement", "order", "proof", … */
    int64_t at_us;    /* UTC of the second it concerns; 0: the whole file */
    char text[300];
};

struct evidence_report {
    bool evidence; /* has a statement; else a recording with its manifest */
    char camera[64], node[64], case_id[CASE_ID];
    int64_t from_us, to_us, made_us;
    size_t recordings, fragments, fragments_right;
    uint64_t bytes, frames;
    bool order_logged; /* proof under the log's key that was given */
    bool log_pinned;   /* the key was given, not taken from the file */
    int approvals;
    struct signing_report camera_signature;
    struct evidence_problem problem[EVIDENCE_PROBLEMS];
    size_t problems;   /* all of them; the first are kept */
    char note[4][300]; /* what could not be checked, and why */
    size_t notes;
};
/*
 * Check a file: evidence, or a closed recording by its own manifest.
 * @trust  whose log to believe; NULL: that of the file itself, and the report says so
 * Returns 0 also when there are problems. Errors: E_UNSUPPORTED (neither), errno values, -ENOMEM.
 */
int evidence_verify(int fd, const struct tlog_policy *trust, struct evidence_report *ret,
                    struct err *reterr);
#endif
