/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `lethe open`: sealed recordings of one camera and span into one clear MP4, with the identities of t custodians. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/config.h"
#include "cli/command.h"
#include "cli/open.h"
#include "cli/output.h"

static volatile int interrupted;

static void on_signal(int number)
{
    interrupted = number;
}

void open_progress(uint64_t done, uint64_t total)
{
    static int last = -1;
    int percent = total ? (int)(done * 100 / total) : 0;
    if (percent == last || !isatty(STDERR_FILENO))
        return;
    last = percent;
    fprintf(stderr, "\ropening … %3d %%", percent);
    if (percent >= 100)
        fputs("\r\033[K", stderr);
    fflush(stderr);
}

void open_job_release(struct open_job *j)
{
    free(j->source);
    free(j->gap);
    sodium_free(j->keys); /* wipes */
}

struct identities {
    struct seal_identity *id[SEAL_CUSTODIANS];
    size_t n;
};

static int load_identity(struct identities *ids, const char *path, struct err *reterr)
{
    if (ids->n == SEAL_CUSTODIANS)
        return err_set(reterr, E_LIMIT, "more than %d identities", SEAL_CUSTODIANS);
    int r = seal_identity_load(path, &ids->id[ids->n], reterr);
    if (r > 0)
        fprintf(stderr, "warning: %s\n", reterr->text);
    if (r >= 0)
        ids->n++;
    return r;
}

static int load_identities(const struct cli_args *a, struct identities *ids, struct err *reterr)
{
    int r = 0;
    const char *path;
    for (size_t i = 0; r >= 0 && (path = cli_nth(a, "identity", i)); i++)
        r = load_identity(ids, path, reterr);
    for (int i = 0; r >= 0 && (path = cli_arg(a, i)); i++)
        r = load_identity(ids, path, reterr);
    return r;
}

