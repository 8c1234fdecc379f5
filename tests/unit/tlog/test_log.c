/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A log on disk: bytes as others write them, every size around tile boundaries, failures at each step, rollback. */
#include "../../faultio/faultio.c" /* first: it replaces what the C library may inline */

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>

#include "tlog/durable.h"
#include "tlog/log.h"
#include "tlog/proof.h"

#define TEST_SKEY                                                                                  \
    "PRIVATE+KEY+example.com/log/testdata+33d7b496+AeymY/SZAX0jZcJ8enZ5FY1Dz+wTML2yWSkK+9DSF3eg\n"

static char root[64], dir[80], keys[80];

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

static int setup(void **state)
{
    snprintf(root, sizeof(root), "/tmp/lethe-log-XXXXXX");
    assert_non_null(mkdtemp(root));
    snprintf(dir, sizeof(dir), "%s/log", root);
    snprintf(keys, sizeof(keys), "%s/log-key", root);
    return 0;
}

static int teardown(void **state)
{
    faultio_rules("");
    nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}

static int open_log(struct tlog_log **ret, struct err *e)
{
    const struct tlog_log_options o = {
        .dir = dir, .key_dir = keys, .origin = "example.org/log", .create = true, .no_sync = false};
    return tlog_log_open(&o, ret, e);
}

static struct tlog_log *must_open(void)
{
    struct tlog_log *l = NULL;
    struct err e = {0};
    if (open_log(&l, &e) < 0)
        fail_msg("%s", e.text);
    return l;
}

static int append_text(struct tlog_log *l, const char *text, uint64_t *ret)
{
    struct tlog_entry e = {text, strlen(text)};
    struct err err = {0};
    return tlog_log_append(l, &e, 1, ret, &err);
}

static int append_many(struct tlog_log *l, size_t n, struct err *reterr)
{
    struct tlog_entry *e = calloc(n, sizeof(*e));
    char(*text)[32] = calloc(n, sizeof(*text));
    for (size_t i = 0; i < n; i++) {
        snprintf(text[i], sizeof(text[i]), "entry %llu",
                 (unsigned long long)(tlog_log_head(l)->size + i));
        e[i] = (struct tlog_entry){text[i], strlen(text[i])};
    }
    int r = tlog_log_append(l, e, n, NULL, reterr);
    free(e);
    free(text);
    return r;
}

/* Every file that a log of this size must have, and every entry, seen by a reader of its own. */
static void check_all(const struct tlog_checkpoint *head)
{
    struct tlog_reader *r;
    struct tlog_hash h, leaf;
    struct buf b;
    char want[32];
    buf_init(&b, TLOG_ENTRY_BYTES);
    assert_int_equal(tlog_reader_open(tlog_files_dir(dir), head->size, &r), 0);
    struct tlog_subtrees s = tlog_reader_subtrees(r);
    assert_int_equal(tlog_tree_root(&s, head->size, &h, NULL), 0);
    assert_memory_equal(&h, &head->root, sizeof(h));
    for (uint64_t i = 0; i < head->size; i++) {
        assert_int_equal(tlog_reader_entry(r, i, &b, NULL), 0);
        int n = snprintf(want, sizeof(want), "entry %llu", (unsigned long long)i);
        assert_int_equal(b.len, n);
        assert_memory_equal(b.data, want, b.len);
        tlog_leaf_hash(b.data, b.len, &leaf);
        assert_int_equal(s.get(s.user, 0, i, &h, NULL), 0);
        assert_memory_equal(&h, &leaf, sizeof(h));
    }
    tlog_reader_close(r);
    buf_release(&b);
}

static void read_file(const char *name, struct buf *b)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", root, name);
    struct err e = {0};
    if (durable_read(path, b, &e) < 0)
        fail_msg("%s", e.text);
}

static bool exists(const char *name)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", root, name);
    return access(path, F_OK) == 0;
}

static void write_file(const char *name, const void *data, size_t len)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", root, name);
    assert_int_equal(durable_replace(path, data, len, 0600, false, NULL), 0);
}

