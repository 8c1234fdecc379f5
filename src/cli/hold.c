/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `lethe hold add|list|remove`: footage that is kept past its retention, in public. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cli/camera.h"
#include "cli/output.h"
#include "recorder/hold.h"

#define OPTION_DATA                                                                                \
    {                                                                                              \
        "data", "DIR", "data directory (default: $LETHE_DATA, ./data or /var/lib/lethe)"           \
    }

static int copy(const struct cli_args *a, const char *option, char *out, size_t size,
                struct err *reterr)
{
    const char *text = cli_value(a, option, "");
    if (strlen(text) >= size)
        return err_set(reterr, E_LIMIT, "--%s is longer than %zu bytes", option, size - 1);
    memcpy(out, text, strlen(text) + 1);
    return 0;
}

/* A time, or so long from now on: "90d". */
static int read_until(const struct cli_args *a, int64_t now_us, int64_t *ret, struct err *reterr)
{
    const char *text = cli_value(a, "until", "");
    int64_t length;
    if (duration_parse(text, &length) >= 0)
        *ret = now_us + length;
    else if (time_parse(text, ret) < 0)
        return err_set(reterr, E_SYNTAX,
                       "--until '%.40s' is neither a time like 2027-02-25T00:00:00Z nor so long "
                       "from now on, like 90d",
                       text);
    return 0;
}

/* Exit code 2 was told by cli_time(), others are errors. */
static int read_options(const struct cli_args *a, struct index_hold *h, struct err *reterr)
{
    long long from = 0, to = 0;
    int64_t now = clock_wall_us(&clock_system);
    const char *part = "";
    if (cli_time(a, "from", &from) < 0 || cli_time(a, "to", &to) < 0)
        return E_SYNTAX;
    h->from_us = from;
    h->to_us = to;
    int r = copy(a, "camera", h->camera, sizeof(h->camera), reterr);
    if (r >= 0)
        r = copy(a, "reason", h->reason, sizeof(h->reason), reterr);
    if (r >= 0)
        r = copy(a, "id", h->id, sizeof(h->id), reterr);
    if (r >= 0)
        r = read_until(a, now, &h->until_us, reterr);
    if (r < 0)
        return r;
    r = hold_check(h, now, &part, reterr);
    if (r < 0)
        err_prefix(reterr, "--%s: ", part);
    return r;
}

static int run_add(const struct cli_args *a)
{
    struct index_hold h = {0};
    struct index *ix = NULL;
    struct err e = {0};
    int r = read_options(a, &h, &e);
    if (r < 0)
        return e.text[0] ? cli_fail(a, &e, r) : 2;
    r = camera_index_open(a, false, &ix, &e);
    if (r >= 0)
        r = hold_put(ix, &h, &e);
    if (ix)
        ix->ops->close(ix);
    if (r < 0)
        return cli_fail(a, &e, r);
    if (cli_flag(a, "json"))
        return cli_json_print(json_pack("{sb so}", "ok", 1, "hold", hold_json(&h)));
    char until[TIME_TEXT];
    printf("hold %s: camera %s is kept until %s\n", h.id, h.camera, time_format(h.until_us, until));
    return 0;
}

static int show_table(json_t *all)
{
    static const char *const head[] = {"ID", "CAMERA", "FROM", "TO", "UNTIL", "REASON"};
    static const char *const keys[] = {"id", "camera", "from", "to", "until", "reason"};
    struct cli_table t;
    size_t i;
    json_t *h;
    if (!json_array_size(all)) {
        puts("nothing is held");
        return 0;
    }
    cli_table_init(&t, 6, head);
    json_array_foreach(all, i, h)
    {
        for (int k = 0; k < 6; k++)
            cli_table_cell(&t, "%s", json_string_value(json_object_get(h, keys[k])));
    }
    return cli_table_show(&t) < 0;
}

static int run_list(const struct cli_args *a)
{
    struct index *ix = NULL;
    struct err e = {0};
    json_t *all = NULL;
    int r = camera_index_open(a, true, &ix, &e);
    if (r >= 0)
        r = hold_list(ix, &all, &e);
    if (ix)
        ix->ops->close(ix);
    if (r < 0)
        return cli_fail(a, &e, r);
    if (cli_flag(a, "json"))
        return cli_json_print(json_pack("{so}", "holds", all));
    int code = show_table(all);
    json_decref(all);
    return code;
}

static int run_remove(const struct cli_args *a)
{
    struct index *ix = NULL;
    struct err e = {0};
    int r = camera_index_open(a, false, &ix, &e);
    if (r >= 0)
        r = hold_remove(ix, cli_arg(a, 0), clock_wall_us(&clock_system), &e);
    if (ix)
        ix->ops->close(ix);
    if (r < 0)
        return cli_fail(a, &e, r);
    if (cli_flag(a, "json"))
        return cli_json_print(json_pack("{sb}", "ok", 1));
    printf("hold %s removed: what is past its retention goes within a minute\n", cli_arg(a, 0));
    return 0;
}

const struct cli_command cli_hold_add = {
    .name = "hold add",
    .summary = "keep footage of one camera and span past its retention",
    .details =
        "The recordings that touch the span stay until the hold ends, with their keys and "
        "nobody else's. They are opened in no other way than before: t of n custodians. Each "
        "hold is public: who looks at the log sees camera, span, end and reason, so the "
        "reason is a code and names nobody.\n"
        "Several holds may cover the same footage; it goes when the last is over. Custodians "
        "who destroy their old identities in time make held footage of those weeks "
        "unopenable, so tell them.",
    .options =
        (const struct cli_option[]){
            {"camera", "ID", "whose footage", .required = true},
            {"from", "TIME", "begin of the span: RFC 3339, or -10m", .required = true},
            {"to", "TIME", "its end, not included: RFC 3339, now, or -10m", .required = true},
            {"until", "TIME", "when the hold ends by itself: RFC 3339, or 90d from now on",
             .required = true},
            {"reason", "CODE", "why, as a code: a-z, 0-9, '.', '-'", .required = true},
            {"id", "ID", "how the hold is called (default: 16 random digits)"},
            OPTION_DATA,
            {"json", NULL, "print JSON"},
            {0},
        },
    .examples = "# For three months, by order of a court\n"
                "lethe hold add --camera gate-1 --from 2026-11-25T22:00:00Z --to "
                "2026-11-25T22:30:00Z --until 90d --reason court-order",
    .run = run_add,
};

const struct cli_command cli_hold_list = {
    .name = "hold list",
    .summary = "list what is held, by the end of the hold",
    .options = (const struct cli_option[]){OPTION_DATA, {"json", NULL, "print JSON"}, {0}},
    .examples = "# As JSON\nlethe hold list --json",
    .run = run_list,
};

const struct cli_command cli_hold_remove = {
    .name = "hold remove",
    .summary = "end a hold before its time",
    .arguments = "ID",
    .details = "What is past its retention, and held by nothing else, goes within a minute.",
    .options = (const struct cli_option[]){OPTION_DATA, {"json", NULL, "print JSON"}, {0}},
    .examples = "# The case is closed\nlethe hold remove 0011223344556677",
    .min_args = 1,
    .max_args = 1,
    .run = run_remove,
};
