/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <string.h>

#include "cli/frame.h"

enum { WIDTH = 80, OPTION_COLUMN = 26 };

/* Columns a UTF-8 word takes, good enough for the Latin text and the ellipsis of help. */
static int columns(const char *s, size_t len)
{
    int n = 0;
    for (size_t i = 0; i < len; i++)
        n += ((unsigned char)s[i] & 0xc0) != 0x80;
    return n;
}

static void wrap_line(FILE *out, int indent, int start, const char *line, size_t len)
{
    int column = start;
    bool first = true;
    for (size_t i = 0; i < len;) {
        size_t word = i;
        while (word < len && line[word] != ' ')
            word++;
        int width = columns(line + i, word - i);
        if (!first && column + 1 + width > WIDTH) {
            fprintf(out, "\n%*s", indent, "");
            column = indent;
            first = true;
        }
        fprintf(out, "%s%.*s", first ? "" : " ", (int)(word - i), line + i);
        column += width + !first;
        first = false;
        for (i = word; i < len && line[i] == ' ';)
            i++;
    }
    fputc('\n', out);
}

void cli_wrap(FILE *out, int indent, const char *text)
{
    while (*text) {
        size_t len = strcspn(text, "\n");
        if (!len) {
            fputc('\n', out);
        } else if (*text == ' ') {
            fprintf(out, "%*s%.*s\n", indent, "", (int)len, text);
        } else {
            fprintf(out, "%*s", indent, "");
            wrap_line(out, indent, indent, text, len);
        }
        text += len + (text[len] == '\n');
    }
}

static void help_option(FILE *out, const struct cli_option *o)
{
    char s = cli_short(o), left[96];
    snprintf(left, sizeof(left), "  %c%c%s--%s%s%s", s ? '-' : ' ', s ? s : ' ', s ? ", " : "  ",
             o->name, o->value ? " " : "", o->value ? o->value : "");
    int width = columns(left, strlen(left));
    fputs(left, out);
    if (width + 2 > OPTION_COLUMN)
        fprintf(out, "\n%*s", OPTION_COLUMN, "");
    else
        fprintf(out, "%*s", OPTION_COLUMN - width, "");
    char text[512];
    snprintf(text, sizeof(text), "%s%s%s", o->help ? o->help : "", o->required ? " (required)" : "",
             o->repeat ? " (may be repeated)" : "");
    wrap_line(out, OPTION_COLUMN, OPTION_COLUMN, text, strlen(text));
}

void cli_help_command(FILE *out, const struct cli_command *c)
{
    bool options = c->options && c->options->name;
    fprintf(out, "lethe %s: %s\n\nUsage: lethe %s", c->name, c->summary, c->name);
    if (c->arguments)
        fprintf(out, c->min_args ? " %s" : " [%s]", c->arguments);
    fputs(options ? " [options]\n" : "\n", out);
    if (c->details) {
        fputc('\n', out);
        cli_wrap(out, 0, c->details);
    }
    if (options)
        fputs("\nOptions:\n", out);
    for (const struct cli_option *o = c->options; o && o->name; o++)
        help_option(out, o);
    if (c->examples) {
        fputs("\nExamples:\n", out);
        for (const char *p = c->examples; *p;) {
            size_t len = strcspn(p, "\n");
            fprintf(out, "  %.*s\n", (int)len, p);
            p += len + (p[len] == '\n');
        }
    }
}

int cli_help_group(FILE *out, const char *group)
{
    int n = 0;
    size_t len = group ? strlen(group) : 0, i = 0;
    for (const struct cli_command *c; (c = cli_next(&i));) {
        if (c->hidden || (group && (strncmp(c->name, group, len) != 0 || c->name[len] != ' ')))
            continue;
        fprintf(out, "  %-20s %s\n", c->name, c->summary);
        n++;
    }
    return n;
}
