/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `lethe status`: asks the recorder's socket, and shows what is wrong before what is right. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/output.h"
#include "tlog/client.h"

#define STATUS_BYTES ((size_t)64 << 20)
enum { ANSWER_SECONDS = 5, LOGGER_MS = 2000 };

static int no_recorder(const char *dir, int code, struct err *reterr)
{
    if (code == -EACCES)
        return err_set(
            reterr, code,
            "%s/run/recorder.sock may not be opened by this user; ask as the recorder's user", dir);
    return err_set(reterr, E_NOTFOUND,
                   "no recorder is running on %s; `lethe serve --data %s` starts one", dir, dir);
}

static int dial(const char *dir, int *ret, struct err *reterr)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = ANSWER_SECONDS};
    int n = snprintf(at.sun_path, sizeof(at.sun_path), "%s/run/recorder.sock", dir);
    if (n < 0 || (size_t)n >= sizeof(at.sun_path))
        return err_set(reterr, E_LIMIT, "%s: too long a path for a socket", dir);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_set(reterr, -errno, "socket: %s", err_text(-errno));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (connect(fd, (const struct sockaddr *)&at, sizeof(at))) {
        int code = -errno;
        close(fd);
        return no_recorder(dir, code, reterr);
    }
    *ret = fd;
    return 0;
}

static int ask(const char *dir, struct buf *out, struct err *reterr)
{
    int fd = -1, r = dial(dir, &fd, reterr);
    int64_t end = clock_mono_us(&clock_system) + ANSWER_SECONDS * SECOND_US;
    if (r < 0)
        return r;
    for (ssize_t n = 1; n > 0 && r >= 0;) {
        r = buf_reserve(out, 65536);
        n = r < 0 ? -1 : read(fd, out->data + out->len, 65536);
        if (r < 0)
            err_set(reterr, r, "the recorder's answer is too long");
        else if (n < 0 || clock_mono_us(&clock_system) > end)
            r = err_set(reterr, E_TIMEOUT, "the recorder does not answer within %d s",
                        ANSWER_SECONDS);
        else
            out->len += (size_t)n;
    }
    close(fd);
    return r;
}

/* --- reading the answer: whatever is missing counts as nothing --- */

static const char *text_of(json_t *o, const char *key)
{
    const char *t = json_string_value(json_object_get(o, key));
    return t ? t : "";
}

static double number_of(json_t *o, const char *key)
{
    return json_number_value(json_object_get(o, key));
}

static int64_t time_of(json_t *o, const char *key)
{
    int64_t us = 0;
    return time_parse(text_of(o, key), &us) < 0 ? 0 : us;
}

struct totals {
    int cameras, recording, disabled, troubled;
    double bits, fps, received, recorded, lost;
};

/* Is this camera something to look at? Rows like it come first. */
static bool is_troubled(json_t *c)
{
    const char *state = text_of(c, "state");
    return strcmp(state, "recording") != 0 && strcmp(state, "disabled") != 0;
}

static void add_up(json_t *cameras, struct totals *t)
{
    size_t i;
    json_t *c;
    *t = (struct totals){0};
    json_array_foreach(cameras, i, c)
    {
        t->cameras++;
        t->recording += !strcmp(text_of(c, "state"), "recording");
        t->disabled += !strcmp(text_of(c, "state"), "disabled");
        t->troubled += is_troubled(c);
        t->bits += number_of(c, "bitrate_bps");
        t->fps += number_of(c, "fps");
        t->received += number_of(c, "frames_received");
        t->recorded += number_of(c, "frames_recorded");
        t->lost += number_of(c, "frames_lost");
    }
}

struct view {
    struct buf out;
    bool colour, problems_only;
    int rows;         /* most camera rows, 0: all */
    const char *data; /* directory of the node */
};

static void paint(struct view *v, const char *code, const char *text)
{
    char clean[512];
    snprintf(clean, sizeof(clean), "%s", text);
    cli_clean(clean);
    buf_appendf(&v->out, v->colour ? "\033[%sm%s\033[0m" : "%.0s%s", code, clean);
}
#define RED "1;31"
#define YELLOW "33"
#define BOLD "1"

static void show_head(struct view *v, json_t *o, const struct totals *t, int64_t now)
{
    char ago[32], bits[32], total[32], left[32], written[32];
    json_t *disk = json_object_get(o, "disk"), *retention = json_object_get(o, "retention");
    paint(v, BOLD, text_of(o, "node"));
    int64_t started = time_of(o, "started");
    buf_appendf(&v->out, "  lethe %.20s, started %s\n", text_of(o, "version"),
                started ? cli_ago(now - started, ago) : "at an unknown time");
    buf_appendf(&v->out, "cameras    %d: %d recording", t->cameras, t->recording);
    if (t->troubled)
        buf_appendf(&v->out, ", %d not", t->troubled);
    if (t->disabled)
        buf_appendf(&v->out, ", %d disabled", t->disabled);
    buf_appendf(&v->out, "; %s, %.0f frames/s\n", cli_bits(t->bits, bits), t->fps);
    buf_appendf(&v->out, "frames     %.0f received, %.0f recorded, %.0f lost\n", t->received,
                t->recorded, t->lost);
    buf_appendf(&v->out, "disk       %.20s, %s free of %s, %s written since the start\n",
                text_of(disk, "state"), cli_bytes(number_of(disk, "bytes_free"), left),
                cli_bytes(number_of(disk, "bytes_total"), total),
                cli_bytes(number_of(disk, "bytes_written"), written));
    buf_appendf(&v->out, "retention  %.4g days promised, %.4g days kept\n",
                number_of(retention, "promised_days"), number_of(retention, "actual_days"));
}

