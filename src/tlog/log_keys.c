/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Keys of a log, cosignatures on its checkpoint, and the refusal to sign. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tlog/cosign.h"
#include "tlog/log_private.h"

size_t tlog_log_keys(const struct tlog_log *l, struct tlog_vkey ret[2])
{
    for (size_t i = 0; i < l->keys_n; i++)
        ret[i] = l->keys[i].vkey;
    return l->keys_n;
}

int tlog_log_own_checkpoint(const struct tlog_log *l, const struct buf *b,
                            struct tlog_checkpoint *ret, struct err *reterr)
{
    struct tlog_vkey keys[2];
    size_t n = tlog_log_keys(l, keys);
    return tlog_checkpoint_open(b->data, b->len, keys, n, ret, NULL, reterr);
}

static int load_key(struct tlog_log *l, const char *name, struct tlog_skey *ret, struct err *reterr)
{
    char path[PATH_MAX];
    struct buf b;
    struct stat st;
    buf_init(&b, TLOG_SKEY_TEXT);
    tlog_log_key_path(l, name, path);
    int r = stat(path, &st) == 0 && st.st_mode & 077
                ? err_set(reterr, E_DENIED,
                          "others may read the signing key %s; say chmod 600 %s, and think about a "
                          "new key",
                          path, path)
                : durable_read(path, &b, reterr);
    if (r >= 0) {
        r = tlog_skey_parse((const char *)b.data, b.len, ret, reterr);
        if (r < 0)
            err_prefix(reterr, "%s: ", path);
        sodium_memzero(b.data, b.cap);
    }
    buf_release(&b);
    return r;
}

int tlog_log_load_keys(struct tlog_log *l, struct err *reterr)
{
    l->keys_n = 0;
    int r = load_key(l, "key", &l->keys[0], reterr);
    if (r < 0)
        return r;
    l->keys_n = 1;
    r = load_key(l, "next", &l->keys[1], reterr);
    l->keys_n += r >= 0;
    return r == E_NOTFOUND ? 0 : r;
}

int tlog_log_make_key(struct tlog_log *l, const char *name, const char *origin,
                      struct tlog_skey *ret, struct err *reterr)
{
    char path[PATH_MAX], text[TLOG_SKEY_TEXT + 1];
    int r = tlog_skey_init(ret, origin, TLOG_KEY_NOTE, NULL, reterr);
    if (r < 0)
        return r;
    size_t len = strlen(tlog_skey_format(ret, text));
    text[len++] = '\n';
    r = durable_replace(tlog_log_key_path(l, name, path), text, len, KEY_MODE, l->sync, reterr);
    sodium_memzero(text, sizeof(text));
    return r;
}

int tlog_log_write_vkeys(struct tlog_log *l, struct err *reterr)
{
    char path[PATH_MAX], vkey[TLOG_VKEY_TEXT];
    struct buf now, old;
    int r = 0;
    buf_init(&now, 4096);
    buf_init(&old, 4096);
    for (size_t i = 0; i < l->keys_n && r >= 0; i++)
        r = buf_appendf(&now, "%s\n", tlog_vkey_format(&l->keys[i].vkey, vkey));
    tlog_log_path(l, "keys", path);
    bool same = durable_read(path, &old, NULL) >= 0 && old.len == now.len &&
                memcmp(old.data, now.data, now.len) == 0;
    if (r >= 0 && !same)
        r = durable_replace(path, now.data, now.len, LOG_MODE, l->sync, reterr);
    buf_release(&now);
    buf_release(&old);
    return r;
}

int tlog_log_cosign(struct tlog_log *l, const struct tlog_policy *policy, const void *lines,
                    size_t len, struct err *reterr)
{
    char path[PATH_MAX];
    struct buf next;
    buf_init(&next, TLOG_CHECKPOINT_BYTES);
    int r = buf_append(&next, l->note.data, l->note.len);
    int added = r < 0 ? r : tlog_cosign_merge(policy, &next, lines, len, reterr);
    if (added > 0) {
        r = durable_replace(tlog_log_path(l, "checkpoint", path), next.data, next.len, LOG_MODE,
                            l->sync, reterr);
        added = r < 0 ? r : added;
    }
    if (added > 0) {
        buf_release(&l->note);
        l->note = next;
        buf_init(&next, 0);
    }
    buf_release(&next);
    return added;
}

