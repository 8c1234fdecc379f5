/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RECORDER_CAMERA_ROW_H
#define RECORDER_CAMERA_ROW_H
/*
 * One row of the camera table as people write and read it: on the command line, in CSV and YAML, in
 * JSON of control.sock. One table of fields, one check. Reentrant.
 */
#include <jansson.h>

#include "base/config.h"
#include "index/index.h"

/* A camera before it is checked. */
struct camera_input {
    char id[INDEX_ID + 1], name[128], main[640], sub[640], user[128], password[128], pin[128];
    int transport; /* enum rtsp_transport */
    bool audio, enabled, tls_insecure;
    int retention_days;
    char group[INDEX_ID + 1], zones[INDEX_ZONES];
    char purpose[128], owner[128], contact[128], place[192], sees[192], retention_reason[192];
    char review[16], lat[24], lon[24], px_per_m[24];
    int64_t declared_empty_us; /* not a field: kept when a row is changed */
};

enum camera_field_kind { CAMERA_TEXT, CAMERA_FLAG, CAMERA_DAYS, CAMERA_TRANSPORT, CAMERA_NUMBER };

/* Columns of CSV, keys of YAML and JSON. NUMBER is text in the input and a number elsewhere. */
struct camera_field {
    const char *name;
    enum camera_field_kind kind;
    size_t offset, size; /* in struct camera_input */
    bool secret;         /* goes in, never comes out by this name */
};
#define CAMERA_FIELDS 24
extern const struct camera_field camera_fields[CAMERA_FIELDS + 1]; /* ended by a NULL name */

/*
 * Take a field's text. Flags: yes, no, true, false, on, off, 1, 0. Empty text leaves flags, days and
 * transport as they are. E_SYNTAX, E_RANGE, E_LIMIT, control characters refused.
 */
int camera_field_set(const struct camera_field *f, const char *text, struct camera_input *in,
                     struct err *reterr);
/* The field as text; @buf is room for what is none in the input. */
const char *camera_field_text(const struct camera_field *f, const struct camera_input *in,
                              char buf[24]);
/* Take every key of a JSON object. @part names what is wrong. Unknown keys are refused (E_SYNTAX). */
int camera_input_json(json_t *o, struct camera_input *in, const char **part, struct err *reterr);

/*
 * Check and convert. @part names what is wrong, as the option and column are called ("main", "pin",
 * …). Credentials end up percent-encoded inside the URLs. Errors: E_SYNTAX, E_RANGE with one
 * sentence without secrets.
 */
int camera_check(const struct camera_input *in, struct index_camera *ret, const char **part,
                 struct err *reterr);
/* A row as input again, so that a change keeps the rest. Credentials are inside the URLs. */
void camera_input_of(const struct index_camera *c, struct camera_input *in);

/*
 * What survives when @c takes the place of @before: zones, unless @zones says that @c has its own
 * (even none); that the place was declared empty, if the streams are the same.
 */
void camera_carry(const struct index_camera *before, bool zones, struct index_camera *c);
/* The main stream and the other one come from the same addresses as before. */
bool camera_same_streams(const struct index_camera *a, const struct index_camera *b);

/* The URL with "***" for its password, for people's eyes. */
#define CAMERA_URL 640
char *camera_redact(const char *url, char out[CAMERA_URL]);
/* The URL without user and password; what looks like a password in the rest is "***". */
char *camera_bare(const char *url, char out[CAMERA_URL]);
bool camera_url_has_password(const char *url);
/* The user of a URL, "" for none; true when there is a password as well. */
bool camera_url_user(const char *url, char ret[128]);
/*
 * @given is what camera_bare() or camera_redact() made of a stored URL, changed by people or not:
 * into it go the credentials of @stored, if both name the same host and port and @given has none.
 * Writes over @given.
 */
int camera_keep_credentials(const char *stored, char *given, size_t size);

/* The row as a JSON object. How its URLs are written: */
enum camera_urls { CAMERA_REDACTED, CAMERA_SECRETS, CAMERA_BARE };
json_t *camera_json(const struct index_camera *c, enum camera_urls urls);
#endif
