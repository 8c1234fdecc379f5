/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Practice custodians, so that a first run records and can be opened. Their identities lie beside the recordings: no
 * promise about sealing holds with them. custodians.txt is written last; when it is there the set is complete.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seal/file.h"
#include "seal/seal.h"

#define PRACTICE_COUNT 3
#define PRACTICE_THRESHOLD 2

static int path_in(char out[4096], const char *data_dir, const char *name)
{
    int n = snprintf(out, 4096, "%s/%s", data_dir, name);
    return n >= 0 && n < 4096 ? 0 : -ENAMETOOLONG;
}

static int one_custodian(const char *data_dir, int number, struct seal_custodian *c,
                         struct err *reterr)
{
    char name[64], path[4096];
    struct seal_identity *id = NULL;
    snprintf(name, sizeof(name), "practice/custodian-%d.txt", number);
    snprintf(c->name, sizeof(c->name), "practice-%d", number);
    int r = path_in(path, data_dir, name);
    if (r < 0)
        return r;
    r = seal_identity_load(path, &id, reterr);
    if (r == -ENOENT)
        r = seal_identity_generate(path, c->name, NULL, &id, reterr);
    if (r < 0)
        return r;
    c->signs = id->signs;
    c->signer = id->signer.vkey;
    memcpy(c->recipient, id->recipient, sizeof(c->recipient));
    seal_identity_free(id);
    return 0;
}

static int make_set(const char *data_dir, const char *file, struct seal_policy *ret,
                    struct err *reterr)
{
    char dir[4096];
    struct seal_policy p = {
        .threshold = PRACTICE_THRESHOLD, .count = PRACTICE_COUNT, .practice = true};
    int r = path_in(dir, data_dir, "practice");
    if (r >= 0 && mkdir(dir, 0700) < 0 && errno != EEXIST)
        r = err_set(reterr, -errno, "making %s: %s", dir, err_text(-errno));
    for (int i = 0; i < PRACTICE_COUNT && r >= 0; i++)
        r = one_custodian(data_dir, i + 1, &p.custodian[i], reterr);
    if (r >= 0)
        r = seal_policy_check(&p, reterr);
    if (r >= 0)
        r = seal_policy_save(file, &p, reterr);
    if (r < 0)
        return r;
    *ret = p;
    return 0;
}

static int practice_policy(const char *data_dir, bool make, struct seal_policy *ret,
                           struct err *reterr)
{
    char file[4096];
    int r = path_in(file, data_dir, "practice/custodians.txt");
    if (r < 0)
        return r;
    if (access(file, F_OK) < 0 && errno == ENOENT)
        return make ? make_set(data_dir, file, ret, reterr)
                    : err_set(
                          reterr, E_NOTFOUND,
                          "%s has no custodians yet; the first 'lethe serve' makes a practice set",
                          data_dir);
    r = seal_policy_load(file, 0, ret, reterr);
    if (r >= 0)
        ret->practice = true;
    return r;
}

int seal_practice_create(const char *data_dir, struct seal_policy *ret, struct err *reterr)
{
    return practice_policy(data_dir, true, ret, reterr);
}

int seal_policy_find(const char *data_dir, const char *file, int threshold, bool make_practice,
                     struct seal_policy *ret, struct err *reterr)
{
    char path[4096];
    if (file && *file)
        return seal_policy_load(file, threshold, ret, reterr);
    int r = path_in(path, data_dir, "custodians.txt");
    if (r < 0)
        return r;
    if (access(path, F_OK) == 0 || errno != ENOENT)
        return seal_policy_load(path, threshold, ret, reterr);
    return practice_policy(data_dir, make_practice, ret, reterr);
}
