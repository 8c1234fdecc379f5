/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef HTTP_LISTEN_H
#define HTTP_LISTEN_H
/*
 * Listening sockets of the web server. The supervisor opens them and hands them to the web process, which may then do
 * without the right to open any, and a restarted web process finds the connections that waited meanwhile.
 */
#include <stdbool.h>

#include "base/err.h"

#define HTTP_LISTENERS 2

struct http_listeners {
    int fd[HTTP_LISTENERS];
    int count;
    char url[96]; /* "http://127.0.0.1:8080/", for people */
};

/*
 * Open @listen: "127.0.0.1:8080", "[::1]:8080", or "localhost:8080" for both (the second one only where the machine
 * has it); ":8443" for every address of the machine. Over plain HTTP passwords and pictures would be for everybody on the
 * way to see, so without @tls any address but those of this machine is refused: E_DENIED.
 * Errors: E_SYNTAX, -EADDRINUSE and its like, each with a sentence.
 * Owns:   success gives the descriptors to the caller (http_listeners_close()).
 */
int http_listen(const char *listen, bool tls, struct http_listeners *ret, struct err *reterr);
void http_listeners_close(struct http_listeners *l);
#endif
