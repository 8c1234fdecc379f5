/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `lethe fsck`: do files and index agree? */
#include <jansson.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/output.h"
#include "store/store.h"

struct listing {
    json_t *problems; /* NULL: print at once */
};

static void on_line(void *user, const char *text)
{
    struct listing *l = user;
    if (l->problems)
        json_array_append_new(l->problems, json_string(text));
    else
        puts(text);
}

static void summary(const struct store_check *c, bool repair)
{
    printf("%llu files, %llu rows, %llu problems", (unsigned long long)c->files,
           (unsigned long long)c->rows, (unsigned long long)c->problems);
    if (repair)
        printf(", %llu repaired, %llu cannot be repaired", (unsigned long long)c->repaired,
               (unsigned long long)c->unrepairable);
    else if (c->problems)
        printf("; `lethe fsck --repair` mends what can be");
    putchar('\n');
}

static int run(const struct cli_args *a)
{
    struct listing l = {cli_flag(a, "json") ? json_array() : NULL};
    struct store_check c = {0};
    struct err e = {0};
    bool repair = cli_flag(a, "repair");
    int r = store_fsck(cli_data_dir(a), &index_sqlite, repair, cli_flag(a, "verify"), on_line, &l,
                       &c, &e);
    if (r < 0) {
        json_decref(l.problems);
        return cli_fail(a, &e, r);
    }
    bool ok = c.problems == c.repaired;
    if (!l.problems) {
        summary(&c, repair);
        return ok ? 0 : 1;
    }
    int code = cli_json_print(json_pack("{sb so sI sI sI sI}", "ok", ok, "problems", l.problems,
                                        "files", (json_int_t)c.files, "rows", (json_int_t)c.rows,
                                        "repaired", (json_int_t)c.repaired, "unrepairable",
                                        (json_int_t)c.unrepairable));
    return code ? code : !ok;
}

static const struct cli_option options[] = {
    {"data", "DIR", "data directory (default: $LETHE_DATA, ./data or /var/lib/lethe)"},
    {"repair", NULL, "mend what can be mended: finish files, make rows anew, finish deletions"},
    {"verify", NULL, "read everything and compare with the hashes of the manifests"},
    {"json", NULL, "print {ok, problems[], …}"},
    {0},
};

const struct cli_command cli_fsck = {
    .name = "fsck",
    .summary = "check that recordings and index agree, and mend them",
    .details = "Looks at every recording and every row: torn ends, files without rows, rows "
               "without files, sizes, "
               "hashes of manifests, keys without shares, unfinished deletions. The recorder must "
               "not be running.\n\n"
               "Exit code 0 only if nothing is wrong, or everything that was is repaired.",
    .options = options,
    .examples = "# look only\nlethe fsck --data /var/lib/lethe\n# mend, and read every byte\nlethe "
                "fsck --repair --verify",
    .max_args = 0,
    .run = run,
};
