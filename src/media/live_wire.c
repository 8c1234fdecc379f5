/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/live_wire.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/config.h"

#define HEADER 5 /* length and type */
#define READ_BYTES ((size_t)64 << 10)
#define SEND_PATIENCE_US (2 * SECOND_US)

static bool camera_id(const uint8_t *p, size_t n, char ret[LIVE_CAMERA])
{
    if (n == 0 || n >= LIVE_CAMERA)
        return false;
    memcpy(ret, p, n);
    ret[n] = 0;
    return strlen(ret) == n && config_id_valid(ret);
}

static int parse_payload(const uint8_t *p, size_t n, struct live_message *m)
{
    if (m->type != LIVE_SUBSCRIBE) {
        size_t id = n ? p[0] : 0;
        if (n < 1 + id || !camera_id(p + 1, id, m->camera))
            return E_SYNTAX;
        p += 1 + id;
        n -= 1 + id;
    }
    if (m->type == LIVE_FRAGMENT) {
        if (n < 9)
            return E_SYNTAX;
        m->utc_us = (int64_t)rd64(p);
        m->key = p[8] & LIVE_FRAGMENT_KEY;
        p += 9;
        n -= 9;
    }
    m->data = p;
    m->size = n;
    return 0;
}

int live_wire_parse(const uint8_t *data, size_t len, size_t max, struct live_message *ret)
{
    if (len < 4)
        return 0;
    uint32_t length = rd32(data);
    if (length < 1)
        return E_SYNTAX;
    if (length > max || max > LIVE_MESSAGE_MAX)
        return E_LIMIT;
    if (len < 4 + (size_t)length)
        return 0;
    struct live_message m = {.type = (enum live_type)data[4]};
    if (!strchr("SIFC", data[4]) || !data[4])
        return E_SYNTAX;
    int r = parse_payload(data + HEADER, length - 1, &m);
    if (r < 0)
        return r;
    *ret = m;
    return (int)(4 + length);
}

int live_wire_build(const struct live_message *m, struct buf *out)
{
    char checked[LIVE_CAMERA];
    size_t before = out->len, id = strnlen(m->camera, LIVE_CAMERA);
    bool of_camera = m->type != LIVE_SUBSCRIBE;
    size_t length = 1 + (of_camera ? 1 + id : 0) + (m->type == LIVE_FRAGMENT ? 9 : 0) + m->size;
    if (m->size > LIVE_MESSAGE_MAX || length > LIVE_MESSAGE_MAX)
        return E_LIMIT;
    if (of_camera && !camera_id((const uint8_t *)m->camera, id, checked))
        return E_RANGE;
    int r = buf_reserve(out, 4 + length);
    if (r < 0)
        return r;
    buf_u32(out, (uint32_t)length);
    buf_u8(out, (uint8_t)m->type);
    if (of_camera) {
        buf_u8(out, (uint8_t)id);
        buf_append(out, m->camera, id);
    }
    if (m->type == LIVE_FRAGMENT) {
        buf_u64(out, (uint64_t)m->utc_us);
        buf_u8(out, m->key ? LIVE_FRAGMENT_KEY : 0);
    }
    r = buf_append(out, m->data, m->size);
    if (r < 0)
        out->len = before;
    return r;
}

/* ---- client ---- */

int live_client_open(struct live_client *c, const char *run_dir, struct err *reterr)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    *c = (struct live_client){.fd = -1};
    buf_init(&c->in, LIVE_MESSAGE_MAX + READ_BYTES + 4);
    int n = snprintf(to.sun_path, sizeof(to.sun_path), "%s/live.sock", run_dir);
    if (n < 0 || (size_t)n >= sizeof(to.sun_path))
        return err_set(reterr, E_LIMIT, "%s: too long a path for a socket", run_dir);
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (c->fd < 0)
        return err_set(reterr, -errno, "socket: %s", err_text(-errno));
    if (connect(c->fd, (const struct sockaddr *)&to, sizeof(to)) < 0) {
        int code = -errno;
        live_client_close(c);
        return err_set(reterr, code, "the recorder's live socket %s: %s", to.sun_path,
                       err_text(code));
    }
    return 0;
}

void live_client_close(struct live_client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    c->taken = 0;
    buf_release(&c->in);
}

static int send_all(int fd, const uint8_t *p, size_t n)
{
    int64_t end = clock_mono_us(&clock_system) + SEND_PATIENCE_US;
    while (n > 0) {
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return errno == EPIPE || errno == ECONNRESET ? E_CLOSED : -errno;
        if (sent > 0) {
            p += sent;
            n -= (size_t)sent;
            continue;
        }
        struct pollfd room = {.fd = fd, .events = POLLOUT};
        int64_t left = end - clock_mono_us(&clock_system);
        if (left <= 0)
            return E_TIMEOUT;
        poll(&room, 1, (int)(left / 1000) + 1);
    }
    return 0;
}

int live_client_subscribe(struct live_client *c, const char *const *cameras, size_t n)
{
    struct buf json, out;
    char checked[LIVE_CAMERA];
    buf_init(&json, LIVE_SUBSCRIBE_MAX - 1);
    buf_init(&out, LIVE_SUBSCRIBE_MAX + HEADER);
    int r = buf_appendf(&json, "{\"cameras\":[");
    for (size_t i = 0; i < n && r >= 0; i++) {
        bool all = strcmp(cameras[i], "*") == 0;
        if (!all && !camera_id((const uint8_t *)cameras[i], strlen(cameras[i]), checked))
            r = E_RANGE;
        else
            r = buf_appendf(&json, "%s\"%s\"", i ? "," : "", cameras[i]);
    }
    if (r >= 0)
        r = buf_appendf(&json, "]}");
    struct live_message m = {.type = LIVE_SUBSCRIBE, .data = json.data, .size = json.len};
    if (r >= 0)
        r = live_wire_build(&m, &out);
    if (r >= 0)
        r = c->fd < 0 ? E_CLOSED : send_all(c->fd, out.data, out.len);
    buf_release(&json);
    buf_release(&out);
    return r;
}

int live_client_read(struct live_client *c)
{
    if (c->fd < 0)
        return E_CLOSED;
    if (c->taken)
        buf_consume(&c->in, c->taken);
    c->taken = 0;
    int r = buf_reserve(&c->in, READ_BYTES);
    if (r < 0)
        return r;
    ssize_t n = read(c->fd, c->in.data + c->in.len, READ_BYTES);
    if (n == 0)
        return E_CLOSED;
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : errno == ECONNRESET ? E_CLOSED : -errno;
    c->in.len += (size_t)n;
    return (int)n;
}

int live_client_next(struct live_client *c, struct live_message *ret)
{
    int n = live_wire_parse(c->in.data + c->taken, c->in.len - c->taken, LIVE_MESSAGE_MAX, ret);
    if (n <= 0)
        return n;
    c->taken += (size_t)n;
    return 1;
}
