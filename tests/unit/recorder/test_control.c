/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* control.sock: what each request answers, that no answer holds a password, and that nobody can hold the recorder up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "index/index.h"
#include "recorder/control.h"
#include "recorder/control_request.h"

static char dir[64];
static struct control *control;
static struct clock_fake wall;

static int setup(void **state)
{
    char path[128];
    struct index *ix;
    snprintf(dir, sizeof(dir), "/tmp/lethe-control-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof(path), "%s/run", dir);
    mkdir(path, 0700);
    snprintf(path, sizeof(path), "%s/volume-id", dir);
    fclose(fopen(path, "w"));
    assert_int_equal(index_sqlite.open(dir, false, &ix, NULL), 0);
    ix->ops->close(ix);
    clock_fake_init(&wall, INT64_C(1800000000) * SECOND_US);
    struct control_config cfg = {.data_dir = dir, .transport = 1, .clock = &wall.clock};
    return control_open(&cfg, &control, NULL);
}

static int teardown(void **state)
{
    char cmd[128];
    control_close(control);
    control = NULL;
    snprintf(cmd, sizeof(cmd), "rm -rf '%s'", dir);
    return system(cmd);
}

static json_t *ask(const char *request)
{
    char *answer = control_answer(control, request, strlen(request));
    assert_non_null(answer);
    assert_null(strstr(answer, "geheim"));
    assert_int_equal(answer[strlen(answer) - 1], '\n');
    json_t *o = json_loads(answer, 0, NULL);
    assert_non_null(o);
    free(answer);
    return o;
}

/* Text at a path like "camera.user"; numbers and flags as text. */
static const char *at(json_t *o, const char *path)
{
    static char out[64];
    char key[64];
    while (*path) {
        size_t n = strcspn(path, ".");
        snprintf(key, sizeof(key), "%.*s", (int)n, path);
        o = json_is_array(o) ? json_array_get(o, (size_t)strtoul(key, NULL, 10))
                             : json_object_get(o, key);
        path += n + (path[n] == '.');
    }
    if (json_is_string(o))
        return json_string_value(o);
    if (json_is_array(o))
        snprintf(out, sizeof(out), "[%zu]", json_array_size(o));
    else if (json_is_number(o))
        snprintf(out, sizeof(out), "%g", json_number_value(o));
    else
        snprintf(out, sizeof(out), "%s",
                 json_is_true(o)    ? "true"
                 : json_is_false(o) ? "false"
                 : o                ? "null"
                                    : "-");
    return out;
}

static void expect(json_t *o, const char *path, const char *value)
{
    const char *got = at(o, path);
    if (strncmp(got, value, strlen(value)) || (!*value && *got)) {
        char *all = json_dumps(o, 0);
        fail_msg("%s is '%s', wanted '%s' in %s", path, got, value, all);
    }
}

#define GATE "\"id\":\"gate\",\"main\":\"rtsp://view:geheim@10.0.0.7/1\""

/* In order, each on what the ones before left. */
static const struct {
    const char *request, *path, *value;
} talk[] = {
    {"{\"op\":\"camera.list\"}", "cameras", "[0]"},
    {"{\"op\":\"camera.put\",\"camera\":{" GATE ",\"name\":\"Gate\"}}", "ok", "true"},
    {"{\"op\":\"camera.list\"}", "cameras", "[1]"},
    {"{\"op\":\"camera.list\"}", "cameras.0.main", "rtsp://10.0.0.7/1"},
    {"{\"op\":\"camera.get\",\"id\":\"gate\"}", "camera.user", "view"},
    {"{\"op\":\"camera.get\",\"id\":\"gate\"}", "camera.password_set", "true"},
    {"{\"op\":\"camera.get\",\"id\":\"gate\"}", "camera.transport", "tcp"}, /* the node's default */
    {"{\"op\":\"camera.get\",\"id\":\"nobody\"}", "code", "E_NOTFOUND"},
    {"{\"op\":\"camera.put\",\"camera\":{" GATE "}}", "code", "E_EXISTS"},
    {"{\"op\":\"camera.put\",\"camera\":{" GATE "}}", "part", "id"},
    {"{\"op\":\"mask.set\",\"id\":\"gate\",\"zones\":[[[0,0],[1,0],[1,1]]]}", "camera.zones",
     "[1]"},
    {"{\"op\":\"mask.set\",\"id\":\"gate\",\"zones\":[[[0,0],[1,0]]]}", "part", "zones"},
    {"{\"op\":\"mask.declare_empty\",\"id\":\"gate\",\"empty\":true}", "camera.declared_empty",
     "2027-01-15T08:00:00"},
    /* a form that comes back without the password changes a name only */
    {"{\"op\":\"camera.put\",\"replace\":true,\"camera\":{\"id\":\"gate\",\"main\":\"rtsp://"
     "10.0.0.7/"
     "1\",\"user\":\"view\",\"name\":\"Gate, west\"}}",
     "camera.name", "Gate, west"},
    {"{\"op\":\"camera.get\",\"id\":\"gate\"}", "camera.password_set", "true"},
    {"{\"op\":\"camera.get\",\"id\":\"gate\"}", "camera.zones", "[1]"},
    {"{\"op\":\"camera.get\",\"id\":\"gate\"}", "camera.declared_empty", "2027-01-15T08:00:00"},
    /* another address: nobody declared that empty, and nobody else gets the password */
    {"{\"op\":\"camera.put\",\"replace\":true,\"camera\":{\"id\":\"gate\",\"main\":\"rtsp://"
     "10.0.0.8/1\"}}",
     "camera.user", ""},
    {"{\"op\":\"camera.get\",\"id\":\"gate\"}", "camera.declared_empty", "null"},
    {"{\"op\":\"camera.get\",\"id\":\"gate\"}", "camera.zones", "[1]"},
    {"{\"op\":\"mask.declare_empty\",\"id\":\"gate\",\"empty\":true}", "ok", "true"},
    {"{\"op\":\"mask.declare_empty\",\"id\":\"gate\",\"empty\":false}", "camera.declared_empty",
     "null"},
    {"{\"op\":\"camera.put\",\"replace\":true,\"camera\":{\"id\":\"gate\",\"review\":\"soon\"}}",
     "part", "review"},
    {"{\"op\":\"camera.put\",\"dry_run\":true,\"camera\":{\"id\":\"b\",\"main\":\"rtsp://h/\"}}",
     "ok", "true"},
    {"{\"op\":\"camera.list\"}", "cameras", "[1]"},
    {"{\"op\":\"camera.import\",\"cameras\":[{\"id\":\"b\",\"main\":\"rtsp://u:geheim@h/"
     "1\"},{\"id\":\"c\",\"main\":\"http://"
     "h\"},{\"id\":\"b\",\"main\":\"rtsp://h/"
     "2\"},{" GATE "},7]}",
     "problems", "[4]"},
    {"{\"op\":\"camera.list\"}", "cameras", "[1]"},
    {"{\"op\":\"camera.import\",\"cameras\":[{\"id\":\"e\",\"main\":\"rtsp://h/"
     "1\"},{\"id\":\"e\",\"main\":\"rtsp://h/2\"}]}",
     "problems.0.error", "'e' stands in row 1 already"},
    {"{\"op\":\"camera.put\",\"replace\":true,\"camera\":{\"id\":\"e\",\"main\":\"rtsp://h/1\"}}",
     "code", "E_NOTFOUND"},
    {"{\"op\":\"camera.import\",\"replace\":true,\"cameras\":[{\"id\":\"b\",\"main\":\"rtsp://h/"
     "1\"},{" GATE "}]}",
     "imported", "2"},
    {"{\"op\":\"camera.get\",\"id\":\"gate\"}", "camera.zones", "[1]"},
    {"{\"op\":\"camera.import\",\"dry_run\":true,\"cameras\":[{\"id\":\"d\",\"main\":\"rtsp://h/"
     "1\"}]}",
     "imported", "0"},
    {"{\"op\":\"camera.import\",\"cameras\":[]}", "imported", "0"},
    {"{\"op\":\"camera.remove\",\"id\":\"b\"}", "ok", "true"},
    {"{\"op\":\"camera.remove\",\"id\":\"b\"}", "code", "E_NOTFOUND"},
    {"{\"op\":\"camera.list\"}", "cameras", "[1]"},
    {"{\"op\":\"probe\",\"url\":\"http://h/\"}", "part", "url"},
    {"{\"op\":\"probe\",\"id\":\"nobody\"}", "code", "E_NOTFOUND"},
    {"{\"op\":\"probe\",\"url\":\"rtsp://127.0.0.1:1/\",\"seconds\":1}", "probe.ok", "false"},
    {"{\"op\":\"probe\",\"url\":\"rtsp://u:geheim@127.0.0.1:1/\",\"seconds\":1}",
     "probe.findings.0.weight", "bad"},
};

static void test_control__answers(void **state)
{
    for (size_t i = 0; i < sizeof(talk) / sizeof(talk[0]); i++) {
        json_t *o = ask(talk[i].request);
        print_message("%s\n", talk[i].request);
        expect(o, talk[i].path, talk[i].value);
        json_decref(o);
    }
}

/* The clock of this test stands at 2027-01-15T08:00:00Z. */
#define HOLD(camera, from, to, until, reason)                                                      \
    "{\"op\":\"hold.add\",\"id\":\"h-1\",\"camera\":\"" camera "\",\"from\":\"" from               \
    "\",\"to\":\"" to "\",\"until\":\"" until "\",\"reason\":\"" reason "\"}"
static const struct {
    const char *request, *path, *value;
} holds[] = {
    {"{\"op\":\"hold.list\"}", "holds", "[0]"},
    {HOLD("gate", "2027-01-15T06:00:00Z", "2027-01-15T07:00:00Z", "2027-03-01T00:00:00Z",
          "court-order"),
     "hold.id", "h-1"},
    {HOLD("gate", "2027-01-15T06:00:00Z", "2027-01-15T07:00:00Z", "2027-03-01T00:00:00Z",
          "court-order"),
     "code", "E_EXISTS"},
    {"{\"op\":\"hold.list\"}", "holds.0.until", "2027-03-01T00:00:00Z"},
    {HOLD("Gate!", "2027-01-15T06:00:00Z", "2027-01-15T07:00:00Z", "2027-03-01T00:00:00Z", "x"),
     "part", "camera"},
    {HOLD("gate", "yesterday", "2027-01-15T07:00:00Z", "2027-03-01T00:00:00Z", "x"), "part",
     "from"},
    {HOLD("gate", "2027-01-15T07:00:00Z", "2027-01-15T06:00:00Z", "2027-03-01T00:00:00Z", "x"),
     "part", "to"},
    {HOLD("gate", "2028-01-15T06:00:00Z", "2028-01-15T07:00:00Z", "2028-03-01T00:00:00Z", "x"),
     "part", "to"},
    {HOLD("gate", "2027-01-15T06:00:00Z", "2027-01-15T07:00:00Z", "2027-01-01T00:00:00Z", "x"),
     "part", "until"},
    {HOLD("gate", "2027-01-15T06:00:00Z", "2027-01-15T07:00:00Z", "2047-01-01T00:00:00Z", "x"),
     "part", "until"},
    {HOLD("gate", "2027-01-15T06:00:00Z", "2027-01-15T07:00:00Z", "2027-03-01T00:00:00Z",
          "J. Smith"),
     "part", "reason"},
    {"{\"op\":\"hold.add\",\"camera\":{}}", "code", "E_SYNTAX"},
    {"{\"op\":\"hold.remove\",\"id\":\"h-2\"}", "code", "E_NOTFOUND"},
    {"{\"op\":\"hold.remove\",\"id\":\"h-1\"}", "ok", "true"},
    {"{\"op\":\"hold.list\"}", "holds", "[0]"},
};

static void test_control__holds(void **state)
{
    for (size_t i = 0; i < sizeof(holds) / sizeof(holds[0]); i++) {
        json_t *o = ask(holds[i].request);
        print_message("%s\n", holds[i].request);
        expect(o, holds[i].path, holds[i].value);
        json_decref(o);
    }
}

static const char *const nonsense[] = {
    "",
    "{",
    "[]",
    "7",
    "{\"op\":7}",
    "{\"op\":\"shell\"}",
    "{\"op\":\"camera.list\",\"id\":\"a\"}",
    "{\"op\":\"camera.get\"}",
    "{\"op\":\"camera.get\",\"id\":7}",
    "{\"op\":\"camera.get\",\"id\":\"a\\u0000b\"}",
    "{\"op\":\"camera.get\",\"id\":\"a\",\"id\":\"b\"}",
    "{\"op\":\"camera.put\"}",
    "{\"op\":\"camera.put\",\"camera\":[]}",
    "{\"op\":\"camera.put\",\"camera\":{}}",
    "{\"op\":\"camera.put\",\"camera\":{\"id\":"
    "\"\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\","
    "\"main\":\"rtsp://h/\"}}",
    "{\"op\":\"camera.put\",\"camera\":{" GATE "},\"replace\":1}",
    "{\"op\":\"mask.declare_empty\",\"id\":\"a\"}",
    "{\"op\":\"probe\"}",
    "{\"op\":\"probe\",\"id\":\"a\",\"url\":\"rtsp://h/\"}",
    "{\"op\":\"probe\",\"id\":\"a\",\"password\":\"x\"}",
    "{\"op\":\"probe\",\"url\":\"rtsp://h/\",\"seconds\":31}",
    "{\"op\":\"probe\",\"url\":\"rtsp://h/\",\"seconds\":1.5}",
    "{\"op\":\"probe\",\"url\":\"rtsp://h/\",\"transport\":\"pigeon\"}",
    "\xff\xfe",
};

static void test_control__refuses_nonsense_in_words(void **state)
{
    for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
        json_t *o = ask(nonsense[i]);
        expect(o, "ok", "false");
        expect(o, "code", "E_");
        if (strlen(at(o, "error")) < 8)
            fail_msg("%s: '%s'", nonsense[i], at(o, "error"));
        json_decref(o);
    }
}

