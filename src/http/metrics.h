/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef HTTP_METRICS_H
#define HTTP_METRICS_H
/* The status for Prometheus. Source: Prometheus text exposition format 0.0.4. */
#include "base/buf.h"
#include "http/source.h"

int http_metrics(struct buf *out, const struct http_snapshot *snap);
#endif
