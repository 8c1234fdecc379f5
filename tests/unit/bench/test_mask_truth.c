/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "bench/mask_truth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int parse(const char *text, struct truth *t, struct err *e)
{
    *e = (struct err){0};
    return truth_parse(text, strlen(text), t, e);
}

static void test_truth__labels(void **state)
{
    struct truth t;
    struct err e;
    size_t n;
    assert_int_equal(
        parse("{\"note\": \"x\",\n \"clips\": {\"b.mp4\": {\"20\": {\"faces\": [[1,2,3,4.5]]}},"
              "\"a.mp4\": {\"20\": {\"persons\": [[1,1,9,9],[0,0,1,1]], \"vehicles\": []}}}}",
              &t, &e),
        0);
    assert_int_equal(t.count, 3);
    const struct truth_box *b = truth_find(&t, "/some/where/a.mp4", 20, &n);
    assert_int_equal(n, 2);
    assert_int_equal(b->class, DETECT_PERSON);
    assert_int_equal(b->id, -1);
    b = truth_find(&t, "b.mp4", 20, &n);
    assert_int_equal(n, 1);
    assert_float_equal(b->box[3], 4.5f, 1e-6);
    assert_null(truth_find(&t, "b.mp4", 21, &n));
    assert_null(truth_find(&t, "c.mp4", 20, &n));
    truth_release(&t);
}

static void test_truth__lines(void **state)
{
    struct truth t;
    struct err e;
    size_t n;
    assert_int_equal(
        parse("{\"frame\":3,\"objects\":[{\"id\":7,\"class\":\"person\",\"box\":[1,2,3,4],"
              "\"state\":\"sitting\"}]}\n\n{\"frame\":0,\"objects\":[]}\r\n",
              &t, &e),
        0);
    const struct truth_box *b = truth_find(&t, "any.mp4", 3, &n);
    assert_int_equal(n, 1);
    assert_int_equal(b->id, 7);
    assert_true(b->still);
    truth_release(&t);
    assert_int_equal(parse("", &t, &e), 0);
    assert_int_equal(t.count, 0);
}

static void test_truth__refuses(void **state)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"[]", "line 1"},
        {"{\"frame\":1}", "objects"},
        {"{\"frame\":-1,\"objects\":[]}", "from 0"},
        {"{\"frame\":99999999999,\"objects\":[]}", "from 0"},
        {"{\"frame\":1,\"objects\":[{\"class\":\"person\",\"box\":[1,2,3]}]}", "four numbers"},
        {"{\"frame\":1,\"objects\":[{\"class\":\"person\",\"box\":[1,2,3,\"4\"]}]}", "corner"},
        {"{\"frame\":1,\"objects\":[{\"class\":\"person\",\"box\":[1,2,1,4]}]}", "ends before"},
        {"{\"frame\":1,\"objects\":[{\"class\":\"name\",\"box\":[1,2,3,4]}]}", "class is"},
        {"{\"frame\":1,\"objects\":[{\"id\":-2,\"class\":\"face\",\"box\":[1,2,3,4]}]}", "id"},
        {"{\"frame\":1,\"objects\":[7]}", "class and a box"},
        {"{\"frame\":0,\"objects\":[]}\n{\"frame\"", "line 2"},
        {"{\"clips\":{\"a\":{\"x\":{}}}}", "frames are numbers"},
        {"{\"clips\":{\"a\":7}}", "object of frames"},
        {"{\"clips\":{\"a\":{\"1\":{\"faces\":7}}}}", "lists"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct truth t;
        struct err e;
        assert_true(parse(rows[i].text, &t, &e) < 0);
        if (!strstr(e.text, rows[i].says))
            fail_msg("%s: %s", rows[i].text, e.text);
        assert_int_equal(t.count, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truth__labels),
        cmocka_unit_test(test_truth__lines),
        cmocka_unit_test(test_truth__refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
