/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "rtsp/message.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/err.h"

/* Length of head including the empty line; 0 when it is not there yet. */
static size_t head_length(const char *data, size_t len)
{
    size_t line = 0;
    while (line < len) {
        const char *lf = memchr(data + line, '\n', len - line);
        if (!lf)
            return 0;
        size_t n = (size_t)(lf - data) - line;
        bool empty = n == 0 || (n == 1 && data[line] == '\r');
        line += n + 1;
        if (empty)
            return line;
    }
    return 0;
}

static struct span take_line(struct span *rest)
{
    size_t n = span_find(*rest, '\n');
    struct span line = {rest->p, n};
    size_t used = n < rest->n ? n + 1 : n;
    rest->p += used;
    rest->n -= used;
    if (line.n && line.p[line.n - 1] == '\r')
        line.n--;
    return line;
}

static int parse_status(struct span line, struct rtsp_message *m)
{
    size_t blank = span_find(line, ' ');
    struct span rest = span_trim((struct span){line.p + blank, line.n - blank});
    uint64_t code;
    if (rest.n < 3 || span_number((struct span){rest.p, 3}, 10, 999, &code) < 0 || code < 100)
        return E_SYNTAX;
    m->status = (int)code;
    m->reason = span_trim((struct span){rest.p + 3, rest.n - 3});
    return 0;
}

static int parse_request(struct span line, struct rtsp_message *m)
{
    struct span version;
    if (!span_cut(&line, ' ', &m->method) || !span_cut(&line, ' ', &m->uri) ||
        !span_cut(&line, ' ', &version))
        return E_SYNTAX;
    if (!span_starts(version, "RTSP/") || m->method.n == 0)
        return E_SYNTAX;
    for (size_t i = 0; i < m->method.n; i++)
        if ((m->method.p[i] < 'A' || m->method.p[i] > 'Z') && m->method.p[i] != '_')
            return E_SYNTAX;
    m->request = true;
    return 0;
}

static int parse_start_line(struct span line, struct rtsp_message *m)
{
    for (size_t i = 0; i < line.n; i++)
        if ((unsigned char)line.p[i] < ' ' && line.p[i] != '\t')
            return E_SYNTAX;
    return span_starts(line, "RTSP/") ? parse_status(line, m) : parse_request(line, m);
}

static void parse_header_line(struct span line, struct rtsp_message *m)
{
    bool folded = line.n && (line.p[0] == ' ' || line.p[0] == '\t');
    if (folded && m->headers) {
        struct span *v = &m->header[m->headers - 1].value;
        *v = span_trim((struct span){v->p, (size_t)(line.p + line.n - v->p)});
        return;
    }
    size_t colon = span_find(line, ':');
    if (colon == line.n || m->headers == RTSP_HEADERS)
        return;
    m->header[m->headers].name = span_trim((struct span){line.p, colon});
    m->header[m->headers].value = span_trim((struct span){line.p + colon + 1, line.n - colon - 1});
    m->headers++;
}

int rtsp_message_parse(const char *data, size_t len, struct rtsp_message *ret)
{
    size_t skip = 0;
    while (skip < len && (data[skip] == '\r' || data[skip] == '\n'))
        skip++;
    size_t room = len - skip < RTSP_HEAD_BYTES ? len - skip : RTSP_HEAD_BYTES;
    size_t head = head_length(data + skip, room);
    if (!head)
        return room == RTSP_HEAD_BYTES || skip > RTSP_HEAD_BYTES ? E_LIMIT : 0;
    struct span rest = {data + skip, head};
    ret->request = false;
    ret->status = ret->headers = 0;
    ret->reason = ret->method = ret->uri = ret->body = (struct span){0};
    int r = parse_start_line(take_line(&rest), ret);
    if (r < 0)
        return r;
    while (rest.n)
        parse_header_line(take_line(&rest), ret);
    uint64_t body = 0;
    struct span length = rtsp_message_get(ret, "Content-Length");
    if (length.n && span_leading_number(length, RTSP_BODY_BYTES, &body) == E_RANGE)
        return E_LIMIT;
    if (len - skip - head < body)
        return 0;
    ret->body = (struct span){data + skip + head, body};
    return (int)(skip + head + body);
}

