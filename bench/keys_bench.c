/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * What a change of epoch costs: a key for each of CAMERAS cameras, split THRESHOLD of CUSTODIANS, every share encrypted
 * to its custodian, as the recorder does it.
 *
 *     keys_bench [cameras=2500] [custodians=5] [threshold=3]
 *
 * Prints CPU seconds of one core and bytes of share file per camera and 30 days (epochs of ten minutes).
 */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "args.h"
#include "seal/seal.h"

#define EPOCHS_OF_30_DAYS (30 * 24 * 6)

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int make_policy(struct seal_policy *p, struct err *reterr)
{
    for (int i = 0; i < p->count; i++) {
        char path[] = "/tmp/lethe-keys-bench.XXXXXX";
        struct seal_identity *id;
        if (!mkdtemp(path))
            return err_set(reterr, -EIO, "cannot make a folder in /tmp");
        char file[sizeof(path) + 8];
        snprintf(file, sizeof(file), "%s/id", path);
        int r = seal_identity_generate(file, "bench", NULL, &id, reterr);
        unlink(file);
        rmdir(path);
        if (r < 0)
            return r;
        snprintf(p->custodian[i].name, sizeof(p->custodian[i].name), "custodian-%d", i + 1);
        snprintf(p->custodian[i].recipient, sizeof(p->custodian[i].recipient), "%s", id->recipient);
        seal_identity_free(id);
    }
    return seal_policy_check(p, reterr);
}

static int run(int cameras, const struct seal_policy *p, struct err *reterr)
{
    struct seal_vault *v;
    struct buf out;
    int r = seal_vault_new(16, &v, reterr);
    if (r < 0)
        return r;
    buf_init(&out, (size_t)1 << 30);
    double start = cpu_seconds();
    for (int i = 0; i < cameras && r >= 0; i++) {
        struct seal_context c = {.node = "bench", .epoch_length_us = INT64_C(600000000)};
        struct seal_key *k;
        snprintf(c.camera, sizeof(c.camera), "camera-%d", i);
        r = seal_key_create(v, p, &c, &k, &out);
        if (r >= 0)
            seal_key_destroy(v, k);
    }
    double spent = cpu_seconds() - start;
    if (r >= 0)
        printf(
            "%d cameras, %d of %d: %.3f CPU seconds, %.3f ms a key; %.1f MB of shares per camera "
            "and 30 days\n",
            cameras, p->threshold, p->count, spent, spent * 1e3 / cameras,
            (double)out.len / cameras * EPOCHS_OF_30_DAYS / 1e6);
    buf_release(&out);
    seal_vault_free(v);
    return r;
}

int main(int argc, char **argv)
{
    struct err e = {0};
    int cameras = (int)arg_number(argc, argv, 1, "cameras", 2500, 1, 1000000);
    static struct seal_policy p;
    p.count = (int)arg_number(argc, argv, 2, "custodians", 5, 2, SEAL_CUSTODIANS);
    p.threshold = (int)arg_number(argc, argv, 3, "threshold", 3, 2, p.count);
    int r =
        sodium_init() < 0 ? err_set(&e, E_BUG, "libsodium does not start") : make_policy(&p, &e);
    if (r >= 0)
        r = run(cameras, &p, &e);
    if (r < 0)
        fprintf(stderr, "keys_bench: %s\n", e.text);
    return r < 0;
}
