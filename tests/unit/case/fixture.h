/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A node with keys of two cameras and three epochs, a custodian set of three, a real log, and a session. */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/clock.h"
#include "case/desk.h"
#include "case/proof.h"
#include "seal/file.h"
#include "tlog/log.h"

#define EPOCH (10 * MINUTE_US)
#define T0 INT64_C(1795600800000000) /* 2026-11-25T10:00:00Z */

struct node {
    char dir[64];
    struct seal_identity *id[3], *session;
    struct tlog_skey requester;
    struct seal_policy policy;
    struct tlog_log *tlog;
    struct tlog_policy *trust;
    struct case_rules rules;
    struct case_log log;
    struct case_desk desk;
    uint8_t key[2][3][SEAL_KEY], kid[2][3][SEAL_KID];
    uint64_t entries;
};

static char *in(const struct node *n, const char *name)
{
    static char path[8][256];
    static int at;
    at = (at + 1) % 8;
    snprintf(path[at], sizeof(path[0]), "%s/%s", n->dir, name);
    return path[at];
}

static int log_append(void *user, const char *text, size_t len, uint64_t *ret, struct err *e)
{
    struct node *n = user;
    n->entries++;
    return tlog_log_append(n->tlog, &(struct tlog_entry){text, len}, 1, ret, e);
}

static int log_prove(void *user, uint64_t index, struct buf *out, struct err *e)
{
    return tlog_log_prove(((struct node *)user)->tlog, index, out, e);
}

static void make_keys(struct node *n)
{
    static const char *const cameras[] = {"gate", "door"};
    struct seal_vault *v;
    assert_int_equal(seal_vault_new(16, &v, NULL), 0);
    assert_int_equal(mkdir(in(n, "keys"), 0700), 0);
    assert_int_equal(mkdir(in(n, "keys/2026-11-25"), 0700), 0);
    for (int e = 0; e < 3; e++) {
        struct buf b;
        char name[64];
        buf_init(&b, 0);
        for (int c = 0; c < 2; c++) {
            struct seal_context ctx = {.epoch_us = T0 + e * EPOCH, .epoch_length_us = EPOCH};
            struct seal_key *k;
            snprintf(ctx.camera, sizeof(ctx.camera), "%s", cameras[c]);
            snprintf(ctx.node, sizeof(ctx.node), "hall-1");
            assert_int_equal(seal_key_create(v, &n->policy, &ctx, &k, &b), 0);
            memcpy(n->key[c][e], k->k, SEAL_KEY);
            memcpy(n->kid[c][e], k->kid, SEAL_KID);
            seal_key_destroy(v, k);
        }
        snprintf(name, sizeof(name), "keys/2026-11-25/10%d0Z-30d.shares", e);
        assert_int_equal(seal_file_write(in(n, name), b.data, b.len, 0600, true, NULL), 0);
        buf_release(&b);
    }
    seal_vault_free(v);
}

static void make_policy(struct node *n, bool oversight)
{
    n->policy = (struct seal_policy){.threshold = 2, .count = 3, .required = oversight};
    n->policy.require[0] = (struct seal_required){.role = "oversight", .count = 1};
    for (int i = 0; i < 3; i++) {
        struct seal_custodian *c = &n->policy.custodian[i];
        char file[32];
        snprintf(c->name, sizeof(c->name), "custodian-%d", i + 1);
        snprintf(file, sizeof(file), "%d.txt", i + 1);
        assert_int_equal(seal_identity_generate(in(n, file), c->name, NULL, &n->id[i], NULL), 0);
        memcpy(c->recipient, n->id[i]->recipient, sizeof(c->recipient));
        c->signs = true;
        c->signer = n->id[i]->signer.vkey;
        if (i == 2)
            snprintf(c->role, sizeof(c->role), "oversight");
    }
    assert_int_equal(seal_policy_check(&n->policy, NULL), 0);
}

static void node_open(struct node *n, bool oversight)
{
    struct err e = {0};
    struct tlog_vkey key[2];
    *n = (struct node){0};
    snprintf(n->dir, sizeof(n->dir), "/tmp/lethe-case-test.XXXXXX");
    assert_true(sodium_init() >= 0);
    assert_non_null(mkdtemp(n->dir));
    make_policy(n, oversight);
    make_keys(n);
    assert_int_equal(
        seal_identity_generate(in(n, "session.txt"), "session", NULL, &n->session, NULL), 0);
    n->requester = n->session->signer;
    char *dir = strdup(in(n, "log")), *key_dir = strdup(in(n, "log-key"));
    struct tlog_log_options o = {.dir = dir,
                                 .key_dir = key_dir,
                                 .origin = "lethe.example/hall-1",
                                 .create = true,
                                 .no_sync = true};
    int r = tlog_log_open(&o, &n->tlog, &e);
    if (r < 0)
        fail_msg("%s", e.text);
    free(dir);
    free(key_dir);
    n->trust = calloc(1, sizeof(*n->trust));
    tlog_log_keys(n->tlog, key);
    tlog_policy_of_log(&key[0], n->trust);
    case_rules_default(&n->rules);
    n->log = (struct case_log){log_append, log_prove, n};
    n->desk = (struct case_desk){.data_dir = n->dir,
                                 .node = "hall-1",
                                 .policy = &n->policy,
                                 .rules = &n->rules,
                                 .log = &n->log,
                                 .now_us = T0 + HOUR_US};
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
    return remove(path);
}

