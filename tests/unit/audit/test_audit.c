/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A healthy site of forty days, and what is said of each of the frauds that are planted in a copy of it. */
#include "site.h"

#include "audit/audit.h"
#include "audit/report.h"

#define MAX_CODES 4000

static struct {
    char codes[MAX_CODES][32];
    size_t n;
    char all[65536]; /* for messages */
} found;

static void on_finding(void *user, const struct audit_finding *f)
{
    size_t len = strlen(found.all);
    snprintf(found.all + len, sizeof(found.all) - len, "%s %s: %s: %s\n",
             f->weight == AUDIT_FRAUD ? "BROKEN" : "note", f->code, f->where, f->text);
    if (f->weight == AUDIT_FRAUD && found.n < MAX_CODES)
        snprintf(found.codes[found.n++], sizeof(found.codes[0]), "%s", f->code);
}

static struct audit_counts look(const char *root, bool footage, const struct buf *since)
{
    static struct tlog_policy policy;
    struct audit_counts counts;
    struct err e = {0};
    char dir[128];
    snprintf(dir, sizeof(dir), "%s/log", root);
    tlog_policy_of_log(&made.key, &policy);
    const struct audit_options o = {.data_dir = root,
                                    .log = tlog_files_dir(dir),
                                    .policy = &policy,
                                    .since = since ? since->data : NULL,
                                    .since_len = since ? since->len : 0,
                                    .now_us = SITE_NOW,
                                    .footage = footage};
    memset(&found, 0, sizeof(found));
    if (audit_run(&o, on_finding, NULL, &counts, &e) < 0)
        fail_msg("%s", e.text);
    return counts;
}

static bool named(const char *code)
{
    for (size_t i = 0; i < found.n; i++)
        if (strcmp(found.codes[i], code) == 0)
            return true;
    return false;
}

static void test_audit__a_healthy_site_of_forty_days(void **state)
{
    struct audit_counts c = look(made.base, true, NULL);
    if (found.n)
        fail_msg("%s", found.all);
    assert_int_equal(c.frauds, 0);
    assert_int_equal(c.listed, 40 * 6 * 2 * 2);
    assert_int_equal(c.recordings, (30 * 6 + 7 * 6 + 1) * 2); /* one is held */
    assert_int_equal(c.cases, 1);
    assert_true(c.entries > 1000 && c.manifests == 40 * 24);
}

/* ---- frauds, each planted in made.work, a copy ---- */

/* Files are shared with the original, but for the databases: whoever changes one in place takes a copy of it first. */
static void copy_site(void)
{
    shell("rm -rf %s && cp -al %s %s && rm %s/*.db* && cp %s/*.db* %s/", made.work, made.base,
          made.work, made.work, made.base, made.work);
}

static void own_copy(const char *path)
{
    shell("cp %s %s.own && mv %s.own %s", path, path, path, path);
}

static char *work(const char *name)
{
    return at_path(made.work, "%s", name);
}

static void flip(const char *name, long offset)
{
    own_copy(work(name));
    FILE *f = fopen(work(name), "r+b");
    assert_non_null(f);
    fseek(f, offset, offset < 0 ? SEEK_END : SEEK_SET);
    int c = fgetc(f);
    fseek(f, -1, SEEK_CUR);
    fputc(c ^ 1, f);
    fclose(f);
}

static struct made_recording *young(size_t back)
{
    return &all[all_n - 1 - back];
}