int tlog_log_load_refused(struct tlog_log *l, struct err *reterr)
{
    char path[PATH_MAX];
    struct buf b;
    buf_init(&b, sizeof(l->refused) - 1);
    int r = durable_read(tlog_log_key_path(l, "refused", path), &b, reterr);
    if (r >= 0)
        snprintf(l->refused, sizeof(l->refused), "%.*s", (int)b.len, (const char *)b.data);
    buf_release(&b);
    if (r >= 0)
        l->refused[strcspn(l->refused, "\n")] = 0;
    if (r >= 0 && !l->refused[0])
        snprintf(l->refused, sizeof(l->refused), "%.400s exists", path);
    return r == E_NOTFOUND ? 0 : r;
}

void tlog_log_refuse(struct tlog_log *l, const char *why)
{
    char path[PATH_MAX];
    snprintf(l->refused, sizeof(l->refused), "%s", why);
    durable_replace(tlog_log_key_path(l, "refused", path), why, strlen(why), KEY_MODE, l->sync,
                    NULL);
}

const char *tlog_log_refused(const struct tlog_log *l)
{
    return l->refused[0] ? l->refused : NULL;
}

int tlog_log_compare(struct tlog_log *l, const void *checkpoint, size_t len, struct err *reterr)
{
    struct tlog_vkey keys[2];
    struct tlog_checkpoint other;
    struct tlog_hash root;
    char why[400];
    size_t n = tlog_log_keys(l, keys);
    int r = tlog_checkpoint_open(checkpoint, len, keys, n, &other, NULL, reterr);
    if (r < 0)
        return r;
    if (other.size <= l->head.size) {
        struct tlog_subtrees s = tlog_reader_subtrees(l->reader);
        r = tlog_tree_root(&s, other.size, &root, reterr);
        if (r < 0 || tlog_hash_equal(&root, &other.root))
            return r;
        snprintf(why, sizeof(why),
                 "this log is forked: it signed another root for its first %llu entries",
                 (unsigned long long)other.size);
    } else {
        snprintf(why, sizeof(why),
                 "this log was rolled back: it has signed %llu entries before, and holds %llu now",
                 (unsigned long long)other.size, (unsigned long long)l->head.size);
    }
    if (!l->refused[0])
        tlog_log_refuse(l, why);
    return 1;
}

int tlog_log_rotate(struct tlog_log *l, struct tlog_vkey *ret, struct err *reterr)
{
    if (l->keys_n > 1)
        return err_set(reterr, E_EXISTS, "two keys sign already; end that rotation first");
    if (l->refused[0])
        return err_set(reterr, E_DENIED, "nothing is signed any more: %s", l->refused);
    int r = tlog_log_make_key(l, "next", l->keys[0].vkey.name, &l->keys[1], reterr);
    if (r < 0)
        return r;
    l->keys_n = 2;
    *ret = l->keys[1].vkey;
    r = tlog_log_write_vkeys(l, reterr);
    return r < 0 ? r : tlog_log_publish(l, &l->head, reterr);
}

int tlog_log_rotate_end(struct tlog_log *l, struct err *reterr)
{
    char from[PATH_MAX], to[PATH_MAX];
    if (l->keys_n < 2)
        return err_set(reterr, E_NOTFOUND, "no rotation has begun");
    int r =
        tlog_log_publish(l, &l->head, reterr); /* what stays behind is signed by the new key too */
    if (r < 0)
        return r;
    if (rename(tlog_log_key_path(l, "next", from), tlog_log_key_path(l, "key", to)) < 0)
        return err_set(reterr, -errno, "%s: %s", from, err_text(-errno));
    l->keys[0] = l->keys[1];
    tlog_skey_wipe(&l->keys[1]);
    l->keys_n = 1;
    r = tlog_log_write_vkeys(l, reterr);
    return r < 0 ? r : tlog_log_publish(l, &l->head, reterr);
}
