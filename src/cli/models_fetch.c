/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "cli/models_fetch.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct download {
    const struct model_info *model;
    void (*progress)(const struct model_info *m, int64_t bytes);
    uint8_t *data;
    size_t len;
    bool too_long;
};

static size_t take(char *bytes, size_t one, size_t n, void *user)
{
    struct download *d = user;
    (void)one;
    if (n > (size_t)d->model->bytes - d->len) {
        d->too_long = true;
        return 0;
    }
    memcpy(d->data + d->len, bytes, n);
    d->len += n;
    if (d->progress)
        d->progress(d->model, (int64_t)d->len);
    return n;
}

static int answer_error(const struct download *d, const char *url, CURLcode c, long status,
                        const char *said, struct err *reterr)
{
    if (d->too_long)
        return err_set(reterr, E_MISMATCH,
                       "%.200s sends more than the %lld bytes of %s; it was not kept", url,
                       (long long)d->model->bytes, d->model->file);
    if (c == CURLE_HTTP_RETURNED_ERROR)
        return err_set(reterr, status == 404 || status == 410 ? E_NOTFOUND : E_DENIED,
                       "%.200s answers %ld; another server can be given with --mirror", url,
                       status);
    if (c == CURLE_OUT_OF_MEMORY)
        return -ENOMEM;
    int code = c == CURLE_OPERATION_TIMEDOUT                                 ? E_TIMEOUT
               : c == CURLE_URL_MALFORMAT || c == CURLE_UNSUPPORTED_PROTOCOL ? E_SYNTAX
                                                                             : E_CLOSED;
    return err_set(reterr, code, "fetching %.200s: %.120s", url,
                   said[0] ? said : curl_easy_strerror(c));
}

static int transfer(struct download *d, const char *url, const char *protocols, struct err *reterr)
{
    char said[CURL_ERROR_SIZE] = "";
    long status = 0;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
        return -ENOMEM;
    CURL *c = curl_easy_init();
    if (!c) {
        curl_global_cleanup();
        return -ENOMEM;
    }
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, protocols);
    curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, protocols);
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(c, CURLOPT_MAXREDIRS, 5L);
    curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, 20L);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1000L);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, 30L);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "lethe/" LETHE_VERSION);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, said);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, d);
    CURLcode code = curl_easy_perform(c);
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    int r = code == CURLE_OK ? 0 : answer_error(d, url, code, status, said, reterr);
    curl_easy_cleanup(c);
    curl_global_cleanup();
    return r;
}

static int write_all(int fd, const uint8_t *data, size_t len)
{
    while (len) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        data += n;
        len -= (size_t)n;
    }
    return fchmod(fd, 0644) < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* Temporary file, its bytes, its name, the folder: in this order on disk. */
static int put_in_place(const struct download *d, const char *folder, struct err *reterr)
{
    char temporary[4200], path[4200];
    if (mkdir(folder, 0755) < 0 && errno != EEXIST)
        return err_set(reterr, -errno, "making the folder %.200s: %s", folder, err_text(-errno));
    snprintf(temporary, sizeof(temporary), "%.4000s/.%s.XXXXXX", folder, d->model->file);
    snprintf(path, sizeof(path), "%.4000s/%s", folder, d->model->file);
    int fd = mkostemp(temporary, O_CLOEXEC), r = fd < 0 ? -errno : write_all(fd, d->data, d->len);
    if (fd >= 0)
        close(fd);
    if (r >= 0 && rename(temporary, path) < 0)
        r = -errno;
    if (r < 0) {
        if (fd >= 0)
            unlink(temporary);
        return err_set(reterr, r, "writing %.200s: %s", path, err_text(r));
    }
    int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir >= 0) {
        (void)fsync(dir); /* a file that a power cut takes is fetched again */
        close(dir);
    }
    return 0;
}

int models_fetch(const struct model_info *m, const char *folder, const char *mirror,
                 void (*progress)(const struct model_info *m, int64_t bytes), struct err *reterr)
{
    struct download d = {.model = m, .progress = progress, .data = malloc((size_t)m->bytes)};
    char url[1024];
    if (!d.data)
        return -ENOMEM;
    if (mirror)
        snprintf(url, sizeof(url), "%.900s%s%s", mirror,
                 mirror[0] && mirror[strlen(mirror) - 1] == '/' ? "" : "/", m->file);
    else
        snprintf(url, sizeof(url), "%s", m->url);
    int r = transfer(&d, url, mirror ? "http,https" : "https", reterr);
    if (r >= 0) {
        r = models_check(m, d.data, d.len, NULL);
        if (r == E_MISMATCH)
            err_set(reterr, r,
                    "%.200s sent %zu bytes that are not %s (its SHA-256 does not match); they were "
                    "not kept",
                    url, d.len, m->file);
    }
    if (r >= 0)
        r = put_in_place(&d, folder, reterr);
    free(d.data);
    return r;
}
