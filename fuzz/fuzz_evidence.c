/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Checker of evidence. First byte 'f': the rest is a file. 's': two bytes of length, one source of the index in JSON, and
 * then the fragments, as if the statement had named them.
 */
#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "case/evidence_sources.h"

static int file_of(const uint8_t *data, size_t size)
{
    int fd = memfd_create("evidence", MFD_CLOEXEC);
    assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    return fd;
}

static void whole(const uint8_t *data, size_t size, struct evidence_report *r)
{
    int fd = file_of(data, size);
    if (evidence_verify(fd, NULL, r, NULL) >= 0)
        assert(r->fragments_right <= r->fragments);
    close(fd);
}

static void source(const uint8_t *data, size_t size, struct evidence_report *r)
{
    size_t n = size >= 2 ? rd16(data) : 0;
    if (size < 2 || n > size - 2)
        return;
    json_t *o = json_loadb((const char *)data + 2, n, 0, NULL);
    if (!o)
        return;
    int fd = file_of(data + 2 + n, size - 2 - n);
    struct evidence_check k = {.fd = fd, .end = size - 2 - n, .report = r};
    signing_new(MEDIA_H264, NULL, &k.signing);
    evidence_check_source(&k, o);
    signing_free(k.signing);
    json_decref(o);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct evidence_report *r = calloc(1, sizeof(*r));
    if (r && size > 1 && data[0] == 'f')
        whole(data + 1, size - 1, r);
    else if (r && size > 1 && data[0] == 's')
        source(data + 1, size - 1, r);
    free(r);
    return 0;
}
