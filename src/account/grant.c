/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What a role may do, and for which camera a grant holds. Nothing here asks the database: it is the decision alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account/private.h"
#include "base/config.h"

static const char *const verb_names[] = {"live",  "playback",   "export",  "request", "status",
                                         "audit", "administer", "custody", NULL};
static const struct {
    const char *name;
    unsigned verbs;
} roles[] = {
    {"viewer", ACCOUNT_LIVE | ACCOUNT_STATUS},
    {"operator", ACCOUNT_LIVE | ACCOUNT_PLAYBACK | ACCOUNT_STATUS},
    {"investigator",
     ACCOUNT_LIVE | ACCOUNT_PLAYBACK | ACCOUNT_EXPORT | ACCOUNT_REQUEST | ACCOUNT_STATUS},
    {"custodian", ACCOUNT_PLAYBACK | ACCOUNT_CUSTODY},
    {"auditor", ACCOUNT_STATUS | ACCOUNT_AUDIT},
    {"administrator", ACCOUNT_LIVE | ACCOUNT_PLAYBACK | ACCOUNT_STATUS | ACCOUNT_ADMINISTER},
};
#define ROLES (sizeof(roles) / sizeof(roles[0]))

const char *account_verb_name(int i)
{
    return i < 0 || i > 7 ? NULL : verb_names[i];
}

unsigned account_verb_find(const char *name)
{
    for (int i = 0; verb_names[i]; i++)
        if (strcmp(name, verb_names[i]) == 0)
            return 1U << i;
    return 0;
}

const char *account_role_name(int i)
{
    return i < 0 || (size_t)i >= ROLES ? NULL : roles[i].name;
}

unsigned account_role_verbs(const char *role)
{
    for (size_t i = 0; i < ROLES; i++)
        if (strcmp(role, roles[i].name) == 0)
            return roles[i].verbs;
    return 0;
}

bool account_name_valid(const char *name)
{
    return config_id_valid(name);
}

/* ---- decisions ---- */

static bool holds_now(const struct account_grant *g, int64_t now_us)
{
    return (!g->from_us || g->from_us <= now_us) && (!g->to_us || now_us < g->to_us);
}

static bool covers(const struct account_grant *g, const char *group)
{
    return strcmp(g->group, "all") == 0 || strcmp(g->group, group) == 0;
}

unsigned account_verbs(const struct account_who *who, const char *group, int64_t now_us)
{
    unsigned verbs = 0;
    for (int i = 0; i < who->user.grant_count; i++) {
        const struct account_grant *g = &who->user.grant[i];
        if (holds_now(g, now_us) && (!group || covers(g, group)))
            verbs |= account_role_verbs(g->role);
    }
    return verbs & who->verbs;
}

bool account_everywhere(const struct account_who *who, unsigned verb, int64_t now_us)
{
    for (int i = 0; i < who->user.grant_count; i++) {
        const struct account_grant *g = &who->user.grant[i];
        if (strcmp(g->group, "all") == 0 && !g->from_us && !g->to_us && holds_now(g, now_us) &&
            (account_role_verbs(g->role) & who->verbs & verb) == verb)
            return true;
    }
    return false;
}

int account_reach(const struct account_who *who, unsigned verb, const char *group, int64_t now_us,
                  int64_t *from_us, int64_t *to_us)
{
    int64_t best = 0, best_from = 0, best_to = 0;
    for (int i = 0; i < who->user.grant_count; i++) {
        const struct account_grant *g = &who->user.grant[i];
        if (!(account_role_verbs(g->role) & who->verbs & verb) || !holds_now(g, now_us) ||
            !covers(g, group))
            continue;
        int64_t from = g->from_us > *from_us ? g->from_us : *from_us;
        int64_t to = g->to_us && g->to_us < *to_us ? g->to_us : *to_us;
        if (to - from > best) {
            best = to - from;
            best_from = from;
            best_to = to;
        }
    }
    if (!best)
        return E_DENIED;
    *from_us = best_from;
    *to_us = best_to;
    return 0;
}

/* ---- JSON ---- */

static json_t *time_or_null(int64_t us)
{
    char text[TIME_TEXT];
    return us ? json_string(time_format(us, text)) : json_null();
}

json_t *account_grants_json(const struct account_grant *g, int n)
{
    json_t *list = json_array();
    for (int i = 0; i < n; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:o}", "role", g[i].role, "group",
                                              g[i].group, "from", time_or_null(g[i].from_us), "to",
                                              time_or_null(g[i].to_us)));
    return list;
}

static int parse_time(const json_t *v, int64_t *ret, struct err *reterr)
{
    if (!v || json_is_null(v))
        return 0;
    const char *text = json_string_value(v);
    if (!text || time_parse(text, ret) < 0 || *ret <= 0)
        return err_set(reterr, E_SYNTAX, "A grant's \"from\" and \"to\" are times or null.");
    return 0;
}

static int parse_grant(const json_t *o, struct account_grant *g, struct err *reterr)
{
    const char *role = NULL, *group = NULL, *key;
    json_t *value;
    int r = 0;
    *g = (struct account_grant){0};
    json_object_foreach((json_t *)(uintptr_t)o, key, value)
    {
        if (strcmp(key, "role") == 0)
            role = json_string_value(value);
        else if (strcmp(key, "group") == 0)
            group = json_string_value(value);
        else if (strcmp(key, "from") == 0)
            r = parse_time(value, &g->from_us, reterr);
        else if (strcmp(key, "to") == 0)
            r = parse_time(value, &g->to_us, reterr);
        else
            r = err_set(reterr, E_SYNTAX, "A grant has role, group, from and to, nothing else.");
        if (r < 0)
            return r;
    }
    if (!role || !account_role_verbs(role))
        return err_set(reterr, E_RANGE,
                       "A grant's role is viewer, operator, investigator, auditor "
                       "or administrator.");
    if (!group || !account_name_valid(group))
        return err_set(reterr, E_RANGE, "A grant names a group of cameras, or \"all\".");
    if (g->from_us && g->to_us && g->from_us >= g->to_us)
        return err_set(reterr, E_RANGE, "A grant's \"from\" has to lie before its \"to\".");
    snprintf(g->role, sizeof(g->role), "%s", role);
    snprintf(g->group, sizeof(g->group), "%s", group);
    return 0;
}

int account_grants_parse(const json_t *list, struct account_grant ret[ACCOUNT_GRANTS], int *ret_n,
                         struct err *reterr)
{
    size_t n = json_array_size(list);
    if (!json_is_array(list))
        return err_set(reterr, E_SYNTAX, "Grants are a list.");
    if (n > ACCOUNT_GRANTS)
        return err_set(reterr, E_LIMIT, "A user has at most %d grants.", ACCOUNT_GRANTS);
    for (size_t i = 0; i < n; i++) {
        int r = parse_grant(json_array_get(list, i), &ret[i], reterr);
        if (r < 0)
            return r;
    }
    *ret_n = (int)n;
    return 0;
}
