/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The custodian set and its file: "threshold N", "require ROLE N", "practice", or "NAME RECIPIENT [SIGNER [ROLE]]". */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "seal/bech32.h"
#include "seal/file.h"
#include "seal/seal.h"

#define FILE_MAX ((size_t)64 << 10)
#define WORDS 4 /* most of a line */

static int check_one(const struct seal_policy *p, int i, uint8_t ret_key[32], struct err *reterr)
{
    const struct seal_custodian *c = &p->custodian[i];
    uint8_t one[32] = {1}, shared[32];
    if (!c->name[0] || strlen(c->name) != strcspn(c->name, " \t\r\n#"))
        return err_set(reterr, E_SYNTAX, "custodian %d needs a name without spaces", i + 1);
    if (seal_recipient_decode(c->recipient, strnlen(c->recipient, sizeof(c->recipient)), ret_key) <
        0)
        return err_set(reterr, E_SYNTAX,
                       "the recipient of %s is not an age X25519 recipient (age1…, 62 characters)",
                       c->name);
    /* A point of low order would give a file that nobody, or everybody, can open. */
    if (crypto_scalarmult(shared, one, ret_key) != 0)
        return err_set(reterr, E_SYNTAX, "the recipient of %s is not a usable key", c->name);
    for (int j = 0; j < i; j++) {
        if (!strcmp(p->custodian[j].name, c->name))
            return err_set(reterr, E_EXISTS, "two custodians are named %s", c->name);
        if (!memcmp(p->custodian[j].public_key, ret_key, 32))
            return err_set(reterr, E_EXISTS, "%s and %s have the same recipient",
                           p->custodian[j].name, c->name);
        if (c->signs && p->custodian[j].signs &&
            !memcmp(p->custodian[j].signer.public_key, c->signer.public_key, 32))
            return err_set(reterr, E_EXISTS, "%s and %s have the same signing key",
                           p->custodian[j].name, c->name);
    }
    return 0;
}

/* Required roles must fit among the t who approve, and there must be custodians who have them. */
static int check_roles(const struct seal_policy *p, struct err *reterr)
{
    int sum = 0;
    for (int i = 0; i < p->required; i++) {
        int have = 0;
        for (int j = 0; j < p->count; j++)
            have += p->custodian[j].signs && !strcmp(p->custodian[j].role, p->require[i].role);
        if (have < p->require[i].count)
            return err_set(reterr, E_RANGE,
                           "%d of role %s must take part, but only %d custodians have it and a "
                           "signing key",
                           p->require[i].count, p->require[i].role, have);
        sum += p->require[i].count;
    }
    return sum <= p->threshold
               ? 0
               : err_set(reterr, E_RANGE,
                         "%d custodians are required by role, but %d open a recording", sum,
                         p->threshold);
}

int seal_policy_check(struct seal_policy *p, struct err *reterr)
{
    if (sodium_init() < 0)
        return err_set(reterr, E_BUG, "the system has no source of random numbers");
    if (p->count < 2 || p->count > SEAL_CUSTODIANS)
        return err_set(reterr, E_RANGE, "there must be 2 to %d custodians, not %d", SEAL_CUSTODIANS,
                       p->count);
    if (p->threshold < 2 || p->threshold > p->count)
        return err_set(reterr, E_RANGE,
                       "the threshold must be 2 to %d (the number of custodians), not %d", p->count,
                       p->threshold);
    for (int i = 0; i < p->count; i++) {
        int r = check_one(p, i, p->custodian[i].public_key, reterr);
        if (r < 0)
            return r;
    }
    return check_roles(p, reterr);
}

void seal_policy_id(const struct seal_policy *p, uint8_t ret[SEAL_SET])
{
    static const char label[] = "lethe-custodians v1\n";
    uint8_t hash[32], numbers[2] = {(uint8_t)p->threshold, (uint8_t)p->count};
    crypto_hash_sha256_state st;
    crypto_hash_sha256_init(&st);
    crypto_hash_sha256_update(&st, (const uint8_t *)label, sizeof(label) - 1);
    crypto_hash_sha256_update(&st, numbers, sizeof(numbers));
    for (int i = 0; i < p->count; i++)
        crypto_hash_sha256_update(&st, p->custodian[i].public_key, 32);
    crypto_hash_sha256_final(&st, hash);
    memcpy(ret, hash, SEAL_SET);
}

static int parse_threshold(const char *value, struct seal_policy *p)
{
    char *end;
    long t = strtol(value, &end, 10);
    if (*value < '0' || *value > '9' || *end || t < 2 || t > SEAL_CUSTODIANS || p->threshold)
        return E_SYNTAX;
    p->threshold = (int)t;
    return 0;
}

