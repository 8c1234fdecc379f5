/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Identity files as age-keygen writes them: two lines of comment and one identity. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "seal/bech32.h"
#include "seal/file.h"
#include "seal/seal.h"

#define FILE_MAX ((size_t)64 << 10)

static const char signing[] = "# signing key: "; /* a comment to age */

static int new_identity(struct seal_identity **ret, struct err *reterr)
{
    if (sodium_init() < 0)
        return err_set(reterr, E_BUG, "the system has no source of random numbers");
    struct seal_identity *id = sodium_malloc(sizeof(*id)); /* locked, between guard pages */
    if (!id)
        return -ENOMEM;
    sodium_memzero(id, sizeof(*id));
    *ret = id;
    return 0;
}

static void derive(struct seal_identity *id)
{
    crypto_scalarmult_base(id->public_key, id->secret);
    seal_recipient_encode(id->public_key, id->recipient);
}

void seal_identity_free(struct seal_identity *id)
{
    sodium_free(id); /* wipes */
}

static int parse_line(const char *name, int number, const char *line, size_t len,
                      struct seal_identity *id, int *found, struct err *reterr)
{
    if (len > 0 && line[len - 1] == '\r')
        len--;
    if (len >= sizeof(signing) - 1 && !memcmp(line, signing, sizeof(signing) - 1)) {
        id->signs = tlog_skey_parse(line + sizeof(signing) - 1, len - sizeof(signing) + 1,
                                    &id->signer, NULL) >= 0 &&
                    id->signer.vkey.type == TLOG_KEY_NOTE;
        return id->signs ? 0
                         : err_set(reterr, E_SYNTAX, "%s:%d: the signing key cannot be read", name,
                                   number);
    }
    if (len == 0 || line[0] == '#')
        return 0;
    if (*found)
        return err_set(reterr, E_SYNTAX,
                       "%s:%d: more than one identity; give each in a file of its own", name,
                       number);
    if (seal_identity_decode(line, len, id->secret) < 0)
        return err_set(reterr, E_SYNTAX, "%s:%d: not an age X25519 identity (AGE-SECRET-KEY-1…)",
                       name, number);
    *found = 1;
    return 0;
}

int seal_identity_parse(const char *name, const char *text, size_t len, struct seal_identity **ret,
                        struct err *reterr)
{
    struct seal_identity *id = NULL;
    int found = 0, number = 0, r = new_identity(&id, reterr);
    for (size_t at = 0; r >= 0 && at < len;) {
        const char *nl = memchr(text + at, '\n', len - at);
        size_t n = nl ? (size_t)(nl - (text + at)) : len - at;
        r = parse_line(name, ++number, text + at, n, id, &found, reterr);
        at += n + 1;
    }
    if (r >= 0 && !found)
        r = err_set(reterr, E_SYNTAX, "%s holds no age identity (a line AGE-SECRET-KEY-1…)", name);
    if (r < 0) {
        seal_identity_free(id);
        return r;
    }
    derive(id);
    *ret = id;
    return 0;
}

int seal_identity_load(const char *path, struct seal_identity **ret, struct err *reterr)
{
    struct stat st;
    size_t len = 0;
    if (sodium_init() < 0)
        return E_BUG;
    uint8_t *text = sodium_malloc(FILE_MAX);
    if (!text)
        return -ENOMEM;
    int r = seal_file_read(path, text, FILE_MAX, &len, &st, reterr);
    if (r >= 0)
        r = seal_identity_parse(path, (const char *)text, len, ret, reterr);
    sodium_free(text);
    if (r < 0 || !S_ISREG(st.st_mode) || !(st.st_mode & 077))
        return r;
    err_set(reterr, 1, "%s can be read by others; 'chmod 600 %s' makes it private", path, path);
    return 1;
}

/* The file's text in locked memory of 1024 bytes. Returns its length. */
static size_t format_file(const struct seal_identity *id, char *text)
{
    char when[TIME_TEXT], vkey[TLOG_VKEY_TEXT];
    int n = snprintf(text, 1024, "# created: %s\n# public key: %s\n# signer: %s\n%s",
                     time_format(clock_wall_us(&clock_system), when), id->recipient,
                     tlog_vkey_format(&id->signer.vkey, vkey), signing);
    tlog_skey_format(&id->signer, text + n);
    size_t len = strlen(text);
    text[len++] = '\n';
    seal_identity_encode(id->secret, text + len);
    len += SEAL_IDENTITY_CHARS;
    text[len++] = '\n';
    return len;
}

int seal_identity_generate(const char *path, const char *name, const struct seal_identity *keep,
                           struct seal_identity **ret, struct err *reterr)
{
    struct seal_identity *id = NULL;
    if (strlen(name) >= SEAL_NAME)
        return err_set(reterr, E_RANGE, "the name of a signing key has at most %d bytes",
                       SEAL_NAME - 1);
    int r = new_identity(&id, reterr);
    if (r < 0)
        return r;
    char *text = sodium_malloc(1024);
    if (!text)
        r = -ENOMEM;
    if (r >= 0 && keep && keep->signs)
        id->signer = keep->signer;
    else if (r >= 0)
        r = tlog_skey_init(&id->signer, name, TLOG_KEY_NOTE, NULL, reterr);
    if (r >= 0) {
        id->signs = true;
        randombytes_buf(id->secret, sizeof(id->secret));
        derive(id);
        r = seal_file_write(path, text, format_file(id, text), 0600, false, reterr);
    }
    sodium_free(text);
    if (r < 0) {
        seal_identity_free(id);
        return r;
    }
    *ret = id;
    return 0;
}
