/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The table of fields, and what reads and writes by it. */
#include "recorder/camera_row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "recorder/zones.h"

#define FIELD(name, member, kind)                                                                  \
    {                                                                                              \
        name, kind, offsetof(struct camera_input, member),                                         \
            sizeof(((struct camera_input *)0)->member), false                                      \
    }
#define SECRET(name, member)                                                                       \
    {                                                                                              \
        name, CAMERA_TEXT, offsetof(struct camera_input, member),                                  \
            sizeof(((struct camera_input *)0)->member), true                                       \
    }

const struct camera_field camera_fields[CAMERA_FIELDS + 1] = {
    FIELD("id", id, CAMERA_TEXT),
    FIELD("name", name, CAMERA_TEXT),
    FIELD("main", main, CAMERA_TEXT),
    FIELD("sub", sub, CAMERA_TEXT),
    FIELD("transport", transport, CAMERA_TRANSPORT),
    FIELD("audio", audio, CAMERA_FLAG),
    FIELD("enabled", enabled, CAMERA_FLAG),
    FIELD("retention_days", retention_days, CAMERA_DAYS),
    FIELD("pin", pin, CAMERA_TEXT),
    FIELD("tls_insecure", tls_insecure, CAMERA_FLAG),
    FIELD("group", group, CAMERA_TEXT),
    FIELD("purpose", purpose, CAMERA_TEXT),
    FIELD("owner", owner, CAMERA_TEXT),
    FIELD("contact", contact, CAMERA_TEXT),
    FIELD("place", place, CAMERA_TEXT),
    FIELD("lat", lat, CAMERA_NUMBER),
    FIELD("lon", lon, CAMERA_NUMBER),
    FIELD("px_per_m", px_per_m, CAMERA_NUMBER),
    FIELD("sees", sees, CAMERA_TEXT),
    FIELD("review", review, CAMERA_TEXT),
    FIELD("retention_reason", retention_reason, CAMERA_TEXT),
    FIELD("zones", zones, CAMERA_TEXT),
    SECRET("user", user),
    SECRET("password", password),
    {0},
};

static int set_text(char *out, size_t size, const char *text, struct err *reterr)
{
    if (strlen(text) >= size)
        return err_set(reterr, E_LIMIT, "longer than %zu bytes", size - 1);
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return err_set(reterr, E_SYNTAX, "holds a control character");
    memcpy(out, text, strlen(text) + 1);
    return 0;
}

static int set_flag(bool *out, const char *text, struct err *reterr)
{
    static const char *const words[] = {"false", "no", "off", "0", "true", "yes", "on", "1"};
    for (size_t i = 0; *text && i < 8; i++) {
        if (!strcasecmp(text, words[i])) {
            *out = i >= 4;
            return 0;
        }
    }
    return *text ? err_set(reterr, E_SYNTAX, "'%.20s' is not yes or no", text) : 0;
}

static int set_days(int *out, const char *text, struct err *reterr)
{
    char *end;
    long v = *text ? strtol(text, &end, 10) : 0;
    if (*text && (*end || *text < '0' || *text > '9' || v > 3650))
        return err_set(reterr, E_RANGE,
                       "'%.20s' is not a number of days from 1 to 3650, or 0 for the node's", text);
    if (*text)
        *out = (int)v;
    return 0;
}

static int set_transport(int *out, const char *text, struct err *reterr)
{
    for (int i = 0; *text && config_transport_names[i]; i++) {
        if (!strcmp(text, config_transport_names[i])) {
            *out = i;
            return 0;
        }
    }
    return *text ? err_set(reterr, E_SYNTAX, "'%.20s' is not tcp, udp or auto", text) : 0;
}

