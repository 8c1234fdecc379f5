/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `lethe user …`: accounts of the web server, from the machine itself. Works beside a running server. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "account/account.h"
#include "cli/command.h"
#include "cli/output.h"

#define PASSWORD_BYTES (ACCOUNT_PASSWORD_MAX + 2)

static int open_accounts(const struct cli_args *a, struct account **ret, struct err *reterr)
{
    const char *dir = cli_data_dir(a);
    if (access(dir, F_OK) < 0)
        return err_set(reterr, -errno, "%s: %s; `lethe serve` makes it", dir, err_text(-errno));
    return account_open(dir, &clock_system, ret, reterr);
}

/* ---- passwords: from a prompt or a file, never from the command line ---- */

/* The first line without its end. */
static int read_line(FILE *in, char out[PASSWORD_BYTES])
{
    if (!fgets(out, PASSWORD_BYTES, in))
        return E_TRUNCATED;
    out[strcspn(out, "\r\n")] = 0;
    return 0;
}

static int prompt_once(const char *text, char out[PASSWORD_BYTES])
{
    struct termios before, quiet;
    FILE *tty = fopen("/dev/tty", "r+e");
    if (!tty)
        return -ENOTTY;
    int fd = fileno(tty);
    bool hide = tcgetattr(fd, &before) == 0;
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    if (hide)
        tcsetattr(fd, TCSAFLUSH, &quiet);
    fprintf(tty, "%s", text);
    fflush(tty);
    int r = read_line(tty, out);
    if (hide)
        tcsetattr(fd, TCSAFLUSH, &before);
    fprintf(tty, "\n");
    fclose(tty);
    return r;
}

static int prompt(char out[PASSWORD_BYTES], struct err *reterr)
{
    char again[PASSWORD_BYTES];
    int r = prompt_once("password: ", out);
    if (r == -ENOTTY)
        return err_set(reterr, r,
                       "there is no terminal to ask for the password; use "
                       "--password-file FILE");
    if (r >= 0)
        r = prompt_once("again: ", again);
    if (r >= 0 && strcmp(out, again) != 0)
        r = E_MISMATCH;
    sodium_memzero(again, sizeof(again));
    return r < 0 ? err_set(reterr, r, "the two passwords do not match") : 0;
}

static int get_password(const struct cli_args *a, char out[PASSWORD_BYTES], struct err *reterr)
{
    const char *path = cli_value(a, "password-file", NULL);
    if (!path)
        return prompt(out, reterr);
    bool standard = strcmp(path, "-") == 0;
    FILE *in = standard ? stdin : fopen(path, "re");
    if (!in)
        return err_set(reterr, -errno, "%s: %s", path, err_text(-errno));
    int r = read_line(in, out);
    if (!standard)
        fclose(in);
    return r < 0 ? err_set(reterr, r, "%s holds no password", path) : 0;
}

/* ---- add, passwd, remove ---- */

static int parse_grants(const struct cli_args *a, struct account_grant grant[ACCOUNT_GRANTS],
                        int *ret_n, struct err *reterr)
{
    int n = 0;
    long long from = 0, to = 0;
    const char *role, *group = cli_value(a, "group", "all");
    if (cli_time(a, "from", &from) < 0 || cli_time(a, "to", &to) < 0)
        return E_SYNTAX;
    for (; (role = cli_nth(a, "role", (size_t)n)); n++) {
        if (n == ACCOUNT_GRANTS)
            return err_set(reterr, E_LIMIT, "at most %d roles", ACCOUNT_GRANTS);
        if (!account_role_verbs(role))
            return err_set(
                reterr, E_RANGE,
                "\"%s\" is no role; there are viewer, operator, investigator, custodian, auditor "
                "and administrator",
                role);
        if (!account_name_valid(group))
            return err_set(reterr, E_SYNTAX, "\"%s\" is no name of a group", group);
        grant[n] = (struct account_grant){.from_us = from, .to_us = to};
        snprintf(grant[n].role, sizeof(grant[n].role), "%s", role);
        snprintf(grant[n].group, sizeof(grant[n].group), "%s", group);
    }
    *ret_n = n;
    return 0;
}

static int run_add(const struct cli_args *a)
{
    static struct account_grant grant[ACCOUNT_GRANTS];
    char password[PASSWORD_BYTES];
    struct account *accounts = NULL;
    struct err e = {0};
    int n = 0;
    int r = parse_grants(a, grant, &n, &e);
    if (r == E_SYNTAX && !e.text[0])
        return 2;
    if (r >= 0)
        r = open_accounts(a, &accounts, &e);
    if (r >= 0)
        r = get_password(a, password, &e);
    if (r >= 0)
        r = account_user_add(accounts, cli_arg(a, 0), password, grant, n, &e);
    sodium_memzero(password, sizeof(password));
    account_close(accounts);
    if (r < 0)
        return cli_fail(a, &e, r);
    printf("user %s added\n", cli_arg(a, 0));
    return 0;
}

