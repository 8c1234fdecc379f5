/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `lethe docs man`: pages in mdoc(7), made from the command table so that they cannot say anything else. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/frame.h"

#define MAN_DATE "November 24, 2026"

/* One code point of UTF-8; a byte that is none stands for itself. */
static unsigned next_char(const char **p)
{
    const unsigned char *s = (const unsigned char *)*p;
    int more = s[0] >= 0xf0 ? 3 : s[0] >= 0xe0 ? 2 : s[0] >= 0xc0 ? 1 : 0;
    unsigned c = more == 3 ? s[0] & 7 : more == 2 ? s[0] & 15 : more ? s[0] & 31 : s[0];
    for (int i = 1; i <= more; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            *p += 1;
            return s[0];
        }
        c = c << 6 | (s[i] & 63);
    }
    *p += more + 1;
    return c;
}

static void man_char(FILE *f, unsigned c)
{
    if (c == '\\')
        fputs("\\e", f);
    else if (c == '-')
        fputs("\\-", f);
    else if (c == '"')
        fputs("\\(dq", f);
    else if (c == '\'')
        fputs("\\(aq", f);
    else if (c < 0x80)
        fputc((int)c, f);
    else
        fprintf(f, "\\[u%04X]", c);
}

/* @len bytes as text of one line; never read as a macro. */
static void man_text(FILE *f, const char *text, size_t len)
{
    const char *end = text + len;
    if (len && *text == '.')
        fputs("\\&", f);
    while (text < end)
        man_char(f, next_char(&text));
}

/* Paragraphs: every line of the table is one; sentences begin on new lines, as mdoc wants. */
static void man_paragraphs(FILE *f, const char *text)
{
    for (bool first = true; *text; first = false) {
        size_t len = strcspn(text, "\n");
        bool kept = *text == ' ';
        if (len && !first)
            fputs(".Pp\n", f);
        if (kept)
            fputs(".Bd -literal -offset indent -compact\n", f);
        const char *p = text, *end = text + len;
        while (p < end) {
            const char *stop = kept ? NULL : memmem(p, (size_t)(end - p), ". ", 2);
            size_t n = stop ? (size_t)(stop - p) + 1 : (size_t)(end - p);
            man_text(f, p, n);
            fputc('\n', f);
            p += n + (stop ? 1 : 0);
        }
        if (kept)
            fputs(".Ed\n", f);
        text += len + (text[len] == '\n');
    }
}

static void man_examples(FILE *f, const char *text)
{
    fputs(".Sh EXAMPLES\n.Bd -literal\n", f);
    while (*text) {
        size_t len = strcspn(text, "\n");
        man_text(f, text, len);
        fputc('\n', f);
        text += len + (text[len] == '\n');
    }
    fputs(".Ed\n", f);
}

static void man_option(FILE *f, const struct cli_option *o)
{
    char s = cli_short(o);
    fputs(".It ", f);
    if (s)
        fprintf(f, "Fl %c , ", s);
    fputs("Fl \\-", f);
    man_text(f, o->name, strlen(o->name));
    if (o->value) {
        fputs(" Ar ", f);
        man_text(f, o->value, strlen(o->value));
    }
    fputc('\n', f);
    if (o->help) {
        man_text(f, o->help, strlen(o->help));
        fputs(".\n", f);
    }
    if (o->required)
        fputs("Required.\n", f);
    if (o->repeat)
        fputs("May be given several times.\n", f);
}

static void man_exit(FILE *f)
{
    fputs(".Sh EXIT STATUS\n0 on success, 1 when the work failed, 2 when the command line or the "
          "input was wrong.\n",
          f);
}

static void man_head(FILE *f, const char *page, const char *summary)
{
    fprintf(f, ".\\\" SPDX-License-Identifier: AGPL-3.0-or-later\n.Dd " MAN_DATE "\n.Dt ");
    for (const char *p = page; *p; p++)
        fputc(*p >= 'a' && *p <= 'z' ? *p - 32 : *p, f);
    fprintf(f, " 1\n.Os Lethe " LETHE_VERSION "\n.Sh NAME\n.Nm %s\n.Nd ", page);
    man_text(f, summary, strlen(summary));
    fputc('\n', f);
}

