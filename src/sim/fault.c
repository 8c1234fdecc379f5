/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Reading fault scripts: one rule a line, words separated by blanks. The format: docs/format/faults.md. */
#include "sim/fault.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"

#define WORDS_MAX 24
#define RULES_MAX 10000
#define SCRIPT_MAX (1 << 20)
#define CAMERA_MAX 1000000
#define MILLION 1000000

const char *const sim_method_names[SIM_METHODS] = {"OPTIONS",       "DESCRIBE",      "SETUP",
                                                   "PLAY",          "PAUSE",         "TEARDOWN",
                                                   "GET_PARAMETER", "SET_PARAMETER", "ANY"};

struct action {
    const char *word;
    enum sim_action_kind kind;
    int id;
    enum sim_arg arg;
    const char *more; /* WORD: the words; else the default argument or "" */
};
static const struct action actions[] = {
#define X(id, word, arg, more) {word, SIM_QUIRK, SIM_Q_##id, arg, more},
    SIM_QUIRK_LIST(X)
#undef X
#define X(id, word, arg, more) {word, SIM_EVENT, SIM_E_##id, arg, more},
        SIM_EVENT_LIST(X)
#undef X
#define X(id, word, arg, more) {word, SIM_REPLY, SIM_R_##id, arg, more},
            SIM_REPLY_LIST(X)
#undef X
};

bool sim_quirk_is_word(enum sim_quirk_id id)
{
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
        if (actions[i].kind == SIM_QUIRK && actions[i].id == (int)id)
            return actions[i].arg == SIM_ARG_WORD;
    return false;
}

struct parser {
    const char *name;
    unsigned line;
    char *word[WORDS_MAX];
    int count, at;
    struct err *reterr;
};

