/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef TLOG_LOG_PRIVATE_H
#define TLOG_LOG_PRIVATE_H
/* Shared by log.c (append), log_open.c (open, recover) and log_keys.c (keys, cosignatures, refusal). */
#include <limits.h>

#include "tlog/durable.h"
#include "tlog/frontier.h"
#include "tlog/log.h"
#include "tlog/recent.h"

#define LOG_MODE 0644
#define KEY_MODE 0600

struct tlog_log {
    char dir[PATH_MAX - 128], key_dir[PATH_MAX - 128];
    bool sync, failed; /* failed: what is on disk is not known; recover before the next append */
    int lock_fd;
    struct tlog_skey keys[2];
    size_t keys_n;
    struct tlog_checkpoint head;
    struct buf note; /* head with its signatures, as published */
    struct tlog_frontier frontier;
    struct tlog_frontier next; /* where an append works */
    struct tlog_reader *reader;
    struct tlog_recent *recent;
    char refused[512];
};

/* "KEYS/@name" and "LOG/@name" into @out. Return @out. */
char *tlog_log_key_path(const struct tlog_log *l, const char *name, char out[PATH_MAX]);
char *tlog_log_path(const struct tlog_log *l, const char *name, char out[PATH_MAX]);

/* log_open.c: take up what the disk says. */
int tlog_log_recover(struct tlog_log *l, struct err *reterr);

/* log.c: sign @head with all keys, make it durable in the state, publish it. The tiles are durable by now. */
int tlog_log_publish(struct tlog_log *l, const struct tlog_checkpoint *head, struct err *reterr);

/* log_keys.c */
int tlog_log_load_keys(struct tlog_log *l, struct err *reterr);
int tlog_log_make_key(struct tlog_log *l, const char *name, const char *origin,
                      struct tlog_skey *ret, struct err *reterr);
int tlog_log_write_vkeys(struct tlog_log *l, struct err *reterr);
int tlog_log_load_refused(struct tlog_log *l, struct err *reterr);
void tlog_log_refuse(struct tlog_log *l, const char *why);
/* A checkpoint signed by one of the log's own keys. */
int tlog_log_own_checkpoint(const struct tlog_log *l, const struct buf *b,
                            struct tlog_checkpoint *ret, struct err *reterr);
#endif
