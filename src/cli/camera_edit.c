/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `lethe camera add|set|remove`: rows are changed in the index; a running recorder sees it within a second. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/camera.h"
#include "cli/output.h"

#define OPTION_DATA                                                                                \
    {                                                                                              \
        "data", "DIR", "data directory (default: $LETHE_DATA, ./data or /var/lib/lethe)"           \
    }
#define CAMERA_OPTIONS                                                                             \
    {"name", "TEXT", "name for people"},                                                           \
        {"sub", "URL", "second, smaller stream; '' takes it away"},                                \
        {"transport", "tcp|udp|auto",                                                              \
         "how media comes; auto is TCP, and UDP when the camera refuses it"},                      \
        {"audio", NULL, "record sound too (off: public cameras have no business listening)"},      \
        {"no-audio", NULL, "do not record sound"},                                                 \
        {"retention-days", "N", "days until footage is unreadable; 0 is the node's setting"},      \
        {"pin", "HEX",                                                                             \
         "SHA-256 of the rtsps certificate; only that one is accepted; '' takes it away"},         \
        {"tls-insecure", NULL, "rtsps without a pin and without checking the issuer"},             \
        {"user", "U", "user of the camera, with --password-file"},                                 \
        {"password-file", "FILE", "file whose first line is the password; - is standard input"},   \
        {"enable", NULL, "record this camera"}, {"disable", NULL, "keep the row, do not record"},  \
        {"group", "ID", "group that rights are given for; '' takes it out"},                       \
        {"zones", "JSON",                                                                          \
         "privacy zones, always filled: [[[x, y], …], …] of 0 to 1; '' for none"},                 \
        {"purpose", "TEXT", "register: what for"}, {"owner", "TEXT", "register: whose it is"},     \
        {"contact", "TEXT", "register: whom to ask"},                                              \
        {"place", "TEXT", "register: where it hangs"},                                             \
        {"lat", "DEGREES", "register: on the map, with --lon"},                                    \
        {"lon", "DEGREES", "register: on the map, with --lat"},                                    \
        {"px-per-m", "N", "register: picture elements per metre at head height"},                  \
        {"sees", "TEXT", "register: what is in the picture"},                                      \
        {"review", "DAY", "register: when it is looked at whether it is still needed"},            \
    {                                                                                              \
        "retention-reason", "TEXT", "register: why footage is kept for so long"                    \
    }

/* The option of a field has its name, with dashes. */
static const char *option_of(const struct camera_field *f, char out[32])
{
    snprintf(out, 32, "%s", f->name);
    for (char *p = out; *p; p++)
        *p = *p == '_' ? '-' : *p;
    return out;
}

static int read_field(const struct cli_args *a, const struct camera_field *f,
                      struct camera_input *in, struct err *reterr)
{
    char option[32];
    const char *text = cli_value(a, option_of(f, option), NULL);
    int r = text ? camera_field_set(f, text, in, reterr) : 0;
    if (r < 0)
        err_prefix(reterr, "--%s: ", option);
    return r;
}

static int read_flag(const struct cli_args *a, const char *on, const char *off, bool *value,
                     struct err *reterr)
{
    if (cli_flag(a, on) && cli_flag(a, off))
        return err_set(reterr, E_SYNTAX, "--%s and --%s contradict each other", on, off);
    if (cli_flag(a, on) || cli_flag(a, off))
        *value = cli_flag(a, on);
    return 0;
}

static int read_credentials(const struct cli_args *a, struct camera_input *in, struct err *reterr)
{
    const char *file = cli_value(a, "password-file", NULL);
    int r = 0;
    if (!file && *in->user)
        return err_set(reterr, E_SYNTAX, "--user needs --password-file FILE");
    if (r >= 0 && file && !*in->user)
        return err_set(reterr, E_SYNTAX, "--password-file needs --user U");
    return r >= 0 && file ? camera_read_password(file, in->password, reterr) : r;
}

