/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the start of a node says, and what it promises when that is not what it promised before. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "recorder/leaves_private.h"

static int tell_node(struct leaves *l, int64_t now, struct err *reterr)
{
    struct leaf f;
    char id[TLOG_ENTRY_ID];
    leaf_begin(&f, "node-start", tlog_entry_new_id("node-start", id), now);
    tlog_entry_text(&f.w, "node", l->cfg.config->node);
    tlog_entry_text(&f.w, "version", l->cfg.version);
    tlog_entry_yes(&f.w, "practice", l->cfg.policy->practice);
    return leaf_post(l, &f, NULL, 0, reterr);
}

/* Was @hash told before? */
static bool known(struct leaves *l, const char *key, const char *hash)
{
    char text[80] = "";
    return l->index->ops->meta_get(l->index, key, text, sizeof(text)) >= 0 && !strcmp(text, hash);
}

static int tell_policy(struct leaves *l, int64_t now, struct err *reterr)
{
    const struct config *c = l->cfg.config;
    const char *when_full = config_when_full_names[c->disk.when_full];
    char text[300], hex[65], id[TLOG_ENTRY_ID];
    uint8_t hash[32];
    int n =
        snprintf(text, sizeof(text),
                 "retention-days %d\nepoch-minutes %d\nwhen-full %s\nreserve-bytes %lld\naudio "
                 "%s\nmasking %s\n",
                 c->retention_days, c->epoch_minutes, when_full, (long long)c->disk.reserve_bytes,
                 c->cameras.audio ? "yes" : "no", c->mask.enabled ? "yes" : "no");
    crypto_hash_sha256(hash, (const uint8_t *)text, (size_t)n);
    hex_encode(hash, sizeof(hash), hex);
    if (known(l, "told_policy", hex))
        return 0;
    struct index_change told = {.kind = INDEX_PUT_META, .meta = {"told_policy", hex}};
    struct leaf f;
    leaf_begin(&f, "policy", tlog_entry_new_id("policy", id), now);
    tlog_entry_text(&f.w, "settings", hex);
    tlog_entry_number(&f.w, "retention-days", c->retention_days);
    tlog_entry_number(&f.w, "epoch-minutes", c->epoch_minutes);
    tlog_entry_text(&f.w, "when-full", when_full);
    tlog_entry_yes(&f.w, "masking", c->mask.enabled);
    return leaf_post(l, &f, &told, 1, reterr);
}

static int tell_custodians(struct leaves *l, int64_t now, struct err *reterr)
{
    const struct seal_policy *p = l->cfg.policy;
    char hex[33], id[TLOG_ENTRY_ID];
    uint8_t set[SEAL_SET], hash[32];
    seal_policy_id(p, set);
    hex_encode(set, sizeof(set), hex);
    if (known(l, "told_custodians", hex))
        return 0;
    struct index_change told = {.kind = INDEX_PUT_META, .meta = {"told_custodians", hex}};
    struct leaf f;
    leaf_begin(&f, "custodians", tlog_entry_new_id("custodians", id), now);
    tlog_entry_text(&f.w, "set", hex);
    tlog_entry_number(&f.w, "threshold", p->threshold);
    tlog_entry_number(&f.w, "of", p->count);
    tlog_entry_yes(&f.w, "practice", p->practice);
    for (int i = 0; i < p->count; i++) {
        const char *recipient = p->custodian[i].recipient;
        crypto_hash_sha256(hash, (const uint8_t *)recipient, strlen(recipient));
        tlog_entry_hex(&f.w, "recipient", hash, sizeof(hash));
    }
    return leaf_post(l, &f, &told, 1, reterr);
}

int leaves_tell_start(struct leaves *l, struct err *reterr)
{
    int64_t now = clock_wall_us(l->cfg.clock);
    int r = tell_custodians(l, now, reterr);
    if (r >= 0)
        r = tell_policy(l, now, reterr);
    return r < 0 ? r : tell_node(l, now, reterr); /* last: it is told once a start */
}
