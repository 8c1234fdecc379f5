/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "mask/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/list.h"
#include "mask/wire.h"
#include "media/params.h"

#define READ_BYTES ((size_t)256 << 10)
#define OUT_HIGH                                                                                   \
    ((size_t)16 << 20) /* while so much waits for the recorder, nothing new is masked */
#define OUT_CEILING (OUT_HIGH + 4 * MASK_WIRE_MAX)
#define BUCKETS 256
#define BEAT_US SECOND_US
#define RETRY_US (5 * SECOND_US) /* a camera that could not be masked is tried again after that */

struct worker_camera {
    struct list link;
    struct worker *worker;
    uint32_t number, generation;
    struct mask *mask; /* NULL: not begun, or it failed */
    struct mask_config config;
    struct media_track track;
    struct media_params params;
    bool has_track;
    int64_t tried_us; /* monotonic: the last time that it failed; 0: never */
};

struct worker {
    const struct mask_worker_options *o;
    struct buf in, out;
    size_t taken; /* bytes of in that are done */
    struct list bucket[BUCKETS];
    unsigned cameras;
    int64_t beat_us;
    int failed; /* first error that ends the process */
    struct mask_wire message, answer;
};

static volatile sig_atomic_t asked_to_end;

static void on_signal(int number)
{
    asked_to_end = 1;
}

static void beat(int fd)
{
    if (fd >= 0 && write(fd, ".", 1) < 0 && errno == EPIPE)
        asked_to_end = 1; /* nobody watches over us any more */
}

static void beat_if_due(struct worker *w)
{
    int64_t now = clock_mono_us(w->o->clock);
    if (now - w->beat_us < BEAT_US)
        return;
    w->beat_us = now;
    beat(w->o->heartbeat_fd);
}

/* ---- answers ---- */

static void flush(struct worker *w)
{
    size_t at = 0;
    while (at < w->out.len) {
        ssize_t n = send(w->o->fd, w->out.data + at, w->out.len - at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            w->failed = E_CLOSED;
        if (n <= 0)
            break;
        at += (size_t)n;
    }
    if (at)
        buf_consume(&w->out, at);
}

static void answer(struct worker *w, const struct worker_camera *c)
{
    w->answer.camera = c ? c->number : 0;
    w->answer.generation = c ? c->generation : 0;
    int r = mask_wire_build(&w->answer, &w->out);
    if (r < 0 && w->failed >= 0)
        w->failed = r;
}

static void say_trouble(struct worker_camera *c, int code, const struct err *e)
{
    struct worker *w = c->worker;
    w->answer.type = MASK_WIRE_TROUBLE;
    w->answer.trouble.code = code;
    snprintf(w->answer.trouble.text, sizeof(w->answer.trouble.text), "%s", err_str(e, code));
    answer(w, c);
    c->tried_us = clock_mono_us(w->o->clock);
}

static void on_picture(void *user, const struct mask_output *o)
{
    struct worker_camera *c = user;
    c->worker->answer.type = MASK_WIRE_PICTURE;
    c->worker->answer.picture = *o;
    answer(c->worker, c);
}

/* ---- cameras ---- */

static struct worker_camera *find(struct worker *w, uint32_t number)
{
    struct worker_camera *c;
    list_foreach (c, &w->bucket[number % BUCKETS], link)
        if (c->number == number)
            return c;
    return NULL;
}

static void camera_free(struct worker_camera *c)
{
    list_remove(&c->link);
    c->worker->cameras--;
    mask_free(c->mask);
    free(c);
}

static struct worker_camera *camera_new(struct worker *w, uint32_t number)
{
    struct worker_camera *c = w->cameras < MASK_WORKER_CAMERAS ? calloc(1, sizeof(*c)) : NULL;
    if (!c)
        return NULL;
    c->worker = w;
    c->number = number;
    list_append(&w->bucket[number % BUCKETS], &c->link);
    w->cameras++;
    return c;
}

static int begin(struct worker_camera *c)
{
    struct err e = {0};
    int r = mask_new(&c->config, on_picture, c, &c->mask, &e);
    if (r < 0) {
        c->mask = NULL;
        say_trouble(c, r, &e);
    }
    c->config.declared_empty = false; /* a later attempt is another moment */
    return r;
}

static void on_open(struct worker *w, const struct mask_wire *m)
{
    struct worker_camera *c = find(w, m->camera);
    if (!c)
        c = camera_new(w, m->camera);
    if (!c) {
        struct worker_camera none = {.worker = w, .number = m->camera, .generation = m->generation};
        say_trouble(&none, E_FULL, NULL);
        return;
    }
    mask_free(c->mask);
    c->mask = NULL;
    c->has_track = false;
    c->generation = m->generation;
    c->config = m->open;
    c->config.detectors = w->o->detectors;
    begin(c);
}

static void on_track(struct worker_camera *c, const struct mask_wire *m)
{
    media_params_copy(&c->params, &m->params);
    c->track = m->track;
    c->track.params = &c->params;
    c->has_track = true;
}

static void on_unit(struct worker_camera *c, const struct mask_wire *m)
{
    struct worker *w = c->worker;
    struct err e = {0};
    bool retry = clock_mono_us(w->o->clock) - c->tried_us > RETRY_US;
    if (c->has_track && (c->mask || (retry && begin(c) >= 0))) {
        int r = mask_feed(c->mask, &c->track, &m->unit.au, m->unit.utc_us, &e);
        if (r < 0 && r != E_SYNTAX && retry) /* broken streams are covered, and say so themselves */
            say_trouble(c, r, &e);
    }
    w->answer.type = MASK_WIRE_DONE;
    w->answer.done.sequence = m->unit.sequence;
    answer(w, c);
}

static void on_forget(struct worker_camera *c, const struct mask_wire *m)
{
    c->generation = m->generation;
    if (c->mask)
        mask_forget(c->mask, m->forget.reason);
}

static void dispatch(struct worker *w, const struct mask_wire *m)
{
    struct worker_camera *c = find(w, m->camera);
    if (m->type == MASK_WIRE_OPEN)
        on_open(w, m);
    else if (!c)
        return; /* was refused when it was opened */
    else if (m->type == MASK_WIRE_CLOSE)
        camera_free(c);
    else if (m->type == MASK_WIRE_FORGET)
        on_forget(c, m);
    else if (m->generation != c->generation)
        return;
    else if (m->type == MASK_WIRE_TRACK)
        on_track(c, m);
    else if (m->type == MASK_WIRE_UNIT)
        on_unit(c, m);
}

/* ---- the socket ---- */

static void work_off(struct worker *w)
{
    int n = 1;
    while (w->failed >= 0 && !asked_to_end && w->out.len < OUT_HIGH) {
        n = mask_wire_parse(w->in.data + w->taken, w->in.len - w->taken, MASK_WIRE_FROM_RECORDER,
                            &w->message);
        if (n <= 0)
            break;
        dispatch(w, &w->message);
        w->taken += (size_t)n;
        flush(w);
        beat_if_due(w);
    }
    if (n < 0)
        w->failed = E_PROTOCOL;
    if (w->taken)
        buf_consume(&w->in, w->taken);
    w->taken = 0;
}

static void read_more(struct worker *w)
{
    int r = buf_reserve(&w->in, READ_BYTES);
    if (r < 0) {
        w->failed = r;
        return;
    }
    ssize_t n = recv(w->o->fd, w->in.data + w->in.len, READ_BYTES, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno == ECONNRESET))
        w->failed = E_CLOSED;
    else if (n < 0 && errno != EAGAIN && errno != EINTR)
        w->failed = -errno;
    else if (n > 0)
        w->in.len += (size_t)n;
}