/* The fifteen entries that Tessera's test data has, with its key: the same checkpoints to the byte. */
static void test_log__writes_what_another_implementation_writes(void **state)
{
    static const char *const entries[] = {"one",    "two",   "three",    "four",    "five",
                                          "six",    "seven", "eit",      "nain",    "ten",
                                          "ileven", "twelf", "threeten", "fourten", "fivten"};
    static const char first[] =
        "example.com/log/testdata\n1\n"
        "0Nc2CrefWKseHj/mStd+LqC8B+NrX0btIiPt2SmN+ek=\n\n"
        "— example.com/log/testdata M9e0lhr9kuLxGdAtaUrhm84TQffVsLdcy808sN0a"
        "3WyniNlfcr9+bywoiIke1YYciCNjJGkCgIlQ8b16jhsmg/SChAM=\n";
    static const char last[] =
        "example.com/log/testdata\n15\n"
        "rKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=\n\n"
        "— example.com/log/testdata M9e0luh4jTG+UMBqOUo9/q+yAEvx1ilBEniMvjf1z"
        "fcBOhg+CKubMt53MvIt/uEWP6zdkdIQzd/fmwlM/dlPWF74ewI=\n";
    const struct tlog_log_options o = {.dir = dir, .key_dir = keys, .create = true};
    struct tlog_log *l;
    struct buf b;
    buf_init(&b, 65536);
    assert_int_equal(mkdir(keys, 0700), 0);
    write_file("log-key/key", TEST_SKEY, strlen(TEST_SKEY));
    assert_int_equal(tlog_log_open(&o, &l, NULL), 0);
    for (int i = 0; i < 15; i++) {
        uint64_t index = 99;
        assert_int_equal(append_text(l, entries[i], &index), 0);
        assert_int_equal(index, i);
        if (i == 0) {
            read_file("log/checkpoint", &b);
            assert_int_equal(b.len, strlen(first));
            assert_memory_equal(b.data, first, b.len);
        }
    }
    read_file("log/checkpoint", &b);
    assert_int_equal(b.len, strlen(last));
    assert_memory_equal(b.data, last, b.len);
    read_file("log/tile/entries/000.p/15", &b);
    assert_int_equal(b.len, 0x63);
    assert_memory_equal(b.data, "\0\3one\0\3two\0\5three", 17);
    for (int i = 1; i <= 15; i++) { /* each was the width of a checkpoint */
        char name[64];
        snprintf(name, sizeof(name), "log/tile/0/000.p/%d", i);
        assert_true(exists(name));
    }
    tlog_log_close(l);
    buf_release(&b);
}

static void test_log__every_size_around_tile_boundaries(void **state)
{
    static const uint64_t sizes[] = {1,   2,    255,   256,   257,   511,   512,
                                     513, 1000, 65535, 65536, 65537, 69999, 70000};
    struct tlog_log *l = must_open();
    struct err e = {0};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        if (append_many(l, sizes[i] - tlog_log_head(l)->size, &e) < 0)
            fail_msg("%s", e.text);
        assert_int_equal(tlog_log_head(l)->size, sizes[i]);
        if (sizes[i] < 2000)
            check_all(tlog_log_head(l));
        if (i % 3 == 0) { /* and taken up again */
            tlog_log_close(l);
            l = must_open();
            assert_int_equal(tlog_log_head(l)->size, sizes[i]);
        }
    }
    check_all(tlog_log_head(l));
    tlog_log_close(l);
    assert_true(exists("log/tile/0/272") && exists("log/tile/0/273.p/112"));
    assert_true(exists("log/tile/1/000") && exists("log/tile/1/001.p/17"));
    assert_true(exists("log/tile/2/000.p/1") && exists("log/tile/entries/273.p/112"));
    assert_false(exists("log/tile/0/000.p") || exists("log/tile/entries/272.p"));
}

