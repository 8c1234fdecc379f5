/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `lethe reindex`: the index made anew from the recordings. */
#include <jansson.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/output.h"
#include "store/store.h"

static void on_line(void *user, const char *text)
{
    json_t *notes = user;
    if (notes)
        json_array_append_new(notes, json_string(text));
    else
        puts(text);
}

static int run(const struct cli_args *a)
{
    json_t *notes = cli_flag(a, "json") ? json_array() : NULL;
    struct store_check c = {0};
    struct err e = {0};
    int r = store_reindex(cli_data_dir(a), &index_sqlite, on_line, notes, &c, &e);
    if (r < 0) {
        json_decref(notes);
        return cli_fail(a, &e, r);
    }
    bool ok = c.unrepairable == 0;
    if (!notes) {
        printf("%llu files read, %llu rows written, %llu files finished, %llu unreadable\n",
               (unsigned long long)c.files, (unsigned long long)c.rows,
               (unsigned long long)c.repaired, (unsigned long long)c.unrepairable);
        return ok ? 0 : 1;
    }
    int code = cli_json_print(json_pack("{sb so sI sI sI sI}", "ok", ok, "problems", notes, "files",
                                        (json_int_t)c.files, "rows", (json_int_t)c.rows, "repaired",
                                        (json_int_t)c.repaired, "unrepairable",
                                        (json_int_t)c.unrepairable));
    return code ? code : !ok;
}

static const struct cli_option options[] = {
    {"data", "DIR", "data directory (default: $LETHE_DATA, ./data or /var/lib/lethe)"},
    {"json", NULL, "print {ok, problems[], …}"},
    {0},
};

const struct cli_command cli_reindex = {
    .name = "reindex",
    .summary = "make the index anew from the recordings",
    .details = "Every recording says what it is, so the index can be lost. Cameras, gaps and "
               "events are taken over from "
               "the old index as far as it can be read; it stays as lethe.db.old. The recorder "
               "must not be running.",
    .options = options,
    .examples = "# after the database was damaged\nlethe reindex --data /var/lib/lethe",
    .max_args = 0,
    .run = run,
};
