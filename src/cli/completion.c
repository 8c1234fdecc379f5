/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `lethe docs completion`: what bash, zsh and fish need to complete commands and options, from the command table. */
#include <string.h>

#include "cli/frame.h"

/* True if @c is the first visible command that begins with its first word. */
static bool first_of_group(const struct cli_command *c)
{
    size_t i = 0, len = strcspn(c->name, " ");
    for (const struct cli_command *o; (o = cli_next(&i));)
        if (!o->hidden && strcspn(o->name, " ") == len && !memcmp(o->name, c->name, len))
            return o == c;
    return false;
}

static void print_first_words(const char *separator)
{
    size_t i = 0;
    fputs("help", stdout);
    for (const struct cli_command *c; (c = cli_next(&i));)
        if (!c->hidden && first_of_group(c))
            printf("%s%.*s", separator, (int)strcspn(c->name, " "), c->name);
}

static void print_second_words(const char *group, size_t len)
{
    size_t i = 0;
    const char *separator = "";
    for (const struct cli_command *c; (c = cli_next(&i));) {
        if (c->hidden || strncmp(c->name, group, len) != 0 || c->name[len] != ' ')
            continue;
        printf("%s%s", separator, c->name + len + 1);
        separator = " ";
    }
}

static void print_options(const struct cli_command *c, const char *separator)
{
    fputs("--help", stdout);
    for (const struct cli_option *o = c->options; o && o->name; o++)
        printf("%s--%s", separator, o->name);
}

static void bash(void)
{
    size_t i = 0;
    fputs(
        "# bash completion for lethe; made by `lethe docs completion bash`\n_lethe()\n{\n"
        "    local cur=${COMP_WORDS[COMP_CWORD]} one=${COMP_WORDS[1]} two=${COMP_WORDS[2]} words=\n"
        "    COMPREPLY=()\n"
        "    if ((COMP_CWORD == 1)); then\n        words='",
        stdout);
    print_first_words(" ");
    fputs("'\n    else\n        case \"$one $two\" in\n", stdout);
    for (const struct cli_command *c; (c = cli_next(&i));) {
        if (c->hidden)
            continue;
        printf("        '%s'%s) words='", c->name, strchr(c->name, ' ') ? "" : "\\ *");
        print_options(c, " ");
        fputs("' ;;\n", stdout);
    }
    fputs("        esac\n        if ((COMP_CWORD == 2)); then\n            case $one in\n", stdout);
    i = 0;
    for (const struct cli_command *c; (c = cli_next(&i));) {
        size_t len = strcspn(c->name, " ");
        if (c->hidden || !c->name[len] || !first_of_group(c))
            continue;
        printf("            %.*s) words='", (int)len, c->name);
        print_second_words(c->name, len);
        fputs("' ;;\n", stdout);
    }
    fputs("            esac\n        fi\n    fi\n"
          "    [[ $cur == -* || COMP_CWORD -le 2 ]] && mapfile -t COMPREPLY < <(compgen -W "
          "\"$words\" -- \"$cur\")\n"
          "}\ncomplete -o default -F _lethe lethe\n",
          stdout);
}

/* Text inside zsh's '…[…]' or fish's '…': quotes and brackets are written so that neither shell stumbles. */
static void print_quoted(const char *text, bool zsh)
{
    for (const char *p = text ? text : ""; *p; p++) {
        if (*p == '\'')
            fputs(zsh ? "'\\''" : "\\'", stdout);
        else if (zsh && strchr("[]:\\", *p))
            printf("\\%c", *p);
        else if (*p == '\\')
            fputs("\\\\", stdout);
        else
            fputc(*p, stdout);
    }
}

