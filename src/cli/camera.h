/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef CLI_CAMERA_H
#define CLI_CAMERA_H
/* What the `lethe camera …` commands share. */
#include "cli/command.h"
#include "recorder/camera_row.h"
#include "recorder/camera_table.h"

/* First line of @path ("-": standard input) into @out; mode is looked at and a warning given when others can read. */
int camera_read_password(const char *path, char out[128], struct err *reterr);

/* Open the index of --data, waiting up to 5 s for another writer. @create makes the directory. */
int camera_index_open(const struct cli_args *a, bool read_only, struct index **ret,
                      struct err *reterr);
/* Defaults of the node for new cameras: --config, else DATA/lethe.yaml if it is there, as `lethe serve` reads it. */
int camera_defaults(const struct cli_args *a, struct camera_input *in, struct err *reterr);
#endif
