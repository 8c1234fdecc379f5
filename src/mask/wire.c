/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Layout behind type, camera and generation; integers big-endian, positions in 1/65535 of the picture:
 *
 *   H  u32 version · u32 number · u8 classes (1 person, 2 face, 4 vehicle)
 *   O  u16 width · u16 fps · i64 learn_us · u8 declared empty · u8 zones · each: u8 points · each: u16 x · u16 y
 *   T  u8 codec · u32 clock rate · u16 width · u16 height · sets
 *   A  u32 sequence · u8 flags (1 key, 2 parameters changed, 4 loss) · i64 pts · i64 utc_us · bytes
 *   F  text · X  nothing · K  u32 sequence · E  i32 code · text
 *   M  u8 flags (1 key) · u8 state · i64 pts · i64 utc_us · u16 width · u16 height · u16 covered · u16 motion ·
 *      text · u8 objects · each: u32 track · u8 class · u16 x0 y0 x1 y1 · i16 dx dy (1/4096 a second) · sets · bytes
 *   sets: u8 count · each: u16 length · bytes        text: u8 length · bytes
 */
#include "mask/wire.h"

#include <string.h>

#include "media/params.h"

#define HEADER 9 /* type, camera, generation; behind the length */
#define FLAG_KEY 1U
#define FLAG_PARAMS 2U
#define FLAG_LOSS 4U
#define SPEED_UNIT 4096.0F
#define SETS_MAX (4 + MEDIA_PARAM_SETS * (2 + (size_t)MEDIA_PARAM_SET_BYTES))

/* Bytes still to be read; a read past the end yields zeros and sets bad. */
struct cursor {
    const uint8_t *p;
    size_t n;
    bool bad;
};

static const uint8_t *take(struct cursor *c, size_t n)
{
    static const uint8_t zeros[8];
    if (c->bad || n > c->n) {
        c->bad = true;
        return n <= sizeof(zeros) ? zeros : NULL;
    }
    const uint8_t *p = c->p;
    c->p += n;
    c->n -= n;
    return p;
}

static uint8_t get8(struct cursor *c)
{
    return *take(c, 1);
}

static uint16_t get16(struct cursor *c)
{
    return rd16(take(c, 2));
}

static uint32_t get32(struct cursor *c)
{
    return rd32(take(c, 4));
}

static int64_t get64(struct cursor *c)
{
    return (int64_t)rd64(take(c, 8));
}

static float get_place(struct cursor *c)
{
    return (float)get16(c) / 65535.0F;
}

static float get_speed(struct cursor *c)
{
    return (float)(int16_t)get16(c) / SPEED_UNIT;
}

/* Whatever is no printable ASCII becomes '?': the sentences are ours, and end up in logs and pages. */
static void get_text(struct cursor *c, char to[MASK_WIRE_TEXT])
{
    size_t n = get8(c);
    const uint8_t *p = take(c, n);
    to[0] = 0;
    if (c->bad || n >= MASK_WIRE_TEXT) {
        c->bad = true;
        return;
    }
    for (size_t i = 0; i < n; i++)
        to[i] = p[i] >= ' ' && p[i] < 127 ? (char)p[i] : '?';
    to[n] = 0;
}

static void get_sets(struct cursor *c, struct media_params *ret)
{
    ret->count = get8(c);
    if (ret->count > MEDIA_PARAM_SETS)
        c->bad = true;
    for (int i = 0; i < ret->count && !c->bad; i++) {
        struct media_param_set *s = &ret->set[i];
        s->len = get16(c);
        const uint8_t *p = take(c, s->len);
        if (c->bad || s->len == 0 || s->len > MEDIA_PARAM_SET_BYTES)
            c->bad = true;
        else
            memcpy(s->data, p, s->len);
    }
    if (c->bad)
        ret->count = 0;
}

/* ---- parsing, by type; each returns 0 or E_SYNTAX, and leaves what was not read in the cursor ---- */

static int parse_hello(struct cursor *c, struct mask_wire *m)
{
    m->hello.version = get32(c);
    m->hello.number = get32(c);
    uint8_t classes = get8(c);
    m->hello.person = classes & 1;
    m->hello.face = classes & 2;
    m->hello.vehicle = classes & 4;
    return m->hello.number < MASK_WIRE_WORKERS ? 0 : E_SYNTAX;
}

