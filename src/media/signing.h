/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef MEDIA_SIGNING_H
#define MEDIA_SIGNING_H
/*
 * Verifier of what cameras sign themselves: ONVIF Media Signing in SEI NAL units of H.264 and H.265. It is fed the NAL
 * units of one stream in decoding order and says whether the camera's key signed exactly these.
 *
 * What the signature covers: every slice (header to stop bit) and their order. Not covered by the format: parameter
 * sets, delimiters, other SEI, audio. What comes behind the last signature is `pending`, no fault: the signature of a
 * picture group comes a group later. A stream that loses all its signatures is NOT SIGNED: no format can tell.
 *
 * Cost: one SHA-256 over each slice, two over 64 bytes, one signature check a group. A stream that shows no signature
 * in its first SIGNING_WAKE units is not hashed any more until one comes, so cameras that do not sign cost nothing.
 * Thread-bound. Memory: 160 bytes a unit of the groups that are not signed yet, at most SIGNING_PENDING of them.
 * Source: ONVIF Media Signing Specification 26.06, "Signed Video" and annex "Client side validation".
 */
#include "base/err.h"
#include "media/frame.h"

#define SIGNING_PENDING 4096 /* most units between two signatures; older ones count as uncovered */
#define SIGNING_WAKE 3000
#define SIGNING_FAULTS 32 /* faults that are kept with their place; all are counted */

enum signing_verdict {
    SIGNING_NOT_SIGNED,
    SIGNING_AUTHENTIC,
    SIGNING_AUTHENTIC_MISSING, /* all that is there is authentic, but units are missing */
    SIGNING_NOT_AUTHENTIC
};

enum signing_fault_kind {
    SIGNING_FAULT_WRONG,   /* the unit is not the one that was signed */
    SIGNING_FAULT_MISSING, /* signed units are not there; @nal is the one behind them */
    SIGNING_FAULT_UNCOVERED, /* no signature speaks of the unit: put in, or its signature was taken out */
    SIGNING_FAULT_SIGNATURE, /* the signature, or the structure that it is in, is bad */
    SIGNING_FAULT_ORDER,     /* groups are not in the order in which they were signed */
    SIGNING_FAULT_SIGNER     /* another key signs from here on */
};

struct signing_fault {
    enum signing_fault_kind kind;
    uint64_t nal;   /* number of the unit in the stream, from 0, all types counted */
    uint64_t count; /* how many units in a row */
    int64_t at_us;  /* time that was given with it */
};

enum signing_trust {
    SIGNING_TRUST_UNKNOWN, /* no roots were given */
    SIGNING_TRUST_OK,      /* chain ends at a root, valid at the time of recording */
    SIGNING_TRUST_BAD
};

struct signing_report {
    enum signing_verdict verdict;
    uint64_t units; /* NAL units in all */
    uint64_t verified, wrong,
        missing;      /* signed units that are right, wrong or uncovered, not there */
    uint64_t pending; /* units behind the last signature */
    uint64_t signatures;
    struct signing_fault fault[SIGNING_FAULTS];
    size_t faults;           /* how many there were; the first SIGNING_FAULTS are kept */
    char signer[128];        /* subject of the certificate, "" if none was seen */
    uint8_t certificate[32]; /* SHA-256 of the leaf */
    enum signing_trust trust;
};

struct signing;
/*
 * @roots_pem  certificates that are trusted, PEM one behind the other; NULL: provenance is not checked
 * Errors:     E_UNSUPPORTED (codec), E_SYNTAX (roots), -ENOMEM.
 */
int signing_new(enum media_codec codec, const char *roots_pem, struct signing **ret);
void signing_free(struct signing *s);
/*
 * The next NAL unit, with header, without start code or length. What is wrong with it becomes a fault.
 * @at_us   time of its picture (UTC), for faults and for the validity of certificates
 * Errors:  -ENOMEM: the verdict is void.
 */
int signing_add(struct signing *s, const uint8_t *nal, size_t len, int64_t at_us);
/* The same for all units of an access unit or sample: each behind a 4-byte length. E_SYNTAX, -ENOMEM. */
int signing_add_sample(struct signing *s, const uint8_t *data, size_t len, int64_t at_us);
/* The verdict so far. */
void signing_report(const struct signing *s, struct signing_report *ret);
/* "AUTHENTIC", "AUTHENTIC WITH MISSING NAL UNITS", "NOT SIGNED", "NOT AUTHENTIC"; "wrong", "missing", … */
const char *signing_verdict_name(enum signing_verdict v);
const char *signing_fault_name(enum signing_fault_kind k);
#endif