static void delete_recording(void)
{
    unlink(work(young(40)->path));
}
static void keep_recording(void)
{
    shell("mkdir -p $(dirname %s) && cp %s %s", work(all[60].path),
          at_path(made.attic, "%s", all[60].path), work(all[60].path));
}
static void keep_shares(void)
{
    shell("mkdir -p %s && cp -r %s/keys/2026-11-25 %s/keys/", work("keys"), made.attic, made.work);
}
/* One digit of a hash. */
static void edit_list(void)
{
    const char *name = "manifests/2026-12-20/10Z.manifest";
    struct buf b;
    buf_init(&b, 65536);
    assert_int_equal(durable_read(work(name), &b, NULL), 0);
    uint8_t *digit = (uint8_t *)memmem(b.data, b.len, " recordings/", 12) - 1;
    *digit = *digit == '0' ? '1' : '0';
    write_file(work(name), b.data, b.len);
    buf_release(&b);
}
static void shorten_list(void)
{
    char head[200];
    struct buf b;
    buf_init(&b, 0);
    snprintf(head, sizeof(head),
             "lethe-manifest/v1\nnode town-hall\nhour 2026-12-20T10:00:00Z\n"
             "recordings 0\n\n");
    write_file(work("manifests/2026-12-20/10Z.manifest"), head, strlen(head));
}
static void delete_list(void)
{
    unlink(work("manifests/2026-12-20/10Z.manifest"));
}
static void invent_list(void)
{
    static const char text[] = "lethe-manifest/v1\nnode town-hall\nhour 2026-12-20T10:30:00Z\n"
                               "recordings 0\n\n";
    write_file(work("manifests/2026-12-20/1030Z.manifest"), text, strlen(text));
}
static void back_date(void)
{
    add_recording(made.work, "gate-1", 30, MP4_MASKED, young(40)->info.start_us + 5 * MINUTE_US,
                  NULL);
}
static void record_unlisted(void)
{
    add_recording(made.work, "gate-1", 30, MP4_MASKED, young(40)->info.start_us + HOUR_US, NULL);
}
static void record_unregistered(void)
{
    add_recording(made.work, "back-door", 30, MP4_MASKED, young(40)->info.start_us, NULL);
}
static void record_before_register(void)
{
    add_recording(made.work, "gate-1", 30, MP4_MASKED, SITE_T0 - DAY_US, NULL);
}
static void alter_recording(void)
{
    struct made_recording m = *young(39);
    m.info.epoch_length_us /= 2; /* another head, another list of hashes */
    m.info.start_us += SECOND_US;
    put_file(made.work, &m);
    flip(m.path, -60);
}
static void alter_pictures(void)
{
    flip(young(39)->path, 8192 + 700);
}
static void cut_recording(void)
{
    own_copy(work(young(39)->path));
    shell("truncate -s -100 %s", work(young(39)->path));
}
static void move_recording(void)
{
    shell("mkdir -p %s && mv %s %s", work("recordings/yard/2026-12-31"), work(young(43)->path),
          work("recordings/yard/2026-12-31/moved.mp4"));
}
static void store_unsealed(void)
{
    struct made_recording m;
    describe(&m, "gate-1", 30, MP4_SEALED, young(40)->info.start_us + HOUR_US, NULL);
    m.info.encrypted = false;
    put_file(made.work, &m);
}
static void shorten_retention(void)
{
    add_recording(made.work, "gate-1", 3, MP4_MASKED, SITE_NOW - HOUR_US, NULL);
}
static void lengthen_retention(void)
{
    add_recording(made.work, "yard", 300, MP4_MASKED, SITE_NOW - HOUR_US, NULL);
}
static void other_custodians(void)
{
    struct seal_policy p, mine = made.policy;
    uint8_t kids[2][16];
    make_custodians(made.work, &p);
    made.policy = p;
    char base[80];
    memcpy(base, made.base, sizeof(base));
    memcpy(made.base, made.work, sizeof(base));
    add_keys(SITE_NOW - HOUR_US, kids);
    memcpy(made.base, base, sizeof(base));
    made.policy = mine;
}
static void lose_shares(void)
{
    shell("rm -r %s", work("keys/2026-12-30"));
}
static void foreign_key(void)
{
    add_recording(made.work, "gate-1", 30, MP4_SEALED, SITE_NOW - HOUR_US, young(1)->info.kid);
}
static void shares_of_no_class(void)
{
    shell("mv %s %s", work("keys/2026-12-30/0200Z-30d.shares"),
          work("keys/2026-12-30/0200Z-3000d.shares"));
}
static void shares_elsewhere(void)
{
    shell("cp %s %s", work("keys/2026-12-30/0200Z-30d.shares"), work("keys/backup.shares"));
}

static void change_camera(const char *id, int days, const char *purpose, bool remove)
{
    struct index *ix;
    struct index_camera c = register_of(0);
    snprintf(c.id, sizeof(c.id), "%s", id);
    snprintf(c.reg.purpose, sizeof(c.reg.purpose), "%s", purpose);
    c.retention_days = days;
    assert_int_equal(index_sqlite.open(made.work, false, &ix, NULL), 0);
    if (remove)
        assert_int_equal(ix->ops->camera_remove(ix, id, NULL), 0);
    else
        assert_int_equal(ix->ops->camera_put(ix, &c, 1, true, NULL), 0);
    drop_waiting(ix); /* what would have told the log */
    ix->ops->close(ix);
}
static void withhold_entry(void)
{
    struct index *ix;
    const struct index_change c = {.kind = INDEX_PUT_OUTBOX,
                                   .outbox = {.at_us = SITE_NOW - 3 * DAY_US,
                                              .kind = "node-start",
                                              .text = "lethe-log/v1 node-start\nid x\n"}};
    assert_int_equal(index_sqlite.open(made.work, false, &ix, NULL), 0);
    assert_int_equal(ix->ops->apply(ix, &c, 1, NULL), 0);
    ix->ops->close(ix);
}
static void change_register(void)
{
    change_camera("gate-1", 0, "watching people", false);
}
static void change_retention(void)
{
    change_camera("gate-1", 300, "traffic", false);
}
static void hide_camera(void)
{
    change_camera("gate-1", 0, "", true);
}
static void damage_tile(void)
{
    flip("log/tile/0/001", 100);
}
static void damage_entry(void)
{
    flip("log/tile/entries/001", 3000);
}