#define FAIL(p, ...) fail((p), __VA_ARGS__)
static int fail(struct parser *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int fail(struct parser *p, const char *fmt, ...)
{
    char text[300];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return err_set(p->reterr, E_SYNTAX, "%s:%u: %s", p->name, p->line, text);
}

static const char *next_word(struct parser *p)
{
    return p->at < p->count ? p->word[p->at++] : NULL;
}

static int parse_time(struct parser *p, const char *what, int64_t *ret)
{
    const char *w = next_word(p);
    if (!w)
        return FAIL(p, "a duration is missing behind '%s'", what);
    return duration_parse(w, ret) < 0 ? FAIL(p, "'%s' is no duration like 500ms, 10s or 2m", w) : 0;
}

static int parse_method(struct parser *p, struct sim_rule *r)
{
    const char *w = next_word(p);
    for (int i = 0; w && i < SIM_METHODS; i++)
        if (!strcasecmp(w, sim_method_names[i])) {
            r->method = (enum sim_method)i;
            return 0;
        }
    return FAIL(p, "'%s' is no method like describe, setup, play or any", w ? w : "");
}

static int parse_when(struct parser *p, struct sim_rule *r)
{
    static const char *const words[] = {"at", "every", "after", "always", "on"};
    const char *w = next_word(p);
    for (int i = 0; i < 5; i++) {
        if (strcmp(w, words[i]) != 0)
            continue;
        r->when = (enum sim_when)i;
        if (r->when == SIM_ON)
            return parse_method(p, r);
        int e = r->when == SIM_ALWAYS ? 0 : parse_time(p, w, &r->time_us);
        if (e >= 0 && r->when == SIM_EVERY && r->time_us < 1000)
            return FAIL(p, "'every' needs at least 1ms");
        return e;
    }
    return FAIL(p, "'%s' is not at, every, after, always or on", w);
}

static int parse_number(const char **at, int *ret)
{
    char *end;
    if (**at < '0' || **at > '9')
        return E_SYNTAX;
    errno = 0;
    long v = strtol(*at, &end, 10);
    if (errno || v > CAMERA_MAX)
        return E_RANGE;
    *ret = (int)v;
    *at = end;
    return 0;
}

/* One of "cam3", "cam0-9", "3", "0-9", "cam*". */
static int parse_range(const char **at, struct sim_rule *r)
{
    int from = 0, to = CAMERA_MAX;
    if (!strncmp(*at, "cam", 3))
        *at += 3;
    if (**at == '*') {
        (*at)++;
    } else {
        if (parse_number(at, &from) < 0)
            return E_SYNTAX;
        to = from;
        if (**at == '-') {
            (*at)++;
            if (!strncmp(*at, "cam", 3))
                *at += 3;
            if (parse_number(at, &to) < 0 || to < from)
                return E_SYNTAX;
        }
    }
    r->range[r->ranges].from = from;
    r->range[r->ranges++].to = to;
    return 0;
}

static int parse_target(struct parser *p, struct sim_rule *r)
{
    const char *w = next_word(p), *at = w;
    if (!w)
        return FAIL(p, "which cameras? cam3, cam0-9, cam1,cam5 or cam*");
    for (;;) {
        if (r->ranges == SIM_RANGES)
            return FAIL(p, "more than %d ranges of cameras", SIM_RANGES);
        if (parse_range(&at, r) < 0)
            return FAIL(p, "'%s' names no cameras like cam3, cam0-9, cam1,cam5 or cam*", w);
        if (*at != ',')
            break;
        at++;
    }
    r->stream = !strcmp(at, "/main") ? 0 : !strcmp(at, "/sub") ? 1 : -1;
    return r->stream < 0 && *at ? FAIL(p, "'%s' ends neither in /main nor /sub", w) : 0;
}

/* "2.5%" in millionths. */
static int percent(const char *w, int64_t *ret)
{
    char *end;
    double v = strtod(w, &end);
    if (end == w || strcmp(end, "%") != 0 || !(v >= 0) || v > 100)
        return E_SYNTAX;
    *ret = (int64_t)(v * (MILLION / 100.0) + 0.5);
    return 0;
}

static int find_word(const char *list, const char *w, int64_t *ret)
{
    int place = 0;
    for (; *list; place++) {
        size_t n = strcspn(list, " ");
        if (strlen(w) == n && !memcmp(list, w, n)) {
            *ret = INT64_C(1) << place;
            return 0;
        }
        list += n + strspn(list + n, " ");
    }
    return E_SYNTAX;
}

static int parse_value(const struct action *a, const char *w, struct sim_rule *r)
{
    char *end;
    switch (a->arg) {
    case SIM_ARG_WORD:
        return find_word(a->more, w, &r->arg);
    case SIM_ARG_PERCENT:
        return percent(w, &r->arg);
    case SIM_ARG_PPM:
    case SIM_ARG_COUNT:
        errno = 0;
        r->arg = strtol(w, &end, 10);
        return errno || end == w || *end || r->arg < -MILLION || r->arg > MILLION ? E_SYNTAX : 0;
    case SIM_ARG_DURATION:
        return duration_parse(w, &r->arg);
    case SIM_ARG_SIZE:
        return size_parse(w, &r->arg) < 0 || r->arg < 1 || r->arg > 1000000000 ? E_SYNTAX : 0;
    case SIM_ARG_TEXT:
        if (!w || strlen(w) >= sizeof(r->text))
            return E_RANGE;
        memcpy(r->text, w, strlen(w) + 1);
        return 0;
    case SIM_ARG_NONE:
        break;
    }
    return 0;
}

static bool is_modifier(const char *w)
{
    return !strcmp(w, "for") || !strcmp(w, "times") || !strcmp(w, "chance");
}

static int parse_argument(struct parser *p, const struct action *a, struct sim_rule *r)
{
    r->arg = 1;
    if (a->arg == SIM_ARG_NONE)
        return 0;
    bool given = p->at < p->count && !is_modifier(p->word[p->at]);
    const char *w = given ? next_word(p) : a->arg == SIM_ARG_WORD ? "" : a->more;
    if (parse_value(a, w, r) >= 0 && *w)
        return 0;
    static const char *const kinds[] = {
        "",         "a word", "a percentage like 2%", "parts per million", "a duration", "a size",
        "a number", "a text"};
    if (a->arg == SIM_ARG_WORD)
        return FAIL(p, "'%s %s': choose one of %s", a->word, w, a->more);
    return FAIL(p, "'%s' wants %s, not '%s'", a->word, kinds[a->arg], w);
}

/* Which actions go with which time. */
static int check_when(struct parser *p, const struct action *a, const struct sim_rule *r)
{
    if (a->kind == SIM_REPLY && r->when != SIM_ON)
        return FAIL(p, "'%s' answers a request: write 'on METHOD …'", a->word);
    if (a->kind != SIM_REPLY && r->when == SIM_ON)
        return FAIL(p, "'%s' is no answer to a request: use at, every, after or always", a->word);
    if (a->kind == SIM_EVENT && r->when == SIM_ALWAYS)
        return FAIL(p, "'%s' happens once: use at, every or after", a->word);
    if (a->kind == SIM_QUIRK && r->when == SIM_AFTER)
        return FAIL(p, "'%s' is a state of the camera: use at, every or always", a->word);
    return 0;
}

static int parse_action(struct parser *p, struct sim_rule *r, const struct action **ret)
{
    const char *w = next_word(p);
    if (!w)
        return FAIL(p, "what shall happen is missing");
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        if (strcmp(actions[i].word, w) != 0)
            continue;
        r->kind = actions[i].kind;
        r->action = actions[i].id;
        *ret = &actions[i];
        int e = check_when(p, &actions[i], r);
        return e < 0 ? e : parse_argument(p, &actions[i], r);
    }
    return FAIL(p, "'%s' is nothing that a camera can do wrong here", w);
}

