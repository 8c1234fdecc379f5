/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef TEST_TORTURE_H
#define TEST_TORTURE_H
/*
 * Allocation failure: the same work again and again, with the first allocation failing, then the second, and so on. Only
 * without sanitisers, which bring their own allocator; what is not freed is counted here instead. Once per program.
 */
#include <stdbool.h>
#include <stddef.h>

/* Allocations until one fails; -1: none does. */
__attribute__((unused)) static long torture_in = -1;

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define TORTURE 1
#define TORTURE_API __attribute__((visibility("default"))) /* libraries use them too */
static long torture_live;
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t m);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

static bool torture_refuse(void)
{
    return torture_in >= 0 && torture_in-- == 0;
}

TORTURE_API void *malloc(size_t n)
{
    void *p = torture_refuse() ? NULL : __libc_malloc(n);
    torture_live += p != NULL;
    return p;
}

TORTURE_API void *calloc(size_t n, size_t m)
{
    void *p = torture_refuse() ? NULL : __libc_calloc(n, m);
    torture_live += p != NULL;
    return p;
}

TORTURE_API void *realloc(void *old, size_t n)
{
    void *p = torture_refuse() ? NULL : __libc_realloc(old, n);
    torture_live += p != NULL && !old;
    return p;
}

TORTURE_API void free(void *p)
{
    torture_live -= p != NULL;
    __libc_free(p);
}
#endif

/*
 * @work does the whole job and releases everything, whatever happened; below 0 is failure. Nothing may be left behind,
 * and without a failing allocation the job must succeed. @forgiving: a failed allocation may cost a packet instead of
 * the job. Returns how many allocations failed, one at a time; 0 under a sanitiser.
 */
static long torture(int (*work)(void), bool forgiving)
{
    long n = 0;
#ifdef TORTURE
    assert_true(work() >= 0); /* what libraries keep for ever is allocated here */
    for (bool spent = true; spent; n += spent) {
        long before = torture_live;
        torture_in = n;
        int r = work();
        spent = torture_in < 0;
        torture_in = -1;
        assert_int_equal(torture_live, before);
        assert_true(spent || r >= 0);
        if (spent && !forgiving && r != -ENOMEM)
            fail_msg("allocation %ld failed and the answer was %d", n, r);
        assert_true(n < 10000);
    }
    print_message("%ld allocations failed, one at a time\n", n);
#else
    assert_true(work() >= 0 || forgiving);
#endif
    return n;
}
#endif