/* What the command line says over what @in holds already. */
static int read_options(const struct cli_args *a, struct camera_input *in, struct err *reterr)
{
    long days;
    int r = 0;
    for (const struct camera_field *f = camera_fields; f->name && r >= 0; f++)
        if ((f->kind == CAMERA_TEXT || f->kind == CAMERA_NUMBER || f->kind == CAMERA_TRANSPORT) &&
            strcmp(f->name, "id") != 0 && strcmp(f->name, "password") != 0)
            r = read_field(a, f, in, reterr);
    if (r >= 0)
        r = read_flag(a, "audio", "no-audio", &in->audio, reterr);
    if (r >= 0)
        r = read_flag(a, "enable", "disable", &in->enabled, reterr);
    if (r >= 0)
        r = read_credentials(a, in, reterr);
    if (r < 0)
        return r;
    in->tls_insecure = in->tls_insecure || cli_flag(a, "tls-insecure");
    if (*in->pin)
        in->tls_insecure = cli_flag(a, "tls-insecure");
    r = cli_int(a, "retention-days", 0, 3650, in->retention_days, &days);
    in->retention_days = (int)days;
    return r;
}

static void warn_about_argv(const struct cli_args *a)
{
    const char *main = cli_value(a, "main", ""), *sub = cli_value(a, "sub", "");
    if (camera_url_has_password(main) || camera_url_has_password(sub))
        fputs("lethe: a password on the command line is seen by every user of this machine and "
              "kept by the shell;\n"
              "       use --user U --password-file FILE\n",
              stderr);
}

static int done(const struct cli_args *a, const struct index_camera *c, const char *what)
{
    if (cli_flag(a, "json"))
        return cli_json_print(
            json_pack("{sb so}", "ok", 1, "camera", camera_json(c, CAMERA_REDACTED)));
    printf("camera %s %s\n", c->id, what);
    return 0;
}

static int check_and_put(const struct cli_args *a, struct index *ix, const struct camera_input *in,
                         const struct index_camera *before, struct index_camera *ret,
                         struct err *reterr)
{
    const char *part;
    int r = camera_check(in, ret, &part, reterr);
    if (r < 0) {
        err_prefix(reterr, "%s: ", part);
        return r;
    }
    if (before)
        camera_carry(before, true, ret);
    return cli_flag(a, "dry-run") ? 0 : camera_put(ix, ret, 1, before != NULL, reterr);
}

static int run_add(const struct cli_args *a)
{
    struct camera_input in;
    struct index_camera c;
    struct index *ix = NULL;
    struct err e = {0};
    int r = camera_defaults(a, &in, &e);
    if (r >= 0)
        r = read_options(a, &in, &e);
    if (r < 0)
        return e.text[0] ? cli_fail(a, &e, r) : 2; /* cli_int() has told */
    snprintf(in.id, sizeof(in.id), "%s", cli_arg(a, 0));
    warn_about_argv(a);
    r = camera_index_open(a, false, &ix, &e);
    if (r >= 0)
        r = check_and_put(a, ix, &in, NULL, &c, &e);
    if (ix)
        ix->ops->close(ix);
    explicit_bzero(in.password, sizeof(in.password));
    if (r < 0)
        return cli_fail(a, &e, r);
    return done(a, &c, cli_flag(a, "dry-run") ? "could be added" : "added");
}

static int run_set(const struct cli_args *a)
{
    struct camera_input in;
    struct index_camera before = {0}, c;
    struct index *ix = NULL;
    struct err e = {0};
    int r = camera_index_open(a, false, &ix, &e);
    if (r >= 0)
        r = camera_find(ix, cli_arg(a, 0), &before, &e);
    if (r >= 0) {
        camera_input_of(&before, &in);
        r = read_options(a, &in, &e);
    }
    if (r >= 0) {
        warn_about_argv(a);
        r = check_and_put(a, ix, &in, &before, &c, &e);
    }
    if (ix)
        ix->ops->close(ix);
    explicit_bzero(in.password, sizeof(in.password));
    if (r < 0)
        return e.text[0] ? cli_fail(a, &e, r) : 2;
    return done(a, &c, cli_flag(a, "dry-run") ? "could be changed" : "changed");
}

