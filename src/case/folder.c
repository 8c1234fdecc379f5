/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "case/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "seal/file.h"

#define SHARES_MAX ((size_t)1 << 30)
#define PROOF_MAX ((size_t)1 << 20)
#define STATE_MAX ((size_t)64 << 10)

static int path_of(const struct case_folder *f, const char *name, char out[4096])
{
    int n = snprintf(out, 4096, "%s/%s", f->dir, name);
    return n >= 0 && n < 4096 ? 0 : -ENAMETOOLONG;
}

static int read_file(const struct case_folder *f, const char *name, size_t most, struct buf *out,
                     struct err *reterr)
{
    char path[4096];
    struct stat st;
    int r = path_of(f, name, path);
    if (r < 0)
        return r;
    if (stat(path, &st) < 0)
        return err_set(reterr, -errno, "%s: %s", path, err_text(-errno));
    if ((size_t)st.st_size > most)
        return err_set(reterr, E_LIMIT, "%s is too long", path);
    buf_init(out, (size_t)st.st_size + 1);
    r = buf_reserve(out, (size_t)st.st_size + 1);
    return r < 0 ? r : seal_file_read(path, out->data, (size_t)st.st_size, &out->len, NULL, reterr);
}

static int write_file(const struct case_folder *f, const char *name, const void *data, size_t len,
                      bool replace, struct err *reterr)
{
    char path[4096];
    int r = path_of(f, name, path);
    return r < 0 ? r : seal_file_write(path, data, len, 0640, replace, reterr);
}

static int take_lock(struct case_folder *f, struct err *reterr)
{
    f->lock = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (f->lock < 0 || flock(f->lock, LOCK_EX) < 0)
        return err_set(reterr, -errno, "locking %s: %s", f->dir, err_text(-errno));
    return 0;
}

/* The last line of `state`. */
static int read_state(struct case_folder *f, struct err *reterr)
{
    struct buf b = {0};
    char when[TIME_TEXT], name[16];
    int r = read_file(f, "state", STATE_MAX, &b, reterr);
    const char *text = r < 0 ? NULL : buf_cstr(&b);
    if (text) {
        size_t n = b.len;
        while (n > 1 && text[n - 2] != '\n')
            n--;
        if (n < 1 || sscanf(text + n - 1, "%31s %15s", when, name) != 2 ||
            time_parse(when, &f->since_us) < 0 || case_state_parse(name, &f->state) < 0)
            r = err_set(reterr, E_CORRUPT, "%s/state cannot be read", f->dir);
    }
    buf_release(&b);
    return r;
}

static int make_dirs(const char *data_dir, struct case_folder *f, const char *id,
                     struct err *reterr)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/cases", data_dir);
    if (mkdir(path, 0750) < 0 && errno != EEXIST)
        return err_set(reterr, -errno, "making %s: %s", path, err_text(-errno));
    int n = snprintf(f->dir, sizeof(f->dir), "%s/cases/%s", data_dir, id);
    if (n < 0 || (size_t)n >= sizeof(f->dir))
        return -ENAMETOOLONG;
    if (mkdir(f->dir, 0750) < 0)
        return errno == EEXIST ? err_set(reterr, E_EXISTS,
                                         "order %s was handed in before: an order is used once", id)
                               : err_set(reterr, -errno, "making %s: %s", f->dir, err_text(-errno));
    for (int i = 0; i < 2; i++)
        if (path_of(f, i ? "refusals" : "approvals", path) < 0 || mkdir(path, 0750) < 0)
            return err_set(reterr, -errno, "making %s: %s", path, err_text(-errno));
    return 0;
}

