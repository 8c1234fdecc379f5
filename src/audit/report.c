/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "audit/report.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/facts.h"
#include "base/clock.h"
#include "base/hex.h"
#include "tlog/base64.h"
#include "tlog/verify.h"

struct report {
    const struct report_options *o;
    struct facts facts;
    int64_t from_us, to_us; /* the year */
    uint64_t size, unreadable;
    struct buf *out;
    int error;
    char problem[400];
};

#define PUT(r, ...) ((r)->error = (r)->error < 0 ? (r)->error : buf_appendf((r)->out, __VA_ARGS__))

static bool in_year(const struct report *r, int64_t at_us)
{
    return at_us >= r->from_us && at_us < r->to_us;
}

static const char *day(int64_t us, char out[TIME_TEXT])
{
    return us ? time_format_date(us, out) : "-";
}

/* ---- counting by code ---- */

struct tally {
    char code[48];
    uint64_t n;
    double hours;
};

struct tallies {
    struct tally *t;
    size_t n;
};

static void count(struct report *r, struct tallies *all, const char *code, double hours)
{
    struct tally *t = NULL;
    for (size_t i = 0; i < all->n && !t; i++)
        if (strcmp(all->t[i].code, code) == 0)
            t = &all->t[i];
    if (!t && (t = facts_grow(&all->t, &all->n, sizeof(*t))))
        snprintf(t->code, sizeof(t->code), "%s", code);
    if (!t) {
        r->error = -ENOMEM;
        return;
    }
    t->n++;
    t->hours += hours;
}

static int by_code(const void *a, const void *b)
{
    return strcmp(((const struct tally *)a)->code, ((const struct tally *)b)->code);
}

static void put_tallies(struct report *r, const char *head, struct tallies *all, bool hours)
{
    if (all->n)
        qsort(all->t, all->n, sizeof(*all->t), by_code);
    PUT(r, "\n| %s | number |%s\n|---|---:|%s\n", head, hours ? " camera-hours |" : "",
        hours ? "---:|" : "");
    for (size_t i = 0; i < all->n; i++) {
        PUT(r, "| %s | %llu |", all->t[i].code, (unsigned long long)all->t[i].n);
        if (hours)
            PUT(r, " %.1f |", all->t[i].hours);
        PUT(r, "\n");
    }
    if (!all->n)
        PUT(r, "| none | 0 |%s\n", hours ? " 0.0 |" : "");
    free(all->t);
    *all = (struct tallies){0};
}

/* ---- register ---- */

/* The last entry of a camera before the end of the year. */
static const struct fact_camera *last_entry(const struct report *r, const char *camera)
{
    const struct fact_camera *last = NULL;
    for (size_t i = 0; i < r->facts.cameras_n; i++)
        if (r->facts.cameras[i].at_us < r->to_us && strcmp(r->facts.cameras[i].camera, camera) == 0)
            last = &r->facts.cameras[i];
    return last;
}

/* Value of a line "key value" of a public entry, "" if it is not there. */
static void value_of(const char *text, size_t len, const char *key, char *out, size_t cap)
{
    const char *line;
    size_t at = 0, n, k = strlen(key);
    out[0] = 0;
    while (tlog_line(text, len, &at, &line, &n))
        if (n > k && line[k] == ' ' && memcmp(line, key, k) == 0) {
            snprintf(out, cap, "%.*s", (int)(n - k - 1), line + k + 1);
            for (char *p = out; *p; p++) /* a table is made of it */
                if (*p == '|')
                    *p = '/';
            return;
        }
}

static void put_public(struct report *r, const char *text, size_t len, const char *camera)
{
    uint8_t hash[32];
    char purpose[192], owner[192], place[256];
    const struct fact_camera *f = last_entry(r, camera);
    crypto_hash_sha256(hash, (const uint8_t *)text, len);
    bool same = f && f->has_register && memcmp(hash, f->reg, 32) == 0;
    value_of(text, len, "purpose", purpose, sizeof(purpose));
    value_of(text, len, "owner", owner, sizeof(owner));
    value_of(text, len, "place", place, sizeof(place));
    PUT(r, "| %s | %s | %s | %s | %s |\n", camera, purpose, owner, place,
        same ? "as logged" : "NOT as logged");
}

