/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "sim/request.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"

#define BODY_MAX (64 << 10)

/* End of the header block: position behind the empty line, 0 if it is not there yet. */
static size_t head_length(const char *d, size_t len)
{
    for (size_t i = 0; i + 1 < len; i++) {
        if (d[i] != '\n')
            continue;
        if (d[i + 1] == '\n')
            return i + 2;
        if (i + 2 < len && d[i + 1] == '\r' && d[i + 2] == '\n')
            return i + 3;
    }
    return 0;
}

/* Cut the line at *at off, without its end; NULL at the end of the block. */
static char *take_line(char *d, size_t len, size_t *at)
{
    if (*at >= len)
        return NULL;
    char *line = d + *at, *nl = memchr(line, '\n', len - *at);
    if (!nl)
        return NULL;
    *at = (size_t)(nl - d) + 1;
    *nl = 0;
    if (nl > line && nl[-1] == '\r')
        nl[-1] = 0;
    return line;
}

static char *trim(char *s)
{
    while (*s == ' ' || *s == '\t')
        s++;
    size_t n = strlen(s);
    while (n && (s[n - 1] == ' ' || s[n - 1] == '\t'))
        s[--n] = 0;
    return s;
}

static int parse_start(char *line, struct sim_request *ret)
{
    ret->response = !strncmp(line, "RTSP/", 5);
    if (ret->response)
        return 0;
    char *uri = strchr(line, ' ');
    if (!uri)
        return E_SYNTAX;
    *uri++ = 0;
    char *version = strrchr(uri, ' ');
    if (!version || strncmp(version + 1, "RTSP/", 5) != 0 || version == uri)
        return E_SYNTAX;
    *version = 0;
    ret->method = line;
    ret->uri = trim(uri);
    return 0;
}

static int parse_headers(char *data, size_t head, size_t at, struct sim_request *ret)
{
    char *line;
    while ((line = take_line(data, head, &at)) && *line) {
        char *colon = strchr(line, ':');
        if (!colon)
            return E_SYNTAX;
        if (ret->headers == SIM_HEADERS)
            return E_LIMIT;
        *colon = 0;
        ret->header[ret->headers++] = (struct sim_header){trim(line), trim(colon + 1)};
    }
    return 0;
}

/* Content-Length must be known before anything is changed: the body may not be there yet. */
static long body_length(const char *d, size_t head)
{
    static const char name[] = "content-length:";
    for (size_t i = 0; i + sizeof(name) < head; i++)
        if ((i == 0 || d[i - 1] == '\n') && !strncasecmp(d + i, name, sizeof(name) - 1))
            return strtol(d + i + sizeof(name) - 1, NULL, 10);
    return 0;
}

long sim_request_parse(char *data, size_t len, struct sim_request *ret)
{
    *ret = (struct sim_request){0};
    size_t head = head_length(data, len), at = 0;
    if (!head)
        return 0;
    if (memchr(data, 0, head))
        return E_SYNTAX;
    long body = body_length(data, head);
    if (body < 0 || body > BODY_MAX)
        return E_LIMIT;
    if (len - head < (size_t)body)
        return 0;
    char *line = take_line(data, head, &at);
    int r = line ? parse_start(line, ret) : E_SYNTAX;
    if (r >= 0)
        r = parse_headers(data, head, at, ret);
    if (r < 0)
        return r;
    ret->body = data + head;
    ret->body_len = (size_t)body;
    return (long)head + body;
}

const char *sim_request_header(const struct sim_request *r, const char *name)
{
    for (int i = 0; i < r->headers; i++)
        if (!strcasecmp(r->header[i].name, name))
            return r->header[i].value;
    return NULL;
}

struct sim_target sim_target_parse(const char *uri)
{
    struct sim_target t = {-1, -1, -1};
    const char *cam = strstr(uri, "/cam");
    if (!cam)
        return t;
    char *end;
    long n = strtol(cam + 4, &end, 10);
    if (end == cam + 4 || !isdigit((unsigned char)cam[4]) || n < 0 || n > 1000000)
        return t;
    if (!strncmp(end, "/main", 5))
        t.stream = 0;
    else if (!strncmp(end, "/sub", 4))
        t.stream = 1;
    else
        return t;
    end += t.stream ? 4 : 5;
    if (*end && !strchr("/?;#", *end)) {
        t.stream = -1;
        return t;
    }
    t.camera = (int)n;
    const char *track = strstr(end, "trackID=");
    if (track && isdigit((unsigned char)track[8]))
        t.track = (int)strtol(track + 8, NULL, 10);
    return t;
}

static void parse_pair(const char *params, const char *name, int ret[2])
{
    const char *at = strstr(params, name);
    ret[0] = ret[1] = -1;
    if (!at)
        return;
    if (sscanf(at + strlen(name), "%d-%d", &ret[0], &ret[1]) == 1)
        ret[1] = ret[0] + 1;
    for (int i = 0; i < 2; i++)
        if (ret[i] < 0 || ret[i] > 65535)
            ret[i] = -1;
}

struct sim_transport sim_transport_parse(const char *value, bool udp_allowed)
{
    struct sim_transport t = {0};
    char one[512];
    while (value && *value && !t.ok) {
        size_t n = strcspn(value, ",");
        snprintf(one, sizeof(one), "%.*s", (int)(n < sizeof(one) ? n : sizeof(one) - 1), value);
        value += n + (value[n] == ',');
        t.tcp = strstr(one, "/TCP") || strstr(one, "interleaved=");
        t.multicast = strstr(one, "multicast") != NULL;
        parse_pair(one, "interleaved=", t.channel);
        parse_pair(one, "client_port=", t.client_port);
        t.ok = t.tcp ? t.channel[0] < 256 && t.channel[1] < 256
                     : !t.multicast && udp_allowed && t.client_port[0] > 0 && t.client_port[1] > 0;
    }
    return t;
}