static int parse_zone(struct cursor *c, struct mask_zone *z)
{
    z->points = get8(c);
    if (z->points < 3 || z->points > MASK_ZONE_POINTS)
        return E_SYNTAX;
    for (int i = 0; i < z->points; i++) {
        z->x[i] = get_place(c);
        z->y[i] = get_place(c);
    }
    return 0;
}

static int parse_open(struct cursor *c, struct mask_wire *m)
{
    struct mask_config *o = &m->open;
    *o = (struct mask_config){.width = get16(c), .fps = get16(c)};
    o->learn_us = get64(c);
    o->declared_empty = get8(c) & 1;
    o->zone_count = get8(c);
    if (o->zone_count > MASK_ZONES || o->learn_us < 0)
        return E_SYNTAX;
    for (int i = 0; i < o->zone_count; i++)
        if (parse_zone(c, &o->zone[i]) < 0)
            return E_SYNTAX;
    return 0;
}

static int parse_track(struct cursor *c, struct mask_wire *m)
{
    unsigned codec = get8(c);
    if (codec != MEDIA_H264 && codec != MEDIA_H265)
        return E_SYNTAX;
    m->track = (struct media_track){.codec = (enum media_codec)codec, .clock_rate = get32(c)};
    m->track.width = get16(c);
    m->track.height = get16(c);
    get_sets(c, &m->params);
    m->track.params = &m->params;
    return m->track.clock_rate ? 0 : E_SYNTAX;
}

static int parse_unit(struct cursor *c, struct mask_wire *m)
{
    struct media_au *au = &m->unit.au;
    m->unit.sequence = get32(c);
    unsigned flags = get8(c);
    *au = (struct media_au){.key = flags & FLAG_KEY,
                            .params_changed = flags & FLAG_PARAMS,
                            .loss = flags & FLAG_LOSS,
                            .pts_ticks = get64(c)};
    m->unit.utc_us = au->arrival_us = get64(c);
    au->size = (uint32_t)c->n;
    au->data = take(c, c->n);
    return 0;
}

/* Whole NAL units, of the kinds that our encoder makes. @ret_key: there is a slice of an IDR picture. */
static bool looks_encoded(const uint8_t *p, size_t n, bool *ret_key)
{
    bool slice = false;
    *ret_key = false;
    while (n > 0) {
        size_t len = n > 4 ? rd32(p) : 0;
        if (len == 0 || len > n - 4)
            return false;
        unsigned type = p[4] & 0x1f; /* ITU-T H.264 §7.4.1, table 7-1 */
        if (type != 1 && (type < 5 || type > 9))
            return false;
        slice = slice || type == 1 || type == 5;
        *ret_key = *ret_key || type == 5;
        p += 4 + len;
        n -= 4 + len;
    }
    return slice;
}

static void parse_objects(struct cursor *c, struct mask_wire *m)
{
    int n = get8(c);
    if (n > MASK_OBJECTS)
        c->bad = true;
    for (int i = 0; i < n && !c->bad; i++) {
        struct mask_object *o = &m->objects[i];
        o->track = get32(c);
        unsigned class = get8(c);
        o->class = (enum detect_class) class;
        o->x0 = get_place(c), o->y0 = get_place(c);
        o->x1 = get_place(c), o->y1 = get_place(c);
        o->dx = get_speed(c), o->dy = get_speed(c);
        if (class > DETECT_VEHICLE)
            c->bad = true;
    }
    m->picture.object_count = c->bad ? 0 : n;
    m->picture.objects = m->objects;
}

static int parse_picture(struct cursor *c, struct mask_wire *m)
{
    struct mask_output *o = &m->picture;
    bool key;
    unsigned flags = get8(c), state = get8(c);
    *o = (struct mask_output){.key = flags & FLAG_KEY, .state = (enum mask_state)state};
    o->pts_ticks = get64(c);
    o->utc_us = get64(c);
    o->width = get16(c);
    o->height = get16(c);
    o->covered_permille = get16(c);
    o->motion_permille = get16(c);
    get_text(c, m->reason);
    o->reason = m->reason;
    parse_objects(c, m);
    get_sets(c, &m->params);
    o->params = m->params.count ? &m->params : NULL;
    o->size = (uint32_t)c->n;
    o->data = take(c, c->n);
    if (c->bad || state > MASK_MOSAIC || o->covered_permille > 1000 || o->motion_permille > 1000 ||
        o->width < 2 || o->height < 2 || o->width > MASK_PICTURE_SIDE ||
        o->height > MASK_PICTURE_SIDE || !looks_encoded(o->data, o->size, &key) || key != o->key)
        return E_SYNTAX;
    return key && !media_params_complete(&m->params, MEDIA_H264) ? E_SYNTAX : 0;
}