/* A whole number from 1, else 0. */
static int count_of(const char *w)
{
    int v = 0;
    return w && parse_number(&w, &v) >= 0 && !*w ? v : 0;
}

static int parse_modifiers(struct parser *p, const struct action *a, struct sim_rule *r)
{
    const char *w;
    while ((w = next_word(p))) {
        int e = 0;
        if (!strcmp(w, "for")) {
            if (a->kind != SIM_QUIRK)
                return FAIL(p, "'for' goes with a state, '%s' happens once", a->word);
            e = parse_time(p, w, &r->last_us);
        } else if (!strcmp(w, "times")) {
            r->times = count_of(next_word(p));
            if (r->times < 1)
                return FAIL(p, "'times' wants a number from 1");
        } else if (!strcmp(w, "chance")) {
            w = next_word(p);
            if (!w || percent(w, &r->chance) < 0)
                return FAIL(p, "'chance' wants a percentage like 50%%");
        } else {
            return FAIL(p, "'%s' was not expected here", w);
        }
        if (e < 0)
            return e;
    }
    return 0;
}

static int split_words(struct parser *p, char *line)
{
    char *save = NULL;
    line[strcspn(line, "#")] = 0;
    p->count = p->at = 0;
    for (char *w = strtok_r(line, " \t\r", &save); w; w = strtok_r(NULL, " \t\r", &save)) {
        if (p->count == WORDS_MAX)
            return FAIL(p, "more than %d words", WORDS_MAX);
        p->word[p->count++] = w;
    }
    return p->count;
}

static int parse_line(struct parser *p, char *line, struct sim_faults *f)
{
    const struct action *a = NULL;
    int e = split_words(p, line);
    if (e <= 0)
        return e;
    if (f->count == RULES_MAX)
        return FAIL(p, "more than %d rules", RULES_MAX);
    struct sim_rule *grown = realloc(f->rule, (f->count + 1) * sizeof(*grown));
    if (!grown)
        return -ENOMEM;
    f->rule = grown;
    struct sim_rule *r = &f->rule[f->count];
    *r = (struct sim_rule){.line = p->line, .chance = MILLION};
    e = parse_when(p, r);
    if (e >= 0)
        e = parse_target(p, r);
    if (e >= 0)
        e = parse_action(p, r, &a);
    if (e >= 0)
        e = parse_modifiers(p, a, r);
    if (e >= 0)
        f->count++;
    return e;
}

int sim_faults_parse(const char *name, const char *text, size_t len, struct sim_faults **ret,
                     struct err *reterr)
{
    struct parser p = {.name = name, .reterr = reterr};
    struct sim_faults *f = calloc(1, sizeof(*f));
    char *copy = len > SCRIPT_MAX ? NULL : malloc(len + 1);
    int e = f && copy          ? 0
            : len > SCRIPT_MAX ? err_set(reterr, E_LIMIT, "%s is longer than 1 MiB", name)
                               : -ENOMEM;
    if (e >= 0) {
        memcpy(copy, text, len);
        copy[len] = 0;
        if (memchr(copy, 0, len))
            e = err_set(reterr, E_SYNTAX, "%s holds a NUL byte", name);
    }
    for (char *line = copy, *next; e >= 0 && line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = 0;
        p.line++;
        e = parse_line(&p, line, f);
    }
    free(copy);
    if (e < 0)
        sim_faults_free(f);
    else
        *ret = f;
    return e < 0 ? e : 0;
}

int sim_faults_load(const char *path, struct sim_faults **ret, struct err *reterr)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return err_set(reterr, -errno, "%s: %s", path, strerror(errno));
    char *text = malloc(SCRIPT_MAX + 1);
    size_t len = text ? fread(text, 1, SCRIPT_MAX + 1, file) : 0;
    int e = !text ? -ENOMEM : ferror(file) ? err_set(reterr, -EIO, "%s cannot be read", path) : 0;
    fclose(file);
    if (e >= 0)
        e = sim_faults_parse(path, text, len, ret, reterr);
    free(text);
    return e;
}

void sim_faults_free(struct sim_faults *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->count; i++)
        free(f->rule[i].done_on);
    free(f->rule);
    free(f->after);
    free(f);
}

bool sim_rule_covers(const struct sim_rule *r, int camera, int stream)
{
    if (r->stream >= 0 && r->stream != stream)
        return false;
    for (int i = 0; i < r->ranges; i++)
        if (camera >= r->range[i].from && camera <= r->range[i].to)
            return true;
    return false;
}

bool sim_faults_have_event(const struct sim_faults *f, enum sim_event_id e)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->rule[i].kind == SIM_EVENT && f->rule[i].action == (int)e)
            return true;
    return false;
}
