/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A case from order to key, and everything that must not work on the way. */
#include "fixture.h"

#define refused(r, code, words)                                                                    \
    do {                                                                                           \
        int got = (r);                                                                             \
        if (got != (code) || !strstr(e.text, words))                                               \
            fail_msg("%s:%d: %s '%s'", __FILE__, __LINE__, err_name(got), e.text);                 \
        e = (struct err){0};                                                                       \
    } while (0)
#define fine(r)                                                                                    \
    do {                                                                                           \
        if ((r) < 0)                                                                               \
            fail_msg("%s:%d: %s", __FILE__, __LINE__, e.text);                                     \
    } while (0)

static void test_case__two_of_three_open_what_was_ordered(void **state)
{
    struct node n;
    struct err e = {0};
    uint8_t key[SEAL_KEY];
    node_open(&n, false);
    struct case_order o = order_of(&n);
    struct case_folder f = request(&n, &o);
    assert_int_equal(f.state, CASE_LOGGED);
    refused(open_case(&n, o.id, 0, key, &e), E_THRESHOLD, "2 custodians must approve, 0 did");
    fine(approve(&n, &f, 0, &e));
    refused(open_case(&n, o.id, 0, key, &e), E_THRESHOLD, "2 custodians must approve, 1 did");
    assert_int_equal(state_of(&n, o.id), CASE_LOGGED);
    fine(approve(&n, &f, 2, &e));
    assert_int_equal(state_of(&n, o.id), CASE_APPROVED);
    for (int epoch = 0; epoch < 2; epoch++) {
        fine(open_case(&n, o.id, epoch, key, &e));
        assert_memory_equal(key, n.key[0][epoch], SEAL_KEY);
    }
    assert_int_equal(state_of(&n, o.id), CASE_OPEN);
    refused(open_case(&n, o.id, 2, key, &e), E_NOTFOUND,
            "no shares of this key"); /* after the span */
    struct buf b;                     /* a third refuses later, without effect */
    buf_init(&b, 0);
    fine(case_refuse(&f.order, f.hash, &n.policy, n.id[1], "too-wide", n.desk.now_us, &b, &e));
    fine(case_desk_answer(&n.desk, o.id, b.data, b.len, NULL, &e));
    fine(open_case(&n, o.id, 1, key, &e));
    n.desk.now_us = o.not_after_us; /* its time is over */
    refused(open_case(&n, o.id, 1, key, &e), E_DENIED, "ran out");
    assert_int_equal(state_of(&n, o.id), CASE_EXPIRED);
    refused(open_case(&n, o.id, 1, key, &e), E_DENIED, "is expired");
    buf_release(&b);
    case_folder_release(&f);
    node_close(&n);
}

static void test_case__custodian_counts_once(void **state)
{
    struct node n;
    struct err e = {0};
    uint8_t key[SEAL_KEY];
    node_open(&n, false);
    struct case_order o = order_of(&n);
    struct case_folder f = request(&n, &o);
    fine(approve(&n, &f, 0, &e));
    uint64_t before = n.entries;
    refused(approve(&n, &f, 0, &e), E_EXISTS, "counts once");
    assert_int_equal(n.entries, before + 1); /* the attempt is a leaf */
    /* put there by hand, past the desk */
    char from[8192], to[8192];
    snprintf(from, sizeof(from), "%s/approvals/1", f.dir);
    snprintf(to, sizeof(to), "%s/approvals/2", f.dir);
    assert_int_equal(link(from, to), 0);
    refused(open_case(&n, o.id, 0, key, &e), E_MISMATCH, "answer of custodian 1");
    case_folder_release(&f);
    node_close(&n);
}

static void test_case__required_role(void **state)
{
    struct node n;
    struct err e = {0};
    uint8_t key[SEAL_KEY];
    node_open(&n, true);
    struct case_order o = order_of(&n);
    struct case_folder f = request(&n, &o);
    fine(approve(&n, &f, 0, &e));
    fine(approve(&n, &f, 1, &e));
    assert_int_equal(state_of(&n, o.id), CASE_LOGGED);
    refused(open_case(&n, o.id, 0, key, &e), E_THRESHOLD, "role oversight");
    fine(approve(&n, &f, 2, &e));
    fine(open_case(&n, o.id, 0, key, &e));
    case_folder_release(&f);

    o = order_of(&n); /* when the only one with the role refuses, it is over */
    f = request(&n, &o);
    struct buf b;
    buf_init(&b, 0);
    fine(case_refuse(&f.order, f.hash, &n.policy, n.id[2], "no-basis", n.desk.now_us, &b, &e));
    fine(case_desk_answer(&n.desk, o.id, b.data, b.len, NULL, &e));
    assert_int_equal(state_of(&n, o.id), CASE_REFUSED);
    refused(approve(&n, &f, 0, &e), E_DENIED, "is refused");
    buf_release(&b);
    case_folder_release(&f);
    node_close(&n);
}

