/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A look at a camera for somebody who has no network: by URL, or a camera of the table by its id. */
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "recorder/camera_row.h"
#include "recorder/camera_table.h"
#include "recorder/control_private.h"
#include "recorder/probe.h"
#include "rtsp/url.h"

#define SECONDS 5

static int find_camera(struct control *c, const char *id, struct index_camera *ret,
                       struct err *reterr)
{
    struct index *ix = NULL;
    int r = control_index(c, true, &ix, reterr);
    if (r >= 0)
        r = camera_find(ix, id, ret, reterr);
    if (ix)
        ix->ops->close(ix);
    return r;
}

/* What the request says, as a row: one check for both ways. */
static int row_of(const struct control_request *r, struct index_camera *ret, const char **part,
                  struct err *reterr)
{
    struct camera_input in = {.enabled = true, .tls_insecure = r->tls_insecure};
    static const char *const names[] = {"main", "user", "password", "pin", "transport"};
    const char *const given[] = {r->url, r->user, r->password, r->pin, r->transport};
    int err = 0;
    snprintf(in.id, sizeof(in.id), "probe");
    for (size_t i = 0; i < 5 && err >= 0; i++) {
        const struct camera_field *f = camera_fields;
        while (strcmp(f->name, names[i]) != 0)
            f++;
        *part = i ? names[i] : "url";
        err = given[i] ? camera_field_set(f, given[i], &in, reterr) : 0;
    }
    if (err >= 0)
        err = camera_check(&in, ret, part, reterr);
    if (err < 0 && !strcmp(*part, "main"))
        *part = "url";
    explicit_bzero(&in, sizeof(in));
    return err;
}

static int look(struct control *c, const struct index_camera *row, int seconds, json_t **ret,
                struct err *reterr)
{
    struct probe p = {.seconds = seconds};
    struct rtsp_config cfg = {.url = row->main_url,
                              .transport = (enum rtsp_transport)row->transport,
                              .audio = true, /* to see whether sound is offered */
                              .pinned = *row->pin != 0,
                              .tls_insecure = row->tls_insecure,
                              .once = true};
    struct rtsp_url u;
    size_t n;
    int r = rtsp_url_parse(row->main_url, &u, reterr);
    if (r >= 0 && cfg.pinned)
        r = hex_decode(row->pin, cfg.pin_sha256, 32, &n);
    if (r < 0)
        return r;
    camera_bare(row->main_url, p.url);
    p.tls = u.tls;
    p.pinned = cfg.pinned;
    if (p.tls)
        probe_certificate(u.host, u.port, p.pin);
    explicit_bzero(&u, sizeof(u));
    r = probe_watch(&p, &cfg, &c->stopping, reterr);
    if (r < 0)
        return r;
    *ret = json_pack("{so}", "probe", probe_json(&p));
    return *ret ? 0 : E_BUG;
}

int control_probe(struct control *c, const struct control_request *r, json_t **ret,
                  const char **part, struct err *reterr)
{
    struct index_camera row = {0};
    int err = r->id ? find_camera(c, r->id, &row, reterr) : row_of(r, &row, part, reterr);
    if (err >= 0) {
        *part = NULL;
        err = look(c, &row, r->seconds ? (int)r->seconds : SECONDS, ret, reterr);
    }
    explicit_bzero(&row, sizeof(row));
    return err;
}
