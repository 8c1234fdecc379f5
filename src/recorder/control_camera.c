/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Cameras, their zones, and the declaration that a place is empty, by way of control.sock. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "recorder/camera_row.h"
#include "recorder/camera_table.h"
#include "recorder/control_private.h"

json_t *control_row(const struct index_camera *c)
{
    char user[128];
    bool password = camera_url_user(c->main_url, user);
    json_t *o = camera_json(c, CAMERA_BARE);
    if (o) {
        json_object_set_new(o, "user", json_string(user));
        json_object_set_new(o, "password_set", json_boolean(password));
    }
    return o;
}

int control_answer_row(const struct index_camera *c, json_t **ret)
{
    *ret = json_pack("{so}", "camera", control_row(c));
    return *ret ? 0 : -ENOMEM;
}

static int append_row(void *user, const struct index_camera *c)
{
    return json_array_append_new(user, control_row(c)) < 0 ? -ENOMEM : 0;
}

int control_camera_list(struct index *ix, json_t **ret, struct err *reterr)
{
    json_t *all = json_array();
    int r = all ? ix->ops->cameras(ix, append_row, all, reterr) : -ENOMEM;
    if (r < 0) {
        json_decref(all);
        return r;
    }
    *ret = json_pack("{so}", "cameras", all);
    return *ret ? 0 : -ENOMEM;
}

int control_camera_get(struct index *ix, const char *id, json_t **ret, struct err *reterr)
{
    struct index_camera c;
    int r = camera_find(ix, id, &c, reterr);
    return r < 0 ? r : control_answer_row(&c, ret);
}

struct camera_input control_defaults(const struct control *c)
{
    return (struct camera_input){
        .enabled = true, .transport = c->cfg.transport, .audio = c->cfg.audio};
}

/* A form that was filled from camera.get comes back without the password: it stays what it is. */
static int keep_credentials(const struct index_camera *before, struct camera_input *in)
{
    char user[128];
    camera_url_user(before->main_url, user);
    if (*in->user && !*in->password && !strcmp(in->user, user))
        in->user[0] = '\0';
    if (*in->user || *in->password)
        return 0;
    int r = camera_keep_credentials(before->main_url, in->main, sizeof(in->main));
    if (r >= 0)
        r = camera_keep_credentials(*before->sub_url ? before->sub_url : before->main_url, in->sub,
                                    sizeof(in->sub));
    return r;
}

int control_read_row(json_t *o, struct camera_input *in, const struct index_camera *before,
                     struct index_camera *ret, const char **part, struct err *reterr)
{
    int r = camera_input_json(o, in, part, reterr);
    if (r >= 0 && before) {
        *part = "main";
        r = keep_credentials(before, in);
    }
    if (r >= 0)
        r = camera_check(in, ret, part, reterr);
    if (r >= 0 && before)
        camera_carry(before, json_object_get(o, "zones") != NULL, ret);
    explicit_bzero(in->password, sizeof(in->password));
    return r;
}

int control_camera_put(struct control *c, struct index *ix, const struct control_request *r,
                       json_t **ret, const char **part, struct err *reterr)
{
    struct camera_input in = control_defaults(c);
    struct index_camera before, row;
    const char *id = json_string_value(json_object_get(r->camera, "id"));
    int err = id ? camera_find(ix, id, &before, reterr) : E_NOTFOUND;
    bool there = err >= 0;
    if (err < 0 && err != E_NOTFOUND)
        return err;
    if (there != r->replace) {
        *part = "id";
        return there ? err_set(reterr, E_EXISTS, "camera %.63s exists already", id)
               : id  ? err_set(reterr, E_NOTFOUND, "there is no camera %.63s", id)
                     : err_set(reterr, E_SYNTAX, "the camera's id is missing");
    }
    if (there)
        camera_input_of(&before, &in);
    err = control_read_row(r->camera, &in, there ? &before : NULL, &row, part, reterr);
    if (err < 0)
        return err;
    *part = NULL;
    err = r->dry_run ? 0 : camera_put(ix, &row, 1, there, reterr);
    if (err >= 0 && !r->dry_run)
        log_info("control", "camera %s %s", row.id, there ? "changed" : "added");
    return err < 0 ? err : control_answer_row(&row, ret);
}

int control_camera_remove(struct index *ix, const char *id, json_t **ret, struct err *reterr)
{
    int r = camera_remove(ix, id, reterr);
    if (r < 0)
        return r;
    log_info("control", "camera %.63s removed", id);
    *ret = json_object();
    return *ret ? 0 : -ENOMEM;
}
