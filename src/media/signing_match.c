/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Units against one hash list. H is the digest. The anchor, the first slice of a key picture, stands in the list as
 * H(unit); other slices as H(anchor's hash | H(unit)); unsigned Media Signing SEI as H(unit). The anchor's hash is taken
 * from the signed list, not from the unit: so one changed key picture is one fault and not a whole group of them. The
 * list is signed itself, so the digest over it (`group`) is only looked at where the list is left out.
 */
#include <string.h>

#include "media/signing_private.h"

#define ENTRIES 64 /* of a list are looked at to find where a group begins */

static void list_items(struct signing *s)
{
    for (size_t j = 0; j < s->items; j++) {
        struct signing_item *it = &s->item[j];
        if (it->kind == ITEM_SLICE)
            signing_hash(s, s->anchor, s->hash_len, it->hash, s->hash_len, it->listed);
        else
            memcpy(it->listed, it->hash, s->hash_len);
    }
}

/* The list and the items of one group while they are compared. */
struct group {
    struct signing *s;
    const uint8_t *list;
    size_t i, n;   /* next of the list */
    size_t j, end; /* next of the items; where the group can end at the latest */
};

static bool same(const struct group *g, size_t i, size_t j)
{
    return memcmp(g->list + i * g->s->hash_len, g->s->item[j].listed, g->s->hash_len) == 0;
}

static void fault_items(const struct group *g, enum signing_fault_kind kind, size_t from, size_t to)
{
    const struct signing_item *it = &g->s->item[from];
    if (to > from) {
        g->s->report.wrong += to - from;
        signing_fault_add(g->s, kind, it->nal, to - from, it->at_us);
    }
}

static void fault_missing(const struct group *g, uint64_t count, uint64_t nal, int64_t at_us)
{
    if (!count)
        return;
    const struct signing_item *it = g->j < g->s->items ? &g->s->item[g->j] : NULL;
    g->s->report.missing += count;
    signing_fault_add(g->s, SIGNING_FAULT_MISSING, it ? it->nal : nal, count,
                      it ? it->at_us : at_us);
}

/* Item j is not entry i of the list. Find out what happened; move on at least one of the two. */
static void differ(struct group *g, uint64_t nal, int64_t at_us)
{
    size_t i = g->i + 1, j = g->j + 1;
    while (i < g->n && !same(g, i, g->j))
        i++;
    while (j < g->end && !same(g, g->i, j))
        j++;
    if (i < g->n) { /* the item stands later in the list */
        fault_missing(g, i - g->i, nal, at_us);
        g->i = i;
    } else if (j < g->end) { /* the entry comes later: what stands between was put in */
        fault_items(g, SIGNING_FAULT_UNCOVERED, g->j, j);
        g->j = j;
    } else { /* one was put in the other's place */
        fault_items(g, SIGNING_FAULT_WRONG, g->j, g->j + 1);
        g->i++;
        g->j++;
    }
}

static void compare(struct group *g, uint64_t nal, int64_t at_us)
{
    while (g->i < g->n && g->j < g->end) {
        if (same(g, g->i, g->j)) {
            g->s->report.verified++;
            g->i++;
            g->j++;
        } else {
            differ(g, nal, at_us);
        }
    }
    fault_missing(g, g->n - g->i, nal, at_us);
}

/*
 * The list's entry that is the hash of the group's key picture: mostly the first, behind unsigned SEI otherwise. If the
 * picture is not here as it was signed, it is the first entry that is no SEI of ours.
 */
static size_t anchor_entry(const struct group *g)
{
    struct signing *s = g->s;
    size_t most = g->n < ENTRIES ? g->n : ENTRIES, first = most;
    for (size_t i = 0; i < most; i++) {
        bool sei = false;
        for (size_t j = 0; j < s->items; j++) {
            const struct signing_item *it = &s->item[j];
            if (it->kind == ITEM_SLICE ||
                memcmp(it->hash, g->list + i * s->hash_len, s->hash_len) != 0)
                continue;
            if (it->kind == ITEM_ANCHOR)
                return i;
            sei = true;
        }
        if (!sei && first == most)
            first = i;
    }
    return first < most ? first : 0;
}

/*
 * Where the group begins among the items: those in front belong to groups whose signature did not come. Returns false
 * when nothing of the group is here: it lies before the stream.
 */
static bool find_begin(struct group *g)
{
    struct signing *s = g->s;
    size_t most = g->n < ENTRIES ? g->n : ENTRIES;
    for (size_t j = 0; j < s->items; j++)
        for (size_t i = 0; i < most; i++) {
            if (!same(g, i, j))
                continue;
            g->j = j;
            for (size_t k = j; k > 0 && j - k < i;
                 k--) /* the key picture in front may be a changed one */
                if (s->item[k - 1].kind == ITEM_ANCHOR)
                    g->j = k - 1;
            return true;
        }
    return s->begun;
}

/* Order of the groups by counter and by the hash of the group before. False: a repetition. */
static bool in_order(struct signing *s, const struct signing_doc *d, uint64_t nal, int64_t at_us)
{
    if (!s->chained || d->counter == s->counter + 1) {
        if (s->chained && memcmp(d->linked, s->first, s->hash_len) != 0)
            signing_fault_add(s, SIGNING_FAULT_ORDER, nal, 1, at_us);
        return true;
    }
    if (d->counter == s->counter)
        return false;
    if (d->counter < s->counter) {
        signing_fault_add(s, SIGNING_FAULT_ORDER, nal, 1, at_us);
    } else { /* whole groups are gone, or only their signatures: then their units are uncovered */
        s->inside = false;
        signing_fault_add(s, SIGNING_FAULT_MISSING, nal, d->counter - s->counter - 1, at_us);
        s->report.missing++;
    }
    return true;
}

/*
 * Where the next group begins at the earliest: at a key picture behind the one of this group, or at the unsigned SEI in
 * front of it. A key picture that stands twice does not end its own group, nor does a changed one at its beginning.
 */
static size_t next_group(const struct group *g, size_t from)
{
    const struct signing *s = g->s;
    size_t anchors = s->inside, end = from;
    for (; end < s->items; end++)
        if (s->item[end].kind == ITEM_ANCHOR &&
            memcmp(s->item[end].hash, s->anchor, s->hash_len) != 0 && anchors++)
            break;
        else if (s->item[end].kind != ITEM_SEI)
            anchors |= 1;
    while (end < s->items && end > from && s->item[end - 1].kind == ITEM_SEI &&
           !same(g, g->n - 1, end - 1))
        end--;
    return end;
}

static size_t next_anchor(const struct signing *s, size_t from)
{
    while (from < s->items && s->item[from].kind != ITEM_ANCHOR)
        from++;
    return from;
}

/* Low bitrate mode: no list, only the digest over it. All or nothing. */
static void match_digest(struct signing *s, const struct signing_doc *d, uint64_t nal,
                         int64_t at_us)
{
    size_t begin = s->begun ? 0 : next_anchor(s, 0), n = d->covered;
    uint8_t all[SIGNING_HASH];
    size_t key = next_anchor(s, begin);
    if (!s->inside && key < s->items)
        memcpy(s->anchor, s->item[key].hash, s->hash_len);
    list_items(s);
    if (n > s->items - begin) {
        if (s->begun) {
            s->report.missing += n - (s->items - begin);
            signing_fault_add(s, SIGNING_FAULT_WRONG, nal, n, at_us);
            s->report.wrong += s->items;
            signing_drop(s, s->items);
        }
        return;
    }
    EVP_DigestInit_ex(s->ctx, s->digest, NULL);
    for (size_t j = begin; j < begin + n; j++) {
        if (j == begin)
            memcpy(s->first, s->item[j].listed, s->hash_len);
        EVP_DigestUpdate(s->ctx, s->item[j].listed, s->hash_len);
    }
    EVP_DigestFinal_ex(s->ctx, all, NULL);
    bool ok = memcmp(all, d->group, s->hash_len) == 0;
    if (!ok && !s->begun) /* a group from before the stream */
        return;
    s->begun = true;
    if (ok)
        s->report.verified += n;
    else
        fault_items(&(struct group){.s = s}, SIGNING_FAULT_WRONG, begin, begin + n);
    signing_drop(s, begin + n);
}

/* What stands behind the group's last entry is left to the next group: only that one can tell whether it is in order. */
static void match_list(struct signing *s, const struct signing_doc *d, uint64_t nal, int64_t at_us)
{
    struct group g = {.s = s, .list = d->list, .n = d->covered};
    bool fresh = !s->inside;
    if (fresh)
        memcpy(s->anchor, d->list + anchor_entry(&g) * s->hash_len, s->hash_len);
    memcpy(s->first, d->list, s->hash_len);
    list_items(s);
    if (fresh && !find_begin(&g))
        return;
    if (s->begun ||
        next_anchor(s, 0) < g.j) /* the end of a group from before the stream is no fault */
        fault_items(&g, SIGNING_FAULT_UNCOVERED, 0, g.j);
    s->begun = true;
    g.end = next_group(&g, fresh ? g.j : 0);
    if (d->partial && g.end > g.j + g.n) /* more may follow before the next anchor */
        g.end = g.j + g.n;
    compare(&g, nal, at_us);
    signing_drop(s, g.j);
}

void signing_match(struct signing *s, const struct signing_doc *d, uint64_t nal, int64_t at_us)
{
    if (!d->general || d->hash_len != s->hash_len || d->covered == 0) {
        signing_fault_add(s, SIGNING_FAULT_SIGNATURE, nal, 1, at_us);
        return;
    }
    if (!in_order(s, d, nal, at_us))
        return;
    if (d->list)
        match_list(s, d, nal, at_us);
    else
        match_digest(s, d, nal, at_us);
    s->inside = d->partial;
    s->counter = d->counter;
    s->chained = true;
}
