/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Requests of log.sock, one a line, against a log that is there; and add-checkpoint requests against a witness. */
#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tlog/logger.h"
#include "tlog/witness.h"

static struct logger_requests *requests;
static struct witness *witness;
static struct tlog_policy policy;
static char dir[64];

static void set_up(void)
{
    struct logger_options o = {.data_dir = dir,
                               .origin = "example.org/log",
                               .policy = &policy,
                               .heartbeat_fd = -1,
                               .no_sync = true,
                               .clock = &clock_system};
    static const uint8_t seed[32] = {7};
    struct tlog_skey w;
    char path[96];
    snprintf(dir, sizeof(dir), "/tmp/lethe-fuzz-XXXXXX");
    assert(sodium_init() >= 0 && mkdtemp(dir));
    policy.quorum = 0;
    policy.witnesses_n = 1;
    assert(tlog_skey_init(&w, "w.example/1", TLOG_KEY_COSIGNATURE, seed, NULL) == 0);
    policy.witnesses[0] = w.vkey;
    snprintf(policy.names[0], sizeof(policy.names[0]), "w");
    assert(tlog_skey_init(&w, "example.org/log", TLOG_KEY_NOTE, seed, NULL) == 0);
    policy.logs[policy.logs_n++] = w.vkey;
    assert(logger_requests_open(&o, &requests, NULL) == 0);
    snprintf(path, sizeof(path), "%s/witness", dir);
    assert(witness_open(path, "w.example/1", &policy, &witness, NULL) == 0);
}

static void tear_down(void)
{
    char command[96];
    logger_requests_close(requests);
    witness_close(witness);
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    if (system(command) != 0)
        fprintf(stderr, "%s is left\n", dir);
}

static void one_line(const char *line, size_t len)
{
    struct logger_request r, *list[1] = {&r};
    struct buf out;
    buf_init(&out, 0);
    int code = logger_request_parse(line, len, &r);
    if (code > 0)
        logger_commit(requests, list, 1);
    assert(logger_answer(requests, &r, &out) == 0);
    assert(out.len > 2 && out.data[0] == '{' && out.data[out.len - 1] == '\n');
    assert(memchr(out.data, '\n', out.len) == out.data + out.len - 1);
    logger_request_release(&r);
    buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data, *end;
    struct witness_answer a;
    if (!requests) {
        set_up();
        atexit(tear_down);
    }
    for (size_t at = 0; at < size && (end = memchr(text + at, '\n', size - at));
         at = (size_t)(end - text) + 1)
        one_line(text + at, (size_t)(end - text) - at);
    witness_add_checkpoint(witness, data, size, 1700000000, &a);
    assert(a.status == 200 || (a.status >= 400 && a.status <= 422));
    assert(a.body.len > 0);
    buf_release(&a.body);
    return 0;
}
