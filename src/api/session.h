/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef API_SESSION_H
#define API_SESSION_H
/* The session cookie. Source: RFC 6265bis §4.1.3 (__Host- prefix, SameSite). Reentrant. */
#include "http/message.h"

/* "__Host-lethe_session" with TLS: browsers then refuse one that was set without it, or by another host. */
const char *session_cookie_name(const struct http_request *rq);
#endif
