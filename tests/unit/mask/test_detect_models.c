/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The real models on labelled frames of real clips. Both lie outside the project: $LETHE_MODELS, $LETHE_MEDIA. */
#include "mask/models.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "mask/detect_engine.h"
#include "mask/clip_frames.h"

static const char *folder(const char *variable)
{
    const char *dir = getenv(variable);
    return dir && *dir ? dir : NULL;
}

/* The folder of the models, or the test is skipped. */
#define NEED_MODELS(dir)                                                                           \
    const char *dir = folder("LETHE_MODELS");                                                      \
    if (!dir) {                                                                                    \
        print_message("SKIP: LETHE_MODELS names no folder\n");                                     \
        skip();                                                                                    \
    }

static char temporary[64];

static void make_temporary(void)
{
    strcpy(temporary, "/tmp/lethe-models-XXXXXX");
    assert_non_null(mkdtemp(temporary));
}

static void copy_model(const char *dir, const char *file, long change_at)
{
    char from[4096], to[4096];
    snprintf(from, sizeof(from), "%s/%s", dir, file);
    snprintf(to, sizeof(to), "%s/%s", temporary, file);
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    assert_true(in && out);
    int c;
    for (long at = 0; (c = getc(in)) != EOF; at++)
        putc(at == change_at ? c ^ 1 : c, out);
    fclose(in);
    fclose(out);
}

static void remove_temporary(void)
{
    int count;
    const struct model_info *list = models_list(&count);
    for (int i = 0; i < count; i++) {
        char path[4096];
        snprintf(path, sizeof(path), "%s/%s", temporary, list[i].file);
        unlink(path);
    }
    assert_int_equal(rmdir(temporary), 0);
}

static void test_models__list_is_sound(void **state)
{
    int count;
    const struct model_info *list = models_list(&count);
    for (int i = 0; i < count; i++) {
        assert_int_equal(strlen(list[i].sha256), 64);
        assert_int_equal(strspn(list[i].sha256, "0123456789abcdef"), 64);
        assert_memory_equal(list[i].url, "https://", 8);
        const char *name = strrchr(list[i].url, '/') + 1;
        assert_string_equal(name, list[i].file);
        assert_ptr_equal(models_find(list[i].file), &list[i]);
    }
    assert_null(models_find("../etc/passwd"));
}

static void test_models__search_path(void **state)
{
    struct models_paths p;
    models_search_path("/nowhere/lethe/data", NULL, &p);
    assert_string_equal(p.dirs[0], "/nowhere/lethe/data/models");
    assert_string_equal(p.dirs[1], "/nowhere/lethe/models");
    assert_non_null(strstr(p.dirs[2], "/lethe/models"));
    assert_null(p.dirs[3]);
    models_search_path("/nowhere", "here", &p);
    assert_string_equal(p.dirs[0], "here");
    assert_null(p.dirs[1]);
}

static void test_pool__none_there(void **state)
{
    const char *const dirs[] = {"/nowhere/at/all", "/dev/null", NULL};
    struct detector_pool *p = NULL;
    struct err e = {0};
    assert_int_equal(detector_pool_new(dirs, 0.5, &p, &e), E_NOTFOUND);
    assert_non_null(strstr(e.text, "lethe models"));
    assert_null(p);
}

/* A changed byte, and a folder and a pipe where a file should be. */
static void test_pool__strangers_are_refused(void **state)
{
    NEED_MODELS(dir);
    char path[4096];
    make_temporary();
    copy_model(dir, "yolox_nano.onnx", 2000000);
    const char *const dirs[] = {temporary, NULL}, *const both[] = {temporary, dir, NULL};
    struct detector_pool *p = NULL;
    struct err e = {0};
    assert_int_equal(detector_pool_new(dirs, 0.5, &p, &e), E_NOTFOUND);
    assert_non_null(strstr(e.text, "SHA-256"));
    assert_int_equal(models_look(models_find("yolox_nano.onnx"), dirs, path), MODEL_STRANGER);
    assert_memory_equal(path, temporary, strlen(temporary));
    assert_int_equal(models_look(models_find("yolox_nano.onnx"), both, path), MODEL_PRESENT);
    assert_memory_equal(path, dir, strlen(dir));
    snprintf(path, sizeof(path), "%s/yunet_n_640_640.onnx", temporary);
    assert_int_equal(mkfifo(path, 0600), 0); /* opening it must not block */
    assert_int_equal(models_look(models_find("yunet_n_640_640.onnx"), dirs, path), MODEL_STRANGER);
    remove_temporary();
}

