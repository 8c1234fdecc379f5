/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "serve/report.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "serve/datadir.h"
#include "serve/sd_notify.h"

static json_t *time_or_null(int64_t us)
{
    char text[TIME_TEXT];
    return us ? json_string(time_format(us, text)) : json_null();
}

static json_t *child_json(const struct supervisor_state *s)
{
    return json_pack("{s:s, s:s, s:i, s:i, s:o, s:s, s:o, s:i}", "name", s->name, "phase",
                     supervisor_phase_name(s->phase), "pid", (int)s->pid, "restarts",
                     (int)s->restarts, "since", time_or_null(s->since_us), "death", s->death,
                     "death_at", time_or_null(s->death_us), "pause_ms",
                     s->phase == SUPERVISOR_PAUSING ? s->pause_ms : 0);
}

static void write_file(const struct report *r, const struct supervisor_state *states, int count)
{
    json_t *children = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(children, child_json(&states[i]));
    json_t *all = json_pack("{s:i, s:o, s:o}", "pid", (int)getpid(), "started",
                            time_or_null(r->started_us), "children", children);
    char *text = all ? json_dumps(all, JSON_INDENT(1)) : NULL;
    struct err e = {0};
    int code = text ? datadir_write_run(r->data_dir, "serve.json", text, strlen(text), &e) : -1;
    if (code < 0)
        log_warn("serve", "the state of the processes could not be written down: %s",
                 err_str(&e, code));
    free(text);
    json_decref(all);
}

/* "recorder up, web pausing (was killed by SIGSEGV)" */
static void describe(const struct supervisor_state *states, int count, char *text, size_t cap)
{
    size_t n = 0;
    text[0] = 0;
    for (int i = 0; i < count && n < cap; i++) {
        const struct supervisor_state *s = &states[i];
        bool why = s->phase == SUPERVISOR_PAUSING;
        n += (size_t)snprintf(text + n, cap - n, "%s%s %s%s%s%s", i ? ", " : "", s->name,
                              supervisor_phase_name(s->phase), why ? " (" : "", why ? s->death : "",
                              why ? ")" : "");
    }
}

void report_changed(void *user, const struct supervisor_state *states, int count, bool ready,
                    bool stopping)
{
    struct report *r = user;
    char status[600], message[700];
    describe(states, count, status, sizeof(status));
    bool tell_ready = ready && !r->told_ready;
    snprintf(message, sizeof(message), "%s%sSTATUS=%s", tell_ready ? "READY=1\n" : "",
             stopping ? "STOPPING=1\n" : "", status);
    int code = sd_notify_send(message);
    if (code < 0)
        log_warn("serve", "the service manager could not be told: %s", err_text(code));
    if (tell_ready) {
        r->told_ready = true;
        log_info("serve", "ready; status page at %s", r->address);
    }
    write_file(r, states, count);
}
