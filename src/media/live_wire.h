/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef MEDIA_LIVE_WIRE_H
#define MEDIA_LIVE_WIRE_H
/*
 * What travels over DATA/run/live.sock, and a client for it. The recorder serves masked live video there to the web
 * process; nothing that is not masked has a message. Byte layout: docs/format/live.md.
 *
 *   u32 length (big-endian, of what follows) · u8 type · payload
 *
 * Parsing and building are reentrant and trust nothing; a client is bound to one thread.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define LIVE_CAMERA 64                       /* bytes of a camera id with NUL */
#define LIVE_MESSAGE_MAX ((size_t)10 << 20)  /* longest message of the recorder */
#define LIVE_SUBSCRIBE_MAX ((size_t)8 << 20) /* longest message of a client: 100,000 cameras */
#define LIVE_FRAGMENT_KEY 1U                 /* flag of LIVE_FRAGMENT: begins with a key frame */

enum live_type {
    LIVE_SUBSCRIBE = 'S', /* client: JSON {"cameras":["gate-1",…]}, the whole set; ["*"] for all */
    LIVE_INIT = 'I',      /* ftyp moov: what a decoder needs before the fragments behind it */
    LIVE_FRAGMENT = 'F',  /* moof mdat of about 0.2 s */
    LIVE_STATE = 'C'      /* JSON {"state","reason","objects","at"} */
};

struct live_message {
    enum live_type type;
    char camera[LIVE_CAMERA]; /* "" with LIVE_SUBSCRIBE */
    int64_t utc_us;           /* LIVE_FRAGMENT: recorder's time of its first picture */
    bool key;                 /* LIVE_FRAGMENT: begins with a key frame */
    const uint8_t *data;      /* JSON, or boxes; borrowed */
    size_t size;
};

/*
 * Take the first message out of @len bytes. @max: longest message that is accepted, LIVE_MESSAGE_MAX or _SUBSCRIBE_MAX.
 * Returns the bytes it takes up, 0 if it is not all there yet; E_LIMIT, E_SYNTAX: hang up. @ret points into @data.
 */
int live_wire_parse(const uint8_t *data, size_t len, size_t max, struct live_message *ret);
/* Append @m to @out. E_LIMIT, E_RANGE (camera id), -ENOMEM; @out is as before then. */
int live_wire_build(const struct live_message *m, struct buf *out);

/* A connection to the recorder. */
struct live_client {
    int fd; /* non-blocking, to be polled for reading; -1: closed */
    struct buf in;
    size_t taken; /* bytes of in that were given out already */
};
/*
 * Connect to @run_dir/live.sock. Errors: -ENOENT, -ECONNREFUSED (no recorder), -EAGAIN (its queue of callers is full),
 * E_LIMIT (path too long). Owns: close with live_client_close(), also after an error.
 */
int live_client_open(struct live_client *c, const char *run_dir, struct err *reterr);
void live_client_close(struct live_client *c);
/* Tell which cameras are wanted from now on; replaces the set before. Waits up to 2 s for room in the socket: E_TIMEOUT. */
int live_client_subscribe(struct live_client *c, const char *const *cameras, size_t n);
/* Read what has arrived. Bytes read, 0: nothing now; E_CLOSED, E_LIMIT, errno: close it. Invalidates earlier messages. */
int live_client_read(struct live_client *c);
/* The next message: 1, or 0 when more has to be read first; E_SYNTAX, E_LIMIT: close it. Valid until the next read. */
int live_client_next(struct live_client *c, struct live_message *ret);
#endif
