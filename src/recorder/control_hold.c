/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Holds by way of control.sock. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "recorder/control_private.h"
#include "recorder/hold.h"

int control_hold_list(struct index *ix, json_t **ret, struct err *reterr)
{
    json_t *all = NULL;
    int r = hold_list(ix, &all, reterr);
    if (r < 0)
        return r;
    *ret = json_pack("{so}", "holds", all);
    return *ret ? 0 : -ENOMEM;
}

static int read_hold(const struct control_request *r, struct index_hold *h, const char **part,
                     struct err *reterr)
{
    const char *const names[] = {"from", "to", "until"}, *const texts[] = {r->from, r->to,
                                                                           r->until};
    int64_t *const times[] = {&h->from_us, &h->to_us, &h->until_us};
    for (int i = 0; i < 3; i++) {
        *part = names[i];
        if (time_parse(texts[i], times[i]) < 0)
            return err_set(reterr, E_SYNTAX, "'%.40s' is not a time like 2026-11-26T09:00:00Z",
                           texts[i]);
    }
    if (strlen(r->hold_camera) >= sizeof(h->camera) || strlen(r->reason) >= sizeof(h->reason) ||
        (r->id && strlen(r->id) >= sizeof(h->id))) {
        *part = NULL;
        return err_set(reterr, E_LIMIT, "camera, reason or id is too long");
    }
    snprintf(h->camera, sizeof(h->camera), "%s", r->hold_camera);
    snprintf(h->reason, sizeof(h->reason), "%s", r->reason);
    snprintf(h->id, sizeof(h->id), "%s", r->id ? r->id : "");
    return 0;
}

int control_hold_add(struct control *c, struct index *ix, const struct control_request *r,
                     json_t **ret, const char **part, struct err *reterr)
{
    struct index_hold h = {0};
    int err = read_hold(r, &h, part, reterr);
    if (err >= 0)
        err = hold_check(&h, clock_wall_us(c->cfg.clock), part, reterr);
    if (err < 0)
        return err;
    *part = NULL;
    err = hold_put(ix, &h, reterr);
    if (err < 0)
        return err;
    log_info("control", "hold %s: camera %s is kept", h.id, h.camera);
    *ret = json_pack("{so}", "hold", hold_json(&h));
    return *ret ? 0 : -ENOMEM;
}

int control_hold_remove(struct control *c, struct index *ix, const char *id, json_t **ret,
                        struct err *reterr)
{
    int r = hold_remove(ix, id, clock_wall_us(c->cfg.clock), reterr);
    if (r < 0)
        return r;
    log_info("control", "hold %.63s removed", id);
    *ret = json_object();
    return *ret ? 0 : -ENOMEM;
}