static int run_passwd(const struct cli_args *a)
{
    char password[PASSWORD_BYTES];
    struct account *accounts = NULL;
    struct err e = {0};
    int r = open_accounts(a, &accounts, &e);
    if (r >= 0)
        r = get_password(a, password, &e);
    if (r >= 0) {
        const struct account_change c = {.password = password, .grant_count = -1, .disabled = 0};
        r = account_user_change(accounts, cli_arg(a, 0), &c, &e);
    }
    sodium_memzero(password, sizeof(password));
    account_close(accounts);
    if (r < 0)
        return cli_fail(a, &e, r);
    printf("password of %s changed; its sessions have ended\n", cli_arg(a, 0));
    return 0;
}

static int run_remove(const struct cli_args *a)
{
    struct account *accounts = NULL;
    struct err e = {0};
    int r = open_accounts(a, &accounts, &e);
    if (r >= 0)
        r = account_user_remove(accounts, cli_arg(a, 0), &e);
    account_close(accounts);
    if (r < 0)
        return cli_fail(a, &e, r);
    printf("user %s removed\n", cli_arg(a, 0));
    return 0;
}

/* ---- list ---- */

static int add_json(void *list, const struct account_user *u)
{
    char created[TIME_TEXT], seen[TIME_TEXT];
    json_array_append_new(
        list, json_pack("{s:s, s:o, s:b, s:s, s:o}", "name", u->name, "grants",
                        account_grants_json(u->grant, u->grant_count), "disabled", u->disabled,
                        "created", time_format(u->created_us, created), "last_seen",
                        u->seen_us ? json_string(time_format(u->seen_us, seen)) : json_null()));
    return 0;
}

static int add_row(void *table, const struct account_user *u)
{
    char grants[400] = "", seen[TIME_TEXT];
    size_t n = 0;
    for (int i = 0; i < u->grant_count && n < sizeof(grants); i++)
        n += (size_t)snprintf(grants + n, sizeof(grants) - n, "%s%s of %s", i ? ", " : "",
                              u->grant[i].role, u->grant[i].group);
    cli_table_cell(table, "%s", u->name);
    cli_table_cell(table, "%s", u->disabled ? "disabled" : "");
    cli_table_cell(table, "%s", grants[0] ? grants : "-");
    cli_table_cell(table, "%s", u->seen_us ? time_format(u->seen_us, seen) : "never");
    return 0;
}

static int run_list(const struct cli_args *a)
{
    static const char *const head[] = {"NAME", "", "GRANTS", "LAST SEEN"};
    struct account *accounts = NULL;
    struct cli_table table;
    struct err e = {0};
    json_t *list = NULL;
    int r = open_accounts(a, &accounts, &e);
    if (r >= 0 && cli_flag(a, "json")) {
        list = json_array();
        r = account_users(accounts, add_json, list, &e);
    } else if (r >= 0) {
        cli_table_init(&table, 4, head);
        r = account_users(accounts, add_row, &table, &e);
        if (r >= 0)
            r = cli_table_show(&table);
    }
    account_close(accounts);
    if (r < 0) {
        json_decref(list);
        return cli_fail(a, &e, r);
    }
    return list ? cli_json_print(json_pack("{s:o}", "users", list)) : 0;
}

/* ---- tokens and the set-up link ---- */

static int parse_verbs(const char *text, unsigned *ret, struct err *reterr)
{
    *ret = 0;
    for (const char *p = text; *p;) {
        char name[16];
        size_t n = strcspn(p, ",");
        snprintf(name, sizeof(name), "%.*s", (int)(n < 15 ? n : 15), p);
        if (!account_verb_find(name))
            return err_set(reterr, E_RANGE,
                           "\"%s\" is no verb; there are live, playback, export, request, status "
                           "and audit",
                           name);
        *ret |= account_verb_find(name);
        p += n + (p[n] == ',');
    }
    return 0;
}

static int run_token(const struct cli_args *a)
{
    char secret[ACCOUNT_SECRET];
    struct account *accounts = NULL;
    struct account_token t;
    struct err e = {0};
    unsigned verbs = 0;
    long days;
    if (cli_int(a, "days", 1, 3650, 365, &days) < 0)
        return 2;
    int r = parse_verbs(cli_value(a, "verbs", ""), &verbs, &e);
    if (r >= 0)
        r = open_accounts(a, &accounts, &e);
    if (r >= 0)
        r = account_token_add(accounts, cli_arg(a, 0), cli_value(a, "name", "command line"), verbs,
                              days, &t, secret, &e);
    account_close(accounts);
    if (r < 0)
        return cli_fail(a, &e, r);
    puts(secret);
    sodium_memzero(secret, sizeof(secret));
    return 0;
}

