/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "case/order.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/hex.h"
#include "seal/bech32.h"

#define CLOCKS_US (5 * MINUTE_US) /* two machines' clocks may differ by so much */

bool case_id_valid(const char *id)
{
    return strlen(id) == CASE_ID - 1 && strspn(id, "0123456789abcdef") == CASE_ID - 1;
}

void case_id_random(char out[CASE_ID])
{
    uint8_t id[(CASE_ID - 1) / 2];
    randombytes_buf(id, sizeof(id));
    hex_encode(id, sizeof(id), out);
}

void case_reference_commit(const uint8_t salt[16], const char *reference, uint8_t ret[32])
{
    static const char label[] = "lethe-reference v1\n";
    crypto_hash_sha256_state st;
    crypto_hash_sha256_init(&st);
    crypto_hash_sha256_update(&st, (const uint8_t *)label, sizeof(label) - 1);
    crypto_hash_sha256_update(&st, salt, 16);
    crypto_hash_sha256_update(&st, (const uint8_t *)reference, strlen(reference));
    crypto_hash_sha256_final(&st, ret);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static int check_cameras(struct case_order *o, struct err *reterr)
{
    if (o->cameras < 1 || o->cameras > CASE_CAMERAS)
        return err_set(reterr, E_RANGE, "an order names 1 to %d cameras, not %d", CASE_CAMERAS,
                       o->cameras);
    qsort(o->camera, (size_t)o->cameras, sizeof(o->camera[0]), by_name);
    for (int i = 0; i < o->cameras; i++) {
        if (!config_id_valid(o->camera[i]))
            return err_set(reterr, E_SYNTAX, "'%.63s' is no name of a camera", o->camera[i]);
        if (i > 0 && !strcmp(o->camera[i], o->camera[i - 1]))
            return err_set(reterr, E_EXISTS, "camera %s is named twice", o->camera[i]);
    }
    return 0;
}

static bool whole_ms(int64_t us)
{
    return us > 0 && us % 1000 == 0 && us < INT64_C(253402300800000000); /* year 9999 */
}

int case_order_check(struct case_order *o, struct err *reterr)
{
    int r = check_cameras(o, reterr);
    if (r < 0)
        return r;
    if (!case_id_valid(o->id))
        return err_set(reterr, E_SYNTAX, "the id of an order has 16 digits 0-9 and a-f");
    if (!config_id_valid(o->node))
        return err_set(reterr, E_SYNTAX, "'%.63s' is no name of a node", o->node);
    if (!whole_ms(o->from_us) || !whole_ms(o->to_us) || !whole_ms(o->made_us) ||
        !whole_ms(o->not_after_us) || (o->urgent_us && !whole_ms(o->urgent_us)))
        return err_set(reterr, E_RANGE, "times of an order are whole milliseconds");
    if (o->from_us >= o->to_us)
        return err_set(reterr, E_RANGE, "the span must begin before it ends");
    if (o->to_us > o->made_us + CLOCKS_US)
        return err_set(reterr, E_RANGE,
                       "the span ends in the future: an order opens what was recorded, never what "
                       "will be");
    if (o->not_after_us <= o->made_us)
        return err_set(reterr, E_RANGE, "the order runs out before it is made");
    if (!case_code_valid(o->purpose) || !case_code_valid(o->basis))
        return err_set(reterr, E_SYNTAX, "purpose and basis are codes of a-z, 0-9, '.' and '-'");
    if (seal_recipient_decode(o->session, strlen(o->session), o->session_key) < 0)
        return err_set(reterr, E_SYNTAX, "the session is not an age X25519 recipient");
    if (o->requester.type != TLOG_KEY_NOTE)
        return err_set(reterr, E_SYNTAX, "the requester's key does not sign notes");
    return 0;
}

int case_order_build(const struct case_order *o, struct buf *out)
{
    char vkey[TLOG_VKEY_TEXT];
    int r = buf_appendf(out, "lethe-order/v1\nid %s\nnode %s\n", o->id, o->node);
    for (int i = 0; i < o->cameras && r >= 0; i++)
        r = buf_appendf(out, "camera %s\n", o->camera[i]);
    if (r >= 0)
        r = case_put_time(out, "from", o->from_us);
    if (r >= 0)
        r = case_put_time(out, "to", o->to_us);
    if (r >= 0)
        r = buf_appendf(out, "purpose %s\nbasis %s\n", o->purpose, o->basis);
    if (r >= 0)
        r = case_put_hash(out, "reference", o->reference);
    if (r >= 0)
        r = buf_appendf(out, "requester %s\nsession %s\n", tlog_vkey_format(&o->requester, vkey),
                        o->session);
    if (r >= 0)
        r = case_put_time(out, "made", o->made_us);
    if (r >= 0)
        r = case_put_time(out, "not-after", o->not_after_us);
    if (r >= 0)
        r = o->urgent_us ? case_put_time(out, "urgent", o->urgent_us)
                         : buf_appendf(out, "urgent no\n");
    return r;
}

static bool take_urgent(struct case_lines *l, struct case_order *o)
{
    return case_line_is(l, "urgent no") || case_line_time(l, "urgent", &o->urgent_us);
}

static bool take_fields(struct case_lines *l, struct case_order *o)
{
    char vkey[TLOG_VKEY_TEXT];
    if (!case_line_is(l, "lethe-order/v1") || !case_line(l, "id", o->id, sizeof(o->id)) ||
        !case_line(l, "node", o->node, sizeof(o->node)))
        return false;
    while (o->cameras < CASE_CAMERAS &&
           case_line(l, "camera", o->camera[o->cameras], sizeof(o->camera[0])))
        o->cameras++;
    return case_line_time(l, "from", &o->from_us) && case_line_time(l, "to", &o->to_us) &&
           case_line(l, "purpose", o->purpose, sizeof(o->purpose)) &&
           case_line(l, "basis", o->basis, sizeof(o->basis)) &&
           case_line_hash(l, "reference", o->reference) &&
           case_line(l, "requester", vkey, sizeof(vkey)) &&
           tlog_vkey_parse(vkey, strlen(vkey), &o->requester, NULL) >= 0 &&
           case_line(l, "session", o->session, sizeof(o->session)) &&
           case_line_time(l, "made", &o->made_us) &&
           case_line_time(l, "not-after", &o->not_after_us) && take_urgent(l, o) &&
           case_lines_end(l);
}

int case_order_parse(const char *text, size_t len, struct case_order *ret, struct err *reterr)
{
    struct case_order o = {0};
    struct case_lines l = case_lines(text, len);
    struct buf again;
    if (!take_fields(&l, &o)) {
        size_t at = (size_t)(l.at - text), line = 1;
        for (size_t i = 0; i < at; i++)
            line += text[i] == '\n';
        return err_set(
            reterr, E_SYNTAX,
            "this is no opening order, or of a later version: line %zu is not as it must "
            "be",
            line);
    }
    int r = case_order_check(&o, reterr);
    if (r < 0)
        return r;
    buf_init(&again, CASE_ORDER_BYTES);
    r = case_order_build(&o, &again);
    if (r >= 0 && (again.len != len || memcmp(again.data, text, len) != 0))
        r = err_set(reterr, E_SYNTAX, "the order is not in the one spelling that orders have");
    buf_release(&again);
    if (r >= 0)
        *ret = o;
    return r;
}

int case_order_open(const void *note, size_t len, struct case_order *ret, uint8_t ret_hash[32],
                    struct err *reterr)
{
    struct tlog_note n;
    struct case_order o;
    if (len > CASE_ORDER_BYTES)
        return err_set(reterr, E_LIMIT, "an order has at most %d bytes", CASE_ORDER_BYTES);
    int r = tlog_note_parse(note, len, &n, reterr);
    if (r >= 0)
        r = case_order_parse(n.text, n.text_len, &o, reterr);
    if (r < 0)
        return r;
    r = tlog_note_verify(&n, &o.requester, 1, NULL, reterr);
    if (r < 0)
        return err_set(
            reterr, r,
            "the order is not signed by the key that it names: it was changed, or is not "
            "the requester's");
    *ret = o;
    case_hash(n.text, n.text_len, ret_hash);
    return 0;
}

int case_order_sign(const struct case_order *o, const struct tlog_skey *key, struct buf *out,
                    struct err *reterr)
{
    struct buf text;
    if (!tlog_vkey_equal(&o->requester, &key->vkey))
        return err_set(reterr, E_MISMATCH, "the order names another requester key");
    buf_init(&text, CASE_ORDER_BYTES);
    int r = case_order_build(o, &text);
    if (r >= 0)
        r = tlog_note_sign(key, (const char *)text.data, text.len, out);
    buf_release(&text);
    return r;
}

int case_order_covers(const struct case_order *o, const struct seal_context *c, struct err *reterr)
{
    char a[TIME_TEXT], b[TIME_TEXT];
    if (!bsearch(c->camera, o->camera, (size_t)o->cameras, sizeof(o->camera[0]), by_name))
        return err_set(reterr, E_MISMATCH, "a share of camera %s is not in the order", c->camera);
    if (strcmp(c->node, o->node) != 0)
        return err_set(reterr, E_MISMATCH, "a share of node %s: the order is for node %s", c->node,
                       o->node);
    if (c->epoch_length_us <= 0 || c->epoch_us >= o->to_us ||
        c->epoch_us + c->epoch_length_us <= o->from_us)
        return err_set(reterr, E_MISMATCH,
                       "a share of camera %s for the epoch from %s to %s lies outside the order",
                       c->camera, time_format(c->epoch_us, a),
                       time_format(c->epoch_us + c->epoch_length_us, b));
    return 0;
}

int case_order_valid_at(const struct case_order *o, int64_t now_us, struct err *reterr)
{
    char t[TIME_TEXT];
    if (now_us >= o->not_after_us)
        return err_set(reterr, E_DENIED, "order %s ran out at %s", o->id,
                       time_format(o->not_after_us, t));
    if (o->made_us > now_us + CLOCKS_US)
        return err_set(reterr, E_DENIED,
                       "order %s says it was made at %s, which is in the future: check the clocks",
                       o->id, time_format(o->made_us, t));
    return 0;
}

int64_t case_order_camera_us(const struct case_order *o)
{
    return (o->to_us - o->from_us) * o->cameras;
}
