/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* keys/YYYY-MM-DD/HHMMZ-<retention class>.shares; a camera's class may have changed, so all of an epoch are looked at. */
#include <errno.h>
#include <glob.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/open.h"

static int read_file(const char *path, uint8_t **ret, size_t *ret_len)
{
    FILE *f = fopen(path, "re");
    long len = -1;
    if (!f)
        return -errno;
    if (fseek(f, 0, SEEK_END) == 0)
        len = ftell(f);
    rewind(f);
    uint8_t *data = len >= 0 ? malloc((size_t)len + 1) : NULL;
    size_t n = data ? fread(data, 1, (size_t)len, f) : 0;
    int r = !data ? -ENOMEM : ferror(f) ? -EIO : 0;
    fclose(f);
    if (r < 0) {
        free(data);
        return r;
    }
    *ret = data;
    *ret_len = n;
    return 0;
}

/* E_NOTFOUND if the shares are not in this file. */
static int open_from(const char *path, const struct open_job *j, const struct open_source *s,
                     struct seal_identity *const *ids, size_t n, uint8_t *ret_key,
                     struct err *reterr)
{
    struct seal_context want = {.epoch_us = s->epoch_us, .epoch_length_us = s->epoch_length_us};
    struct seal_shares *shares = NULL;
    uint8_t *data = NULL;
    size_t len = 0;
    snprintf(want.camera, sizeof(want.camera), "%s", j->camera);
    int r = read_file(path, &data, &len);
    if (r < 0)
        return err_set(reterr, r, "reading %s: %s", path, err_text(r));
    r = seal_shares_parse(data, len, &shares, reterr);
    if (r >= 0)
        r = seal_shares_open(shares, s->kid, &want, ids, n, ret_key, reterr);
    seal_shares_free(shares);
    free(data);
    return r;
}

static int open_key(const struct open_job *j, const struct open_source *s,
                    struct seal_identity *const *ids, size_t n, uint8_t *ret_key,
                    struct err *reterr)
{
    char pattern[128], day[TIME_TEXT], clock[TIME_TEXT];
    glob_t found = {0};
    snprintf(pattern, sizeof(pattern), "keys/%s/%.4sZ-*.shares", time_format_date(s->epoch_us, day),
             time_format_clock(s->epoch_us, clock));
    size_t room = 2 * strlen(j->data_dir) + strlen(pattern) + 2;
    char *escaped = malloc(room), *p = escaped;
    if (!escaped)
        return -ENOMEM;
    for (const char *c = j->data_dir; *c;
         c++) { /* no character of the folder's name is a pattern */
        if (strchr("*?[\\", *c))
            *p++ = '\\';
        *p++ = *c;
    }
    snprintf(p, room - (size_t)(p - escaped), "/%s", pattern);
    int r = E_NOTFOUND;
    if (glob(escaped, 0, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc && r == E_NOTFOUND; i++)
            r = open_from(found.gl_pathv[i], j, s, ids, n, ret_key, reterr);
    globfree(&found);
    free(escaped);
    return r;
}

int open_keys(struct open_job *j, struct seal_identity *const *ids, size_t n, struct err *reterr)
{
    if (sodium_init() < 0 || !(j->keys = sodium_allocarray(j->sources, SEAL_KEY)))
        return -ENOMEM;
    for (size_t i = 0; i < j->sources; i++) {
        struct open_source *s = &j->source[i];
        uint8_t *key = j->keys + i * SEAL_KEY;
        if (!s->encrypted)
            continue;
        if (i > 0 && s[-1].readable && s[-1].encrypted && !memcmp(s->kid, s[-1].kid, SEAL_KID)) {
            memcpy(key, key - SEAL_KEY, SEAL_KEY);
            continue;
        }
        int r = open_key(j, s, ids, n, key, reterr);
        if (r == E_NOTFOUND) {
            fprintf(stderr, "%s cannot be opened: there are no shares of its key\n", s->path);
            s->readable = false;
            j->lost = true;
        } else if (r < 0) {
            err_prefix(reterr, "%s: ", s->path);
            return r;
        }
    }
    return 0;
}
