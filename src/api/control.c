/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* One question to a socket of the node: the recorder's control socket, the clerk's. docs/design/web.md has the messages. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/api.h"

#define ANSWER_BYTES ((size_t)32 << 20) /* 50,000 cameras */

static int connect_to(const struct api *a, const char *name, int *ret)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int n = snprintf(to.sun_path, sizeof(to.sun_path), "%s/run/%s", a->data_dir, name);
    if (n < 0 || (size_t)n >= sizeof(to.sun_path))
        return -ENAMETOOLONG;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0) {
        int code = -errno;
        close(fd);
        return code;
    }
    *ret = fd;
    return 0;
}

/* Wait for @events until @end_us. */
static int ready(const struct api *a, int fd, short events, int64_t end_us)
{
    int64_t left = end_us - clock_mono_us(a->clock);
    struct pollfd p = {.fd = fd, .events = events};
    if (left <= 0)
        return E_TIMEOUT;
    int n = poll(&p, 1, (int)(left / 1000) + 1);
    return n > 0 ? 0 : n == 0 ? E_TIMEOUT : errno == EINTR ? 0 : -errno;
}

static int send_line(const struct api *a, int fd, const struct buf *line, int64_t end_us)
{
    for (size_t at = 0; at < line->len;) {
        ssize_t n = send(fd, line->data + at, line->len - at, MSG_NOSIGNAL);
        if (n > 0) {
            at += (size_t)n;
            continue;
        }
        int r = errno == EAGAIN || errno == EINTR ? ready(a, fd, POLLOUT, end_us) : -errno;
        if (r < 0)
            return r;
    }
    return 0;
}

static int read_line(const struct api *a, int fd, struct buf *in, int64_t end_us)
{
    for (;;) {
        int r = buf_reserve(in, 65536);
        if (r < 0)
            return r;
        ssize_t n = read(fd, in->data + in->len, in->cap - in->len);
        if (n == 0)
            return E_CLOSED;
        if (n < 0) {
            r = errno == EAGAIN || errno == EINTR ? ready(a, fd, POLLIN, end_us) : -errno;
            if (r < 0)
                return r;
            continue;
        }
        const uint8_t *end = memchr(in->data + in->len, '\n', (size_t)n);
        in->len += (size_t)n;
        if (end) {
            in->len = (size_t)(end - in->data);
            return 0;
        }
    }
}

static int ask(const struct api *a, const char *name, const struct buf *line, int64_t patience_us,
               struct buf *in)
{
    int fd = -1, r = connect_to(a, name, &fd);
    int64_t end = clock_mono_us(a->clock) + patience_us;
    if (r >= 0)
        r = send_line(a, fd, line, end);
    if (r >= 0)
        r = read_line(a, fd, in, end);
    if (fd >= 0)
        close(fd);
    return r;
}

/* The recorder's own code, by name; one that this program does not know is E_BUSY. */
static int code_of(const char *name)
{
    for (int c = ERR_BASE; name && c < ERR_END; c++)
        if (strcmp(err_name(c), name) == 0)
            return c;
    return E_BUSY;
}

static int judge(json_t *answer, struct err *reterr)
{
    const json_t *ok = json_object_get(answer, "ok");
    const char *sentence = json_string_value(json_object_get(answer, "error"));
    const char *code = json_string_value(json_object_get(answer, "code"));
    if (json_is_true(ok))
        return 0;
    return err_set(reterr, code_of(code), "%s", sentence ? sentence : "The recorder refuses that.");
}

int api_control(struct api *a, json_t *request, int64_t patience_us, json_t **ret,
                struct err *reterr)
{
    return api_ask(a, "control.sock", request, patience_us, ret, reterr);
}

int api_ask(struct api *a, const char *socket, json_t *request, int64_t patience_us, json_t **ret,
            struct err *reterr)
{
    struct buf line, in;
    buf_init(&line, (size_t)8 << 20);
    buf_init(&in, ANSWER_BYTES);
    char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;
    json_decref(request);
    int r = text ? buf_append(&line, text, strlen(text)) : -ENOMEM;
    if (text) {
        explicit_bzero(text, strlen(text)); /* it may hold a camera's password */
        free(text);
    }
    if (r >= 0)
        r = buf_append(&line, "\n", 1);
    if (r >= 0)
        r = ask(a, socket, &line, patience_us, &in);
    if (line.data)
        explicit_bzero(line.data, line.len);
    buf_release(&line);
    json_t *answer = r < 0 ? NULL : json_loadb((const char *)in.data, in.len, 0, NULL);
    buf_release(&in);
    if (r == -ENOMEM || r == E_LIMIT)
        return r;
    if (!answer)
        return err_set(reterr, E_BUSY, "The %s does not answer: %s.",
                       strcmp(socket, "cases.sock") == 0 ? "keeper of cases" : "recorder",
                       r < 0 ? err_text(r) : "what it says is not JSON");
    r = judge(answer, reterr);
    if (r < 0)
        json_decref(answer);
    else
        *ret = answer;
    return r;
}
