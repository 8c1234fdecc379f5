/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The roles that `lethe serve` starts: each sets itself up, enters its sandbox, and works. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/serve.h"
#include "base/clock.h"
#include "mask/models.h"
#include "mask/worker.h"
#include "recorder/recorder.h"
#include "serve/datadir.h"
#include "serve/sandbox.h"

int serve_number(const struct cli_args *a, const char *name, long fallback, long *ret)
{
    return cli_int(a, name, 0, INT_MAX, fallback, ret);
}

int serve_enter_role(enum sandbox_role role, long parent, const char *data, const char *also_read,
                     struct err *reterr)
{
    struct sandbox_report report;
    signal(SIGPIPE, SIG_IGN);
    umask(0077);
    int r = privileges_follow_parent((pid_t)parent, SIGTERM, reterr);
    if (r >= 0)
        r = sandbox_enter(role, data, also_read, &report, reterr);
    if (r < 0)
        return r;
    if (report.landlock_abi)
        log_info("serve", "restricted: system calls, files (Landlock %d); %ld open files",
                 report.landlock_abi, report.files);
    else
        log_warn("serve",
                 "restricted: system calls; this kernel has no Landlock, so files are guarded by "
                 "their owner "
                 "only; %ld open files",
                 report.files);
    return 0;
}

static int run_recorder(const struct cli_args *a)
{
    static struct config config;
    char path[PATH_MAX], tmp[PATH_MAX];
    struct err e = {0};
    long parent, heartbeat, lock;
    int lock_fd = -1;
    const char *data = cli_data_dir(a);
    if (serve_number(a, "parent", 0, &parent) < 0 ||
        serve_number(a, "heartbeat-fd", 0, &heartbeat) < 0 ||
        serve_number(a, "lock-fd", 0, &lock) < 0)
        return 2;
    log_set_process("recorder");
    int r = serve_load_config(a, data, &config, path, &e);
    if (r >= 0 && !lock) /* started by hand */
        r = datadir_prepare(data, (uid_t)-1, (gid_t)-1, NULL, &e);
    if (r >= 0 && !lock)
        r = datadir_lock(data, 0, &lock_fd, &e);
    if (r >= 0) {
        log_set_level((enum log_level)config.log_level);
        snprintf(tmp, sizeof(tmp), "%s/run", data);
        setenv("SQLITE_TMPDIR", tmp, 1); /* /tmp is out of reach */
        r = serve_enter_role(SANDBOX_RECORDER, parent, data, config.custodians, &e);
    }
    if (r >= 0) {
        const struct recorder_options o = {&config, data, heartbeat ? (int)heartbeat : -1,
                                           &clock_system};
        r = recorder_run(&o, &e);
    }
    config_free(&config);
    return r < 0 ? cli_fail(a, &e, r) : 0;
}

/* A masker waits that long for a recorder that is being started; it is started again after that. */
#define MASKER_WAIT_US (100 * SECOND_US)
#define MASKER_FILES 32
#define MASKER_NICE 10

/* Without a model the masked view still works, only coarser: that is said once, and is no error. */
static void load_detectors(const char *data, const struct config *c, struct mask_worker_options *o)
{
    struct models_paths paths;
    struct err e = {0};
    models_search_path(data, c->mask.models[0] ? c->mask.models : NULL, &paths);
    int r = detector_pool_new(paths.dirs, c->mask.budget / 100.0, &o->detectors, &e);
    if (r < 0) {
        o->detectors = NULL;
        if (o->number == 0)
            log_warn("mask", "no detectors: %s", err_str(&e, r));
        return;
    }
    o->person = detector_pool_has(o->detectors, DETECT_PERSON);
    o->face = detector_pool_has(o->detectors, DETECT_FACE);
    o->vehicle = detector_pool_has(o->detectors, DETECT_VEHICLE);
}

/* Recording goes first: for the processor, and when memory is short. What is refused here is no reason not to mask. */
static void step_back(void)
{
    FILE *f = fopen("/proc/self/oom_score_adj", "w");
    if (f) {
        fputs("500", f);
        fclose(f);
    }
    if (setpriority(PRIO_PROCESS, 0, MASKER_NICE) < 0)
        log_debug("mask", "the priority could not be lowered");
}

static int run_masker(const struct cli_args *a)
{
    static struct config config;
    static char name[24];
    char path[PATH_MAX];
    struct err e = {0};
    long parent, heartbeat, index;
    const char *data = cli_data_dir(a);
    if (serve_number(a, "parent", 0, &parent) < 0 ||
        serve_number(a, "heartbeat-fd", 0, &heartbeat) < 0 ||
        serve_number(a, "number", 0, &index) < 0)
        return 2;
    snprintf(name, sizeof(name), "masker-%ld", index);
    log_set_process(name);
    struct mask_worker_options o = {.fd = -1,
                                    .number = (int)index,
                                    .heartbeat_fd = heartbeat ? (int)heartbeat : -1,
                                    .clock = &clock_system};
    int r = serve_load_config(a, data, &config, path, &e);
    if (r >= 0)
        r = privileges_follow_parent((pid_t)parent, SIGTERM, &e);
    step_back();
    if (r >= 0)
        load_detectors(data, &config, &o);
    if (r >= 0)
        r = mask_worker_connect(data, MASKER_WAIT_US, o.heartbeat_fd, &o.fd, &e);
    if (r >= 0) {
        log_set_level((enum log_level)config.log_level);
        r = privileges_confine(config.mask.memory_bytes, MASKER_FILES, &e);
    }
    if (r >= 0)
        r = serve_enter_role(SANDBOX_MASKER, parent, data, NULL, &e);
    if (r >= 0)
        r = mask_worker_run(&o, &e);
    if (o.fd >= 0)
        close(o.fd);
    detector_pool_free(o.detectors);
    config_free(&config);
    return r < 0 ? cli_fail(a, &e, r) : 0;
}

static const struct cli_option recorder_options_table[] = {
    OPTION_DATA,
    OPTION_CONFIG,
    OPTION_PARENT,
    OPTION_HEARTBEAT,
    {.name = "lock-fd", .value = "N", .help = "descriptor of the lock that the parent holds"},
    {0},
};
const struct cli_command cli_recorder = {
    .name = "recorder",
    .summary = "the recorder process (started by serve)",
    .options = recorder_options_table,
    .hidden = true,
    .run = run_recorder,
};

static const struct cli_option masker_options[] = {
    OPTION_DATA,
    OPTION_CONFIG,
    OPTION_PARENT,
    OPTION_HEARTBEAT,
    {.name = "number", .value = "N", .help = "which masker of the node this is, from 0"},
    {0},
};
const struct cli_command cli_masker = {
    .name = "masker",
    .summary = "a masker process (started by serve)",
    .options = masker_options,
    .hidden = true,
    .run = run_masker,
};
