/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tlog/tally.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tlog_tally_init(struct tlog_tally *t, int64_t from_us, int64_t to_us)
{
    *t = (struct tlog_tally){.from_us = from_us, .to_us = to_us};
}

void tlog_tally_release(struct tlog_tally *t)
{
    free(t->cases);
    *t = (struct tlog_tally){0};
}

static struct tlog_code_count *code_of(struct tlog_codes *c, const char *code)
{
    for (size_t i = 0; i < c->count; i++)
        if (strcmp(c->code[i].code, code) == 0)
            return &c->code[i];
    if (c->count == TLOG_TALLY_CODES - 1)
        code = "other";
    if (c->count == TLOG_TALLY_CODES)
        return &c->code[c->count - 1];
    struct tlog_code_count *n = &c->code[c->count++];
    *n = (struct tlog_code_count){0};
    snprintf(n->code, sizeof(n->code), "%s", code);
    return n;
}

/* Where @id stands among the cases, or belongs. */
static size_t place_of(const struct tlog_tally *t, const char *id, bool *ret_found)
{
    size_t low = 0, high = t->case_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = strcmp(t->cases[mid].id, id);
        if (order == 0) {
            *ret_found = true;
            return mid;
        }
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    *ret_found = false;
    return low;
}

static struct tlog_case *case_of(struct tlog_tally *t, const struct tlog_parsed *p)
{
    char id[sizeof(t->cases->id)];
    bool found;
    if (!tlog_parsed_text(p, "case", 0, id, sizeof(id)))
        return NULL;
    size_t at = place_of(t, id, &found);
    return found ? &t->cases[at] : NULL;
}

static int new_case(struct tlog_tally *t, const char *id, struct tlog_case **ret)
{
    bool found;
    size_t at = place_of(t, id, &found);
    if (!found && t->case_count == t->case_cap) {
        size_t cap = t->case_cap ? t->case_cap * 2 : 64;
        struct tlog_case *more = realloc(t->cases, cap * sizeof(*more));
        if (!more)
            return -ENOMEM;
        t->cases = more;
        t->case_cap = cap;
    }
    if (!found) {
        memmove(t->cases + at + 1, t->cases + at, (t->case_count - at) * sizeof(*t->cases));
        t->case_count++;
    }
    t->cases[at] = (struct tlog_case){0};
    snprintf(t->cases[at].id, sizeof(t->cases[at].id), "%s", id);
    *ret = &t->cases[at];
    return 0;
}

static int64_t time_of(const struct tlog_parsed *p)
{
    int64_t us = 0;
    if (tlog_parsed_time(p, "at", &us) < 0)
        (void)tlog_parsed_time(p, "made", &us);
    return us;
}

static int add_order(struct tlog_tally *t, const struct tlog_parsed *p, int64_t at_us)
{
    char id[sizeof(t->cases->id)], code[TLOG_TALLY_CODE], urgent[48];
    int64_t from = 0, to = 0;
    struct tlog_case *c;
    unsigned cameras = 0;
    if (!tlog_parsed_text(p, "case", 0, id, sizeof(id)))
        return 0;
    int r = new_case(t, id, &c);
    if (r < 0)
        return r;
    while (tlog_parsed_text(p, "camera", cameras, (char[192]){0}, 192))
        cameras++;
    (void)tlog_parsed_time(p, "from", &from);
    (void)tlog_parsed_time(p, "to", &to);
    c->ordered_us = at_us;
    c->camera_us = to > from && to - from < INT64_MAX / 256 ? (to - from) * cameras : 0;
    c->urgent =
        tlog_parsed_text(p, "urgent", 0, urgent, sizeof(urgent)) && strcmp(urgent, "no") != 0;
    if (tlog_parsed_text(p, "purpose", 0, code, sizeof(code))) {
        struct tlog_code_count *n = code_of(&t->purposes, code);
        n->n++;
        n->camera_us += c->camera_us;
        snprintf(c->purpose, sizeof(c->purpose), "%s", code);
    }
    if (tlog_parsed_text(p, "basis", 0, code, sizeof(code))) {
        struct tlog_code_count *n = code_of(&t->bases, code);
        n->n++;
        n->camera_us += c->camera_us;
        snprintf(c->basis, sizeof(c->basis), "%s", code);
    }
    return 0;
}

