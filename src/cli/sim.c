/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `lethe sim`: cameras for tests and demonstrations. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "sim/sim.h"

#define PASSWORD_BYTES 256

static const struct cli_option options[] = {
    {.name = "port", .value = "P", .help = "RTSP port (default 8554)"},
    {.name = "cameras", .value = "N", .help = "how many cameras (default 4)"},
    {.name = "media",
     .value = "FILE",
     .help = "play this H.264 or H.265 file in a loop; cameras take the files in turn",
     .repeat = true},
    {.name = "scene",
     .value = "KIND",
     .help = "street (default), empty-first, crowd, seated, dusk, exposure, knock, or noise, a "
             "cheap load that is no picture"},
    {.name = "scenes", .value = "N", .help = "different scenes that the cameras share (default 2)"},
    {.name = "scene-seconds",
     .value = "S",
     .help = "length of the loop of a scene (street: default 20, H.265 8; others 120)"},
    {.name = "bitrate",
     .value = "RATE",
     .help = "bits per second of the main stream of a scene (default 2M)"},
    {.name = "codec", .value = "CODEC", .help = "h264 (default) or h265"},
    {.name = "size", .value = "WxH", .help = "main stream of a scene (default 1280x720)"},
    {.name = "fps",
     .value = "N",
     .help = "frames per second of the main stream of a scene (default 25)"},
    {.name = "gop", .value = "N", .help = "frames from key picture to key picture (default 50)"},
    {.name = "bframes", .value = "N", .help = "B-frames between references (default 0)"},
    {.name = "slices", .value = "N", .help = "slices per picture (default 1)"},
    {.name = "sub-size", .value = "WxH", .help = "sub stream of a scene (default 640x360)"},
    {.name = "sub-fps", .value = "N", .help = "frames per second of the sub stream (default 10)"},
    {.name = "sub-bitrate",
     .value = "RATE",
     .help = "bits per second of the sub stream (default 400k)"},
    {.name = "audio", .value = "CODEC", .help = "none (default), aac or pcmu"},
    {.name = "in-band", .help = "put parameter sets before each key picture of media files"},
    {.name = "packet-size", .value = "BYTES", .help = "longest RTP payload (default 1400)"},
    {.name = "join",
     .value = "HOW",
     .help = "shift (default): a camera nobody watches starts at a key picture; next-key: wait for "
             "one; at-once"},
    {.name = "seed", .value = "N", .help = "another seed, other scenes and numbers (default 1)"},
    {.name = "faults", .value = "FILE", .help = "fault script"},
    {.name = "truth",
     .value = "FILE",
     .help = "write boxes of the objects of each picture sent, JSON lines"},
    {.name = "frames-log",
     .value = "FILE",
     .help = "write each access unit sent with hashes, JSON lines"},
    {.name = "frames-log-cameras", .value = "LIST", .help = "only these cameras: 0,3,7-9"},
    {.name = "auth",
     .value = "KIND",
     .help = "none, basic, digest-md5, digest-sha256 or all (default with --user: digest-md5)"},
    {.name = "user", .value = "NAME", .help = "user that may watch"},
    {.name = "password-file", .value = "FILE", .help = "file whose first line is the password"},
    {.name = "nonce-life", .value = "TIME", .help = "a digest nonce is stale after that long"},
    {.name = "session-timeout",
     .value = "S",
     .help = "seconds without a sign of the reader (default 60)"},
    {.name = "tls-port",
     .value = "P",
     .help = "serve RTSPS too; the pin of the certificate is printed"},
    {.name = "address", .value = "ADDR", .help = "IPv4 address to listen on (default 127.0.0.1)"},
    {.name = "stats", .value = "TIME", .help = "print numbers that often"},
    {.name = "run", .value = "TIME", .help = "end after that long"},
    {0},
};

/* Index of the value of option @name in @words, @fallback when it is not given, -1 after a sentence. */
static int choose(const struct cli_args *a, const char *name, const char *const *words,
                  int fallback)
{
    const char *v = cli_value(a, name, NULL);
    if (!v)
        return fallback;
    for (int i = 0; words[i]; i++)
        if (!strcmp(words[i], v))
            return i;
    fprintf(stderr, "lethe sim: --%s '%s' is not one of:", name, v);
    for (int i = 0; words[i]; i++)
        fprintf(stderr, " %s", words[i]);
    fputc('\n', stderr);
    return -1;
}

