/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef MEDIA_SIGNING_SEI_H
#define MEDIA_SIGNING_SEI_H
/* One Media Signing SEI taken apart, and its cryptography; for signing.c. Trusts no length. Reentrant. */
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "media/signing.h"

#define SIGNING_HASH 64          /* longest digest */
#define SIGNING_SEI_BYTES 262144 /* longest SEI that is read: 4096 hashes of 64 bytes */

/* Pointers lead into `text`, which the document owns. */
struct signing_doc {
    uint8_t *text;          /* the NAL unit, without emulation prevention if it had any */
    bool certificate_sei;   /* carries the chain and signs only itself */
    bool general, partial;  /* general information is there; the group goes on behind it */
    bool arbitrary, other;  /* kinds of TLV seen: arbitrary data must stand alone */
    uint32_t counter;       /* partial GOP counter */
    uint16_t covered;       /* number of units in the group */
    int64_t start_us;       /* UTC of the group's first picture */
    size_t hash_len;        /* bytes of a digest in `general` */
    const uint8_t *numbers; /* times; in front of `group` stand counter (4 bytes) and covered (2) */
    const uint8_t *group, *linked;
    const uint8_t *list; /* hash list, NULL in low bitrate mode */
    size_t list_len;
    const EVP_MD *digest; /* of the cryptographic information; NULL when that is not in this SEI */
    const char *chain[2]; /* PEM: made by the manufacturer, by the user; not terminated */
    size_t chain_len[2];
    const uint8_t *signature; /* NULL: not signed */
    size_t signature_len;
    size_t signed_len; /* bytes of the document from the NAL header, as they were signed */
    bool signed_raw;   /* signed with emulation prevention, so over the unit's own bytes */
};

/* Whether it is a Media Signing SEI at all, by type and UUID. */
bool signing_sei_is(enum media_codec codec, const uint8_t *nal, size_t len);
/* Take it apart. E_SYNTAX, E_LIMIT, E_UNSUPPORTED (version or digest), -ENOMEM. Release in any case. */
int signing_sei_parse(enum media_codec codec, const uint8_t *nal, size_t len,
                      struct signing_doc *ret);
void signing_sei_release(struct signing_doc *d);

/* Leaf of a PEM chain; NULL if it cannot be read. @ret_rest (may be NULL): the certificates behind it. */
X509 *signing_leaf(const char *pem, size_t len, STACK_OF(X509) * *ret_rest);
/* Check the document's signature with @key; @nal is the unit as it came. */
bool signing_sei_verify(const struct signing_doc *d, const uint8_t *nal, const EVP_MD *digest,
                        EVP_PKEY *key);
#endif
