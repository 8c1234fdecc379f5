/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"

static int64_t read_clock(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * SECOND_US + ts.tv_nsec / 1000;
}

static int64_t system_wall(const struct clock *c)
{
    (void)c;
    return read_clock(CLOCK_REALTIME);
}

static int64_t system_mono(const struct clock *c)
{
    (void)c;
    return read_clock(CLOCK_MONOTONIC);
}

const struct clock clock_system = {system_wall, system_mono};

static int64_t fake_wall(const struct clock *c)
{
    return __atomic_load_n(&((const struct clock_fake *)c)->wall, __ATOMIC_RELAXED);
}

static int64_t fake_mono(const struct clock *c)
{
    return __atomic_load_n(&((const struct clock_fake *)c)->mono, __ATOMIC_RELAXED);
}

void clock_fake_init(struct clock_fake *c, int64_t wall_us)
{
    *c = (struct clock_fake){{fake_wall, fake_mono}, wall_us, SECOND_US};
}

void clock_fake_advance(struct clock_fake *c, int64_t us)
{
    __atomic_add_fetch(&c->wall, us, __ATOMIC_RELAXED);
    __atomic_add_fetch(&c->mono, us, __ATOMIC_RELAXED);
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static struct tm broken_down(int64_t wall_us)
{
    time_t t = (time_t)floor_div(wall_us, SECOND_US);
    struct tm tm = {0};
    gmtime_r(&t, &tm);
    return tm;
}

char *time_format(int64_t wall_us, char buf[TIME_TEXT])
{
    struct tm tm = broken_down(wall_us);
    int ms = (int)(floor_div(wall_us, 1000) - floor_div(wall_us, SECOND_US) * 1000);
    size_t n = strftime(buf, TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(buf + n, TIME_TEXT - n, ms ? ".%03dZ" : "Z", ms);
    return buf;
}

char *time_format_date(int64_t wall_us, char buf[TIME_TEXT])
{
    struct tm tm = broken_down(wall_us);
    strftime(buf, TIME_TEXT, "%Y-%m-%d", &tm);
    return buf;
}

char *time_format_clock(int64_t wall_us, char buf[TIME_TEXT])
{
    struct tm tm = broken_down(wall_us);
    strftime(buf, TIME_TEXT, "%H%M%SZ", &tm);
    return buf;
}

/* Reads exactly @digits digits; -1 if there are fewer. Moves *p on. */
static int digits(const char **p, int digits)
{
    int v = 0;
    for (int i = 0; i < digits; i++, (*p)++) {
        if (!isdigit((unsigned char)**p))
            return -1;
        v = v * 10 + (**p - '0');
    }
    return v;
}

static int parse_zone(const char **p, int *ret_seconds)
{
    if (**p == 'Z' || **p == 'z') {
        (*p)++;
        *ret_seconds = 0;
        return 0;
    }
    if (**p != '+' && **p != '-')
        return E_SYNTAX;
    int sign = *(*p)++ == '-' ? -1 : 1;
    int h = digits(p, 2);
    if (h < 0 || h > 23 || *(*p)++ != ':')
        return E_SYNTAX;
    int m = digits(p, 2);
    if (m < 0 || m > 59)
        return E_SYNTAX;
    *ret_seconds = sign * (h * 3600 + m * 60);
    return 0;
}

int time_parse(const char *text, int64_t *ret_us)
{
    const char *p = text;
    struct tm tm = {0};
    static const char separators[] = "--T::";
    int *fields[] = {&tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec};
    for (int i = 0; i < 6; i++) {
        if (i > 0 && *p != separators[i - 1] && !(i == 3 && (*p == ' ' || *p == 't')))
            return E_SYNTAX;
        p += i > 0;
        int v = digits(&p, i == 0 ? 4 : 2);
        if (v < 0)
            return E_SYNTAX;
        *fields[i] = v;
    }
    if (tm.tm_year < 1970 || tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
        tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
        return E_SYNTAX;
    int64_t fraction = 0;
    if (*p == '.') {
        int64_t unit = 100000;
        for (p++; isdigit((unsigned char)*p); p++, unit /= 10)
            fraction += (*p - '0') * unit;
    }
    int zone;
    if (parse_zone(&p, &zone) < 0 || *p)
        return E_SYNTAX;
    int day = tm.tm_mday, month = tm.tm_mon - 1;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    time_t t = timegm(&tm);
    if (tm.tm_mday != day || tm.tm_mon != month) /* 31 February */
        return E_SYNTAX;
    *ret_us = ((int64_t)t - zone) * SECOND_US + fraction;
    return 0;
}

struct unit {
    const char *name;
    int64_t factor;
};

/* A whole number followed by one of the units. */
static int parse_unit(const char *text, const struct unit *units, int64_t *ret)
{
    char *end;
    errno = 0;
    if (!isdigit((unsigned char)*text))
        return E_SYNTAX;
    long long v = strtoll(text, &end, 10);
    if (errno)
        return E_RANGE;
    for (; units->name; units++) {
        if (strcmp(end, units->name) != 0)
            continue;
        if (v > INT64_MAX / units->factor)
            return E_RANGE;
        *ret = v * units->factor;
        return 0;
    }
    return E_SYNTAX;
}

int duration_parse(const char *text, int64_t *ret_us)
{
    static const struct unit units[] = {{"ms", 1000},   {"s", SECOND_US}, {"m", MINUTE_US},
                                        {"h", HOUR_US}, {"d", DAY_US},    {NULL, 0}};
    return parse_unit(text, units, ret_us);
}

int size_parse(const char *text, int64_t *ret)
{
    static const struct unit units[] = {
        {"", 1},        {"k", 1000},         {"K", 1000},
        {"M", 1000000}, {"G", 1000000000},   {"T", 1000000000000},
        {"Ki", 1024},   {"Mi", 1024 * 1024}, {"Gi", 1024 * 1024 * 1024},
        {NULL, 0}};
    return parse_unit(text, units, ret);
}
