/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef TLOG_NOTE_H
#define TLOG_NOTE_H
/*
 * Signed notes: a text, an empty line, and one line per signature. Checkpoints, orders and approvals are notes.
 *
 *   text, ends with LF · LF · ( U+2014 SP name SP base64( key id[4] ‖ signature ) LF )+
 *
 * Keys are Ed25519. Type 1 signs the text; type 4 (cosignature/v1) signs a header line, a time line and the text, and its
 * signature starts with the time. Reentrant; call sodium_init() once before making keys.
 *
 * Source: C2SP signed-note v1.0.0, tlog-cosignature v1.0.1 (Ed25519 part).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define TLOG_NAME_BYTES 256           /* longest key name, with its NUL */
#define TLOG_VKEY_TEXT 320            /* longest vkey, with its NUL */
#define TLOG_SKEY_TEXT 340            /* longest secret key, with its NUL */
#define TLOG_NOTE_BYTES (1024 * 1024) /* longest note that is read */
#define TLOG_NOTE_SIGNATURES 64       /* most signature lines that are read */

enum tlog_key_type { TLOG_KEY_NOTE = 1, TLOG_KEY_COSIGNATURE = 4 };

/* A verifier key, "name+hex(id)+base64(type ‖ public key)". */
struct tlog_vkey {
    char name[TLOG_NAME_BYTES];
    uint8_t id[4];
    uint8_t type; /* enum tlog_key_type */
    uint8_t public_key[32];
};

/* A signing key, as text "PRIVATE+KEY+name+hex(id)+base64(type ‖ seed)". Wipe it: tlog_skey_wipe(). */
struct tlog_skey {
    struct tlog_vkey vkey;
    uint8_t secret[64]; /* seed ‖ public key, as libsodium wants it */
};

/* Names: not empty, well-formed UTF-8, no white space, no '+', no control characters. */
bool tlog_name_valid(const char *name, size_t len);

/* The vkey of a public key; the id follows from the rest. E_RANGE for a bad name, E_UNSUPPORTED for a bad type. */
int tlog_vkey_init(struct tlog_vkey *k, const char *name, enum tlog_key_type type,
                   const uint8_t public_key[32], struct err *reterr);
/* All of @text. E_SYNTAX; E_UNSUPPORTED for other types of keys; E_MISMATCH when the id is not that of the key. */
int tlog_vkey_parse(const char *text, size_t len, struct tlog_vkey *ret, struct err *reterr);
/* Returns @out. */
char *tlog_vkey_format(const struct tlog_vkey *k, char out[TLOG_VKEY_TEXT]);
bool tlog_vkey_equal(const struct tlog_vkey *a, const struct tlog_vkey *b);

/* A new key from the system's randomness; from a seed of 32 bytes when @seed is not NULL. Errors as tlog_vkey_init(). */
int tlog_skey_init(struct tlog_skey *k, const char *name, enum tlog_key_type type,
                   const uint8_t *seed, struct err *reterr);
/* Errors as tlog_vkey_parse(); no sentence holds the key. */
int tlog_skey_parse(const char *text, size_t len, struct tlog_skey *ret, struct err *reterr);
/* Returns @out, which is a secret now. */
char *tlog_skey_format(const struct tlog_skey *k, char out[TLOG_SKEY_TEXT]);
void tlog_skey_wipe(struct tlog_skey *k);

/*
 * Append the line by which @k signs @text.
 *
 * @unix_time  seconds, 0..2^63-1, part of a cosignature; ignored for keys of type 1
 *
 * Errors: E_SYNTAX when @text cannot be a note (does not end with LF, control characters, not UTF-8), E_RANGE, -ENOMEM,
 *         E_LIMIT. @out is unchanged then.
 */
int tlog_note_sign_line(const struct tlog_skey *k, const char *text, size_t len, int64_t unix_time,
                        struct buf *out);
/* The whole note signed by one key: text, empty line, signature line. Errors as above. */
int tlog_note_sign(const struct tlog_skey *k, const char *text, size_t len, struct buf *out);

struct tlog_signature {
    const char *name; /* into the note, not ended by NUL */
    size_t name_len;
    const char *line; /* the whole line, LF included */
    size_t line_len;
    uint8_t id[4];
    uint8_t bytes[72]; /* the signature, where it is that short */
    size_t len;        /* its length; more than 72: of a type not known here */
};

/* A parsed note; points into the bytes it was parsed from. Nothing in it is to be believed before it is verified. */
struct tlog_note {
    const char *text; /* with the final LF */
    size_t text_len;
    struct tlog_signature signatures[TLOG_NOTE_SIGNATURES];
    size_t signatures_n;
};

/*
 * Errors: E_SYNTAX, E_LIMIT (over TLOG_NOTE_BYTES or TLOG_NOTE_SIGNATURES). The bytes stay the caller's and must outlive
 * @ret.
 */
int tlog_note_parse(const void *data, size_t len, struct tlog_note *ret, struct err *reterr);

/*
 * Check one signature by one key, which has its name and id.
 *
 * @ret_time  may be NULL; time of a cosignature, 0 for type 1
 *
 * Errors: E_CRYPTO.
 */
int tlog_signature_check(const struct tlog_vkey *k, const char *text, size_t len,
                         const struct tlog_signature *s, int64_t *ret_time);

/*
 * Verify a note by known keys; signatures of other keys are passed over.
 *
 * @keys_n    0..64
 * @ret_keys  bit i set: keys[i] signed. May be NULL.
 *
 * Returns how many of the keys signed, at least 1.
 * Errors: E_CRYPTO when a signature by one of the keys is wrong, E_AUTH when none of them signed.
 */
int tlog_note_verify(const struct tlog_note *n, const struct tlog_vkey *keys, size_t keys_n,
                     uint64_t *ret_keys, struct err *reterr);
#endif
