/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

static enum log_level threshold = LOG_LEVEL_INFO;
static const char *process_name = "lethe";

void log_set_level(enum log_level level)
{
    threshold = level;
}

void log_set_process(const char *name)
{
    process_name = name;
}

/* Control characters in foreign text must not forge lines. */
static void flatten(char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < ' ' || *s == 0x7f)
            *s = ' ';
}

void log_line(enum log_level level, const char *topic, const char *fmt, ...)
{
    if (level > threshold)
        return;
    static const char *const names[] = {"", "", "", "error", "warning", "", "info", "debug"};
    char message[900], stamp[TIME_TEXT], line[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(message, sizeof(message), fmt, ap);
    va_end(ap);
    flatten(message);
    int n;
    if (getenv("JOURNAL_STREAM"))
        n = snprintf(line, sizeof(line), "<%d>%s %s: %s\n", (int)level, process_name, topic,
                     message);
    else
        n = snprintf(line, sizeof(line), "%s %s %s %s: %s\n",
                     time_format(clock_system.wall_us(&clock_system), stamp), names[level],
                     process_name, topic, message);
    if (n > 0 &&
        write(STDERR_FILENO, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1) < 0)
        return; /* nowhere left to complain */
}
