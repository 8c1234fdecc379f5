/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Texts of cases: first byte says which. What is read is written again and must be the same. */
#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "case/answer_private.h"
#include "case/armour.h"

static void order(const char *text, size_t len)
{
    struct case_order o;
    struct buf b;
    if (case_order_parse(text, len, &o, NULL) < 0)
        return;
    buf_init(&b, 0);
    assert(case_order_build(&o, &b) >= 0 && b.len == len && !memcmp(b.data, text, len));
    buf_release(&b);
}

static void answer(const char *text, size_t len)
{
    struct case_answer a;
    struct buf b;
    if (case_answer_parse(text, len, &a, NULL) < 0)
        return;
    buf_init(&b, 0);
    assert(case_answer_build(&a, &b) >= 0 && b.len == len && !memcmp(b.data, text, len));
    buf_release(&b);
}

static void armour(const char *text, size_t len)
{
    struct buf bytes, again;
    buf_init(&bytes, 0);
    buf_init(&again, 0);
    if (case_armour_decode(text, len, &bytes) >= 0) {
        assert(case_armour_append(bytes.data, bytes.len, &again) >= 0);
        assert(again.len == len && !memcmp(again.data, text, len));
    }
    buf_release(&bytes);
    buf_release(&again);
}

static void payload(const char *text, size_t len)
{
    struct case_shares c = {0};
    struct case_answer a = {.custodian = 2, .shares = 2};
    memset(a.order, 0x11, sizeof(a.order));
    case_payload_parse(&c, &a, text, len);
    case_shares_release(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || sodium_init() < 0)
        return 0;
    char *text = malloc(size); /* exact, so that the sanitiser sees an overrun by one */
    memcpy(text, data + 1, size - 1);
    switch (data[0]) {
    case 'o':
        order(text, size - 1);
        break;
    case 'a':
        answer(text, size - 1);
        break;
    case 'r':
        armour(text, size - 1);
        break;
    case 'p':
        payload(text, size - 1);
        break;
    default:
        break;
    }
    free(text);
    return 0;
}
