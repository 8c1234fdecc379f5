/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What a camera asks for at its door. Source: RFC 7616 §3, RFC 7617 §2, RFC 2326 appendix D. */
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/hex.h"
#include "sim/request.h"
#include "sim/server.h"

#define REALM "Simulated camera"
#define FIELD 512

enum auth_word { BASIC_FIRST, UNKNOWN_FIRST, STALE, STALE_LOWER, OTHER_CASE, ONCE, NO_QOP };

struct digest {
    char username[FIELD], realm[FIELD], nonce[FIELD], uri[FIELD], response[FIELD], qop[FIELD],
        nc[FIELD], cnonce[FIELD], algorithm[FIELD];
};

/* One "name=value" of the header; the value may be quoted. Moves *at behind the comma. */
static bool next_field(const char **at, char name[FIELD], char value[FIELD])
{
    const char *p = *at + strspn(*at, " ,\t");
    size_t n = strcspn(p, "=");
    if (!p[n] || n >= FIELD)
        return false;
    memcpy(name, p, n);
    name[n] = 0;
    p += n + 1;
    bool quoted = *p == '"';
    p += quoted;
    n = strcspn(p, quoted ? "\"" : ", ");
    if (n >= FIELD)
        return false;
    memcpy(value, p, n);
    value[n] = 0;
    *at = p + n + (quoted && p[n] == '"');
    return true;
}

static void parse_digest(const char *text, struct digest *d)
{
    char name[FIELD], value[FIELD];
    const struct {
        const char *name;
        char *to;
    } fields[] = {
        {"username", d->username},  {"realm", d->realm}, {"nonce", d->nonce}, {"uri", d->uri},
        {"response", d->response},  {"qop", d->qop},     {"nc", d->nc},       {"cnonce", d->cnonce},
        {"algorithm", d->algorithm}};
    memset(d, 0, sizeof(*d));
    while (next_field(&text, name, value))
        for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
            if (!strcasecmp(name, fields[i].name))
                memcpy(fields[i].to, value, FIELD);
}

