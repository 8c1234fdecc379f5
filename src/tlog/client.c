/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tlog/client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "tlog/client_private.h"
#include "tlog/logger.h"

#define CHUNK_BYTES 65536

struct tlog_client {
    int fd, timeout_ms;
    struct buf in;
};

json_t *tlog_client_append_request(const struct tlog_entry *entries, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        if (json_array_append_new(list, json_stringn(entries[i].text, entries[i].len)) < 0) {
            json_decref(list); /* not UTF-8 */
            return NULL;
        }
    return json_pack("{s:s, s:o}", "op", "append", "entries", list);
}

int tlog_client_answer(const char *line, size_t len, json_t **ret, struct err *reterr)
{
    json_t *json = json_loadb(line, len, 0, NULL);
    const char *name = json_string_value(json_object_get(json, "code"));
    const char *text = json_string_value(json_object_get(json, "error"));
    int code = E_PROTOCOL;
    if (json_is_true(json_object_get(json, "ok"))) {
        *ret = json;
        return 0;
    }
    for (int c = ERR_BASE + 1; name && c < ERR_END; c++)
        if (strcmp(err_name(c), name) == 0)
            code = c;
    for (int c = 1; name && code == E_PROTOCOL && c < 134; c++)
        if (strcmp(err_name(-c), name) == 0)
            code = -c;
    err_set(reterr, code, "%s", text ? text : "the logger gave an answer that is none");
    json_decref(json);
    return code;
}

int tlog_client_indexes(const json_t *answer, uint64_t *ret, size_t n)
{
    const json_t *list = json_object_get(answer, "indexes");
    if (json_array_size(list) != n)
        return E_PROTOCOL;
    for (size_t i = 0; i < n; i++)
        ret[i] = (uint64_t)json_integer_value(json_array_get(list, i));
    return 0;
}

int tlog_client_open(const char *data_dir, int timeout_ms, struct tlog_client **ret,
                     struct err *reterr)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int n = snprintf(a.sun_path, sizeof(a.sun_path), "%s/" LOGGER_SOCKET, data_dir);
    if (n < 0 || (size_t)n >= sizeof(a.sun_path))
        return err_set(reterr, E_LIMIT, "%s: the path is too long for a socket", data_dir);
    struct tlog_client *c = calloc(1, sizeof(*c));
    if (!c)
        return -ENOMEM;
    buf_init(&c->in, LOGGER_LINE_BYTES * 2);
    c->timeout_ms = timeout_ms;
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
        int code = errno == ENOENT || errno == ECONNREFUSED ? E_NOTFOUND : -errno;
        tlog_client_close(c);
        return err_set(reterr, code,
                       code == E_NOTFOUND ? "no logger runs for %s; lethe serve starts it"
                                          : "%s/" LOGGER_SOCKET " cannot be reached",
                       data_dir);
    }
    *ret = c;
    return 0;
}

void tlog_client_close(struct tlog_client *c)
{
    if (!c)
        return;
    if (c->fd >= 0)
        close(c->fd);
    buf_release(&c->in);
    free(c);
}

static int64_t now_ms(void)
{
    return clock_mono_us(&clock_system) / 1000;
}

static int wait_for(const struct tlog_client *c, short events, int64_t deadline_ms)
{
    struct pollfd p = {.fd = c->fd, .events = events};
    int64_t left = deadline_ms - now_ms();
    int n = poll(&p, 1, left < 0 ? 0 : (int)left);
    return n > 0 || (n < 0 && errno == EINTR) ? 0 : n == 0 ? E_TIMEOUT : -errno;
}

static int send_all(const struct tlog_client *c, const char *text, size_t len, int64_t deadline_ms)
{
    while (len > 0) {
        ssize_t n = send(c->fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        int r = 0;
        if (n < 0 && errno == EAGAIN)
            r = wait_for(c, POLLOUT, deadline_ms);
        else if (n < 0 && errno != EINTR)
            r = E_CLOSED;
        if (r < 0)
            return r;
        text += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

/* A whole line in c->in; its length without the newline. */
static int receive_line(struct tlog_client *c, size_t *ret_len, int64_t deadline_ms)
{
    for (size_t seen = 0;;) {
        char *end = c->in.len > seen ? memchr(c->in.data + seen, '\n', c->in.len - seen) : NULL;
        if (end) {
            *ret_len = (size_t)(end - (char *)c->in.data);
            return 0;
        }
        seen = c->in.len;
        int r = buf_reserve(&c->in, CHUNK_BYTES);
        if (r >= 0)
            r = wait_for(c, POLLIN, deadline_ms);
        if (r < 0)
            return r;
        ssize_t n = recv(c->fd, c->in.data + c->in.len, CHUNK_BYTES, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
            return E_CLOSED;
        c->in.len += n > 0 ? (size_t)n : 0;
    }
}

int tlog_client_call(struct tlog_client *c, const json_t *request, json_t **ret_answer,
                     struct err *reterr)
{
    int64_t deadline_ms = now_ms() + c->timeout_ms;
    size_t len = 0;
    char *text = json_dumps(request, JSON_COMPACT);
    if (!text)
        return err_set(reterr, E_SYNTAX, "the request is not JSON");
    c->in.len = 0;
    int r = send_all(c, text, strlen(text), deadline_ms);
    if (r >= 0)
        r = send_all(c, "\n", 1, deadline_ms);
    free(text);
    if (r >= 0)
        r = receive_line(c, &len, deadline_ms);
    if (r < 0)
        return err_set(reterr, r, "the logger did not answer: %s", err_text(r));
    return tlog_client_answer((const char *)c->in.data, len, ret_answer, reterr);
}

int tlog_client_append(struct tlog_client *c, const struct tlog_entry *entries, size_t n,
                       uint64_t *ret_indexes, struct err *reterr)
{
    json_t *request = tlog_client_append_request(entries, n), *answer = NULL;
    if (!request)
        return err_set(reterr, E_SYNTAX, "an entry is not UTF-8 text");
    int r = tlog_client_call(c, request, &answer, reterr);
    if (r >= 0 && ret_indexes && tlog_client_indexes(answer, ret_indexes, n) < 0)
        r = err_set(reterr, E_PROTOCOL, "the logger did not say where the entries are");
    json_decref(request);
    json_decref(answer);
    return r;
}

int tlog_client_proof(struct tlog_client *c, uint64_t index, bool quorum, struct buf *out,
                      struct err *reterr)
{
    json_t *answer = NULL, *request = json_pack("{s:s, s:I, s:b}", "op", "proof", "index",
                                                (json_int_t)index, "quorum", quorum);
    int r = request ? tlog_client_call(c, request, &answer, reterr) : -ENOMEM;
    const json_t *proof = json_object_get(answer, "proof");
    if (r >= 0)
        r = json_is_string(proof)
                ? buf_append(out, json_string_value(proof), json_string_length(proof))
                : err_set(reterr, E_PROTOCOL, "the logger gave no proof");
    json_decref(request);
    json_decref(answer);
    return r;
}
