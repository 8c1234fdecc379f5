/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "mask/compare.h"

#include <stdbool.h>
#include <string.h>
#ifdef __x86_64__
#include <emmintrin.h>
#endif

static unsigned distance(unsigned a, unsigned b)
{
    return a > b ? a - b : b - a;
}

static unsigned saturated(unsigned v)
{
    return v > 255 ? 255 : v;
}

/* Column sums first, saturated as the vectors do it, then the columns of a cell. */
static unsigned columns_sad(const uint8_t *a, const uint8_t *b, size_t stride, int lines,
                            int columns)
{
    unsigned sum = 0;
    for (int x = 0; x < columns; x++) {
        unsigned column = 0;
        for (int y = 0; y < lines; y++)
            column =
                saturated(column + distance(a[(size_t)y * stride + x], b[(size_t)y * stride + x]));
        sum += column;
    }
    return sum;
}

void mask_compare_row_plain(const struct mask_picture *live, const struct mask_picture *ref,
                            int row, const struct mask_row *ret)
{
    size_t stride = (size_t)live->stride[0], half = (size_t)live->stride[1];
    size_t at = (size_t)row * MASK_CELL * stride, chroma = (size_t)row * MASK_CELL / 2 * half;
    int cells = live->stride[0] / MASK_CELL;
    for (int c = 0; c < cells; c++) {
        const uint8_t *l = live->plane[0] + at + c * MASK_CELL;
        unsigned sum = 0;
        for (int y = 0; y < MASK_CELL; y++)
            for (int x = 0; x < MASK_CELL; x++)
                sum += l[(size_t)y * stride + x];
        if (ret->luma_sum)
            ret->luma_sum[c] = (uint16_t)sum;
        ret->luma_sad[c] = (uint16_t)columns_sad(l, ref->plane[0] + at + c * MASK_CELL, stride,
                                                 MASK_CELL, MASK_CELL);
        sum = 0;
        for (int i = 1; i < 3; i++)
            sum += columns_sad(live->plane[i] + chroma + c * 2, ref->plane[i] + chroma + c * 2,
                               half, 2, 2);
        ret->chroma_sad[c] = (uint16_t)sum;
    }
}

void mask_affine_row_plain(const uint8_t *p, uint8_t *ret, size_t n, struct mask_affine a,
                           const int16_t *extra)
{
    for (size_t i = 0; i < n; i++) {
        int offset = a.offset + (extra ? extra[i / 16] : 0) + 8;
        int v = ((int)(((uint32_t)p[i] << 7) * a.gain >> 16) + offset) >> 4;
        ret[i] = (uint8_t)(v < a.low ? a.low : v > a.high ? a.high : v);
    }
}

void mask_approach_plain(uint8_t *to, const uint8_t *pred, const uint8_t *live, const uint8_t *pull,
                         size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (pull[i])
            to[i] = (uint8_t)(to[i] + (live[i] > pred[i] && to[i] < 255) -
                              (live[i] < pred[i] && to[i] > 0));
}

#define MOVED_MIN 24

static uint8_t beyond(const struct mask_verdict *v, size_t i, unsigned times)
{
    bool far = v->luma[i] * 4U > v->luma_limit[i] * times ||
               v->chroma[i] * 4U > v->chroma_limit[i] * times;
    return far && v->known[i] ? 255 : 0;
}

void mask_judge_plain(const struct mask_verdict *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        v->weak[i] = beyond(v, i, 4);
        v->strong[i] = beyond(v, i, 7);
        v->sole[i] = beyond(v, i, 12);
        v->trace[i] = beyond(v, i, 3);
    }
}

void mask_motion_plain(const uint16_t *sum, const uint16_t *before, const uint16_t *limit,
                       uint8_t *ret, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ret[i] = distance(sum[i], before[i]) > MOVED_MIN + limit[i] / 2U ? 255 : 0;
}

#ifdef __x86_64__
static __m128i load(const uint8_t *p)
{
    return _mm_load_si128((const __m128i *)(const void *)p);
}