struct events {
    int n;
    struct index_event e[4];
};

static int collect(void *user, const struct index_event *e)
{
    struct events *all = user;
    if (all->n < 4)
        all->e[all->n++] = *e;
    return 0;
}

static void test_control__declaring_empty_is_an_event(void **state)
{
    struct events all = {0};
    struct index *ix;
    json_decref(ask("{\"op\":\"camera.put\",\"camera\":{" GATE "}}"));
    json_decref(ask("{\"op\":\"mask.declare_empty\",\"id\":\"gate\",\"empty\":true}"));
    json_decref(ask("{\"op\":\"mask.declare_empty\",\"id\":\"nobody\",\"empty\":true}"));
    assert_int_equal(index_sqlite.open(dir, true, &ix, NULL), 0);
    assert_int_equal(ix->ops->events(ix, 0, INT64_MAX, 4, collect, &all, NULL), 0);
    ix->ops->close(ix);
    assert_int_equal(all.n, 1);
    assert_string_equal(all.e[0].kind, "declared-empty");
    assert_string_equal(all.e[0].camera, "gate");
    assert_int_equal(all.e[0].at_us, wall.wall);
}

static void test_control__without_the_volume_nothing_is_made(void **state)
{
    char path[200];
    snprintf(path, sizeof(path), "rm %s/volume-id %s/*.db*", dir, dir);
    assert_int_equal(system(path), 0);
    json_t *o = ask("{\"op\":\"camera.put\",\"camera\":{" GATE "}}");
    expect(o, "code", "E_NOTFOUND");
    json_decref(o);
    snprintf(path, sizeof(path), "%s/lethe.db", dir);
    assert_true(access(path, F_OK) < 0);
}

