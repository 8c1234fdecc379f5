/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The process: a thread for each witness that has an address. */
#include "tlog/cosigner.h"

#include <curl/curl.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "tlog/client.h"
#include "tlog/durable.h"

#define LOOK_MS 500    /* how often the log's checkpoint is looked at */
#define TARGET_MS 5000 /* how long the others wait for a slow witness */
#define RETRY_MIN_MS 1000
#define RETRY_MAX_MS 300000
#define STACK_BYTES ((size_t)1 << 20)

/*
 * All workers ask for the same checkpoint, so that its cosignatures come together even while the log grows; the next one
 * is taken when all have answered, or after a while.
 */
struct cosigner {
    const struct cosigner_options *o;
    char log_dir[PATH_MAX];
    atomic_bool stop;
    pthread_mutex_t lock; /* guards target, size, taken_ms, asking */
    struct buf target;
    uint64_t size;    /* of target; 0: none yet */
    int64_t taken_ms; /* monotonic */
    size_t workers;   /* witnesses with an address */
    size_t asking;    /* workers that have not had an answer for target */
};

struct worker {
    struct cosigner *c;
    size_t i; /* in the policy */
    pthread_t thread;
    bool started;
    uint64_t old;   /* what the witness has */
    uint64_t done;  /* size of the newest checkpoint that it cosigned for us */
    bool any;       /* done is valid */
    long pause_ms;  /* after a failure */
    char said[400]; /* the failure that was reported last */
    struct buf note, lines;
};

