/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tlog/policy.h"

#include <string.h>

#define WORDS 200 /* in one line */

struct word {
    const char *text;
    size_t len;
};

/* Where in the file the parser is. */
struct place {
    struct tlog_policy *p;
    unsigned line;
    bool has_quorum;
    uint64_t witnesses_used, groups_used; /* each may be a member once */
    struct err *reterr;
};

#define REFUSE(at, code, ...)                                                                      \
    (err_set((at)->reterr, code, __VA_ARGS__), err_prefix((at)->reterr, "line %u: ", (at)->line),  \
     code)

static bool word_is(const struct word *w, const char *text)
{
    return w->len == strlen(text) && memcmp(w->text, text, w->len) == 0;
}

/* Words of a line, or E_LIMIT, or E_SYNTAX for control characters. */
static int split(const char *line, size_t len, struct word words[WORDS], size_t *ret_n)
{
    size_t n = 0;
    bool inside = false;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)line[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return E_SYNTAX;
        bool space = c == ' ' || c == '\t';
        if (!space && !inside) {
            if (n == WORDS)
                return E_LIMIT;
            words[n++] = (struct word){line + i, 0};
        }
        if (!space)
            words[n - 1].len++;
        inside = !space;
    }
    *ret_n = n;
    return 0;
}

/* Index in names, -1 when it is not there. */
static int find_name(const struct tlog_policy *p, const struct word *w)
{
    for (size_t i = 0; i < p->witnesses_n; i++)
        if (word_is(w, p->names[i]))
            return (int)i;
    for (size_t i = 0; i < p->groups_n; i++)
        if (word_is(w, p->names[TLOG_POLICY_WITNESSES + i]))
            return (int)(TLOG_POLICY_WITNESSES + i);
    return -1;
}

static int take_name(struct place *at, const struct word *w, char *out)
{
    if (w->len >= TLOG_POLICY_NAME)
        return REFUSE(at, E_LIMIT, "the name is longer than %d bytes", TLOG_POLICY_NAME - 1);
    if (word_is(w, "none") || find_name(at->p, w) >= 0)
        return REFUSE(at, E_SYNTAX, "the name %.*s is taken", (int)w->len, w->text);
    memcpy(out, w->text, w->len);
    out[w->len] = 0;
    return 0;
}

static int take_key(struct place *at, const struct word *w, enum tlog_key_type type,
                    const struct tlog_vkey *known, size_t known_n, struct tlog_vkey *ret)
{
    int r = tlog_vkey_parse(w->text, w->len, ret, at->reterr);
    if (r < 0)
        return err_prefix(at->reterr, "line %u: ", at->line), r;
    if (ret->type != type)
        return REFUSE(at, E_SYNTAX, "a key of type %u cannot be that of a %s", ret->type,
                      type == TLOG_KEY_NOTE ? "log" : "witness");
    for (size_t i = 0; i < known_n; i++)
        if (memcmp(known[i].public_key, ret->public_key, sizeof(ret->public_key)) == 0)
            return REFUSE(at, E_SYNTAX, "the key of %.200s is listed twice", ret->name);
    return 0;
}

static int take_url(struct place *at, const struct word *w, char out[TLOG_POLICY_URL])
{
    if (w->len >= TLOG_POLICY_URL)
        return REFUSE(at, E_LIMIT, "the address is longer than %d bytes", TLOG_POLICY_URL - 1);
    memcpy(out, w->text, w->len);
    out[w->len] = 0;
    return 0;
}

static int log_line(struct place *at, const struct word *w, size_t n)
{
    struct tlog_policy *p = at->p;
    if (n < 2 || n > 3)
        return REFUSE(at, E_SYNTAX, "a log is: log VKEY [URL]");
    if (p->logs_n == TLOG_POLICY_LOGS)
        return REFUSE(at, E_LIMIT, "more than %d logs", TLOG_POLICY_LOGS);
    int r = take_key(at, &w[1], TLOG_KEY_NOTE, p->logs, p->logs_n, &p->logs[p->logs_n]);
    if (r >= 0 && n == 3)
        r = take_url(at, &w[2], p->log_urls[p->logs_n]);
    p->logs_n += r >= 0;
    return r;
}