static void show_problem(struct view *v, const char *code, const char *who, const char *what)
{
    buf_appendf(&v->out, "  ");
    paint(v, code, who);
    buf_appendf(&v->out, "  ");
    paint(v, "0", what);
    buf_appendf(&v->out, "\n");
}

/* Cameras that record but cannot be watched, by what is wrong with their masked view. */
static void show_unmasked(struct view *v, json_t *cameras)
{
    static const char *const wrong[] = {"late", "failed", "no-masker"};
    int count[3] = {0};
    size_t i;
    json_t *c;
    json_array_foreach(cameras, i, c)
    {
        const char *state = text_of(json_object_get(c, "mask"), "state");
        for (int k = 0; k < 3; k++)
            count[k] += !strcmp(state, wrong[k]);
    }
    for (int k = 0; k < 3; k++) {
        char text[100];
        snprintf(text, sizeof(text), "%d camera%s without a masked view: %s", count[k],
                 count[k] == 1 ? "" : "s", wrong[k]);
        if (count[k])
            show_problem(v, YELLOW, "masker", text);
    }
}

/* Only what is wrong with the public log; `lethe log show` says more. */
static void show_log(struct view *v)
{
    struct tlog_client *c = NULL;
    json_t *request = json_pack("{s:s}", "op", "status"), *log = NULL;
    char text[500];
    if (tlog_client_open(v->data, LOGGER_MS, &c, NULL) >= 0)
        (void)tlog_client_call(c, request, &log, NULL);
    double seen = number_of(log, "quorum_size"), size = number_of(log, "size");
    if (*text_of(log, "refused")) {
        snprintf(text, sizeof(text), "nothing is signed any more: %s", text_of(log, "refused"));
        show_problem(v, RED, "log", text);
    } else if (json_is_true(json_object_get(log, "quorum_needed")) && seen < size) {
        snprintf(text, sizeof(text), "the quorum of witnesses has seen %.0f of %.0f entries", seen,
                 size);
        show_problem(v, YELLOW, "log", text);
    }
    tlog_client_close(c);
    json_decref(request);
    json_decref(log);
}

static void show_problems(struct view *v, json_t *o, int64_t now)
{
    json_t *disk = json_object_get(o, "disk"), *retention = json_object_get(o, "retention"), *a;
    json_t *alarms = json_object_get(o, "alarms");
    size_t i, n = json_array_size(alarms);
    char text[500], ago[32];
    if (strcmp(text_of(disk, "state"), "ok") != 0)
        show_problem(v, RED, "disk", text_of(disk, "state"));
    if (number_of(retention, "actual_days") + 0.01 < number_of(retention, "promised_days"))
        show_problem(v, RED, "retention", "less is kept than was promised; the disk is too small");
    if (json_is_true(json_object_get(o, "practice")))
        show_problem(v, YELLOW, "custodians",
                     "practice set: whoever has this machine can open everything");
    show_unmasked(v, json_object_get(o, "cameras"));
    show_log(v);
    for (i = n > 5 ? n - 5 : 0; i < n; i++) {
        a = json_array_get(alarms, i);
        snprintf(text, sizeof(text), "%s%s%s (%s)", text_of(a, "camera"),
                 *text_of(a, "camera") ? ": " : "", text_of(a, "text"),
                 cli_ago(now - time_of(a, "at"), ago));
        show_problem(v, YELLOW, text_of(a, "kind"), text);
    }
}

static void camera_row(struct cli_table *t, json_t *c, int64_t now)
{
    char bits[32], ago[32];
    json_t *mask = json_object_get(c, "mask"), *gaps = json_object_get(c, "gaps"),
           *gap = json_array_get(gaps, json_array_size(gaps) - 1);
    int64_t last = time_of(c, "last_frame");
    bool live = !strcmp(text_of(c, "state"), "recording");
    cli_table_cell(t, "%s", text_of(c, "id"));
    cli_table_cell(t, "%s", text_of(c, "state"));
    cli_table_cell(t, "%s", live ? cli_bits(number_of(c, "bitrate_bps"), bits) : "-");
    if (live)
        cli_table_cell(t, "%.1f", number_of(c, "fps"));
    else
        cli_table_cell(t, "-");
    cli_table_cell(t, "%s", last ? cli_ago(now - last, ago) : "never");
    cli_table_cell(t, "%.0f", number_of(c, "frames_lost"));
    cli_table_cell(t, "%s", json_is_object(mask) ? text_of(mask, "state") : "none");
    cli_table_cell(t, "%zu%s%s", json_array_size(gaps), gap ? " " : "",
                   gap ? text_of(gap, "reason") : "");
    cli_table_cell(t, "%s", *text_of(c, "reason") ? text_of(c, "reason") : text_of(c, "name"));
}