/* The log was put back, and went on with other entries. */
static struct buf kept;
static void fork_log(void)
{
    append_entry(made.work, "x\n", 2);
    struct tlog_log *l = site_log(made.work);
    kept.len = 0;
    assert_int_equal(buf_append(&kept, tlog_log_note(l)->data, tlog_log_note(l)->len), 0);
    tlog_log_close(l);
    shell("rm -r %s %s && cp -r %s/log %s/log-key %s/", work("log"), work("log-key"), made.base,
          made.base, made.work);
    append_entry(made.work, "y\n", 2);
}
static void roll_back(void)
{
    fork_log();
    shell("rm -r %s && cp -r %s/log %s/", work("log"), made.base, made.work);
}
static void roll_back_keys_too(void)
{
    roll_back();
    shell("rm -r %s && cp -r %s/log-key %s/", work("log-key"), made.base, made.work);
}

static void open_without_order(void)
{
    static const uint8_t order[32] = {1};
    entry_begin("opening", "opening-ffff000000000001");
    tlog_entry_text(&writer, "case", "ffff000000000001");
    tlog_entry_hex(&writer, "order", order, 32);
    tlog_entry_time(&writer, "at", SITE_NOW - HOUR_US);
    append_written(made.work);
}

/* An order of its own, @approvals answers, and an opening at @opened_us. */
static void open_with(int approvals, int64_t opened_us, bool answer_first)
{
    static const uint8_t order[32] = {2}, answer[32] = {3};
    uint8_t set[16];
    int64_t made_us = SITE_NOW - 10 * DAY_US;
    seal_policy_id(&made.policy, set);
    for (int step = 0; step < 2; step++) {
        if ((step == 0) == answer_first)
            for (int i = 0; i < approvals; i++) {
                char id[64];
                snprintf(id, sizeof(id), "approval-ffff000000000002-%d", i + 1);
                entry_begin("approval", id);
                tlog_entry_text(&writer, "case", "ffff000000000002");
                tlog_entry_hex(&writer, "order", order, 32);
                tlog_entry_number(&writer, "custodian", i + 1);
                tlog_entry_number(&writer, "of", 3);
                tlog_entry_hex(&writer, "set", set, 16);
                tlog_entry_number(&writer, "keys", 6);
                tlog_entry_hex(&writer, "answer", answer, 32);
                tlog_entry_time(&writer, "made", SITE_NOW - HOUR_US);
                append_written(made.work);
            }
        else {
            entry_begin("order", "order-ffff000000000002");
            tlog_entry_text(&writer, "case", "ffff000000000002");
            tlog_entry_hex(&writer, "order", order, 32);
            tlog_entry_text(&writer, "node", "town-hall");
            tlog_entry_text(&writer, "camera", "gate-1");
            tlog_entry_time(&writer, "from", made_us - DAY_US);
            tlog_entry_time(&writer, "to", made_us - DAY_US + HOUR_US);
            tlog_entry_text(&writer, "purpose", "robbery");
            tlog_entry_text(&writer, "basis", "eu.led-8");
            tlog_entry_hex(&writer, "reference", order, 32);
            tlog_entry_time(&writer, "made", SITE_NOW - HOUR_US);
            tlog_entry_time(&writer, "not-after", SITE_NOW - 30 * MINUTE_US);
            tlog_entry_text(&writer, "urgent", "no");
            append_written(made.work);
        }
    }
    entry_begin("opening", "opening-ffff000000000002");
    tlog_entry_text(&writer, "case", "ffff000000000002");
    tlog_entry_hex(&writer, "order", order, 32);
    tlog_entry_hex(&writer, "approval", answer, 32);
    tlog_entry_time(&writer, "at", opened_us);
    append_written(made.work);
}
static void open_with_one_approval(void)
{
    open_with(1, SITE_NOW - 40 * MINUTE_US, false);
}
static void open_late(void)
{
    open_with(2, SITE_NOW - 10 * MINUTE_US, false);
}
static void answer_before_order(void)
{
    open_with(2, SITE_NOW - 40 * MINUTE_US, true);
}
static void case_in_the_dark(void)
{
    mkdir(work("cases"), 0700);
    mkdir(work("cases/ffff000000000003"), 0700);
    write_file(work("cases/ffff000000000003/state"), "2026-12-30T00:00:00Z open\n", 26);
}

