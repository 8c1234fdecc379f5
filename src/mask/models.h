/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef MASK_MODELS_H
#define MASK_MODELS_H
/*
 * The detector models that Lethe knows: by name, size and SHA-256. Others are refused, whatever they are called: the
 * published miss rates are those of these bytes, and a file from elsewhere is a stranger's program in all but name.
 * Reentrant.
 */
#include "mask/detect.h"
#include "mask/detect_decode.h"

#define MODELS_SHA256 32
#define MODELS_DIRS 4 /* folders that are searched, NULL at the end included */

struct model_info {
    const char *file;
    enum detect_kind kind;
    const char *purpose; /* "faces", "persons and vehicles" */
    int64_t bytes;
    const char *licence, *origin;
    const char *sha256; /* 64 hexadecimal digits, lower case */
    const char *url;    /* where these bytes lay when the list was made; https */
};

/* The list, better models of a purpose before others; @ret_count entries. */
const struct model_info *models_list(int *ret_count);
const struct model_info *models_find(const char *file); /* NULL: not in the list */
/* Whether a model tells @c. */
bool models_tell(const struct model_info *m, enum detect_class c);

/*
 * Where models are looked for: @given alone if it is not NULL; else `models` in @data_dir, `models` beside it, and the
 * system's share folder. Fills @ret with at most MODELS_DIRS - 1 folders and a NULL; strings live in @room.
 */
struct models_paths {
    char room[3][4096];
    const char *dirs[MODELS_DIRS];
};
void models_search_path(const char *data_dir, const char *given, struct models_paths *ret);

/* Where a model is. */
enum model_state {
    MODEL_MISSING,
    MODEL_PRESENT,
    MODEL_STRANGER, /* a file of that name, but other bytes */
    MODEL_UNREADABLE
};
/* Look for @m in @dirs; @ret_path gets the first good file, else the first bad one, else "". */
enum model_state models_look(const struct model_info *m, const char *const *dirs,
                             char ret_path[4096]);
/*
 * Read the bytes of @m from @dirs and check them. Owns: the caller frees *@ret.
 * Errors: E_NOTFOUND, E_MISMATCH (no folder holds a file of that name with these bytes), -ENOMEM, errno of reading.
 */
int models_read(const struct model_info *m, const char *const *dirs, uint8_t **ret,
                struct err *reterr);
/* Check bytes against the list. E_MISMATCH. */
int models_check(const struct model_info *m, const uint8_t *data, size_t bytes, struct err *reterr);
#endif