/* Faces alone do not make a person detector. */
static void test_pool__says_what_it_tells(void **state)
{
    NEED_MODELS(dir);
    make_temporary();
    copy_model(dir, "face_detection_yunet_2023mar.onnx", -1);
    const char *const dirs[] = {temporary, NULL};
    struct detector_pool *p = NULL;
    assert_int_equal(detector_pool_new(dirs, 0.5, &p, NULL), 0);
    assert_true(detector_pool_has(p, DETECT_FACE));
    assert_false(detector_pool_has(p, DETECT_PERSON));
    detector_pool_free(p);
    copy_model(dir, "object_detection_nanodet_2022nov.onnx", -1);
    assert_int_equal(detector_pool_new(dirs, 0.5, &p, NULL), 0);
    assert_true(detector_pool_has(p, DETECT_PERSON) && detector_pool_has(p, DETECT_VEHICLE));
    assert_true(detector_pool_cost_us(p, 640, 360) > 1000);
    detector_pool_free(p);
    remove_temporary();
}

static void forbid_files(void)
{
    static const int calls[] = {SCMP_SYS(open),   SCMP_SYS(openat), SCMP_SYS(creat),
                                SCMP_SYS(socket), SCMP_SYS(clone),  SCMP_SYS(clone3),
                                SCMP_SYS(execve), SCMP_SYS(connect)};
    scmp_filter_ctx c = seccomp_init(SCMP_ACT_ALLOW);
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        seccomp_rule_add(c, SCMP_ACT_KILL_PROCESS, calls[i], 0);
    if (seccomp_load(c) < 0)
        _exit(3);
    seccomp_release(c);
}

/* Every size of input, without another file or thread: exit code 0 if all looks went well. */
static void look_in_a_box(struct detector_pool *p)
{
    static const int widths[] = {640, 1280, 1920};
    struct detect_box b[DETECT_BOXES];
    forbid_files();
    for (int i = 0; i < 3; i++) {
        int w = widths[i], h = w * 9 / 16;
        uint8_t *grey = malloc((size_t)w * (size_t)h);
        memset(grey, 90, (size_t)w * (size_t)h);
        const struct detect_picture pic = {w, h, {grey, grey, grey}, {w, w / 2, w / 2}};
        for (int part = 0; part < 2; part++)
            for (int urgent = 0; urgent < 2; urgent++) {
                float to = part ? 0.2f : 1;
                int64_t now = (int64_t)((i * 2 + part) * 2 + urgent) * 100000000;
                if (detector_pool_look(p, 1, &pic, 0, 0, to, to, urgent, now, b) < 0)
                    _exit(2);
            }
        free(grey);
    }
    _exit(0);
}

static void test_pool__needs_no_file_once_it_is_made(void **state)
{
    NEED_MODELS(dir);
    make_temporary();
    copy_model(dir, "yunet_n_640_640.onnx", -1);
    copy_model(dir, "yolox_nano.onnx", -1);
    const char *const dirs[] = {temporary, NULL};
    struct detector_pool *p = NULL;
    assert_int_equal(detector_pool_new(dirs, 1, &p, NULL), 0);
    remove_temporary();
    pid_t child = fork();
    if (child == 0)
        look_in_a_box(p);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    detector_pool_free(p);
}

struct tally {
    int there[4], found[4], false_hits[4];
};

static void compare(const json_t *boxes, enum detect_class class, const struct detect_box *b, int n,
                    const struct detect_picture *pic, bool count_false, struct tally *t)
{
    size_t i;
    json_t *box;
    bool hit[DETECT_BOXES] = {false};
    json_array_foreach(boxes, i, box)
    {
        double c[4];
        for (size_t k = 0; k < 4; k++)
            c[k] = json_number_value(json_array_get(box, k));
        struct detect_box truth = {class,
                                   1,
                                   (float)(c[0] / pic->width),
                                   (float)(c[1] / pic->height),
                                   (float)(c[2] / pic->width),
                                   (float)(c[3] / pic->height)};
        bool found = false;
        for (int k = 0; k < n; k++)
            if (b[k].class == class && detect_overlap(&truth, &b[k]) >= 0.3f)
                found = hit[k] = true;
        t->there[class]++;
        t->found[class] += found;
    }
    for (int k = 0; k < n && count_false; k++)
        t->false_hits[class] += b[k].class == class && !hit[k] && b[k].score >= 0.5f;
}