static void erase(int64_t last_epoch_us)
{
    entry_begin("erasure", "erasure-ffff-retention");
    tlog_entry_time(&writer, "at", SITE_NOW - HOUR_US);
    tlog_entry_time(&writer, "hour", SITE_NOW - HOUR_US);
    tlog_entry_text(&writer, "reason", "retention");
    tlog_entry_number(&writer, "recordings", 4);
    tlog_entry_number(&writer, "share-files", 1);
    tlog_entry_time(&writer, "first-epoch", last_epoch_us);
    tlog_entry_time(&writer, "last-epoch", last_epoch_us);
    append_written(made.work);
}
static void erase_early(void)
{
    unlink(work(young(8)->path));
    erase(young(8)->info.epoch_us);
}
static void lose_held(void)
{
    unlink(work(all[0].path));
}
static void enter_back_dated(void)
{
    entry_begin("masking", "masking-ffff000000000001");
    tlog_entry_time(&writer, "at", SITE_T0);
    tlog_entry_text(&writer, "camera", "gate-1");
    tlog_entry_text(&writer, "change", "declared-empty");
    append_written(made.work);
}
static void enter_garbage(void)
{
    static const char text[] = "lethe-log/v1 opening\nid x\nsomebody opened something\n";
    append_entry(made.work, text, strlen(text));
}
static void list_twice(void)
{
    static const uint8_t root[32] = {1};
    entry_begin("manifest", "manifest-ffff000000000001");
    tlog_entry_time(&writer, "at", SITE_NOW - HOUR_US);
    tlog_entry_time(&writer, "hour", SITE_T0 + 5 * DAY_US);
    tlog_entry_number(&writer, "recordings", 0);
    tlog_entry_hex(&writer, "root", root, 32);
    append_written(made.work);
}

static const struct {
    const char *name, *code;
    void (*plant)(void);
    bool footage, since;
} frauds[] = {
    {"a recording was deleted", "recording-missing", delete_recording},
    {"a recording was kept", "recording-kept", keep_recording},
    {"shares were kept", "shares-kept", keep_shares},
    {"a list was edited", "manifest-edited", edit_list},
    {"a list was emptied", "manifest-edited", shorten_list},
    {"a list was deleted", "manifest-missing", delete_list},
    {"a list was made up", "manifest-not-logged", invent_list},
    {"a list was logged twice", "manifest-twice", list_twice},
    {"a recording was made later", "recording-back-dated", back_date},
    {"a recording is in no list", "recording-unlisted", record_unlisted},
    {"a camera is not in the register", "camera-unregistered", record_unregistered},
    {"a camera recorded before it was registered", "camera-unregistered", record_before_register},
    {"a recording was altered", "recording-altered", alter_recording},
    {"pictures were altered", "recording-damaged", alter_pictures, .footage = true},
    {"a recording was cut", "recording-altered", cut_recording},
    {"a recording was moved to another camera", "recording-moved", move_recording},
    {"originals are stored unsealed", "recording-unsealed", store_unsealed},
    {"retention was shortened", "retention-shortened", shorten_retention},
    {"retention was lengthened", "retention-lengthened", lengthen_retention},
    {"keys are split for others", "custodians-unlogged", other_custodians},
    {"shares are gone too early", "shares-missing", lose_shares},
    {"a key of another time was used", "key-foreign", foreign_key},
    {"shares are named to live long", "shares-class", shares_of_no_class},
    {"shares were put aside", "shares-foreign", shares_elsewhere},
    {"the register was changed", "register-changed", change_register},
    {"retention was changed in the register", "camera-changed", change_retention},
    {"an entry was withheld", "entry-withheld", withhold_entry},
    {"a camera was hidden", "camera-hidden", hide_camera},
    {"a tile was altered", "log-damaged", damage_tile},
    {"an entry was altered", "log-damaged", damage_entry},
    {"the log was forked", "log-forked", fork_log, .since = true},
    {"the log was rolled back", "log-rolled-back", roll_back},
    {"the log was rolled back, keys too", "log-rolled-back", roll_back_keys_too, .since = true},
    {"opened without an order", "opening-unordered", open_without_order},
    {"opened with one approval", "opening-unapproved", open_with_one_approval},
    {"opened after the order's end", "opening-late", open_late},
    {"answered before the order", "answer-unordered", answer_before_order},
    {"a case that the log does not know", "case-damaged", case_in_the_dark},
    {"destroyed too early", "erased-early", erase_early},
    {"held footage is gone", "held-missing", lose_held},
    {"an entry was back-dated", "entry-back-dated", enter_back_dated},
    {"an entry is none", "entry-malformed", enter_garbage},
};