/* The log: an order that is not in it, in another one, or not as it was logged. */
static void test_case__unlogged_orders_are_refused(void **state)
{
    struct node n, other;
    struct err e = {0};
    struct buf b;
    node_open(&n, false);
    node_open(&other, false);
    struct case_order o = order_of(&n);
    struct case_folder f = request(&n, &o), g;
    g = f;
    g.proof = (struct buf){0};
    refused(approval(&n, &g, 0, &b, &e), E_NOTFOUND, "no proof");
    struct tlog_policy *mine = n.trust;
    n.trust = other.trust;
    refused(approval(&n, &f, 0, &b, &e), E_AUTH, "not proved to be in the log");
    n.trust = mine;
    g = f; /* the server shows another order with the proof of this one */
    g.order.to_us = T0 + 28 * MINUTE_US;
    refused(approval(&n, &g, 0, &b, &e), E_MISMATCH, "not proved to be in the log");
    g = f;
    g.hash[0] ^= 1;
    refused(approval(&n, &g, 0, &b, &e), E_MISMATCH, "not proved to be in the log");
    for (size_t i = 0; i < f.proof.len; i += 7) { /* a changed proof */
        f.proof.data[i] ^= 1;
        assert_true(approval(&n, &f, 0, &b, &e) < 0);
        buf_release(&b);
        f.proof.data[i] ^= 1;
    }
    case_folder_release(&f);
    node_close(&n);
    node_close(&other);
}

static void test_case__orders_are_used_once_and_unchanged(void **state)
{
    struct node n;
    struct err e = {0};
    struct case_folder f, again;
    node_open(&n, false);
    struct case_order o = order_of(&n);
    struct buf note = sign_order(&n, &o);
    fine(case_desk_request(&n.desk, note.data, note.len, &f, &e));
    case_folder_release(&f);
    uint64_t before = n.entries;
    refused(case_desk_request(&n.desk, note.data, note.len, &again, &e), E_EXISTS, "used once");
    assert_int_equal(n.entries, before + 1);
    for (size_t i = 0; i < note.len; i++) { /* every single changed byte */
        note.data[i] ^= 1;
        int r = case_desk_request(&n.desk, note.data, note.len, &again, &e);
        if (r >= 0)
            fail_msg("byte %zu", i);
        note.data[i] ^= 1;
    }
    buf_release(&note);
    node_close(&n);
}

static void test_case__limits(void **state)
{
    struct node n;
    struct err e = {0};
    struct case_folder f;
    node_open(&n, false);
    for (int i = 0; i < 10; i++) {
        static const struct {
            int code;
            const char *says;
        } row[] = {{E_DENIED, "camera hours"},
                   {E_DENIED, "valid for at most"},
                   {E_DENIED, "confirmed within 48"},
                   {E_NOTFOUND, "no purpose"},
                   {E_NOTFOUND, "no legal basis"},
                   {E_MISMATCH, "is for node"},
                   {E_DENIED, "ran out"},
                   {E_DENIED, "in the future"},
                   {E_NOTFOUND, "no keys for this span"},
                   {E_DENIED, "more than an hour ago"}};
        struct case_order o = order_of(&n);
        int64_t now = n.desk.now_us;
        if (i == 0)
            o.from_us -= 49 * HOUR_US;
        if (i == 1)
            o.not_after_us += 8 * DAY_US;
        if (i == 2)
            o.urgent_us = o.made_us + 49 * HOUR_US;
        if (i == 3)
            strcpy(o.purpose, "curiosity");
        if (i == 4)
            strcpy(o.basis, "none");
        if (i == 5)
            strcpy(o.node, "hall-2");
        if (i == 6)
            n.desk.now_us = o.not_after_us;
        if (i == 7)
            n.desk.now_us -= HOUR_US;
        if (i == 8)
            strcpy(o.camera[0], "yard");
        if (i == 9)
            n.desk.now_us += 2 * HOUR_US;
        struct buf note = sign_order(&n, &o);
        refused(case_desk_request(&n.desk, note.data, note.len, &f, &e), row[i].code, row[i].says);
        n.desk.now_us = now;
        buf_release(&note);
    }
    node_close(&n);
}

