/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* One witness, one checkpoint: add-checkpoint with its answers. */
#include <curl/curl.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "tlog/cosigner.h"
#include "tlog/reader.h"

#define CONNECT_SECONDS 10L
#define TOTAL_SECONDS 30L

static size_t on_body(char *data, size_t size, size_t n, void *user)
{
    return buf_append(user, data, size * n) < 0 ? 0 : size * n;
}

/* @body NULL: GET. */
static int exchange(const char *url, const struct buf *body, struct cosigner_reply *ret,
                    struct err *reterr)
{
    char why[CURL_ERROR_SIZE] = "";
    const char *type = NULL;
    CURL *c = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/octet-stream");
    ret->body.len = 0;
    if (!c || !headers) {
        curl_easy_cleanup(c);
        curl_slist_free_all(headers);
        return -ENOMEM;
    }
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
    curl_easy_setopt(c, CURLOPT_TIMEOUT, TOTAL_SECONDS);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "lethe/" LETHE_VERSION);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, &ret->body);
    if (body) {
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, (const char *)body->data);
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->len);
        curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    }
    CURLcode code = curl_easy_perform(c);
    int r = 0;
    if (code == CURLE_WRITE_ERROR)
        r = err_set(reterr, E_LIMIT, "it answers with more than %zu bytes", COSIGNER_ANSWER_BYTES);
    else if (code != CURLE_OK)
        r = err_set(reterr, code == CURLE_OPERATION_TIMEDOUT ? E_TIMEOUT : E_CLOSED, "%.200s",
                    why[0] ? why : curl_easy_strerror(code));
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &ret->status);
    curl_easy_getinfo(c, CURLINFO_CONTENT_TYPE, &type);
    snprintf(ret->type, sizeof(ret->type), "%s", type ? type : "");
    curl_easy_cleanup(c);
    curl_slist_free_all(headers);
    return r;
}

static int join(char *out, size_t cap, const char *url, const char *path, struct err *reterr)
{
    size_t len = strlen(url);
    while (len > 0 && url[len - 1] == '/')
        len--;
    int n = snprintf(out, cap, "%.*s/%s", (int)len, url, path);
    return n < 0 || (size_t)n >= cap ? err_set(reterr, E_LIMIT, "the address is too long") : 0;
}

/* "old N", proof, empty line, and the checkpoint with the signatures that bear the log's name. */
static int make_body(const char *log_dir, const struct tlog_note *note,
                     const struct tlog_checkpoint *c, uint64_t old, struct buf *out,
                     struct err *reterr)
{
    struct tlog_reader *reader;
    struct tlog_path p;
    int r = tlog_reader_open(tlog_files_dir(log_dir), c->size, &reader);
    if (r < 0)
        return r;
    struct tlog_subtrees s = tlog_reader_subtrees(reader);
    r = tlog_tree_consistency(&s, old, c->size, &p, reterr);
    tlog_reader_close(reader);
    out->len = 0;
    if (r >= 0)
        r = buf_appendf(out, "old %llu\n", (unsigned long long)old);
    for (size_t i = 0; i < p.n && r >= 0; i++)
        r = tlog_hash_append(out, &p.hashes[i]);
    if (r >= 0)
        r = buf_appendf(out, "\n%.*s\n", (int)note->text_len, note->text);
    for (size_t i = 0; i < note->signatures_n && r >= 0; i++)
        if (note->signatures[i].name_len == strlen(c->origin) &&
            memcmp(note->signatures[i].name, c->origin, strlen(c->origin)) == 0)
            r = buf_append(out, note->signatures[i].line, note->signatures[i].line_len);
    return r;
}

/* The size in a 409. */
static int conflict_size(const struct cosigner_reply *reply, uint64_t *ret, struct err *reterr)
{
    const struct buf *b = &reply->body;
    if (strncmp(reply->type, "text/x.tlog.size", 16) != 0 || b->len < 2 ||
        b->data[b->len - 1] != '\n' ||
        tlog_decimal_parse((const char *)b->data, b->len - 1, ret) < 0)
        return err_set(reterr, E_PROTOCOL, "it answers 409 without saying which size it has");
    return 0;
}

