/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/config.h"

#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/schema.h"

const char *const config_transport_names[] = {"auto", "tcp", "udp", NULL};
const char *const config_when_full_names[] = {"oldest-first", "stop", NULL};
static const char *const log_names[] = {"error", "warn", "info", "debug", NULL};
static const int log_levels[] = {LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG};

static const struct schema_field disk_fields[] = {
    {"reserve", SCHEMA_SIZE, offsetof(struct config, disk.reserve_bytes), .max = INT64_C(1) << 50},
    {"when_full", SCHEMA_ENUM, offsetof(struct config, disk.when_full),
     .names = config_when_full_names},
    {0},
};
static const struct schema_field case_fields[] = {
    {"camera_hours", SCHEMA_INT, offsetof(struct config, cases.camera_hours), .min = 1,
     .max = 100000},
    {"valid_for", SCHEMA_DURATION, offsetof(struct config, cases.valid_us), .min = HOUR_US,
     .max = 90 * DAY_US},
    {"urgent_within", SCHEMA_DURATION, offsetof(struct config, cases.urgent_us), .min = HOUR_US,
     .max = 7 * DAY_US},
    {"codes", SCHEMA_TEXT, SCHEMA_TEXT_FIELD(struct config, cases.codes)},
    {0},
};
static const struct schema_field mask_fields[] = {
    {"enabled", SCHEMA_BOOL, offsetof(struct config, mask.enabled)},
    {"workers", SCHEMA_INT, offsetof(struct config, mask.workers), .min = 0,
     .max = CONFIG_MASK_WORKERS},
    {"width", SCHEMA_INT, offsetof(struct config, mask.width), .min = 160, .max = 1920},
    {"fps", SCHEMA_INT, offsetof(struct config, mask.fps), .min = 1, .max = 30},
    {"budget", SCHEMA_INT, offsetof(struct config, mask.budget), .min = 1, .max = 100},
    {"learn", SCHEMA_DURATION, offsetof(struct config, mask.learn_us), .min = 5 * SECOND_US,
     .max = DAY_US},
    {"memory", SCHEMA_SIZE, offsetof(struct config, mask.memory_bytes), .min = INT64_C(1) << 28,
     .max = INT64_C(1) << 40},
    {"models", SCHEMA_TEXT, SCHEMA_TEXT_FIELD(struct config, mask.models)},
    {0},
};
static const struct schema_field public_log_fields[] = {
    {"origin", SCHEMA_TEXT, SCHEMA_TEXT_FIELD(struct config, public_log.origin)},
    {"witnesses", SCHEMA_TEXT, SCHEMA_TEXT_FIELD(struct config, public_log.witnesses)},
    {0},
};
static const struct schema_field camera_fields[] = {
    {"transport", SCHEMA_ENUM, offsetof(struct config, cameras.transport),
     .names = config_transport_names},
    {"audio", SCHEMA_BOOL, offsetof(struct config, cameras.audio)},
    {0},
};
static const struct schema_field tls_fields[] = {
    {"cert", SCHEMA_TEXT, SCHEMA_TEXT_FIELD(struct config, tls.cert)},
    {"key", SCHEMA_TEXT, SCHEMA_TEXT_FIELD(struct config, tls.key)},
    {"self_signed", SCHEMA_BOOL, offsetof(struct config, tls.self_signed)},
    {0},
};
static const struct schema_field fields[] = {
    {"node", SCHEMA_TEXT, SCHEMA_TEXT_FIELD(struct config, node)},
    {"data", SCHEMA_TEXT, SCHEMA_TEXT_FIELD(struct config, data_dir)},
    {"listen", SCHEMA_TEXT, SCHEMA_TEXT_FIELD(struct config, listen)},
    {"tls", SCHEMA_MAP, .fields = tls_fields},
    {"url", SCHEMA_TEXT, SCHEMA_TEXT_FIELD(struct config, url)},
    {"web", SCHEMA_TEXT, SCHEMA_TEXT_FIELD(struct config, web)},
    {"custodians", SCHEMA_TEXT, SCHEMA_TEXT_FIELD(struct config, custodians)},
    {"threshold", SCHEMA_INT, offsetof(struct config, threshold), .min = 2, .max = 32},
    {"epoch_minutes", SCHEMA_INT, offsetof(struct config, epoch_minutes), .min = 1, .max = 60},
    {"retention_days", SCHEMA_INT, offsetof(struct config, retention_days), .min = 1, .max = 3650},
    {"disk", SCHEMA_MAP, .fields = disk_fields},
    {"residents", SCHEMA_INT, offsetof(struct config, residents), .min = 1, .max = 2000000000},
    {"threads", SCHEMA_INT, offsetof(struct config, threads), .min = 0, .max = 256},
    {"log", SCHEMA_ENUM, offsetof(struct config, log_level), .names = log_names},
    {"cameras", SCHEMA_MAP, .fields = camera_fields},
    {"cases", SCHEMA_MAP, .fields = case_fields},
    {"mask", SCHEMA_MAP, .fields = mask_fields},
    {"public_log", SCHEMA_MAP, .fields = public_log_fields},
    {0},
};

