/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "cli/camera.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "rtsp/session.h"
#include "rtsp/url.h"

const char *const camera_columns[CAM_COLUMNS + 1] = {
    "id",  "name",         "main", "sub",      "transport", "audio", "enabled", "retention_days",
    "pin", "tls_insecure", "user", "password", NULL,
};

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
static int compose(const struct rtsp_url *u, const char *user, const char *password, bool verbatim,
                   char *out, size_t size)
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
        compose(&u, u.user, *u.password ? "***" : "", true, out, CAMERA_URL) < 0)
        snprintf(out, CAMERA_URL, "(not a readable URL)");
    redact_query(out);
    explicit_bzero(u.password, sizeof(u.password));
    return out;
}

bool camera_url_has_password(const char *url)
{
    struct rtsp_url u;
    bool has = rtsp_url_parse(url, &u, NULL) >= 0 && *u.password;
    explicit_bzero(u.password, sizeof(u.password));
    return has;
}

static int check_url(const char *text, const struct camera_input *in, bool *tls, char *out,
                     size_t size, struct err *reterr)
{
    struct rtsp_url u;
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p <= 0x20 || *p == 0x7f)
            return err_set(reterr, E_SYNTAX, "a URL holds no blanks; write %%20 for one");
    int r = rtsp_url_parse(text, &u, reterr);
    if (r < 0)
        return r;
    if (!strcmp(u.password, "***"))
        return err_set(
            reterr, E_SYNTAX,
            "the password is '***': that is what list, show and export print in its place");
    r = *in->user || *in->password ? compose(&u, in->user, in->password, false, out, size)
                                   : compose(&u, u.user, u.password, false, out, size);
    explicit_bzero(u.password, sizeof(u.password));
    *tls = *tls || u.tls;
    return r < 0 ? err_set(reterr, r, "longer than %zu bytes with its credentials", size - 1) : 0;
}

static int check_pin(const char *pin, bool tls, char out[65], struct err *reterr)
{
    size_t n = 0;
    for (; *pin; pin++) {
        char c = *pin >= 'A' && *pin <= 'F' ? (char)(*pin + 32) : *pin;
        if (c == ':')
            continue;
        if (!strchr("0123456789abcdef", c) || n == 64)
            return err_set(reterr, E_SYNTAX,
                           "64 hexadecimal digits are wanted, the SHA-256 of the certificate");
        out[n++] = c;
    }
    out[n] = 0;
    if (n && n != 64)
        return err_set(reterr, E_SYNTAX,
                       "64 hexadecimal digits are wanted, the SHA-256 of the certificate");
    if (n && !tls)
        return err_set(reterr, E_SYNTAX, "a certificate can only be pinned for rtsps:// URLs");
    return 0;
}

int camera_check(const struct camera_input *in, struct index_camera *ret, const char **part,
                 struct err *reterr)
{
    struct index_camera c = {.transport = in->transport,
                             .audio = in->audio,
                             .enabled = in->enabled,
                             .tls_insecure = in->tls_insecure,
                             .retention_days = in->retention_days};
    bool tls = false;
    *part = "id";
    if (!config_id_valid(in->id))
        return err_set(
            reterr, E_SYNTAX,
            "'%.63s' is not 1 to 63 of a-z, 0-9, '.', '_', '-', beginning with a letter or "
            "digit",
            in->id);
    snprintf(c.id, sizeof(c.id), "%.63s", in->id);
    snprintf(c.name, sizeof(c.name), "%s", in->name);
    *part = "user";
    if (*in->password && !*in->user)
        return err_set(reterr, E_SYNTAX, "a password needs a user");
    *part = "main";
    if (!*in->main)
        return err_set(reterr, E_SYNTAX, "the URL of the main stream is missing");
    int r = check_url(in->main, in, &tls, c.main_url, sizeof(c.main_url), reterr);
    if (r < 0)
        return r;
    *part = "sub";
    r = *in->sub ? check_url(in->sub, in, &tls, c.sub_url, sizeof(c.sub_url), reterr) : 0;
    if (r < 0)
        return r;
    *part = "pin";
    r = check_pin(in->pin, tls, c.pin, reterr);
    if (r < 0)
        return r;
    *part = "tls_insecure";
    if (in->tls_insecure && !tls)
        return err_set(reterr, E_SYNTAX, "only rtsps:// URLs have a certificate to overlook");
    *part = "retention_days";
    if (in->retention_days < 0 || in->retention_days > 3650)
        return err_set(reterr, E_RANGE,
                       "%d is not a number of days from 1 to 3650, or 0 for the node's",
                       in->retention_days);
    c.changed_us = clock_wall_us(&clock_system);
    *ret = c;
    return 0;
}

json_t *camera_json(const struct index_camera *c, bool secrets)
{
    char main[CAMERA_URL], sub[CAMERA_URL], changed[TIME_TEXT];
    return json_pack(
        "{ss ss ss ss ss sb sb sb si ss ss}", "id", c->id, "name", c->name, "main",
        secrets ? c->main_url : camera_redact(c->main_url, main), "sub",
        secrets ? c->sub_url : camera_redact(c->sub_url, sub), "transport",
        config_transport_names[c->transport >= 0 && c->transport <= 2 ? c->transport : 0], "audio",
        c->audio, "enabled", c->enabled, "tls_insecure", c->tls_insecure, "retention_days",
        c->retention_days, "pin", c->pin, "changed", time_format(c->changed_us, changed));
}

int camera_read_password(const char *path, char out[128], struct err *reterr)
{
    bool standard = !strcmp(path, "-");
    FILE *f = standard ? stdin : fopen(path, "re");
    struct stat st;
    if (!f)
        return err_set(reterr, -errno, "%s: %s", path, err_text(-errno));
    if (!standard && !fstat(fileno(f), &st) && S_ISREG(st.st_mode) && (st.st_mode & 077))
        fprintf(stderr, "lethe: others can read %s; chmod 600 it\n", path);
    bool got = fgets(out, 128, f) != NULL;
    if (!standard)
        fclose(f);
    if (!got)
        return err_set(reterr, E_SYNTAX, "%s: no password in it", path);
    size_t len = strlen(out);
    if (len == 127 && out[126] != '\n')
        return err_set(reterr, E_LIMIT, "%s: a password longer than 126 bytes", path);
    out[strcspn(out, "\r\n")] = 0;
    return *out ? 0 : err_set(reterr, E_SYNTAX, "%s: its first line is empty", path);
}

int camera_defaults(const struct cli_args *a, struct camera_input *in, struct err *reterr)
{
    struct config c;
    char found[4096];
    const char *path = cli_value(a, "config", NULL);
    *in = (struct camera_input){.enabled = true};
    snprintf(found, sizeof(found), "%s/lethe.yaml", cli_data_dir(a));
    if (!path && access(found, R_OK))
        return 0;
    int r = config_load(path ? path : found, &c, reterr);
    if (r < 0)
        return r;
    in->transport = c.cameras.transport;
    in->audio = c.cameras.audio;
    config_free(&c);
    return 0;
}
