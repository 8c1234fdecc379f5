/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "cli/camera.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int camera_read_password(const char *path, char out[128], struct err *reterr)
{
    bool standard = !strcmp(path, "-");
    FILE *f = standard ? stdin : fopen(path, "re");
    struct stat st;
    if (!f)
        return err_set(reterr, -errno, "%s: %s", path, err_text(-errno));
    if (!standard && !fstat(fileno(f), &st) && S_ISREG(st.st_mode) && (st.st_mode & 077))
        fprintf(stderr, "lethe: others can read %s; chmod 600 it\n", path);
    bool got = fgets(out, 128, f) != NULL;
    if (!standard)
        fclose(f);
    if (!got)
        return err_set(reterr, E_SYNTAX, "%s: no password in it", path);
    size_t len = strlen(out);
    if (len == 127 && out[126] != '\n')
        return err_set(reterr, E_LIMIT, "%s: a password longer than 126 bytes", path);
    out[strcspn(out, "\r\n")] = 0;
    return *out ? 0 : err_set(reterr, E_SYNTAX, "%s: its first line is empty", path);
}

int camera_defaults(const struct cli_args *a, struct camera_input *in, struct err *reterr)
{
    struct config c;
    char found[4096];
    const char *path = cli_value(a, "config", NULL);
    *in = (struct camera_input){.enabled = true};
    snprintf(found, sizeof(found), "%s/lethe.yaml", cli_data_dir(a));
    if (!path && access(found, R_OK))
        return 0;
    int r = config_load(path ? path : found, &c, reterr);
    if (r < 0)
        return r;
    in->transport = c.cameras.transport;
    in->audio = c.cameras.audio;
    config_free(&c);
    return 0;
}
