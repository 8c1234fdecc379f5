/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "bench/ingest.h"

#include <errno.h>
#include <ftw.h>
#include <jansson.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "bench/peers.h"
#include "bench/process.h"
#include "index/index.h"

#define START_SECONDS_MAX 120
#define WARM_UP_SECONDS 5
#define DRAIN_SECONDS 3
#define WRITTEN_SECONDS_MAX 30

static double seconds_now(void)
{
    return (double)clock_mono_us(&clock_system) / 1e6;
}

static void pause_seconds(double s)
{
    nanosleep(&(struct timespec){(time_t)s, (long)((s - (double)(time_t)s) * 1e9)}, NULL);
}

static int last_cpu(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 1 ? (int)n - 1 : 0;
}

static int free_port(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), port = -1;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&a, len) == 0 &&
        getsockname(fd, (struct sockaddr *)&a, &len) == 0)
        port = ntohs(a.sin_port);
    if (fd >= 0)
        close(fd);
    return port;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

void ingest_empty(const char *folder)
{
    nftw(folder, remove_one, 32, FTW_DEPTH | FTW_PHYS);
    mkdir(folder, 0700);
}

void ingest_say(void (*progress)(const char *), const char *fmt, ...)
{
    char line[200];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    if (progress)
        progress(line);
}

/* ---- simulator ---- */

int ingest_sim_start(struct ingest_sim *s, const struct ingest_config *c, int cameras,
                     struct err *reterr)
{
    char port[16], count[16], fps[16], log[512], line[512] = "";
    *s = (struct ingest_sim){.port = free_port(), .out = -1};
    snprintf(port, sizeof(port), "%d", s->port);
    snprintf(count, sizeof(count), "%d", cameras);
    snprintf(fps, sizeof(fps), "%d", c->fps);
    snprintf(log, sizeof(log), "%s.sim.log", c->folder);
    const char *argv[] = {c->program, "sim",     "--port", port,        "--cameras",
                          count,      "--scene", "street", "--bitrate", c->bitrate,
                          "--fps",    fps,       NULL};
    s->pid = bench_spawn(argv, last_cpu(), log, &s->out);
    if (s->pid < 0)
        return err_set(reterr, s->pid, "the simulator could not be started: %s", err_text(s->pid));
    s->lines = fdopen(s->out, "r");
    if (!s->lines || !fgets(line, sizeof(line), s->lines) || strncmp(line, "ready", 5) != 0) {
        bench_stop(s->pid, SIGTERM, 2);
        return err_set(reterr, E_PROTOCOL, "the simulator did not become ready; its log is %s",
                       log);
    }
    return 0;
}

/* End it and read what it has sent on main streams. */
void ingest_sim_stop(struct ingest_sim *s, struct ingest_result *r)
{
    char line[256];
    bench_stop(s->pid, SIGTERM, 10);
    while (s->lines && fgets(line, sizeof(line), s->lines)) {
        unsigned long long frames, bytes;
        if (sscanf(line, "sent %llu access units, %llu bytes", &frames, &bytes) == 2) {
            r->frames_sent = frames;
            r->bytes_sent = bytes;
        }
    }
    if (s->lines)
        fclose(s->lines);
    s->lines = NULL;
    s->pid = 0;
}

/* ---- Lethe ---- */

struct counts {
    uint64_t received, recorded, lost;
    int cameras_recording;
};

static json_t *read_status(const char *folder)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof(a.sun_path), "%s/run/recorder.sock", folder);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    FILE *f =
        fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0 ? fdopen(fd, "r") : NULL;
    json_t *o = f ? json_loadf(f, 0, NULL) : NULL;
    if (f)
        fclose(f);
    else if (fd >= 0)
        close(fd);
    return o;
}

static uint64_t number(const json_t *o, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(o, key));
}

static bool read_counts(const char *folder, struct counts *ret)
{
    json_t *o = read_status(folder), *camera;
    size_t i;
    *ret = (struct counts){0};
    json_array_foreach(json_object_get(o, "cameras"), i, camera)
    {
        ret->received += number(camera, "frames_received");
        ret->recorded += number(camera, "frames_recorded");
        ret->lost += number(camera, "frames_lost");
        ret->cameras_recording += number(camera, "frames_recorded") > 0;
    }
    json_decref(o);
    return o != NULL;
}