struct span rtsp_message_get(const struct rtsp_message *m, const char *name)
{
    for (int i = 0; i < m->headers; i++)
        if (span_is(m->header[i].name, name))
            return m->header[i].value;
    return (struct span){0};
}

int rtsp_message_cseq(const struct rtsp_message *m, uint32_t *ret)
{
    uint64_t v;
    struct span s = rtsp_message_get(m, "CSeq");
    if (!s.p)
        return E_NOTFOUND;
    int r = span_leading_number(s, UINT32_MAX, &v);
    if (r >= 0)
        *ret = (uint32_t)v;
    return r;
}

int rtsp_session_header(struct span value, char *ret_id, size_t cap, unsigned *ret_timeout)
{
    struct span id, param;
    if (!span_cut(&value, ';', &id) || id.n == 0)
        return E_NOTFOUND;
    int r = span_copy(id, ret_id, cap);
    if (r < 0)
        return r;
    while (span_cut(&value, ';', &param)) {
        size_t eq = span_find(param, '=');
        uint64_t v;
        struct span number = {param.p + eq + (eq < param.n), param.n - eq - (eq < param.n)};
        if (span_is(span_trim((struct span){param.p, eq}), "timeout") &&
            span_leading_number(number, 86400, &v) >= 0 && v > 0)
            *ret_timeout = (unsigned)v;
    }
    return 0;
}

/* "a-b" or "a"; the second number is the first plus one when it is missing. */
static int number_pair(struct span s, uint64_t max, uint64_t *a, uint64_t *b)
{
    size_t dash = span_find(s, '-');
    int r = span_number((struct span){s.p, dash}, 10, max, a);
    if (r < 0)
        return r;
    if (dash == s.n || span_number((struct span){s.p + dash + 1, s.n - dash - 1}, 10, max, b) < 0)
        *b = *a < max ? *a + 1 : *a;
    return 0;
}

static void transport_parameter(struct span name, struct span value, struct rtsp_transport_reply *t)
{
    uint64_t a, b;
    unsigned char address[16];
    if (span_is(name, "interleaved") && number_pair(value, 255, &a, &b) >= 0) {
        t->has_interleaved = true;
        t->rtp_channel = (uint8_t)a;
        t->rtcp_channel = (uint8_t)b;
    } else if (span_is(name, "server_port") && number_pair(value, 65535, &a, &b) >= 0) {
        t->server_rtp = (uint16_t)a;
        t->server_rtcp = a ? (uint16_t)b : 0;
    } else if (span_is(name, "ssrc") && span_number(value, 16, UINT32_MAX, &a) >= 0) {
        t->has_ssrc = true;
        t->ssrc = (uint32_t)a;
    } else if (span_is(name, "source") && span_copy(value, t->source, sizeof(t->source)) >= 0) {
        if (inet_pton(AF_INET, t->source, address) != 1 &&
            inet_pton(AF_INET6, t->source, address) != 1)
            t->source[0] = 0; /* a host name: the address of the connection is as good */
    }
}

static int one_transport(struct span spec, struct rtsp_transport_reply *t)
{
    struct span word;
    *t = (struct rtsp_transport_reply){0};
    if (!span_cut(&spec, ';', &word) ||
        !(span_starts(word, "RTP/AVP") || span_starts(word, "RTP/SAVP")))
        return E_UNSUPPORTED;
    t->tcp = span_is(word, "RTP/AVP/TCP");
    while (span_cut(&spec, ';', &word)) {
        size_t eq = span_find(word, '=');
        if (span_is(word, "multicast"))
            return E_UNSUPPORTED;
        if (eq < word.n)
            transport_parameter(
                span_trim((struct span){word.p, eq}),
                span_unquote(span_trim((struct span){word.p + eq + 1, word.n - eq - 1})), t);
    }
    return 0;
}

int rtsp_transport_header(struct span value, struct rtsp_transport_reply *ret)
{
    struct span spec;
    int r = E_SYNTAX;
    while (span_cut(&value, ',', &spec)) {
        struct rtsp_transport_reply t;
        r = one_transport(spec, &t);
        if (r >= 0) {
            *ret = t;
            return 0;
        }
    }
    return r;
}