static void node_close(struct node *n)
{
    tlog_log_close(n->tlog);
    free(n->trust);
    for (int i = 0; i < 3; i++)
        seal_identity_free(n->id[i]);
    seal_identity_free(n->session);
    nftw(n->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* 20 minutes of `gate` over two epochs. */
static struct case_order order_of(const struct node *n)
{
    struct case_order o = {.cameras = 1,
                           .from_us = T0 + 2 * MINUTE_US,
                           .to_us = T0 + 18 * MINUTE_US,
                           .requester = n->requester.vkey,
                           .made_us = T0 + HOUR_US,
                           .not_after_us = T0 + DAY_US};
    case_id_random(o.id);
    snprintf(o.node, sizeof(o.node), "hall-1");
    snprintf(o.camera[0], sizeof(o.camera[0]), "gate");
    snprintf(o.purpose, sizeof(o.purpose), "crime");
    snprintf(o.basis, sizeof(o.basis), "hk.pdpo-58");
    snprintf(o.session, sizeof(o.session), "%s", n->session->recipient);
    return o;
}

static struct buf sign_order(const struct node *n, struct case_order *o)
{
    struct buf b;
    struct err e = {0};
    buf_init(&b, 0);
    int r = case_order_check(o, &e);
    if (r >= 0)
        r = case_order_sign(o, &n->requester, &b, &e);
    if (r < 0)
        fail_msg("%s", e.text);
    return b;
}

/* Order handed in and logged. */
static struct case_folder request(struct node *n, struct case_order *o)
{
    struct case_folder f;
    struct err e = {0};
    struct buf note = sign_order(n, o);
    int r = case_desk_request(&n->desk, note.data, note.len, &f, &e);
    if (r < 0)
        fail_msg("%s", e.text);
    buf_release(&note);
    close(f.lock);
    f.lock = -1;
    return f;
}

/* What the custodian's tool does: proof, shares, approval. */
static int approval(struct node *n, const struct case_folder *f, int i, struct buf *out,
                    struct err *e)
{
    struct seal_shares *s = NULL;
    uint64_t index;
    buf_init(out, 0);
    int r = case_proof_check(f->proof.data, f->proof.len, &f->order, f->hash, n->trust, &index, e);
    if (r >= 0)
        r = case_order_valid_at(&f->order, n->desk.now_us, e);
    if (r >= 0)
        r = seal_shares_parse(f->shares.data, f->shares.len, &s, e);
    if (r >= 0)
        r = case_approve(&f->order, f->hash, s, &n->policy, n->id[i], index, n->desk.now_us, out,
                         e);
    seal_shares_free(s);
    return r;
}

static int approve(struct node *n, const struct case_folder *f, int i, struct err *e)
{
    struct buf b;
    int r = approval(n, f, i, &b, e);
    if (r >= 0)
        r = case_desk_answer(&n->desk, f->order.id, b.data, b.len, NULL, e);
    buf_release(&b);
    return r;
}

/* What the session does. @key: of camera gate, epoch @epoch. */
static int open_case(struct node *n, const char *id, int epoch, uint8_t key[SEAL_KEY],
                     struct err *e)
{
    struct case_folder f;
    struct case_answers a;
    struct case_shares all = {0};
    struct seal_shares *s = NULL;
    struct seal_context want = {.epoch_us = T0 + epoch * EPOCH};
    snprintf(want.camera, sizeof(want.camera), "gate");
    int r = case_folder_load(n->dir, id, true, &f, e);
    if (r < 0)
        return r;
    r = case_folder_answers(&f, n->session, &all, &a, e);
    if (r >= 0)
        r = case_desk_opening(&n->desk, &f, &a, e);
    if (r >= 0)
        r = seal_shares_parse(f.shares.data, f.shares.len, &s, e);
    if (r >= 0)
        r = case_shares_key(&all, s, n->kid[0][epoch], &want, key, e);
    seal_shares_free(s);
    case_shares_release(&all);
    case_folder_release(&f);
    return r;
}

static enum case_state state_of(const struct node *n, const char *id)
{
    struct case_folder f;
    assert_int_equal(case_folder_load(n->dir, id, false, &f, NULL), 0);
    case_folder_release(&f);
    return f.state;
}
