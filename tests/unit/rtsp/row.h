/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef TEST_RTSP_ROW_H
#define TEST_RTSP_ROW_H
/* Table-driven tests: a failed check names the row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define CHECK(row, cond)                                                                           \
    do {                                                                                           \
        if (!(cond))                                                                               \
            fail_msg("row \"%s\": %s", (row)->name, #cond);                                        \
    } while (0)
#define CHECK_INT(row, got, want)                                                                  \
    do {                                                                                           \
        long long g_ = (long long)(got), w_ = (long long)(want);                                   \
        if (g_ != w_)                                                                              \
            fail_msg("row \"%s\": %s is %lld, expected %lld", (row)->name, #got, g_, w_);          \
    } while (0)
#define CHECK_TEXT(row, got, want)                                                                 \
    do {                                                                                           \
        if (strcmp(got, want) != 0)                                                                \
            fail_msg("row \"%s\": %s is \"%s\", expected \"%s\"", (row)->name, #got, got, want);   \
    } while (0)
#endif