static int show_cameras(struct view *v, json_t *cameras, const struct totals *t, int64_t now)
{
    static const char *const head[] = {"CAMERA", "STATE",       "BITRATE",    "FPS", "LAST FRAME",
                                       "LOST",   "MASKED VIEW", "GAPS TODAY", ""};
    struct cli_table table;
    size_t i;
    json_t *c;
    int shown = 0, wanted = v->problems_only ? t->troubled : t->cameras;
    if (!wanted)
        return 0;
    buf_appendf(&v->out, "\n");
    cli_table_init(&table, 9, head);
    for (int pass = 0; pass < (v->problems_only ? 1 : 2); pass++) {
        json_array_foreach(cameras, i, c)
        {
            if (is_troubled(c) != (pass == 0) || (v->rows && shown >= v->rows))
                continue;
            camera_row(&table, c, now);
            shown++;
        }
    }
    int r = cli_table_print(&table, &v->out);
    if (r >= 0 && shown < wanted)
        r = buf_appendf(&v->out, "… and %d more\n", wanted - shown);
    return r;
}

static int show(struct view *v, json_t *o)
{
    struct totals t;
    int64_t now = time_of(o, "now") ? time_of(o, "now") : clock_wall_us(&clock_system);
    add_up(json_object_get(o, "cameras"), &t);
    show_head(v, o, &t, now);
    show_problems(v, o, now);
    return show_cameras(v, json_object_get(o, "cameras"), &t, now);
}

/* One question and its answer in @v or, with --json, as it came. */
static int once(const struct cli_args *a, struct view *v, struct err *reterr)
{
    struct buf answer;
    json_error_t where;
    buf_init(&answer, STATUS_BYTES);
    int r = ask(cli_data_dir(a), &answer, reterr);
    json_t *o = r < 0 ? NULL : json_loadb((const char *)answer.data, answer.len, 0, &where);
    if (r >= 0 && !json_is_object(o))
        r = err_set(reterr, E_PROTOCOL, "the recorder's answer is not JSON");
    else if (r >= 0 && cli_flag(a, "json"))
        r = buf_append(&v->out, answer.data, answer.len) < 0 ? -ENOMEM
                                                             : buf_append(&v->out, "\n", 1);
    else if (r >= 0)
        r = show(v, o);
    json_decref(o);
    buf_release(&answer);
    return r;
}

static int screen_rows(void)
{
    struct winsize w;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) || w.ws_row < 16 ? 12 : w.ws_row - 13;
}

static int watch(const struct cli_args *a, struct view *v)
{
    bool terminal = isatty(STDOUT_FILENO);
    struct timespec second = {.tv_sec = 1};
    for (;;) {
        struct err e = {0};
        v->out.len = 0;
        v->rows = terminal ? screen_rows() : 0;
        int r = once(a, v, &e);
        if (terminal && !cli_flag(a, "json"))
            fputs("\033[H\033[2J", stdout);
        if (r < 0)
            printf("%s\n", err_str(&e, r));
        fwrite(v->out.data, 1, v->out.len, stdout);
        if (fflush(stdout))
            return 1;
        nanosleep(&second, NULL);
    }
}

static int run(const struct cli_args *a)
{
    struct view v = {.colour = cli_colour(STDOUT_FILENO),
                     .problems_only = cli_flag(a, "problems"),
                     .data = cli_data_dir(a)};
    struct err e = {0};
    buf_init(&v.out, STATUS_BYTES + 1);
    if (cli_flag(a, "watch"))
        return watch(a, &v);
    int r = once(a, &v, &e);
    if (r >= 0)
        fwrite(v.out.data, 1, v.out.len, stdout);
    buf_release(&v.out);
    return r < 0 ? cli_fail(a, &e, r) : 0;
}

const struct cli_command cli_status = {
    .name = "status",
    .summary = "what every camera, the disk and the retention are doing",
    .details = "Asks the recorder that runs on the data directory. What is wrong comes first: "
               "alarms, then cameras that "
               "do not record, with the reason, then the others.",
    .options =
        (const struct cli_option[]){
            {"data", "DIR", "data directory (default: $LETHE_DATA, ./data or /var/lib/lethe)"},
            {"watch", NULL, "again every second until Ctrl-C"},
            {"problems", NULL, "only the cameras that do not record"},
            {"json", NULL, "the recorder's answer as it is (docs/format/status.md)"},
            {0},
        },
    .examples = "# Watch it\nlethe status --watch\n"
                "# Cameras that do not record, for a script\n"
                "lethe status --json | jq -r '.cameras[] | select(.state != \"recording\") | .id'",
    .run = run,
};
