/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `lethe case list`, `lethe case show`, `lethe case codes`. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "cli/case.h"
#include "cli/output.h"

static void list_row(const struct cli_case *c, const struct case_folder *f,
                     const struct case_answers *answers, struct cli_table *t)
{
    char time[TIME_TEXT];
    const struct case_order *o = &f->order;
    cli_table_cell(t, "%s", o->id);
    cli_table_cell(t, "%s%s", case_state_name(f->state),
                   case_desk_overdue(f, c->desk.now_us) ? " (overdue)" : "");
    cli_table_cell(t, "%d of %d", __builtin_popcountll(answers->approved), f->policy.threshold);
    cli_table_cell(t, "%s%s", o->camera[0], o->cameras > 1 ? " …" : "");
    cli_table_cell(t, "%s", time_format(o->from_us, time));
    cli_table_cell(t, "%s", time_format(o->to_us, time));
    cli_table_cell(t, "%s", o->purpose);
    cli_table_cell(t, "%s", time_format(o->not_after_us, time));
}

/* A case whose answers do not hold is listed with its error: it must not hide the others. */
static int list_one(const struct cli_case *c, const char *id, json_t *list, struct cli_table *t)
{
    struct case_folder f;
    struct case_answers answers = {0};
    struct err e = {0};
    int r = case_folder_load(c->data_dir, id, false, &f, &e);
    if (r < 0) {
        fprintf(stderr, "case %s: %s\n", id, err_str(&e, r));
        return r;
    }
    r = case_folder_answers(&f, NULL, NULL, &answers, &e);
    if (r < 0)
        fprintf(stderr, "case %s: %s\n", id, err_str(&e, r));
    if (list)
        json_array_append_new(list, cli_case_json(c, &f, &answers));
    else
        list_row(c, &f, &answers, t);
    case_folder_release(&f);
    return r;
}

static int list_all(const struct cli_args *a, const struct cli_case *c, struct err *reterr)
{
    static const char *const head[] = {"CASE", "STATE", "APPROVED", "CAMERA",
                                       "FROM", "TO",    "PURPOSE",  "VALID UNTIL"};
    char(*ids)[CASE_ID] = NULL;
    size_t n = 0;
    struct cli_table t;
    int code = 0, r = case_folder_list(c->data_dir, &ids, &n, reterr);
    if (r < 0)
        return cli_fail(a, reterr, r);
    json_t *list = cli_flag(a, "json") ? json_array() : NULL;
    cli_table_init(&t, 8, head);
    for (size_t i = 0; i < n; i++)
        if (list_one(c, ids[i], list, &t) < 0)
            code = 1;
    free(ids);
    if (list) {
        buf_release(&t.cells);
        return cli_json_print(json_pack("{so}", "cases", list)) ? 1 : code;
    }
    return cli_table_show(&t) < 0 ? 1 : code;
}

static int run_list(const struct cli_args *a)
{
    struct cli_case c;
    struct err e = {0};
    int r = cli_case_begin(a, &c, &e);
    int code = r < 0 ? cli_fail(a, &e, r) : list_all(a, &c, &e);
    cli_case_release(&c);
    return code;
}

static const struct cli_option list_options[] = {
    CLI_CASE_DATA, CLI_CASE_CONFIG, CLI_CASE_LANG, {"json", NULL, "print {cases[]}"}, {0},
};

const struct cli_command cli_case_list = {
    .name = "case list",
    .summary = "list the cases of a node and how far they are",
    .options = list_options,
    .examples = "# all of them\nlethe case list --data /var/lib/lethe",
    .run = run_list,
};

static void show_answers(const struct cli_case *c, const struct case_folder *f,
                         const struct case_answers *answers)
{
    char time[TIME_TEXT];
    for (int i = 0; i < answers->count; i++) {
        const struct case_answer *x = &answers->answer[i];
        printf("%s %s %s%s%s\n", time_format(x->made_us, time),
               f->policy.custodian[x->custodian - 1].name, x->approves ? "approved" : "refused: ",
               x->approves ? "" : case_code_text(&c->codes, CASE_REFUSAL, x->reason, c->language),
               "");
    }
}

