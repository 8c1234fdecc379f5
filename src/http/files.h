/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef HTTP_FILES_H
#define HTTP_FILES_H
/*
 * The built application. It is read into memory once, before the process gives up its right to read files: an address is
 * looked up in a list, so no address can ever lead to another file.
 */
#include "base/err.h"
#include "http/message.h"

#define HTTP_FILES_BYTES ((size_t)64 << 20)
#define HTTP_FILES_COUNT 2000

struct http_file {
    char path[192]; /* "/assets/index-4f2a.js" */
    const char *type;
    uint8_t *data;
    size_t size;
    bool lasting; /* its name holds a hash of its contents */
    char etag[40];
};
struct http_files {
    struct http_file *file; /* sorted by path */
    size_t count, cap, bytes;
};

/*
 * Read every file below @dir whose type is known; hidden ones and links are left out. -ENOENT: no such folder, or one without
 * index.html; @ret is empty then. Owns: release with http_files_release().
 */
int http_files_load(const char *dir, struct http_files *ret, struct err *reterr);
void http_files_release(struct http_files *f);
/* Answer from the files: 1, or 0 when none is at rq->path ("/" is index.html). Reentrant. */
int http_files_reply(const struct http_files *f, const struct http_request *rq,
                     struct http_reply *rp);
#endif
