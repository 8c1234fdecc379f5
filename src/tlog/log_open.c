/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Opening a log, and taking it up again after an error or a crash. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tlog/log_private.h"

/* One of the two copies of what was signed last; size 0 and no bytes when it is not there. */
struct signed_copy {
    struct buf note;
    struct tlog_checkpoint head;
};

static int read_copy(const struct tlog_log *l, const char *path, struct signed_copy *c,
                     struct err *reterr)
{
    buf_init(&c->note, TLOG_CHECKPOINT_BYTES);
    int r = durable_read(path, &c->note, NULL);
    if (r == E_NOTFOUND)
        return 0;
    if (r < 0)
        return err_set(reterr, r, "reading %s: %s", path, err_text(r));
    r = tlog_log_own_checkpoint(l, &c->note, &c->head, reterr);
    return r < 0 ? (err_prefix(reterr, "%s: ", path), r) : 0;
}

/* The tiles must say the same as a checkpoint that was signed. */
static int prove(struct tlog_log *l, const struct tlog_checkpoint *c, struct err *reterr)
{
    struct tlog_reader *r;
    struct tlog_hash root;
    int got = tlog_reader_open(tlog_files_dir(l->dir), c->size, &r);
    if (got < 0)
        return got;
    struct tlog_subtrees s = tlog_reader_subtrees(r);
    got = tlog_tree_root(&s, c->size, &root, reterr);
    tlog_reader_close(r);
    if (got >= 0 && !tlog_hash_equal(&root, &c->root))
        got = err_set(reterr, E_CORRUPT, "the tiles have another root hash than was signed");
    return got;
}

/* What the log signed last; the tiles prove it and the older copy. */
static int find_head(struct tlog_log *l, const struct signed_copy *state,
                     const struct signed_copy *published, const struct signed_copy **ret,
                     struct err *reterr)
{
    struct err why = {0};
    const struct signed_copy *newer = published->head.size > state->head.size ? published : state;
    if (!state->note.len)
        return err_set(reterr, E_DENIED,
                       "%s/state is missing, so it is not known what this log signed last; put the "
                       "newest checkpoint that a witness or anybody else has kept in its place",
                       l->key_dir);
    if (published->note.len && published->head.size == state->head.size &&
        !tlog_hash_equal(&published->head.root, &state->head.root))
        return err_set(reterr, E_DENIED,
                       "this log has signed two different roots for %llu entries; it is forked and "
                       "will not sign again",
                       (unsigned long long)state->head.size);
    int r = prove(l, &newer->head, &why);
    if (r < 0 && newer == state && published->head.size < state->head.size)
        return err_set(reterr, E_DENIED,
                       "the log in %s was rolled back: it has signed %llu entries, and the files "
                       "support %llu (%.150s)",
                       l->dir, (unsigned long long)state->head.size,
                       (unsigned long long)published->head.size, err_str(&why, r));
    if (r < 0)
        return err_set(reterr, E_CORRUPT,
                       "the files in %s do not support the %llu entries that were signed: %.150s",
                       l->dir, (unsigned long long)newer->head.size, err_str(&why, r));
    const struct signed_copy *older = newer == state ? published : state;
    if (older->note.len && prove(l, &older->head, &why) < 0)
        return err_set(reterr, E_DENIED,
                       "the log in %s is forked: its %llu entries do not begin with the %llu that "
                       "were signed before",
                       l->dir, (unsigned long long)newer->head.size,
                       (unsigned long long)older->head.size);
    *ret = newer;
    return 0;
}

/* Ids of the newest entries, so that an entry handed in again after a crash is known. */
static int learn_ids(struct tlog_log *l, struct err *reterr)
{
    struct buf b;
    uint64_t size = l->frontier.size;
    uint64_t index =
        size > TLOG_RECENT_IDS ? (size - TLOG_RECENT_IDS) / TLOG_TILE_WIDTH * TLOG_TILE_WIDTH : 0;
    int r = 0;
    buf_init(&b, TLOG_BUNDLE_BYTES);
    tlog_recent_clear(l->recent);
    while (index < size && r >= 0) {
        const uint8_t *entry;
        size_t at = 0, len;
        r = tlog_reader_bundle(l->reader, index / TLOG_TILE_WIDTH, &b, reterr);
        while (r >= 0 && tlog_bundle_next(b.data, b.len, &at, &entry, &len) > 0)
            tlog_recent_add(l->recent, (const char *)entry, len, index++);
    }
    buf_release(&b);
    return r;
}

