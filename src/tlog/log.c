/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Appending. The order of writes is in log.h. */
#include "tlog/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tlog/log_private.h"
#include "tlog/proof.h"

#define BATCH_ENTRIES 65536

char *tlog_log_key_path(const struct tlog_log *l, const char *name, char out[PATH_MAX])
{
    snprintf(out, PATH_MAX, "%s/%s", l->key_dir, name);
    return out;
}

char *tlog_log_path(const struct tlog_log *l, const char *name, char out[PATH_MAX])
{
    snprintf(out, PATH_MAX, "%s/%s", l->dir, name);
    return out;
}

/* The files of one append. */
struct files {
    struct tlog_log *l;
    struct durable durable;
};

static int write_tile(void *user, const struct tlog_tile *t, const void *data, size_t len,
                      struct err *reterr)
{
    struct files *f = user;
    char name[TLOG_TILE_PATH], path[PATH_MAX];
    tlog_log_path(f->l, tlog_tile_path(t, name), path);
    return durable_write(&f->durable, path, data, len, LOG_MODE, reterr);
}

/* Partial tiles that this append made or widened; those that were there already are as they were. */
static int write_partial(struct files *f, const struct tlog_frontier *now, uint64_t before,
                         struct err *reterr)
{
    int r = 0;
    for (int level = TLOG_LEVEL_ENTRIES; level < TLOG_LEVELS && r >= 0; level++) {
        unsigned shift = level < 0 ? 0 : 8u * (unsigned)level;
        uint64_t hashes = now->size >> shift;
        struct tlog_tile t = {level, hashes / TLOG_TILE_WIDTH, (unsigned)hashes % TLOG_TILE_WIDTH};
        if (t.width == 0 || hashes == before >> shift)
            continue;
        r = level < 0 ? write_tile(f, &t, now->bundle.data, now->bundle.len, reterr)
                      : write_tile(f, &t, now->tiles[level], (size_t)t.width * 32, reterr);
    }
    return r;
}

/* Append to the copy of the frontier what is not in the log yet. */
static int add_entries(struct files *f, const struct tlog_entry *entries, size_t n,
                       uint64_t *ret_indexes, struct err *reterr)
{
    struct tlog_log *l = f->l;
    int r = 0;
    for (size_t i = 0; i < n && r >= 0; i++) {
        uint64_t index = l->next.size;
        if (tlog_recent_find(l->recent, entries[i].text, entries[i].len, &index)) {
            ret_indexes[i] = index;
            continue;
        }
        ret_indexes[i] = index;
        tlog_recent_add(l->recent, entries[i].text, entries[i].len, index);
        r = tlog_frontier_append(&l->next, entries[i].text, entries[i].len, write_tile, f, reterr);
    }
    return r;
}

/* Partial tiles that the full one has replaced, once a checkpoint stands on it. A crash may leave them: no harm. */
static void drop_partial(const struct tlog_log *l, uint64_t before, uint64_t now)
{
    char name[TLOG_TILE_PATH], path[PATH_MAX];
    for (int level = TLOG_LEVEL_ENTRIES; level < TLOG_LEVELS; level++) {
        unsigned shift = level < 0 ? 0 : 8u * (unsigned)level;
        struct tlog_tile t = {level, (before >> shift) / TLOG_TILE_WIDTH, TLOG_TILE_WIDTH};
        if ((now >> shift) / TLOG_TILE_WIDTH == t.n || (before >> shift) % TLOG_TILE_WIDTH == 0)
            continue;
        tlog_log_path(l, tlog_tile_path(&t, name), path);
        strncat(path, ".p", sizeof(path) - strlen(path) - 1);
        durable_remove_dir(path);
    }
}

static int sign(const struct tlog_log *l, const struct tlog_checkpoint *head, struct buf *out)
{
    struct buf text;
    buf_init(&text, TLOG_CHECKPOINT_BYTES);
    out->len = 0;
    int r = tlog_checkpoint_format(head, &text);
    if (r >= 0)
        r = tlog_note_sign(&l->keys[0], (const char *)text.data, text.len, out);
    for (size_t i = 1; i < l->keys_n && r >= 0; i++)
        r = tlog_note_sign_line(&l->keys[i], (const char *)text.data, text.len, 0, out);
    buf_release(&text);
    return r;
}

