/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Reader of age files, with the identity of the corpus (32 bytes of 0x42, as in the examples of the format). */
#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "seal/age.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct seal_identity id, *ids[] = {&id};
    if (!id.recipient[0]) {
        memset(id.secret, 0x42, sizeof(id.secret));
        if (sodium_init() < 0 || crypto_scalarmult_base(id.public_key, id.secret) != 0)
            abort();
        id.recipient[0] = 'a';
    }
    uint8_t *out = malloc(size + 1);
    size_t len = 0;
    int r = seal_age_decrypt(data, size, ids, 1, out, size + 1, &len);
    assert(r <= 0 && len <= size);
    if (r == 0) { /* what opens can be written again and opens again */
        struct buf again;
        size_t back = 0;
        uint8_t *text = malloc(len + 1);
        buf_init(&again, 0);
        assert(seal_age_encrypt(id.public_key, out, len, &again) == 0 &&
               again.len == seal_age_size(len));
        assert(seal_age_decrypt(again.data, again.len, ids, 1, text, len + 1, &back) == 0);
        assert(back == len && memcmp(text, out, len) == 0);
        buf_release(&again);
        free(text);
    }
    free(out);
    return 0;
}