int case_folder_create(const char *data_dir, const void *note, size_t note_len, const void *shares,
                       size_t shares_len, const struct seal_policy *policy, int64_t now_us,
                       struct case_folder *ret, struct err *reterr)
{
    struct case_folder f = {.lock = -1};
    char line[64], when[TIME_TEXT], path[4096];
    int r = case_order_open(note, note_len, &f.order, f.hash, reterr);
    if (r >= 0)
        r = make_dirs(data_dir, &f, f.order.id, reterr);
    if (r >= 0)
        r = take_lock(&f, reterr);
    if (r >= 0)
        r = write_file(&f, "shares", shares, shares_len, false, reterr);
    if (r >= 0)
        r = path_of(&f, "custodians", path);
    if (r >= 0)
        r = seal_policy_save(path, policy, reterr);
    if (r >= 0)
        r = write_file(&f, "order", note, note_len, false, reterr);
    int n = snprintf(line, sizeof(line), "%s requested\n", time_format(now_us, when));
    if (r >= 0)
        r = write_file(&f, "state", line, (size_t)n, false, reterr);
    if (f.lock >= 0)
        close(f.lock);
    return r < 0 ? r : case_folder_load_at(f.dir, true, ret, reterr);
}

int case_folder_load_at(const char *dir, bool lock, struct case_folder *ret, struct err *reterr)
{
    struct case_folder f = {.lock = -1};
    int n = snprintf(f.dir, sizeof(f.dir), "%s", dir);
    int r = n >= 0 && (size_t)n < sizeof(f.dir) ? 0 : -ENAMETOOLONG;
    if (r >= 0 && lock)
        r = take_lock(&f, reterr);
    if (r >= 0)
        r = read_file(&f, "order", CASE_ORDER_BYTES, &f.note, reterr);
    if (r >= 0)
        r = read_file(&f, "shares", SHARES_MAX, &f.shares, reterr);
    if (r >= 0 && (r = read_file(&f, "proof", PROOF_MAX, &f.proof, reterr)) == -ENOENT)
        r = 0;
    if (r >= 0)
        r = case_order_open(f.note.data, f.note.len, &f.order, f.hash, reterr);
    char path[4096];
    if (r >= 0 && (r = path_of(&f, "custodians", path)) >= 0)
        r = seal_policy_load(path, 0, &f.policy, reterr);
    if (r >= 0)
        r = read_state(&f, reterr);
    if (r < 0) {
        case_folder_release(&f);
        return r;
    }
    *ret = f;
    return 0;
}

int case_folder_load(const char *data_dir, const char *id, bool lock, struct case_folder *ret,
                     struct err *reterr)
{
    char dir[4096];
    if (!case_id_valid(id))
        return err_set(reterr, E_SYNTAX, "'%.40s' is no id of a case: 16 digits 0-9, a-f", id);
    snprintf(dir, sizeof(dir), "%s/cases/%s", data_dir, id);
    if (access(dir, F_OK) < 0)
        return err_set(reterr, E_NOTFOUND, "there is no case %s in %s", id, data_dir);
    int r = case_folder_load_at(dir, lock, ret, reterr);
    if (r >= 0 && strcmp(ret->order.id, id) != 0) {
        case_folder_release(ret);
        return err_set(reterr, E_CORRUPT, "%s holds the order of another case", dir);
    }
    return r;
}

void case_folder_release(struct case_folder *f)
{
    buf_release(&f->note);
    buf_release(&f->proof);
    buf_release(&f->shares);
    if (f->lock >= 0)
        close(f->lock);
    f->lock = -1;
}

int case_folder_advance(struct case_folder *f, enum case_state to, int64_t now_us,
                        struct err *reterr)
{
    struct buf b = {0};
    char when[TIME_TEXT];
    if (!case_state_may(f->state, to))
        return err_set(reterr, E_DENIED, "case %s is %s: it cannot become %s", f->order.id,
                       case_state_name(f->state), case_state_name(to));
    int r = read_file(f, "state", STATE_MAX, &b, reterr);
    b.ceiling = STATE_MAX + 64;
    if (r >= 0)
        r = buf_appendf(&b, "%s %s\n", time_format(now_us, when), case_state_name(to));
    if (r >= 0)
        r = write_file(f, "state", b.data, b.len, true, reterr);
    buf_release(&b);
    if (r < 0)
        return r;
    f->state = to;
    f->since_us = now_us;
    return 0;
}