static int witness_line(struct place *at, const struct word *w, size_t n)
{
    struct tlog_policy *p = at->p;
    size_t i = p->witnesses_n;
    if (n < 3 || n > 4)
        return REFUSE(at, E_SYNTAX, "a witness is: witness NAME VKEY [URL]");
    if (i == TLOG_POLICY_WITNESSES)
        return REFUSE(at, E_LIMIT, "more than %d witnesses", TLOG_POLICY_WITNESSES);
    int r = take_key(at, &w[2], TLOG_KEY_COSIGNATURE, p->witnesses, i, &p->witnesses[i]);
    if (r >= 0)
        r = take_name(at, &w[1], p->names[i]);
    if (r >= 0 && n == 4)
        r = take_url(at, &w[3], p->witness_urls[i]);
    p->witnesses_n += r >= 0;
    return r;
}

static int take_member(struct place *at, const struct word *w, size_t group)
{
    struct tlog_policy *p = at->p;
    int i = find_name(p, w);
    if (i < 0)
        return REFUSE(at, E_SYNTAX, "%.*s is not defined above", (int)w->len, w->text);
    bool witness = i < TLOG_POLICY_WITNESSES;
    uint64_t bit = UINT64_C(1) << (witness ? i : i - TLOG_POLICY_WITNESSES);
    uint64_t *used = witness ? &at->witnesses_used : &at->groups_used;
    if (*used & bit)
        return REFUSE(at, E_SYNTAX, "%.*s is a member already; each name may be one once",
                      (int)w->len, w->text);
    *used |= bit;
    *(witness ? &p->groups[group].witnesses : &p->groups[group].groups) |= bit;
    return 0;
}

static int group_line(struct place *at, const struct word *w, size_t n)
{
    struct tlog_policy *p = at->p;
    size_t g = p->groups_n, members = n - 3;
    uint64_t k = 0;
    if (n < 4)
        return REFUSE(at, E_SYNTAX, "a group is: group NAME all|any|K MEMBER…");
    if (g == TLOG_POLICY_GROUPS)
        return REFUSE(at, E_LIMIT, "more than %d groups", TLOG_POLICY_GROUPS);
    if (word_is(&w[2], "all"))
        k = members;
    else if (word_is(&w[2], "any"))
        k = 1;
    else if (tlog_decimal_parse(w[2].text, w[2].len, &k) < 0)
        return REFUSE(at, E_SYNTAX, "how many of the group: all, any or a number");
    if (k < 1 || k > members)
        return REFUSE(at, E_SYNTAX, "the group has %zu members, of which 1 to %zu can be needed",
                      members, members);
    p->groups[g].threshold = (unsigned)k;
    int r = take_name(at, &w[1], p->names[TLOG_POLICY_WITNESSES + g]);
    for (size_t i = 0; i < members && r >= 0; i++)
        r = take_member(at, &w[3 + i], g);
    p->groups_n += r >= 0;
    return r;
}

static int quorum_line(struct place *at, const struct word *w, size_t n)
{
    if (n != 2)
        return REFUSE(at, E_SYNTAX, "a quorum is: quorum NAME, or quorum none");
    if (at->has_quorum)
        return REFUSE(at, E_SYNTAX, "there is more than one quorum line");
    at->has_quorum = true;
    at->p->quorum = word_is(&w[1], "none") ? -1 : find_name(at->p, &w[1]);
    if (at->p->quorum < 0 && !word_is(&w[1], "none"))
        return REFUSE(at, E_SYNTAX, "%.*s is not defined above", (int)w[1].len, w[1].text);
    return 0;
}

static int policy_line(struct place *at, const char *line, size_t len)
{
    static const struct {
        const char *keyword;
        int (*take)(struct place *, const struct word *, size_t);
    } lines[] = {{"log", log_line},
                 {"witness", witness_line},
                 {"group", group_line},
                 {"quorum", quorum_line}};
    struct word words[WORDS];
    size_t n = 0;
    int r = split(line, len, words, &n);
    if (r < 0)
        return REFUSE(at, r, "the line has control characters, or more than %d words", WORDS);
    if (n == 0 || words[0].text[0] == '#')
        return 0;
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
        if (word_is(&words[0], lines[i].keyword))
            return lines[i].take(at, words, n);
    return REFUSE(at, E_SYNTAX, "a line begins with log, witness, group or quorum");
}