static int add_cameras(const struct ingest_config *c, int port, struct err *reterr)
{
    struct index *ix = NULL;
    struct index_camera *cams = calloc((size_t)c->cameras, sizeof(*cams));
    int r = cams ? index_sqlite.open(c->folder, false, &ix, reterr) : -ENOMEM;
    for (int i = 0; r >= 0 && i < c->cameras; i++) {
        snprintf(cams[i].id, sizeof(cams[i].id), "cam%d", i);
        snprintf(cams[i].main_url, sizeof(cams[i].main_url), "rtsp://127.0.0.1:%d/cam%d/main", port,
                 i);
        cams[i].enabled = true;
        cams[i].transport = 1;
    }
    if (r >= 0)
        r = index_sqlite.camera_put(ix, cams, (size_t)c->cameras, false, reterr);
    if (ix)
        index_sqlite.close(ix);
    free(cams);
    return r;
}

static pid_t start_node(const struct ingest_config *c, struct err *reterr)
{
    char config[512], log[512], listen[32];
    snprintf(config, sizeof(config), "%s.yaml", c->folder);
    snprintf(log, sizeof(log), "%s.node.log", c->folder);
    snprintf(listen, sizeof(listen), "127.0.0.1:%d", free_port());
    FILE *f = fopen(config, "w");
    if (!f)
        return err_set(reterr, -errno, "%s: %s", config, err_text(-errno));
    fputs("node: bench\nthreads: 1\nmask: {enabled: false}\n", f); /* the peers mask nothing */
    fclose(f);
    const char *argv[] = {c->program, "serve",    "--data", c->folder, "--config",
                          config,     "--listen", listen,   NULL};
    return bench_spawn(argv, 0, log, NULL);
}

void ingest_measure(const struct ingest_config *c, pid_t node, pid_t sim, struct ingest_result *r)
{
    struct bench_usage u;
    double at = seconds_now(), cpu = bench_cpu_seconds(node), sim_cpu = bench_cpu_seconds(sim);
    pause_seconds(c->seconds);
    cpu = bench_cpu_seconds(node) - cpu;
    sim_cpu = bench_cpu_seconds(sim) - sim_cpu;
    r->seconds = seconds_now() - at;
    bench_measure(node, &u);
    r->cpu_percent_per_camera = 100 * cpu / r->seconds / r->cameras;
    r->sim_cpu_percent = 100 * sim_cpu / r->seconds;
    r->rss_bytes_per_camera = u.pss_bytes / r->cameras;
}

static void wait_all_recording(const struct ingest_config *c, double since,
                               void (*progress)(const char *), struct ingest_result *r)
{
    struct counts now = {0};
    while (now.cameras_recording < c->cameras && seconds_now() - since < START_SECONDS_MAX) {
        pause_seconds(0.25);
        read_counts(c->folder, &now);
    }
    r->start_seconds = seconds_now() - since;
    ingest_say(progress, "lethe: %d of %d cameras recording after %.1f s", now.cameras_recording,
               c->cameras, r->start_seconds);
}

/* Closing thousands of files takes a moment: wait until what was received is recorded or named as lost. */
static bool wait_all_written(const char *folder, struct counts *ret)
{
    double until = seconds_now() + WRITTEN_SECONDS_MAX;
    bool ok;
    pause_seconds(DRAIN_SECONDS);
    while ((ok = read_counts(folder, ret)) && ret->recorded + ret->lost < ret->received &&
           seconds_now() < until)
        pause_seconds(0.25);
    return ok;
}

int ingest_lethe(const struct ingest_config *c, void (*progress)(const char *line),
                 struct ingest_result *ret, struct err *reterr)
{
    struct ingest_sim sim;
    *ret = (struct ingest_result){.name = "lethe", .cameras = c->cameras};
    ingest_empty(c->folder);
    int code = ingest_sim_start(&sim, c, c->cameras, reterr);
    if (code < 0)
        return code;
    code = add_cameras(c, sim.port, reterr);
    pid_t node = code < 0 ? code : start_node(c, reterr);
    if (node < 0) {
        ingest_sim_stop(&sim, ret);
        return node;
    }
    wait_all_recording(c, seconds_now(), progress, ret);
    pause_seconds(WARM_UP_SECONDS);
    ingest_say(progress, "lethe: measuring for %d s", c->seconds);
    ingest_measure(c, node, sim.pid, ret);
    struct counts end;
    ingest_sim_stop(&sim, ret);
    ret->ok = wait_all_written(c->folder, &end);
    ret->frames_recorded = end.recorded;
    ret->frames_lost = ret->frames_sent > end.recorded ? ret->frames_sent - end.recorded : 0;
    bench_stop(node, SIGTERM, 60);
    ingest_empty(c->folder);
    return 0;
}
