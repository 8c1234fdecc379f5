/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RECORDER_CAMERA_TABLE_H
#define RECORDER_CAMERA_TABLE_H
/* Rows of the camera table, beside others that may be writing at this moment. Blocking. */
#include "index/index.h"

#define CAMERA_MAX 100000 /* most cameras that are handled at once */

/* Write rows, all or none, waiting up to 5 s for another writer. Errors: as index_ops.camera_put. */
int camera_put(struct index *ix, const struct index_camera *cams, size_t n, bool replace,
               struct err *reterr);
int camera_remove(struct index *ix, const char *id, struct err *reterr);
/* All rows; @ret is freed by the caller. */
int camera_all(struct index *ix, struct index_camera **ret, size_t *ret_count, struct err *reterr);
/* One row; E_NOTFOUND. */
int camera_find(struct index *ix, const char *id, struct index_camera *ret, struct err *reterr);
#endif
