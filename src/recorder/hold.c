/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "recorder/hold.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/hex.h"

enum { TRIES = 50, PAUSE_US = 100000 };

static bool is_code(const char *text)
{
    size_t n = strlen(text);
    return n > 0 && n < 48 && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789.-") == n;
}

static int check_times(const struct index_hold *h, int64_t now_us, const char **part,
                       struct err *reterr)
{
    *part = "to";
    if (h->to_us <= h->from_us)
        return err_set(reterr, E_RANGE, "the span ends before it begins");
    if (h->from_us >= now_us)
        return err_set(reterr, E_RANGE, "the span lies in the future: hold what was recorded");
    *part = "until";
    if (h->until_us <= now_us)
        return err_set(reterr, E_RANGE, "the end of the hold is past");
    if (h->until_us > now_us + HOLD_LONGEST_US)
        return err_set(reterr, E_RANGE, "a hold ends within ten years; it can be made again");
    return 0;
}

int hold_check(struct index_hold *h, int64_t now_us, const char **part, struct err *reterr)
{
    uint8_t random[8];
    if (!*h->id) {
        randombytes_buf(random, sizeof(random));
        hex_encode(random, sizeof(random), h->id);
    }
    *part = "id";
    if (!config_id_valid(h->id))
        return err_set(reterr, E_SYNTAX, "'%.63s' is not 1 to 63 of a-z, 0-9, '.', '_', '-'",
                       h->id);
    *part = "camera";
    if (!config_id_valid(h->camera))
        return err_set(reterr, E_SYNTAX, "'%.63s' is not the id of a camera", h->camera);
    *part = "reason";
    if (!is_code(h->reason))
        return err_set(reterr, E_SYNTAX,
                       "'%.47s' is not a code of 1 to 47 of a-z, 0-9, '.', '-'; reasons are public "
                       "and name nobody",
                       h->reason);
    h->added_us = now_us;
    return check_times(h, now_us, part, reterr);
}

int hold_put(struct index *ix, const struct index_hold *h, struct err *reterr)
{
    int r = E_BUSY;
    for (int i = 0; i < TRIES && r == E_BUSY; i++) {
        if (i)
            usleep(PAUSE_US);
        r = ix->ops->hold_put(ix, h, reterr);
    }
    return r;
}

int hold_remove(struct index *ix, const char *id, int64_t now_us, struct err *reterr)
{
    int r = E_BUSY;
    for (int i = 0; i < TRIES && r == E_BUSY; i++) {
        if (i)
            usleep(PAUSE_US);
        r = ix->ops->hold_remove(ix, id, "removed", now_us, reterr);
    }
    return r;
}

json_t *hold_json(const struct index_hold *h)
{
    char from[TIME_TEXT], to[TIME_TEXT], until[TIME_TEXT], added[TIME_TEXT];
    return json_pack("{ss ss ss ss ss ss ss}", "id", h->id, "camera", h->camera, "from",
                     time_format(h->from_us, from), "to", time_format(h->to_us, to), "until",
                     time_format(h->until_us, until), "reason", h->reason, "added",
                     time_format(h->added_us, added));
}

static int append(void *user, const struct index_hold *h)
{
    return json_array_append_new(user, hold_json(h)) < 0 ? -ENOMEM : 0;
}

int hold_list(struct index *ix, json_t **ret, struct err *reterr)
{
    json_t *all = json_array();
    int r = all ? ix->ops->holds(ix, append, all, reterr) : -ENOMEM;
    if (r < 0) {
        json_decref(all);
        return r;
    }
    *ret = all;
    return 0;
}
