/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The table of kinds, and the builder. */
#include "tlog/entry.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "tlog/entry_private.h"

#define ONE 1, 1
#define MAYBE 0, 1
#define CASE_FIELDS                                                                                \
    {"case", TLOG_TOKEN, ONE},                                                                     \
    {                                                                                              \
        "order", TLOG_HASH, ONE                                                                    \
    }
#define ANSWER_FIELDS                                                                              \
    CASE_FIELDS, {"custodian", TLOG_NUMBER, ONE}, {"of", TLOG_NUMBER, ONE},                        \
    {                                                                                              \
        "set", TLOG_SET, ONE                                                                       \
    }

const struct tlog_kind tlog_kinds[] = {
    /* The node. */
    {"node-start",
     false,
     {{"at", TLOG_TIME, ONE},
      {"node", TLOG_NAME, ONE},
      {"version", TLOG_TOKEN, ONE},
      {"practice", TLOG_YES, ONE}}},
    {"policy",
     false,
     {{"at", TLOG_TIME, ONE},
      {"settings", TLOG_HASH, ONE},
      {"retention-days", TLOG_NUMBER, ONE},
      {"epoch-minutes", TLOG_NUMBER, ONE},
      {"when-full", TLOG_CODE, ONE},
      {"masking", TLOG_YES, ONE}}},
    {"custodians",
     false,
     {{"at", TLOG_TIME, ONE},
      {"set", TLOG_SET, ONE},
      {"threshold", TLOG_NUMBER, ONE},
      {"of", TLOG_NUMBER, ONE},
      {"practice", TLOG_YES, ONE},
      {"recipient", TLOG_HASH, 1, 32}}},
    {"log-key",
     false,
     {{"at", TLOG_TIME, ONE}, {"change", TLOG_CODE, ONE}, {"key", TLOG_HASH, ONE}}},
    /* Cameras. */
    {"camera",
     false,
     {{"at", TLOG_TIME, ONE},
      {"camera", TLOG_NAME, ONE},
      {"change", TLOG_CODE, ONE},
      {"enabled", TLOG_YES, MAYBE},
      {"audio", TLOG_YES, MAYBE},
      {"retention-days", TLOG_NUMBER, MAYBE},
      {"declared-empty", TLOG_TIME_OR_NO, MAYBE},
      {"zones", TLOG_HASH, MAYBE},
      {"register", TLOG_HASH, MAYBE}}},
    {"masking",
     false,
     {{"at", TLOG_TIME, ONE}, {"camera", TLOG_NAME, MAYBE}, {"change", TLOG_CODE, ONE}}},
    /* Footage. */
    {"manifest",
     false,
     {{"at", TLOG_TIME, ONE},
      {"hour", TLOG_TIME, ONE},
      {"recordings", TLOG_NUMBER, ONE},
      {"root", TLOG_HASH, ONE}}},
    {"erasure",
     false,
     {{"at", TLOG_TIME, ONE},
      {"hour", TLOG_TIME, ONE},
      {"reason", TLOG_CODE, ONE},
      {"recordings", TLOG_NUMBER, ONE},
      {"share-files", TLOG_NUMBER, ONE},
      {"first-epoch", TLOG_TIME, ONE},
      {"last-epoch", TLOG_TIME, ONE}}},
    {"shortfall",
     false,
     {{"at", TLOG_TIME, ONE},
      {"promised-days", TLOG_NUMBER, ONE},
      {"actual-hours", TLOG_NUMBER, ONE},
      {"until", TLOG_TIME, ONE}}},
    {"hold",
     false,
     {{"at", TLOG_TIME, ONE},
      {"hold", TLOG_TOKEN, ONE},
      {"change", TLOG_CODE, ONE},
      {"camera", TLOG_NAME, ONE},
      {"from", TLOG_TIME, ONE},
      {"to", TLOG_TIME, ONE},
      {"until", TLOG_TIME, ONE},
      {"reason", TLOG_CODE, ONE}}},
    /* Cases: src/case/entry.c. */
    {"order",
     false,
     {CASE_FIELDS,
      {"node", TLOG_NAME, ONE},
      {"camera", TLOG_NAME, 1, 64},
      {"from", TLOG_TIME, ONE},
      {"to", TLOG_TIME, ONE},
      {"purpose", TLOG_CODE, ONE},
      {"basis", TLOG_CODE, ONE},
      {"reference", TLOG_HASH, ONE},
      {"made", TLOG_TIME, ONE},
      {"not-after", TLOG_TIME, ONE},
      {"urgent", TLOG_TIME_OR_NO, ONE}}},
    {"approval",
     false,
     {ANSWER_FIELDS,
      {"keys", TLOG_NUMBER, ONE},
      {"answer", TLOG_HASH, ONE},
      {"made", TLOG_TIME, ONE}}},
    {"refusal",
     false,
     {ANSWER_FIELDS,
      {"reason", TLOG_CODE, ONE},
      {"answer", TLOG_HASH, ONE},
      {"made", TLOG_TIME, ONE}}},
    {"rejection",
     false,
     {CASE_FIELDS, {"what", TLOG_HASH, ONE}, {"why", TLOG_CODE, ONE}, {"at", TLOG_TIME, ONE}}},
    {"opening", false, {CASE_FIELDS, {"approval", TLOG_HASH, 0, 32}, {"at", TLOG_TIME, ONE}}},
    {"export", false, {CASE_FIELDS, {"file", TLOG_HASH, ONE}, {"at", TLOG_TIME, ONE}}},
    {"closing", false, {CASE_FIELDS, {"at", TLOG_TIME, ONE}}},
    {"withdrawal", false, {CASE_FIELDS, {"at", TLOG_TIME, ONE}}},
    {"expiry", false, {CASE_FIELDS, {"at", TLOG_TIME, ONE}}},
    {"identity-destroyed", true, {{0}}},
    {0},
};

