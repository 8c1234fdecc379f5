/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "http/source.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "http/status.h"

#define CHILDREN_BYTES 65536 /* 66 processes */

struct http_source {
    char socket_path[PATH_MAX], children_path[PATH_MAX];
    const struct clock *clock;
    pthread_mutex_t lock;
    struct http_snapshot *last; /* guarded by lock */
    int64_t asked_us;           /* guarded by lock; monotonic */
};

int http_source_new(const char *run_dir, const struct clock *clock, struct http_source **ret)
{
    struct http_source *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    snprintf(s->socket_path, sizeof(s->socket_path), "%s/recorder.sock", run_dir);
    snprintf(s->children_path, sizeof(s->children_path), "%s/serve.json", run_dir);
    s->clock = clock;
    s->asked_us = INT64_MIN / 2;
    pthread_mutex_init(&s->lock, NULL);
    *ret = s;
    return 0;
}

void http_source_free(struct http_source *s)
{
    if (!s)
        return;
    http_snapshot_unref(s->last);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static struct http_snapshot *ref(struct http_snapshot *s)
{
    __atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
    return s;
}

void http_snapshot_unref(struct http_snapshot *s)
{
    if (!s || __atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    http_status_free(s->status);
    free(s->json);
    free(s->children);
    free(s);
}

static int connect_socket(const char *path, int *ret_fd)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(to.sun_path))
        return -ENAMETOOLONG;
    memcpy(to.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) <
        0) { /* EAGAIN: its queue of callers is full */
        int code = -errno;
        close(fd);
        return code;
    }
    *ret_fd = fd;
    return 0;
}

/* One deadline for the whole answer, so that a byte now and then does not hold a thread for ever. */
static int read_all(int fd, const struct clock *clock, struct buf *out)
{
    int64_t end = clock_mono_us(clock) + HTTP_SOURCE_TIMEOUT_US;
    for (;;) {
        int64_t left = end - clock_mono_us(clock);
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (left <= 0 || poll(&p, 1, (int)(left / 1000) + 1) == 0)
            return E_TIMEOUT;
        int r = buf_reserve(out, 65536);
        if (r < 0)
            return r;
        ssize_t n = read(fd, out->data + out->len, out->cap - out->len);
        if (n == 0)
            return 0;
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return -errno;
        out->len += n > 0 ? (size_t)n : 0;
    }
}

static int fetch(struct http_source *s, struct http_snapshot *snap)
{
    struct buf b;
    int fd = -1;
    buf_init(&b, HTTP_SOURCE_BYTES);
    int r = connect_socket(s->socket_path, &fd);
    if (r < 0) {
        err_set(&snap->err, r, "The recorder cannot be reached: %s.", err_text(r));
        goto out;
    }
    r = read_all(fd, s->clock, &b);
    close(fd);
    if (r < 0) {
        err_set(&snap->err, r, "The recorder does not answer in time: %s.", err_text(r));
        goto out;
    }
    r = http_status_parse(b.data, b.len, &snap->status, &snap->err);
    if (r < 0)
        goto out;
    snap->json = (char *)b.data;
    snap->json_len = b.len;
    snap->taken_us = clock_wall_us(s->clock);
    b.data = NULL;
out:
    free(b.data);
    return r;
}

static char *read_children(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *text = fd < 0 ? NULL : calloc(1, CHILDREN_BYTES + 1);
    ssize_t n = text ? read(fd, text, CHILDREN_BYTES) : -1;
    if (fd >= 0)
        close(fd);
    if (n > 0)
        return text;
    free(text);
    return NULL;
}

/* A failed attempt keeps showing what was known before. */
static void carry_over(struct http_snapshot *next, const struct http_snapshot *last)
{
    if (!last || !last->json || !(next->json = malloc(last->json_len + 1)))
        return;
    memcpy(next->json, last->json, last->json_len);
    next->json_len = last->json_len;
    next->taken_us = last->taken_us;
    if (http_status_parse((const uint8_t *)next->json, next->json_len, &next->status, NULL) < 0) {
        free(next->json);
        next->json = NULL;
    }
}

struct http_snapshot *http_source_get(struct http_source *s)
{
    pthread_mutex_lock(&s->lock);
    int64_t now = clock_mono_us(s->clock);
    struct http_snapshot *snap = NULL;
    if (s->last && now - s->asked_us < HTTP_SOURCE_FRESH_US) {
        snap = ref(s->last);
    } else if ((snap = calloc(1, sizeof(*snap)))) {
        snap->refs = 1;
        snap->code = fetch(s, snap);
        if (snap->code < 0)
            carry_over(snap, s->last);
        snap->children = read_children(s->children_path);
        http_snapshot_unref(s->last);
        s->last = ref(snap);
        s->asked_us = clock_mono_us(
            s->clock); /* after the wait, so that a slow recorder is not asked back to back */
    }
    pthread_mutex_unlock(&s->lock);
    return snap;
}
