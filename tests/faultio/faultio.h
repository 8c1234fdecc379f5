/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef FAULTIO_H
#define FAULTIO_H
/* For test programs that link faultio.c: replace all rules; "" for none. Thread-safe. */
void faultio_rules(const char *text);
/* How many calls the first rule has counted. */
unsigned long faultio_seen(void);
#endif
