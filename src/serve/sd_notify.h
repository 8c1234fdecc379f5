/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef SERVE_SD_NOTIFY_H
#define SERVE_SD_NOTIFY_H
/*
 * Tell the service manager how we are, without its library: one datagram to the socket named by $NOTIFY_SOCKET.
 * Source: sd_notify(3), "Notes"; sd_watchdog_enabled(3).
 */
#include <stdint.h>

/*
 * Send @state ("READY=1\nSTATUS=…"). Returns 1 if sent, 0 if there is no $NOTIFY_SOCKET, else a negated errno or
 * E_RANGE (the path does not fit). Never blocks. Thread-safe as long as nobody changes the environment.
 */
int sd_notify_send(const char *state);

/* Microseconds within which WATCHDOG=1 must be sent again; 0 when no watchdog is set for this process. */
int64_t sd_notify_watchdog_us(void);
#endif
