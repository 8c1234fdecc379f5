/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H
/* Time is passed in, so that tests can run forty days in a minute. Unit everywhere: microseconds.
 */
#include <stdint.h>

#define SECOND_US INT64_C(1000000)
#define MINUTE_US (60 * SECOND_US)
#define HOUR_US (60 * MINUTE_US)
#define DAY_US (24 * HOUR_US)

struct clock {
    int64_t (*wall_us)(
        const struct clock *); /* UTC since 1970; may be stepped by an administrator */
    int64_t (*mono_us)(const struct clock *); /* never goes back */
};

/* The clock of the operating system. Thread-safe. */
extern const struct clock clock_system;

static inline int64_t clock_wall_us(const struct clock *c)
{
    return c->wall_us(c);
}
static inline int64_t clock_mono_us(const struct clock *c)
{
    return c->mono_us(c);
}

/* A clock for tests: both readings are fields that the test sets. */
struct clock_fake {
    struct clock clock;
    int64_t wall, mono;
};
void clock_fake_init(struct clock_fake *c, int64_t wall_us);
void clock_fake_advance(struct clock_fake *c, int64_t us);

/* "2026-11-23T10:00:00.250Z"; buffer of at least TIME_TEXT bytes. Returns @buf. */
#define TIME_TEXT 32
char *time_format(int64_t wall_us, char buf[TIME_TEXT]);
/* "YYYY-MM-DD" and "HHMMSSZ" of file names (UTC). Returns @buf. */
char *time_format_date(int64_t wall_us, char buf[TIME_TEXT]);
char *time_format_clock(int64_t wall_us, char buf[TIME_TEXT]);
/* RFC 3339 with Z or ±hh:mm, optional fraction, 'T' or space. E_SYNTAX otherwise. */
int time_parse(const char *text, int64_t *ret_us);
/* "500ms", "90s", "10m", "24h", "30d"; a bare number is an error. */
int duration_parse(const char *text, int64_t *ret_us);
/* "2M", "10G", "512k", "100" (decimal multiples; "Ki", "Mi", "Gi" binary). */
int size_parse(const char *text, int64_t *ret);
#endif