int case_folder_put_proof(struct case_folder *f, const void *proof, size_t len, struct err *reterr)
{
    int r = write_file(f, "proof", proof, len, true, reterr);
    buf_release(&f->proof);
    buf_init(&f->proof, len + 1);
    return r < 0 ? r : buf_append(&f->proof, proof, len);
}

static bool has_answered(const struct case_folder *f, int custodian)
{
    char path[4096], name[32];
    for (int i = 0; i < 2; i++) {
        snprintf(name, sizeof(name), "%s/%d", i ? "refusals" : "approvals", custodian);
        if (path_of(f, name, path) >= 0 && access(path, F_OK) == 0)
            return true;
    }
    return false;
}

int case_folder_put_answer(struct case_folder *f, const struct case_answer *a, const void *file,
                           size_t len, struct err *reterr)
{
    char name[32];
    if (has_answered(f, a->custodian))
        return err_set(reterr, E_EXISTS,
                       "custodian %d has answered already: each of them counts once", a->custodian);
    snprintf(name, sizeof(name), "%s/%d", a->approves ? "approvals" : "refusals", a->custodian);
    return write_file(f, name, file, len, false, reterr);
}

static int take_answer(const struct case_folder *f, bool approval, int number,
                       struct seal_identity *session, struct case_shares *shares,
                       struct case_answers *ret, struct err *reterr)
{
    struct buf file = {0}, payload;
    struct case_answer a;
    char name[32];
    buf_init(&payload, CASE_ANSWER_BYTES);
    snprintf(name, sizeof(name), "%s/%d", approval ? "approvals" : "refusals", number);
    int r = read_file(f, name, CASE_ANSWER_BYTES, &file, NULL);
    if (r != -ENOENT) {
        if (r >= 0)
            r = case_answer_open(file.data, file.len, &f->order, f->hash, &f->policy, &a, &payload,
                                 reterr);
        if (r >= 0 && (a.approves != approval || a.custodian != number))
            r = err_set(reterr, E_MISMATCH, "%s/%s is the answer of custodian %d", f->dir, name,
                        a.custodian);
        if (r >= 0 && approval && shares)
            r = case_shares_add(shares, &a, payload.data, payload.len, session, reterr);
        if (r >= 0) {
            ret->answer[ret->count++] = a;
            *(approval ? &ret->approved : &ret->refused) |= UINT64_C(1) << number;
        }
    }
    buf_release(&file);
    buf_release(&payload);
    return r == -ENOENT ? 0 : r;
}

int case_folder_answers(const struct case_folder *f, struct seal_identity *session,
                        struct case_shares *shares, struct case_answers *ret, struct err *reterr)
{
    int r = 0;
    *ret = (struct case_answers){0};
    for (int i = 1; i <= f->policy.count && r >= 0; i++) {
        r = take_answer(f, true, i, session, shares, ret, reterr);
        if (r >= 0 && !(ret->approved >> i & 1))
            r = take_answer(f, false, i, session, shares, ret, reterr);
    }
    return r;
}

static int by_id(const void *a, const void *b)
{
    return strcmp(a, b);
}

int case_folder_list(const char *data_dir, char (**ret)[CASE_ID], size_t *ret_count,
                     struct err *reterr)
{
    char path[4096];
    char(*list)[CASE_ID] = NULL;
    size_t n = 0;
    int r = 0;
    snprintf(path, sizeof(path), "%s/cases", data_dir);
    DIR *d = opendir(path);
    if (!d && errno != ENOENT)
        return err_set(reterr, -errno, "%s: %s", path, err_text(-errno));
    for (struct dirent *e; d && r >= 0 && (e = readdir(d));) {
        if (!case_id_valid(e->d_name))
            continue;
        if (n % 64 == 0) {
            char(*more)[CASE_ID] = reallocarray(list, n + 64, sizeof(*more));
            if (!more) {
                r = -ENOMEM;
                break;
            }
            list = more;
        }
        memcpy(list[n++], e->d_name, CASE_ID);
    }
    if (d)
        closedir(d);
    if (r < 0) {
        free(list);
        return r;
    }
    if (n)
        qsort(list, n, sizeof(*list), by_id);
    *ret = list;
    *ret_count = n;
    return 0;
}
