/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef SIM_REQUEST_H
#define SIM_REQUEST_H
/* RTSP requests as a server reads them. Reentrant. Source: RFC 2326 §4, §6, §12. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_HEADERS 48

struct sim_header {
    const char *name, *value;
};
struct sim_request {
    const char *method, *uri;
    struct sim_header header[SIM_HEADERS];
    int headers;
    const char *body;
    size_t body_len;
    bool response; /* an answer to a request of ours */
};
/*
 * Parse the message at the start of @data, which is changed (NULs are put behind each part).
 * Returns the bytes it took, 0 when more are needed, E_SYNTAX or E_LIMIT.
 */
long sim_request_parse(char *data, size_t len, struct sim_request *ret);
/* Value of a header or NULL; names compare without case. */
const char *sim_request_header(const struct sim_request *r, const char *name);

/* What a URI names. */
struct sim_target {
    int camera, stream; /* -1: not there */
    int track;          /* -1: whole presentation */
};
struct sim_target sim_target_parse(const char *uri);

/* A Transport header: the first alternative that we can do. */
struct sim_transport {
    bool ok, tcp, multicast;
    int channel[2], client_port[2]; /* -1: not given */
};
struct sim_transport sim_transport_parse(const char *value, bool udp_allowed);
#endif
