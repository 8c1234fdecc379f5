/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef TEST_AUDIT_SITE_H
#define TEST_AUDIT_SITE_H
/*
 * A site that has run for forty days and kept every promise: two cameras (30 and 7 days), recordings of ten minutes every
 * four hours in both views, real share files, lists, erasures, one case, one hold, and the log of it all. What was erased
 * lies in ATTIC, so that a fraud can bring it back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hex.h"
#include "index/index.h"
#include "media/params.h"
#include "mp4/writer.h"
#include "seal/seal.h"
#include "tlog/durable.h"
#include "tlog/entry.h"
#include "tlog/log.h"
#include "tlog/manifest.h"

#define SITE_T0 (INT64_C(1795514400) * 1000000) /* 2026-11-24T10:00:00Z */
#define SITE_DAYS 40
#define SITE_NOW (SITE_T0 + SITE_DAYS * DAY_US)
#define SITE_EPOCH (10 * MINUTE_US)
#define SITE_EVERY (4 * HOUR_US)
#define SITE_CASE "0123456789abcdef"

static const uint8_t site_sps[] = {0x67, 0x42, 0xc0, 0x0a, 0xdc, 0x42, 0x6c, 0x04, 0x40, 0x00, 0x00,
                                   0x03, 0x00, 0x40, 0x00, 0x00, 0x0c, 0x83, 0xc4, 0x89, 0xe0};
static const uint8_t site_pps[] = {0x68, 0xce, 0x0f, 0xc8};

static const struct {
    const char *id;
    int days, own_days;
} site_cameras[] = {{"gate-1", 30, 0}, {"yard", 7, 7}};

struct site_event {
    int64_t at_us;
    size_t order; /* of events at one time */
    char *text;
    size_t len;
};

static struct {
    char root[64], base[80], attic[80], work[80];
    struct media_params params;
    struct seal_policy policy;
    struct seal_vault *vault;
    struct site_event *events;
    size_t events_n;
    struct tlog_vkey key;
    struct mp4_fragment *fragment;
} made;

static char *at_path(const char *root, const char *fmt, ...)
{
    static char path[8][512];
    static int n;
    char *out = path[n = (n + 1) % 8];
    va_list ap;
    int used = snprintf(out, 256, "%s/", root);
    va_start(ap, fmt);
    vsnprintf(out + used, 256, fmt, ap);
    va_end(ap);
    return out;
}