static int parse_rest(struct cursor *c, struct mask_wire *m)
{
    switch (m->type) {
    case MASK_WIRE_HELLO:
        return parse_hello(c, m);
    case MASK_WIRE_PICTURE:
        return parse_picture(c, m);
    case MASK_WIRE_DONE:
        m->done.sequence = get32(c);
        return 0;
    case MASK_WIRE_TROUBLE:
        m->trouble.code = (int)get32(c);
        get_text(c, m->trouble.text);
        return m->trouble.code < 0 ? 0 : E_SYNTAX;
    case MASK_WIRE_OPEN:
        return parse_open(c, m);
    case MASK_WIRE_TRACK:
        return parse_track(c, m);
    case MASK_WIRE_UNIT:
        return parse_unit(c, m);
    case MASK_WIRE_FORGET:
        get_text(c, m->forget.reason);
        return 0;
    case MASK_WIRE_CLOSE:
        return 0;
    }
    return E_SYNTAX;
}

int mask_wire_parse(const uint8_t *data, size_t len, enum mask_wire_side side,
                    struct mask_wire *ret)
{
    if (len < 4)
        return 0;
    uint32_t length = rd32(data);
    if (length > MASK_WIRE_MAX)
        return E_LIMIT;
    if (length < HEADER)
        return E_SYNTAX;
    if (len < 4 + (size_t)length)
        return 0;
    if (!data[4] || !strchr(side == MASK_WIRE_FROM_MASKER ? "HMKE" : "OTAFX", data[4]))
        return E_SYNTAX;
    struct cursor c = {data + 5, length - 1, false};
    ret->type = (enum mask_wire_type)data[4];
    ret->camera = get32(&c);
    ret->generation = get32(&c);
    ret->params.count = 0;
    int r = parse_rest(&c, ret);
    if (r < 0 || c.bad || c.n > 0)
        return E_SYNTAX;
    return (int)(4 + length);
}

/* ---- building ---- */

static void put_place(struct buf *b, float v)
{
    float x = v > 0 ? v < 1 ? v : 1 : 0; /* not a number becomes 0 */
    buf_u16(b, (uint16_t)(x * 65535.0F + 0.5F));
}

static void put_speed(struct buf *b, float v)
{
    float x = v * SPEED_UNIT;
    x = x > -32767 ? x < 32767 ? x : 32767 : -32767;
    buf_u16(b, (uint16_t)(int16_t)x);
}

static void put_text(struct buf *b, const char *text)
{
    size_t n = strnlen(text ? text : "", MASK_WIRE_TEXT - 1);
    buf_u8(b, (uint8_t)n);
    buf_append(b, text, n);
}

static void put_sets(struct buf *b, const struct media_params *p)
{
    int n = p ? p->count : 0;
    buf_u8(b, (uint8_t)n);
    for (int i = 0; i < n; i++) {
        buf_u16(b, p->set[i].len);
        buf_append(b, p->set[i].data, p->set[i].len);
    }
}

static void build_open(struct buf *b, const struct mask_config *o)
{
    buf_u16(b, (uint16_t)o->width);
    buf_u16(b, (uint16_t)o->fps);
    buf_u64(b, (uint64_t)o->learn_us);
    buf_u8(b, o->declared_empty);
    buf_u8(b, (uint8_t)o->zone_count);
    for (int i = 0; i < o->zone_count; i++) {
        buf_u8(b, (uint8_t)o->zone[i].points);
        for (int k = 0; k < o->zone[i].points; k++) {
            put_place(b, o->zone[i].x[k]);
            put_place(b, o->zone[i].y[k]);
        }
    }
}

static void build_track(struct buf *b, const struct media_track *t)
{
    buf_u8(b, (uint8_t)t->codec);
    buf_u32(b, t->clock_rate);
    buf_u16(b, t->width);
    buf_u16(b, t->height);
    put_sets(b, t->params);
}