static void test_log__proofs_hold_and_are_of_the_published_checkpoint(void **state)
{
    static struct tlog_policy policy;
    struct tlog_log *l = must_open();
    struct tlog_vkey vkey[2];
    struct buf b;
    buf_init(&b, TLOG_PROOF_BYTES);
    assert_int_equal(append_many(l, 300, NULL), 0);
    assert_int_equal(tlog_log_keys(l, vkey), 1);
    tlog_policy_of_log(&vkey[0], &policy);
    for (uint64_t i = 0; i < 300; i += 13) {
        struct tlog_proof p;
        struct tlog_checkpoint c;
        char text[32];
        int n = snprintf(text, sizeof(text), "entry %llu", (unsigned long long)i);
        b.len = 0;
        assert_int_equal(tlog_log_prove(l, i, &b, NULL), 0);
        assert_int_equal(tlog_proof_parse(b.data, b.len, &p, NULL), 0);
        assert_int_equal(tlog_proof_check(&p, text, (size_t)n, &policy, &c, NULL), 0);
        assert_int_equal(c.size, 300);
        assert_int_equal(tlog_proof_check(&p, text, (size_t)n - 1, &policy, &c, NULL), E_MISMATCH);
    }
    assert_int_equal(tlog_log_prove(l, 300, &b, NULL), E_RANGE);
    tlog_log_close(l);
    buf_release(&b);
}

static void test_log__an_id_is_taken_once(void **state)
{
    struct tlog_log *l = must_open();
    uint64_t at[3];
    struct tlog_entry e[3] = {
        {"x/v1 a\nid 1\n", 12}, {"x/v1 a\nid 2\n", 12}, {"x/v1 a\nid 1\n", 12}};
    assert_int_equal(tlog_log_append(l, e, 3, at, NULL), 0);
    assert_true(at[0] == 0 && at[1] == 1 && at[2] == 0);
    tlog_log_close(l);
    l = must_open();
    assert_int_equal(append_text(l, "x/v1 b\nid 2\n", at), 0);
    assert_int_equal(at[0], 1);
    assert_int_equal(append_text(l, "no id", at), 0);
    assert_int_equal(append_text(l, "no id", at + 1), 0);
    assert_true(at[0] == 2 && at[1] == 3);
    tlog_log_close(l);
}

static void test_log__two_cannot_write(void **state)
{
    struct tlog_log *l = must_open(), *other;
    struct err e = {0};
    assert_int_equal(open_log(&other, &e), E_BUSY);
    tlog_log_close(l);
    tlog_log_close(must_open());
}

/* What a reader may see at any time: a checkpoint that the tiles support, and never two roots for one size. */
static struct {
    struct tlog_hash roots[4096];
    bool seen[4096];
    uint64_t largest;
} public;

static void look(const struct tlog_vkey *key)
{
    struct buf b;
    struct tlog_checkpoint c;
    struct tlog_reader *r;
    struct tlog_hash h;
    buf_init(&b, TLOG_CHECKPOINT_BYTES);
    read_file("log/checkpoint", &b);
    assert_int_equal(tlog_checkpoint_open(b.data, b.len, key, 1, &c, NULL, NULL), 0);
    assert_int_equal(tlog_reader_open(tlog_files_dir(dir), c.size, &r), 0);
    struct tlog_subtrees s = tlog_reader_subtrees(r);
    assert_int_equal(tlog_tree_root(&s, c.size, &h, NULL), 0);
    assert_memory_equal(&h, &c.root, sizeof(h));
    assert_true(c.size < 4096 && c.size >= public.largest);
    if (public.seen[c.size])
        assert_memory_equal(&public.roots[c.size], &c.root, sizeof(h));
    public.seen[c.size] = true;
    public.roots[c.size] = c.root;
    public.largest = c.size;
    tlog_reader_close(r);
    buf_release(&b);
}

/* Entry @text of entry number @i, with an id, so that it may be handed in again. */
static int append_numbered(struct tlog_log *l, unsigned i, uint64_t *ret)
{
    char text[64];
    snprintf(text, sizeof(text), "x/v1 test\nid %u\n", i);
    return append_text(l, text, ret);
}

/*
 * Each operation fails at its n-th call, for every n until one append does without it. After each failure the process
 * goes on, or dies and starts again, by turns. The width runs over a tile boundary.
 */
