/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Input as a recording: opened, verified, read, exported. Inputs that do not begin like a file are read as a moof, which
 * spares the fuzzer the pages of padding; those that begin with 'R' are the head of a recording and, from byte 8192 on
 * of the file, a fragment: two bytes of length, head, fragment.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mp4/export.h"
#include "mp4/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int out = -1, in = -1;

static void read_all(struct mp4_reader *r)
{
    static const uint8_t key[16];
    struct mp4_export *e;
    struct mp4_sample s;
    uint64_t bytes;
    volatile uint8_t sink = 0;
    int exporting = mp4_export_open(out, mp4_reader_info(r), &e, NULL) == 0;
    for (size_t i = 0; i < mp4_reader_fragments(r) && i < 64; i++) {
        mp4_reader_verify(r, i, NULL);
        if (mp4_reader_load(r, i, key, NULL) < 0)
            continue;
        while (mp4_reader_next(r, &s)) {
            sink = s.size ? (uint8_t)(sink ^ s.data[0] ^ s.data[s.size - 1]) : sink;
            if (exporting)
                mp4_export_sample(e, &s, NULL);
        }
    }
    if (exporting)
        mp4_export_close(e, &bytes, NULL);
}

static void parse_moof(const uint8_t *data, size_t size)
{
    struct mp4_run run[MP4_TRACKS] = {0};
    mp4_parse_moof(data, size, run);
    for (int i = 0; i < MP4_TRACKS; i++)
        free(run[i].sample);
}

static int put(const uint8_t *data, size_t size, off_t at)
{
    return pwrite(in, data, size, at) == (ssize_t)size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mp4_reader *r;
    if (in < 0) {
        in = memfd_create("in", 0);
        out = memfd_create("out", 0);
    }
    if (size < 8 || ftruncate(in, 0) < 0)
        return 0;
    if (data[0] == 'R') {
        static const uint8_t room[8] = {0, 0, 0x10, 0, 'f', 'r', 'e', 'e'};
        uint8_t pad[8] = {0, 0, 0, 0, 'f', 'r', 'e', 'e'};
        size_t head = (size_t)data[1] << 8 | data[2], fragment = 0;
        head = head > size - 3 ? size - 3 : head > 4080 ? 4080 : head;
        fragment = size - 3 - head;
        pad[2] = (uint8_t)((4096 - head) >> 8), pad[3] = (uint8_t)(4096 - head);
        if (!put(data + 3, head, 0) || !put(pad, 8, (off_t)head) || !put(room, 8, 4096) ||
            !put(data + 3 + head, fragment, 8192) ||
            ftruncate(in, (off_t)(8192 + (fragment + 4095) / 4096 * 4096)) < 0)
            return 0;
    } else if (memcmp(data + 4, "ftyp", 4) != 0) {
        parse_moof(data, size);
        return 0;
    } else if (!put(data, size, 0)) {
        return 0;
    }
    if (mp4_reader_open(in, &r, NULL) < 0)
        return 0;
    read_all(r);
    mp4_reader_close(r);
    return 0;
}
