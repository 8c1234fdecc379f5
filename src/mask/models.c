/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "mask/models.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef LETHE_SHARE
#define LETHE_SHARE "/usr/share/lethe"
#endif

static const struct model_info list[] = {
    {
        .file = "yunet_n_640_640.onnx",
        .kind = DETECT_YUNET,
        .purpose = "faces",
        .bytes = 317466,
        .licence = "Apache-2.0",
        .origin = "libfacedetection.train",
        .sha256 = "25a606a145a5b6d7271ae138fbd00eba91dad8b83222ae3f2c7ecd0f4a7b0e31",
        .url = "https://github.com/ShiqiYu/libfacedetection.train/raw/master/onnx/"
               "yunet_n_640_640.onnx",
    },
    {
        .file = "face_detection_yunet_2023mar.onnx",
        .kind = DETECT_YUNET,
        .purpose = "faces",
        .bytes = 232589,
        .licence = "MIT",
        .origin = "OpenCV Zoo",
        .sha256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
        .url = "https://github.com/opencv/opencv_zoo/raw/main/models/face_detection_yunet/"
               "face_detection_yunet_2023mar.onnx",
    },
    {
        .file = "yolox_nano.onnx",
        .kind = DETECT_YOLOX,
        .purpose = "persons and vehicles",
        .bytes = 3713911,
        .licence = "Apache-2.0",
        .origin = "YOLOX, exported anew by iinfer",
        .sha256 = "d39bee73564e338080378b0ad567fbb40e818b55bbfaf971de82a0267ed16b8a",
        .url = "https://github.com/hamacom2004jp/iinfer/raw/"
               "c7f9a3c5216c6f8b3e8b35886f863dffa2dc0bf9/models/yolox_nano.onnx",
    },
    {
        .file = "object_detection_nanodet_2022nov.onnx",
        .kind = DETECT_NANODET,
        .purpose = "persons and vehicles",
        .bytes = 3800954,
        .licence = "Apache-2.0",
        .origin = "OpenCV Zoo",
        .sha256 = "4b82da9944b88577175ee23a459dce2e26e6e4be573def65b1055dc2d9720186",
        .url = "https://github.com/opencv/opencv_zoo/raw/main/models/object_detection_nanodet/"
               "object_detection_nanodet_2022nov.onnx",
    },
};

const struct model_info *models_list(int *ret_count)
{
    *ret_count = (int)(sizeof(list) / sizeof(list[0]));
    return list;
}

const struct model_info *models_find(const char *file)
{
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
        if (!strcmp(list[i].file, file))
            return &list[i];
    return NULL;
}

bool models_tell(const struct model_info *m, enum detect_class c)
{
    return m->kind == DETECT_YUNET ? c == DETECT_FACE : c == DETECT_PERSON || c == DETECT_VEHICLE;
}

void models_search_path(const char *data_dir, const char *given, struct models_paths *ret)
{
    *ret = (struct models_paths){0};
    if (given) {
        ret->dirs[0] = given;
        return;
    }
    char real[4096];
    if (!realpath(data_dir, real)) /* "data" beside which models lie must have a real parent */
        snprintf(real, sizeof(real), "%s", data_dir);
    snprintf(ret->room[0], sizeof(ret->room[0]), "%.4080s/models", real);
    snprintf(ret->room[1], sizeof(ret->room[1]), "%.4080s/models", dirname(real));
    snprintf(ret->room[2], sizeof(ret->room[2]), "%s/models", LETHE_SHARE);
    for (int i = 0; i < 3; i++)
        ret->dirs[i] = ret->room[i];
}

int models_check(const struct model_info *m, const uint8_t *data, size_t bytes, struct err *reterr)
{
    uint8_t sha[MODELS_SHA256];
    char hex[2 * MODELS_SHA256 + 1];
    if (!EVP_Digest(data, bytes, sha, NULL, EVP_sha256(), NULL))
        return err_set(reterr, -ENOMEM, "no memory to check %s", m->file);
    for (int i = 0; i < MODELS_SHA256; i++)
        snprintf(hex + (ptrdiff_t)2 * i, 3, "%02x", sha[i]);
    if (strcmp(hex, m->sha256) != 0)
        return err_set(reterr, E_MISMATCH,
                       "%s has the SHA-256 %.12s…, expected %.12s…; it is not used, fetch it again "
                       "with lethe models --fetch",
                       m->file, hex, m->sha256);
    return 0;
}

/* All bytes of @path, which must be as many as the list says. */
static int read_file(const struct model_info *m, const char *path, uint8_t **ret,
                     struct err *reterr)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), r = 0;
    if (fd < 0)
        return -errno;
    struct stat st;
    size_t want = (size_t)m->bytes, have = 0;
    uint8_t *data = malloc(want);
    if (fstat(fd, &st) < 0 || !data) {
        r = -errno;
    } else if (!S_ISREG(st.st_mode) || st.st_size != m->bytes) {
        r = err_set(reterr, E_MISMATCH,
                    "%s is not the model that belongs under this name: %lld bytes, expected %lld",
                    path, (long long)st.st_size, (long long)m->bytes);
    }
    while (r >= 0 && have < want) {
        ssize_t n = read(fd, data + have, want - have);
        r = n > 0 ? 0 : n == 0 ? E_TRUNCATED : errno == EINTR ? 0 : -errno;
        have += n > 0 ? (size_t)n : 0;
    }
    close(fd);
    if (r >= 0)
        r = models_check(m, data, want, reterr);
    if (r < 0)
        free(data);
    else
        *ret = data;
    return r;
}

/* Search @dirs; keeps the first error that is more than "no such file", and where it was. */
static int search(const struct model_info *m, const char *const *dirs, uint8_t **ret,
                  char ret_path[4096], struct err *reterr)
{
    int first = E_NOTFOUND;
    struct err said = {0};
    ret_path[0] = 0;
    for (; *dirs; dirs++) {
        char path[4096];
        if (snprintf(path, sizeof(path), "%s/%s", *dirs, m->file) >= (int)sizeof(path))
            continue;
        struct err e = {0};
        int r = read_file(m, path, ret, &e);
        if (r >= 0) {
            memcpy(ret_path, path, sizeof(path));
            return 0;
        }
        if (r == -ENOENT || r == -ENOTDIR || first != E_NOTFOUND)
            continue;
        first = r;
        memcpy(ret_path, path, sizeof(path));
        err_set(&said, r, "%s", e.text[0] ? e.text : err_text(r));
        if (!e.text[0])
            err_prefix(&said, "%.200s: ", path);
    }
    if (first == E_NOTFOUND)
        err_set(&said, first, "the model %s is not there", m->file);
    if (reterr)
        *reterr = said;
    return first;
}

enum model_state models_look(const struct model_info *m, const char *const *dirs,
                             char ret_path[4096])
{
    uint8_t *data = NULL;
    int r = search(m, dirs, &data, ret_path, NULL);
    free(data);
    return r >= 0            ? MODEL_PRESENT
           : r == E_NOTFOUND ? MODEL_MISSING
           : r == E_MISMATCH ? MODEL_STRANGER
                             : MODEL_UNREADABLE;
}

int models_read(const struct model_info *m, const char *const *dirs, uint8_t **ret,
                struct err *reterr)
{
    char path[4096];
    return search(m, dirs, ret, path, reterr);
}
