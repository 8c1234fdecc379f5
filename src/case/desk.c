/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "case/desk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hex.h"
#include "case/bundle.h"

#define ENTRY_BYTES ((size_t)65535)

static int log_text(const struct case_desk *d, struct buf *entry, uint64_t *ret_index,
                    struct err *reterr)
{
    return d->log->append(d->log->user, (const char *)entry->data, entry->len, ret_index, reterr);
}

/* Tell the log that something was turned away; that this fails must not hide why it was. */
static void log_rejection(const struct case_desk *d, const struct case_folder *f, const void *file,
                          size_t len, int why)
{
    struct buf b;
    uint8_t hash[32];
    char hex[65], detail[160], suffix[20];
    uint64_t index;
    buf_init(&b, ENTRY_BYTES);
    case_hash(file, len, hash);
    snprintf(detail, sizeof(detail), "what %s\nwhy %s\n", hex_encode(hash, 32, hex), err_name(why));
    snprintf(suffix, sizeof(suffix), "-%.16s", hex); /* the same thing twice is logged once */
    if (case_entry_event(&f->order, f->hash, "rejection", suffix, detail, d->now_us, &b) >= 0)
        log_text(d, &b, &index, NULL);
    buf_release(&b);
}

/* Log the order and keep its proof; also for one that was kept before when the log was away. */
static int log_order(const struct case_desk *d, struct case_folder *f, struct err *reterr)
{
    struct buf entry, proof;
    uint64_t index = 0;
    buf_init(&entry, ENTRY_BYTES);
    buf_init(&proof, 1 << 20);
    int r = case_entry_order(&f->order, f->hash, &entry);
    if (r >= 0)
        r = log_text(d, &entry, &index, reterr);
    if (r >= 0)
        r = d->log->prove(d->log->user, index, &proof, reterr);
    if (r >= 0)
        r = case_folder_put_proof(f, proof.data, proof.len, reterr);
    if (r >= 0)
        r = case_folder_advance(f, CASE_LOGGED, d->now_us, reterr);
    buf_release(&entry);
    buf_release(&proof);
    return r;
}

static int keep_order(const struct case_desk *d, const struct case_order *o, const void *note,
                      size_t len, struct case_folder *ret, struct err *reterr)
{
    struct buf shares;
    buf_init(&shares, (size_t)1 << 30);
    int r = case_bundle_collect(d->data_dir, o, &shares, reterr);
    if (r >= 0)
        r = case_folder_create(d->data_dir, note, len, shares.data, shares.len, d->policy,
                               d->now_us, ret, reterr);
    buf_release(&shares);
    return r;
}

int case_desk_request(const struct case_desk *d, const void *note, size_t len,
                      struct case_folder *ret, struct err *reterr)
{
    struct case_order o;
    uint8_t hash[32];
    int r = case_order_open(note, len, &o, hash, reterr);
    if (r < 0)
        return r;
    if (strcmp(o.node, d->node) != 0)
        return err_set(reterr, E_MISMATCH, "the order is for node %s, this is %s", o.node, d->node);
    r = case_rules_check(d->rules, &o, d->now_us, reterr);
    if (r >= 0)
        r = keep_order(d, &o, note, len, ret, reterr);
    if (r == E_EXISTS && case_folder_load(d->data_dir, o.id, true, ret, NULL) >= 0) {
        if (ret->state == CASE_REQUESTED && !memcmp(ret->hash, hash, sizeof(hash))) {
            r = 0; /* kept earlier, but the log was away */
        } else {
            log_rejection(d, ret, note, len, r);
            case_folder_release(ret);
        }
    }
    if (r < 0)
        return r;
    r = log_order(d, ret, reterr);
    if (r < 0)
        case_folder_release(ret);
    return r;
}

static bool is_confirmed(const struct case_folder *f)
{
    struct case_answers all;
    struct seal_policy more = f->policy;
    more.threshold++;
    return more.threshold <= more.count && case_folder_answers(f, NULL, NULL, &all, NULL) >= 0 &&
           case_quorum(&more, all.approved, NULL) >= 0;
}

int64_t case_desk_ends_us(const struct case_folder *f)
{
    const struct case_order *o = &f->order;
    return o->urgent_us && o->urgent_us < o->not_after_us && !is_confirmed(f) ? o->urgent_us
                                                                              : o->not_after_us;
}

bool case_desk_overdue(const struct case_folder *f, int64_t now_us)
{
    return !case_state_final(f->state) && now_us >= case_desk_ends_us(f);
}

static int log_event(const struct case_desk *d, const struct case_folder *f, const char *kind,
                     const char *detail, struct err *reterr)
{
    struct buf b;
    uint64_t index;
    buf_init(&b, ENTRY_BYTES);
    int r = case_entry_event(&f->order, f->hash, kind, "", detail, d->now_us, &b);
    if (r >= 0)
        r = log_text(d, &b, &index, reterr);
    buf_release(&b);
    return r;
}

