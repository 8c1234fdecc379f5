/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RECORDER_CAMERA_ROW_PRIVATE_H
#define RECORDER_CAMERA_ROW_PRIVATE_H
/* What the files behind camera_row.h share. */
#include "recorder/camera_row.h"

struct rtsp_url;
/* scheme://user:password@rest, with @password as it stands when @verbatim. E_LIMIT. */
int camera_url_compose(const struct rtsp_url *u, const char *user, const char *password,
                       bool verbatim, char *out, size_t size);
#endif
