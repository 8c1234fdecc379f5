/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef CLI_MODELS_FETCH_H
#define CLI_MODELS_FETCH_H
/* Fetch one known model over HTTPS. Blocking. */
#include "mask/models.h"

/*
 * Download @m into @folder, which is made if it is missing. The file gets its name only after its SHA-256 was found
 * right; until then it is a temporary one beside it, and it never grows beyond the size in the list.
 *
 * @mirror    NULL: the URL of the list, HTTPS only. Else a folder of a web server that holds the file under its name
 * @progress  told how many bytes are there; may be NULL
 *
 * Errors: E_MISMATCH (other bytes came), E_DENIED and E_NOTFOUND (the server's answer), E_TIMEOUT, E_CLOSED (network),
 *         E_SYNTAX (@mirror is no URL), errno of writing. Nothing is left behind.
 */
int models_fetch(const struct model_info *m, const char *folder, const char *mirror,
                 void (*progress)(const struct model_info *m, int64_t bytes), struct err *reterr);
#endif