static void look_at_clip(struct detector_pool *p, const char *media, const char *name,
                         const json_t *labels, bool urgent, struct tally *t)
{
    struct clip_frames clip;
    struct detect_picture pic;
    struct detect_box b[DETECT_BOXES];
    assert_true(clip_frames_open(&clip, media, name));
    while (clip_frames_next(&clip, &pic)) {
        char key[16];
        snprintf(key, sizeof(key), "%d", clip.next - 1);
        const json_t *l = json_object_get(labels, key);
        if (!l)
            continue;
        static int64_t now;
        now += 100 * INT64_C(1000000);
        int n = detector_pool_look(p, 1, &pic, 0, 0, 1, 1, urgent, now, b);
        assert_true(n >= 0);
        compare(json_object_get(l, "faces"), DETECT_FACE, b, n, &pic, json_object_get(l, "faces"),
                t);
        compare(json_object_get(l, "persons"), DETECT_PERSON, b, n, &pic,
                json_object_get(l, "persons"), t);
        compare(json_object_get(l, "vehicles"), DETECT_VEHICLE, b, n, &pic, false, t);
    }
    clip_frames_close(&clip);
}

/* All labelled frames, at both speeds; the mosaic is a wall of pictures, not a camera. */
static void look_at_all(const char *models, const char *media, bool urgent, struct tally *t)
{
    char path[4096];
    const char *const dirs[] = {models, NULL};
    struct detector_pool *p = NULL;
    struct err e = {0};
    if (detector_pool_new(dirs, 1, &p, &e) < 0)
        fail_msg("%s", e.text);
    snprintf(path, sizeof(path), "%s/labels.json", media);
    json_t *labels = json_load_file(path, 0, NULL), *clip;
    const char *name;
    assert_non_null(labels);
    json_object_foreach(json_object_get(labels, "clips"), name, clip)
    {
        if (strncmp(name, "mosaic", 6) != 0)
            look_at_clip(p, media, name, clip, urgent, t);
    }
    print_message("%s: faces %d of %d, %d false; persons %d of %d, %d false; vehicles %d of %d\n",
                  urgent ? "urgent" : "slow", t->found[DETECT_FACE], t->there[DETECT_FACE],
                  t->false_hits[DETECT_FACE], t->found[DETECT_PERSON], t->there[DETECT_PERSON],
                  t->false_hits[DETECT_PERSON], t->found[DETECT_VEHICLE], t->there[DETECT_VEHICLE]);
    json_decref(labels);
    detector_pool_free(p);
}

static void test_pool__finds_what_is_labelled(void **state)
{
    NEED_MODELS(models);
    const char *media = folder("LETHE_MEDIA");
    if (!media) {
        print_message("SKIP: LETHE_MEDIA names no folder\n");
        skip();
    }
    for (int urgent = 0; urgent < 2; urgent++) {
        struct tally t = {0};
        look_at_all(models, media, urgent, &t);
        assert_true(t.there[DETECT_FACE] > 15 && t.there[DETECT_PERSON] > 5);
        assert_true(t.found[DETECT_FACE] >= t.there[DETECT_FACE] * 9 / 10);
        assert_true(t.found[DETECT_PERSON] >= t.there[DETECT_PERSON] * 8 / 10);
        assert_true(t.false_hits[DETECT_FACE] <= 3 && t.false_hits[DETECT_PERSON] <= 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_models__list_is_sound),
        cmocka_unit_test(test_models__search_path),
        cmocka_unit_test(test_pool__none_there),
        cmocka_unit_test(test_pool__strangers_are_refused),
        cmocka_unit_test(test_pool__says_what_it_tells),
        cmocka_unit_test(test_pool__needs_no_file_once_it_is_made),
        cmocka_unit_test(test_pool__finds_what_is_labelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
