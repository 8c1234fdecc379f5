/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "rtsp/url.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "rtsp/text.h"

#define PORT_RTSP 554
#define PORT_RTSPS 322

static int scheme(struct span *rest, bool *ret_tls)
{
    if (span_starts(*rest, "rtsp://"))
        *ret_tls = false;
    else if (span_starts(*rest, "rtsps://"))
        *ret_tls = true;
    else
        return E_SYNTAX;
    size_t n = *ret_tls ? 8 : 7;
    rest->p += n;
    rest->n -= n;
    return 0;
}

static int hex(char c)
{
    uint64_t v;
    return span_number((struct span){&c, 1}, 16, 15, &v) < 0 ? -1 : (int)v;
}

/* Percent-decode; a '%' without two hex digits behind it stands for itself. */
static int decode(struct span s, char *out, size_t cap)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '%' && i + 2 < s.n && hex(s.p[i + 1]) >= 0 && hex(s.p[i + 2]) >= 0) {
            c = (char)(hex(s.p[i + 1]) << 4 | hex(s.p[i + 2]));
            i += 2;
        }
        if (c == 0 || c == '\r' || c == '\n')
            return E_SYNTAX;
        if (n + 1 >= cap)
            return E_LIMIT;
        out[n++] = c;
    }
    out[n] = 0;
    return 0;
}

static bool host_chars(struct span h)
{
    if (h.n == 0)
        return false;
    for (size_t i = 0; i < h.n; i++) {
        char c = h.p[i];
        bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '.' || c == '_';
        if (!ok)
            return false;
    }
    return true;
}

/* host, host:port, [v6], [v6]:port */
static int host_port(struct span s, struct rtsp_url *u)
{
    struct span host = s, port = {0};
    unsigned char address[16];
    if (s.n && s.p[0] == '[') {
        size_t end = span_find(s, ']');
        if (end == s.n)
            return E_SYNTAX;
        host = (struct span){s.p + 1, end - 1};
        port = (struct span){s.p + end + 1, s.n - end - 1};
        if (span_copy(host, u->host, sizeof(u->host)) < 0 ||
            inet_pton(AF_INET6, u->host, address) != 1)
            return E_SYNTAX;
        u->host_is_address = true;
        if (port.n && port.p[0] != ':')
            return E_SYNTAX;
    } else {
        size_t colon = span_find(s, ':');
        host.n = colon;
        port = (struct span){s.p + colon, s.n - colon};
        if (!host_chars(host))
            return E_SYNTAX;
        if (span_copy(host, u->host, sizeof(u->host)) < 0)
            return E_LIMIT;
        u->host_is_address = inet_pton(AF_INET, u->host, address) == 1;
    }
    u->port = u->tls ? PORT_RTSPS : PORT_RTSP;
    if (port.n <= 1)
        return 0;
    uint64_t v;
    int r = span_number((struct span){port.p + 1, port.n - 1}, 10, 65535, &v);
    if (r < 0 || v == 0)
        return E_SYNTAX;
    u->port = (uint16_t)v;
    return 0;
}

static size_t authority_end(struct span s)
{
    size_t i = 0;
    while (i < s.n && s.p[i] != '/' && s.p[i] != '?' && s.p[i] != '#')
        i++;
    return i;
}

/*
 * Split "[userinfo@]host[:port][path]". First try: the authority ends at the first '/', '?' or '#'. When that gives no
 * valid host, the character was part of a password: try the next '@' further right.
 */
static int split(struct span rest, struct rtsp_url *u, struct span *ret_userinfo,
                 struct span *ret_path)
{
    size_t from = 0;
    int r = E_SYNTAX;
    for (;;) {
        struct span tail = {rest.p + from, rest.n - from};
        size_t end = from + authority_end(tail);
        size_t at = end;
        while (at > 0 && rest.p[at - 1] != '@')
            at--;
        r = host_port((struct span){rest.p + at, end - at}, u);
        if (r >= 0) {
            *ret_userinfo = (struct span){rest.p, at ? at - 1 : 0};
            *ret_path = (struct span){rest.p + end, rest.n - end};
            return 0;
        }
        size_t next = end + span_find((struct span){rest.p + end, rest.n - end}, '@');
        if (next >= rest.n)
            return r;
        from = next + 1;
    }
}