int camera_field_set(const struct camera_field *f, const char *text, struct camera_input *in,
                     struct err *reterr)
{
    char *at = (char *)in + f->offset;
    switch (f->kind) {
    case CAMERA_TEXT:
    case CAMERA_NUMBER:
        return set_text(at, f->size, text, reterr);
    case CAMERA_FLAG:
        return set_flag((bool *)at, text, reterr);
    case CAMERA_DAYS:
        return set_days((int *)(void *)at, text, reterr);
    case CAMERA_TRANSPORT:
        return set_transport((int *)(void *)at, text, reterr);
    }
    return E_BUG;
}

const char *camera_field_text(const struct camera_field *f, const struct camera_input *in,
                              char buf[24])
{
    const char *at = (const char *)in + f->offset;
    switch (f->kind) {
    case CAMERA_TEXT:
    case CAMERA_NUMBER:
        return at;
    case CAMERA_FLAG:
        return *(const bool *)at ? "yes" : "no";
    case CAMERA_DAYS:
        snprintf(buf, 24, "%d", *(const int *)(const void *)at);
        return buf;
    case CAMERA_TRANSPORT:
        break;
    }
    int t = *(const int *)(const void *)at;
    return config_transport_names[t >= 0 && t <= 2 ? t : 0];
}

static int set_json(const struct camera_field *f, const json_t *v, struct camera_input *in,
                    struct err *reterr)
{
    char number[24];
    if (json_is_string(v)) {
        if (strlen(json_string_value(v)) != json_string_length(v))
            return err_set(reterr, E_SYNTAX, "holds a control character");
        return camera_field_set(f, json_string_value(v), in, reterr);
    }
    if (json_is_boolean(v) && f->kind == CAMERA_FLAG)
        return camera_field_set(f, json_is_true(v) ? "yes" : "no", in, reterr);
    if (json_is_integer(v) && f->kind == CAMERA_DAYS) {
        snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(v));
        return camera_field_set(f, number, in, reterr);
    }
    if (json_is_number(v) && f->kind == CAMERA_NUMBER) {
        snprintf(number, sizeof(number), "%.8g", json_number_value(v));
        return camera_field_set(f, number, in, reterr);
    }
    if (json_is_null(v) && (f->kind == CAMERA_NUMBER || f->kind == CAMERA_TEXT))
        return camera_field_set(f, "", in, reterr);
    if (json_is_array(v) && !strcmp(f->name, "zones"))
        return zones_normalise_json(v, in->zones, reterr);
    return err_set(reterr, E_SYNTAX, "is of the wrong type");
}

int camera_input_json(json_t *o, struct camera_input *in, const char **part, struct err *reterr)
{
    const char *key;
    json_t *value;
    *part = "camera";
    if (!json_is_object(o))
        return err_set(reterr, E_SYNTAX, "is not an object");
    json_object_foreach(o, key, value)
    {
        const struct camera_field *f = camera_fields;
        while (f->name && strcmp(f->name, key) != 0)
            f++;
        if (!f->name)
            return err_set(reterr, E_SYNTAX, "'%.40s' is not a key of a camera", key);
        int r = set_json(f, value, in, reterr);
        *part = f->name;
        if (r < 0)
            return r;
    }
    return 0;
}

/* Shortest form that reads back as the same place within a few millimetres. */
static void number_text(double v, char out[24])
{
    snprintf(out, 24, "%.8g", v);
}