const struct tlog_kind *tlog_kind_find(const char *name, size_t len)
{
    for (const struct tlog_kind *k = tlog_kinds; k->name; k++)
        if (strlen(k->name) == len && memcmp(k->name, name, len) == 0)
            return k;
    return NULL;
}

char *tlog_entry_new_id(const char *prefix, char out[TLOG_ENTRY_ID])
{
    uint8_t random[8];
    char hex[17];
    randombytes_buf(random, sizeof(random));
    snprintf(out, TLOG_ENTRY_ID, "%.14s-%s", prefix, hex_encode(random, sizeof(random), hex));
    return out;
}

static void fail(struct tlog_entry_writer *w, int code)
{
    if (w->error >= 0)
        w->error = code;
}

void tlog_entry_begin(struct tlog_entry_writer *w, const char *kind, const char *id,
                      struct buf *out)
{
    *w = (struct tlog_entry_writer){.out = out, .kind = tlog_kind_find(kind, strlen(kind))};
    w->start = out->len;
    if (!w->kind || w->kind->statement)
        fail(w, E_BUG);
    else if (!tlog_value_valid(TLOG_TOKEN, id, strlen(id)))
        fail(w, E_SYNTAX);
    else
        w->error = buf_appendf(out, TLOG_ENTRY_MAGIC " %s\nid %s\n", kind, id);
}

/* Move on to the field of @key, if everything that must stand before it does. */
static const struct tlog_field *advance(struct tlog_entry_writer *w, const char *key)
{
    const struct tlog_field *f = &w->kind->field[w->field];
    while (f->key && strcmp(f->key, key) != 0 && w->count >= f->min) {
        f++;
        w->field++;
        w->count = 0;
    }
    if (!f->key || strcmp(f->key, key) != 0 || w->count == f->max)
        return NULL;
    w->count++;
    return f;
}

void tlog_entry_text(struct tlog_entry_writer *w, const char *key, const char *value)
{
    if (w->error < 0)
        return;
    const struct tlog_field *f = advance(w, key);
    if (!f)
        fail(w, E_BUG);
    else if (!tlog_value_valid(f->value, value, strlen(value)))
        fail(w, E_SYNTAX);
    else
        w->error = buf_appendf(w->out, "%s %s\n", key, value);
}

void tlog_entry_number(struct tlog_entry_writer *w, const char *key, int64_t value)
{
    char text[24];
    snprintf(text, sizeof(text), "%lld", (long long)value);
    tlog_entry_text(w, key, text);
}

void tlog_entry_time(struct tlog_entry_writer *w, const char *key, int64_t us)
{
    char text[TIME_TEXT];
    tlog_entry_text(w, key, time_format(us, text));
}

void tlog_entry_hex(struct tlog_entry_writer *w, const char *key, const uint8_t *data, size_t len)
{
    char text[65];
    if (len > 32)
        fail(w, E_BUG);
    else
        tlog_entry_text(w, key, hex_encode(data, len, text));
}

void tlog_entry_yes(struct tlog_entry_writer *w, const char *key, bool value)
{
    tlog_entry_text(w, key, value ? "yes" : "no");
}

int tlog_entry_end(struct tlog_entry_writer *w)
{
    const struct tlog_field *f = w->kind ? &w->kind->field[w->field] : NULL;
    for (; w->error >= 0 && f && f->key; f++, w->count = 0)
        if (w->count < f->min)
            fail(w, E_BUG);
    if (w->error < 0)
        w->out->len = w->start;
    return w->error < 0 ? w->error : 0;
}
