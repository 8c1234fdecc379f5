/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef HTTP_HEALTH_H
#define HTTP_HEALTH_H
/* What is wrong now, in words, and what to do next. Reentrant. */
#include <stdbool.h>
#include <stddef.h>

#include "http/source.h"
#include "http/status.h"

#define HTTP_PROBLEMS 32
#define HTTP_ALARM_NEWS_US                                                                         \
    (10 * MINUTE_US) /* an alarm that old is history, unless what it names still holds */

enum http_level { HTTP_CRITICAL, HTTP_WARNING, HTTP_NOTE };

struct http_problem {
    enum http_level level;
    bool names_cameras;
    char text[400];   /* sentence; may hold foreign names */
    char advice[300]; /* what to do next; "" if nothing */
};

/* Worst first. */
struct http_health {
    struct http_problem problems[HTTP_PROBLEMS];
    size_t count;
    size_t by_state[HTTP_CAMERA_STATES];
    int64_t bitrate_bps, frames_received, frames_recorded, frames_lost;
    size_t gaps_today;
};

void http_health_judge(const struct http_snapshot *snap, struct http_health *ret);
#endif
