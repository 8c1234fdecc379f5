/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Identity files and the custodian file. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "seal/bech32.h"
#include "seal/seal.h"

static void policy(const uint8_t *data, size_t size)
{
    static char path[64];
    struct seal_policy p;
    struct err e = {0};
    if (!path[0])
        snprintf(path, sizeof(path), "/tmp/lethe-fuzz-policy-%d", (int)getpid());
    FILE *f = fopen(path, "wb");
    assert(f);
    fwrite(data, 1, size, f);
    fclose(f);
    int r = seal_policy_load(path, 2, &p, &e);
    assert(r == 0 || (r < 0 && e.text[0]));
    unlink(path);
    if (r == 0)
        assert(p.threshold >= 2 && p.count >= p.threshold && p.count <= SEAL_CUSTODIANS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seal_identity *id = NULL;
    struct err e = {0};
    if (size > 65536)
        return 0;
    int r = seal_identity_parse("input", (const char *)data, size, &id, &e);
    assert((r == 0) == (id != NULL) && (r == 0 || e.text[0]));
    if (r == 0) {
        char text[SEAL_IDENTITY_CHARS + 1];
        seal_identity_encode(id->secret,
                             text); /* the one spelling of this key stands in the input */
        assert(memmem(data, size, text, SEAL_IDENTITY_CHARS));
    }
    seal_identity_free(id);
    policy(data, size);
    return 0;
}