/* The new file under its temporary name, which one process holds at a time. */
static int create_part(const char *out, bool force, char part[4096], struct err *reterr)
{
    int n = snprintf(part, 4096, "%s.part", out);
    if (n < 0 || n >= 4096)
        return err_set(reterr, -ENAMETOOLONG, "%s: the path is too long", out);
    if (!force && access(out, F_OK) == 0)
        return err_set(reterr, E_EXISTS, "%s exists already; --force replaces it", out);
    int fd = open(part, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_set(reterr, -errno, "writing %s: %s", part, err_text(-errno));
    if (flock(fd, LOCK_EX | LOCK_NB) < 0 || ftruncate(fd, 0) < 0) {
        int r = errno == EWOULDBLOCK
                    ? err_set(reterr, E_BUSY, "another process is writing %s", part)
                    : err_set(reterr, -errno, "writing %s: %s", part, err_text(-errno));
        close(fd);
        return r;
    }
    return fd;
}

static int publish(int fd, const char *part, const char *out, bool force, struct err *reterr)
{
    if (fsync(fd) < 0)
        return err_set(reterr, -errno, "writing %s: %s", part, err_text(-errno));
    int r = renameat2(AT_FDCWD, part, AT_FDCWD, out, force ? 0 : RENAME_NOREPLACE);
    if (r < 0 && errno == EINVAL &&
        access(out, F_OK) < 0) /* a file system that cannot promise it */
        r = rename(part, out);
    if (r < 0)
        return err_set(reterr, errno == EEXIST ? E_EXISTS : -errno, "%s: %s", out,
                       err_text(-errno));
    return 0;
}

int open_write(struct open_job *j, const char *out, bool force, struct err *reterr)
{
    char part[4096];
    int fd = create_part(out, force, part, reterr);
    if (fd < 0)
        return fd;
    struct sigaction sa = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    sigaction(SIGHUP, &sa, NULL);
    int r = open_copy(j, fd, &interrupted, reterr);
    if (r >= 0)
        r = open_gaps(j, reterr);
    if (r >= 0)
        r = publish(fd, part, out, force, reterr);
    if (r < 0) {
        open_progress(1, 1);
        unlink(part);
    }
    close(fd);
    return r;
}

static int print_json(const struct open_job *j)
{
    char from[TIME_TEXT], to[TIME_TEXT];
    json_t *gaps = json_array();
    for (size_t i = 0; i < j->gaps; i++) {
        const struct open_gap *g = &j->gap[i];
        json_array_append_new(
            gaps, json_pack("{ss ss ss ss}", "from", time_format(g->from_us, from), "to",
                            time_format(g->to_us, to), "reason", g->reason, "detail", g->detail));
    }
    return cli_json_print(json_pack("{ss sI sI si so ss}", "camera", j->camera, "frames",
                                    (json_int_t)j->frames, "bytes", (json_int_t)j->bytes,
                                    "recordings", (int)j->sources, "gaps", gaps, "first",
                                    time_format(j->first_us, from)));
}

static void print_text(const struct open_job *j, const char *out)
{
    char from[TIME_TEXT], to[TIME_TEXT], size[32], line[512];
    printf("%s: %llu frames, %s, from %s on, %zu gap%s\n", out, (unsigned long long)j->frames,
           cli_bytes((double)j->bytes, size), time_format(j->first_us, from), j->gaps,
           j->gaps == 1 ? "" : "s");
    for (size_t i = 0; i < j->gaps; i++) {
        const struct open_gap *g = &j->gap[i];
        snprintf(line, sizeof(line), "%s%s%s", g->reason, g->detail[0] ? ": " : "", g->detail);
        printf("  %s  %s  %s\n", time_format(g->from_us, from), time_format(g->to_us, to),
               cli_clean(line));
    }
}

int open_tell(const struct open_job *j, const char *out, bool json)
{
    int code = 0;
    if (json)
        code = print_json(j);
    else
        print_text(j, out);
    if (j->lost) {
        fputs("lethe: a part of the span was recorded but could not be opened; see above\n",
              stderr);
        code = 1;
    }
    return code;
}

static int do_open(const struct cli_args *a, struct open_job *j, struct identities *ids,
                   struct err *reterr)
{
    if (!config_id_valid(j->camera))
        return err_set(reterr, E_SYNTAX, "'%.64s' is no name of a camera", j->camera);
    if (j->from_us >= j->to_us)
        return err_set(reterr, E_RANGE, "--from must be before --to");
    int r = load_identities(a, ids, reterr);
    if (r >= 0)
        r = open_list(j, reterr);
    if (r >= 0)
        r = open_keys(j, ids->id, ids->n, reterr);
    if (r >= 0)
        r = open_write(j, cli_value(a, "output", NULL), cli_flag(a, "force"), reterr);
    return r;
}

static int run(const struct cli_args *a)
{
    struct identities ids = {0};
    struct err e = {0};
    long long from = 0, to = 0;
    if (cli_time(a, "from", &from) < 0 || cli_time(a, "to", &to) < 0)
        return 2;
    struct open_job j = {.data_dir = cli_data_dir(a),
                         .camera = cli_value(a, "camera", ""),
                         .from_us = from,
                         .to_us = to};
    prctl(PR_SET_DUMPABLE,
          0); /* keys and identities: no core file, no reading by others of the same user */
    int r = do_open(a, &j, &ids, &e);
    for (size_t i = 0; i < ids.n; i++)
        seal_identity_free(ids.id[i]);
    int code =
        r < 0 ? cli_fail(a, &e, r) : open_tell(&j, cli_value(a, "output", ""), cli_flag(a, "json"));
    open_job_release(&j);
    return code;
}

static const struct cli_option options[] = {
    {"data", "DIR", "data directory (default: $LETHE_DATA, ./data or /var/lib/lethe)"},
    {"camera", "ID", "which camera", .required = true},
    {"from", "T", "begin of the span, like 2026-11-23T10:00:00Z or -10m", .required = true},
    {"to", "T", "its end, not included", .required = true},
    {"identity", "FILE",
     "a custodian's identity (age); once for each, or several behind one another", .repeat = true,
     .required = true},
    {"output", "FILE", "the clear MP4 to write", .required = true},
    {"force", NULL, "replace the output if it exists"},
    {"json", NULL, "print {frames, bytes, gaps[], …}"},
    {0},
};

const struct cli_command cli_open = {
    .name = "open",
    .summary = "open sealed recordings with the custodians' identities",
    .arguments = "[FILE…]",
    .details = "Works offline on a data directory, beside a running recorder or without one. As "
               "many custodians as the "
               "policy of that time asked for must give their identities; with fewer nothing is "
               "written.\n\n"
               "The output is the bitstream that the camera sent, unchanged. It starts with the "
               "last key frame at or "
               "before --from. What is missing of the span is listed as a gap with its reason.\n\n"
               "Exit code 0 only if everything that was recorded of the span is in the output.",
    .options = options,
    .examples = "# ten minutes, two of three custodians\n"
                "lethe open --camera gate --from 2026-11-23T10:00:00Z --to 2026-11-23T10:10:00Z "
                "--identity a.txt "
                "--identity b.txt -o gate.mp4",
    .max_args = SEAL_CUSTODIANS,
    .run = run,
};