static bool role_valid(const char *role)
{
    return strlen(role) < SEAL_ROLE &&
           strspn(role, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(role);
}

static int parse_require(char *word[WORDS], struct seal_policy *p)
{
    long n = strtol(word[2], NULL, 10);
    if (p->required == SEAL_REQUIRED || !role_valid(word[1]) || n < 1 || n > SEAL_CUSTODIANS ||
        strspn(word[2], "0123456789") != strlen(word[2]))
        return E_SYNTAX;
    struct seal_required *q = &p->require[p->required++];
    snprintf(q->role, sizeof(q->role), "%s", word[1]);
    q->count = (int)n;
    return 0;
}

static int parse_custodian(char *word[WORDS], int words, struct seal_policy *p)
{
    if (p->count == SEAL_CUSTODIANS)
        return E_LIMIT;
    struct seal_custodian *c = &p->custodian[p->count];
    if (strlen(word[0]) >= sizeof(c->name) || strlen(word[1]) >= sizeof(c->recipient))
        return E_SYNTAX;
    memcpy(c->name, word[0], strlen(word[0]) + 1);
    memcpy(c->recipient, word[1], strlen(word[1]) + 1);
    if (words > 2) {
        if (tlog_vkey_parse(word[2], strlen(word[2]), &c->signer, NULL) < 0 ||
            c->signer.type != TLOG_KEY_NOTE)
            return E_SYNTAX;
        c->signs = true;
    }
    if (words > 3) {
        if (!role_valid(word[3]))
            return E_SYNTAX;
        snprintf(c->role, sizeof(c->role), "%s", word[3]);
    }
    p->count++;
    return 0;
}

static int parse_words(char *word[WORDS], int words, struct seal_policy *p)
{
    if (words == 1 && !strcmp(word[0], "practice")) {
        p->practice = true;
        return 0;
    }
    if (words == 2 && !strcmp(word[0], "threshold"))
        return parse_threshold(word[1], p);
    if (words == 3 && !strcmp(word[0], "require"))
        return parse_require(word, p);
    return words < 2 ? E_SYNTAX : parse_custodian(word, words, p);
}

static int parse_line(char *line, struct seal_policy *p)
{
    char *word[WORDS], *rest = line;
    int words = 0;
    line[strcspn(line, "#")] = 0;
    for (char *w; (w = strsep(&rest, " \t\r"));) {
        if (!*w)
            continue;
        if (words == WORDS)
            return E_SYNTAX;
        word[words++] = w;
    }
    return words ? parse_words(word, words, p) : 0;
}

static int parse(const char *path, char *text, struct seal_policy *p, struct err *reterr)
{
    int number = 0;
    for (char *line; (line = strsep(&text, "\n"));) {
        int r = parse_line(line, p);
        number++;
        if (r == E_LIMIT)
            return err_set(reterr, r, "%s:%d: more than %d custodians", path, number,
                           SEAL_CUSTODIANS);
        if (r < 0)
            return err_set(
                reterr, r,
                "%s:%d: a line reads 'NAME RECIPIENT [SIGNER [ROLE]]', 'require ROLE N' or "
                "'threshold N' (N from 2 to %d, once)",
                path, number, SEAL_CUSTODIANS);
    }
    return 0;
}

int seal_policy_load(const char *path, int threshold, struct seal_policy *ret, struct err *reterr)
{
    struct seal_policy p = {0};
    char *text = malloc(FILE_MAX + 1);
    size_t len = 0;
    if (!text)
        return -ENOMEM;
    int r = seal_file_read(path, (uint8_t *)text, FILE_MAX, &len, NULL, reterr);
    if (r >= 0) {
        text[len] = 0;
        r = strlen(text) == len ? parse(path, text, &p, reterr)
                                : err_set(reterr, E_SYNTAX, "%s is not text", path);
    }
    free(text);
    if (r < 0)
        return r;
    if (!p.threshold)
        p.threshold = threshold;
    r = seal_policy_check(&p, reterr);
    if (r < 0) {
        err_prefix(reterr, "%s: ", path);
        return r;
    }
    *ret = p;
    return 0;
}

int seal_policy_save(const char *path, const struct seal_policy *p, struct err *reterr)
{
    struct buf b;
    buf_init(&b, FILE_MAX);
    int r = buf_appendf(
        &b,
        "# Who must take part to open recordings: NAME RECIPIENT [SIGNER [ROLE]], one a line.\n"
        "threshold %d\n%s",
        p->threshold, p->practice ? "practice\n" : "");
    for (int i = 0; i < p->required && r >= 0; i++)
        r = buf_appendf(&b, "require %s %d\n", p->require[i].role, p->require[i].count);
    for (int i = 0; i < p->count && r >= 0; i++) {
        const struct seal_custodian *c = &p->custodian[i];
        char vkey[TLOG_VKEY_TEXT] = "";
        if (c->signs)
            tlog_vkey_format(&c->signer, vkey);
        r = buf_appendf(&b, "%s %s%s%s%s%s\n", c->name, c->recipient, c->signs ? " " : "", vkey,
                        c->role[0] ? " " : "", c->role);
    }
    if (r >= 0)
        r = seal_file_write(path, b.data, b.len, 0644, true, reterr);
    buf_release(&b);
    return r;
}