static __m128i distances(const uint8_t *a, const uint8_t *b)
{
    __m128i x = load(a), y = load(b);
    return _mm_or_si128(_mm_subs_epu8(x, y), _mm_subs_epu8(y, x));
}

/* Sums of neighbouring bytes as 16-bit numbers. */
static __m128i pairs(__m128i v)
{
    return _mm_add_epi16(_mm_and_si128(v, _mm_set1_epi16(255)), _mm_srli_epi16(v, 8));
}

/* Two vectors of 8 pairs to 8 sums of 4 bytes. */
static __m128i fours(__m128i a, __m128i b)
{
    const __m128i one = _mm_set1_epi16(1);
    return _mm_packs_epi32(_mm_madd_epi16(a, one), _mm_madd_epi16(b, one));
}

static __m128i luma_columns(const uint8_t *l, const uint8_t *r, size_t stride)
{
    __m128i a = _mm_adds_epu8(distances(l, r), distances(l + stride, r + stride));
    __m128i b = _mm_adds_epu8(distances(l + 2 * stride, r + 2 * stride),
                              distances(l + 3 * stride, r + 3 * stride));
    return _mm_adds_epu8(a, b);
}

static __m128i luma_pairs(const uint8_t *l, size_t stride)
{
    __m128i a = _mm_add_epi16(pairs(load(l)), pairs(load(l + stride)));
    return _mm_add_epi16(a,
                         _mm_add_epi16(pairs(load(l + 2 * stride)), pairs(load(l + 3 * stride))));
}

static void store(uint16_t *to, __m128i v)
{
    _mm_storeu_si128((__m128i *)(void *)to, v);
}

void mask_compare_row(const struct mask_picture *live, const struct mask_picture *ref, int row,
                      const struct mask_row *ret)
{
    size_t stride = (size_t)live->stride[0], half = (size_t)live->stride[1];
    size_t at = (size_t)row * MASK_CELL * stride, chroma = (size_t)row * MASK_CELL / 2 * half;
    for (size_t x = 0, c = 0; x < stride; x += 32, c += 8) { /* 8 cells */
        const uint8_t *l = live->plane[0] + at + x, *r = ref->plane[0] + at + x;
        store(ret->luma_sad + c, fours(pairs(luma_columns(l, r, stride)),
                                       pairs(luma_columns(l + 16, r + 16, stride))));
        if (ret->luma_sum)
            store(ret->luma_sum + c, fours(luma_pairs(l, stride), luma_pairs(l + 16, stride)));
        __m128i sum = _mm_setzero_si128();
        for (int i = 1; i < 3; i++) {
            l = live->plane[i] + chroma + x / 2, r = ref->plane[i] + chroma + x / 2;
            sum = _mm_add_epi16(
                sum, pairs(_mm_adds_epu8(distances(l, r), distances(l + half, r + half))));
        }
        store(ret->chroma_sad + c, sum);
    }
}

static __m128i affine(__m128i v, __m128i gain, __m128i offset)
{
    v = _mm_mulhi_epu16(_mm_slli_epi16(v, 7), gain);
    return _mm_srai_epi16(_mm_add_epi16(v, offset), 4);
}

void mask_affine_row(const uint8_t *p, uint8_t *ret, size_t n, struct mask_affine a,
                     const int16_t *extra)
{
    const __m128i gain = _mm_set1_epi16((short)a.gain), zero = _mm_setzero_si128();
    const __m128i low = _mm_set1_epi8((char)a.low), high = _mm_set1_epi8((char)a.high);
    __m128i offset = _mm_set1_epi16((short)(a.offset + 8));
    for (size_t i = 0; i < n; i += 16) {
        if (extra)
            offset = _mm_set1_epi16((short)(a.offset + 8 + extra[i / 16]));
        __m128i v = load(p + i);
        v = _mm_packus_epi16(affine(_mm_unpacklo_epi8(v, zero), gain, offset),
                             affine(_mm_unpackhi_epi8(v, zero), gain, offset));
        v = _mm_min_epu8(_mm_max_epu8(v, low), high);
        _mm_store_si128((__m128i *)(void *)(ret + i), v);
    }
}

