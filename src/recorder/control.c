/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Sockets and threads of control; what the requests do is in control_do() and below. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "recorder/control_private.h"

#define IDLE_MS 300000 /* between two requests */
#define LINE_MS 10000  /* from the first byte of a request to its last */
#define WRITE_MS 10000
#define STACK_BYTES ((size_t)1 << 20)
#define CHUNK 65536

/* ---- one connection ---- */

struct peer {
    struct control *c;
    int slot, fd;
    struct buf in;
};

static int64_t now_ms(void)
{
    return clock_mono_us(&clock_system) / 1000;
}

/* 1: more bytes are in p->in; 0: the peer is done; < 0: too late, or broken. */
static int receive(struct peer *p, int timeout_ms)
{
    struct pollfd pfd = {.fd = p->fd, .events = POLLIN};
    int n = poll(&pfd, 1, timeout_ms < 0 ? 0 : timeout_ms);
    if (n <= 0)
        return n < 0 && errno != EINTR ? -errno : n < 0 ? 1 : E_TIMEOUT;
    int r = buf_reserve(&p->in, CHUNK);
    if (r < 0)
        return r;
    ssize_t got = recv(p->fd, p->in.data + p->in.len, CHUNK, 0);
    if (got < 0)
        return errno == EINTR ? 1 : -errno;
    p->in.len += (size_t)got;
    return got > 0;
}

/* The next line: its length with the newline, 0 at the end, or an error. */
static int64_t read_line(struct peer *p)
{
    size_t seen = 0;
    int64_t deadline = p->in.len ? now_ms() + LINE_MS : 0;
    for (;;) {
        uint8_t *end = p->in.len > seen ? memchr(p->in.data + seen, '\n', p->in.len - seen) : NULL;
        if (end)
            return end - p->in.data + 1;
        seen = p->in.len;
        if (seen > CONTROL_LINE_BYTES)
            return E_LIMIT;
        int r = receive(p, seen ? (int)(deadline - now_ms()) : IDLE_MS);
        if (r <= 0)
            return r;
        if (!deadline)
            deadline = now_ms() + LINE_MS;
    }
}

static int write_all(int fd, const char *text, size_t len)
{
    int64_t deadline = now_ms() + WRITE_MS;
    while (len > 0) {
        ssize_t n = send(fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) {
            text += n;
            len -= (size_t)n;
            continue;
        }
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return -errno;
        struct pollfd pfd = {.fd = fd, .events = POLLOUT};
        int64_t left = deadline - now_ms();
        if (left <= 0 || poll(&pfd, 1, (int)left) == 0)
            return E_TIMEOUT;
    }
    return 0;
}

static int refuse(int fd, int code, const char *why)
{
    char text[300];
    int n = snprintf(text, sizeof(text), "{\"ok\":false,\"code\":\"%s\",\"error\":\"%s\"}\n",
                     err_name(code), why);
    return write_all(fd, text, (size_t)n);
}

static void converse(struct peer *p)
{
    int64_t n;
    int r = 0;
    while (r >= 0 && (n = read_line(p)) > 0) {
        char *answer = control_answer(p->c, (const char *)p->in.data, (size_t)n - 1);
        explicit_bzero(p->in.data, (size_t)n); /* a request may hold a password */
        buf_consume(&p->in, (size_t)n);
        r = answer ? write_all(p->fd, answer, strlen(answer))
                   : refuse(p->fd, -ENOMEM, "out of memory");
        free(answer);
    }
    if (n == E_LIMIT)
        refuse(p->fd, E_LIMIT, "a request is at most 8 MiB long");
    else if (n == E_TIMEOUT && p->in.len)
        refuse(p->fd, E_TIMEOUT, "the request did not end within 10 s");
}

static void *peer_main(void *arg)
{
    struct peer *p = arg;
    struct control *c = p->c;
    buf_init(&p->in, CONTROL_LINE_BYTES + 2 * CHUNK);
    converse(p);
    if (p->in.data)
        explicit_bzero(p->in.data, p->in.cap);
    buf_release(&p->in);
    pthread_mutex_lock(&c->lock);
    c->fd[p->slot] = -1;
    close(p->fd);
    c->connections--;
    pthread_cond_signal(&c->idle);
    pthread_mutex_unlock(&c->lock);
    free(p);
    return NULL;
}

/* ---- accepting ---- */

/* Same user, or root. */
static bool is_ours(int fd)
{
    struct ucred who;
    socklen_t len = sizeof(who);
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 &&
           (who.uid == geteuid() || who.uid == 0);
}

