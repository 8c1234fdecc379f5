/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <string.h>

#include "base/config.h"

bool config_id_valid(const char *id)
{
    static const char first[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    size_t len = strlen(id);
    return len >= 1 && len <= 63 && strchr(first, id[0]) &&
           strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789._-") == len;
}
