/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RTSP_AUTH_H
#define RTSP_AUTH_H
/* Answers to 401: Basic and Digest (MD5, SHA-256; qop=auth). Source: RFC 2326 §D, RFC 2617 §3.2, RFC 7616 §3. */
#include <stdbool.h>

#include "rtsp/message.h"

enum rtsp_auth_scheme { RTSP_AUTH_NONE, RTSP_AUTH_BASIC, RTSP_AUTH_DIGEST };

struct rtsp_auth {
    char user[128], password[128]; /* set by the owner; wiped by rtsp_auth_release() */
    enum rtsp_auth_scheme scheme;
    bool sha256, session_variant, qop_auth, stale;
    uint32_t nonce_count;
    char realm[256], nonce[512], opaque[512];
};

/*
 * Choose among all challenges of @m: Digest SHA-256 before Digest MD5 before Basic; unknown ones are skipped.
 * Returns 1 when the nonce differs from the one before (a new try makes sense), 0 when it is the same.
 * Errors: E_NOTFOUND (no challenge that we can answer); the state is unchanged then.
 */
int rtsp_auth_challenge(struct rtsp_auth *a, const struct rtsp_message *m);
/*
 * Write the value of an Authorization header for @method and @uri (the very URI of the request line).
 * @cnonce  random hex text, used with qop=auth and "-sess"
 * Counts the nonce up. E_LIMIT when @cap is too small; E_BUG when the hash failed.
 */
int rtsp_auth_answer(struct rtsp_auth *a, const char *method, const char *uri, const char *cnonce,
                     char *ret, size_t cap);
void rtsp_auth_release(struct rtsp_auth *a);
#endif
