/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tlog/note.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "tlog/base64.h"

#define DASH "\xe2\x80\x94 " /* U+2014 and a space */
#define DASH_BYTES 4
#define SIGNATURE_BYTES 8192 /* longest signature with its key id; ML-DSA-87 has 4,627 */

static bool text_valid(const char *text, size_t len)
{
    if (len == 0 || text[len - 1] != '\n' || !utf8_valid(text, len))
        return false;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < 0x20 && text[i] != '\n')
            return false;
    return true;
}

/* What a key of type 4 signs in front of the text. Returns its length. */
static size_t cosignature_header(int64_t unix_time, char out[64])
{
    return (size_t)snprintf(out, 64, "cosignature/v1\ntime %lld\n", (long long)unix_time);
}

/* The message that @k signs, in memory of its own when it is not the text itself. NULL when out of memory. */
static const uint8_t *message_of(const struct tlog_vkey *k, const char *text, size_t len,
                                 int64_t unix_time, uint8_t **ret_own, size_t *ret_len)
{
    char header[64];
    *ret_own = NULL;
    *ret_len = len;
    if (k->type == TLOG_KEY_NOTE)
        return (const uint8_t *)text;
    size_t n = cosignature_header(unix_time, header);
    uint8_t *m = *ret_own = malloc(n + len);
    if (!m)
        return NULL;
    memcpy(m, header, n);
    memcpy(m + n, text, len);
    *ret_len = n + len;
    return m;
}

int tlog_note_sign_line(const struct tlog_skey *k, const char *text, size_t len, int64_t unix_time,
                        struct buf *out)
{
    if (!text_valid(text, len))
        return E_SYNTAX;
    if (unix_time < 0)
        return E_RANGE;
    uint8_t *own, raw[4 + 8 + 64];
    size_t message_len, head = 4;
    const uint8_t *message = message_of(&k->vkey, text, len, unix_time, &own, &message_len);
    if (!message)
        return -ENOMEM;
    memcpy(raw, k->vkey.id, 4);
    if (k->vkey.type == TLOG_KEY_COSIGNATURE) {
        wr64(raw + 4, (uint64_t)unix_time);
        head += 8;
    }
    crypto_sign_detached(raw + head, NULL, message, message_len, k->secret);
    free(own);
    char base64[TLOG_BASE64_TEXT(sizeof(raw))];
    return buf_appendf(out, DASH "%s %s\n", k->vkey.name, tlog_base64(raw, head + 64, base64));
}

int tlog_note_sign(const struct tlog_skey *k, const char *text, size_t len, struct buf *out)
{
    size_t before = out->len;
    int r = buf_append(out, text, len);
    if (r >= 0)
        r = buf_append(out, "\n", 1);
    if (r >= 0)
        r = tlog_note_sign_line(k, text, len, 0, out);
    if (r < 0)
        out->len = before;
    return r;
}

/* One signature line without its LF. */
static int parse_signature(const char *line, size_t len, struct tlog_signature *s)
{
    if (len < DASH_BYTES || memcmp(line, DASH, DASH_BYTES) != 0)
        return E_SYNTAX;
    const char *name = line + DASH_BYTES, *end = line + len;
    const char *space = memchr(name, ' ', (size_t)(end - name));
    if (!space || !tlog_name_valid(name, (size_t)(space - name)))
        return E_SYNTAX;
    uint8_t raw[SIGNATURE_BYTES];
    size_t n;
    int r = tlog_base64_decode(space + 1, (size_t)(end - space - 1), raw, sizeof(raw), &n);
    if (r < 0 || n < 5)
        return r < 0 ? r : E_SYNTAX;
    *s = (struct tlog_signature){.name = name,
                                 .name_len = (size_t)(space - name),
                                 .line = line,
                                 .line_len = len + 1,
                                 .len = n - 4};
    memcpy(s->id, raw, 4);
    if (s->len <= sizeof(s->bytes))
        memcpy(s->bytes, raw + 4, s->len);
    return 0;
}

int tlog_note_parse(const void *data, size_t len, struct tlog_note *ret, struct err *reterr)
{
    const char *p = data, *split;
    if (len > TLOG_NOTE_BYTES)
        return err_set(reterr, E_LIMIT, "the note is longer than %d bytes", TLOG_NOTE_BYTES);
    if (!text_valid(p, len))
        return err_set(reterr, E_SYNTAX,
                       "not a signed note: it must be UTF-8 text that ends with a newline, "
                       "without control characters");
    for (split = p + len - 1; split > p && !(split[0] == '\n' && split[-1] == '\n'); split--)
        ;
    if (split == p || split + 1 == p + len)
        return err_set(reterr, E_SYNTAX, "the note has no signature behind an empty line");
    ret->text = p;
    ret->text_len = (size_t)(split - p);
    ret->signatures_n = 0;
    for (const char *line = split + 1; line < p + len;) {
        const char *end = memchr(line, '\n', (size_t)(p + len - line));
        if (ret->signatures_n == TLOG_NOTE_SIGNATURES)
            return err_set(reterr, E_LIMIT, "the note has more than %d signatures",
                           TLOG_NOTE_SIGNATURES);
        int r = parse_signature(line, (size_t)(end - line), &ret->signatures[ret->signatures_n]);
        if (r < 0)
            return err_set(reterr, r, "signature line %zu of the note is not well formed",
                           ret->signatures_n + 1);
        ret->signatures_n++;
        line = end + 1;
    }
    return 0;
}

int tlog_signature_check(const struct tlog_vkey *k, const char *text, size_t len,
                         const struct tlog_signature *s, int64_t *ret_time)
{
    size_t head = k->type == TLOG_KEY_COSIGNATURE ? 8 : 0, message_len;
    if (s->len != head + 64)
        return E_CRYPTO;
    uint64_t time = head ? rd64(s->bytes) : 0;
    if (time > INT64_MAX)
        return E_CRYPTO;
    uint8_t *own;
    const uint8_t *message = message_of(k, text, len, (int64_t)time, &own, &message_len);
    int r = message
                ? crypto_sign_verify_detached(s->bytes + head, message, message_len, k->public_key)
                : -1;
    free(own);
    if (r != 0)
        return E_CRYPTO;
    if (ret_time)
        *ret_time = (int64_t)time;
    return 0;
}

static bool signature_by(const struct tlog_signature *s, const struct tlog_vkey *k)
{
    return memcmp(s->id, k->id, 4) == 0 && strlen(k->name) == s->name_len &&
           memcmp(s->name, k->name, s->name_len) == 0;
}

int tlog_note_verify(const struct tlog_note *n, const struct tlog_vkey *keys, size_t keys_n,
                     uint64_t *ret_keys, struct err *reterr)
{
    uint64_t signers = 0;
    for (size_t s = 0; s < n->signatures_n; s++)
        for (size_t k = 0; k < keys_n && k < 64; k++) {
            if (!signature_by(&n->signatures[s], &keys[k]))
                continue;
            if (tlog_signature_check(&keys[k], n->text, n->text_len, &n->signatures[s], NULL) < 0)
                return err_set(reterr, E_CRYPTO,
                               "the signature by %.200s is wrong: the note was altered, or it was "
                               "signed by somebody else",
                               keys[k].name);
            signers |= UINT64_C(1) << k;
        }
    if (!signers)
        return err_set(reterr, E_AUTH, "the note is not signed by %s",
                       keys_n == 1 ? keys[0].name : "any of the known keys");
    if (ret_keys)
        *ret_keys = signers;
    return __builtin_popcountll(signers);
}
