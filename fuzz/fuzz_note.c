/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Signed notes and keys: what parses stays within its bytes, says the same when written again, and verifies or not. */
#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "tlog/note.h"

#define FOO "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct tlog_note n;
    struct tlog_vkey keys[2];
    struct tlog_skey secret;
    char text[TLOG_VKEY_TEXT];
    assert(sodium_init() >= 0 && tlog_vkey_parse(FOO, strlen(FOO), &keys[0], NULL) == 0);
    keys[1] = keys[0];
    keys[1].type = TLOG_KEY_COSIGNATURE;
    if (tlog_vkey_parse((const char *)data, size, &keys[1], NULL) == 0) {
        tlog_vkey_format(&keys[1], text);
        assert(strlen(text) == size && memcmp(text, data, size) == 0);
    }
    if (tlog_skey_parse((const char *)data, size, &secret, NULL) == 0)
        tlog_skey_wipe(&secret);
    if (tlog_note_parse(data, size, &n, NULL) < 0)
        return 0;
    assert(n.text == (const char *)data && n.text_len + 1 < size && n.text[n.text_len - 1] == '\n');
    const char *end = n.text + n.text_len + 1;
    for (size_t i = 0; i < n.signatures_n; i++) {
        assert(n.signatures[i].line == end);
        end += n.signatures[i].line_len;
    }
    assert(end == (const char *)data + size);
    uint64_t signers = 0;
    int r = tlog_note_verify(&n, keys, 2, &signers, NULL);
    assert(r == E_CRYPTO || r == E_AUTH || (r > 0 && signers != 0));
    return 0;
}