static int credentials(struct span info, struct rtsp_url *u)
{
    size_t colon = span_find(info, ':');
    struct span pass =
        colon < info.n ? (struct span){info.p + colon + 1, info.n - colon - 1} : (struct span){0};
    int r = decode((struct span){info.p, colon}, u->user, sizeof(u->user));
    return r < 0 ? r : decode(pass, u->password, sizeof(u->password));
}

static int write_request(struct rtsp_url *u, struct span path)
{
    struct span clean = {path.p, span_find(path, '#')};
    for (size_t i = 0; i < clean.n; i++)
        if ((unsigned char)clean.p[i] <= ' ')
            return E_SYNTAX;
    bool v6 = strchr(u->host, ':') != NULL;
    char port[8] = "";
    if (u->port != (u->tls ? PORT_RTSPS : PORT_RTSP))
        snprintf(port, sizeof(port), ":%u", u->port);
    int n =
        snprintf(u->request, sizeof(u->request), "%s://%s%s%s%s%.*s", u->tls ? "rtsps" : "rtsp",
                 v6 ? "[" : "", u->host, v6 ? "]" : "", port, (int)clean.n, clean.n ? clean.p : "");
    return n >= (int)sizeof(u->request) ? E_LIMIT : 0;
}

int rtsp_url_parse(const char *text, struct rtsp_url *ret, struct err *reterr)
{
    struct rtsp_url u = {0};
    struct span rest = span_trim(span_of(text)), info, path;
    if (rest.n > 4 * RTSP_URL_BYTES)
        return err_set(reterr, E_LIMIT, "the URL is longer than %d characters", 4 * RTSP_URL_BYTES);
    if (scheme(&rest, &u.tls) < 0)
        return err_set(reterr, E_SYNTAX, "the URL does not begin with rtsp:// or rtsps://");
    if (split(rest, &u, &info, &path) < 0)
        return err_set(reterr, E_SYNTAX, "host or port of the URL is not well formed");
    int r = credentials(info, &u);
    if (r < 0)
        return err_set(reterr, r,
                       "user or password of the URL is too long or holds control characters");
    r = write_request(&u, path);
    if (r < 0)
        return err_set(reterr, r,
                       "the path of the URL is too long or holds blanks or control characters");
    *ret = u;
    return 0;
}

int rtsp_url_base(const char *header, const char *request, char ret[RTSP_URL_BYTES])
{
    int broken = 0;
    struct span h = span_trim(span_of(header));
    struct rtsp_url u;
    char text[RTSP_URL_BYTES];
    snprintf(ret, RTSP_URL_BYTES, "%s", request);
    if (h.n == 0)
        return 0;
    while (span_starts(h, "rtsp://rtsp://") || span_starts(h, "rtsp://rtsps://")) {
        h.p += 7, h.n -= 7;
        broken = 1;
    }
    if (span_copy(h, text, sizeof(text)) < 0 || rtsp_url_parse(text, &u, NULL) < 0)
        return 1;
    snprintf(ret, RTSP_URL_BYTES, "%s", u.user[0] ? u.request : text);
    return broken;
}

int rtsp_url_join(const char *base, const char *control, char ret[RTSP_URL_BYTES])
{
    struct span c = span_trim(span_of(control));
    struct rtsp_url u;
    char text[RTSP_URL_BYTES];
    int n;
    if (c.n == 0 || span_is(c, "*")) {
        n = snprintf(ret, RTSP_URL_BYTES, "%s", base);
    } else if (span_starts(c, "rtsp://") || span_starts(c, "rtsps://")) {
        if (span_copy(c, text, sizeof(text)) < 0)
            return E_LIMIT;
        bool plain = rtsp_url_parse(text, &u, NULL) < 0 || !u.user[0];
        n = snprintf(ret, RTSP_URL_BYTES, "%s", plain ? text : u.request);
    } else {
        size_t bl = strlen(base);
        bool slash = bl && base[bl - 1] == '/';
        if (slash && c.p[0] == '/')
            c.p++, c.n--;
        const char *glue = slash || (c.n && (c.p[0] == '/' || c.p[0] == '?')) ? "" : "/";
        n = snprintf(ret, RTSP_URL_BYTES, "%s%s%.*s", base, glue, (int)c.n, c.p);
    }
    return n >= RTSP_URL_BYTES ? E_LIMIT : 0;
}
