/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Privacy zones, and the declaration that a place is empty, by way of control.sock. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "recorder/camera_table.h"
#include "recorder/control_private.h"
#include "recorder/zones.h"

int control_mask_set(struct index *ix, const struct control_request *r, json_t **ret,
                     const char **part, struct err *reterr)
{
    struct index_camera c;
    int err = camera_find(ix, r->id, &c, reterr);
    if (err < 0)
        return err;
    *part = "zones";
    err = zones_normalise_json(r->zones, c.zones, reterr);
    if (err < 0)
        return err;
    *part = NULL;
    c.changed_us = clock_wall_us(&clock_system);
    err = camera_put(ix, &c, 1, true, reterr);
    if (err < 0)
        return err;
    log_info("control", "camera %s: privacy zones changed", c.id);
    return control_answer_row(&c, ret);
}

static void note(struct index *ix, const char *camera, int64_t at_us, bool empty)
{
    struct index_change e = {.kind = INDEX_PUT_EVENT, .event = {.at_us = at_us}};
    snprintf(e.event.kind, sizeof(e.event.kind), "%s",
             empty ? "declared-empty" : "empty-withdrawn");
    snprintf(e.event.camera, sizeof(e.event.camera), "%s", camera);
    snprintf(e.event.text, sizeof(e.event.text), "%s",
             empty ? "an administrator declared the place empty: what is seen now is learnt as "
                     "the background of the masked view"
                   : "the declaration that the place was empty was withdrawn");
    struct err why = {0};
    int r = ix->ops->apply(ix, &e, 1, &why);
    if (r < 0)
        log_warn("control", "camera %s: the event could not be written: %s", camera,
                 err_str(&why, r));
}

int control_declare_empty(struct control *c, struct index *ix, const struct control_request *r,
                          json_t **ret, struct err *reterr)
{
    struct index_camera row;
    int64_t now = clock_wall_us(c->cfg.clock);
    int err = camera_find(ix, r->id, &row, reterr);
    if (err < 0)
        return err;
    row.declared_empty_us = r->empty ? now : 0;
    row.changed_us = now;
    err = camera_put(ix, &row, 1, true, reterr);
    if (err < 0)
        return err;
    note(ix, row.id, now, r->empty);
    log_info("control", "camera %s: %s", row.id,
             r->empty ? "the place was declared empty" : "no longer declared empty");
    return control_answer_row(&row, ret);
}