static int spawn(struct peer *p)
{
    pthread_attr_t attr;
    pthread_t thread;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    int r = pthread_create(&thread, &attr, peer_main, p);
    pthread_attr_destroy(&attr);
    return -r;
}

/* A slot for @fd, or -1. */
static int take_slot(struct control *c, int fd)
{
    int slot = -1;
    pthread_mutex_lock(&c->lock);
    for (int i = 0; i < CONTROL_CONNECTIONS && slot < 0 && !atomic_load(&c->stopping); i++)
        if (c->fd[i] < 0)
            slot = i;
    if (slot >= 0) {
        c->fd[slot] = fd;
        c->connections++;
    }
    pthread_mutex_unlock(&c->lock);
    return slot;
}

static void give_slot(struct control *c, int slot)
{
    pthread_mutex_lock(&c->lock);
    c->fd[slot] = -1;
    c->connections--;
    pthread_mutex_unlock(&c->lock);
}

static void welcome(struct control *c, int fd)
{
    int slot = -1;
    struct peer *p = NULL;
    if (!is_ours(fd)) {
        refuse(fd, E_DENIED, "this socket is for processes of the same user");
    } else if ((slot = take_slot(c, fd)) < 0) {
        refuse(fd, E_BUSY, "too many connections");
    } else if ((p = calloc(1, sizeof(*p)))) {
        *p = (struct peer){.c = c, .slot = slot, .fd = fd};
        if (spawn(p) >= 0)
            return;
        free(p);
    }
    if (slot >= 0)
        give_slot(c, slot);
    close(fd);
}

static void *accept_main(void *arg)
{
    struct control *c = arg;
    while (!atomic_load(&c->stopping)) {
        int fd = accept4(c->listen_fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            welcome(c, fd);
        else if (errno != EINTR && errno != ECONNABORTED && !atomic_load(&c->stopping))
            usleep(100000); /* out of descriptors: they come back */
    }
    return NULL;
}

static int listen_at(struct control *c, struct err *reterr)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int n = snprintf(c->path, sizeof(c->path), "%s/run/control.sock", c->cfg.data_dir);
    if (n < 0 || (size_t)n >= sizeof(a.sun_path))
        return err_set(
            reterr, E_LIMIT,
            "the path %s is too long for a socket; use a data directory with a shorter name",
            c->cfg.data_dir);
    memcpy(a.sun_path, c->path, (size_t)n + 1);
    unlink(c->path);
    c->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    mode_t before = umask(0177);
    int r = c->listen_fd < 0 || bind(c->listen_fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
                    listen(c->listen_fd, CONTROL_CONNECTIONS) < 0
                ? -errno
                : 0;
    umask(before);
    return r < 0 ? err_set(reterr, r, "control socket %s: %s", c->path, err_text(r)) : 0;
}

int control_open(const struct control_config *cfg, struct control **ret, struct err *reterr)
{
    struct control *c = calloc(1, sizeof(*c));
    if (!c)
        return -ENOMEM;
    c->cfg = *cfg;
    c->listen_fd = -1;
    pthread_mutex_init(&c->lock, NULL);
    pthread_mutex_init(&c->change, NULL);
    pthread_cond_init(&c->idle, NULL);
    for (int i = 0; i < CONTROL_CONNECTIONS; i++)
        c->fd[i] = -1;
    int r = listen_at(c, reterr);
    if (r >= 0)
        r = -pthread_create(&c->acceptor, NULL, accept_main, c);
    if (r < 0) {
        if (c->listen_fd >= 0)
            close(c->listen_fd);
        free(c);
        return r;
    }
    *ret = c;
    return 0;
}

void control_close(struct control *c)
{
    if (!c)
        return;
    atomic_store(&c->stopping, true);
    shutdown(c->listen_fd, SHUT_RDWR); /* wakes accept() */
    pthread_join(c->acceptor, NULL);
    close(c->listen_fd);
    unlink(c->path);
    pthread_mutex_lock(&c->lock);
    for (int i = 0; i < CONTROL_CONNECTIONS; i++)
        if (c->fd[i] >= 0)
            shutdown(c->fd[i], SHUT_RDWR);
    while (c->connections > 0)
        pthread_cond_wait(&c->idle, &c->lock);
    pthread_mutex_unlock(&c->lock);
    pthread_mutex_destroy(&c->lock);
    pthread_mutex_destroy(&c->change);
    pthread_cond_destroy(&c->idle);
    free(c);
}
