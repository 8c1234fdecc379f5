/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "recorder/control_request.h"

#include <stddef.h>
#include <string.h>

#define OP(op) (1U << CONTROL_##op)
#define ON_ID                                                                                      \
    (OP(CAMERA_GET) | OP(CAMERA_REMOVE) | OP(MASK_SET) | OP(MASK_DECLARE_EMPTY) | OP(HOLD_REMOVE))
#define AT(member) offsetof(struct control_request, member)

static const struct {
    const char *name;
    bool changes;
} ops[CONTROL_OP_COUNT] = {
#define X(op, name, changes) {name, changes},
    CONTROL_OPS(X)
#undef X
};

enum kind { TEXT, FLAG, NUMBER, OBJECT, LIST };
static const char *const kind_names[] = {"a text", "true or false", "a whole number", "an object",
                                         "a list"};

static const struct key {
    const char *name;
    enum kind kind;
    size_t offset;
    unsigned allowed, required; /* ops */
} keys[] = {
    {"id", TEXT, AT(id), ON_ID | OP(PROBE) | OP(HOLD_ADD), ON_ID},
    {"camera", OBJECT, AT(camera), OP(CAMERA_PUT), OP(CAMERA_PUT)},
    {"cameras", LIST, AT(cameras), OP(CAMERA_IMPORT), OP(CAMERA_IMPORT)},
    {"replace", FLAG, AT(replace), OP(CAMERA_PUT) | OP(CAMERA_IMPORT), 0},
    {"dry_run", FLAG, AT(dry_run), OP(CAMERA_PUT) | OP(CAMERA_IMPORT), 0},
    {"zones", LIST, AT(zones), OP(MASK_SET), OP(MASK_SET)},
    {"empty", FLAG, AT(empty), OP(MASK_DECLARE_EMPTY), OP(MASK_DECLARE_EMPTY)},
    {"url", TEXT, AT(url), OP(PROBE), 0},
    {"user", TEXT, AT(user), OP(PROBE), 0},
    {"password", TEXT, AT(password), OP(PROBE), 0},
    {"transport", TEXT, AT(transport), OP(PROBE), 0},
    {"pin", TEXT, AT(pin), OP(PROBE), 0},
    {"tls_insecure", FLAG, AT(tls_insecure), OP(PROBE), 0},
    {"seconds", NUMBER, AT(seconds), OP(PROBE), 0},
    {"camera", TEXT, AT(hold_camera), OP(HOLD_ADD), OP(HOLD_ADD)},
    {"from", TEXT, AT(from), OP(HOLD_ADD), OP(HOLD_ADD)},
    {"to", TEXT, AT(to), OP(HOLD_ADD), OP(HOLD_ADD)},
    {"until", TEXT, AT(until), OP(HOLD_ADD), OP(HOLD_ADD)},
    {"reason", TEXT, AT(reason), OP(HOLD_ADD), OP(HOLD_ADD)},
};
#define KEYS (sizeof(keys) / sizeof(keys[0]))

const char *control_op_name(enum control_op op)
{
    return ops[op].name;
}

static bool is_kind(const json_t *v, enum kind kind)
{
    switch (kind) {
    case TEXT:
        return json_is_string(v) && strlen(json_string_value(v)) == json_string_length(v);
    case FLAG:
        return json_is_boolean(v);
    case NUMBER:
        return json_is_integer(v);
    case OBJECT:
        return json_is_object(v);
    case LIST:
        return json_is_array(v);
    }
    return false;
}

static void store(const struct key *k, json_t *v, struct control_request *r)
{
    void *at = (char *)r + k->offset;
    switch (k->kind) {
    case TEXT:
        *(const char **)at = json_string_value(v);
        break;
    case FLAG:
        *(bool *)at = json_is_true(v);
        break;
    case NUMBER:
        *(int64_t *)at = json_integer_value(v);
        break;
    case OBJECT:
    case LIST:
        *(json_t **)at = v;
        break;
    }
}

static int find_op(struct control_request *r, struct err *reterr)
{
    const char *name = json_string_value(json_object_get(r->root, "op"));
    if (!name)
        return err_set(reterr, E_SYNTAX, "a request is an object with an op");
    for (int i = 0; i < CONTROL_OP_COUNT; i++) {
        if (strcmp(name, ops[i].name) != 0)
            continue;
        r->op = (enum control_op)i;
        r->changes = ops[i].changes;
        return 0;
    }
    return err_set(reterr, E_SYNTAX, "there is no op '%.40s'", name);
}

static int take_key(struct control_request *r, const char *name, json_t *v, struct err *reterr)
{
    size_t i = 0;
    while (i < KEYS && (strcmp(keys[i].name, name) != 0 || !(keys[i].allowed & 1U << r->op)))
        i++;
    if (i == KEYS)
        return err_set(reterr, E_SYNTAX, "%s takes no '%.40s'", ops[r->op].name, name);
    if (!is_kind(v, keys[i].kind))
        return err_set(reterr, E_SYNTAX, "%s: '%s' is %s", ops[r->op].name, name,
                       kind_names[keys[i].kind]);
    store(&keys[i], v, r);
    return 0;
}

static int take_keys(struct control_request *r, struct err *reterr)
{
    const char *name;
    json_t *v;
    int err = find_op(r, reterr);
    if (err < 0)
        return err;
    json_object_foreach(r->root, name, v)
    {
        err = strcmp(name, "op") != 0 ? take_key(r, name, v, reterr) : 0;
        if (err < 0)
            return err;
    }
    for (size_t i = 0; i < KEYS; i++)
        if (keys[i].required & 1U << r->op && !json_object_get(r->root, keys[i].name))
            return err_set(reterr, E_SYNTAX, "%s: '%s' is missing", ops[r->op].name, keys[i].name);
    return 0;
}

static int check(const struct control_request *r, struct err *reterr)
{
    if (r->op == CONTROL_PROBE && !r->id == !r->url)
        return err_set(reterr, E_SYNTAX, "probe: either 'id' or 'url'");
    if (r->op == CONTROL_PROBE && r->id && (r->user || r->password || r->pin || r->transport))
        return err_set(reterr, E_SYNTAX, "probe: with 'id' the camera's own settings are used");
    if (r->seconds < 0 || r->seconds > 30)
        return err_set(reterr, E_RANGE, "probe: 'seconds' is 1 to 30");
    return 0;
}

int control_parse(const char *line, size_t len, struct control_request *ret, struct err *reterr)
{
    json_error_t e;
    struct control_request r = {.root = json_loadb(line, len, JSON_REJECT_DUPLICATES, &e)};
    if (!r.root)
        return err_set(reterr, E_SYNTAX, "not JSON: %.120s (byte %d)", e.text, e.position);
    int err = take_keys(&r, reterr);
    if (err >= 0)
        err = check(&r, reterr);
    if (err < 0) {
        control_request_release(&r);
        return err;
    }
    *ret = r;
    return 0;
}

void control_request_release(struct control_request *r)
{
    json_decref(r->root);
    *r = (struct control_request){0};
}
