/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Requests to control.sock from hostile bytes, and the cameras and zones in them. */
#include <assert.h>
#include <stdint.h>

#include "recorder/camera_row.h"
#include "recorder/control_request.h"
#include "recorder/zones.h"

static void look_at(json_t *camera)
{
    struct camera_input in = {.enabled = true}, back;
    struct index_camera row, again;
    const char *part = NULL;
    struct err e = {0};
    if (camera_input_json(camera, &in, &part, &e) < 0 || camera_check(&in, &row, &part, &e) < 0) {
        assert(part && e.text[0]);
        return;
    }
    camera_input_of(&row, &back); /* what was taken once is taken again */
    assert(camera_check(&back, &again, &part, &e) >= 0);
    json_t *o = camera_json(&row, CAMERA_BARE);
    assert(o);
    json_decref(o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct control_request r;
    struct err e = {0};
    char zones[INDEX_ZONES];
    size_t i;
    json_t *camera;
    if (control_parse((const char *)data, size, &r, &e) < 0) {
        assert(e.text[0]);
        return 0;
    }
    if (r.camera)
        look_at(r.camera);
    json_array_foreach(r.cameras, i, camera) look_at(camera);
    if (r.zones)
        (void)zones_normalise_json(r.zones, zones, &e);
    control_request_release(&r);
    return 0;
}
