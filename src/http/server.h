/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H
/*
 * The status page over HTTP: /, /api/v1/status, /healthz, /metrics and two static files. Reads the recorder's status
 * socket and nothing else. docs/api/status.md lists answers and limits.
 */
#include "base/clock.h"
#include "base/err.h"

struct http_server;

struct http_server_options {
    const int *fds; /* listening sockets; closed by http_server_stop() */
    int fd_count;
    const char *run_dir; /* DATA/run: recorder.sock and serve.json; borrowed until stop */
    const struct clock *clock;
};

/* Start answering on threads of its own. Errors: E_LIMIT (more sockets than HTTP_LISTENERS), -EIO with a sentence. */
int http_server_start(const struct http_server_options *o, struct http_server **ret,
                      struct err *reterr);
/* Ends open connections and joins the threads. NULL is fine. */
void http_server_stop(struct http_server *s);
#endif