static int take_up(struct tlog_log *l, const struct signed_copy *c, struct err *reterr)
{
    tlog_reader_close(l->reader);
    l->reader = NULL;
    int r = tlog_reader_open(tlog_files_dir(l->dir), c->head.size, &l->reader);
    if (r >= 0)
        r = tlog_frontier_load(&l->frontier, l->reader, c->head.size, reterr);
    if (r >= 0)
        r = learn_ids(l, reterr);
    return r;
}

/* Is @b what tlog_log_publish() would sign, perhaps with cosignatures behind it? */
static bool signed_by_all(const struct tlog_log *l, const struct buf *b)
{
    struct tlog_note n;
    uint64_t signers = 0;
    struct tlog_vkey keys[2];
    size_t keys_n = tlog_log_keys(l, keys);
    return b->len && tlog_note_parse(b->data, b->len, &n, NULL) == 0 &&
           tlog_note_verify(&n, keys, keys_n, &signers, NULL) == (int)keys_n;
}

int tlog_log_recover(struct tlog_log *l, struct err *reterr)
{
    char path[PATH_MAX];
    struct signed_copy state = {0}, published = {0};
    const struct signed_copy *c = &state;
    int r = read_copy(l, tlog_log_key_path(l, "state", path), &state, reterr);
    if (r >= 0)
        r = read_copy(l, tlog_log_path(l, "checkpoint", path), &published, reterr);
    if (r >= 0)
        r = find_head(l, &state, &published, &c, reterr);
    if (r >= 0)
        r = take_up(l, c, reterr);
    bool same = r >= 0 && published.note.len && state.head.size == published.head.size;
    bool keep = same && !l->failed && signed_by_all(l, &state.note) &&
                signed_by_all(l, &published.note); /* with its cosignatures */
    if (r >= 0 && (keep || (same && l->refused[0]))) {
        buf_release(&l->note);
        l->note = published.note;
        l->head = published.head;
        buf_init(&published.note, 0);
    } else if (r >= 0 && l->refused[0]) {
        r = err_set(reterr, E_DENIED, "nothing is signed any more: %s", l->refused);
    } else if (r >= 0) {
        struct tlog_checkpoint head = c->head;
        r = tlog_log_publish(l, &head, reterr);
    }
    if (r >= 0)
        l->failed = false;
    buf_release(&state.note);
    buf_release(&published.note);
    return r;
}

static int lock(struct tlog_log *l, struct err *reterr)
{
    char path[PATH_MAX];
    l->lock_fd = open(tlog_log_key_path(l, "lock", path), O_RDWR | O_CREAT | O_CLOEXEC, KEY_MODE);
    if (l->lock_fd < 0)
        return err_set(reterr, -errno, "%s: %s", path, err_text(-errno));
    if (flock(l->lock_fd, LOCK_EX | LOCK_NB) < 0)
        return err_set(reterr, errno == EWOULDBLOCK ? E_BUSY : -errno,
                       "another process has the log in %s open", l->dir);
    return 0;
}

/* A log that has never been: a key, an empty tree. Not when there are remains of one. */
static int create(struct tlog_log *l, const char *origin, struct err *reterr)
{
    char path[PATH_MAX];
    static const char *const remains[] = {"checkpoint", "tile"};
    for (size_t i = 0; i < sizeof(remains) / sizeof(*remains); i++)
        if (access(tlog_log_path(l, remains[i], path), F_OK) == 0)
            return err_set(reterr, E_DENIED,
                           "%s is there, but %s/key is not: without its key a log cannot go on. "
                           "Bring the key back, or move the log away to begin a new one",
                           path, l->key_dir);
    if (!origin || !*origin)
        return err_set(reterr, E_RANGE, "a new log needs an origin, as cameras.example.org/log");
    struct tlog_checkpoint head = {0};
    if (strlen(origin) >= sizeof(head.origin))
        return err_set(reterr, E_LIMIT, "the origin is longer than %zu bytes",
                       sizeof(head.origin) - 1);
    memcpy(head.origin, origin, strlen(origin));
    tlog_empty_hash(&head.root);
    int r = tlog_log_make_key(l, "key", origin, &l->keys[0], reterr);
    if (r < 0)
        return r;
    l->keys_n = 1;
    return tlog_log_publish(l, &head, reterr);
}

