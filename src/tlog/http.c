/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A log's files over HTTP. */
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tlog/reader.h"

#define CONNECT_SECONDS 10L
#define TOTAL_SECONDS 60L

struct tlog_http {
    CURL *curl;
    char *url;
};

int tlog_http_open(const char *url, struct tlog_http **ret, struct err *reterr)
{
    size_t len = strlen(url);
    if (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0)
        return err_set(reterr, E_SYNTAX, "%.200s is not an address that begins with https://", url);
    struct tlog_http *h = calloc(1, sizeof(*h));
    if (!h)
        return -ENOMEM;
    while (len > 0 && url[len - 1] == '/')
        len--;
    h->url = strndup(url, len);
    h->curl = curl_easy_init();
    if (!h->url || !h->curl) {
        tlog_http_close(h);
        return -ENOMEM;
    }
    *ret = h;
    return 0;
}

void tlog_http_close(struct tlog_http *h)
{
    if (!h)
        return;
    curl_easy_cleanup(h->curl);
    free(h->url);
    free(h);
}

static size_t on_body(char *data, size_t size, size_t n, void *user)
{
    return buf_append(user, data, size * n) < 0 ? 0 : size * n;
}

static int fetch(struct tlog_http *h, const char *url, struct buf *ret, long *ret_status,
                 struct err *reterr)
{
    char why[CURL_ERROR_SIZE] = "";
    ret->len = 0;
    curl_easy_reset(h->curl);
    curl_easy_setopt(h->curl, CURLOPT_URL, url);
    curl_easy_setopt(h->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(h->curl, CURLOPT_REDIR_PROTOCOLS_STR, "https");
    curl_easy_setopt(h->curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(h->curl, CURLOPT_MAXREDIRS, 3L);
    curl_easy_setopt(h->curl, CURLOPT_ACCEPT_ENCODING, "gzip, identity");
    curl_easy_setopt(h->curl, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
    curl_easy_setopt(h->curl, CURLOPT_TIMEOUT, TOTAL_SECONDS);
    curl_easy_setopt(h->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h->curl, CURLOPT_USERAGENT, "lethe/" LETHE_VERSION);
    curl_easy_setopt(h->curl, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(h->curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(h->curl, CURLOPT_WRITEDATA, ret);
    CURLcode c = curl_easy_perform(h->curl);
    if (c == CURLE_WRITE_ERROR)
        return err_set(reterr, E_LIMIT, "%.200s: longer than %zu bytes", url, ret->ceiling);
    if (c != CURLE_OK)
        return err_set(reterr, c == CURLE_OPERATION_TIMEDOUT ? E_TIMEOUT : E_CLOSED, "%.200s: %s",
                       url, why[0] ? why : curl_easy_strerror(c));
    curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, ret_status);
    return 0;
}

static int http_get(void *user, const char *path, struct buf *ret, struct err *reterr)
{
    struct tlog_http *h = user;
    char url[2048];
    long status = 0;
    int n = snprintf(url, sizeof(url), "%s/%s", h->url, path);
    if (n < 0 || (size_t)n >= sizeof(url))
        return err_set(reterr, E_LIMIT, "the address is too long");
    int r = fetch(h, url, ret, &status, reterr);
    if (r < 0 || status == 200)
        return r;
    bool gone = status == 404 || status == 410;
    return err_set(reterr, gone ? E_NOTFOUND : E_PROTOCOL, "%.200s: the server answered %ld", url,
                   status);
}

struct tlog_files tlog_files_http(struct tlog_http *h)
{
    return (struct tlog_files){http_get, h};
}