static void zsh_options(const struct cli_command *c)
{
    fputs("_arguments '--help[show options and examples]'", stdout);
    for (const struct cli_option *o = c->options; o && o->name; o++) {
        printf(" '%s--%s[", o->repeat ? "*" : "", o->name);
        print_quoted(o->help, true);
        fputs("]", stdout);
        if (o->value) {
            fputs(":", stdout);
            print_quoted(o->value, true);
            fputs(":_files", stdout);
        }
        fputs("'", stdout);
    }
    fputs(" '*:file:_files'", stdout);
}

static void zsh(void)
{
    size_t i = 0;
    fputs("#compdef lethe\n# zsh completion for lethe; made by `lethe docs completion "
          "zsh`\n_lethe() {\n"
          "  if (( CURRENT == 2 )); then\n    compadd -- ",
          stdout);
    print_first_words(" ");
    fputs("\n    return\n  fi\n  local one=$words[2] two=$words[3]\n", stdout);
    for (const struct cli_command *c; (c = cli_next(&i));) {
        size_t len = strcspn(c->name, " ");
        if (c->hidden || !c->name[len] || !first_of_group(c))
            continue;
        printf("  if (( CURRENT == 3 )) && [[ $one == %.*s ]]; then\n    compadd -- ", (int)len,
               c->name);
        print_second_words(c->name, len);
        fputs("\n    return\n  fi\n", stdout);
    }
    fputs("  case \"$one $two\" in\n", stdout);
    i = 0;
    for (const struct cli_command *c; (c = cli_next(&i));) {
        bool two = strchr(c->name, ' ') != NULL;
        if (c->hidden)
            continue;
        printf("    '%s'%s) shift %d words; (( CURRENT -= %d )); ", c->name, two ? "" : "\\ *",
               1 + two, 1 + two);
        zsh_options(c);
        fputs(" ;;\n", stdout);
    }
    fputs("  esac\n}\n_lethe \"$@\"\n", stdout);
}

static void fish(void)
{
    size_t i = 0;
    fputs("# fish completion for lethe; made by `lethe docs completion fish`\n"
          "function __lethe_at\n    set -l words (commandline -opc)\n"
          "    test \"$words[2..-1]\" = \"$argv\"\nend\n"
          "function __lethe_in\n    set -l words (commandline -opc) \"\" \"\"\n"
          "    test \"$words[2..\"(math 1 + (count $argv))\"]\" = \"$argv\"\nend\n",
          stdout);
    for (const struct cli_command *c; (c = cli_next(&i));) {
        size_t len = strcspn(c->name, " ");
        if (c->hidden)
            continue;
        if (!c->name[len]) {
            printf("complete -c lethe -f -n '__lethe_at' -a %s -d '", c->name);
        } else {
            if (first_of_group(c))
                printf("complete -c lethe -f -n '__lethe_at' -a %.*s\n", (int)len, c->name);
            printf("complete -c lethe -f -n '__lethe_at %.*s' -a %s -d '", (int)len, c->name,
                   c->name + len + 1);
        }
        print_quoted(c->summary, false);
        fputs("'\n", stdout);
        for (const struct cli_option *o = c->options; o && o->name; o++) {
            printf("complete -c lethe -n '__lethe_in %s' -l %s%s -d '", c->name, o->name,
                   o->value ? " -r" : "");
            print_quoted(o->help, false);
            fputs("'\n", stdout);
        }
    }
}

static int run(const struct cli_args *a)
{
    static const struct {
        const char *name;
        void (*print)(void);
    } shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};
    for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
        if (!strcmp(cli_arg(a, 0), shells[i].name)) {
            shells[i].print();
            return 0;
        }
    }
    struct err e = {0};
    return cli_fail(a, &e, err_set(&e, E_SYNTAX, "'%s' is not bash, zsh or fish", cli_arg(a, 0)));
}

const struct cli_command cli_docs_completion = {
    .name = "docs completion",
    .summary = "print the completion of bash, zsh or fish",
    .arguments = "SHELL",
    .examples = "# Complete in this shell\nsource <(lethe docs completion bash)",
    .min_args = 1,
    .max_args = 1,
    .hidden = true,
    .run = run,
};