static void build_unit(struct buf *b, const struct mask_wire *m)
{
    const struct media_au *au = &m->unit.au;
    buf_u32(b, m->unit.sequence);
    buf_u8(b, (uint8_t)((au->key ? FLAG_KEY : 0) | (au->params_changed ? FLAG_PARAMS : 0) |
                        (au->loss ? FLAG_LOSS : 0)));
    buf_u64(b, (uint64_t)au->pts_ticks);
    buf_u64(b, (uint64_t)m->unit.utc_us);
    buf_append(b, au->data, au->size);
}

static void build_picture(struct buf *b, const struct mask_output *o)
{
    int n = o->object_count < MASK_OBJECTS ? o->object_count : MASK_OBJECTS;
    buf_u8(b, o->key ? FLAG_KEY : 0);
    buf_u8(b, (uint8_t)o->state);
    buf_u64(b, (uint64_t)o->pts_ticks);
    buf_u64(b, (uint64_t)o->utc_us);
    buf_u16(b, (uint16_t)o->width);
    buf_u16(b, (uint16_t)o->height);
    buf_u16(b, (uint16_t)o->covered_permille);
    buf_u16(b, (uint16_t)o->motion_permille);
    put_text(b, o->reason);
    buf_u8(b, (uint8_t)n);
    for (int i = 0; i < n; i++) {
        const struct mask_object *x = &o->objects[i];
        buf_u32(b, x->track);
        buf_u8(b, (uint8_t)x->class);
        put_place(b, x->x0), put_place(b, x->y0);
        put_place(b, x->x1), put_place(b, x->y1);
        put_speed(b, x->dx), put_speed(b, x->dy);
    }
    put_sets(b, o->key ? o->params : NULL);
    buf_append(b, o->data, o->size);
}

static void build_rest(struct buf *b, const struct mask_wire *m)
{
    switch (m->type) {
    case MASK_WIRE_HELLO:
        buf_u32(b, m->hello.version);
        buf_u32(b, m->hello.number);
        buf_u8(b, (uint8_t)((m->hello.person ? 1U : 0) | (m->hello.face ? 2U : 0) |
                            (m->hello.vehicle ? 4U : 0)));
        break;
    case MASK_WIRE_PICTURE:
        build_picture(b, &m->picture);
        break;
    case MASK_WIRE_DONE:
        buf_u32(b, m->done.sequence);
        break;
    case MASK_WIRE_TROUBLE:
        buf_u32(b, (uint32_t)m->trouble.code);
        put_text(b, m->trouble.text);
        break;
    case MASK_WIRE_OPEN:
        build_open(b, &m->open);
        break;
    case MASK_WIRE_TRACK:
        build_track(b, &m->track);
        break;
    case MASK_WIRE_UNIT:
        build_unit(b, m);
        break;
    case MASK_WIRE_FORGET:
        put_text(b, m->forget.reason);
        break;
    case MASK_WIRE_CLOSE:
        break;
    }
}

/* More than any message needs beside the bytes of its pictures. */
#define FIXED_MAX                                                                                  \
    (SETS_MAX + 1024 + MASK_OBJECTS * (size_t)17 + MASK_ZONES * (size_t)(1 + 4 * MASK_ZONE_POINTS))

int mask_wire_build(const struct mask_wire *m, struct buf *out)
{
    size_t at = out->len, bytes = 0;
    if (m->type == MASK_WIRE_UNIT)
        bytes = m->unit.au.size;
    else if (m->type == MASK_WIRE_PICTURE)
        bytes = m->picture.size;
    if (bytes > MASK_WIRE_MAX)
        return E_LIMIT;
    int r = buf_reserve(out, FIXED_MAX + bytes); /* what follows cannot fail then */
    if (r < 0)
        return r;
    buf_u32(out, 0);
    buf_u8(out, (uint8_t)m->type);
    buf_u32(out, m->camera);
    buf_u32(out, m->generation);
    build_rest(out, m);
    size_t length = out->len - at - 4;
    if (length > MASK_WIRE_MAX) {
        out->len = at;
        return E_LIMIT;
    }
    wr32(out->data + at, (uint32_t)length);
    return 0;
}
