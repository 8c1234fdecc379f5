/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "case/clerk.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"

#define REQUEST_BYTES ((size_t)4 << 20) /* an approval of all keys of an order */
#define CLIENT_SECONDS 5                /* to hand in a line, and to take the answer */
#define TICK_MS 1000
#define WAITING 64

static volatile sig_atomic_t stopping;

static void on_term(int signal)
{
    (void)signal;
    stopping = 1;
}

static int listen_on(const char *path, int *ret, struct err *reterr)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int n = snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
    if (n < 0 || (size_t)n >= sizeof(a.sun_path))
        return err_set(reterr, -ENAMETOOLONG, "the path of the data directory is too long");
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_set(reterr, -errno, "a socket: %s", err_text(-errno));
    (void)unlink(a.sun_path);
    mode_t before = umask(0177);
    int r = bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, WAITING) < 0 ? -errno : 0;
    umask(before);
    if (r < 0) {
        close(fd);
        return err_set(reterr, r, "%s: %s", a.sun_path, err_text(r));
    }
    *ret = fd;
    return 0;
}

static bool is_ours(int fd)
{
    struct ucred c;
    socklen_t n = sizeof(c);
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &n) == 0 &&
           (c.uid == geteuid() || c.uid == 0);
}

/* Time left of a client's five seconds, for poll(). */
static int wait_for(const struct clerk_options *o, int fd, short events, int64_t end_us)
{
    int64_t left = end_us - clock_mono_us(o->clock);
    struct pollfd p = {.fd = fd, .events = events};
    return left <= 0 ? 0 : poll(&p, 1, (int)(left / 1000) + 1);
}

static int read_request(const struct clerk_options *o, int fd, struct buf *in, int64_t end_us)
{
    for (;;) {
        int r = buf_reserve(in, 65536);
        if (r < 0)
            return r;
        ssize_t n = read(fd, in->data + in->len, in->cap - in->len);
        if (n == 0)
            return E_CLOSED;
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return -errno;
        if (n < 0 && wait_for(o, fd, POLLIN, end_us) <= 0)
            return E_TIMEOUT;
        if (n < 0)
            continue;
        const uint8_t *end = memchr(in->data + in->len, '\n', (size_t)n);
        in->len += (size_t)n;
        if (end) {
            in->len = (size_t)(end - in->data);
            return 0;
        }
    }
}

static void write_answer(const struct clerk_options *o, int fd, const char *text, int64_t end_us)
{
    size_t len = strlen(text), at = 0;
    while (at < len) {
        ssize_t n = send(fd, text + at, len - at, MSG_NOSIGNAL);
        if (n > 0)
            at += (size_t)n;
        else if ((errno != EAGAIN && errno != EINTR) || wait_for(o, fd, POLLOUT, end_us) <= 0)
            return;
    }
}

static void serve_one(const struct clerk_options *o, int fd)
{
    struct buf in;
    buf_init(&in, REQUEST_BYTES);
    int64_t end = clock_mono_us(o->clock) + CLIENT_SECONDS * SECOND_US;
    int r = is_ours(fd) ? read_request(o, fd, &in, end) : E_DENIED;
    json_t *answer = r < 0 ? NULL : clerk_answer(o, (const char *)in.data, in.len);
    char *text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
    if (text) {
        end = clock_mono_us(o->clock) + CLIENT_SECONDS * SECOND_US;
        write_answer(o, fd, text, end);
        write_answer(o, fd, "\n", end);
    }
    free(text);
    json_decref(answer);
    buf_release(&in);
}

static void beat(const struct clerk_options *o, int64_t *last_us, struct clerk_over *known)
{
    int64_t now = clock_mono_us(o->clock);
    if (o->heartbeat_fd >= 0 && now - *last_us >= SECOND_US)
        (void)!write(o->heartbeat_fd, "", 1);
    if (now - *last_us >= SECOND_US) {
        *last_us = now;
        clerk_end_overdue(o, known);
    }
}

int clerk_run(const struct clerk_options *o, struct err *reterr)
{
    char path[512];
    int listener = -1;
    snprintf(path, sizeof(path), "%.480s/run/cases.sock", o->data_dir);
    int r = listen_on(path, &listener, reterr);
    struct clerk_over known = {0};
    int64_t last = 0;
    if (r < 0)
        return r;
    struct sigaction term = {.sa_handler = on_term};
    sigaction(SIGTERM, &term, NULL);
    sigaction(SIGINT, &term, NULL);
    while (!stopping) {
        struct pollfd p = {.fd = listener, .events = POLLIN};
        beat(o, &last, &known);
        if (poll(&p, 1, TICK_MS) <= 0)
            continue;
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
            continue;
        serve_one(o, fd);
        close(fd);
    }
    close(listener);
    (void)unlink(path);
    free(known.id);
    return 0;
}
