/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* guard page · slots of SEAL_SECRET bytes (locked, not dumped, zero in a child) · guard page */
#include "seal/vault.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define SLOTS_MAX ((size_t)1 << 22)

struct seal_vault {
    uint8_t *map, *slots; /* map: with the guard pages */
    size_t map_len, slots_len, count;
    pthread_mutex_t lock; /* free_slots, free_count */
    uint32_t *free_slots;
    size_t free_count;
};

static int lock_slots(struct seal_vault *v, struct err *reterr)
{
    if (mprotect(v->slots, v->slots_len, PROT_READ | PROT_WRITE) < 0)
        return -errno;
    if (mlock(v->slots, v->slots_len) < 0)
        return err_set(
            reterr, -ENOMEM,
            "locking %zu KiB of memory for keys failed (%s): raise the limit of locked memory "
            "(LimitMEMLOCK= or ulimit -l)",
            v->slots_len / 1024, err_text(-errno));
    if (madvise(v->slots, v->slots_len, MADV_DONTDUMP) < 0 ||
        madvise(v->slots, v->slots_len, MADV_WIPEONFORK) < 0)
        return err_set(reterr, -errno,
                       "keeping keys out of core dumps and child processes failed: %s",
                       err_text(-errno));
    return 0;
}

int seal_vault_new(size_t max_keys, struct seal_vault **ret, struct err *reterr)
{
    if (sodium_init() < 0)
        return err_set(reterr, E_BUG, "the system has no source of random numbers");
    if (max_keys < 1 || max_keys > SLOTS_MAX)
        return err_set(reterr, E_RANGE, "a vault holds 1 to %zu keys", SLOTS_MAX);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    struct seal_vault *v = calloc(1, sizeof(*v));
    if (!v || pthread_mutex_init(&v->lock, NULL) != 0) {
        free(v);
        return -ENOMEM;
    }
    v->count = max_keys;
    v->slots_len = (max_keys * SEAL_SECRET + page - 1) / page * page;
    v->map_len = v->slots_len + 2 * page;
    v->free_slots = calloc(max_keys, sizeof(*v->free_slots));
    void *map = mmap(NULL, v->map_len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int r = -ENOMEM;
    if (map != MAP_FAILED) {
        v->map = map;
        v->slots = v->map + page;
        r = lock_slots(v, reterr);
    }
    if (!v->free_slots || r < 0) {
        seal_vault_free(v);
        return r < 0 ? r : -ENOMEM;
    }
    for (size_t i = 0; i < max_keys; i++)
        v->free_slots[v->free_count++] = (uint32_t)(max_keys - 1 - i);
    *ret = v;
    return 0;
}

void seal_vault_free(struct seal_vault *v)
{
    if (!v)
        return;
    if (v->slots) {
        if (mprotect(v->slots, v->slots_len, PROT_READ | PROT_WRITE) == 0)
            sodium_memzero(v->slots, v->slots_len);
        munmap(v->map, v->map_len);
    }
    pthread_mutex_destroy(&v->lock);
    free(v->free_slots);
    free(v);
}

uint8_t *seal_vault_take(struct seal_vault *v)
{
    pthread_mutex_lock(&v->lock);
    uint8_t *slot =
        v->free_count ? v->slots + (size_t)v->free_slots[--v->free_count] * SEAL_SECRET : NULL;
    pthread_mutex_unlock(&v->lock);
    return slot;
}

void seal_vault_give(struct seal_vault *v, uint8_t *slot)
{
    if (!slot)
        return;
    sodium_memzero(slot, SEAL_SECRET);
    pthread_mutex_lock(&v->lock);
    v->free_slots[v->free_count++] = (uint32_t)((size_t)(slot - v->slots) / SEAL_SECRET);
    pthread_mutex_unlock(&v->lock);
}