int tlog_log_publish(struct tlog_log *l, const struct tlog_checkpoint *head, struct err *reterr)
{
    char path[PATH_MAX];
    struct buf note;
    buf_init(&note, TLOG_CHECKPOINT_BYTES);
    int r = sign(l, head, &note);
    if (r >= 0)
        r = durable_replace(tlog_log_key_path(l, "state", path), note.data, note.len, KEY_MODE,
                            l->sync, reterr);
    if (r >= 0)
        r = durable_replace(tlog_log_path(l, "checkpoint", path), note.data, note.len, LOG_MODE,
                            l->sync, reterr);
    if (r < 0) {
        l->failed = true;
        buf_release(&note);
        return r;
    }
    buf_release(&l->note);
    l->note = note;
    l->head = *head;
    return 0;
}

static int append(struct tlog_log *l, const struct tlog_entry *entries, size_t n,
                  uint64_t *ret_indexes, struct err *reterr)
{
    struct files f = {.l = l, .durable = {.sync = l->sync}};
    struct tlog_checkpoint head = l->head;
    int r = tlog_frontier_copy(&l->next, &l->frontier);
    if (r >= 0)
        r = add_entries(&f, entries, n, ret_indexes, reterr);
    if (r >= 0 && l->next.size == l->head.size)
        goto done; /* all of them are in the log already */
    if (r >= 0)
        r = write_partial(&f, &l->next, l->frontier.size, reterr);
    if (r >= 0)
        r = durable_flush(&f.durable, reterr);
    if (r >= 0) {
        head.size = l->next.size;
        tlog_frontier_root(&l->next, &head.root);
        r = tlog_log_publish(l, &head, reterr);
    }
    if (r < 0)
        goto done;
    drop_partial(l, l->frontier.size, l->next.size);
    tlog_reader_grow(l->reader, l->next.size);
    r = tlog_frontier_copy(&l->frontier, &l->next);
done:
    durable_release(&f.durable);
    return r;
}

int tlog_log_append(struct tlog_log *l, const struct tlog_entry *entries, size_t n,
                    uint64_t *ret_indexes, struct err *reterr)
{
    if (l->refused[0])
        return err_set(reterr, E_DENIED, "nothing is signed any more: %s", l->refused);
    for (size_t i = 0; i < n; i++)
        if (entries[i].len > TLOG_ENTRY_BYTES)
            return err_set(reterr, E_LIMIT, "an entry has at most %d bytes, this one has %zu",
                           TLOG_ENTRY_BYTES, entries[i].len);
    if (n == 0 || n > BATCH_ENTRIES)
        return err_set(reterr, E_LIMIT, "1 to %d entries at a time, not %zu", BATCH_ENTRIES, n);
    uint64_t *indexes = ret_indexes ? ret_indexes : calloc(n, sizeof(*indexes));
    int r = indexes ? 0 : -ENOMEM;
    if (r >= 0 && l->failed)
        r = tlog_log_recover(l, reterr);
    if (r >= 0) {
        r = append(l, entries, n, indexes, reterr);
        l->failed = r < 0;
    }
    if (indexes != ret_indexes)
        free(indexes);
    return r;
}

const struct tlog_checkpoint *tlog_log_head(const struct tlog_log *l)
{
    return &l->head;
}

const struct buf *tlog_log_note(const struct tlog_log *l)
{
    return &l->note;
}

struct tlog_subtrees tlog_log_subtrees(struct tlog_log *l)
{
    return tlog_reader_subtrees(l->reader);
}

int tlog_log_prove(struct tlog_log *l, uint64_t index, struct buf *out, struct err *reterr)
{
    return tlog_log_prove_under(l, index, &l->note, out, reterr);
}

int tlog_log_prove_under(struct tlog_log *l, uint64_t index, const struct buf *note,
                         struct buf *out, struct err *reterr)
{
    struct tlog_subtrees s = tlog_reader_subtrees(l->reader);
    struct tlog_proof p = {
        .index = index, .checkpoint = (const char *)note->data, .checkpoint_len = note->len};
    struct tlog_checkpoint c;
    struct tlog_hash leaf, root;
    int r = tlog_log_own_checkpoint(l, note, &c, reterr);
    if (r >= 0)
        r = tlog_tree_inclusion(&s, index, c.size, &p.path, reterr);
    if (r >= 0)
        r = s.get(s.user, 0, index, &leaf, reterr);
    if (r >= 0 && (tlog_inclusion_root(&leaf, index, c.size, &p.path, &root) < 0 ||
                   !tlog_hash_equal(&root, &c.root)))
        r = err_set(reterr, E_CORRUPT,
                    "the tiles do not prove entry %llu; lethe log verify says more",
                    (unsigned long long)index);
    return r < 0 ? r : tlog_proof_format(&p, out);
}