static void turn(struct worker *w)
{
    bool full = w->out.len >= OUT_HIGH;
    struct pollfd p = {.fd = w->o->fd,
                       .events = (short)((full ? 0 : POLLIN) | (w->out.len ? POLLOUT : 0))};
    int n = poll(&p, 1, (int)(BEAT_US / 1000));
    beat_if_due(w);
    if (n <= 0)
        return;
    if (p.revents & (POLLOUT | POLLERR))
        flush(w);
    if (p.revents & (POLLIN | POLLHUP))
        read_more(w);
    work_off(w);
}

static void introduce(struct worker *w)
{
    const struct mask_worker_options *o = w->o;
    w->answer.type = MASK_WIRE_HELLO;
    w->answer.hello.version = MASK_WIRE_VERSION;
    w->answer.hello.number = (uint32_t)o->number;
    w->answer.hello.person = o->person;
    w->answer.hello.face = o->face;
    w->answer.hello.vehicle = o->vehicle;
    answer(w, NULL);
    flush(w);
}

static void release(struct worker *w)
{
    for (int i = 0; i < BUCKETS; i++) {
        struct worker_camera *c, *next;
        list_foreach_safe (c, next, &w->bucket[i], link)
            camera_free(c);
    }
    buf_release(&w->in);
    buf_release(&w->out);
    free(w);
}

int mask_worker_run(const struct mask_worker_options *o, struct err *reterr)
{
    struct worker *w = calloc(1, sizeof(*w));
    if (!w)
        return -ENOMEM;
    w->o = o;
    buf_init(&w->in, MASK_WIRE_MAX + READ_BYTES + 4);
    buf_init(&w->out, OUT_CEILING);
    for (int i = 0; i < BUCKETS; i++)
        list_init(&w->bucket[i]);
    const struct sigaction end = {.sa_handler = on_signal};
    sigaction(SIGTERM, &end, NULL);
    sigaction(SIGINT, &end, NULL);
    asked_to_end = 0;
    introduce(w);
    while (!asked_to_end && w->failed >= 0)
        turn(w);
    int r = w->failed;
    release(w);
    if (r == E_PROTOCOL)
        return err_set(reterr, r, "the recorder sent what is no message for a masker");
    return r == E_CLOSED ? 0 : r;
}

static int try_connect(const struct sockaddr_un *to, int *ret_fd)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0) {
        int code = -errno;
        close(fd);
        return code;
    }
    *ret_fd = fd;
    return 0;
}

int mask_worker_connect(const char *data_dir, int64_t wait_us, int heartbeat_fd, int *ret_fd,
                        struct err *reterr)
{
    const struct timespec pause = {0, 100000000};
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int64_t now = clock_mono_us(&clock_system), end = now + wait_us, beat_at = now;
    int n = snprintf(to.sun_path, sizeof(to.sun_path), "%s/run/masker.sock", data_dir), r;
    if (n < 0 || (size_t)n >= sizeof(to.sun_path))
        return err_set(reterr, E_LIMIT, "%s: too long a path for a socket", data_dir);
    while ((r = try_connect(&to, ret_fd)) == -ENOENT || r == -ECONNREFUSED) {
        now = clock_mono_us(&clock_system);
        if (now > end)
            return err_set(reterr, E_TIMEOUT, "no recorder answers on %s", to.sun_path);
        if (now >= beat_at) {
            beat(heartbeat_fd);
            beat_at = now + BEAT_US;
        }
        nanosleep(&pause, NULL);
    }
    return r < 0 ? err_set(reterr, r, "%s: %s", to.sun_path, err_text(r)) : 0;
}
