/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What people wrote about a camera, checked and turned into a row. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "recorder/camera_row_private.h"
#include "recorder/zones.h"
#include "rtsp/url.h"

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
    r = *in->user || *in->password
            ? camera_url_compose(&u, in->user, in->password, false, out, size)
            : camera_url_compose(&u, u.user, u.password, false, out, size);
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

static int check_number(const char *text, double min, double max, double *ret, struct err *reterr)
{
    char *end;
    double v = *text ? strtod(text, &end) : 0;
    if (*text && (*end || strspn(text, "0123456789.+-") != strlen(text) || !(v >= min && v <= max)))
        return err_set(reterr, E_RANGE, "'%.20s' is not a number from %g to %g", text, min, max);
    *ret = v;
    return 0;
}

/* A real day, or nothing. */
static int check_day(const char *text, char ret[11], struct err *reterr)
{
    char full[TIME_TEXT], back[TIME_TEXT];
    int64_t us;
    if (!*text)
        return 0;
    snprintf(full, sizeof(full), "%.10sT00:00:00Z", text);
    if (strlen(text) != 10 || time_parse(full, &us) < 0 ||
        strncmp(time_format_date(us, back), text, 10) != 0)
        return err_set(reterr, E_SYNTAX, "'%.20s' is not a day like 2027-05-01", text);
    snprintf(ret, 11, "%.10s", text);
    return 0;
}

static int check_group(const struct camera_input *in, struct index_camera *c, const char **part,
                       struct err *reterr)
{
    *part = "group";
    if (*in->group && !config_id_valid(in->group))
        return err_set(reterr, E_SYNTAX,
                       "'%.63s' is not 1 to 63 of a-z, 0-9, '.', '_', '-', beginning with a letter "
                       "or digit",
                       in->group);
    snprintf(c->group, sizeof(c->group), "%.63s", in->group);
    return 0;
}

static int check_place(const struct camera_input *in, struct index_register *reg, const char **part,
                       struct err *reterr)
{
    *part = "lat";
    if (!*in->lat != !*in->lon)
        return err_set(reterr, E_SYNTAX, "a place on the map takes both lat and lon");
    int r = check_number(in->lat, -90, 90, &reg->lat, reterr);
    if (r < 0)
        return r;
    *part = "lon";
    r = check_number(in->lon, -180, 180, &reg->lon, reterr);
    reg->located = *in->lat != 0;
    return r;
}

static int check_register(const struct camera_input *in, struct index_camera *c, const char **part,
                          struct err *reterr)
{
    struct index_register *reg = &c->reg;
    snprintf(reg->purpose, sizeof(reg->purpose), "%s", in->purpose);
    snprintf(reg->owner, sizeof(reg->owner), "%s", in->owner);
    snprintf(reg->contact, sizeof(reg->contact), "%s", in->contact);
    snprintf(reg->place, sizeof(reg->place), "%s", in->place);
    snprintf(reg->sees, sizeof(reg->sees), "%s", in->sees);
    snprintf(reg->retention_reason, sizeof(reg->retention_reason), "%s", in->retention_reason);
    int r = check_place(in, reg, part, reterr);
    if (r < 0)
        return r;
    *part = "px_per_m";
    r = check_number(in->px_per_m, 0, 10000, &reg->px_per_m, reterr);
    if (r < 0)
        return r;
    *part = "review";
    return check_day(in->review, reg->review, reterr);
}

int camera_check(const struct camera_input *in, struct index_camera *ret, const char **part,
                 struct err *reterr)
{
    struct index_camera c = {.transport = in->transport,
                             .audio = in->audio,
                             .enabled = in->enabled,
                             .tls_insecure = in->tls_insecure,
                             .retention_days = in->retention_days,
                             .declared_empty_us = in->declared_empty_us};
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
    if ((r = check_group(in, &c, part, reterr)) < 0 ||
        (r = check_register(in, &c, part, reterr)) < 0)
        return r;
    *part = "zones";
    r = zones_normalise(in->zones, c.zones, reterr);
    if (r < 0)
        return r;
    c.changed_us = clock_wall_us(&clock_system);
    *ret = c;
    return 0;
}