static int make_dir(const char *path, mode_t mode, struct err *reterr)
{
    if (mkdir(path, mode) < 0 && errno != EEXIST)
        return err_set(reterr, -errno, "making %s: %s", path, err_text(-errno));
    return 0;
}

static int check_origin(const struct tlog_log *l, const char *origin, struct err *reterr)
{
    if (!origin || !*origin || strcmp(origin, l->keys[0].vkey.name) == 0)
        return 0;
    return err_set(
        reterr, E_MISMATCH,
        "the log in %s is %.150s, not %.150s; a log keeps its origin, another one begins "
        "in another directory",
        l->dir, l->keys[0].vkey.name, origin);
}

static int prepare(struct tlog_log *l, const struct tlog_log_options *o, struct err *reterr)
{
    char path[PATH_MAX];
    int r = 0;
    if (o->create)
        r = make_dir(l->dir, 0755, reterr);
    if (r >= 0 && o->create)
        r = make_dir(l->key_dir, 0700, reterr);
    if (r >= 0)
        r = lock(l, reterr);
    if (r >= 0)
        r = tlog_log_load_refused(l, reterr);
    if (r < 0)
        return r;
    r = tlog_log_load_keys(l, reterr);
    if (r == E_NOTFOUND && o->create)
        r = create(l, o->origin, reterr);
    /* made, but the power went before the first state was written */
    else if (r >= 0 && access(tlog_log_key_path(l, "state", path), F_OK) < 0 &&
             access(tlog_log_path(l, "tile", path), F_OK) < 0 &&
             access(tlog_log_path(l, "checkpoint", path), F_OK) < 0 && o->create) {
        struct tlog_checkpoint head = {0};
        memcpy(head.origin, l->keys[0].vkey.name, sizeof(head.origin));
        tlog_empty_hash(&head.root);
        r = tlog_log_publish(l, &head, reterr);
    }
    return r < 0 ? r : check_origin(l, o->origin, reterr);
}

static int init(struct tlog_log *l, const struct tlog_log_options *o, struct err *reterr)
{
    l->lock_fd = -1;
    l->sync = !o->no_sync;
    buf_init(&l->note, TLOG_CHECKPOINT_BYTES);
    tlog_frontier_init(&l->frontier);
    tlog_frontier_init(&l->next);
    l->recent = tlog_recent_new();
    int a = snprintf(l->dir, sizeof(l->dir), "%s", o->dir);
    int b = snprintf(l->key_dir, sizeof(l->key_dir), "%s", o->key_dir);
    if (a < 0 || b < 0 || (size_t)a >= sizeof(l->dir) || (size_t)b >= sizeof(l->key_dir))
        return err_set(reterr, -ENAMETOOLONG, "the path of the log is too long");
    return l->recent ? 0 : -ENOMEM;
}

int tlog_log_open(const struct tlog_log_options *o, struct tlog_log **ret, struct err *reterr)
{
    struct tlog_log *l = calloc(1, sizeof(*l));
    if (!l)
        return -ENOMEM;
    int r = init(l, o, reterr);
    if (r >= 0)
        r = prepare(l, o, reterr);
    if (r >= 0)
        r = tlog_log_recover(l, reterr);
    if (r >= 0)
        r = tlog_log_write_vkeys(l, reterr);
    if (r < 0) {
        tlog_log_close(l);
        return r;
    }
    *ret = l;
    return 0;
}

void tlog_log_close(struct tlog_log *l)
{
    if (!l)
        return;
    if (l->lock_fd >= 0)
        close(l->lock_fd);
    tlog_skey_wipe(&l->keys[0]);
    tlog_skey_wipe(&l->keys[1]);
    tlog_frontier_release(&l->frontier);
    tlog_frontier_release(&l->next);
    tlog_reader_close(l->reader);
    tlog_recent_free(l->recent);
    buf_release(&l->note);
    free(l);
}