void camera_input_of(const struct index_camera *c, struct camera_input *in)
{
    const struct index_register *r = &c->reg;
    *in = (struct camera_input){.transport = c->transport,
                                .audio = c->audio,
                                .enabled = c->enabled,
                                .tls_insecure = c->tls_insecure,
                                .retention_days = c->retention_days,
                                .declared_empty_us = c->declared_empty_us};
    snprintf(in->id, sizeof(in->id), "%s", c->id);
    snprintf(in->name, sizeof(in->name), "%s", c->name);
    snprintf(in->main, sizeof(in->main), "%s", c->main_url);
    snprintf(in->sub, sizeof(in->sub), "%s", c->sub_url);
    snprintf(in->pin, sizeof(in->pin), "%s", c->pin);
    snprintf(in->group, sizeof(in->group), "%s", c->group);
    snprintf(in->zones, sizeof(in->zones), "%s", c->zones);
    snprintf(in->purpose, sizeof(in->purpose), "%s", r->purpose);
    snprintf(in->owner, sizeof(in->owner), "%s", r->owner);
    snprintf(in->contact, sizeof(in->contact), "%s", r->contact);
    snprintf(in->place, sizeof(in->place), "%s", r->place);
    snprintf(in->sees, sizeof(in->sees), "%s", r->sees);
    snprintf(in->retention_reason, sizeof(in->retention_reason), "%s", r->retention_reason);
    snprintf(in->review, sizeof(in->review), "%s", r->review);
    if (r->located) {
        number_text(r->lat, in->lat);
        number_text(r->lon, in->lon);
    }
    if (r->px_per_m > 0)
        number_text(r->px_per_m, in->px_per_m);
}

bool camera_same_streams(const struct index_camera *a, const struct index_camera *b)
{
    return strcmp(a->main_url, b->main_url) == 0 && strcmp(a->sub_url, b->sub_url) == 0;
}

void camera_carry(const struct index_camera *before, bool zones, struct index_camera *c)
{
    if (!zones)
        memcpy(c->zones, before->zones, sizeof(c->zones));
    c->declared_empty_us = camera_same_streams(before, c) ? before->declared_empty_us : 0;
}

static int set_register(json_t *o, const struct index_register *r)
{
    int bad = json_object_set_new(o, "purpose", json_string(r->purpose));
    bad |= json_object_set_new(o, "owner", json_string(r->owner));
    bad |= json_object_set_new(o, "contact", json_string(r->contact));
    bad |= json_object_set_new(o, "place", json_string(r->place));
    bad |= json_object_set_new(o, "lat", r->located ? json_real(r->lat) : json_null());
    bad |= json_object_set_new(o, "lon", r->located ? json_real(r->lon) : json_null());
    bad |=
        json_object_set_new(o, "px_per_m", r->px_per_m > 0 ? json_real(r->px_per_m) : json_null());
    bad |= json_object_set_new(o, "sees", json_string(r->sees));
    bad |= json_object_set_new(o, "review", json_string(r->review));
    bad |= json_object_set_new(o, "retention_reason", json_string(r->retention_reason));
    return bad;
}

static const char *url_text(const char *url, enum camera_urls urls, char room[CAMERA_URL])
{
    return urls == CAMERA_SECRETS ? url
           : urls == CAMERA_BARE  ? camera_bare(url, room)
                                  : camera_redact(url, room);
}

json_t *camera_json(const struct index_camera *c, enum camera_urls urls)
{
    char main[CAMERA_URL], sub[CAMERA_URL], time[TIME_TEXT];
    json_t *o = json_pack(
        "{ss ss ss ss ss sb sb sb si ss ss}", "id", c->id, "name", c->name, "main",
        url_text(c->main_url, urls, main), "sub", url_text(c->sub_url, urls, sub), "transport",
        config_transport_names[c->transport >= 0 && c->transport <= 2 ? c->transport : 0], "audio",
        c->audio, "enabled", c->enabled, "tls_insecure", c->tls_insecure, "retention_days",
        c->retention_days, "pin", c->pin, "group", c->group);
    if (!o)
        return NULL;
    int bad = set_register(o, &c->reg);
    bad |= json_object_set_new(o, "zones", zones_json(c->zones));
    bad |= json_object_set_new(
        o, "declared_empty",
        c->declared_empty_us ? json_string(time_format(c->declared_empty_us, time)) : json_null());
    bad |= json_object_set_new(o, "changed", json_string(time_format(c->changed_us, time)));
    if (!bad)
        return o;
    json_decref(o);
    return NULL;
}