void mask_approach(uint8_t *to, const uint8_t *pred, const uint8_t *live, const uint8_t *pull,
                   size_t n)
{
    const __m128i one = _mm_set1_epi8(1);
    for (size_t i = 0; i < n; i += 16) {
        __m128i p = load(pred + i), l = load(live + i), on = _mm_and_si128(load(pull + i), one);
        __m128i up = _mm_min_epu8(_mm_subs_epu8(l, p), on),
                down = _mm_min_epu8(_mm_subs_epu8(p, l), on);
        __m128i v = _mm_subs_epu8(_mm_adds_epu8(load(to + i), up), down);
        _mm_store_si128((__m128i *)(void *)(to + i), v);
    }
}
static __m128i numbers(const uint16_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* value * 4 > limit * times, in either plane, for 16 cells. */
static __m128i beyond16(const struct mask_verdict *v, size_t i, short times)
{
    const __m128i t = _mm_set1_epi16(times);
    __m128i r[2];
    for (size_t k = 0; k < 2; k++) {
        size_t at = i + 8 * k;
        __m128i luma = _mm_cmpgt_epi16(_mm_slli_epi16(numbers(v->luma + at), 2),
                                       _mm_mullo_epi16(numbers(v->luma_limit + at), t));
        __m128i chroma = _mm_cmpgt_epi16(_mm_slli_epi16(numbers(v->chroma + at), 2),
                                         _mm_mullo_epi16(numbers(v->chroma_limit + at), t));
        r[k] = _mm_or_si128(luma, chroma);
    }
    __m128i known = _mm_loadu_si128((const __m128i *)(const void *)(v->known + i));
    return _mm_and_si128(_mm_packs_epi16(r[0], r[1]), known);
}

static void store_bytes(uint8_t *to, __m128i v)
{
    _mm_storeu_si128((__m128i *)(void *)to, v);
}

void mask_judge(const struct mask_verdict *v, size_t n)
{
    for (size_t i = 0; i < n; i += 16) {
        store_bytes(v->weak + i, beyond16(v, i, 4));
        store_bytes(v->strong + i, beyond16(v, i, 7));
        store_bytes(v->sole + i, beyond16(v, i, 12));
        store_bytes(v->trace + i, beyond16(v, i, 3));
    }
}

void mask_motion(const uint16_t *sum, const uint16_t *before, const uint16_t *limit, uint8_t *ret,
                 size_t n)
{
    const __m128i least = _mm_set1_epi16(MOVED_MIN);
    for (size_t i = 0; i < n; i += 16) {
        __m128i r[2];
        for (size_t k = 0; k < 2; k++) {
            __m128i a = numbers(sum + i + 8 * k), b = numbers(before + i + 8 * k);
            __m128i d = _mm_or_si128(_mm_subs_epu16(a, b), _mm_subs_epu16(b, a));
            r[k] = _mm_cmpgt_epi16(
                d, _mm_add_epi16(least, _mm_srli_epi16(numbers(limit + i + 8 * k), 1)));
        }
        store_bytes(ret + i, _mm_packs_epi16(r[0], r[1]));
    }
}
#else
void mask_compare_row(const struct mask_picture *live, const struct mask_picture *ref, int row,
                      const struct mask_row *ret)
{
    mask_compare_row_plain(live, ref, row, ret);
}

void mask_affine_row(const uint8_t *p, uint8_t *ret, size_t n, struct mask_affine a,
                     const int16_t *extra)
{
    mask_affine_row_plain(p, ret, n, a, extra);
}

void mask_approach(uint8_t *to, const uint8_t *pred, const uint8_t *live, const uint8_t *pull,
                   size_t n)
{
    mask_approach_plain(to, pred, live, pull, n);
}

void mask_judge(const struct mask_verdict *v, size_t n)
{
    mask_judge_plain(v, n);
}

void mask_motion(const uint16_t *sum, const uint16_t *before, const uint16_t *limit, uint8_t *ret,
                 size_t n)
{
    mask_motion_plain(sum, before, limit, ret, n);
}
#endif
