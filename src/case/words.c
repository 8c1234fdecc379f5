/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "case/words.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"

enum word {
    W_ORDER,
    W_NODE,
    W_CAMERAS,
    W_FROM,
    W_TO,
    W_LENGTH,
    W_KEYS,
    W_PURPOSE,
    W_BASIS,
    W_REFERENCE,
    W_SESSION,
    W_VALID,
    W_URGENT,
    W_NOTCODE,
    WORDS
};
static const char *const words[2][WORDS] = {
    {"Opening order", "Node", "Cameras", "From", "To", "Length", "Opens", "Purpose", "Legal basis",
     "Reference", "For the session", "Valid until", "Urgent: must be confirmed by",
     "not in the code list"},
    {"開啟要求書", "節點", "攝影機", "由", "至", "時長", "可開啟", "目的", "法律依據",
     "案件編號承諾值", "供此工作階段", "有效至", "緊急：須於此時前確認", "不在代碼表內"},
};

enum case_language case_language_of(const char *name)
{
    bool chinese =
        name && !strncasecmp(name, "zh", 2) && !strcasestr(name, "cn") && !strcasestr(name, "hans");
    return chinese ? CASE_ZH_HANT : CASE_EN;
}

const char *case_code_text(const struct case_codes *codes, enum case_code_kind kind,
                           const char *code, enum case_language l)
{
    const struct case_code *c = case_codes_find(codes, kind, code);
    if (!c)
        return code;
    return l == CASE_ZH_HANT && c->zh[0] ? c->zh : c->en;
}

static int put_code(const struct case_codes *codes, enum case_code_kind kind, const char *code,
                    const char *label, enum case_language l, struct buf *out)
{
    return buf_appendf(out, "%s: %s (%s)\n", label,
                       case_codes_find(codes, kind, code) ? case_code_text(codes, kind, code, l)
                                                          : words[l][W_NOTCODE],
                       code);
}

static int put_length(const struct case_order *o, const char *label, enum case_language l,
                      struct buf *out)
{
    long long s = (o->to_us - o->from_us) / SECOND_US;
    return l == CASE_ZH_HANT ? buf_appendf(out, "%s: %lld 小時 %lld 分 %lld 秒\n", label, s / 3600,
                                           s / 60 % 60, s % 60)
                             : buf_appendf(out, "%s: %lld h %lld min %lld s\n", label, s / 3600,
                                           s / 60 % 60, s % 60);
}

int case_words(const struct case_order *o, const struct case_codes *codes, enum case_language l,
               size_t keys, struct buf *out)
{
    const char *const *w = words[l];
    char a[TIME_TEXT], b[TIME_TEXT], hex[65];
    int r = buf_appendf(out, "%s: %s\n%s: %s\n%s:", w[W_ORDER], o->id, w[W_NODE], o->node,
                        w[W_CAMERAS]);
    for (int i = 0; i < o->cameras && r >= 0; i++)
        r = buf_appendf(out, " %s", o->camera[i]);
    if (r >= 0)
        r = buf_appendf(out, "\n%s: %s\n%s: %s\n", w[W_FROM], time_format(o->from_us, a), w[W_TO],
                        time_format(o->to_us, b));
    if (r >= 0)
        r = put_length(o, w[W_LENGTH], l, out);
    if (r >= 0 && keys)
        r = l == CASE_ZH_HANT
                ? buf_appendf(out, "%s: %zu 把時段密鑰\n", w[W_KEYS], keys)
                : buf_appendf(out, "%s: %zu epoch key%s\n", w[W_KEYS], keys, keys == 1 ? "" : "s");
    if (r >= 0)
        r = put_code(codes, CASE_PURPOSE, o->purpose, w[W_PURPOSE], l, out);
    if (r >= 0)
        r = put_code(codes, CASE_BASIS, o->basis, w[W_BASIS], l, out);
    if (r >= 0)
        r = buf_appendf(out, "%s: %s\n%s: %s\n%s: %s\n", w[W_REFERENCE],
                        hex_encode(o->reference, 32, hex), w[W_SESSION], o->session, w[W_VALID],
                        time_format(o->not_after_us, a));
    if (r >= 0 && o->urgent_us)
        r = buf_appendf(out, "%s: %s\n", w[W_URGENT], time_format(o->urgent_us, a));
    return r;
}
