/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RECORDER_ZONES_H
#define RECORDER_ZONES_H
/*
 * Privacy zones of a camera: polygons that are always filled in the masked view, as text in the
 * index and as corners for the masker. JSON: a list of polygons, each a list of 3 to
 * MASK_ZONE_POINTS corners [x, y], 0 to 1 of the picture's width and height from the upper left.
 * Reentrant.
 */
#include <jansson.h>

#include "base/err.h"
#include "index/index.h"
#include "mask/mask.h"

/*
 * Check @text and write it in the one form that is stored: no blanks, at most four decimals, "" for
 * no zones. Errors: E_SYNTAX, E_RANGE, E_LIMIT (too many polygons or corners, or longer than
 * INDEX_ZONES) with one sentence.
 */
int zones_normalise(const char *text, char ret[INDEX_ZONES], struct err *reterr);
int zones_normalise_json(const json_t *zones, char ret[INDEX_ZONES], struct err *reterr);
/*
 * The corners of stored zones. Returns the number of zones, or E_SYNTAX: the caller then covers the
 * whole picture, because a zone that cannot be read must not become a picture without it.
 */
int zones_read(const char *text, struct mask_zone ret[MASK_ZONES]);
/* Stored zones as JSON, an empty list for none. */
json_t *zones_json(const char *text);
#endif
