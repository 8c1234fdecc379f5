/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "recorder/zones.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"

#define UNITS 10000
#define SMALLEST_AREA 1e-5 /* of the picture: about three picture elements of 640x360 */

static int corner_of(const json_t *point, double *x, double *y)
{
    const json_t *px = json_array_get(point, 0), *py = json_array_get(point, 1);
    if (json_array_size(point) != 2 || !json_is_number(px) || !json_is_number(py))
        return E_SYNTAX;
    *x = json_number_value(px);
    *y = json_number_value(py);
    return *x >= 0 && *x <= 1 && *y >= 0 && *y <= 1 ? 0 : E_RANGE;
}

/* Twice the area of the largest triangle at the first corner: 0 when all corners lie on a line. */
static double extent2(const struct mask_zone *z)
{
    double most = 0;
    for (int i = 1; i < z->points; i++) {
        for (int j = i + 1; j < z->points; j++) {
            double xi = (double)(z->x[i] - z->x[0]), yi = (double)(z->y[i] - z->y[0]);
            double xj = (double)(z->x[j] - z->x[0]), yj = (double)(z->y[j] - z->y[0]);
            most = fmax(most, fabs(xi * yj - xj * yi));
        }
    }
    return most;
}

/* To the four decimals that are stored. */
static float rounded(double v)
{
    return (float)(round(v * UNITS) / UNITS);
}

static int read_zone(const json_t *polygon, int n, struct mask_zone *z, struct err *reterr)
{
    size_t points = json_array_size(polygon);
    double x, y;
    if (!json_is_array(polygon) || points < 3)
        return err_set(reterr, E_SYNTAX, "zone %d is not a list of three corners or more", n);
    if (points > MASK_ZONE_POINTS)
        return err_set(reterr, E_LIMIT, "zone %d has more than %d corners", n, MASK_ZONE_POINTS);
    z->points = (int)points;
    for (size_t i = 0; i < points; i++) {
        int r = corner_of(json_array_get(polygon, i), &x, &y);
        if (r < 0)
            return err_set(reterr, r, "corner %zu of zone %d is not [x, y] with 0 to 1 each", i + 1,
                           n);
        z->x[i] = rounded(x);
        z->y[i] = rounded(y);
    }
    return extent2(z) >= 2 * SMALLEST_AREA
               ? 0
               : err_set(reterr, E_RANGE, "zone %d covers next to nothing", n);
}

static int read_all(const json_t *zones, struct mask_zone ret[MASK_ZONES], struct err *reterr)
{
    size_t n = json_array_size(zones);
    if (!json_is_array(zones))
        return err_set(reterr, E_SYNTAX, "zones are a list of polygons: [[[x, y], …], …]");
    if (n > MASK_ZONES)
        return err_set(reterr, E_LIMIT, "more than %d zones", MASK_ZONES);
    for (size_t i = 0; i < n; i++) {
        int r = read_zone(json_array_get(zones, i), (int)i + 1, &ret[i], reterr);
        if (r < 0)
            return r;
    }
    return (int)n;
}

/* 0.5, 1, 0.3333: what the picture's size makes use of, and the same bytes for the same place. */
static int put_number(struct buf *out, float v)
{
    int units = (int)lroundf(v * UNITS);
    char text[16];
    if (units % UNITS == 0)
        return buf_appendf(out, "%d", units / UNITS);
    snprintf(text, sizeof(text), "0.%04d", units);
    size_t n = strlen(text);
    while (n > 2 && text[n - 1] == '0')
        n--;
    return buf_append(out, text, n);
}

static int write_zone(struct buf *out, const struct mask_zone *z, bool first)
{
    int r = buf_appendf(out, "%s[", first ? "" : ",");
    for (int i = 0; i < z->points && r >= 0; i++) {
        r = buf_appendf(out, "%s[", i ? "," : "");
        if (r >= 0)
            r = put_number(out, z->x[i]);
        if (r >= 0)
            r = buf_append(out, ",", 1);
        if (r >= 0)
            r = put_number(out, z->y[i]);
        if (r >= 0)
            r = buf_append(out, "]", 1);
    }
    return r < 0 ? r : buf_append(out, "]", 1);
}

int zones_normalise_json(const json_t *zones, char ret[INDEX_ZONES], struct err *reterr)
{
    struct mask_zone zone[MASK_ZONES];
    struct buf out;
    int n = read_all(zones, zone, reterr);
    if (n <= 0) {
        ret[0] = n < 0 ? ret[0] : '\0';
        return n;
    }
    buf_init(&out, INDEX_ZONES - 1);
    int r = buf_append(&out, "[", 1);
    for (int i = 0; i < n && r >= 0; i++)
        r = write_zone(&out, &zone[i], i == 0);
    if (r >= 0)
        r = buf_append(&out, "]", 1);
    if (r >= 0) {
        memcpy(ret, out.data, out.len);
        ret[out.len] = '\0';
    }
    buf_release(&out);
    return r < 0 ? err_set(reterr, r, "the zones take more than %d bytes; use fewer corners",
                           INDEX_ZONES - 1)
                 : 0;
}

static json_t *load(const char *text, json_error_t *e)
{
    return json_loads(text, JSON_REJECT_DUPLICATES, e);
}

int zones_normalise(const char *text, char ret[INDEX_ZONES], struct err *reterr)
{
    json_error_t e;
    if (!*text) {
        ret[0] = '\0';
        return 0;
    }
    json_t *zones = load(text, &e);
    if (!zones)
        return err_set(reterr, E_SYNTAX, "zones are not JSON: %.100s (byte %d)", e.text,
                       e.position);
    int r = zones_normalise_json(zones, ret, reterr);
    json_decref(zones);
    return r;
}

int zones_read(const char *text, struct mask_zone ret[MASK_ZONES])
{
    json_error_t e;
    if (!*text)
        return 0;
    json_t *zones = load(text, &e);
    int n = zones ? read_all(zones, ret, NULL) : E_SYNTAX;
    json_decref(zones);
    return n < 0 ? E_SYNTAX : n;
}

json_t *zones_json(const char *text)
{
    json_error_t e;
    json_t *zones = *text ? load(text, &e) : NULL;
    return zones ? zones : json_array();
}
