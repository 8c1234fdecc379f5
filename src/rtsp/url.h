/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RTSP_URL_H
#define RTSP_URL_H
/* RTSP URLs as people type them and as cameras send them back. Reentrant. Source: RFC 2326 §3.2, RFC 3986. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define RTSP_URL_BYTES 1024

struct rtsp_url {
    bool tls;                      /* rtsps:// */
    bool host_is_address;          /* literal IPv4 or IPv6 */
    uint16_t port;                 /* 554 or 322 when not given */
    char host[256];                /* without the brackets of IPv6 */
    char user[128], password[128]; /* percent-decoded; "" when not given */
    char request
        [RTSP_URL_BYTES]; /* what goes into requests: the URL without credentials and fragment */
};

/*
 * Parse @text. A password may hold '@', ':', '/' and a lone '%' unescaped: the last '@' that leaves a valid host decides.
 * Errors: E_SYNTAX, E_LIMIT (a part is too long); @reterr names the part, never the password.
 */
int rtsp_url_parse(const char *text, struct rtsp_url *ret, struct err *reterr);

/*
 * The URL that control attributes are relative to: Content-Base or Content-Location when it is usable, else the
 * request URL. Repairs a doubled scheme; what has no scheme or no valid host is ignored. @header may be NULL.
 * Returns 1 when the header was broken (repaired or ignored), 0 otherwise.
 */
int rtsp_url_base(const char *header, const char *request, char ret[RTSP_URL_BYTES]);

/*
 * Join as cameras expect it: by putting the strings together, not by RFC 3986. Empty and "*" mean the base.
 * An absolute control URL is taken as it is, without credentials. E_LIMIT when too long.
 */
int rtsp_url_join(const char *base, const char *control, char ret[RTSP_URL_BYTES]);
#endif
