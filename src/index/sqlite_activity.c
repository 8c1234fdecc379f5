/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Activity, packed: a row holds the 60 minutes of an hour, and a second table the 24 hours of a day,
 * made of them. 30 days of 500 cameras by the hour are 15,000 rows instead of 21 million minutes.
 *
 * Entry: u8 minutes known · u16 motion_max · u16 motion_mean · u8 persons_max · u8 vehicles_max.
 */
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "index/sqlite_private.h"

#define ENTRY SQLITE_ACTIVITY_BYTES
#define HOUR_BYTES (60 * ENTRY)
#define DAY_BYTES (24 * ENTRY)

static void pack(uint8_t *p, const struct sqlite_activity *a)
{
    p[0] = (uint8_t)a->known;
    wr16(p + 1, (uint16_t)a->motion_max);
    wr16(p + 3, (uint16_t)a->motion_mean);
    p[5] = (uint8_t)a->persons_max;
    p[6] = (uint8_t)a->vehicles_max;
}

/* Change entry @i of a row; entries that are not there yet are zero. @row gets all of it. */
static int change(struct sqlite_index *x, enum sqlite_statement get, enum sqlite_statement put,
                  int64_t camera, int64_t time, int i, const struct sqlite_activity *a,
                  uint8_t *row, size_t size, struct err *reterr)
{
    sqlite3_stmt *st;
    int err = sqlite_prepare(x, get, &st, reterr);
    if (err < 0)
        return err;
    sqlite3_bind_int64(st, 1, camera);
    sqlite3_bind_int64(st, 2, time);
    int rc = sqlite3_step(st);
    memset(row, 0, size);
    if (rc == SQLITE_ROW && sqlite3_column_bytes(st, 0) == (int)size)
        memcpy(row, sqlite3_column_blob(st, 0), size);
    err = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : sqlite_error(x, "reading activity", reterr);
    sqlite3_reset(st);
    if (err >= 0)
        err = sqlite_prepare(x, put, &st, reterr);
    if (err < 0)
        return err;
    pack(row + (size_t)i * ENTRY, a);
    sqlite3_bind_int64(st, 1, camera);
    sqlite3_bind_int64(st, 2, time);
    sqlite3_bind_blob(st, 3, row, (int)size, SQLITE_TRANSIENT);
    return sqlite_run(x, st, "writing activity", reterr);
}

static struct sqlite_activity hour_of(const uint8_t minutes[HOUR_BYTES])
{
    struct sqlite_activity hour = {0}, m;
    unsigned sum = 0;
    for (int i = 0; i < 60; i++) {
        sqlite_activity_unpack(minutes + (size_t)i * ENTRY, &m);
        if (!m.known)
            continue;
        hour.known++;
        sum += m.motion_mean;
        hour.motion_max = m.motion_max > hour.motion_max ? m.motion_max : hour.motion_max;
        hour.persons_max = m.persons_max > hour.persons_max ? m.persons_max : hour.persons_max;
        hour.vehicles_max = m.vehicles_max > hour.vehicles_max ? m.vehicles_max : hour.vehicles_max;
    }
    hour.motion_mean = hour.known ? sum / hour.known : 0;
    return hour;
}

int sqlite_put_activity(struct sqlite_index *x, const struct index_activity *a, struct err *reterr)
{
    uint8_t minutes[HOUR_BYTES], hours[DAY_BYTES];
    struct sqlite_activity one = {1, a->motion_max, a->motion_mean, a->persons_max,
                                  a->vehicles_max};
    int64_t camera, hour = a->minute_us / HOUR_US;
    if (a->minute_us < 0)
        return err_set(reterr, E_RANGE, "activity before 1970");
    int err = sqlite_camera_key(x, a->camera, true, &camera, reterr);
    if (err >= 0)
        err = change(x, SQL_MINUTES_GET, SQL_MINUTES_PUT, camera, hour,
                     (int)(a->minute_us % HOUR_US / MINUTE_US), &one, minutes, HOUR_BYTES, reterr);
    if (err < 0)
        return err;
    one = hour_of(minutes);
    return change(x, SQL_HOURS_GET, SQL_HOURS_PUT, camera, hour / 24, (int)(hour % 24), &one, hours,
                  DAY_BYTES, reterr);
}