/* A refusal in words, with what the witness says of it where that is a line of text. */
static int refusal(const struct cosigner_reply *reply, struct err *reterr)
{
    char text[120];
    size_t n = 0;
    for (size_t i = 0; i < reply->body.len && n + 1 < sizeof(text); i++) {
        if (reply->body.data[i] < 0x20 || reply->body.data[i] > 0x7e)
            break;
        text[n++] = (char)reply->body.data[i];
    }
    text[n] = 0;
    return err_set(reterr, E_DENIED, "it answers %ld%s%s", reply->status, n ? ": " : "", text);
}

static enum cosigner_outcome ask_rounds(const char *url, const char *log_dir,
                                        const struct tlog_note *note,
                                        const struct tlog_checkpoint *c, uint64_t *io_old,
                                        struct cosigner_reply *reply, uint64_t *ret_size,
                                        struct err *reterr)
{
    struct buf body;
    buf_init(&body, TLOG_NOTE_BYTES);
    enum cosigner_outcome outcome = COSIGNER_FAILED;
    for (int round = 0; round < COSIGNER_ROUNDS; round++) {
        uint64_t size = 0;
        if (*io_old > c->size)
            *io_old = 0;
        if (make_body(log_dir, note, c, *io_old, &body, reterr) < 0 ||
            exchange(url, &body, reply, reterr) < 0)
            break;
        if (reply->status == 200) {
            outcome = COSIGNER_SIGNED;
            break;
        }
        if (reply->status != 409) {
            refusal(reply, reterr);
            break;
        }
        if (conflict_size(reply, &size, reterr) < 0)
            break;
        if (size > c->size) {
            *ret_size = size;
            outcome = COSIGNER_AHEAD;
            break;
        }
        if (size == *io_old) {
            err_set(reterr, E_PROTOCOL, "it answers 409 and names the size that it was asked with");
            break;
        }
        *io_old = size;
        err_set(reterr, E_PROTOCOL, "it named another size in each of %d answers", COSIGNER_ROUNDS);
    }
    buf_release(&body);
    return outcome;
}

enum cosigner_outcome cosigner_ask(const char *url, const char *log_dir, const struct buf *note,
                                   uint64_t *io_old, struct buf *ret_lines, uint64_t *ret_size,
                                   struct err *reterr)
{
    struct tlog_note parsed;
    struct tlog_checkpoint c;
    struct cosigner_reply reply = {0};
    char full[TLOG_POLICY_URL + 64];
    if (tlog_note_parse(note->data, note->len, &parsed, reterr) < 0 ||
        tlog_checkpoint_parse(parsed.text, parsed.text_len, &c, reterr) < 0 ||
        join(full, sizeof(full), url, "add-checkpoint", reterr) < 0)
        return COSIGNER_FAILED;
    buf_init(&reply.body, COSIGNER_ANSWER_BYTES);
    enum cosigner_outcome o =
        ask_rounds(full, log_dir, &parsed, &c, io_old, &reply, ret_size, reterr);
    ret_lines->len = 0;
    if (o == COSIGNER_SIGNED) {
        *io_old = c.size;
        if (buf_append(ret_lines, reply.body.data, reply.body.len) < 0)
            o = COSIGNER_FAILED;
    }
    buf_release(&reply.body);
    return o;
}

int cosigner_fetch(const char *url, const char *origin, struct buf *ret, struct err *reterr)
{
    struct cosigner_reply reply = {0};
    uint8_t hash[32];
    char hex[65], path[80], full[TLOG_POLICY_URL + 96];
    crypto_hash_sha256(hash, (const uint8_t *)origin, strlen(origin));
    snprintf(path, sizeof(path), "%s/checkpoint", hex_encode(hash, sizeof(hash), hex));
    int r = join(full, sizeof(full), url, path, reterr);
    if (r < 0)
        return r;
    buf_init(&reply.body, COSIGNER_ANSWER_BYTES);
    r = exchange(full, NULL, &reply, reterr);
    if (r >= 0 && reply.status != 200)
        r = refusal(&reply, reterr);
    ret->len = 0;
    if (r >= 0)
        r = buf_append(ret, reply.body.data, reply.body.len);
    buf_release(&reply.body);
    return r;
}
