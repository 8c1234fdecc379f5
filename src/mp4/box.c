/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "mp4/box.h"

const uint8_t mp4_uuid_meta[16] = {0xc1, 0x5e, 0x0e, 0x52, 0x6a, 0x43, 0x4d, 0x0b,
                                   0x9d, 0x55, 0x71, 0x8f, 0x0c, 0x2e, 0x94, 0x37};
const uint8_t mp4_uuid_manifest[16] = {0x2f, 0xb8, 0x46, 0xd0, 0x13, 0x9c, 0x4e, 0x7a,
                                       0x8a, 0x60, 0xe5, 0x27, 0x5b, 0xd1, 0x08, 0xac};

void box_bytes(struct boxes *w, const void *data, size_t len)
{
    if (w->err >= 0)
        w->err = buf_append(w->out, data, len);
}

void box_zero(struct boxes *w, size_t len)
{
    if (w->err >= 0)
        w->err = buf_reserve(w->out, len);
    if (w->err < 0)
        return;
    if (len)
        memset(w->out->data + w->out->len, 0, len);
    w->out->len += len;
}

void box_u8(struct boxes *w, unsigned v)
{
    if (w->err >= 0)
        w->err = buf_u8(w->out, (uint8_t)v);
}

void box_u16(struct boxes *w, unsigned v)
{
    if (w->err >= 0)
        w->err = buf_u16(w->out, (uint16_t)v);
}

void box_u32(struct boxes *w, uint32_t v)
{
    if (w->err >= 0)
        w->err = buf_u32(w->out, v);
}

void box_u64(struct boxes *w, uint64_t v)
{
    if (w->err >= 0)
        w->err = buf_u64(w->out, v);
}

size_t box_open(struct boxes *w, const char *type)
{
    size_t token = w->out->len;
    box_u32(w, 0);
    box_bytes(w, type, 4);
    return token;
}

size_t box_open_full(struct boxes *w, const char *type, unsigned version, uint32_t flags)
{
    size_t token = box_open(w, type);
    box_u32(w, version << 24 | flags);
    return token;
}

size_t box_open_uuid(struct boxes *w, const uint8_t uuid[16], unsigned version)
{
    size_t token = box_open(w, "uuid");
    box_bytes(w, uuid, 16);
    box_u32(w, version << 24);
    return token;
}

void box_close(struct boxes *w, size_t token)
{
    if (w->err >= 0)
        wr32(w->out->data + token, (uint32_t)(w->out->len - token));
}

void box_pad(struct boxes *w)
{
    size_t gap = -w->out->len % MP4_ALIGN;
    if (gap == 0)
        return;
    if (gap < 8)
        gap += MP4_ALIGN;
    size_t token = box_open(w, "free");
    box_zero(w, gap - 8);
    box_close(w, token);
}