static void test_log__failures_at_every_step_lose_and_fork_nothing(void **state)
{
    static const char *const operations[] = {"write EIO",  "write ENOSPC", "sync EIO", "rename EIO",
                                             "create EIO", "mkdir EIO",    "open EIO"};
    struct tlog_log *l = must_open();
    struct tlog_vkey key[2];
    uint64_t acknowledged[4096], failures = 0;
    unsigned i = 0;
    tlog_log_keys(l, key);
    memset(&public, 0, sizeof(public));
    assert_int_equal(append_many(l, 250, NULL), 0);
    look(key);
    for (size_t o = 0; o < sizeof(operations) / sizeof(*operations); o++)
        for (unsigned after = 0, good = 0; good < 2; after++) {
            char rule[128];
            snprintf(rule, sizeof(rule), "%s after=%u count=1 path=%s", operations[o], after, root);
            faultio_rules(rule);
            int r = append_numbered(l, i, &acknowledged[i]);
            bool hit = faultio_seen() > after;
            faultio_rules("");
            look(key);
            good = hit ? 0 : good + 1;
            if (r < 0) {
                failures++;
                if (failures % 2) {
                    tlog_log_close(l);
                    l = must_open();
                }
                /* another entry first, so that going on from too early would be a fork */
                uint64_t between;
                assert_int_equal(append_text(l, "between", &between), 0);
                assert_int_equal(append_numbered(l, i, &acknowledged[i]), 0);
            }
            look(key);
            i++;
        }
    assert_true(failures > 20);
    struct tlog_reader *r;
    struct buf b;
    buf_init(&b, TLOG_ENTRY_BYTES);
    uint64_t size = 250 + i + failures; /* none lost, none twice */
    assert_int_equal(tlog_log_head(l)->size, size);
    assert_int_equal(tlog_reader_open(tlog_files_dir(dir), size, &r), 0);
    for (unsigned n = 0; n < i; n++) {
        char want[64];
        snprintf(want, sizeof(want), "x/v1 test\nid %u\n", n);
        assert_int_equal(tlog_reader_entry(r, acknowledged[n], &b, NULL), 0);
        assert_int_equal(b.len, strlen(want));
        assert_memory_equal(b.data, want, b.len);
    }
    tlog_reader_close(r);
    buf_release(&b);
    tlog_log_close(l);
}

/* Opening fails at each step too; what is on disk can still be opened afterwards. */
static void test_log__failures_while_opening_change_nothing(void **state)
{
    static const char *const operations[] = {"write EIO", "sync EIO", "rename EIO", "open EIO",
                                             "create EIO"};
    struct tlog_log *l = must_open();
    struct tlog_vkey key[2];
    tlog_log_keys(l, key);
    memset(&public, 0, sizeof(public));
    assert_int_equal(append_many(l, 300, NULL), 0);
    struct tlog_checkpoint head = *tlog_log_head(l);
    tlog_log_close(l);
    for (size_t o = 0; o < sizeof(operations) / sizeof(*operations); o++)
        for (unsigned after = 0; after < 60; after++) {
            char rule[128];
            snprintf(rule, sizeof(rule), "%s after=%u count=1 path=%s", operations[o], after, root);
            faultio_rules(rule);
            int r = open_log(&l, NULL);
            faultio_rules("");
            if (r >= 0)
                tlog_log_close(l);
            look(key);
        }
    l = must_open();
    assert_memory_equal(tlog_log_head(l), &head, sizeof(head));
    tlog_log_close(l);
}

static void copy_tree(const char *from, const char *to)
{
    char command[256];
    snprintf(command, sizeof(command), "rm -rf %s/%s && cp -r %s/%s %s/%s", root, to, root, from,
             root, to);
    assert_int_equal(system(command), 0);
}

static void refused_with(int want, const char *word)
{
    struct tlog_log *l = NULL;
    struct err e = {0};
    int r = open_log(&l, &e);
    if (r != want || !strstr(e.text, word))
        fail_msg("%s: %s", err_name(r), e.text);
}

static void test_log__a_log_that_was_rolled_back_is_refused(void **state)
{
    struct tlog_log *l = must_open();
    assert_int_equal(append_many(l, 300, NULL), 0);
    copy_tree("log", "yesterday");
    assert_int_equal(append_many(l, 100, NULL), 0);
    tlog_log_close(l);
    copy_tree("log", "today");
    copy_tree("yesterday", "log");
    refused_with(E_DENIED, "rolled back");
    copy_tree("today", "log");
    tlog_log_close(must_open());
    char path[128];
    snprintf(path, sizeof(path), "%s/log-key/state", root);
    unlink(path);
    refused_with(E_DENIED, "state is missing");
}

