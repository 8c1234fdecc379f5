/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H
/* The node's settings, lethe.yaml. Every key: docs/guide/configuration.md. Value type without pointers. Reentrant. */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum config_when_full { CONFIG_OLDEST_FIRST, CONFIG_STOP };
enum config_transport {
    CONFIG_TRANSPORT_AUTO,
    CONFIG_TRANSPORT_TCP,
    CONFIG_TRANSPORT_UDP
}; /* as enum rtsp_transport */

#define CONFIG_MASK_WORKERS 64

struct config {
    char node[64]; /* name in recordings and shares; default: host name made to fit [a-z0-9._-] */
    char data_dir[256]; /* "" : the command line decides */
    char listen[128];   /* ADDRESS:PORT, default 127.0.0.1:8080; other than loopback needs TLS */
    struct {
        char cert[256], key[256]; /* PEM files, "": plain HTTP */
        bool self_signed;         /* make a certificate of our own */
    } tls;
    char url[128];        /* of a proxy in front, "https://cameras.example"; "": none */
    char web[256];        /* folder of the built application, "": the usual places */
    char custodians[256]; /* file with one custodian a line; "": practice custodians */
    int threshold;        /* default 2, 2..32 */
    int epoch_minutes;    /* 1..60, divides 60, default 10 */
    int retention_days;   /* 1..3650, default 30 */
    struct {
        int64_t reserve_bytes; /* keep free, default 1 GB */
        int when_full;         /* enum config_when_full */
    } disk;
    struct {
        bool enabled;     /* default on; off: there is no masked view */
        int workers;      /* masker processes, 0: one per core, at most 64 */
        int width;        /* of the masked picture, default 640, even */
        int fps;          /* most masked pictures a second, default 10 */
        int budget;       /* percent of a core that detectors of one masker may take, default 50 */
        int64_t learn_us; /* quiet time before the picture of the place is trusted, 0: by state */
        int64_t memory_bytes; /* most address space of one masker, default 4 GiB */
        char models[256];     /* folder of detector models, "": the usual places */
    } mask;
    struct {
        char origin[200];    /* name of the public log, default NODE/log; fixed once it exists */
        char witnesses[256]; /* tlog-policy file with witnesses and quorum, "": none */
    } public_log;
    struct {
        int camera_hours;  /* most camera time of one opening order, hours, default 48 */
        int64_t valid_us;  /* longest validity of an order, default 7 d */
        int64_t urgent_us; /* an urgent order is confirmed within, default 48 h */
        char codes[256];   /* code list of one's own; "": the one that is compiled in */
    } cases;
    int residents; /* of the area, for cameras per 1,000 residents; 0: not stated */
    int threads;   /* loop threads, 0: one per core, at most 256 */
    int log_level; /* enum log_level, default info */
    struct {
        int transport; /* enum config_transport */
        bool audio;    /* default off */
    } cameras;         /* defaults for `lethe camera add` */
};

void config_default(struct config *c);
/*
 * Defaults, then the file. A relative `data`, `custodians` or `public_log.witnesses` is taken from the folder of the file.
 * Errors: E_SYNTAX, E_RANGE with file, line and key in the sentence; -ENOENT and its like. @c is untouched then.
 */
int config_load(const char *path, struct config *c, struct err *reterr);
/* The same for bytes in memory; @file is the name for sentences and the base of relative paths. */
int config_parse(const char *file, const void *data, size_t len, struct config *c,
                 struct err *reterr);
/* Masker processes that this machine gets: mask.workers, or as many as there are cores for us, 1 to 64. */
int config_mask_workers(const struct config *c);
/* Nothing to free today; call it all the same, so that pointers may come later. NULL is fine. */
void config_free(struct config *c);

/* Names of transports and policies in the order of the enums, ended by NULL. */
extern const char *const config_transport_names[], *const config_when_full_names[];
/* A name for people and files: [a-z0-9][a-z0-9._-]{0,62}. */
bool config_id_valid(const char *id);
/* Split "ADDR:PORT", "[v6]:PORT" or ":PORT"; E_SYNTAX. @host takes 64 bytes. */
int config_listen_split(const char *listen, char host[64], int *ret_port);
#endif