static void hash(const EVP_MD *md, const char *text, char hex[2 * EVP_MAX_MD_SIZE + 1])
{
    uint8_t d[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    hex[0] = 0;
    if (EVP_Digest(text, strlen(text), d, &len, md, NULL))
        hex_encode(d, len, hex);
}

static bool digest_right(const struct sim_options *o, const struct digest *d, const char *method,
                         const EVP_MD *md)
{
    char text[6 * FIELD], ha1[2 * EVP_MAX_MD_SIZE + 1], ha2[sizeof(ha1)], want[sizeof(ha1)];
    snprintf(text, sizeof(text), "%s:%s:%s", o->user, d->realm, o->password);
    hash(md, text, ha1);
    snprintf(text, sizeof(text), "%s:%s", method, d->uri);
    hash(md, text, ha2);
    if (d->qop[0])
        snprintf(text, sizeof(text), "%s:%s:%s:%s:%s:%s", ha1, d->nonce, d->nc, d->cnonce, d->qop,
                 ha2);
    else
        snprintf(text, sizeof(text), "%s:%s:%s", ha1, d->nonce, ha2);
    hash(md, text, want);
    return !strcasecmp(want, d->response);
}

static bool digest_check(struct sim_conn *c, const struct sim_request *r, const char *header,
                         const struct sim_quirks *q, bool *ret_stale)
{
    const struct sim_options *o = c->server->o;
    struct digest d;
    parse_digest(header, &d);
    bool sha256 = !strcasecmp(d.algorithm, "SHA-256");
    if ((sha256 && o->auth == SIM_AUTH_DIGEST_MD5) ||
        (!sha256 && o->auth == SIM_AUTH_DIGEST_SHA256))
        return false;
    if (strcmp(d.username, o->user) != 0 || strcmp(d.realm, REALM) != 0 ||
        strcmp(d.uri, r->uri) != 0)
        return false;
    if (d.qop[0] && (strcmp(d.qop, "auth") != 0 || !d.nc[0] || !d.cnonce[0]))
        return false;
    if (!digest_right(o, &d, r->method, sha256 ? EVP_sha256() : EVP_md5()))
        return false;
    bool old = o->nonce_us && c->server->now_us - c->nonce_born_us > o->nonce_us;
    if (!c->nonce[0] || strcmp(d.nonce, c->nonce) != 0 || old) {
        *ret_stale = true;
        return false;
    }
    if (sim_quirk_word(q, SIM_Q_AUTH, ONCE))
        c->nonce[0] = 0;
    return true;
}

static bool basic_check(const struct sim_options *o, const char *text)
{
    char want[FIELD];
    unsigned char encoded[FIELD * 2];
    int n = snprintf(want, sizeof(want), "%s:%s", o->user, o->password);
    if (n < 0 || (size_t)n >= sizeof(want))
        return false;
    EVP_EncodeBlock(encoded, (const unsigned char *)want, n);
    return !strcmp((const char *)encoded, text + strspn(text, " "));
}

bool sim_auth_check(struct sim_conn *c, const struct sim_request *r, const struct sim_quirks *q,
                    bool *ret_stale)
{
    const struct sim_options *o = c->server->o;
    const char *a = sim_request_header(r, "Authorization");
    *ret_stale = false;
    if (o->auth == SIM_AUTH_NONE)
        return true;
    if (!a)
        return false;
    if (!strncasecmp(a, "Basic ", 6))
        return (o->auth == SIM_AUTH_BASIC || o->auth == SIM_AUTH_ALL) && basic_check(o, a + 6);
    if (!strncasecmp(a, "Digest ", 7) && o->auth != SIM_AUTH_BASIC)
        return digest_check(c, r, a + 7, q, ret_stale);
    return false;
}

static int digest_line(struct sim_conn *c, const char *algorithm, const struct sim_quirks *q,
                       bool stale, struct buf *out)
{
    bool lower = sim_quirk_word(q, SIM_Q_AUTH, STALE_LOWER);
    int r = buf_appendf(out, "WWW-Authenticate: %s realm=\"" REALM "\", nonce=\"%s\"",
                        sim_quirk_word(q, SIM_Q_AUTH, OTHER_CASE) ? "DIGEST" : "Digest", c->nonce);
    if (r >= 0 && algorithm)
        r = buf_appendf(out, ", algorithm=%s", algorithm);
    if (r >= 0 && !sim_quirk_word(q, SIM_Q_AUTH, NO_QOP))
        r = buf_appendf(out, ", qop=\"auth\"");
    if (r >= 0 && (stale || sim_quirk_word(q, SIM_Q_AUTH, STALE)))
        r = buf_appendf(out, ", stale=%s", lower ? "true" : "\"TRUE\"");
    return r < 0 ? r : buf_appendf(out, "\r\n");
}

int sim_auth_challenge(struct sim_conn *c, const struct sim_quirks *q, bool stale, struct buf *out)
{
    enum sim_auth a = c->server->o->auth;
    int r = 0;
    bool basic_first = sim_quirk_word(q, SIM_Q_AUTH, BASIC_FIRST);
    snprintf(c->nonce, sizeof(c->nonce), "%016llx%016llx",
             (unsigned long long)sim_random(c->server), (unsigned long long)sim_random(c->server));
    c->nonce_born_us = c->server->now_us;
    if (sim_quirk_word(q, SIM_Q_AUTH, UNKNOWN_FIRST))
        r = buf_appendf(out, "WWW-Authenticate: Digest realm=\"" REALM
                             "\", nonce=\"00\", algorithm=SHA-999\r\n");
    if (r >= 0 && a == SIM_AUTH_ALL && basic_first)
        r = buf_appendf(out, "WWW-Authenticate: Basic realm=\"" REALM "\"\r\n");
    if (r >= 0 && (a == SIM_AUTH_DIGEST_SHA256 || a == SIM_AUTH_ALL))
        r = digest_line(c, "SHA-256", q, stale, out);
    if (r >= 0 && (a == SIM_AUTH_DIGEST_MD5 || a == SIM_AUTH_ALL))
        r = digest_line(c, a == SIM_AUTH_ALL ? "MD5" : NULL, q, stale, out);
    if (r >= 0 && (a == SIM_AUTH_BASIC || (a == SIM_AUTH_ALL && !basic_first)))
        r = buf_appendf(out, "WWW-Authenticate: Basic realm=\"" REALM "\"\r\n");
    return r;
}
