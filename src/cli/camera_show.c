/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `lethe camera list|show`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/camera.h"
#include "cli/output.h"
#include "recorder/zones.h"

static int list_json(const struct index_camera *rows, size_t n)
{
    json_t *all = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(all, camera_json(&rows[i], CAMERA_REDACTED));
    return cli_json_print(json_pack("{so}", "cameras", all));
}

static int list_table(const struct index_camera *rows, size_t n)
{
    static const char *const head[] = {"ID", "NAME", "RECORDED", "DAYS", "AUDIO", "MAIN", "SUB"};
    struct cli_table t;
    char url[CAMERA_URL];
    if (!n) {
        puts("no cameras yet; `lethe camera add ID --main URL` adds one");
        return 0;
    }
    cli_table_init(&t, 7, head);
    for (size_t i = 0; i < n; i++) {
        const struct index_camera *c = &rows[i];
        cli_table_cell(&t, "%s", c->id);
        cli_table_cell(&t, "%s", *c->name ? c->name : "-");
        cli_table_cell(&t, "%s", c->enabled ? "yes" : "no");
        if (c->retention_days)
            cli_table_cell(&t, "%d", c->retention_days);
        else
            cli_table_cell(&t, "-");
        cli_table_cell(&t, "%s", c->audio ? "yes" : "no");
        cli_table_cell(&t, "%s", camera_redact(c->main_url, url));
        cli_table_cell(&t, "%s", *c->sub_url ? camera_redact(c->sub_url, url) : "-");
    }
    int r = cli_table_show(&t);
    printf("%zu camera%s\n", n, n == 1 ? "" : "s");
    return r < 0;
}

static int run_list(const struct cli_args *a)
{
    struct index_camera *rows = NULL;
    size_t n = 0;
    struct index *ix = NULL;
    struct err e = {0};
    int r = camera_index_open(a, true, &ix, &e);
    if (r >= 0)
        r = camera_all(ix, &rows, &n, &e);
    if (ix)
        ix->ops->close(ix);
    if (r < 0)
        return cli_fail(a, &e, r);
    int code = cli_flag(a, "json") ? list_json(rows, n) : list_table(rows, n);
    free(rows);
    return code;
}

static void show_line(const char *what, const char *text)
{
    if (*text)
        printf("%-11s %s\n", what, text);
}

static void show_masking(const struct index_camera *c)
{
    struct mask_zone zone[MASK_ZONES];
    char at[TIME_TEXT];
    int n = zones_read(c->zones, zone);
    if (n < 0)
        puts("zones       not readable: the whole picture is covered; give them again");
    else if (n > 0)
        printf("zones       %d, always filled\n", n);
    if (c->declared_empty_us)
        printf("empty       declared %s\n", time_format(c->declared_empty_us, at));
}

static void show_register(const struct index_register *r)
{
    show_line("purpose", r->purpose);
    show_line("owner", r->owner);
    show_line("contact", r->contact);
    show_line("place", r->place);
    if (r->located)
        printf("on the map  %.6f, %.6f\n", r->lat, r->lon);
    show_line("sees", r->sees);
    if (r->px_per_m > 0)
        printf("detail      %.4g px/m at head height\n", r->px_per_m);
    show_line("kept for", r->retention_reason);
    show_line("review", r->review);
}

static void show_text(const struct index_camera *c)
{
    char url[CAMERA_URL], changed[TIME_TEXT];
    printf("camera      %s\n", c->id);
    if (*c->name)
        printf("name        %s\n", c->name);
    show_line("group", c->group);
    printf("main        %s\n", camera_redact(c->main_url, url));
    printf("sub         %s\n",
           *c->sub_url ? camera_redact(c->sub_url, url) : "none: the main stream serves both");
    printf("recorded    %s\n", c->enabled ? "yes" : "no, disabled");
    printf("transport   %s\n",
           config_transport_names[c->transport >= 0 && c->transport <= 2 ? c->transport : 0]);
    printf("audio       %s\n", c->audio ? "recorded" : "not recorded");
    if (c->retention_days)
        printf("retention   %d days\n", c->retention_days);
    else
        printf("retention   as the node's\n");
    if (*c->pin)
        printf("pin         %s\n", c->pin);
    if (c->tls_insecure)
        printf("certificate not checked\n");
    show_masking(c);
    show_register(&c->reg);
    printf("changed     %s\n", time_format(c->changed_us, changed));
}

static int run_show(const struct cli_args *a)
{
    struct index_camera c = {0};
    struct index *ix = NULL;
    struct err e = {0};
    int r = camera_index_open(a, true, &ix, &e);
    if (r >= 0)
        r = camera_find(ix, cli_arg(a, 0), &c, &e);
    if (ix)
        ix->ops->close(ix);
    if (r < 0)
        return cli_fail(a, &e, r);
    if (cli_flag(a, "json"))
        return cli_json_print(camera_json(&c, CAMERA_REDACTED));
    show_text(&c);
    return 0;
}

static const struct cli_option options[] = {
    {"data", "DIR", "data directory (default: $LETHE_DATA, ./data or /var/lib/lethe)"},
    {"json", NULL, "print JSON"},
    {0},
};

const struct cli_command cli_camera_list = {
    .name = "camera list",
    .summary = "list the cameras",
    .details = "Passwords are never shown. How the cameras are doing is told by `lethe status`.",
    .options = options,
    .examples = "# Ids only\nlethe camera list --json | jq -r '.cameras[].id'",
    .run = run_list,
};

const struct cli_command cli_camera_show = {
    .name = "camera show",
    .summary = "show one camera",
    .arguments = "ID",
    .options = options,
    .examples =
        "# Everything that is kept about it, without the password\nlethe camera show gate-1",
    .min_args = 1,
    .max_args = 1,
    .run = run_show,
};