static int run_setup(const struct cli_args *a)
{
    char token[ACCOUNT_SECRET];
    struct account *accounts = NULL;
    struct err e = {0};
    int r = open_accounts(a, &accounts, &e);
    if (r >= 0)
        r = account_setup_token(accounts, token, &e);
    account_close(accounts);
    if (r < 0)
        return cli_fail(a, &e, r);
    printf("%s/#/setup/%s\n", cli_value(a, "url", "http://localhost:8080"), token);
    return 0;
}

#define OPTION_DATA                                                                                \
    {                                                                                              \
        .name = "data", .value = "DIR",                                                            \
        .help = "data directory (default: $LETHE_DATA, ./data or /var/lib/lethe)"                  \
    }
#define OPTION_PASSWORD                                                                            \
    {                                                                                              \
        .name = "password-file", .value = "FILE",                                                  \
        .help = "read the password from its first line, - is standard input; default: ask"         \
    }

static const struct cli_option plain_options[] = {OPTION_DATA, {0}};
static const struct cli_option passwd_options[] = {OPTION_DATA, OPTION_PASSWORD, {0}};
static const struct cli_option list_options[] = {
    OPTION_DATA, {.name = "json", .help = "print JSON"}, {0}};
static const struct cli_option add_options[] = {
    OPTION_DATA,
    OPTION_PASSWORD,
    {.name = "role",
     .value = "ROLE",
     .help = "viewer, operator, investigator, custodian, auditor or administrator",
     .repeat = true,
     .required = true},
    {.name = "group", .value = "NAME", .help = "cameras that the roles are for (default: all)"},
    {.name = "from", .value = "TIME", .help = "the roles hold, and reach back, from then on"},
    {.name = "to", .value = "TIME", .help = "the roles hold until then"},
    {0},
};
static const struct cli_option token_options[] = {
    OPTION_DATA,
    {.name = "verbs",
     .value = "LIST",
     .help = "what it may do, with commas: live, playback, export, request, status, audit",
     .required = true},
    {.name = "name", .value = "TEXT", .help = "what it is for"},
    {.name = "days", .value = "N", .help = "how long it holds (default 365)"},
    {0},
};
static const struct cli_option setup_options[] = {
    OPTION_DATA,
    {.name = "url", .value = "URL", .help = "of the web server (default http://localhost:8080)"},
    {0},
};

const struct cli_command cli_user_add = {
    .name = "user add",
    .summary = "add a user of the web server",
    .arguments = "NAME",
    .options = add_options,
    .details = "The password is asked for, or read from a file; it is never taken from the command "
               "line, where others could read it. Roles: docs/guide/web.md.",
    .examples =
        "# An operator of the cameras of the group north\nlethe user add ann --role operator "
        "--group north\n"
        "# Somebody who may export for a month\nlethe user add leo --role investigator "
        "--from 2026-11-01T00:00:00Z --to 2026-12-01T00:00:00Z",
    .min_args = 1,
    .max_args = 1,
    .run = run_add,
};
const struct cli_command cli_user_list = {
    .name = "user list",
    .summary = "list the users of the web server",
    .options = list_options,
    .examples = "# Who may administer\nlethe user list --json | jq -r '.users[] | "
                "select(.grants[].role == \"administrator\").name'",
    .run = run_list,
};
const struct cli_command cli_user_remove = {
    .name = "user remove",
    .summary = "remove a user with sessions, tokens and layouts",
    .arguments = "NAME",
    .options = plain_options,
    .examples = "# At once\nlethe user remove leo",
    .min_args = 1,
    .max_args = 1,
    .run = run_remove,
};
const struct cli_command cli_user_passwd = {
    .name = "user passwd",
    .summary = "set a user's password, and end the sessions",
    .arguments = "NAME",
    .options = passwd_options,
    .details = "Also lets a disabled user in again.",
    .examples = "# For somebody who has forgotten it\nlethe user passwd ann",
    .min_args = 1,
    .max_args = 1,
    .run = run_passwd,
};
const struct cli_command cli_user_token = {
    .name = "user token",
    .summary = "print a new API token that acts for a user",
    .arguments = "NAME",
    .options = token_options,
    .details = "It is printed this once; only its hash is stored.",
    .examples = "# For a wall of screens\nlethe user token ann --verbs live,status --name \"wall\"",
    .min_args = 1,
    .max_args = 1,
    .run = run_token,
};
const struct cli_command cli_user_setup = {
    .name = "user setup",
    .summary = "print a new link for making the first administrator",
    .options = setup_options,
    .details = "Only while there is no user; the link before is worth nothing from then on.",
    .examples = "# The link of the first start has been lost\nlethe user setup",
    .run = run_setup,
};
