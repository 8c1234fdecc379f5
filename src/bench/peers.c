/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "bench/peers.h"

#include <dirent.h>
#include <libavformat/avformat.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "bench/process.h"

#define START_SECONDS_MAX 120
#define WARM_UP_SECONDS 5

/* Video packets in one file, counted by libavformat; a torn file counts up to its end. */
static uint64_t count_packets(const char *path)
{
    AVFormatContext *f = NULL;
    uint64_t n = 0;
    av_log_set_level(AV_LOG_QUIET);
    if (avformat_open_input(&f, path, NULL, NULL) < 0)
        return 0;
    AVPacket *p = av_packet_alloc();
    while (p && av_read_frame(f, p) >= 0) {
        n += f->streams[p->stream_index]->codecpar->codec_type == AVMEDIA_TYPE_VIDEO;
        av_packet_unref(p);
    }
    av_packet_free(&p);
    avformat_close_input(&f);
    return n;
}

struct output {
    int files;
    uint64_t packets;
};

static struct output look_at(const char *folder, bool count)
{
    struct output o = {0};
    DIR *d = opendir(folder);
    struct dirent *e;
    while (d && (e = readdir(d))) {
        char path[1024];
        struct stat st;
        snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
        if (e->d_name[0] == '.' || stat(path, &st) < 0 || st.st_size < 1024)
            continue;
        o.files++;
        if (count)
            o.packets += count_packets(path);
    }
    if (d)
        closedir(d);
    return o;
}

static char **split(struct buf *text, int *ret_count)
{
    char *s = buf_cstr(text), **argv = NULL;
    int n = 0;
    for (char *save = NULL, *word = s ? strtok_r(s, "\n", &save) : NULL; word;
         word = strtok_r(NULL, "\n", &save)) {
        char **more = realloc(argv, sizeof(*argv) * (size_t)(n + 2));
        if (!more)
            break;
        argv = more;
        argv[n++] = word;
        argv[n] = NULL;
    }
    *ret_count = n;
    return argv;
}

/* A shell keeps the processes of one peer under one parent, so that their cost can be summed. */
static int ffmpeg_line(struct buf *b, const struct ingest_config *c, int port)
{
    buf_appendf(b, "sh\n-c\n");
    for (int i = 0; i < c->peer_cameras; i++)
        buf_appendf(b,
                    "ffmpeg -nostdin -loglevel error -rtsp_transport tcp -i "
                    "rtsp://127.0.0.1:%d/cam%d/main -c copy -f segment "
                    "-segment_time 600 -segment_format mp4 -segment_format_options "
                    "movflags=frag_keyframe+empty_moov "
                    "%s/cam%d-%%03d.mp4 & ",
                    port, i, c->folder, i);
    return buf_appendf(b, "trap 'kill -INT $(jobs -p); wait' TERM; wait\n");
}

static int gstreamer_line(struct buf *b, const struct ingest_config *c, int port)
{
    buf_appendf(b, "gst-launch-1.0\n-q\n-e\n");
    for (int i = 0; i < c->peer_cameras; i++)
        buf_appendf(
            b,
            "rtspsrc\nlocation=rtsp://127.0.0.1:%d/cam%d/"
            "main\nprotocols=tcp\nlatency=0\n!\nrtph264depay\n!\nh264parse\n!\n"
            "splitmuxsink\nmuxer=mp4mux\nmax-size-time=600000000000\nlocation=%s/cam%d-%%03d.mp4\n",
            port, i, c->folder, i);
    return 0;
}

static double now_seconds(void)
{
    return (double)clock_mono_us(&clock_system) / 1e6;
}

int ingest_peer(const struct ingest_config *c, const char *peer, void (*progress)(const char *line),
                struct ingest_result *ret, struct err *reterr)
{
    struct ingest_sim sim;
    struct buf line;
    char log[512];
    int words;
    *ret = (struct ingest_result){.cameras = c->peer_cameras};
    snprintf(ret->name, sizeof(ret->name), "%s", peer);
    snprintf(log, sizeof(log), "%s.%s.log", c->folder, peer);
    ingest_empty(c->folder);
    int code = ingest_sim_start(&sim, c, c->peer_cameras, reterr);
    if (code < 0)
        return code;
    buf_init(&line, 0);
    bool ffmpeg = strcmp(peer, "ffmpeg") == 0;
    code = ffmpeg ? ffmpeg_line(&line, c, sim.port) : gstreamer_line(&line, c, sim.port);
    char **argv = split(&line, &words);
    double since = now_seconds();
    pid_t pid = argv && code >= 0 ? bench_spawn((const char *const *)argv, 0, log, NULL) : E_LIMIT;
    while (pid > 0 && look_at(c->folder, false).files < c->peer_cameras &&
           now_seconds() - since < START_SECONDS_MAX)
        usleep(250000);
    ret->start_seconds = now_seconds() - since;
    ingest_say(progress, "%s: %d cameras after %.1f s, measuring for %d s", peer, c->peer_cameras,
               ret->start_seconds, c->seconds);
    sleep(WARM_UP_SECONDS);
    ingest_measure(c, pid, sim.pid, ret);
    ingest_sim_stop(&sim, ret);
    sleep(1);
    bench_stop(pid, ffmpeg ? SIGTERM : SIGINT, 20);
    struct output o = look_at(c->folder, true);
    ret->frames_recorded = o.packets;
    ret->frames_lost = ret->frames_sent > o.packets ? ret->frames_sent - o.packets : 0;
    ret->ok = o.files >= c->peer_cameras;
    ingest_empty(c->folder);
    free(argv);
    buf_release(&line);
    return pid < 0 ? err_set(reterr, pid, "%s could not be started: %s", peer, err_text(pid)) : 0;
}
