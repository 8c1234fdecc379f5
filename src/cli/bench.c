/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `lethe bench ingest`: what recording costs, beside what a user would pick instead. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bench/ingest.h"
#include "cli/command.h"

#define PEERS_MAX 2

static void progress(const char *line)
{
    fprintf(stderr, "%s\n", line);
}

static json_t *result_json(const struct ingest_result *r)
{
    json_t *o =
        json_pack("{s:s,s:i,s:f,s:f,s:f,s:I,s:f}", "name", r->name, "cameras", r->cameras,
                  "seconds", r->seconds, "start_seconds", r->start_seconds,
                  "cpu_percent_per_camera", r->cpu_percent_per_camera, "rss_bytes_per_camera",
                  (json_int_t)r->rss_bytes_per_camera, "sim_cpu_percent", r->sim_cpu_percent);
    json_object_set_new(o, "frames_sent", json_integer((json_int_t)r->frames_sent));
    json_object_set_new(o, "frames_recorded", json_integer((json_int_t)r->frames_recorded));
    json_object_set_new(o, "frames_lost", json_integer((json_int_t)r->frames_lost));
    json_object_set_new(o, "bytes_sent", json_integer((json_int_t)r->bytes_sent));
    return o;
}

static void print_json(const struct ingest_result *r, int n)
{
    json_t *o = result_json(&r[0]), *peers = json_array();
    for (int i = 1; i < n; i++)
        json_array_append_new(peers, result_json(&r[i]));
    json_object_set_new(o, "peers", peers);
    json_dumpf(o, stdout, JSON_INDENT(2));
    printf("\n");
    json_decref(o);
}

static void print_table(const struct ingest_result *r, int n)
{
    printf("%-10s %8s %9s %14s %12s %13s %10s %9s %8s\n", "recorder", "cameras", "start s",
           "CPU %/camera", "MiB/camera", "frames sent", "recorded", "lost", "source %");
    for (int i = 0; i < n; i++)
        printf("%-10s %8d %9.1f %14.4f %12.2f %13llu %10llu %9llu %8.0f\n", r[i].name, r[i].cameras,
               r[i].start_seconds, r[i].cpu_percent_per_camera,
               (double)r[i].rss_bytes_per_camera / (1 << 20), (unsigned long long)r[i].frames_sent,
               (unsigned long long)r[i].frames_recorded, (unsigned long long)r[i].frames_lost,
               r[i].sim_cpu_percent);
    for (int i = 1; i < n; i++)
        if (r[0].cpu_percent_per_camera > 0)
            printf("%s costs %.1f times the CPU per camera\n", r[i].name,
                   r[i].cpu_percent_per_camera / r[0].cpu_percent_per_camera);
}

/* Known peers named in @list, in order; -1 for an unknown one. */
static int split_peers(const char *list, const char *ret[PEERS_MAX])
{
    static const char *const known[] = {"ffmpeg", "gstreamer"};
    int n = 0;
    while (*list) {
        size_t len = strcspn(list, ",");
        const char *found = NULL;
        for (size_t i = 0; i < PEERS_MAX; i++)
            if (strlen(known[i]) == len && strncmp(known[i], list, len) == 0)
                found = known[i];
        if (!found || n == PEERS_MAX)
            return -1;
        ret[n++] = found;
        list += len + (list[len] == ',');
    }
    return n;
}

static int read_config(const struct cli_args *a, struct ingest_config *c, char program[],
                       size_t cap)
{
    long cameras, seconds, peers, fps;
    if (cli_int(a, "cameras", 1, 5000, 100, &cameras) < 0 ||
        cli_int(a, "seconds", 5, 86400, 20, &seconds) < 0 ||
        cli_int(a, "peer-cameras", 1, 500, 50, &peers) < 0 ||
        cli_int(a, "fps", 1, 120, 25, &fps) < 0)
        return -1;
    ssize_t n = readlink("/proc/self/exe", program, cap - 1);
    if (n < 0)
        return -1;
    program[n] = 0;
    *c = (struct ingest_config){.program = program,
                                .cameras = (int)cameras,
                                .peer_cameras = (int)(peers < cameras ? peers : cameras),
                                .seconds = (int)seconds,
                                .bitrate = cli_value(a, "bitrate", "2M"),
                                .fps = (int)fps};
    return 0;
}

static void raise_open_files(void)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
        l.rlim_cur = l.rlim_max;
        setrlimit(RLIMIT_NOFILE, &l);
    }
}

static int run_ingest(const struct cli_args *a)
{
    struct ingest_config c;
    struct ingest_result results[1 + PEERS_MAX];
    const char *peers[PEERS_MAX];
    char program[4096], folder[4096];
    struct err e = {0};
    if (read_config(a, &c, program, sizeof(program)) < 0)
        return 2;
    int n = split_peers(cli_value(a, "peers", ""), peers);
    if (n < 0) {
        err_set(&e, E_SYNTAX, "--peers %s: a list of ffmpeg and gstreamer, joined by a comma",
                cli_value(a, "peers", ""));
        return cli_fail(a, &e, E_SYNTAX);
    }
    snprintf(folder, sizeof(folder), "%s/lethe-bench-%d", cli_value(a, "folder", "/var/tmp"),
             (int)getpid());
    c.folder = folder;
    raise_open_files();
    int code = ingest_lethe(&c, progress, &results[0], &e);
    for (int i = 0; code >= 0 && i < n; i++)
        code = ingest_peer(&c, peers[i], progress, &results[1 + i], &e);
    rmdir(folder);
    if (code < 0)
        return cli_fail(a, &e, code);
    if (cli_flag(a, "json"))
        print_json(results, 1 + n);
    else
        print_table(results, 1 + n);
    return results[0].ok ? 0 : 1;
}

static const struct cli_option options[] = {
    {.name = "cameras", .value = "N", .help = "simulated cameras for Lethe (default 100)"},
    {.name = "seconds", .value = "S", .help = "length of the measured window (default 20)"},
    {.name = "bitrate", .value = "RATE", .help = "of each camera (default 2M)"},
    {.name = "fps", .value = "N", .help = "of each camera (default 25)"},
    {.name = "peers",
     .value = "LIST",
     .help = "also measure ffmpeg, gstreamer or both, on the same streams"},
    {.name = "peer-cameras",
     .value = "N",
     .help = "cameras for each peer (default 50, at most --cameras)"},
    {.name = "folder",
     .value = "DIR",
     .help = "where recordings go for the time of the run (default /var/tmp)"},
    {.name = "json", .help = "print one JSON object"},
    {0}};

const struct cli_command cli_bench_ingest = {
    .name = "bench ingest",
    .summary = "measure what recording costs, beside other recorders",
    .details = "Starts the camera simulator on the last processor and a node on the first, waits "
               "until every camera "
               "records, measures CPU and memory of all processes of the recorder for the given "
               "time, stops the "
               "simulator and counts what it sent against what is recorded. With --peers the same "
               "is done with FFmpeg "
               "(a process per camera, stream copy into segments) and GStreamer (one process, "
               "splitmuxsink).\n\n"
               "Let nothing else run on the machine meanwhile.",
    .options = options,
    .examples = "# a thousand cameras, then fifty with FFmpeg and GStreamer\n"
                "lethe bench ingest --cameras 1000 --peers ffmpeg,gstreamer\n",
    .run = run_ingest,
};
