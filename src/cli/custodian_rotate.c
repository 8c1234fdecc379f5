/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * `lethe custodian rotate`: a new identity for the coming week, with the same signing key. `lethe custodian destroy`: an old
 * one is destroyed, and the custodian signs that it was.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/case.h"
#include "cli/output.h"
#include "seal/file.h"

static int load(const struct cli_args *a, struct seal_identity **ret, struct err *reterr)
{
    int r = seal_identity_load(cli_value(a, "identity", ""), ret, reterr);
    if (r > 0)
        fprintf(stderr, "warning: %s\n", reterr->text);
    if (r >= 0 && !(*ret)->signs)
        r = err_set(reterr, E_AUTH, "%s has no signing key", cli_value(a, "identity", ""));
    return r;
}

static int run_rotate(const struct cli_args *a)
{
    struct seal_identity *old = NULL, *made = NULL;
    struct err e = {0};
    char vkey[TLOG_VKEY_TEXT];
    const char *out = cli_value(a, "output", "");
    prctl(PR_SET_DUMPABLE, 0);
    int r = load(a, &old, &e);
    if (r >= 0)
        r = seal_identity_generate(out, "", old, &made, &e);
    int code = 0;
    if (r < 0) {
        code = cli_fail(a, &e, r);
    } else {
        const char *name = made->signer.vkey.name;
        tlog_vkey_format(&made->signer.vkey, vkey);
        code =
            cli_flag(a, "json")
                ? cli_json_print(json_pack("{ss ss ss ss}", "recipient", made->recipient,
                                           "replaces", old->recipient, "signer", vkey, "file", out))
                : printf("%s %s %s\n", name, made->recipient, vkey) < 0;
        if (isatty(STDERR_FILENO))
            fprintf(stderr,
                    "Give this line to the operator. Keep the old file until the retention of "
                    "what was recorded with it is over; then: lethe custodian destroy\n");
    }
    seal_identity_free(old);
    seal_identity_free(made);
    return code;
}

static const struct cli_option rotate_options[] = {
    {"identity", "FILE", "the identity that is in use now", .required = true},
    {"output", "FILE", "the new one; it must not exist", .required = true},
    {"json", NULL, "print {recipient, replaces, signer, file}"},
    {0},
};

const struct cli_command cli_custodian_rotate = {
    .name = "custodian rotate",
    .summary = "make the identity of the coming week; the signing key goes on",
    .details =
        "From the next epoch after the operator has put the new line into the custodian file on, "
        "shares are encrypted to the new identity. The old one opens what was recorded before and "
        "is destroyed when the retention of that is over: then nothing of its time can be opened "
        "any more, whatever copies there are, once n-t+1 custodians have done so.",
    .options = rotate_options,
    .examples = "# every Monday\nlethe custodian rotate --identity judge-47.txt -o judge-48.txt",
    .run = run_rotate,
};

static int sign_statement(const struct seal_identity *id, int64_t now_us, struct buf *out)
{
    struct buf text;
    buf_init(&text, 4096);
    int r = buf_appendf(&text, "lethe-destroyed/v1\nrecipient %s\n", id->recipient);
    if (r >= 0)
        r = case_put_time(&text, "made", now_us - now_us % 1000);
    if (r >= 0)
        r = tlog_note_sign(&id->signer, (const char *)text.data, text.len, out);
    buf_release(&text);
    return r;
}

/* Overwrite, sync, remove: what can be done on a file system; flash and backups may remember. */
static int destroy_file(const char *path, struct err *reterr)
{
    struct stat st;
    uint8_t noise[4096];
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    bool ok = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    for (off_t at = 0; ok && at < st.st_size; at += (off_t)sizeof(noise)) {
        size_t n =
            st.st_size - at < (off_t)sizeof(noise) ? (size_t)(st.st_size - at) : sizeof(noise);
        randombytes_buf(noise, n);
        ok = pwrite(fd, noise, n, at) == (ssize_t)n;
    }
    ok = ok && fsync(fd) == 0 && unlink(path) == 0;
    int r = ok ? 0 : err_set(reterr, -errno, "destroying %s: %s", path, err_text(-errno));
    if (fd >= 0)
        close(fd);
    return r;
}

static int log_statement(struct cli_case *c, const struct buf *statement, struct err *reterr)
{
    struct buf entry;
    uint64_t index;
    buf_init(&entry, 65536);
    int r = case_entry_destroyed((const char *)statement->data, statement->len, &entry);
    if (r >= 0)
        r = c->log.append(c->log.user, (const char *)entry.data, entry.len, &index, reterr);
    buf_release(&entry);
    return r;
}

static int deliver(const struct cli_args *a, const struct buf *statement, struct err *reterr)
{
    const char *out = cli_value(a, "output", NULL);
    struct cli_case c;
    if (out)
        return seal_file_write(out, statement->data, statement->len, 0644, false, reterr);
    int r = cli_case_begin(a, &c, reterr);
    if (r >= 0)
        r = log_statement(&c, statement, reterr);
    cli_case_release(&c);
    return r;
}

/* The statement is written or logged last: it must not say what has not happened. */
static int destroy(const struct cli_args *a, struct seal_identity *id, struct err *reterr)
{
    const char *path = cli_value(a, "identity", "");
    struct buf statement;
    if (!cli_flag(a, "yes"))
        return err_set(reterr, E_DENIED,
                       "%s will be destroyed, and what only it can open is lost: say --yes", path);
    buf_init(&statement, 8192);
    int r = sign_statement(id, clock_wall_us(&clock_system), &statement);
    if (r >= 0)
        r = destroy_file(path, reterr);
    if (r >= 0)
        r = deliver(a, &statement, reterr);
    buf_release(&statement);
    return r;
}

static int run_destroy(const struct cli_args *a)
{
    struct seal_identity *id = NULL;
    struct err e = {0};
    char recipient[80] = "";
    prctl(PR_SET_DUMPABLE, 0);
    int r = load(a, &id, &e);
    if (r >= 0) {
        snprintf(recipient, sizeof(recipient), "%s", id->recipient);
        r = destroy(a, id, &e);
    }
    seal_identity_free(id);
    if (r < 0)
        return cli_fail(a, &e, r);
    if (cli_flag(a, "json"))
        return cli_json_print(json_pack("{ss}", "destroyed", recipient));
    return printf("destroyed %s\n", recipient) < 0;
}

static const struct cli_option destroy_options[] = {
    {"identity", "FILE", "the identity to destroy", .required = true},
    {"yes", NULL, "really", .required = true},
    {"output", "FILE", "write the signed statement there; without it, it goes into the node's log"},
    CLI_CASE_DATA,
    CLI_CASE_CONFIG,
    {"json", NULL, "print {destroyed}"},
    {0},
};

const struct cli_command cli_custodian_destroy = {
    .name = "custodian destroy",
    .summary = "destroy an old identity and sign that it was",
    .details =
        "The file is overwritten, synced and removed, then the statement is signed with the "
        "signing "
        "key that was in it and goes into the public log. Copies on paper, sticks and in backups "
        "are yours to destroy: the statement is your word for all of them.",
    .options = destroy_options,
    .examples = "# five weeks later\nlethe custodian destroy --identity judge-47.txt --yes",
    .run = run_destroy,
};