static int read_int(const struct cli_args *a, const char *name, long min, long max, int *v)
{
    long n;
    int r = cli_int(a, name, min, max, *v, &n);
    if (r >= 0)
        *v = (int)n;
    return r;
}

static int read_rate(const struct cli_args *a, const char *name, int64_t *v)
{
    long long n;
    int r = cli_size(a, name, *v, &n);
    if (r < 0)
        return r;
    if (n < 20000 || n > 200000000) {
        fprintf(stderr, "lethe sim: --%s must be from 20k to 200M\n", name);
        return E_RANGE;
    }
    *v = n;
    return 0;
}

static int read_duration(const struct cli_args *a, const char *name, int64_t *v)
{
    long long n;
    int r = cli_duration(a, name, *v, &n);
    if (r >= 0)
        *v = n;
    return r;
}

static int read_picture_size(const struct cli_args *a, const char *name, int *w, int *h)
{
    const char *v = cli_value(a, name, NULL);
    char rest;
    if (!v)
        return 0;
    if (sscanf(v, "%dx%d%c", w, h, &rest) == 2 && *w >= 64 && *h >= 64 && *w <= 4096 &&
        *h <= 4096 && !(*w % 2) && !(*h % 2))
        return 0;
    fprintf(stderr, "lethe sim: --%s '%s' is no even size like 1280x720, 64 to 4096\n", name, v);
    return E_SYNTAX;
}

static int read_password(const struct cli_args *a, char *ret)
{
    const char *path = cli_value(a, "password-file", NULL);
    FILE *f = path ? fopen(path, "re") : NULL;
    if (!f || !fgets(ret, PASSWORD_BYTES, f)) {
        fprintf(stderr, "lethe sim: --user needs --password-file: %s\n",
                path ? strerror(errno) : "not given");
        if (f)
            fclose(f);
        return E_SYNTAX;
    }
    fclose(f);
    ret[strcspn(ret, "\r\n")] = 0;
    return 0;
}

static int read_auth(const struct cli_args *a, struct sim_options *o, char *password)
{
    static const char *const words[] = {"none",          "basic", "digest-md5",
                                        "digest-sha256", "all",   NULL};
    o->user = cli_value(a, "user", NULL);
    int n = choose(a, "auth", words, o->user ? SIM_AUTH_DIGEST_MD5 : SIM_AUTH_NONE);
    if (n < 0)
        return E_SYNTAX;
    o->auth = (enum sim_auth)n;
    if (o->auth == SIM_AUTH_NONE)
        return 0;
    if (!o->user) {
        fprintf(stderr, "lethe sim: --auth needs --user and --password-file\n");
        return E_SYNTAX;
    }
    o->password = password;
    return read_password(a, password);
}

static int read_numbers(const struct cli_args *a, struct sim_options *o)
{
    int packet = (int)o->packet_bytes, seed = (int)o->seed, seconds = 0;
    bool ok =
        read_int(a, "port", 1, 65535, &o->port) >= 0 &&
        read_int(a, "tls-port", 1, 65535, &o->tls_port) >= 0 &&
        read_int(a, "cameras", 1, 100000, &o->cameras) >= 0 &&
        read_int(a, "scenes", 1, SIM_SCENES, &o->scenes) >= 0 &&
        read_int(a, "scene-seconds", 4, 600, &seconds) >= 0 &&
        read_int(a, "fps", 1, 60, &o->fps) >= 0 && read_int(a, "gop", 1, 1000, &o->gop) >= 0 &&
        read_int(a, "bframes", 0, 8, &o->bframes) >= 0 &&
        read_int(a, "slices", 1, 16, &o->slices) >= 0 &&
        read_int(a, "sub-fps", 1, 60, &o->sub_fps) >= 0 &&
        read_int(a, "packet-size", 100, 65000, &packet) >= 0 &&
        read_int(a, "seed", 0, 1000000, &seed) >= 0 &&
        read_int(a, "session-timeout", 1, 86400, &o->session_timeout_s) >= 0 &&
        read_rate(a, "bitrate", &o->bitrate) >= 0 &&
        read_rate(a, "sub-bitrate", &o->sub_bitrate) >= 0 &&
        read_duration(a, "nonce-life", &o->nonce_us) >= 0 &&
        read_duration(a, "stats", &o->stats_us) >= 0 && read_duration(a, "run", &o->run_us) >= 0 &&
        read_picture_size(a, "size", &o->width, &o->height) >= 0 &&
        read_picture_size(a, "sub-size", &o->sub_width, &o->sub_height) >= 0;
    o->packet_bytes = (size_t)packet;
    o->seed = (uint32_t)seed;
    o->scene_seconds = seconds;
    return ok ? 0 : E_SYNTAX;
}