static void nap(long ms)
{
    const struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

static void pause_for(const struct cosigner *c, long ms)
{
    for (; ms > 0 && !c->stop; ms -= LOOK_MS)
        nap(ms < LOOK_MS ? ms : LOOK_MS);
}

/* One request to the logger; the answer is of no interest beyond its success. */
static int tell(const struct worker *w, json_t *request, json_t **ret_answer, struct err *reterr)
{
    struct tlog_client *client = NULL;
    json_t *answer = NULL;
    int r = request ? tlog_client_open(w->c->o->data_dir, TLOG_CLIENT_TIMEOUT_MS, &client, reterr)
                    : -ENOMEM;
    if (r >= 0)
        r = tlog_client_call(client, request, &answer, reterr);
    tlog_client_close(client);
    json_decref(request);
    if (ret_answer)
        *ret_answer = answer;
    else
        json_decref(answer);
    return r;
}

static void report(struct worker *w, const char *text)
{
    const char *name = w->c->o->policy->names[w->i];
    if (strcmp(w->said, text) != 0 && text[0])
        log_warn("cosigner", "witness %s: %s; trying again, appending goes on without it", name,
                 text);
    else if (w->said[0] && !text[0])
        log_info("cosigner", "witness %s cosigns again", name);
    snprintf(w->said, sizeof(w->said), "%s", text);
    (void)tell(w, json_pack("{s:s, s:s, s:s}", "op", "witness", "name", name, "error", text), NULL,
               NULL);
}

/* It knows more entries than there are: let the logger see its proof of that. */
static void look_ahead(struct worker *w, const char *origin, uint64_t size, struct err *e)
{
    struct buf theirs;
    json_t *answer = NULL;
    const char *url = w->c->o->policy->witness_urls[w->i];
    buf_init(&theirs, COSIGNER_ANSWER_BYTES);
    int r = cosigner_fetch(url, origin, &theirs, e);
    if (r >= 0)
        (void)tell(w,
                   json_pack("{s:s, s:s%}", "op", "compare", "checkpoint",
                             (const char *)theirs.data, theirs.len),
                   &answer, e);
    bool refused = json_is_true(json_object_get(answer, "refused"));
    if (refused)
        err_set(e, E_DENIED,
                "it has cosigned %llu entries of this log, which were signed by its key: the log "
                "was rolled back",
                (unsigned long long)size);
    else
        err_set(e, E_PROTOCOL, "it says to have cosigned %llu entries, and does not prove it",
                (unsigned long long)size);
    json_decref(answer);
    buf_release(&theirs);
}

static int deliver(struct worker *w, struct err *e)
{
    json_t *answer = NULL;
    int r = tell(w,
                 json_pack("{s:s, s:s%, s:s%}", "op", "cosign", "checkpoint",
                           (const char *)w->note.data, w->note.len, "lines",
                           (const char *)w->lines.data, w->lines.len),
                 &answer, e);
    json_decref(answer);
    return r;
}

/* Did the witness sign with the key that we know? */
static int check_lines(const struct worker *w, const struct tlog_note *n, struct err *e)
{
    struct buf joined;
    struct tlog_note all;
    uint64_t signers;
    buf_init(&joined, TLOG_NOTE_BYTES);
    int r = buf_appendf(&joined, "%.*s\n", (int)n->text_len, n->text);
    if (r >= 0)
        r = buf_append(&joined, w->lines.data, w->lines.len);
    if (r >= 0)
        r = tlog_note_parse(joined.data, joined.len, &all, e);
    if (r >= 0 && all.text_len != n->text_len)
        r = err_set(e, E_PROTOCOL, "it answers with something else than signature lines");
    if (r >= 0)
        r = tlog_note_verify(&all, &w->c->o->policy->witnesses[w->i], 1, &signers, e);
    buf_release(&joined);
    return r;
}

/* Take the log's newest checkpoint as the target, unverified: the witness and the logger verify. */
static void renew_target(struct cosigner *c, size_t workers)
{
    char path[PATH_MAX + 16];
    struct tlog_note n;
    struct tlog_checkpoint head;
    struct buf b;
    int64_t now = clock_mono_us(&clock_system) / 1000;
    if (c->size && c->asking && now - c->taken_ms < TARGET_MS)
        return;
    buf_init(&b, TLOG_CHECKPOINT_BYTES);
    snprintf(path, sizeof(path), "%s/checkpoint", c->log_dir);
    if (durable_read(path, &b, NULL) < 0 || tlog_note_parse(b.data, b.len, &n, NULL) < 0 ||
        tlog_checkpoint_parse(n.text, n.text_len, &head, NULL) < 0 || head.size == c->size) {
        buf_release(&b);
        return;
    }
    buf_release(&c->target);
    c->target = b;
    c->size = head.size;
    c->taken_ms = now;
    c->asking = workers;
}

/* A copy of the target; false while this worker has nothing to ask. */
static bool next_note(struct worker *w, struct tlog_note *n, struct tlog_checkpoint *ret)
{
    struct cosigner *c = w->c;
    pthread_mutex_lock(&c->lock);
    renew_target(c, c->workers);
    bool work = c->size > 0 && !(w->any && w->done == c->size);
    w->note.len = 0;
    work = work && buf_append(&w->note, c->target.data, c->target.len) >= 0;
    pthread_mutex_unlock(&c->lock);
    return work && tlog_note_parse(w->note.data, w->note.len, n, NULL) >= 0 &&
           tlog_checkpoint_parse(n->text, n->text_len, ret, NULL) >= 0;
}

static void answered(struct worker *w, uint64_t size)
{
    pthread_mutex_lock(&w->c->lock);
    if (w->c->size == size && w->c->asking > 0)
        w->c->asking--;
    pthread_mutex_unlock(&w->c->lock);
    w->done = size;
    w->any = true;
    w->pause_ms = 0;
}

static int once(struct worker *w, const struct tlog_note *n, const struct tlog_checkpoint *c,
                struct err *e)
{
    const char *url = w->c->o->policy->witness_urls[w->i];
    uint64_t size = 0;
    switch (cosigner_ask(url, w->c->log_dir, &w->note, &w->old, &w->lines, &size, e)) {
    case COSIGNER_AHEAD:
        look_ahead(w, c->origin, size, e);
        return E_DENIED;
    case COSIGNER_FAILED:
        return E_PROTOCOL;
    case COSIGNER_SIGNED:
        break;
    }
    int r = check_lines(w, n, e);
    return r < 0 ? r : deliver(w, e);
}

static void *work(void *arg)
{
    struct worker *w = arg;
    struct tlog_note n;
    struct tlog_checkpoint c;
    while (!w->c->stop) {
        struct err e = {0};
        if (!next_note(w, &n, &c)) {
            nap(LOOK_MS);
            continue;
        }
        if (once(w, &n, &c, &e) >= 0) {
            answered(w, c.size);
            report(w, "");
            continue;
        }
        report(w, e.text[0] ? e.text : "no answer");
        long longest = w->c->o->retry_max_ms ? w->c->o->retry_max_ms : RETRY_MAX_MS;
        long first = w->c->o->retry_min_ms ? w->c->o->retry_min_ms : RETRY_MIN_MS;
        w->pause_ms = w->pause_ms ? w->pause_ms * 2 : first;
        w->pause_ms = w->pause_ms > longest ? longest : w->pause_ms;
        pause_for(w->c, w->pause_ms);
    }
    return NULL;
}

static int start_workers(struct cosigner *c, struct worker *workers)
{
    pthread_attr_t attr;
    int started = 0;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    for (size_t i = 0; i < c->o->policy->witnesses_n; i++) {
        struct worker *w = &workers[i];
        w->c = c;
        w->i = i;
        buf_init(&w->note, TLOG_CHECKPOINT_BYTES);
        buf_init(&w->lines, COSIGNER_ANSWER_BYTES);
        if (!c->o->policy->witness_urls[i][0])
            continue;
        w->started = pthread_create(&w->thread, &attr, work, w) == 0;
        started += w->started;
    }
    pthread_attr_destroy(&attr);
    return started;
}

static void beat_until_signal(const struct cosigner *c, const sigset_t *set)
{
    const struct timespec second = {1, 0};
    do {
        if (c->o->heartbeat_fd >= 0 && write(c->o->heartbeat_fd, ".", 1) < 0 && errno == EPIPE)
            return;
    } while (sigtimedwait(set, NULL, &second) < 0);
}

int cosigner_run(const struct cosigner_options *o, struct err *reterr)
{
    static struct worker workers[TLOG_POLICY_WITNESSES];
    static struct cosigner c;
    sigset_t set;
    c.o = o;
    pthread_mutex_init(&c.lock, NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    snprintf(c.log_dir, sizeof(c.log_dir), "%s/log", o->data_dir);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
        return err_set(reterr, -ENOMEM, "libcurl does not start");
    for (size_t i = 0; i < o->policy->witnesses_n; i++)
        c.workers += o->policy->witness_urls[i][0] != 0;
    int n = start_workers(&c, workers);
    log_info("cosigner", "asking %d witnesses to cosign", n);
    beat_until_signal(&c, &set);
    c.stop = true;
    /* A thread may be in a request of up to half a minute: the process ends without it. */
    return 0;
}