/* ---- the socket ---- */

static int dial(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(a.sun_path, sizeof(a.sun_path), "%s/run/control.sock", dir);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    return fd;
}

static void hear(int fd, char *out, size_t size)
{
    size_t n = 0;
    ssize_t got;
    while (n < size - 1 && !memchr(out, '\n', n) && (got = read(fd, out + n, size - 1 - n)) > 0)
        n += (size_t)got;
    out[n] = 0;
}

static void test_control__several_requests_on_one_connection(void **state)
{
    char out[4096];
    struct stat st;
    int fd = dial();
    static const char two[] = "{\"op\":\"camera.list\"}\n{\"op\":\"camera.";
    assert_int_equal(write(fd, two, sizeof(two) - 1), sizeof(two) - 1);
    hear(fd, out, sizeof(out));
    assert_string_equal(out, "{\"cameras\":[],\"ok\":true}\n");
    assert_int_equal(write(fd, "list\"}\n", 7), 7);
    hear(fd, out, sizeof(out));
    assert_string_equal(out, "{\"cameras\":[],\"ok\":true}\n");
    close(fd);
    snprintf(out, sizeof(out), "%s/run/control.sock", dir);
    assert_int_equal(stat(out, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_control__too_many_and_too_long(void **state)
{
    char out[4096];
    int fd[CONTROL_CONNECTIONS];
    for (int i = 0; i < CONTROL_CONNECTIONS; i++)
        fd[i] = dial();
    int more = dial();
    hear(more, out, sizeof(out));
    assert_non_null(strstr(out, "E_BUSY"));
    close(more);
    for (int i = 1; i < CONTROL_CONNECTIONS; i++)
        close(fd[i]);
    char *flood = malloc(CONTROL_LINE_BYTES + 200000);
    memset(flood, ' ', CONTROL_LINE_BYTES + 200000);
    (void)!send(fd[0], flood, CONTROL_LINE_BYTES + 200000, MSG_NOSIGNAL);
    free(flood);
    hear(fd[0], out, sizeof(out));
    assert_non_null(strstr(out, "E_LIMIT"));
    close(fd[0]);
}

static void test_control__a_silent_camera_does_not_hold_up_the_end(void **state)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    int camera = socket(AF_INET, SOCK_STREAM, 0), fd = dial();
    char text[128];
    assert_int_equal(bind(camera, (struct sockaddr *)&a, sizeof(a)) | listen(camera, 4), 0);
    getsockname(camera, (struct sockaddr *)&a, &len);
    int n = snprintf(text, sizeof(text),
                     "{\"op\":\"probe\",\"url\":\"rtsp://127.0.0.1:%d/\",\"seconds\":30}\n",
                     ntohs(a.sin_port));
    assert_int_equal(write(fd, text, (size_t)n), n);
    int got = accept(camera, NULL, NULL); /* the probe is under way, and nobody answers it */
    assert_true(got >= 0);
    json_decref(ask("{\"op\":\"camera.list\"}")); /* nobody else waits for it */
    int64_t began = clock_mono_us(&clock_system);
    control_close(control);
    control = NULL;
    assert_true(clock_mono_us(&clock_system) - began <
                10 * SECOND_US); /* of 15 that it would take */
    close(got), close(camera), close(fd);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_control__answers),
        T(test_control__holds),
        T(test_control__refuses_nonsense_in_words),
        T(test_control__declaring_empty_is_an_event),
        T(test_control__without_the_volume_nothing_is_made),
        T(test_control__several_requests_on_one_connection),
        T(test_control__too_many_and_too_long),
        T(test_control__a_silent_camera_does_not_hold_up_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
