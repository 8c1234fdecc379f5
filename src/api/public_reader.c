/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The published log from its files, for the public pages, and what it adds up to. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/public.h"

/*
 * The pages show what the files say; they do not vouch for it. The signature is for readers to check, with a key that
 * they got elsewhere: a server that lies would also lie about the key.
 */
int public_log_open(struct http_request *rq, struct public_log *ret, struct err *reterr)
{
    char dir[512];
    struct buf text;
    struct tlog_note note;
    *ret = (struct public_log){0};
    snprintf(dir, sizeof(dir), "%s/log", api_of(rq)->data_dir);
    buf_init(&text, TLOG_CHECKPOINT_BYTES);
    struct tlog_files files = tlog_files_dir(dir);
    int r = files.get(files.user, "checkpoint", &text, reterr);
    if (r == E_NOTFOUND || r == -ENOENT)
        r = err_set(reterr, E_NOTFOUND, "There is no log here yet.");
    if (r >= 0)
        r = tlog_note_parse(text.data, text.len, &note, reterr);
    if (r >= 0)
        r = tlog_checkpoint_parse(note.text, note.text_len, &ret->checkpoint, reterr);
    buf_release(&text);
    if (r < 0)
        return r;
    char *kept = strdup(dir);
    if (!kept)
        return -ENOMEM;
    files = tlog_files_dir(kept);
    r = tlog_reader_open(files, ret->checkpoint.size, &ret->reader);
    if (r < 0)
        free(kept);
    else
        ret->dir = kept;
    return r;
}

void public_log_close(struct public_log *l)
{
    tlog_reader_close(l->reader);
    free(l->dir);
    *l = (struct public_log){0};
}

int public_log_each(struct public_log *l, uint64_t first, uint64_t end,
                    int (*cb)(void *user, uint64_t index, const char *text, size_t len), void *user,
                    struct err *reterr)
{
    struct buf bundle;
    int r = 0;
    buf_init(&bundle, (size_t)TLOG_BUNDLE_BYTES);
    end = end < l->checkpoint.size ? end : l->checkpoint.size;
    for (uint64_t n = first / 256; n * 256 < end && r == 0; n++) {
        bundle.len = 0;
        r = tlog_reader_bundle(l->reader, n, &bundle, reterr);
        size_t at = 0;
        for (uint64_t i = n * 256; r == 0 && i < end && at + 2 <= bundle.len; i++) {
            size_t len = (size_t)bundle.data[at] << 8 | bundle.data[at + 1];
            if (at + 2 + len > bundle.len)
                r = err_set(reterr, E_CORRUPT, "The log's entries are cut off.");
            else if (i >= first)
                r = cb(user, i, (const char *)bundle.data + at + 2, len);
            at += 2 + len;
        }
    }
    buf_release(&bundle);
    return r;
}

struct public_tally {
    pthread_mutex_t lock;
    struct tlog_tally tally; /* guarded by lock */
    uint64_t counted;        /* entries in it; guarded by lock */
    struct tlog_hash root;   /* of the log when it was counted last; guarded by lock */
};

int public_tally_new(struct public_tally **ret)
{
    *ret = calloc(1, sizeof(**ret));
    if (!*ret)
        return -ENOMEM;
    pthread_mutex_init(&(*ret)->lock, NULL);
    return 0;
}

void public_tally_free(struct public_tally *t)
{
    if (!t)
        return;
    tlog_tally_release(&t->tally);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

static int count_entry(void *user, uint64_t index, const char *text, size_t len)
{
    struct public_tally *t = user;
    int r = tlog_tally_add(&t->tally, text, len);
    if (r >= 0)
        t->counted = index + 1;
    return r;
}

int public_tally_take(struct http_request *rq, const struct tlog_tally **ret, struct err *reterr)
{
    struct public_tally *t = api_of(rq)->tally;
    struct public_log l;
    int r = public_log_open(rq, &l, reterr);
    if (r < 0)
        return r;
    pthread_mutex_lock(&t->lock);
    if (l.checkpoint.size < t->counted) { /* another log is in its place */
        tlog_tally_release(&t->tally);
        t->counted = 0;
    }
    r = public_log_each(&l, t->counted, l.checkpoint.size, count_entry, t, reterr);
    t->root = l.checkpoint.root;
    public_log_close(&l);
    if (r < 0) {
        pthread_mutex_unlock(&t->lock);
        return r;
    }
    *ret = &t->tally;
    return 0;
}

void public_tally_give(struct http_request *rq)
{
    pthread_mutex_unlock(&((struct public_tally *)api_of(rq)->tally)->lock);
}