static int read_words(const struct cli_args *a, struct sim_options *o)
{
    static const char *const scenes[] = {
#define X(id, name, text) name,
        SIM_SCENE_LIST(X) NULL,
#undef X
    };
    static const char *const codecs[] = {"h264", "h265", NULL},
                             *const sounds[] = {"none", "aac", "pcmu", NULL},
                             *const joins[] = {"shift", "next-key", "at-once", NULL};
    int scene = choose(a, "scene", scenes, 0), codec = choose(a, "codec", codecs, 0),
        sound = choose(a, "audio", sounds, 0), join = choose(a, "join", joins, 0);
    if (scene < 0 || codec < 0 || sound < 0 || join < 0)
        return E_SYNTAX;
    o->scene = (enum sim_scene_kind)scene;
    o->codec = codec ? MEDIA_H265 : MEDIA_H264;
    o->audio = sound == 1 ? MEDIA_AAC : sound ? MEDIA_PCMU : MEDIA_NONE;
    o->join = (enum sim_join)join;
    o->in_band = cli_flag(a, "in-band");
    o->address = cli_value(a, "address", o->address);
    o->faults = cli_value(a, "faults", NULL);
    o->truth = cli_value(a, "truth", NULL);
    o->frames_log = cli_value(a, "frames-log", NULL);
    o->frames_log_cameras = cli_value(a, "frames-log-cameras", NULL);
    for (const char *m; (m = cli_nth(a, "media", (size_t)o->media_count)); o->media_count++) {
        if (o->media_count == SIM_MEDIA_FILES) {
            fprintf(stderr, "lethe sim: more than %d --media files\n", SIM_MEDIA_FILES);
            return E_LIMIT;
        }
        o->media[o->media_count] = m;
    }
    return 0;
}

static int run(const struct cli_args *a)
{
    struct sim_options o;
    struct err e = {0};
    char password[PASSWORD_BYTES] = {0};
    sim_options_default(&o);
    if (read_numbers(a, &o) < 0 || read_words(a, &o) < 0 || read_auth(a, &o, password) < 0)
        return 2;
    int r = sim_run(&o, &e);
    return r < 0 ? cli_fail(a, &e, r) : 0;
}

const struct cli_command cli_sim = {
    .name = "sim",
    .summary =
        "Simulate cameras: an RTSP server with thousands of streams, for tests and demonstrations",
    .details = "Streams are rtsp://127.0.0.1:P/camK/main and /camK/sub with K from 0. Without "
               "--media the cameras show "
               "a street that is drawn here, with known positions of all people and vehicles "
               "(--truth). Prints "
               "'ready rtsp://…' once it listens; ends on SIGINT or SIGTERM.\n\n"
               "A fault script (--faults) makes cameras misbehave: docs/format/faults.md.",
    .options = options,
    .examples = "# Four cameras with a generated street\n"
                "lethe sim --port 8554 --cameras 4\n"
                "# A load test, half of the cameras with your own clip\n"
                "lethe sim --port 8554 --cameras 2000 --media a.mp4 --media b.mp4 --stats 5s\n"
                "# Cameras that ask for a password and lose packets as a script says\n"
                "lethe sim --port 8554 --cameras 10 --auth digest-sha256 --user admin "
                "--password-file pw --faults f.txt",
    .run = run,
};
