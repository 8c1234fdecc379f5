/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef BASE_ERR_H
#define BASE_ERR_H
/*
 * Errors. Functions return int: >= 0 is success, < 0 an error of the list below or a negated errno.
 * The kind says what the caller does about it; one place maps kinds to exit codes and HTTP status.
 */
#include <stddef.h>

enum err_kind {
    ERR_RETRY,
    ERR_NOT_FOUND,
    ERR_DENIED,
    ERR_EXHAUSTED,
    ERR_DATA_LOSS,
    ERR_BAD_INPUT,
    ERR_BUG
};

/* name, text, kind */
#define ERR_LIST(X)                                                                                \
    X(E_SYNTAX, "not well formed", ERR_BAD_INPUT)                                                  \
    X(E_RANGE, "value out of range", ERR_BAD_INPUT)                                                \
    X(E_UNSUPPORTED, "not supported", ERR_BAD_INPUT)                                               \
    X(E_TRUNCATED, "ends too early", ERR_BAD_INPUT)                                                \
    X(E_LIMIT, "over a limit", ERR_EXHAUSTED)                                                      \
    X(E_FULL, "queue or store is full", ERR_EXHAUSTED)                                             \
    X(E_ORDER, "out of order", ERR_BAD_INPUT)                                                      \
    X(E_MISMATCH, "does not match", ERR_BAD_INPUT)                                                 \
    X(E_NOTFOUND, "not found", ERR_NOT_FOUND)                                                      \
    X(E_EXISTS, "exists already", ERR_BAD_INPUT)                                                   \
    X(E_DENIED, "denied", ERR_DENIED)                                                              \
    X(E_AUTH, "credentials were refused", ERR_DENIED)                                              \
    X(E_CRYPTO, "cryptographic check failed", ERR_DENIED)                                          \
    X(E_THRESHOLD, "too few custodians", ERR_DENIED)                                               \
    X(E_CLOSED, "closed by the other side", ERR_RETRY)                                             \
    X(E_TIMEOUT, "timed out", ERR_RETRY)                                                           \
    X(E_PROTOCOL, "peer broke the protocol", ERR_RETRY)                                            \
    X(E_BUSY, "busy", ERR_RETRY)                                                                   \
    X(E_CORRUPT, "data on disk is damaged", ERR_DATA_LOSS)                                         \
    X(E_BUG, "internal error", ERR_BUG)

enum err_code {
    ERR_BASE = -20000,
#define X(name, text, kind) name,
    ERR_LIST(X)
#undef X
        ERR_END
};

/* One sentence for an operator: what, where, what to do next. Never holds secrets. */
struct err {
    int code;
    char text[400];
};

/* Set the sentence and return @code, so that `return err_set(e, E_SYNTAX, "…", …);` reads well. @e
 * may be NULL. */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Put text in front of the sentence that is there ("reading node.yaml: " …). Returns e->code. */
int err_prefix(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Name ("E_SYNTAX", "ENOSPC") and text of a code. Never NULL. Thread-safe. */
const char *err_name(int code);
const char *err_text(int code);
enum err_kind err_kind(int code);
/* The sentence if one was set, else the text of @code. */
const char *err_str(const struct err *e, int code);
#endif
