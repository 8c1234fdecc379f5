/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * lethe-manifest/v1 ␊ node NAME ␊ hour TIME ␊ recordings N ␊ ␊
 * CAMERA VIEW START END FRAMES BYTES KID MANIFEST PATH ␊ …
 */
#include "tlog/manifest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/hex.h"

#define MAGIC "lethe-manifest/v1"

/* ---- root ---- */

void tlog_root_add(struct tlog_root *r, const struct tlog_hash *leaf)
{
    struct tlog_hash h = *leaf;
    int i = 0;
    for (; r->count >> i & 1; i++)
        tlog_node_hash(&r->full[i], &h, &h);
    r->full[i] = h;
    r->count++;
}

void tlog_root_get(const struct tlog_root *r, struct tlog_hash *ret)
{
    bool begun = false;
    tlog_empty_hash(ret);
    for (int i = 0; i < 64; i++) {
        if (!(r->count >> i & 1))
            continue;
        if (begun)
            tlog_node_hash(&r->full[i], ret, ret);
        else
            *ret = r->full[i];
        begun = true;
    }
}

/* ---- writing ---- */

static bool path_ok(const char *path)
{
    size_t n = strlen(path);
    return n > 0 && n < sizeof(((struct tlog_manifest_line *)0)->path) && path[0] != '/' &&
           strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/") == n;
}

static bool view_ok(const char *view)
{
    return !strcmp(view, "sealed") || !strcmp(view, "masked");
}

int tlog_manifest_put_head(const struct tlog_manifest_head *h, struct buf *out)
{
    char hour[TIME_TEXT];
    return config_id_valid(h->node)
               ? buf_appendf(out, MAGIC "\nnode %s\nhour %s\nrecordings %llu\n\n", h->node,
                             time_format(h->hour_us, hour), (unsigned long long)h->recordings)
               : E_RANGE;
}

int tlog_manifest_put_line(const struct tlog_manifest_line *l, struct buf *out)
{
    char kid[33], manifest[65];
    if (!config_id_valid(l->camera) || !view_ok(l->view) || !path_ok(l->path) || l->start_us < 0 ||
        l->end_us < l->start_us || l->frames < 0 || l->bytes < 0)
        return E_RANGE;
    return buf_appendf(out, "%s %s %lld %lld %lld %lld %s %s %s\n", l->camera, l->view,
                       (long long)l->start_us, (long long)l->end_us, (long long)l->frames,
                       (long long)l->bytes, hex_encode(l->kid, sizeof(l->kid), kid),
                       hex_encode(l->manifest, sizeof(l->manifest), manifest), l->path);
}

/* ---- reading ---- */

/* The next word of @*p into @out; false when it does not fit or there is none. */
static bool word(const char **p, const char *end, char *out, size_t cap)
{
    const char *space = *p < end ? memchr(*p, ' ', (size_t)(end - *p)) : NULL;
    size_t n = (size_t)((space ? space : end) - *p);
    if (*p >= end || n == 0 || n >= cap || memchr(*p, '\0', n))
        return false;
    memcpy(out, *p, n);
    out[n] = '\0';
    *p = space ? space + 1 : end;
    return true;
}

static bool number(const char **p, const char *end, int64_t *ret)
{
    char text[20], *rest;
    if (!word(p, end, text, sizeof(text)) || text[0] < '0' || text[0] > '9')
        return false;
    *ret = strtoll(text, &rest, 10);
    return !*rest && strlen(text) < 19;
}

static bool bytes(const char **p, const char *end, uint8_t *ret, size_t len)
{
    char text[65];
    size_t n = 0;
    return word(p, end, text, sizeof(text)) && strlen(text) == 2 * len &&
           hex_decode(text, ret, len, &n) >= 0 && n == len;
}

int tlog_manifest_parse_line(const char *text, size_t len, struct tlog_manifest_line *ret)
{
    const char *p = text, *end = text + len;
    struct tlog_manifest_line l;
    struct buf again;
    if (!word(&p, end, l.camera, sizeof(l.camera)) || !word(&p, end, l.view, sizeof(l.view)) ||
        !number(&p, end, &l.start_us) || !number(&p, end, &l.end_us) ||
        !number(&p, end, &l.frames) || !number(&p, end, &l.bytes) ||
        !bytes(&p, end, l.kid, sizeof(l.kid)) || !bytes(&p, end, l.manifest, sizeof(l.manifest)) ||
        !word(&p, end, l.path, sizeof(l.path)))
        return E_SYNTAX;
    buf_init(&again, TLOG_MANIFEST_LINE); /* one spelling: what we would write */
    int r = tlog_manifest_put_line(&l, &again);
    bool same = r >= 0 && again.len == len + 1 && memcmp(again.data, text, len) == 0;
    buf_release(&again);
    if (r == -ENOMEM)
        return r;
    if (!same)
        return E_SYNTAX;
    *ret = l;
    return 0;
}

