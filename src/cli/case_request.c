/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `lethe case request`: make a session, write the order, hand it in. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hex.h"
#include "cli/case.h"
#include "cli/output.h"

/* What the requester needs later stands in the session's file as comments. */
static int note_in_session(const char *path, const struct case_order *o, const char *salt,
                           struct err *reterr)
{
    char text[256];
    int n = snprintf(text, sizeof(text), "# case: %s\n# reference salt: %s\n", o->id, salt);
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    bool ok = fd >= 0 && write(fd, text, (size_t)n) == n && fsync(fd) == 0;
    int r = ok ? 0 : err_set(reterr, -errno, "writing %s: %s", path, err_text(-errno));
    if (fd >= 0)
        close(fd);
    return r;
}

static int fill_times(const struct cli_args *a, struct cli_case *c, struct case_order *o)
{
    long long from = 0, to = 0, valid = 0;
    if (cli_time(a, "from", &from) < 0 || cli_time(a, "to", &to) < 0 ||
        cli_duration(a, "valid", DAY_US, &valid) < 0)
        return -1;
    o->from_us = from - from % 1000;
    o->to_us = to - to % 1000;
    o->made_us = c->desk.now_us - c->desk.now_us % 1000;
    o->not_after_us = o->made_us + valid - valid % 1000;
    if (cli_flag(a, "urgent"))
        o->urgent_us = o->made_us + c->rules.urgent_us;
    return 0;
}

static int fill_order(const struct cli_args *a, struct cli_case *c, const uint8_t salt[16],
                      struct case_order *o, struct err *reterr)
{
    const char *camera;
    for (size_t i = 0; (camera = cli_nth(a, "camera", i)); i++) {
        if (o->cameras == CASE_CAMERAS)
            return err_set(reterr, E_LIMIT, "an order names at most %d cameras", CASE_CAMERAS);
        snprintf(o->camera[o->cameras++], SEAL_NAME, "%s", camera);
    }
    case_id_random(o->id);
    snprintf(o->node, sizeof(o->node), "%s", c->config.node);
    snprintf(o->purpose, sizeof(o->purpose), "%s", cli_value(a, "purpose", ""));
    snprintf(o->basis, sizeof(o->basis), "%s", cli_value(a, "basis", ""));
    case_reference_commit(salt, cli_value(a, "reference", ""), o->reference);
    return 0;
}

static int sign_and_hand_in(struct cli_case *c, struct case_order *o,
                            const struct seal_identity *session, struct case_folder *ret,
                            struct err *reterr)
{
    struct buf note;
    buf_init(&note, CASE_ORDER_BYTES);
    snprintf(o->session, sizeof(o->session), "%s", session->recipient);
    o->requester = session->signer.vkey;
    int r = case_order_check(o, reterr);
    if (r >= 0)
        r = case_order_sign(o, &session->signer, &note, reterr);
    if (r >= 0)
        r = case_desk_request(&c->desk, note.data, note.len, ret, reterr);
    buf_release(&note);
    return r;
}

static int tell(const struct cli_args *a, struct cli_case *c, const struct case_folder *f,
                const char *session)
{
    struct buf words;
    if (cli_flag(a, "json")) {
        json_t *o = cli_case_json(c, f, NULL);
        json_object_set_new(o, "session_file", json_string(session));
        return cli_json_print(o);
    }
    buf_init(&words, 65536);
    if (case_words(&f->order, &c->codes, c->language, 0, &words) >= 0)
        fwrite(words.data, 1, words.len, stdout);
    buf_release(&words);
    printf("\nThe order is in the log. %d of %d custodians have to approve:\n"
           "  lethe custodian approve %s --identity FILE\nThen, with the key in %s:\n"
           "  lethe case open %s --session %s -o OUT.mp4\n",
           c->policy.threshold, c->policy.count, f->order.id, session, f->order.id, session);
    return 0;
}

static int request(const struct cli_args *a, struct cli_case *c, const char *path,
                   struct case_folder *ret, struct err *reterr)
{
    struct case_order o = {0};
    struct seal_identity *session = NULL;
    uint8_t salt[16];
    char hex[33];
    if (sodium_init() < 0)
        return E_BUG;
    randombytes_buf(salt, sizeof(salt));
    int r = fill_order(a, c, salt, &o, reterr);
    if (r < 0)
        return r;
    if (fill_times(a, c, &o) < 0)
        return err_set(reterr, E_SYNTAX, "the times of the order cannot be read");
    r = seal_identity_generate(path, "session", NULL, &session, reterr);
    if (r < 0)
        return r;
    r = note_in_session(path, &o, hex_encode(salt, sizeof(salt), hex), reterr);
    if (r >= 0)
        r = sign_and_hand_in(c, &o, session, ret, reterr);
    seal_identity_free(session);
    if (r < 0)
        unlink(path); /* a session without an order is of no use */
    return r;
}

static int run(const struct cli_args *a)
{
    struct cli_case c;
    struct case_folder f;
    struct err e = {0};
    const char *path = cli_value(a, "session", "");
    prctl(PR_SET_DUMPABLE, 0);
    int r = cli_case_begin(a, &c, &e);
    if (r >= 0 && !c.policy.count)
        r = err_set(&e, E_NOTFOUND, "%s has no custodians: is it the data directory of a node?",
                    c.data_dir);
    if (r >= 0)
        r = request(a, &c, path, &f, &e);
    int code = r < 0 ? cli_fail(a, &e, r) : tell(a, &c, &f, path);
    if (r >= 0)
        case_folder_release(&f);
    cli_case_release(&c);
    return code;
}

static const struct cli_option options[] = {
    {"camera", "ID", "which camera; may stand several times", .repeat = true, .required = true},
    {"from", "T", "begin of the span, like 2026-11-23T10:00:00Z or -10m", .required = true},
    {"to", "T", "its end, not included, not in the future", .required = true},
    {"purpose", "CODE", "what for: a code of 'lethe case codes'", .required = true},
    {"basis", "CODE", "by what right: a code of the same list", .required = true},
    {"reference", "TEXT", "reference of your file; only a salted commitment to it is published",
     .required = true},
    {"session", "FILE", "key of the session, to be written; whoever has it can look",
     .required = true},
    {"valid", "TIME", "how long the order is valid (default 24h)"},
    {"urgent", NULL, "must be confirmed within 48 h, or the case ends"},
    CLI_CASE_DATA,
    CLI_CASE_CONFIG,
    CLI_CASE_LANG,
    {"json", NULL, "print the case with {id, state, session_file, …}"},
    {0},
};

const struct cli_command cli_case_request = {
    .name = "case request",
    .summary = "ask the custodians to open one span of named cameras",
    .details =
        "Makes a key for the session that will look at the pictures, signs an opening order and "
        "puts it into the public log. The custodians' tools show it and refuse to act on an "
        "order that is not in the log.\n\n"
        "The log says which cameras, which span, what for and by what right; never who asks.",
    .options = options,
    .examples =
        "# sixteen minutes of one camera\n"
        "lethe case request --camera gate --from 2026-11-25T10:02:00Z --to 2026-11-25T10:18:00Z "
        "--purpose crime --basis hk.pdpo-58 --reference RN26001234 --session session.txt",
    .run = run,
};
