/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/verify.h"
#include "seal/file.h"

/* A tlog-policy, or verifier keys one a line. */
static int load_keys(const char *path, struct tlog_policy *p, struct err *reterr)
{
    char *text = malloc(TLOG_POLICY_BYTES + 1);
    size_t len = 0, used = 0;
    int r = text ? seal_file_read(path, (uint8_t *)text, TLOG_POLICY_BYTES, &len, NULL, reterr)
                 : -ENOMEM;
    if (r >= 0) {
        text[len] = 0;
        bool keys = true;
        while (keys && used < len && p->logs_n < TLOG_POLICY_LOGS) {
            size_t n = strcspn(text + used, "\n");
            keys = !n || tlog_vkey_parse(text + used, n, &p->logs[p->logs_n++], NULL) >= 0;
            used += n + 1;
        }
        p->quorum = -1;
        if (!keys || !p->logs_n) {
            memset(p, 0, sizeof(*p));
            r = tlog_policy_parse(text, len, p, reterr);
        }
    }
    free(text);
    return r;
}

int verify_file(const char *path, const char *keys, struct evidence_report *ret, struct err *reterr)
{
    struct tlog_policy *p = keys ? calloc(1, sizeof(*p)) : NULL;
    int r = keys ? p ? load_keys(keys, p, reterr) : -ENOMEM : 0;
    int fd = r < 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (r >= 0 && fd < 0)
        r = err_set(reterr, -errno, "%s: %s", path, err_text(-errno));
    if (r >= 0) {
        r = evidence_verify(fd, p, ret, reterr);
        if (r < 0)
            err_prefix(reterr, "%s: ", path);
    }
    if (fd >= 0)
        close(fd);
    free(p);
    return r;
}

static void print_evidence(FILE *out, const struct evidence_report *r)
{
    const struct signing_report *s = &r->camera_signature;
    fprintf(out, "case %s, %d approvals, order %s\n", r->case_id, r->approvals,
            !r->order_logged ? "NOT proved to be in the log"
            : r->log_pinned  ? "in the log, by the key given"
                             : "in the log, by the key in the file");
    fprintf(out, "signature of the camera: %s%s%s\n", signing_verdict_name(s->verdict),
            s->signer[0] ? ", " : "", s->signer);
}

void verify_print(FILE *out, const char *path, const struct evidence_report *r)
{
    char from[TIME_TEXT], to[TIME_TEXT], at[TIME_TEXT];
    fprintf(out, "%s: %s of camera %s, %s to %s\n", path, r->evidence ? "evidence" : "recording",
            r->camera, time_format(r->from_us, from), time_format(r->to_us, to));
    fprintf(out, "%zu of %zu fragments are as they were recorded, %llu pictures\n",
            r->fragments_right, r->fragments, (unsigned long long)r->frames);
    if (r->evidence)
        print_evidence(out, r);
    for (size_t i = 0; i < r->notes; i++)
        fprintf(out, "note: %s\n", r->note[i]);
    for (size_t i = 0; i < r->problems && i < EVIDENCE_PROBLEMS; i++) {
        const struct evidence_problem *p = &r->problem[i];
        fprintf(out, "PROBLEM %s%s%s: %s\n", p->what, p->at_us ? " at " : "",
                p->at_us ? time_format(p->at_us, at) : "", p->text);
    }
    if (r->problems > EVIDENCE_PROBLEMS)
        fprintf(out, "… and %zu more\n", r->problems - EVIDENCE_PROBLEMS);
    fprintf(out, "%s\n", r->problems ? "NOT VERIFIED" : "VERIFIED");
}

json_t *verify_json(const char *path, const struct evidence_report *r)
{
    char from[TIME_TEXT], to[TIME_TEXT], at[TIME_TEXT];
    json_t *problems = json_array(), *notes = json_array();
    for (size_t i = 0; i < r->problems && i < EVIDENCE_PROBLEMS; i++) {
        const struct evidence_problem *p = &r->problem[i];
        json_array_append_new(problems, json_pack("{ss ss* ss}", "what", p->what, "at",
                                                  p->at_us ? time_format(p->at_us, at) : NULL,
                                                  "text", p->text));
    }
    for (size_t i = 0; i < r->notes; i++)
        json_array_append_new(notes, json_string(r->note[i]));
    return json_pack(
        "{sb ss ss ss ss ss ss sI sI sI sI si sb sb ss sI so so}", "ok", r->problems == 0, "file",
        path, "kind", r->evidence ? "evidence" : "recording", "camera", r->camera, "from",
        time_format(r->from_us, from), "to", time_format(r->to_us, to), "case", r->case_id,
        "frames", (json_int_t)r->frames, "bytes", (json_int_t)r->bytes, "fragments",
        (json_int_t)r->fragments, "fragments_right", (json_int_t)r->fragments_right, "approvals",
        r->approvals, "order_logged", r->order_logged, "log_pinned", r->log_pinned,
        "camera_signature", signing_verdict_name(r->camera_signature.verdict), "problems_count",
        (json_int_t)r->problems, "notes", notes, "problems", problems);
}