int config_mask_workers(const struct config *c)
{
    cpu_set_t cores;
    int n = c->mask.workers;
    if (n == 0 && sched_getaffinity(0, sizeof(cores), &cores) == 0)
        n = CPU_COUNT(&cores);
    return n < 1 ? 1 : n > CONFIG_MASK_WORKERS ? CONFIG_MASK_WORKERS : n;
}

static void node_from_host(char out[64])
{
    char host[256] = "";
    size_t n = 0;
    gethostname(host, sizeof(host) - 1);
    for (const char *p = host; *p && n < 63; p++) {
        char c = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
        bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (letter || (n && (c == '-' || c == '.' || c == '_')))
            out[n++] = c;
    }
    out[n] = 0;
    if (!n)
        snprintf(out, 64, "node");
}

void config_default(struct config *c)
{
    *c = (struct config){
        .threshold = 2, .epoch_minutes = 10, .retention_days = 30, .log_level = LOG_LEVEL_INFO};
    c->disk.reserve_bytes = 1000000000;
    c->mask.enabled = true;
    c->cases.camera_hours = 48;
    c->cases.valid_us = 7 * DAY_US;
    c->cases.urgent_us = 48 * HOUR_US;
    c->mask.width = 640;
    c->mask.fps = 10;
    c->mask.budget = 50;
    c->mask.memory_bytes = INT64_C(4) << 30;
    snprintf(c->listen, sizeof(c->listen), "127.0.0.1:8080");
    node_from_host(c->node);
}

int config_listen_split(const char *listen, char host[64], int *ret_port)
{
    const char *colon = strrchr(listen, ':');
    char *end;
    if (!colon || colon[1] < '0' || colon[1] > '9')
        return E_SYNTAX;
    long port = strtol(colon + 1, &end, 10);
    size_t len = (size_t)(colon - listen);
    const char *start = listen;
    bool bracket = len >= 2 && listen[0] == '[' && colon[-1] == ']';
    if (bracket)
        start++, len -= 2;
    if (*end || port < 1 || port > 65535 || len >= 64 || (!bracket && memchr(start, ':', len)))
        return E_SYNTAX;
    memcpy(host, start, len);
    host[len] = 0;
    *ret_port = (int)port;
    return 0;
}

/* A relative path counts from the folder of the file that names it. */
static int anchor(const char *file, char *path, size_t size)
{
    const char *slash = strrchr(file, '/');
    if (!*path || *path == '/' || !slash)
        return 0;
    char joined[512];
    int n = snprintf(joined, sizeof(joined), "%.*s/%s", (int)(slash - file), file, path);
    if (n < 0 || (size_t)n >= size)
        return E_RANGE;
    memcpy(path, joined, (size_t)n + 1);
    return 0;
}

