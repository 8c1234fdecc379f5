/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `lethe witness`: watch the logs of others, and cosign what they may not take back. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/command.h"
#include "tlog/durable.h"
#include "tlog/witness.h"

static int add_vkeys(const struct cli_args *a, struct tlog_policy *p, struct err *reterr)
{
    const char *text;
    for (size_t i = 0; (text = cli_nth(a, "log", i)); i++) {
        if (p->logs_n == TLOG_POLICY_LOGS)
            return err_set(reterr, E_LIMIT, "more than %d logs", TLOG_POLICY_LOGS);
        int r = tlog_vkey_parse(text, strlen(text), &p->logs[p->logs_n], reterr);
        if (r >= 0 && p->logs[p->logs_n].type != TLOG_KEY_NOTE)
            r = err_set(reterr, E_SYNTAX, "%.100s is not the key of a log", text);
        if (r < 0)
            return r;
        p->logs_n++;
    }
    return p->logs_n ? 0
                     : err_set(reterr, E_NOTFOUND,
                               "say which logs to cosign: --log VKEY, or --logs FILE");
}

static int load_logs(const struct cli_args *a, struct tlog_policy *p, struct err *reterr)
{
    const char *file = cli_value(a, "logs", NULL);
    struct buf b;
    int r = 0;
    p->quorum = -1;
    if (file) {
        buf_init(&b, TLOG_POLICY_BYTES);
        r = durable_read(file, &b, reterr);
        if (r >= 0) {
            r = tlog_policy_parse(b.data, b.len, p, reterr);
            if (r < 0)
                err_prefix(reterr, "%s: ", file);
        }
        buf_release(&b);
    }
    return r < 0 ? r : add_vkeys(a, p, reterr);
}

/* Two witnesses with one state would cosign two histories. */
static int lock_dir(const char *dir, int *ret_fd, struct err *reterr)
{
    char path[PATH_MAX];
    if (mkdir(dir, 0700) < 0 && errno != EEXIST)
        return err_set(reterr, -errno, "%s: %s", dir, err_text(-errno));
    snprintf(path, sizeof(path), "%s/lock", dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0) {
        int code = errno == EWOULDBLOCK ? E_BUSY : -errno;
        if (fd >= 0)
            close(fd);
        return err_set(reterr, code, "%s: %s", dir,
                       code == E_BUSY ? "another witness uses it" : err_text(code));
    }
    *ret_fd = fd;
    return 0;
}

static void on_listening(int port)
{
    log_info("witness", "listening on port %d", port);
}

static int run_witness(const struct cli_args *a)
{
    static struct tlog_policy logs;
    struct err e = {0};
    struct witness *w = NULL;
    int lock_fd = -1;
    char vkey[TLOG_VKEY_TEXT];
    log_set_process("witness");
    int r = sodium_init() < 0 ? err_set(&e, E_BUG, "libsodium does not start") : 0;
    if (r >= 0)
        r = load_logs(a, &logs, &e);
    if (r >= 0)
        r = lock_dir(cli_value(a, "dir", "witness"), &lock_fd, &e);
    if (r >= 0)
        r = witness_open(cli_value(a, "dir", "witness"), cli_value(a, "name", NULL), &logs, &w, &e);
    if (r >= 0) {
        printf("%s\n", tlog_vkey_format(witness_vkey(w), vkey));
        fflush(stdout);
        log_info("witness", "cosigning %zu logs as %s", logs.logs_n, witness_vkey(w)->name);
        r = witness_serve(w, cli_value(a, "listen", "127.0.0.1:8090"), on_listening, &e);
    }
    witness_close(w);
    if (lock_fd >= 0)
        close(lock_fd);
    return r < 0 ? cli_fail(a, &e, r) : 0;
}

static const struct cli_option options[] = {
    {.name = "dir", .value = "DIR", .help = "key and state (default ./witness)"},
    {.name = "name",
     .value = "NAME",
     .help = "name of a new key, as in example.org/witness; only for the first run"},
    {.name = "log", .value = "VKEY", .help = "a log to cosign", .repeat = true},
    {.name = "logs",
     .value = "FILE",
     .help = "logs to cosign: the log lines of a tlog-policy file"},
    {.name = "listen", .value = "ADDR:PORT", .help = "where to answer (default 127.0.0.1:8090)"},
    {0},
};
const struct cli_command cli_witness = {
    .name = "witness",
    .summary = "cosign the logs of others, so that they cannot take anything back",
    .details =
        "Runs a witness by the tlog-witness protocol: logs hand in their newest checkpoint with a "
        "proof that it continues the one before; the witness remembers and cosigns it. A log that "
        "shows different histories to different people, or drops entries, gets no signature, and "
        "what it had signed before stays here as evidence.\n\n"
        "The first line printed is the witness's key, which goes into the policies of those who "
        "rely on it. Requests are authenticated by the logs' signatures, so plain HTTP does; put a "
        "web server with TLS in front for the internet.",
    .options = options,
    .examples =
        "# Watch one log from a machine of your own\n"
        "lethe witness --name example.org/witness --log VKEY --listen 0.0.0.0:8090\n"
        "# The newest checkpoint that was cosigned\n"
        "curl http://127.0.0.1:8090/$(printf %s ORIGIN | sha256sum | cut -c1-64)/checkpoint",
    .run = run_witness,
};
