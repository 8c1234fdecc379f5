/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *text;
    enum err_kind kind;
} table[] = {
#define X(name, text, kind) {#name, text, kind},
    ERR_LIST(X)
#undef X
};

static int table_index(int code)
{
    return code > ERR_BASE && code < ERR_END ? code - ERR_BASE - 1 : -1;
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
    if (!e)
        return code;
    va_list ap;
    va_start(ap, fmt);
    e->code = code;
    vsnprintf(e->text, sizeof(e->text), fmt, ap);
    va_end(ap);
    return code;
}

int err_prefix(struct err *e, const char *fmt, ...)
{
    if (!e)
        return 0;
    char old[sizeof(e->text)];
    memcpy(old, e->text, sizeof(old));
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(e->text, sizeof(e->text), fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof(e->text))
        snprintf(e->text + n, sizeof(e->text) - (size_t)n, "%s", old);
    return e->code;
}

const char *err_name(int code)
{
    int i = table_index(code);
    if (i >= 0)
        return table[i].name;
    const char *name = code < 0 ? strerrorname_np(-code) : "OK";
    return name ? name : "E_UNKNOWN";
}

const char *err_text(int code)
{
    int i = table_index(code);
    if (i >= 0)
        return table[i].text;
    const char *text = code < 0 ? strerrordesc_np(-code) : "success";
    return text ? text : "unknown error";
}

enum err_kind err_kind(int code)
{
    int i = table_index(code);
    if (i >= 0)
        return table[i].kind;
    switch (-code) {
    case ENOENT:
        return ERR_NOT_FOUND;
    case EACCES:
    case EPERM:
        return ERR_DENIED;
    case ENOSPC:
    case EDQUOT:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
        return ERR_EXHAUSTED;
    case EIO:
    case EROFS:
        return ERR_DATA_LOSS;
    case EINVAL:
        return ERR_BAD_INPUT;
    default:
        return ERR_RETRY;
    }
}

const char *err_str(const struct err *e, int code)
{
    return e && e->text[0] ? e->text : err_text(code);
}