static void test_case__urgent_orders_end_at_their_deadline(void **state)
{
    struct node n;
    struct err e = {0};
    uint8_t key[SEAL_KEY];
    node_open(&n, false);
    struct case_order o = order_of(&n);
    o.urgent_us = o.made_us + 2 * HOUR_US;
    struct case_folder f = request(&n, &o);
    fine(approve(&n, &f, 0, &e));
    fine(approve(&n, &f, 1, &e));
    fine(open_case(&n, o.id, 0, key, &e));
    n.desk.now_us = o.urgent_us;
    refused(open_case(&n, o.id, 0, key, &e), E_DENIED, "ran out");
    case_folder_release(&f);
    node_close(&n);
}

/* Answers that belong elsewhere: another order, session, epoch, camera, custodian. */
static void test_case__answers_belong_to_one_order_and_session(void **state)
{
    struct node n;
    struct err e = {0};
    struct buf b, c;
    uint8_t key[SEAL_KEY];
    node_open(&n, false);
    struct case_order o = order_of(&n), p = order_of(&n);
    p.from_us = T0 + 20 * MINUTE_US; /* a later epoch */
    p.to_us = T0 + 25 * MINUTE_US;
    struct case_folder f = request(&n, &o), g = request(&n, &p);
    fine(approval(&n, &g, 0, &b, &e));
    refused(case_desk_answer(&n.desk, o.id, b.data, b.len, NULL, &e), E_MISMATCH, "another order");
    fine(approval(&n, &f, 0, &c, &e));
    for (size_t i = 0; i < c.len; i += 3) { /* changed in any place */
        c.data[i] ^= 1;
        assert_true(case_desk_answer(&n.desk, o.id, c.data, c.len, NULL, &e) < 0);
        c.data[i] ^= 1;
    }
    fine(case_desk_answer(&n.desk, o.id, c.data, c.len, NULL, &e));
    fine(approve(&n, &f, 1, &e));
    struct seal_identity *mine = n.session; /* somebody else's session */
    n.session = n.id[2];
    e = (struct err){0};
    refused(open_case(&n, o.id, 0, key, &e), E_NOTFOUND, "another session");
    n.session = mine;
    fine(open_case(&n, o.id, 0, key, &e));

    /* shares of another camera and of a later epoch beside the ones that were ordered */
    struct case_folder wide = f;
    struct buf bundle;
    struct case_order q = order_of(&n);
    buf_init(&bundle, 0);
    strcpy(q.camera[0], "door");
    struct case_folder h = request(&n, &q);
    fine(buf_append(&bundle, f.shares.data, f.shares.len));
    fine(buf_append(&bundle, h.shares.data, h.shares.len));
    wide.shares = bundle;
    buf_release(&b);
    refused(approval(&n, &wide, 2, &b, &e), E_MISMATCH, "camera door is not in the order");
    buf_release(&b);
    wide.shares = g.shares;
    refused(approval(&n, &wide, 2, &b, &e), E_MISMATCH, "lies outside the order");
    buf_release(&b);
    buf_release(&bundle);
    buf_release(&c);
    case_folder_release(&f);
    case_folder_release(&g);
    case_folder_release(&h);
    node_close(&n);
}