/* The public entry of @camera within the register. */
static bool find_public(const struct report *r, const char *camera, const char **ret,
                        size_t *ret_len)
{
    const char *p = r->o->register_text, *end = p ? p + r->o->register_len : NULL;
    while (p && p < end) {
        const char *stop = memmem(p, (size_t)(end - p), "\n\n", 2);
        size_t len = stop ? (size_t)(stop - p) + 1 : (size_t)(end - p);
        char id[FACTS_NAME];
        value_of(p, len, "camera", id, sizeof(id));
        if (strcmp(id, camera) == 0) {
            *ret = p;
            *ret_len = len;
            return true;
        }
        p += len + 1;
    }
    return false;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names of all cameras that the log tells of by the end of the year, sorted, each once. */
static size_t camera_names(const struct report *r, const char **names)
{
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < r->facts.cameras_n; i++)
        if (r->facts.cameras[i].at_us < r->to_us)
            names[n++] = r->facts.cameras[i].camera;
    qsort(names, n, sizeof(*names), by_name);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || strcmp(names[kept - 1], names[i]) != 0)
            names[kept++] = names[i];
    return kept;
}

static void put_cameras(struct report *r)
{
    const char **names = calloc(r->facts.cameras_n + 1, sizeof(*names));
    uint64_t changes[3] = {0}, left = 0;
    if (!names) {
        r->error = -ENOMEM;
        return;
    }
    for (size_t i = 0; i < r->facts.cameras_n; i++)
        if (in_year(r, r->facts.cameras[i].at_us)) {
            const char *c = r->facts.cameras[i].change;
            changes[strcmp(c, "added") == 0 ? 0 : strcmp(c, "removed") == 0 ? 1 : 2]++;
        }
    size_t n = camera_names(r, names);
    for (size_t i = 0; i < n; i++)
        left += strcmp(last_entry(r, names[i])->change, "removed") != 0;
    PUT(r,
        "\n## Cameras\n\nAt the end of the year: %llu. Added %llu, removed %llu, changed %llu "
        "times.\n",
        (unsigned long long)left, (unsigned long long)changes[0], (unsigned long long)changes[1],
        (unsigned long long)changes[2]);
    PUT(r, "\n| camera | purpose | owner | place | register |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < n; i++) {
        const char *text = NULL;
        size_t len = 0;
        if (strcmp(last_entry(r, names[i])->change, "removed") == 0)
            continue;
        if (find_public(r, names[i], &text, &len))
            put_public(r, text, len, names[i]);
        else
            PUT(r, "| %s | | | | not in the register |\n", names[i]);
    }
    free(names);
}

/* ---- footage ---- */

static void put_footage(struct report *r)
{
    uint64_t hours = 0, recordings = 0, gone[2] = {0}, shares = 0;
    char a[TIME_TEXT], b[TIME_TEXT];
    const struct facts *f = &r->facts;
    for (size_t i = 0; i < f->manifests_n; i++)
        if (in_year(r, f->manifests[i].hour_us)) {
            hours++;
            recordings += f->manifests[i].recordings;
        }
    for (size_t i = 0; i < f->erasures_n; i++)
        if (in_year(r, f->erasures[i].at_us)) {
            gone[f->erasures[i].disk_full] += f->erasures[i].recordings;
            shares += f->erasures[i].share_files;
        }
    PUT(r,
        "\n## Footage\n\n| | |\n|---|---:|\n| hours of which a list was logged | %llu |\n"
        "| recordings listed | %llu |\n| recordings destroyed at the end of their time | %llu |\n"
        "| recordings destroyed before, for want of space | %llu |\n| files of key shares "
        "destroyed "
        "| %llu |\n",
        (unsigned long long)hours, (unsigned long long)recordings, (unsigned long long)gone[0],
        (unsigned long long)gone[1], (unsigned long long)shares);
    for (size_t i = 0; i < f->policies_n; i++)
        if (in_year(r, f->policies[i].at_us))
            PUT(r, "\nFrom %s: kept for %d days.\n", day(f->policies[i].at_us, a),
                f->policies[i].retention_days);
    for (size_t i = 0; i < f->shortfalls_n; i++)
        if (in_year(r, f->shortfalls[i].at_us))
            PUT(r, "\nFrom %s to about %s: %llu days were promised, %.1f kept.\n",
                day(f->shortfalls[i].at_us, a), day(f->shortfalls[i].until_us, b),
                (unsigned long long)f->shortfalls[i].promised_days,
                (double)f->shortfalls[i].actual_hours / 24.0);
}

