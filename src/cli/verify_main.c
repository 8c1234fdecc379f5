/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * lethe-verify: what `lethe verify` does, as a small static program of its own, for people who have nothing else of
 * Lethe and want nothing else.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "cli/verify.h"

static int usage(FILE *out, int code)
{
    fputs("lethe-verify: check evidence, or a recording, and name what is not as it was\n\n"
          "Usage: lethe-verify [--trust KEYFILE] [--json] FILE\n\n"
          "  --trust KEYFILE  keys of the public log that the operator published, one a line\n"
          "  --json           print one JSON object\n\n"
          "Exit code 0 only if all of it holds, 1 if not, 2 if FILE cannot be checked.\n",
          out);
    return code;
}

static int check(const char *path, const char *keys, int json)
{
    struct err e = {0};
    struct evidence_report *r = calloc(1, sizeof(*r));
    int code = r ? verify_file(path, keys, r, &e) : -1;
    if (code < 0) {
        fprintf(stderr, "lethe-verify: %s\n", err_str(&e, code));
        free(r);
        return 2;
    }
    if (json) {
        json_t *o = verify_json(path, r);
        json_dumpf(o, stdout, JSON_INDENT(2));
        putchar('\n');
        json_decref(o);
    } else {
        verify_print(stdout, path, r);
    }
    code = r->problems ? 1 : 0;
    free(r);
    return code;
}

int main(int argc, char **argv)
{
    const char *path = NULL, *keys = NULL;
    int json = 0;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
            return usage(stdout, 0);
        if (!strcmp(argv[i], "--json"))
            json = 1;
        else if (!strcmp(argv[i], "--trust") && i + 1 < argc)
            keys = argv[++i];
        else if (argv[i][0] == '-' || path)
            return usage(stderr, 2);
        else
            path = argv[i];
    }
    if (!path || sodium_init() < 0)
        return usage(stderr, 2);
    return check(path, keys, json);
}