/* The encrypted shares of two epochs are exchanged inside their records, which are hashed anew. */
static void test_case__swapped_shares(void **state)
{
    struct node n;
    struct err e = {0};
    struct buf b;
    node_open(&n, false);
    struct case_order o = order_of(&n);
    struct case_folder f = request(&n, &o);
    size_t half = 0;
    for (size_t i = 1; i + 8 < f.shares.len; i++)
        if (!memcmp(f.shares.data + i, "LETHKEY1", 8))
            half = i;
    assert_true(half > 0);
    uint8_t *one = f.shares.data, *two = f.shares.data + half;
    size_t at = 16 + rd16(one + 12), len = rd32(one + 8) - at - 16;
    assert_int_equal(rd32(one + 8), rd32(two + 8));
    assert_int_equal(rd16(one + 12), rd16(two + 12));
    for (size_t i = 0; i < len; i++) {
        uint8_t x = one[at + i];
        one[at + i] = two[at + i];
        two[at + i] = x;
    }
    for (int i = 0; i < 2; i++) {
        uint8_t *r = i ? two : one, hash[32];
        crypto_hash_sha256(hash, r, rd32(r + 8) - 16);
        memcpy(r + rd32(r + 8) - 16, hash, 16);
    }
    refused(approval(&n, &f, 0, &b, &e), E_MISMATCH, "belongs to another key");
    buf_release(&b);
    case_folder_release(&f);
    node_close(&n);
}

/* Identities change every week: a case goes on with the set that it began with. */
static void test_case__rotation_between_two_answers(void **state)
{
    struct node n;
    struct err e = {0};
    uint8_t key[SEAL_KEY];
    struct seal_identity *next = NULL;
    node_open(&n, false);
    struct case_order o = order_of(&n);
    struct case_folder f = request(&n, &o);
    fine(approve(&n, &f, 0, &e));
    fine(seal_identity_generate(in(&n, "1-next.txt"), "", n.id[0], &next, &e));
    memcpy(n.policy.custodian[0].recipient, next->recipient, sizeof(next->recipient));
    fine(seal_policy_check(&n.policy, &e));
    struct buf b;
    buf_init(&b, 0);
    struct seal_shares *s = NULL;
    fine(seal_shares_parse(f.shares.data, f.shares.len, &s, &e));
    fine(case_approve(&f.order, f.hash, s, &f.policy, n.id[1], 0, n.desk.now_us, &b, &e));
    fine(case_desk_answer(&n.desk, o.id, b.data, b.len, NULL, &e));
    fine(open_case(&n, o.id, 0, key, &e));
    assert_memory_equal(key, n.key[0][0], SEAL_KEY);
    seal_shares_free(s);
    seal_identity_free(next);
    buf_release(&b);
    case_folder_release(&f);
    node_close(&n);
}

static void test_case__ends(void **state)
{
    struct node n;
    struct err e = {0};
    struct case_folder f;
    uint8_t key[SEAL_KEY];
    node_open(&n, false);
    struct case_order o = order_of(&n);
    struct case_folder g = request(&n, &o);
    fine(case_folder_load(n.dir, o.id, true, &f, &e));
    refused(case_desk_end(&n.desk, &f, CASE_CLOSED, &e), E_DENIED, "cannot become closed");
    case_folder_release(&f);
    fine(approve(&n, &g, 0, &e));
    fine(approve(&n, &g, 1, &e));
    fine(open_case(&n, o.id, 0, key, &e));
    fine(case_folder_load(n.dir, o.id, true, &f, &e));
    fine(case_desk_end(&n.desk, &f, CASE_CLOSED, &e));
    case_folder_release(&f);
    refused(open_case(&n, o.id, 0, key, &e), E_DENIED, "is closed");
    case_folder_release(&g);

    o = order_of(&n);
    g = request(&n, &o);
    fine(case_folder_load(n.dir, o.id, true, &f, &e));
    fine(case_desk_end(&n.desk, &f, CASE_WITHDRAWN, &e));
    case_folder_release(&f);
    refused(approve(&n, &g, 0, &e), E_DENIED, "is withdrawn");
    case_folder_release(&g);
    char(*ids)[CASE_ID];
    size_t count;
    fine(case_folder_list(n.dir, &ids, &count, &e));
    assert_int_equal(count, 2);
    free(ids);
    node_close(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_case__two_of_three_open_what_was_ordered),
        cmocka_unit_test(test_case__custodian_counts_once),
        cmocka_unit_test(test_case__required_role),
        cmocka_unit_test(test_case__unlogged_orders_are_refused),
        cmocka_unit_test(test_case__orders_are_used_once_and_unchanged),
        cmocka_unit_test(test_case__limits),
        cmocka_unit_test(test_case__urgent_orders_end_at_their_deadline),
        cmocka_unit_test(test_case__answers_belong_to_one_order_and_session),
        cmocka_unit_test(test_case__swapped_shares),
        cmocka_unit_test(test_case__rotation_between_two_answers),
        cmocka_unit_test(test_case__ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
