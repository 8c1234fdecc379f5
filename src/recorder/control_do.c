/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* From a line to an answer. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "recorder/control_private.h"

enum { TRIES = 50, PAUSE_US = 100000 };

int control_index(struct control *c, bool read_only, struct index **ret, struct err *reterr)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/volume-id", c->cfg.data_dir);
    if (access(path, F_OK) < 0)
        return err_set(reterr, E_NOTFOUND, "the volume is away: %s is not there", path);
    int r = E_BUSY;
    for (int i = 0; i < TRIES && r == E_BUSY && !atomic_load(&c->stopping); i++) {
        if (i)
            usleep(PAUSE_US);
        r = index_sqlite.open(c->cfg.data_dir, read_only, ret, reterr);
    }
    return r;
}

static int on_index(struct control *c, struct index *ix, const struct control_request *r,
                    json_t **ret, const char **part, struct err *reterr)
{
    switch (r->op) {
    case CONTROL_CAMERA_LIST:
        return control_camera_list(ix, ret, reterr);
    case CONTROL_CAMERA_GET:
        return control_camera_get(ix, r->id, ret, reterr);
    case CONTROL_CAMERA_PUT:
        return control_camera_put(c, ix, r, ret, part, reterr);
    case CONTROL_CAMERA_REMOVE:
        return control_camera_remove(ix, r->id, ret, reterr);
    case CONTROL_CAMERA_IMPORT:
        return control_camera_import(c, ix, r, ret, reterr);
    case CONTROL_MASK_SET:
        return control_mask_set(ix, r, ret, part, reterr);
    case CONTROL_MASK_DECLARE_EMPTY:
        return control_declare_empty(c, ix, r, ret, reterr);
    case CONTROL_HOLD_LIST:
        return control_hold_list(ix, ret, reterr);
    case CONTROL_HOLD_ADD:
        return control_hold_add(c, ix, r, ret, part, reterr);
    case CONTROL_HOLD_REMOVE:
        return control_hold_remove(c, ix, r->id, ret, reterr);
    case CONTROL_PROBE:
    case CONTROL_OP_COUNT:
        break;
    }
    return err_set(reterr, E_BUG, "op %d is not handled", r->op);
}

int control_do(struct control *c, const struct control_request *r, json_t **ret, const char **part,
               struct err *reterr)
{
    struct index *ix = NULL;
    if (r->op == CONTROL_PROBE)
        return control_probe(c, r, ret, part, reterr);
    if (r->changes)
        pthread_mutex_lock(&c->change);
    int code = control_index(c, !r->changes, &ix, reterr);
    if (code >= 0)
        code = on_index(c, ix, r, ret, part, reterr);
    if (ix)
        ix->ops->close(ix);
    if (r->changes)
        pthread_mutex_unlock(&c->change);
    return code;
}

static json_t *failure(int code, const char *part, const struct err *e)
{
    char text[sizeof(e->text)];
    snprintf(text, sizeof(text), "%s", err_str(e, code));
    json_t *o = json_pack("{sb ss ss}", "ok", 0, "code", err_name(code), "error", text_clean(text));
    if (part)
        json_object_set_new(o, "part", json_string(part));
    return o;
}

char *control_answer(struct control *c, const char *line, size_t len)
{
    struct control_request r;
    struct err e = {0};
    const char *part = NULL;
    json_t *answer = NULL;
    int code = control_parse(line, len, &r, &e);
    if (code >= 0) {
        code = control_do(c, &r, &answer, &part, &e);
        if (code < 0)
            log_info("control", "%s refused: %s", control_op_name(r.op), err_text(code));
        control_request_release(&r);
    }
    if (code >= 0 && answer)
        json_object_set_new(answer, "ok", json_true());
    else
        answer = failure(code < 0 ? code : -ENOMEM, part, &e);
    char *text = answer ? json_dumps(answer, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
    json_decref(answer);
    size_t n = text ? strlen(text) : 0;
    char *out = text ? realloc(text, n + 2) : NULL;
    if (!out) {
        free(text);
        return NULL;
    }
    memcpy(out + n, "\n", 2);
    return out;
}