/* A line of the head: "key value". */
static int head_line(struct tlog_manifest_reader *r, const char *key, char *value, size_t cap)
{
    const char *p = r->text + r->at;
    const char *end = r->at < r->len ? memchr(p, '\n', r->len - r->at) : NULL;
    size_t n = strlen(key);
    if (!end || (size_t)(end - p) < n + 2 || memcmp(p, key, n) != 0 || p[n] != ' ')
        return E_SYNTAX;
    size_t len = (size_t)(end - p) - n - 1;
    if (len >= cap || memchr(p + n + 1, '\0', len))
        return E_SYNTAX;
    memcpy(value, p + n + 1, len);
    value[len] = '\0';
    r->at += (size_t)(end - p) + 1;
    return 0;
}

/* The head, if it is spelled as it would be written. */
static int read_head(struct tlog_manifest_reader *r)
{
    char hour[TIME_TEXT], count[24];
    struct buf again;
    size_t n = sizeof(MAGIC);
    if (r->len < n || memcmp(r->text, MAGIC "\n", n) != 0)
        return E_SYNTAX;
    r->at = n;
    if (head_line(r, "node", r->head.node, sizeof(r->head.node)) < 0 ||
        head_line(r, "hour", hour, sizeof(hour)) < 0 ||
        head_line(r, "recordings", count, sizeof(count)) < 0 ||
        time_parse(hour, &r->head.hour_us) < 0)
        return E_SYNTAX;
    r->head.recordings = strtoull(count, NULL, 10);
    r->at++; /* the empty line */
    buf_init(&again, TLOG_MANIFEST_LINE);
    int err = tlog_manifest_put_head(&r->head, &again);
    if (err >= 0 &&
        (r->at > r->len || again.len != r->at || memcmp(again.data, r->text, r->at) != 0))
        err = E_SYNTAX;
    buf_release(&again);
    return err;
}

int tlog_manifest_open(const char *text, size_t len, struct tlog_manifest_reader *ret,
                       struct err *reterr)
{
    *ret = (struct tlog_manifest_reader){.text = text, .len = len};
    int r = read_head(ret);
    return r < 0 ? err_set(reterr, r == -ENOMEM ? r : E_SYNTAX,
                           "this is not a list of recordings: its head is not as it has to be")
                 : 0;
}

int tlog_manifest_compare(const struct tlog_manifest_line *a, const struct tlog_manifest_line *b)
{
    int order = strcmp(a->camera, b->camera);
    if (!order)
        order = strcmp(a->view, b->view);
    if (!order)
        order = (a->start_us > b->start_us) - (a->start_us < b->start_us);
    return order ? order : strcmp(a->path, b->path);
}

int tlog_manifest_next(struct tlog_manifest_reader *r, struct tlog_manifest_line *ret,
                       struct tlog_hash *ret_leaf, struct err *reterr)
{
    const char *p = r->text + r->at;
    if (r->at == r->len)
        return r->read == r->head.recordings
                   ? 0
                   : err_set(reterr, E_TRUNCATED, "%llu recordings are announced, %llu are there",
                             (unsigned long long)r->head.recordings, (unsigned long long)r->read);
    const char *end = memchr(p, '\n', r->len - r->at);
    int err = end && r->read < r->head.recordings
                  ? tlog_manifest_parse_line(p, (size_t)(end - p), ret)
                  : E_SYNTAX;
    if (err < 0)
        return err_set(reterr, err, "recording %llu is not spelled as it has to be",
                       (unsigned long long)r->read + 1);
    if (r->read && tlog_manifest_compare(&r->last, ret) >= 0)
        return err_set(reterr, E_ORDER, "recording %llu does not come behind the one before it",
                       (unsigned long long)r->read + 1);
    if (ret_leaf)
        tlog_leaf_hash(p, (size_t)(end - p), ret_leaf);
    r->last = *ret;
    r->read++;
    r->at += (size_t)(end - p) + 1;
    return 1;
}