static void test_log__damaged_files_are_refused(void **state)
{
    struct buf b;
    struct tlog_log *l = must_open();
    buf_init(&b, TLOG_BUNDLE_BYTES);
    assert_int_equal(append_many(l, 300, NULL), 0);
    tlog_log_close(l);
    copy_tree("log", "whole");
    read_file("log/tile/0/001.p/44", &b);
    b.data[100] ^= 1;
    write_file("log/tile/0/001.p/44", b.data, b.len);
    refused_with(E_CORRUPT, "root hash");
    copy_tree("whole", "log");
    read_file("log/tile/entries/001.p/44", &b);
    b.data[5] ^= 1;
    write_file("log/tile/entries/001.p/44", b.data, b.len);
    refused_with(E_CORRUPT, "not what its tile says");
    copy_tree("whole", "log");
    write_file("log/checkpoint", "example.org/log\n3\n", 18);
    refused_with(E_SYNTAX, "checkpoint");
    buf_release(&b);
}

static void test_log__a_checkpoint_from_elsewhere_shows_a_rollback(void **state)
{
    struct tlog_log *l = must_open();
    struct buf later;
    struct err e = {0};
    buf_init(&later, TLOG_CHECKPOINT_BYTES);
    assert_int_equal(append_many(l, 10, NULL), 0);
    tlog_log_close(l);
    copy_tree("log", "log-old");
    copy_tree("log-key", "log-key-old");
    l = must_open();
    assert_int_equal(append_many(l, 10, NULL), 0);
    assert_int_equal(buf_append(&later, tlog_log_note(l)->data, tlog_log_note(l)->len), 0);
    assert_int_equal(tlog_log_compare(l, later.data, later.len, NULL), 0);
    tlog_log_close(l);
    copy_tree("log-old", "log"); /* the keys went back too: only a witness knows */
    copy_tree("log-key-old", "log-key");
    l = must_open();
    later.data[later.len - 10] ^= 1; /* not signed by us: no reason to stop */
    assert_true(tlog_log_compare(l, later.data, later.len, NULL) < 0);
    assert_null(tlog_log_refused(l));
    later.data[later.len - 10] ^= 1;
    assert_int_equal(tlog_log_compare(l, later.data, later.len, NULL), 1);
    assert_int_equal(append_many(l, 1, &e), E_DENIED);
    assert_non_null(strstr(e.text, "rolled back"));
    tlog_log_close(l);
    l = must_open(); /* can be read, and still signs nothing */
    assert_int_equal(append_many(l, 1, &e), E_DENIED);
    tlog_log_close(l);
    buf_release(&later);
}

static void test_log__a_key_is_replaced_with_both_signing_meanwhile(void **state)
{
    struct tlog_log *l = must_open();
    struct tlog_vkey old[2], both[2], now[2];
    struct tlog_checkpoint c;
    struct err e = {0};
    assert_int_equal(append_many(l, 3, NULL), 0);
    tlog_log_keys(l, old);
    assert_int_equal(tlog_log_rotate_end(l, &e), E_NOTFOUND);
    assert_int_equal(tlog_log_rotate(l, &now[0], &e), 0);
    assert_int_equal(tlog_log_rotate(l, &now[1], &e), E_EXISTS);
    assert_int_equal(tlog_log_keys(l, both), 2);
    tlog_log_close(l);
    l = must_open();
    assert_int_equal(append_many(l, 3, NULL), 0);
    const struct buf *n = tlog_log_note(l);
    assert_int_equal(tlog_checkpoint_open(n->data, n->len, &old[0], 1, &c, NULL, NULL), 0);
    assert_int_equal(tlog_checkpoint_open(n->data, n->len, &now[0], 1, &c, NULL, NULL), 0);
    assert_int_equal(tlog_log_rotate_end(l, &e), 0);
    n = tlog_log_note(l);
    assert_int_equal(tlog_checkpoint_open(n->data, n->len, &old[0], 1, &c, NULL, NULL), E_AUTH);
    assert_int_equal(tlog_checkpoint_open(n->data, n->len, &now[0], 1, &c, NULL, NULL), 0);
    tlog_log_close(l);
    l = must_open();
    assert_int_equal(tlog_log_head(l)->size, 6);
    tlog_log_close(l);
}