int case_desk_end(const struct case_desk *d, struct case_folder *f, enum case_state to,
                  struct err *reterr)
{
    const char *kind = to == CASE_CLOSED      ? "closing"
                       : to == CASE_WITHDRAWN ? "withdrawal"
                       : to == CASE_EXPIRED   ? "expiry"
                                              : NULL;
    if (!kind)
        return E_BUG;
    if (!case_state_may(f->state, to))
        return case_folder_advance(f, to, d->now_us, reterr); /* says why not */
    int r = log_event(d, f, kind, "", reterr);
    return r < 0 ? r : case_folder_advance(f, to, d->now_us, reterr);
}

static int still_on(const struct case_desk *d, struct case_folder *f, struct err *reterr)
{
    char t[TIME_TEXT];
    int64_t end = case_desk_ends_us(f);
    if (case_desk_overdue(f, d->now_us)) {
        int r = case_desk_end(d, f, CASE_EXPIRED, reterr);
        if (r < 0)
            return r;
        return err_set(reterr, E_DENIED, "case %s ran out at %s", f->order.id, time_format(end, t));
    }
    if (f->state == CASE_REQUESTED)
        return err_set(reterr, E_DENIED, "order %s is not in the log: nobody may act on it",
                       f->order.id);
    if (case_state_final(f->state))
        return err_set(reterr, E_DENIED, "case %s is %s", f->order.id, case_state_name(f->state));
    return 0;
}

static int log_answer(const struct case_desk *d, const struct case_answer *a, struct err *reterr)
{
    struct buf b;
    uint64_t index;
    buf_init(&b, ENTRY_BYTES);
    int r = case_entry_answer(a, &b);
    if (r >= 0)
        r = log_text(d, &b, &index, reterr);
    buf_release(&b);
    return r;
}

static int count_answers(const struct case_desk *d, struct case_folder *f, struct err *reterr)
{
    struct case_answers all;
    int r = case_folder_answers(f, NULL, NULL, &all, reterr);
    if (r < 0 || f->state != CASE_LOGGED)
        return r;
    if (case_quorum(&f->policy, all.approved, NULL) >= 0)
        return case_folder_advance(f, CASE_APPROVED, d->now_us, reterr);
    if (!case_quorum_possible(&f->policy, all.refused))
        return case_folder_advance(f, CASE_REFUSED, d->now_us, reterr);
    return 0;
}

int case_desk_answer(const struct case_desk *d, const char *id, const void *file, size_t len,
                     struct case_answer *ret_answer, struct err *reterr)
{
    struct case_folder f;
    struct case_answer a;
    int r = case_folder_load(d->data_dir, id, true, &f, reterr);
    if (r < 0)
        return r;
    r = still_on(d, &f, reterr);
    if (r >= 0)
        r = case_answer_open(file, len, &f.order, f.hash, &f.policy, &a, NULL, reterr);
    if (r >= 0 && !a.approves && !case_codes_find(d->rules->codes, CASE_REFUSAL, a.reason))
        r = err_set(reterr, E_NOTFOUND, "'%s' is no reason of the code list", a.reason);
    if (r >= 0)
        r = case_folder_put_answer(&f, &a, file, len, reterr);
    if (r < 0 && err_kind(r) != ERR_RETRY)
        log_rejection(d, &f, file, len, r);
    if (r >= 0)
        r = log_answer(d, &a, reterr);
    if (r >= 0)
        r = count_answers(d, &f, reterr);
    case_folder_release(&f);
    if (r >= 0 && ret_answer)
        *ret_answer = a;
    return r;
}

int case_desk_opening(const struct case_desk *d, struct case_folder *f,
                      const struct case_answers *a, struct err *reterr)
{
    char detail[64 + 65 * SEAL_CUSTODIANS], hex[65];
    size_t n = 0;
    int r = still_on(d, f, reterr);
    if (r >= 0)
        r = case_quorum(&f->policy, a->approved, reterr);
    if (r < 0) {
        if (r != E_THRESHOLD || f->state == CASE_LOGGED)
            log_rejection(d, f, f->note.data, f->note.len, r);
        return r;
    }
    detail[0] = 0;
    for (int i = 0; i < a->count; i++)
        if (a->answer[i].approves)
            n += (size_t)snprintf(detail + n, sizeof(detail) - n, "approval %s\n",
                                  hex_encode(a->answer[i].hash, 32, hex));
    if (f->state == CASE_OPEN) /* the same opening, looked at again */
        return 0;
    if (f->state == CASE_LOGGED) /* answers came while the log was away */
        r = case_folder_advance(f, CASE_APPROVED, d->now_us, reterr);
    if (r >= 0)
        r = log_event(d, f, "opening", detail, reterr);
    return r < 0 ? r : case_folder_advance(f, CASE_OPEN, d->now_us, reterr);
}
