/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef HTTP_STATUS_H
#define HTTP_STATUS_H
/*
 * The recorder's status (docs/format/status.md), read from JSON into plain structs. Whatever is missing or of the wrong
 * type is zero or empty; names and texts are foreign and may hold anything. Reentrant.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define HTTP_STATUS_CAMERAS 100000
#define HTTP_STATUS_GAPS 1000 /* per camera; more are counted, not kept */
#define HTTP_STATUS_ALARMS 1000

enum http_camera_state {
    HTTP_CAMERA_RECORDING,
    HTTP_CAMERA_CONNECTING,
    HTTP_CAMERA_WAITING,
    HTTP_CAMERA_DISABLED,
    HTTP_CAMERA_UNKNOWN,
    HTTP_CAMERA_STATES
};
const char *http_camera_state_name(enum http_camera_state s);

struct http_gap {
    int64_t from_us, to_us; /* to_us 0: still going on */
    char reason[32], detail[160];
};

struct http_camera {
    char id[64], name[128], reason[160];
    enum http_camera_state state;
    char mask_state[24],
        mask_reason[200]; /* of the masked view; "" where the recorder says nothing */
    int64_t bitrate_bps, last_frame_us, frames_received, frames_recorded,
        frames_lost; /* last_frame_us 0: none yet */
    double fps;
    struct http_gap *gaps;
    size_t gap_count; /* kept */
    size_t gap_total; /* named by the recorder */
};

struct http_alarm {
    int64_t at_us;
    char kind[32], camera[64], text[256];
};

struct http_status {
    char node[64], version[32];
    int64_t started_us, now_us;
    bool practice;
    int64_t threads;
    struct http_camera *cameras;
    size_t camera_count;
    double promised_days, actual_days;
    struct {
        char state[24];
        int64_t bytes_total, bytes_free, bytes_written, queue_bytes;
    } disk;
    struct http_alarm *alarms; /* newest first */
    size_t alarm_count;
};

/*
 * Errors: E_SYNTAX (not JSON, or not an object), E_LIMIT (too many cameras), -ENOMEM; sentence in @reterr.
 * Owns:   free with http_status_free().
 */
int http_status_parse(const uint8_t *json, size_t len, struct http_status **ret,
                      struct err *reterr);
void http_status_free(struct http_status *s);
#endif