/* "https://name" or "https://name:port": what a browser sends as Origin. */
static bool url_is_origin(const char *url)
{
    const char *host = strncmp(url, "https://", 8) == 0  ? url + 8
                       : strncmp(url, "http://", 7) == 0 ? url + 7
                                                         : "";
    return *host && strcspn(host, "/?#@ ") == strlen(host);
}

static int check(const struct schema_doc *d, const char *file, struct config *c, struct err *reterr)
{
    char host[64];
    int port;
    if (!config_id_valid(c->node))
        return schema_refuse(
            d, "node", E_SYNTAX, reterr,
            "must be 1 to 63 of a-z, 0-9, '.', '_', '-', beginning with a letter or digit");
    if (60 % c->epoch_minutes)
        return schema_refuse(d, "epoch_minutes", E_RANGE, reterr,
                             "must divide the hour: 1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30 or 60");
    if (config_listen_split(c->listen, host, &port) < 0)
        return schema_refuse(d, "listen", E_SYNTAX, reterr,
                             "must be ADDRESS:PORT, like 127.0.0.1:8080");
    if (!c->tls.cert[0] != !c->tls.key[0])
        return schema_refuse(d, "tls", E_SYNTAX, reterr, "needs both cert and key");
    if (c->tls.cert[0] && c->tls.self_signed)
        return schema_refuse(d, "tls", E_SYNTAX, reterr,
                             "has a certificate already; leave out self_signed or cert and key");
    if (c->url[0] && !url_is_origin(c->url))
        return schema_refuse(d, "url", E_SYNTAX, reterr,
                             "must be like https://cameras.example, without a path");
    if (anchor(file, c->tls.cert, sizeof(c->tls.cert)) < 0 ||
        anchor(file, c->tls.key, sizeof(c->tls.key)) < 0)
        return schema_refuse(d, "tls", E_RANGE, reterr, "has too long a path");
    if (anchor(file, c->web, sizeof(c->web)) < 0)
        return schema_refuse(d, "web", E_RANGE, reterr, "is too long a path");
    if (anchor(file, c->data_dir, sizeof(c->data_dir)) < 0)
        return schema_refuse(d, "data", E_RANGE, reterr, "is too long a path");
    if (c->mask.width % 2)
        return schema_refuse(d, "mask.width", E_RANGE, reterr, "must be even");
    if (anchor(file, c->mask.models, sizeof(c->mask.models)) < 0)
        return schema_refuse(d, "mask.models", E_RANGE, reterr, "is too long a path");
    if (anchor(file, c->public_log.witnesses, sizeof(c->public_log.witnesses)) < 0)
        return schema_refuse(d, "public_log.witnesses", E_RANGE, reterr, "is too long a path");
    if (anchor(file, c->cases.codes, sizeof(c->cases.codes)) < 0)
        return schema_refuse(d, "cases.codes", E_RANGE, reterr, "is too long a path");
    if (anchor(file, c->custodians, sizeof(c->custodians)) < 0)
        return schema_refuse(d, "custodians", E_RANGE, reterr, "is too long a path");
    return 0;
}

static int bind(const struct schema_doc *d, const char *file, struct config *ret,
                struct err *reterr)
{
    struct config c;
    config_default(&c);
    c.log_level = 2; /* index of "info" while the file is read */
    int r = schema_bind(d, fields, &c, reterr);
    if (r >= 0)
        r = check(d, file, &c, reterr);
    if (r < 0)
        return r;
    c.log_level = log_levels[c.log_level];
    *ret = c;
    return 0;
}

int config_parse(const char *file, const void *data, size_t len, struct config *c,
                 struct err *reterr)
{
    struct schema_doc *d;
    int r = schema_parse(file, data, len, &d, reterr);
    if (r < 0)
        return r;
    r = bind(d, file, c, reterr);
    schema_free(d);
    return r;
}

int config_load(const char *path, struct config *c, struct err *reterr)
{
    struct schema_doc *d;
    int r = schema_load(path, &d, reterr);
    if (r < 0)
        return r;
    r = bind(d, path, c, reterr);
    schema_free(d);
    return r;
}

void config_free(struct config *c)
{
    (void)c;
}