static void add_to_case(struct tlog_tally *t, const struct tlog_parsed *p, int64_t at_us)
{
    const char *kind = p->kind->name;
    struct tlog_case *c = case_of(t, p);
    if (!c)
        return;
    if (strcmp(kind, "approval") == 0)
        c->approvals++;
    else if (strcmp(kind, "refusal") == 0)
        c->refusals++;
    else if (strcmp(kind, "opening") == 0 && !c->opened_us)
        c->opened_us = at_us;
    else if (strcmp(kind, "closing") == 0 || strcmp(kind, "withdrawal") == 0 ||
             strcmp(kind, "expiry") == 0)
        c->ended_us = at_us;
}

static int add_parsed(struct tlog_tally *t, const struct tlog_parsed *p, int64_t at_us)
{
    const char *kind = p->kind->name;
    char code[TLOG_TALLY_CODE];
    int64_t n = 0;
    if (strcmp(kind, "order") == 0)
        return add_order(t, p, at_us);
    if (strcmp(kind, "refusal") == 0 && tlog_parsed_text(p, "reason", 0, code, sizeof(code)))
        code_of(&t->refusals, code)->n++;
    if (strcmp(kind, "hold") == 0 && tlog_parsed_text(p, "change", 0, code, sizeof(code)) &&
        strcmp(code, "added") == 0 && tlog_parsed_text(p, "reason", 0, code, sizeof(code)))
        code_of(&t->holds, code)->n++;
    if (strcmp(kind, "manifest") == 0 && tlog_parsed_number(p, "recordings", &n) >= 0)
        t->recordings_listed += (uint64_t)n;
    if (strcmp(kind, "erasure") == 0) {
        if (tlog_parsed_number(p, "recordings", &n) >= 0)
            t->recordings_erased += (uint64_t)n;
        if (tlog_parsed_number(p, "share-files", &n) >= 0)
            t->share_files_erased += (uint64_t)n;
    }
    add_to_case(t, p, at_us);
    return 0;
}

int tlog_tally_add(struct tlog_tally *t, const char *text, size_t len)
{
    struct tlog_parsed *p = malloc(sizeof(*p));
    if (!p)
        return -ENOMEM;
    int r = 0;
    if (tlog_entry_parse(text, len, p, NULL) < 0) {
        t->entries++;
        t->unreadable++;
        goto done;
    }
    int64_t at = time_of(p);
    if (t->to_us && (at < t->from_us || at >= t->to_us))
        goto done;
    t->entries++;
    t->kinds[p->kind - tlog_kinds]++;
    t->first_us = t->first_us ? t->first_us : at;
    t->last_us = at ? at : t->last_us;
    r = add_parsed(t, p, at);
done:
    free(p);
    return r;
}

uint64_t tlog_tally_kind(const struct tlog_tally *t, const char *kind)
{
    const struct tlog_kind *k = tlog_kind_find(kind, strlen(kind));
    return k ? t->kinds[k - tlog_kinds] : 0;
}

size_t tlog_tally_opened(const struct tlog_tally *t, int64_t *ret_camera_us)
{
    size_t n = 0;
    *ret_camera_us = 0;
    for (size_t i = 0; i < t->case_count; i++)
        if (t->cases[i].opened_us) {
            n++;
            *ret_camera_us += t->cases[i].camera_us;
        }
    return n;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

int tlog_tally_median_us(const struct tlog_tally *t, int64_t *ret_us)
{
    size_t n = 0;
    *ret_us = 0;
    int64_t *waits = malloc((t->case_count + 1) * sizeof(*waits));
    if (!waits)
        return -ENOMEM;
    for (size_t i = 0; i < t->case_count; i++)
        if (t->cases[i].opened_us)
            waits[n++] = t->cases[i].opened_us - t->cases[i].ordered_us;
    if (n) {
        qsort(waits, n, sizeof(*waits), by_value);
        *ret_us = n % 2 ? waits[n / 2] : (waits[n / 2 - 1] + waits[n / 2]) / 2;
    }
    free(waits);
    return 0;
}
