/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `lethe export`: a span of the masked view as one MP4, with the code that the web server uses. Needs no server. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/masked.h"
#include "base/clock.h"
#include "cli/camera.h"
#include "cli/command.h"
#include "cli/output.h"

#define BLOCK_BYTES ((size_t)1 << 20)
#define TELL_US (200 * INT64_C(1000))

/* A line that is written over, on a terminal only. */
static void tell(uint64_t done, uint64_t total, bool last)
{
    static int64_t told_us;
    int64_t now = clock_mono_us(&clock_system);
    char text[32];
    if (!isatty(STDERR_FILENO) || (!last && now - told_us < TELL_US))
        return;
    told_us = now;
    fprintf(stderr, "\r%3d %%  %s%s", total ? (int)(done * 100 / total) : 100,
            cli_bytes((double)done, text), last ? "\n" : "   ");
}

static int write_all(int fd, const uint8_t *p, size_t n, uint64_t at)
{
    while (n > 0) {
        ssize_t w = pwrite(fd, p, n, (off_t)at);
        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0)
            return w < 0 ? -errno : -EIO;
        p += w;
        at += (uint64_t)w;
        n -= (size_t)w;
    }
    return 0;
}

/* From @at on, which is not 0 when an interrupted export goes on. */
static int copy(struct masked_span *s, int fd, uint64_t at, struct err *reterr)
{
    struct masked_reader *in = NULL;
    uint64_t total = mp4_virtual_bytes(s->file);
    uint8_t *block = malloc(BLOCK_BYTES);
    int r = block ? masked_reader_new(s, &in) : -ENOMEM;
    while (r >= 0 && at < total) {
        ssize_t n = masked_reader_read(in, at, block, BLOCK_BYTES);
        r = n <= 0 ? (int)(n < 0 ? n : E_TRUNCATED) : write_all(fd, block, (size_t)n, at);
        if (r >= 0)
            at += (uint64_t)n;
        tell(at, total, false);
    }
    tell(at, total, true);
    if (r >= 0 && fsync(fd) < 0)
        r = -errno;
    masked_reader_free(in);
    free(block);
    return r < 0
               ? err_set(reterr, r, "after %llu of %llu bytes: %s; the same command goes on there",
                         (unsigned long long)at, (unsigned long long)total, err_text(r))
               : 0;
}

/*
 * The part file holds the etag of the span in its name, so that only the same bytes are ever put behind it.
 */
static int write_file(struct masked_span *s, const char *out, struct err *reterr)
{
    char part[4096];
    struct stat st;
    int n = snprintf(part, sizeof(part), "%s.%.16s.part", out, s->etag + 1);
    if (n < 0 || (size_t)n >= sizeof(part))
        return err_set(reterr, E_LIMIT, "%s: too long a name", out);
    int fd = open(part, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_set(reterr, -errno, "%s: %s", part, err_text(-errno));
    uint64_t at = (uint64_t)st.st_size;
    int r = copy(s, fd, at > mp4_virtual_bytes(s->file) ? 0 : at, reterr);
    if (r >= 0 && rename(part, out) < 0)
        r = err_set(reterr, -errno, "%s: %s", out, err_text(-errno));
    close(fd);
    return r;
}

static void show_gaps(const struct masked_span *s)
{
    char from[TIME_TEXT], to[TIME_TEXT];
    for (size_t i = 0; i < s->gaps; i++)
        printf("gap         %s to %s: %s%s%s\n", time_format(s->gap[i].from_us, from),
               time_format(s->gap[i].to_us, to), s->gap[i].reason, s->gap[i].detail[0] ? ", " : "",
               s->gap[i].detail);
}

static int show(const struct cli_args *a, const struct masked_span *s)
{
    char from[TIME_TEXT], to[TIME_TEXT];
    if (cli_flag(a, "json")) {
        json_t *gaps = json_array();
        for (size_t i = 0; i < s->gaps; i++)
            json_array_append_new(gaps, json_pack("{s:s, s:s, s:s, s:s}", "from",
                                                  time_format(s->gap[i].from_us, from), "to",
                                                  time_format(s->gap[i].to_us, to), "reason",
                                                  s->gap[i].reason, "detail", s->gap[i].detail));
        return cli_json_print(
            json_pack("{s:s, s:s, s:I, s:I, s:o}", "from", time_format(s->from_us, from), "to",
                      time_format(s->to_us, to), "frames", (json_int_t)mp4_virtual_frames(s->file),
                      "bytes", (json_int_t)mp4_virtual_bytes(s->file), "gaps", gaps));
    }
    printf("shown       %s to %s\npictures    %llu\nbytes       %llu\n",
           time_format(s->from_us, from), time_format(s->to_us, to),
           (unsigned long long)mp4_virtual_frames(s->file),
           (unsigned long long)mp4_virtual_bytes(s->file));
    show_gaps(s);
    return 0;
}

static int run_export(const struct cli_args *a)
{
    long long from = 0, to = 0;
    struct index *ix = NULL;
    struct masked_span *s = NULL;
    struct err e = {0};
    if (cli_time(a, "from", &from) < 0 || cli_time(a, "to", &to) < 0)
        return 2;
    int r = from < to ? camera_index_open(a, true, &ix, &e)
                      : err_set(&e, E_RANGE, "--from has to lie before --to");
    if (r >= 0)
        r = masked_span_make(ix, cli_data_dir(a), cli_value(a, "camera", ""), from, to, false, &s,
                             &e);
    if (ix)
        ix->ops->close(ix);
    if (r >= 0)
        r = write_file(s, cli_value(a, "output", ""), &e);
    int code = r < 0 ? cli_fail(a, &e, r) : show(a, s);
    masked_span_unref(s);
    return code;
}

static const struct cli_option options[] = {
    {.name = "data",
     .value = "DIR",
     .help = "data directory (default: $LETHE_DATA, ./data or /var/lib/lethe)"},
    {.name = "camera", .value = "ID", .help = "which camera", .required = true},
    {.name = "from", .value = "TIME", .help = "RFC 3339, \"now\" or -10m", .required = true},
    {.name = "to", .value = "TIME", .help = "RFC 3339, \"now\" or -10m", .required = true},
    {.name = "output", .value = "FILE", .help = "MP4 to write", .required = true},
    {.name = "json", .help = "print what was written as JSON"},
    {0},
};

const struct cli_command cli_export = {
    .name = "export",
    .summary = "write a span of the masked view as one MP4",
    .options = options,
    .details =
        "Pictures are copied as they were recorded, cut at access units: the file begins with the "
        "key frame before --from, and an edit list hides what lies before it. In a gap the last "
        "picture stands; the gaps are listed. An export that was interrupted goes on where it "
        "stopped when the same command is given again.\n\n"
        "Nothing but the masked view is ever read. Originals are opened with `lethe open`.",
    .examples = "# The last ten minutes\nlethe export --camera gate-1 --from -10m --to now -o "
                "gate.mp4",
    .run = run_export,
};