static void test_audit__names_each_fraud(void **state)
{
    int missed = 0;
    for (size_t i = 0; i < sizeof(frauds) / sizeof(*frauds); i++) {
        copy_site();
        frauds[i].plant();
        look(made.work, frauds[i].footage, frauds[i].since ? &kept : NULL);
        if (named(frauds[i].code))
            continue;
        print_error("%s: not named %s, but\n%.2000s\n", frauds[i].name, frauds[i].code, found.all);
        missed++;
    }
    assert_int_equal(missed, 0);
    buf_release(&kept);
}

static void register_text(struct buf *out)
{
    for (size_t i = 0; i < 2; i++) {
        struct index_camera c = register_of(i);
        if (i)
            assert_int_equal(buf_append(out, "\n", 1), 0);
        assert_int_equal(index_register_text(&c, out), 0);
    }
}

static void report(const char *root, int year, uint64_t size, const struct buf *reg,
                   struct buf *out)
{
    struct tlog_checkpoint head;
    struct buf note;
    struct err e = {0};
    char dir[128];
    buf_init(&note, TLOG_CHECKPOINT_BYTES);
    snprintf(dir, sizeof(dir), "%s/log", root);
    assert_int_equal(durable_read(at_path(root, "log/checkpoint"), &note, NULL), 0);
    assert_int_equal(tlog_checkpoint_open(note.data, note.len, &made.key, 1, &head, NULL, NULL), 0);
    const struct report_options o = {.year = year,
                                     .log = tlog_files_dir(dir),
                                     .head = &head,
                                     .size = size,
                                     .register_text = (const char *)reg->data,
                                     .register_len = reg->len};
    out->len = 0;
    if (report_write(&o, out, &e) < 0)
        fail_msg("%s", e.text);
    assert_non_null(buf_cstr(out));
    buf_release(&note);
}

static void contains(const struct buf *b, const char *text)
{
    if (!strstr((const char *)b->data, text))
        fail_msg("no \"%s\" in\n%s", text, (const char *)b->data);
}

/* A copy that has grown since gives the same bytes when it is told how many entries counted. */
static void test_report__is_a_pure_function_of_log_and_register(void **state)
{
    struct buf reg, a, b;
    buf_init(&reg, 0), buf_init(&a, 0), buf_init(&b, 0);
    register_text(&reg);
    report(made.base, 2026, 0, &reg, &a);
    contains(&a, "# 2026: town-hall.example/log");
    contains(&a, "At the end of the year: 2. Added 2, removed 0, changed 0 times.");
    contains(&a, "| gate-1 | traffic |  |  | as logged |");
    contains(&a, "| robbery | 1 | 1.0 |");
    contains(&a, "| " SITE_CASE " | 2026-12-14 | robbery | eu.led-8 | 1 | 1.0 | 2 | 1.0 | opened");
    contains(&a, "| 0000000000000001 | gate-1 | 2026-11-24 | court-order | added |");
    contains(&a, "From 2026-11-24: 2 of 3 custodians.");
    copy_site();
    struct tlog_log *l = site_log(made.work);
    uint64_t size = tlog_log_head(l)->size;
    tlog_log_close(l);
    open_without_order();
    report(made.work, 2026, size, &reg, &b);
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.data, b.data, a.len);
    reg.data[reg.len - 3] ^= 1;
    report(made.base, 2026, 0, &reg, &b);
    contains(&b, "| yard | ");
    contains(&b, "NOT as logged");
    report(made.base, 2027, 0, &reg, &b);
    contains(&b, "| hours of which a list was logged | 57 |");
    contains(&b, "| none | 0 | 0.0 |");
    buf_release(&reg), buf_release(&a), buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_audit__a_healthy_site_of_forty_days),
        cmocka_unit_test(test_audit__names_each_fraud),
        cmocka_unit_test(test_report__is_a_pure_function_of_log_and_register),
    };
    return cmocka_run_group_tests(tests, make_site, remove_site);
}