int tlog_policy_parse(const void *data, size_t len, struct tlog_policy *ret, struct err *reterr)
{
    struct place at = {.p = ret, .reterr = reterr};
    const char *line;
    size_t pos = 0, n;
    if (len > TLOG_POLICY_BYTES)
        return err_set(reterr, E_LIMIT, "the policy is longer than %zu bytes", TLOG_POLICY_BYTES);
    memset(ret, 0, sizeof(*ret));
    ret->quorum = -1;
    while (tlog_line(data, len, &pos, &line, &n)) {
        at.line++;
        int r = policy_line(&at, line, n);
        if (r < 0)
            return r;
    }
    if (pos != len)
        return err_set(reterr, E_SYNTAX, "the last line of the policy does not end");
    if (!at.has_quorum)
        return err_set(reterr, E_SYNTAX,
                       "the policy has no quorum line; say \"quorum none\" to need no witnesses");
    return 0;
}

void tlog_policy_of_log(const struct tlog_vkey *log, struct tlog_policy *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->logs[0] = *log;
    ret->logs_n = 1;
    ret->quorum = -1;
}

bool tlog_policy_quorum(const struct tlog_policy *p, uint64_t witnesses)
{
    uint64_t groups = 0;
    for (size_t g = 0; g < p->groups_n; g++) { /* members stand above */
        int have = __builtin_popcountll(p->groups[g].witnesses & witnesses) +
                   __builtin_popcountll(p->groups[g].groups & groups);
        if ((unsigned)have >= p->groups[g].threshold)
            groups |= UINT64_C(1) << g;
    }
    if (p->quorum < 0)
        return true;
    return p->quorum < TLOG_POLICY_WITNESSES ? witnesses >> p->quorum & 1
                                             : groups >> (p->quorum - TLOG_POLICY_WITNESSES) & 1;
}

static void read_times(const struct tlog_policy *p, const struct tlog_note *n,
                       struct tlog_policy_report *report)
{
    for (size_t w = 0; w < p->witnesses_n; w++)
        for (size_t s = 0; s < n->signatures_n; s++) {
            int64_t time;
            if (tlog_signature_check(&p->witnesses[w], n->text, n->text_len, &n->signatures[s],
                                     &time) == 0 &&
                time > report->times[w])
                report->times[w] = time;
        }
}

int tlog_policy_examine(const struct tlog_policy *p, const void *data, size_t len,
                        struct tlog_checkpoint *ret, struct tlog_policy_report *ret_report,
                        struct err *reterr)
{
    struct tlog_note n;
    struct tlog_policy_report report = {0};
    struct err e = {0};
    int r = tlog_checkpoint_open(data, len, p->logs, p->logs_n, ret, &n, reterr);
    if (r >= 0)
        r = tlog_note_verify(&n, p->logs, p->logs_n, &report.logs, reterr);
    if (r < 0)
        return r;
    r = tlog_note_verify(&n, p->witnesses, p->witnesses_n, &report.witnesses, &e);
    if (r == E_CRYPTO)
        return err_set(reterr, r, "%s", e.text);
    read_times(p, &n, &report);
    report.quorum = tlog_policy_quorum(p, report.witnesses);
    *ret_report = report;
    return 0;
}

int tlog_policy_open(const struct tlog_policy *p, const void *data, size_t len,
                     struct tlog_checkpoint *ret, struct tlog_policy_report *ret_report,
                     struct err *reterr)
{
    struct tlog_policy_report report;
    int r = tlog_policy_examine(p, data, len, ret, &report, reterr);
    if (r < 0)
        return r;
    if (ret_report)
        *ret_report = report;
    if (!report.quorum)
        return err_set(reterr, E_THRESHOLD,
                       "the checkpoint has cosignatures of %d witnesses, and the policy's quorum "
                       "is not reached",
                       __builtin_popcountll(report.witnesses));
    return 0;
}
