/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Entries of the log in words: one sentence a kind, with the entry's values in braces. */
#include <string.h>

#include "api/public_words.h"
#include "case/codes.h"

static const struct {
    const char *kind, *en, *zh;
} sentences[] = {
    {"node-start", "The recorder {node} started, version {version}.",
     "記錄器 {node} 啟動，版本 {version}。"},
    {"policy",
     "The rules changed: footage is kept {retention-days} days, keys last {epoch-minutes} minutes.",
     "規則更改：錄影保存 {retention-days} 日，每條密鑰使用 {epoch-minutes} 分鐘。"},
    {"log-key", "The key that signs this log is being replaced: {key} was {change}.",
     "簽署此日誌的密鑰正在更換：{key}，{change}。"},
    {"custodians",
     "From now on {threshold} of {of} custodians are needed to open anything (set {set}; practice: "
     "{practice}).",
     "由現時起，須 {of} 名保管人中的 {threshold} 名同意方可開啟（組別 {set}；演練：{practice}）。"},
    {"camera", "Camera {camera}: {change} in the register.",
     "攝影機 {camera}：登記冊變更（{change}）。"},
    {"masking", "Masking of {camera}: {change}.", "{camera} 的遮蔽：{change}。"},
    {"manifest", "Listed what was recorded in the hour {hour}: {recordings} recordings.",
     "列出 {hour} 該小時的錄影：{recordings} 段。"},
    {"erasure",
     "Destroyed for good: {recordings} recordings and {share-files} key files, of the time "
     "{first-epoch} to {last-epoch} ({reason}).",
     "已永久銷毀：{recordings} 段錄影及 {share-files} 個密鑰檔，時段為 {first-epoch} 至 "
     "{last-epoch}（{reason}）。"},
    {"shortfall",
     "Footage is kept for a shorter time than promised: {actual-hours} hours instead of "
     "{promised-days} days, until about {until}.",
     "保存時間短於承諾：只有 {actual-hours} 小時而非 {promised-days} 日，約至 {until}。"},
    {"hold",
     "Hold {hold} {change}: camera {camera}, {from} to {to}, kept until {until} ({reason}).",
     "保留令 {hold} {change}：攝影機 {camera}，{from} 至 {to}，保留至 {until}（{reason}）。"},
    {"order",
     "Case {case}: somebody asks to open {camera} from {from} to {to}. Purpose: {purpose}. Legal "
     "basis: {basis}. Urgent: {urgent}.",
     "個案 {case}：有人要求開啟 {camera}，時段 {from} 至 "
     "{to}。目的：{purpose}。法律依據：{basis}。緊急：{urgent}。"},
    {"approval", "Case {case}: custodian {custodian} of {of} approves.",
     "個案 {case}：{of} 名保管人中的第 {custodian} 名批准。"},
    {"refusal", "Case {case}: custodian {custodian} of {of} refuses: {reason}.",
     "個案 {case}：{of} 名保管人中的第 {custodian} 名拒絕：{reason}。"},
    {"rejection",
     "Case {case}: something was handed in that does not hold ({why}); it was turned away.",
     "個案 {case}：收到無效的文件（{why}），已拒收。"},
    {"opening", "Case {case}: the original was opened.", "個案 {case}：原片已開啟。"},
    {"export", "Case {case}: evidence was made of it, a file with the hash {file}.",
     "個案 {case}：已製成證據檔案，其雜湊值為 {file}。"},
    {"closing", "Case {case} was closed.", "個案 {case} 已結束。"},
    {"withdrawal", "Case {case} was withdrawn.", "個案 {case} 已撤回。"},
    {"expiry", "Case {case} ran out.", "個案 {case} 已過期。"},
    {"identity-destroyed",
     "A custodian states that a key has been destroyed: what was sealed for it alone is gone.",
     "一名保管人聲明其密鑰已銷毀：僅以該密鑰封存的內容已無法開啟。"},
};

static const char *sentence_of(const char *kind, bool zh)
{
    for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++)
        if (strcmp(sentences[i].kind, kind) == 0)
            return zh ? sentences[i].zh : sentences[i].en;
    return NULL;
}

/* Words of the log itself. */
static const struct {
    const char *word, *en, *zh;
} plain[] = {
    {"added", "added", "新增"},
    {"changed", "changed", "更改"},
    {"removed", "removed", "移除"},
    {"ended", "ended", "結束"},
    {"retired", "retired", "停用"},
    {"declared-empty", "the place was declared empty", "已聲明現場無人"},
    {"empty-withdrawn", "the declaration was withdrawn", "已撤回聲明"},
    {"failed", "failed", "失效"},
    {"works", "works again", "恢復運作"},
    {"retention", "their time was over", "保存期已滿"},
    {"disk-full", "the disk was full", "磁碟已滿"},
    {"yes", "yes", "是"},
    {"no", "no", "否"},
};

static const char *plain_word(const char *value, bool zh)
{
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
        if (strcmp(plain[i].word, value) == 0)
            return zh ? plain[i].zh : plain[i].en;
    return value;
}

/* Codes have a text that anybody understands; other values stand as they are. */
static const char *in_words(const char *kind, const char *key, const char *value, bool zh)
{
    int list = strcmp(key, "purpose") == 0                                  ? CASE_PURPOSE
               : strcmp(key, "basis") == 0                                  ? CASE_BASIS
               : strcmp(key, "reason") == 0 && strcmp(kind, "refusal") == 0 ? CASE_REFUSAL
                                                                            : -1;
    const struct case_code *c =
        list < 0 ? NULL : case_codes_find(case_codes_default(), (enum case_code_kind)list, value);
    return !c ? plain_word(value, zh) : zh && c->zh[0] ? c->zh : c->en;
}

static void put_values(struct public_page *p, const struct tlog_parsed *e, const char *key)
{
    char value[192];
    int64_t us;
    unsigned n = 0;
    for (; tlog_parsed_text(e, key, n, value, sizeof(value)); n++) {
        if (n)
            html_put(&p->h, ", ");
        if (n == 0 && strlen(value) >= 20 && tlog_parsed_time(e, key, &us) >= 0) {
            public_time(p, us);
            continue;
        }
        html_put(&p->h, "<b><bdi>");
        html_text(&p->h, in_words(e->kind->name, key, value, p->zh));
        html_put(&p->h, "</bdi></b>");
    }
    if (!n)
        public_say(p, "all cameras", "所有攝影機");
}

void public_entry_words(struct public_page *p, const struct tlog_parsed *e)
{
    char piece[256], key[32];
    const char *s = sentence_of(e->kind->name, p->zh);
    if (!s) {
        html_text(&p->h, e->kind->name);
        return;
    }
    while (*s) {
        size_t n = strcspn(s, "{");
        if (n >= sizeof(piece))
            n = sizeof(piece) - 1;
        memcpy(piece, s, n);
        piece[n] = 0;
        html_put(&p->h, piece);
        s += n;
        if (*s != '{')
            continue;
        size_t k = strcspn(++s, "}");
        if (k >= sizeof(key))
            return;
        memcpy(key, s, k);
        key[k] = 0;
        put_values(p, e, key);
        s += k + 1;
    }
}

bool public_entry_has_words(const char *kind)
{
    return sentence_of(kind, false) && sentence_of(kind, true);
}