static int show(const struct cli_args *a, const struct cli_case *c, const struct case_folder *f,
                struct err *reterr)
{
    struct case_answers answers;
    struct buf words;
    char time[TIME_TEXT];
    int r = case_folder_answers(f, NULL, NULL, &answers, reterr);
    if (r < 0)
        return cli_fail(a, reterr, r);
    if (cli_flag(a, "json"))
        return cli_json_print(cli_case_json(c, f, &answers));
    buf_init(&words, 65536);
    if (case_words(&f->order, &c->codes, c->language, 0, &words) >= 0)
        fwrite(words.data, 1, words.len, stdout);
    buf_release(&words);
    printf("State: %s since %s\n", case_state_name(f->state), time_format(f->since_us, time));
    show_answers(c, f, &answers);
    if (case_quorum(&f->policy, answers.approved, reterr) < 0)
        printf("%s\n", reterr->text);
    return 0;
}

static int run_show(const struct cli_args *a)
{
    struct cli_case c;
    struct case_folder f;
    struct err e = {0};
    int r = cli_case_begin(a, &c, &e);
    if (r >= 0)
        r = cli_case_folder(&c, cli_arg(a, 0), false, &f, &e);
    int code = r < 0 ? cli_fail(a, &e, r) : show(a, &c, &f, &e);
    if (r >= 0)
        case_folder_release(&f);
    cli_case_release(&c);
    return code;
}

static const struct cli_option show_options[] = {
    CLI_CASE_DATA,
    CLI_CASE_CONFIG,
    CLI_CASE_LANG,
    {"json", NULL, "print the case with {id, state, cameras[], from, to, answers[], …}"},
    {0},
};

const struct cli_command cli_case_show = {
    .name = "case show",
    .summary = "show an order in words, and who has answered",
    .arguments = "CASE",
    .details = "CASE is the id of a case in the data directory, or the path of a case's folder.",
    .options = show_options,
    .examples = "# one of them\nlethe case show 3f9c2ab01d77e645",
    .min_args = 1,
    .max_args = 1,
    .run = run_show,
};

static int run_codes(const struct cli_args *a)
{
    static const char *const head[] = {"KIND", "CODE", "WHERE", "TEXT"};
    struct case_codes list = *case_codes_default();
    const char *file = cli_value(a, "file", NULL), *lang = cli_value(a, "lang", NULL);
    enum case_language l = case_language_of(lang ? lang : getenv("LANG"));
    struct err e = {0};
    struct cli_table t;
    int r = file ? case_codes_load(file, &list, &e) : 0;
    if (r < 0)
        return cli_fail(a, &e, r);
    json_t *out = json_array();
    cli_table_init(&t, 4, head);
    for (size_t i = 0; i < list.count; i++) {
        const struct case_code *k = &list.code[i];
        json_array_append_new(out, json_pack("{ss ss ss ss ss}", "kind",
                                             case_code_kind_names[k->kind], "code", k->code,
                                             "where", k->where, "en", k->en, "zh-Hant", k->zh));
        cli_table_cell(&t, "%s", case_code_kind_names[k->kind]);
        cli_table_cell(&t, "%s", k->code);
        cli_table_cell(&t, "%s", k->where);
        cli_table_cell(&t, "%s", l == CASE_ZH_HANT && k->zh[0] ? k->zh : k->en);
    }
    case_codes_release(&list);
    if (cli_flag(a, "json")) {
        buf_release(&t.cells);
        return cli_json_print(json_pack("{so}", "codes", out));
    }
    json_decref(out);
    return cli_table_show(&t) < 0 ? 1 : 0;
}

static const struct cli_option codes_options[] = {
    {"file", "FILE", "check and show this list instead of the one that is compiled in"},
    CLI_CASE_LANG,
    {"json", NULL, "print {codes[]}"},
    {0},
};

const struct cli_command cli_case_codes = {
    .name = "case codes",
    .summary = "list purposes, legal bases and reasons of refusal",
    .options = codes_options,
    .examples = "# in Traditional Chinese\nlethe case codes --lang zh-Hant",
    .run = run_codes,
};