/* 0 to go on, else the exit code. */
static int confirm(const struct cli_args *a, const char *id)
{
    struct err e = {0};
    char line[16];
    if (cli_flag(a, "yes"))
        return 0;
    if (!isatty(STDIN_FILENO))
        return cli_fail(
            a, &e, err_set(&e, E_SYNTAX, "nobody is there to ask; give --yes to remove '%s'", id));
    printf(
        "Remove camera %s? Recording it stops; its footage stays until its retention ends. [y/N] ",
        id);
    fflush(stdout);
    if (!fgets(line, sizeof(line), stdin) || (line[0] != 'y' && line[0] != 'Y')) {
        puts("nothing was removed");
        return 1;
    }
    return 0;
}

static int run_remove(const struct cli_args *a)
{
    const char *id = cli_arg(a, 0);
    struct index_camera c = {0};
    struct index *ix = NULL;
    struct err e = {0};
    int r = camera_index_open(a, false, &ix, &e), stop = 0;
    if (r >= 0)
        r = camera_find(ix, id, &c, &e);
    if (r >= 0) {
        stop = confirm(a, id);
        r = stop ? 0 : camera_remove(ix, id, &e);
    }
    if (ix)
        ix->ops->close(ix);
    if (r < 0)
        return cli_fail(a, &e, r);
    return stop ? stop : done(a, &c, "removed; its footage stays until its retention ends");
}

#define DETAILS_URLS                                                                               \
    "URLs are rtsp:// or rtsps://. A password is best given with --user and --password-file: "     \
    "what stands on a "                                                                            \
    "command line is seen by every user of the machine. It is kept in DATA/cameras.db (mode "      \
    "0600) and "                                                                                   \
    "printed nowhere.\n"                                                                           \
    "A running recorder notices within a second; nothing has to be restarted."

const struct cli_command cli_camera_add = {
    .name = "camera add",
    .summary = "add a camera; recording begins within a second",
    .arguments = "ID",
    .details = "ID is what the camera is called in files and logs: a-z, 0-9, '.', '_' and "
               "'-'.\n" DETAILS_URLS,
    .options =
        (const struct cli_option[]){
            {"main", "URL", "stream that is recorded", .required = true},
            CAMERA_OPTIONS,
            OPTION_DATA,
            {"config", "FILE",
             "defaults of transport and audio (default: DATA/lethe.yaml where there is one)"},
            {"dry-run", NULL, "check everything, change nothing"},
            {"json", NULL, "print JSON"},
            {0},
        },
    .examples =
        "# A camera with two streams\n"
        "lethe camera add gate-1 --main rtsp://10.0.0.7/stream1 --sub rtsp://10.0.0.7/stream2\n"
        "# With credentials that no other user sees\n"
        "lethe camera add gate-1 --main rtsp://10.0.0.7/1 --user view --password-file gate.txt",
    .min_args = 1,
    .max_args = 1,
    .run = run_add,
};

const struct cli_command cli_camera_set = {
    .name = "camera set",
    .summary = "change what is given, keep the rest",
    .arguments = "ID",
    .details = DETAILS_URLS,
    .options =
        (const struct cli_option[]){
            {"main", "URL", "stream that is recorded"},
            CAMERA_OPTIONS,
            OPTION_DATA,
            {"dry-run", NULL, "check everything, change nothing"},
            {"json", NULL, "print JSON"},
            {0},
        },
    .examples =
        "# Keep this camera's footage for a week only\nlethe camera set gate-1 --retention-days 7\n"
        "# Stop recording it for now\nlethe camera set gate-1 --disable",
    .min_args = 1,
    .max_args = 1,
    .run = run_set,
};

const struct cli_command cli_camera_remove = {
    .name = "camera remove",
    .summary = "stop recording a camera and forget its row",
    .arguments = "ID",
    .details = "Its footage stays until its retention ends and opens as before.",
    .options =
        (const struct cli_option[]){
            OPTION_DATA, {"yes", NULL, "do not ask"}, {"json", NULL, "print JSON"}, {0}},
    .examples = "# In a script\nlethe camera remove gate-1 --yes",
    .min_args = 1,
    .max_args = 1,
    .run = run_remove,
};