static void man_command(FILE *f, const struct cli_command *c, const char *page)
{
    bool options = c->options && c->options->name;
    man_head(f, page, c->summary);
    fprintf(f, ".Sh SYNOPSIS\n.Nm lethe\n.Cm %s\n", c->name);
    if (c->arguments) {
        fputs(c->min_args ? ".Ar " : ".Op Ar ", f);
        man_text(f, c->arguments, strlen(c->arguments));
        fputc('\n', f);
    }
    if (options)
        fputs(".Op Ar options\n", f);
    fputs(".Sh DESCRIPTION\n", f);
    man_paragraphs(f, c->details ? c->details : c->summary);
    if (options) {
        fputs(".Sh OPTIONS\n.Bl -tag -width Ds\n", f);
        for (const struct cli_option *o = c->options; o->name; o++)
            man_option(f, o);
        fputs(".El\n", f);
    }
    man_exit(f);
    if (c->examples)
        man_examples(f, c->examples);
    fputs(".Sh SEE ALSO\n.Xr lethe 1\n", f);
}

static void page_name(const struct cli_command *c, char out[128])
{
    snprintf(out, 128, "lethe-%s", c->name);
    for (char *p = out; *p; p++)
        if (*p == ' ')
            *p = '-';
}

/* The pages in the order of the alphabet, as mdoc wants them. */
static void man_see_also(FILE *f)
{
    char page[128], next[128], last[128] = "";
    for (bool first = true;; first = false) {
        size_t i = 0;
        next[0] = 0;
        for (const struct cli_command *c; (c = cli_next(&i));) {
            page_name(c, page);
            if (!c->hidden && strcmp(page, last) > 0 && (!next[0] || strcmp(page, next) < 0))
                memcpy(next, page, sizeof(next));
        }
        if (!next[0])
            break;
        fprintf(f, "%s.Xr %s 1", first ? "" : " ,\n", next);
        memcpy(last, next, sizeof(last));
    }
    fputc('\n', f);
}

static void man_overview(FILE *f)
{
    size_t i = 0;
    man_head(f, "lethe", "a camera recorder that seals what it records and forgets it in time");
    fputs(".Sh SYNOPSIS\n.Nm lethe\n.Ar command\n.Op Ar options\n.Sh DESCRIPTION\n", f);
    fputs("Lethe records RTSP cameras, encrypts what they send on arrival so that it opens only "
          "with several custodians together, and deletes it when its time is over.\n"
          ".Pp\nThe commands:\n.Bl -tag -width Ds\n",
          f);
    for (const struct cli_command *c; (c = cli_next(&i));) {
        if (c->hidden)
            continue;
        fprintf(f, ".It Cm %s\n", c->name);
        man_text(f, c->summary, strlen(c->summary));
        fputs(".\n", f);
    }
    fputs(".El\n.Sh ENVIRONMENT\n.Bl -tag -width Ds\n.It Ev LETHE_DATA\n"
          "Data directory of commands that have no\n.Fl \\-data\noption given.\n"
          ".It Ev NO_COLOR\nWhen set, nothing is coloured.\n.El\n",
          f);
    fputs(".Sh FILES\n.Bl -tag -width Ds\n.It Pa /etc/lethe/lethe.yaml\nSettings of the node.\n"
          ".It Pa /var/lib/lethe\nData directory when there is no other.\n.El\n",
          f);
    man_exit(f);
    fputs(".Sh SEE ALSO\n", f);
    man_see_also(f);
}

static int write_page(const char *dir, const char *page, const struct cli_command *c, struct err *e)
{
    char path[1024];
    snprintf(path, sizeof(path), "%s/%s.1", dir, page);
    FILE *f = fopen(path, "we");
    if (!f)
        return err_set(e, -errno, "%s: %s", path, err_text(-errno));
    if (c)
        man_command(f, c, page);
    else
        man_overview(f);
    int failed = ferror(f);
    if (fclose(f) || failed)
        return err_set(e, -EIO, "%s: writing failed", path);
    return 0;
}

static int run_man(const struct cli_args *a)
{
    const char *dir = cli_arg(a, 0);
    struct err e = {0};
    char page[128];
    size_t i = 0;
    if (mkdir(dir, 0777) && errno != EEXIST)
        return cli_fail(a, NULL, -errno);
    int r = write_page(dir, "lethe", NULL, &e);
    for (const struct cli_command *c; r >= 0 && (c = cli_next(&i));) {
        page_name(c, page);
        r = c->hidden ? 0 : write_page(dir, page, c, &e);
    }
    return r < 0 ? cli_fail(a, &e, r) : 0;
}

const struct cli_command cli_docs_man = {
    .name = "docs man",
    .summary = "write the man pages into a directory",
    .arguments = "DIR",
    .examples = "# What `make install` does\nlethe docs man /usr/local/share/man/man1",
    .min_args = 1,
    .max_args = 1,
    .hidden = true,
    .run = run_man,
};
