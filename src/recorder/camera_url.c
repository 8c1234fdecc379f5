/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Addresses of cameras and the credentials in them. */
#include <stdio.h>
#include <string.h>

#include "recorder/camera_row_private.h"
#include "rtsp/url.h"

static int put_encoded(char *out, size_t size, size_t *at, const char *text)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$*+";
    for (; *text; text++) {
        if (*at + 4 > size)
            return E_LIMIT;
        if (strchr(plain, *text))
            out[(*at)++] = *text;
        else
            *at += (size_t)snprintf(out + *at, size - *at, "%%%02X", (unsigned char)*text);
    }
    out[*at] = 0;
    return 0;
}

/* scheme://user:password@rest, with @password as it stands when @verbatim. */
int camera_url_compose(const struct rtsp_url *u, const char *user, const char *password,
                       bool verbatim, char *out, size_t size)
{
    const char *rest = strstr(u->request, "://");
    size_t at = 0;
    if (!rest)
        return E_SYNTAX;
    at = (size_t)snprintf(out, size, "%s", u->tls ? "rtsps://" : "rtsp://");
    int r = put_encoded(out, size, &at, user);
    if (r >= 0 && *password) {
        out[at++] = ':';
        if (verbatim)
            at += (size_t)snprintf(out + at, size - at, "%s", password);
        else
            r = put_encoded(out, size, &at, password);
    }
    if (r < 0)
        return r;
    int n = snprintf(out + at, size - at, "%s%s", *user || *password ? "@" : "", rest + 3);
    return n < 0 || (size_t)n >= size - at ? E_LIMIT : 0;
}

/* "password=…", "pwd=…" and "pass=…" inside the path or query, as some cameras want them. */
static void redact_query(char *url)
{
    static const char *const names[] = {"password=", "passwd=", "pwd=", "pass="};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char *p = url;
        while ((p = strcasestr(p, names[i]))) {
            char *value = p + strlen(names[i]), *end = value + strcspn(value, "&_/?;");
            if (end - value >= 3) {
                memmove(value + 3, end, strlen(end) + 1);
                memcpy(value, "***", 3);
            } else {
                memset(value, '*', (size_t)(end - value));
            }
            p = value;
        }
    }
}

char *camera_redact(const char *url, char out[CAMERA_URL])
{
    struct rtsp_url u;
    out[0] = 0;
    if (!*url)
        return out;
    if (rtsp_url_parse(url, &u, NULL) < 0 ||
        camera_url_compose(&u, u.user, *u.password ? "***" : "", true, out, CAMERA_URL) < 0)
        snprintf(out, CAMERA_URL, "(not a readable URL)");
    redact_query(out);
    explicit_bzero(u.password, sizeof(u.password));
    return out;
}

bool camera_url_user(const char *url, char ret[128])
{
    struct rtsp_url u;
    bool known = rtsp_url_parse(url, &u, NULL) >= 0;
    bool password = known && *u.password;
    snprintf(ret, 128, "%s", known ? u.user : "");
    explicit_bzero(u.password, sizeof(u.password));
    return password;
}

bool camera_url_has_password(const char *url)
{
    char user[128];
    return camera_url_user(url, user);
}

char *camera_bare(const char *url, char out[CAMERA_URL])
{
    struct rtsp_url u;
    out[0] = 0;
    if (!*url)
        return out;
    if (rtsp_url_parse(url, &u, NULL) < 0 ||
        camera_url_compose(&u, "", "", true, out, CAMERA_URL) < 0)
        snprintf(out, CAMERA_URL, "(not a readable URL)");
    redact_query(out);
    explicit_bzero(u.password, sizeof(u.password));
    return out;
}

/* @given with the credentials of @old put into it; both parsed. */
static int take_credentials(const struct rtsp_url *old, const struct rtsp_url *given, char *out,
                            size_t size)
{
    bool same = old->tls == given->tls && old->port == given->port &&
                strcasecmp(old->host, given->host) == 0;
    bool none = !*given->user && !*given->password;
    bool masked = !strcmp(given->password, "***") && !strcmp(given->user, old->user);
    if (!same || !(none || masked) || (!*old->user && !*old->password))
        return 0;
    return camera_url_compose(given, old->user, old->password, false, out, size);
}

int camera_keep_credentials(const char *stored, char *given, size_t size)
{
    struct rtsp_url old, now;
    char text[CAMERA_URL];
    if (!*stored || !*given)
        return 0;
    if (!strcmp(given, camera_bare(stored, text)) || !strcmp(given, camera_redact(stored, text))) {
        int n =
            snprintf(given, size, "%s", stored); /* not changed: what may be in its query, too */
        return n < 0 || (size_t)n >= size ? E_LIMIT : 0;
    }
    int r = 0;
    if (rtsp_url_parse(stored, &old, NULL) >= 0 && rtsp_url_parse(given, &now, NULL) >= 0)
        r = take_credentials(&old, &now, given, size);
    explicit_bzero(&old, sizeof(old));
    explicit_bzero(&now, sizeof(now));
    return r;
}