static void test_log__refuses_what_does_not_belong_together(void **state)
{
    struct tlog_log *l = must_open(), *other = NULL;
    struct err e = {0};
    assert_int_equal(append_many(l, 3, NULL), 0);
    tlog_log_close(l);
    struct tlog_log_options o = {.dir = dir, .key_dir = keys, .origin = "other.example/log"};
    assert_int_equal(tlog_log_open(&o, &other, &e), E_MISMATCH);
    o.origin = "";
    o.key_dir = root; /* no key there */
    assert_int_equal(tlog_log_open(&o, &other, &e), E_NOTFOUND);
    char path[128];
    snprintf(path, sizeof(path), "%s/key", keys);
    chmod(path, 0644);
    refused_with(E_DENIED, "others may read");
    unlink(path);
    refused_with(E_DENIED, "without its key");
}

static void test_log__cosignatures_of_known_witnesses_are_published(void **state)
{
    static struct tlog_policy p;
    struct tlog_skey w, stranger;
    struct tlog_log *l = must_open();
    struct buf lines;
    struct err e = {0};
    buf_init(&lines, 4096);
    assert_int_equal(append_many(l, 3, NULL), 0);
    assert_int_equal(tlog_skey_init(&w, "w.example/1", TLOG_KEY_COSIGNATURE, NULL, NULL), 0);
    assert_int_equal(tlog_skey_init(&stranger, "s.example/1", TLOG_KEY_COSIGNATURE, NULL, NULL), 0);
    struct tlog_vkey key[2];
    tlog_log_keys(l, key);
    tlog_policy_of_log(&key[0], &p);
    p.witnesses[0] = w.vkey;
    p.witnesses_n = 1;
    p.quorum = 0;
    const char *text = (const char *)tlog_log_note(l)->data;
    size_t len = (size_t)(strstr(text, "\n\n") + 1 - text);
    assert_int_equal(tlog_note_sign_line(&w, text, len, 1000, &lines), 0);
    assert_int_equal(tlog_note_sign_line(&stranger, text, len, 1000, &lines), 0);
    assert_int_equal(tlog_log_cosign(l, &p, lines.data, lines.len, &e), 1);
    assert_int_equal(tlog_log_cosign(l, &p, lines.data, lines.len, &e), 0);
    struct buf b;
    struct tlog_checkpoint c;
    struct tlog_policy_report report;
    buf_init(&b, TLOG_CHECKPOINT_BYTES);
    read_file("log/checkpoint", &b);
    assert_int_equal(tlog_policy_open(&p, b.data, b.len, &c, &report, NULL), 0);
    assert_true(report.quorum && report.times[0] == 1000);
    assert_null(memmem(b.data, b.len, "s.example", 9));
    tlog_log_close(l);
    l = must_open(); /* kept over a restart */
    assert_int_equal(tlog_log_note(l)->len, b.len);
    assert_int_equal(append_many(l, 1, NULL), 0);
    assert_int_equal(tlog_log_cosign(l, &p, lines.data, lines.len, &e),
                     E_CRYPTO); /* of another size */
    assert_int_equal(tlog_log_cosign(l, &p, "x\n", 2, &e), E_SYNTAX);
    assert_int_equal(tlog_log_cosign(l, &p, "\nx\n\n— a AAAAAAA=\n", 19, &e), E_SYNTAX);
    tlog_log_close(l);
    buf_release(&b);
    buf_release(&lines);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_log__writes_what_another_implementation_writes),
        T(test_log__every_size_around_tile_boundaries),
        T(test_log__proofs_hold_and_are_of_the_published_checkpoint),
        T(test_log__an_id_is_taken_once),
        T(test_log__two_cannot_write),
        T(test_log__failures_at_every_step_lose_and_fork_nothing),
        T(test_log__failures_while_opening_change_nothing),
        T(test_log__a_log_that_was_rolled_back_is_refused),
        T(test_log__damaged_files_are_refused),
        T(test_log__a_checkpoint_from_elsewhere_shows_a_rollback),
        T(test_log__a_key_is_replaced_with_both_signing_meanwhile),
        T(test_log__refuses_what_does_not_belong_together),
        T(test_log__cosignatures_of_known_witnesses_are_published),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
