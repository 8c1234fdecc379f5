/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef CLI_CAMERA_H
#define CLI_CAMERA_H
/* What the `lethe camera …` commands share: reading, checking and showing one row of the camera table. */
#include <jansson.h>

#include "base/config.h"
#include "cli/command.h"
#include "index/index.h"

#define CAMERA_MAX 100000 /* most cameras that one command handles */

/* One camera as people write it, on the command line or in a file, before it is checked. */
struct camera_input {
    char id[INDEX_ID + 1], name[128], main[640], sub[640], user[128], password[128], pin[128];
    int transport; /* enum rtsp_transport */
    bool audio, enabled, tls_insecure;
    int retention_days;
};

/*
 * Check and convert. @part names what is wrong, as the option and column are called ("main", "pin", …).
 * Credentials end up percent-encoded inside the URLs. Errors: E_SYNTAX, E_RANGE with one sentence without secrets.
 */
int camera_check(const struct camera_input *in, struct index_camera *ret, const char **part,
                 struct err *reterr);

/* The URL with "***" for its password, for people's eyes. */
#define CAMERA_URL 640
char *camera_redact(const char *url, char out[CAMERA_URL]);
bool camera_url_has_password(const char *url);

/* The row as a JSON object; passwords redacted unless @secrets. */
json_t *camera_json(const struct index_camera *c, bool secrets);

/* First line of @path ("-": standard input) into @out; mode is looked at and a warning given when others can read. */
int camera_read_password(const char *path, char out[128], struct err *reterr);

/* Open the index of --data, waiting up to 5 s for another writer. @create makes the directory. */
int camera_index_open(const struct cli_args *a, bool read_only, struct index **ret,
                      struct err *reterr);
/* Write rows, waiting the same. */
int camera_put(struct index *ix, const struct index_camera *cams, size_t n, bool replace,
               struct err *reterr);
/* All rows, or E_NOTFOUND for one by id. @ret is freed by the caller. */
int camera_all(struct index *ix, struct index_camera **ret, size_t *ret_count, struct err *reterr);
int camera_find(struct index *ix, const char *id, struct index_camera *ret, struct err *reterr);

/* Defaults of the node for new cameras: --config, else DATA/lethe.yaml if it is there, as `lethe serve` reads it. */
int camera_defaults(const struct cli_args *a, struct camera_input *in, struct err *reterr);

/* Columns of CSV and keys of YAML, in the order of export. */
enum camera_column {
    CAM_ID,
    CAM_NAME,
    CAM_MAIN,
    CAM_SUB,
    CAM_TRANSPORT,
    CAM_AUDIO,
    CAM_ENABLED,
    CAM_RETENTION,
    CAM_PIN,
    CAM_TLS_INSECURE,
    CAM_EXPORTED,
    CAM_USER = CAM_EXPORTED,
    CAM_PASSWORD,
    CAM_COLUMNS
};
extern const char *const camera_columns[CAM_COLUMNS + 1];
#endif