/* ---- cases ---- */

static double camera_hours(const struct fact_case *c)
{
    return (double)c->cameras_n * (double)(c->to_us - c->from_us) / (double)HOUR_US;
}

static const char *outcome(const struct fact_case *c)
{
    return c->opened ? "opened" : c->ended ? c->end : "open";
}

static int64_t last_approval(const struct fact_case *c, size_t *ret_n)
{
    int64_t last = 0;
    *ret_n = 0;
    for (size_t i = 0; i < c->answers_n; i++)
        if (!c->answers[i].refusal) {
            ++*ret_n;
            last = c->answers[i].made_us > last ? c->answers[i].made_us : last;
        }
    return last;
}

static void put_case_line(struct report *r, const struct fact_case *c)
{
    char made[TIME_TEXT], opened[TIME_TEXT];
    size_t n;
    int64_t last = last_approval(c, &n);
    PUT(r, "| %s | %s | %s | %s | %zu | %.1f | %zu | ", c->id, day(c->made_us, made), c->purpose,
        c->basis, c->cameras_n, camera_hours(c), n);
    if (last)
        PUT(r, "%.1f", (double)(last - c->made_us) / (double)HOUR_US);
    else
        PUT(r, "-");
    PUT(r, " | %s %s |\n", outcome(c), c->opened ? day(c->opened_us, opened) : "");
}

static void put_cases(struct report *r)
{
    struct tallies purposes = {0}, bases = {0}, ends = {0}, refusals = {0};
    for (size_t i = 0; i < r->facts.cases_n; i++) {
        const struct fact_case *c = &r->facts.cases[i];
        if (c->ordered && in_year(r, c->made_us)) {
            count(r, &purposes, c->purpose, camera_hours(c));
            count(r, &bases, c->basis, camera_hours(c));
            count(r, &ends, outcome(c), camera_hours(c));
        }
        for (size_t k = 0; k < c->answers_n; k++)
            if (c->answers[k].refusal && in_year(r, c->answers[k].made_us))
                count(r, &refusals, c->answers[k].reason, 0);
    }
    PUT(r, "\n## Orders to open original pictures\n");
    put_tallies(r, "purpose", &purposes, true);
    put_tallies(r, "legal basis", &bases, true);
    put_tallies(r, "outcome", &ends, true);
    put_tallies(r, "refused by a custodian, reason", &refusals, false);
    PUT(r,
        "\n| case | ordered | purpose | legal basis | cameras | camera-hours | approvals | hours "
        "to the last approval | outcome |\n|---|---|---|---|---:|---:|---:|---:|---|\n");
    for (size_t i = 0; i < r->facts.cases_n; i++)
        if (r->facts.cases[i].ordered && in_year(r, r->facts.cases[i].made_us))
            put_case_line(r, &r->facts.cases[i]);
}

/* ---- the rest ---- */

static void put_holds(struct report *r)
{
    char a[TIME_TEXT], b[TIME_TEXT], c[TIME_TEXT];
    PUT(r, "\n## Holds\n\n| hold | camera | of | reason | change | on | until |\n"
           "|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < r->facts.holds_n; i++) {
        const struct fact_hold *h = &r->facts.holds[i];
        if (in_year(r, h->at_us))
            PUT(r, "| %s | %s | %s | %s | %s | %s | %s |\n", h->hold, h->camera, day(h->from_us, a),
                h->reason, h->change, day(h->at_us, b), day(h->until_us, c));
    }
}

static uint64_t times_in_year(const struct report *r, const int64_t *times, size_t n)
{
    uint64_t found = 0;
    for (size_t i = 0; i < n; i++)
        found += in_year(r, times[i]);
    return found;
}

static void put_masking(struct report *r)
{
    struct tallies changes = {0};
    for (size_t i = 0; i < r->facts.masking_n; i++)
        if (in_year(r, r->facts.masking[i].at_us))
            count(r, &changes, r->facts.masking[i].change, 0);
    PUT(r, "\n## Masking\n");
    put_tallies(r, "change", &changes, false);
}