static void shell(const char *fmt, ...)
{
    char command[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(command, sizeof(command), fmt, ap);
    va_end(ap);
    if (system(command) != 0)
        fail_msg("%s", command);
}

static void write_file(const char *path, const void *data, size_t len)
{
    struct err e = {0};
    if (durable_replace(path, data, len, 0600, false, &e) < 0)
        fail_msg("%s", e.text);
}

/* ---- one recording ---- */

struct made_recording {
    struct mp4_info info;
    char path[192];
    uint8_t digest[32];
    int64_t end_us, frames, bytes;
    int64_t erased_us; /* 0: it is still there */
};

static void put_file(const char *root, struct made_recording *m)
{
    static const uint8_t au[] = {0, 0, 0, 21, 0x65, 0x88, 0x84, 0,  1,  2,  3,  4, 5,
                                 6, 7, 8, 9,  10,   11,   12,   13, 14, 15, 16, 17};
    struct mp4_cipher cipher;
    struct mp4_entry entry;
    struct buf b, tail;
    const uint8_t *data;
    size_t len;
    uint64_t at;
    const uint8_t key[16] = {1};
    struct media_au picture = {.data = au, .size = sizeof(au), .key = true};
    bool sealed = m->info.encrypted;
    buf_init(&b, 0), buf_init(&tail, 0);
    assert_int_equal(mp4_cipher_init(&cipher, key, 1), 0);
    assert_int_equal(mp4_head_build(&m->info, 4, &b, NULL), 0);
    mp4_fragment_begin(made.fragment, &m->info);
    for (int i = 0; i < 10; i++) /* a minute between pictures */
        assert_int_equal(mp4_fragment_append(made.fragment, 0, &picture, i * 5400000, i * 5400000,
                                             sealed ? &cipher : NULL),
                         0);
    assert_int_equal(mp4_fragment_finish(made.fragment, 1, -1, m->info.start_us, &data, &len), 0);
    mp4_fragment_entry(made.fragment, &entry);
    entry.offset = b.len;
    EVP_Digest(data, len, entry.sha256, NULL, EVP_sha256(), NULL);
    assert_int_equal(buf_append(&b, data, len), 0);
    assert_int_equal(mp4_sidx_build(&m->info, &entry, 1, 4, &tail, &at), 0);
    memcpy(b.data + at, tail.data, tail.len);
    tail.len = 0;
    assert_int_equal(mp4_tail_build(&m->info, &entry, 1, b.len, "epoch", &tail, m->digest), 0);
    assert_int_equal(buf_append(&b, tail.data, tail.len), 0);
    m->end_us = m->info.start_us + 10 * MINUTE_US;
    m->frames = 10;
    m->bytes = (int64_t)b.len;
    write_file(at_path(root, "%s", m->path), b.data, b.len);
    mp4_cipher_release(&cipher);
    buf_release(&b), buf_release(&tail);
}

static void describe(struct made_recording *m, const char *camera, int days, enum mp4_view view,
                     int64_t start_us, const uint8_t kid[16])
{
    char day[TIME_TEXT], clock[TIME_TEXT];
    *m = (struct made_recording){.info = {.view = view,
                                          .encrypted = view == MP4_SEALED,
                                          .epoch_us = start_us,
                                          .epoch_length_us = SITE_EPOCH,
                                          .start_us = start_us,
                                          .retention_days = days,
                                          .tracks = 1,
                                          .track = {{.codec = MEDIA_H264,
                                                     .clock_rate = 90000,
                                                     .width = 64,
                                                     .height = 64,
                                                     .params = &made.params}}}};
    snprintf(m->info.camera, sizeof(m->info.camera), "%s", camera);
    snprintf(m->info.node, sizeof(m->info.node), "town-hall");
    if (kid)
        memcpy(m->info.kid, kid, 16);
    snprintf(m->path, sizeof(m->path), "recordings/%s/%s/%s-%s.mp4", camera,
             time_format_date(start_us, day), time_format_clock(start_us, clock),
             view == MP4_SEALED ? "sealed" : "masked");
}

static void add_recording(const char *root, const char *camera, int days, enum mp4_view view,
                          int64_t start_us, const uint8_t kid[16])
{
    struct made_recording m;
    describe(&m, camera, days, view, start_us, kid);
    put_file(root, &m);
}

/* ---- entries ---- */

static struct buf entry_text;
static struct tlog_entry_writer writer;

static void entry_begin(const char *kind, const char *id)
{
    buf_release(&entry_text);
    buf_init(&entry_text, 0);
    tlog_entry_begin(&writer, kind, id, &entry_text);
}

static void event(int64_t at_us)
{
    assert_int_equal(tlog_entry_end(&writer), 0);
    struct site_event *grown = realloc(made.events, (made.events_n + 1) * sizeof(*made.events));
    assert_non_null(grown);
    made.events = grown;
    grown[made.events_n] =
        (struct site_event){at_us, made.events_n, malloc(entry_text.len), entry_text.len};
    memcpy(grown[made.events_n].text, entry_text.data, entry_text.len);
    made.events_n++;
}

static void hour_id(char out[64], const char *prefix, int64_t hour_us, const char *suffix)
{
    char t[TIME_TEXT];
    time_format(hour_us, t);
    snprintf(out, 64, "%s-%.4s%.2s%.2sT%.2sZ%s", prefix, t, t + 5, t + 8, t + 11, suffix);
}

static void add_beginnings(void)
{
    static const uint8_t zeros[32];
    uint8_t set[16];
    entry_begin("node-start", "node-start-0000000000000001");
    tlog_entry_time(&writer, "at", SITE_T0 - HOUR_US);
    tlog_entry_text(&writer, "node", "town-hall");
    tlog_entry_text(&writer, "version", "0.1.0");
    tlog_entry_yes(&writer, "practice", false);
    event(SITE_T0 - HOUR_US);
    entry_begin("policy", "policy-0000000000000001");
    tlog_entry_time(&writer, "at", SITE_T0 - HOUR_US);
    tlog_entry_hex(&writer, "settings", zeros, 32);
    tlog_entry_number(&writer, "retention-days", 30);
    tlog_entry_number(&writer, "epoch-minutes", 10);
    tlog_entry_text(&writer, "when-full", "oldest-first");
    tlog_entry_yes(&writer, "masking", true);
    event(SITE_T0 - HOUR_US);
    seal_policy_id(&made.policy, set);
    entry_begin("custodians", "custodians-0000000000000001");
    tlog_entry_time(&writer, "at", SITE_T0 - HOUR_US);
    tlog_entry_hex(&writer, "set", set, 16);
    tlog_entry_number(&writer, "threshold", 2);
    tlog_entry_number(&writer, "of", 3);
    tlog_entry_yes(&writer, "practice", false);
    for (int i = 0; i < 3; i++)
        tlog_entry_hex(&writer, "recipient", zeros, 32);
    event(SITE_T0 - HOUR_US);
}

static struct index_camera register_of(size_t i)
{
    struct index_camera c = {.enabled = true, .retention_days = site_cameras[i].own_days};
    snprintf(c.id, sizeof(c.id), "%s", site_cameras[i].id);
    snprintf(c.main_url, sizeof(c.main_url), "rtsp://camera/%zu", i);
    snprintf(c.reg.purpose, sizeof(c.reg.purpose), "traffic");
    return c;
}

/* As if everything had been handed to the logger. */
static void drop_waiting(struct index *ix)
{
    assert_true(ix->ops->outbox_drop(ix, INT64_MAX, NULL) >= 0);
}

static void add_cameras(const char *root)
{
    struct index *ix = NULL;
    struct err e = {0};
    static const uint8_t zeros[32];
    if (index_sqlite.open(root, false, &ix, &e) < 0)
        fail_msg("%s", e.text);
    for (size_t i = 0; i < 2; i++) {
        struct index_camera c = register_of(i);
        uint8_t hash[32];
        char id[40];
        assert_int_equal(ix->ops->camera_put(ix, &c, 1, false, NULL), 0);
        assert_int_equal(index_register_hash(&c, hash), 0);
        snprintf(id, sizeof(id), "camera-000000000000000%zu", i);
        entry_begin("camera", id);
        tlog_entry_time(&writer, "at", SITE_T0 - MINUTE_US);
        tlog_entry_text(&writer, "camera", c.id);
        tlog_entry_text(&writer, "change", "added");
        tlog_entry_yes(&writer, "enabled", true);
        tlog_entry_yes(&writer, "audio", false);
        tlog_entry_number(&writer, "retention-days", c.retention_days);
        tlog_entry_text(&writer, "declared-empty", "no");
        tlog_entry_hex(&writer, "zones", zeros, 32);
        tlog_entry_hex(&writer, "register", hash, 32);
        event(SITE_T0 - MINUTE_US);
    }
    drop_waiting(ix);
    ix->ops->close(ix);
}

static void case_lines(const char *kind, const char *id, const uint8_t order[32])
{
    entry_begin(kind, id);
    tlog_entry_text(&writer, "case", SITE_CASE);
    tlog_entry_hex(&writer, "order", order, 32);
}

static void add_case(void)
{
    static const uint8_t order[32] = {7}, answers[2][32] = {{8}, {9}};
    uint8_t set[16];
    int64_t made_us = SITE_T0 + 20 * DAY_US;
    seal_policy_id(&made.policy, set);
    case_lines("order", "order-" SITE_CASE, order);
    tlog_entry_text(&writer, "node", "town-hall");
    tlog_entry_text(&writer, "camera", "gate-1");
    tlog_entry_time(&writer, "from", made_us - DAY_US);
    tlog_entry_time(&writer, "to", made_us - DAY_US + HOUR_US);
    tlog_entry_text(&writer, "purpose", "robbery");
    tlog_entry_text(&writer, "basis", "eu.led-8");
    tlog_entry_hex(&writer, "reference", order, 32);
    tlog_entry_time(&writer, "made", made_us);
    tlog_entry_time(&writer, "not-after", made_us + 7 * DAY_US);
    tlog_entry_text(&writer, "urgent", "no");
    event(made_us);
    for (int i = 0; i < 2; i++) {
        case_lines("approval", i ? "approval-" SITE_CASE "-2" : "approval-" SITE_CASE "-1", order);
        tlog_entry_number(&writer, "custodian", i + 1);
        tlog_entry_number(&writer, "of", 3);
        tlog_entry_hex(&writer, "set", set, 16);
        tlog_entry_number(&writer, "keys", 6);
        tlog_entry_hex(&writer, "answer", answers[i], 32);
        tlog_entry_time(&writer, "made", made_us + HOUR_US);
        event(made_us + HOUR_US);
    }
    case_lines("opening", "opening-" SITE_CASE, order);
    tlog_entry_hex(&writer, "approval", answers[0], 32);
    tlog_entry_hex(&writer, "approval", answers[1], 32);
    tlog_entry_time(&writer, "at", made_us + 2 * HOUR_US);
    event(made_us + 2 * HOUR_US);
}

/* The first hour of the gate is held for a case, beyond its thirty days. */
static void add_hold(void)
{
    entry_begin("hold", "hold-added-0000000000000001");
    tlog_entry_time(&writer, "at", SITE_T0 + DAY_US);
    tlog_entry_text(&writer, "hold", "0000000000000001");
    tlog_entry_text(&writer, "change", "added");
    tlog_entry_text(&writer, "camera", "gate-1");
    tlog_entry_time(&writer, "from", SITE_T0);
    tlog_entry_time(&writer, "to", SITE_T0 + HOUR_US);
    tlog_entry_time(&writer, "until", SITE_T0 + 90 * DAY_US);
    tlog_entry_text(&writer, "reason", "court-order");
    event(SITE_T0 + DAY_US);
}

/* ---- forty days ---- */

static struct made_recording all[SITE_DAYS * 6 * 2 * 2];
static size_t all_n;

/* A key of each camera, in a share file of its class; where it lies depends on whether its time is over. */
static void add_keys(int64_t epoch_us, uint8_t kids[2][16])
{
    char day[TIME_TEXT], clock[TIME_TEXT];
    for (size_t c = 0; c < 2; c++) {
        struct seal_context ctx = {.epoch_us = epoch_us, .epoch_length_us = SITE_EPOCH};
        struct seal_key *k;
        struct buf b;
        buf_init(&b, 0);
        snprintf(ctx.camera, sizeof(ctx.camera), "%s", site_cameras[c].id);
        snprintf(ctx.node, sizeof(ctx.node), "town-hall");
        assert_int_equal(seal_key_create(made.vault, &made.policy, &ctx, &k, &b), 0);
        memcpy(kids[c], k->kid, 16);
        seal_key_destroy(made.vault, k);
        bool over = epoch_us + SITE_EPOCH + site_cameras[c].days * DAY_US <= SITE_NOW;
        bool held = epoch_us == SITE_T0 && c == 0;
        time_format_date(epoch_us, day);
        time_format_clock(epoch_us, clock);
        write_file(at_path(over && !held ? made.attic : made.base, "keys/%s/%.4sZ-%dd.shares", day,
                           clock, site_cameras[c].days),
                   b.data, b.len);
        buf_release(&b);
    }
}

static void add_footage(void)
{
    for (int64_t t = SITE_T0; t + SITE_EVERY <= SITE_NOW; t += SITE_EVERY) {
        uint8_t kids[2][16];
        add_keys(t, kids);
        for (size_t c = 0; c < 2; c++)
            for (int view = MP4_SEALED; view <= MP4_MASKED; view++) {
                struct made_recording *m = &all[all_n++];
                describe(m, site_cameras[c].id, site_cameras[c].days, (enum mp4_view)view, t,
                         view == MP4_SEALED ? kids[c] : NULL);
                int64_t due = t + SITE_EPOCH + site_cameras[c].days * DAY_US;
                bool held = t == SITE_T0 && c == 0;
                m->erased_us = due <= SITE_NOW && !held ? due : 0;
                put_file(m->erased_us ? made.attic : made.base, m);
            }
    }
}

static int by_line(const void *a, const void *b)
{
    return tlog_manifest_compare(a, b);
}

/* The list of what ended in the hour before @hour + 1 h, and what the log says of it. */
static void add_list(int64_t hour_us)
{
    static struct tlog_manifest_line lines[16];
    char id[64], day[TIME_TEXT], clock[TIME_TEXT];
    struct tlog_manifest_head head = {.node = "town-hall", .hour_us = hour_us};
    struct tlog_root root = {0};
    struct tlog_hash leaf;
    struct buf b;
    buf_init(&b, 0);
    for (size_t i = 0; i < all_n; i++) {
        if (all[i].end_us <= hour_us || all[i].end_us > hour_us + HOUR_US)
            continue;
        struct tlog_manifest_line *l = &lines[head.recordings++];
        *l = (struct tlog_manifest_line){.start_us = all[i].info.start_us,
                                         .end_us = all[i].end_us,
                                         .frames = all[i].frames,
                                         .bytes = all[i].bytes};
        snprintf(l->camera, sizeof(l->camera), "%.63s", all[i].info.camera);
        snprintf(l->view, sizeof(l->view), "%s", all[i].info.view ? "masked" : "sealed");
        snprintf(l->path, sizeof(l->path), "%.191s", all[i].path);
        memcpy(l->kid, all[i].info.kid, 16);
        memcpy(l->manifest, all[i].digest, 32);
    }
    qsort(lines, head.recordings, sizeof(*lines), by_line);
    assert_int_equal(tlog_manifest_put_head(&head, &b), 0);
    for (uint64_t i = 0; i < head.recordings; i++) {
        size_t from = b.len;
        assert_int_equal(tlog_manifest_put_line(&lines[i], &b), 0);
        tlog_leaf_hash(b.data + from, b.len - from - 1, &leaf);
        tlog_root_add(&root, &leaf);
    }
    tlog_root_get(&root, &leaf);
    time_format_date(hour_us, day);
    time_format_clock(hour_us, clock);
    write_file(at_path(made.base, "manifests/%s/%.2sZ.manifest", day, clock), b.data, b.len);
    buf_release(&b);
    hour_id(id, "manifest", hour_us, "");
    entry_begin("manifest", id);
    tlog_entry_time(&writer, "at", hour_us + HOUR_US + 4 * SECOND_US);
    tlog_entry_time(&writer, "hour", hour_us);
    tlog_entry_number(&writer, "recordings", (int64_t)head.recordings);
    tlog_entry_hex(&writer, "root", leaf.bytes, 32);
    event(hour_us + HOUR_US + 4 * SECOND_US);
}

static void add_erasure(int64_t hour_us)
{
    char id[64];
    int64_t first = 0, last = 0, n = 0;
    for (size_t i = 0; i < all_n; i++)
        if (all[i].erased_us > hour_us && all[i].erased_us <= hour_us + HOUR_US) {
            first = !n || all[i].info.epoch_us < first ? all[i].info.epoch_us : first;
            last = all[i].info.epoch_us > last ? all[i].info.epoch_us : last;
            n++;
        }
    if (!n)
        return;
    hour_id(id, "erasure", hour_us, "-retention");
    entry_begin("erasure", id);
    tlog_entry_time(&writer, "at", hour_us + HOUR_US + 5 * SECOND_US);
    tlog_entry_time(&writer, "hour", hour_us);
    tlog_entry_text(&writer, "reason", "retention");
    tlog_entry_number(&writer, "recordings", n);
    tlog_entry_number(&writer, "share-files", n / 2);
    tlog_entry_time(&writer, "first-epoch", first);
    tlog_entry_time(&writer, "last-epoch", last);
    event(hour_us + HOUR_US + 5 * SECOND_US);
}

static int by_time(const void *a, const void *b)
{
    const struct site_event *x = a, *y = b;
    if (x->at_us != y->at_us)
        return x->at_us < y->at_us ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

static struct tlog_log *site_log(const char *root)
{
    char dir[128], key_dir[128];
    struct tlog_log *l = NULL;
    struct err e = {0};
    snprintf(dir, sizeof(dir), "%s/log", root);
    snprintf(key_dir, sizeof(key_dir), "%s/log-key", root);
    const struct tlog_log_options o = {.dir = dir,
                                       .key_dir = key_dir,
                                       .origin = "town-hall.example/log",
                                       .create = true,
                                       .no_sync = true};
    if (tlog_log_open(&o, &l, &e) < 0)
        fail_msg("%s", e.text);
    return l;
}

static void write_log(const char *root)
{
    struct tlog_log *l = site_log(root);
    struct tlog_vkey keys[2];
    struct tlog_entry *entries = calloc(made.events_n, sizeof(*entries));
    qsort(made.events, made.events_n, sizeof(*made.events), by_time);
    for (size_t i = 0; i < made.events_n; i++)
        entries[i] = (struct tlog_entry){made.events[i].text, made.events[i].len};
    assert_int_equal(tlog_log_append(l, entries, made.events_n, NULL, NULL), 0);
    tlog_log_keys(l, keys);
    made.key = keys[0];
    free(entries);
    tlog_log_close(l);
}

static void make_custodians(const char *root, struct seal_policy *p)
{
    struct err e = {0};
    *p = (struct seal_policy){.threshold = 2, .count = 3};
    for (int i = 0; i < 3; i++) {
        struct seal_identity *id = NULL;
        char *file = at_path(root, "custodian-%d.txt", i + 1);
        unlink(file);
        char name[] = "custodian-0";
        name[10] = (char)('1' + i);
        if (seal_identity_generate(file, name, NULL, &id, &e) < 0)
            fail_msg("%s", e.text);
        memcpy(p->custodian[i].name, name, sizeof(name));
        memcpy(p->custodian[i].recipient, id->recipient, sizeof(p->custodian[i].recipient));
        seal_identity_free(id);
    }
    assert_int_equal(seal_policy_check(p, NULL), 0);
}

static int make_site(void **state)
{
    snprintf(made.root, sizeof(made.root), "/tmp/lethe-audit-XXXXXX");
    if (sodium_init() < 0 || !mkdtemp(made.root))
        return -1;
    snprintf(made.base, sizeof(made.base), "%s/base", made.root);
    snprintf(made.attic, sizeof(made.attic), "%s/attic", made.root);
    snprintf(made.work, sizeof(made.work), "%s/work", made.root);
    mkdir(made.base, 0700);
    made.params.count = 2;
    made.params.set[0].len = sizeof(site_sps);
    memcpy(made.params.set[0].data, site_sps, sizeof(site_sps));
    made.params.set[1].len = sizeof(site_pps);
    memcpy(made.params.set[1].data, site_pps, sizeof(site_pps));
    assert_int_equal(mp4_fragment_new(&made.fragment), 0);
    assert_int_equal(seal_vault_new(16, &made.vault, NULL), 0);
    make_custodians(made.root, &made.policy);
    add_beginnings();
    add_cameras(made.base);
    add_hold();
    add_case();
    add_footage();
    for (int64_t h = SITE_T0 - HOUR_US; h + HOUR_US < SITE_NOW; h += HOUR_US)
        add_list(h), add_erasure(h);
    write_log(made.base);
    return 0;
}

static int remove_site(void **state)
{
    shell("rm -rf %s", made.root);
    for (size_t i = 0; i < made.events_n; i++)
        free(made.events[i].text);
    free(made.events);
    buf_release(&entry_text);
    seal_vault_free(made.vault);
    mp4_fragment_free(made.fragment);
    return 0;
}

/* Entries behind the others, as a fraud would add them. */
static void append_entry(const char *root, const char *text, size_t len)
{
    struct tlog_log *l = site_log(root);
    const struct tlog_entry e = {text, len};
    assert_int_equal(tlog_log_append(l, &e, 1, NULL, NULL), 0);
    tlog_log_close(l);
}

static void append_written(const char *root)
{
    assert_int_equal(tlog_entry_end(&writer), 0);
    append_entry(root, (const char *)entry_text.data, entry_text.len);
}
#endif