static void put_node(struct report *r)
{
    char a[TIME_TEXT];
    PUT(r, "\n## Custodians and node\n\n");
    for (size_t i = 0; i < r->facts.sets_n; i++)
        if (in_year(r, r->facts.sets[i].at_us))
            PUT(r, "From %s: %d of %d custodians%s.\n\n", day(r->facts.sets[i].at_us, a),
                r->facts.sets[i].threshold, r->facts.sets[i].of,
                r->facts.sets[i].practice ? ", for practising" : "");
    PUT(r,
        "| | |\n|---|---:|\n| starts of the recorder | %llu |\n| answers that did not hold | %llu "
        "|\n",
        (unsigned long long)times_in_year(r, r->facts.starts, r->facts.starts_n),
        (unsigned long long)times_in_year(r, r->facts.rejections, r->facts.rejections_n));
    if (r->unreadable)
        PUT(r, "| entries that are not well formed | %llu |\n", (unsigned long long)r->unreadable);
}

/* ---- reading ---- */

static int on_entry(void *user, uint64_t index, const char *text, size_t len, struct err *reterr)
{
    struct report *r = user;
    return index < r->size ? facts_take(&r->facts, index, text, len) : 0;
}

static void on_problem(void *user, const char *sentence)
{
    struct report *r = user;
    if (!r->problem[0])
        snprintf(r->problem, sizeof(r->problem), "%s", sentence);
}

static void on_fact(void *user, const char *code, uint64_t index, const char *text)
{
    struct report *r = user;
    r->unreadable += strcmp(code, "entry-malformed") == 0;
}

static int read_log(struct report *r, struct tlog_hash *ret_root, struct err *reterr)
{
    const struct tlog_verify v = {on_entry, on_problem, r};
    struct tlog_reader *reader = NULL;
    r->facts.problem = on_fact;
    r->facts.user = r;
    int got = tlog_verify(r->o->log, r->o->head, &v, reterr);
    if (got > 0)
        return err_set(reterr, E_CORRUPT, "%s", r->problem);
    if (got >= 0)
        got = tlog_reader_open(r->o->log, r->size, &reader);
    if (got >= 0) {
        struct tlog_subtrees s = tlog_reader_subtrees(reader);
        got = tlog_tree_root(&s, r->size, ret_root, reterr);
    }
    tlog_reader_close(reader);
    return got;
}

static int year_bounds(struct report *r, struct err *reterr)
{
    char text[32];
    if (r->o->year < 1970 || r->o->year > 9998)
        return err_set(reterr, E_RANGE, "%d is not a year", r->o->year);
    if (r->o->size > r->o->head->size)
        return err_set(reterr, E_RANGE, "the log has %llu entries",
                       (unsigned long long)r->o->head->size);
    r->size = r->o->size ? r->o->size : r->o->head->size;
    snprintf(text, sizeof(text), "%04d-01-01T00:00:00Z", r->o->year);
    time_parse(text, &r->from_us);
    snprintf(text, sizeof(text), "%04d-01-01T00:00:00Z", r->o->year + 1);
    return time_parse(text, &r->to_us);
}

int report_write(const struct report_options *o, struct buf *out, struct err *reterr)
{
    struct report r = {.o = o, .out = out};
    struct tlog_hash root;
    char text[TLOG_BASE64_TEXT(32)];
    size_t before = out->len;
    int got = year_bounds(&r, reterr);
    if (got >= 0)
        got = read_log(&r, &root, reterr);
    if (got >= 0) {
        PUT(&r,
            "# %d: %s\n\nMade from the first %llu entries of the public log (root %s)\nand the "
            "register of cameras. Whoever has both gets the same bytes.\n",
            o->year, o->head->origin, (unsigned long long)r.size,
            tlog_base64(root.bytes, sizeof(root.bytes), text));
        put_cameras(&r);
        put_footage(&r);
        put_cases(&r);
        put_holds(&r);
        put_masking(&r);
        put_node(&r);
        got = r.error;
    }
    facts_release(&r.facts);
    if (got < 0)
        out->len = before;
    return got < 0 ? got : 0;
}
