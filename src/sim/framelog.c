/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What was sent, as JSON lines: NAL units with their hashes for tests, boxes of objects for measuring masks. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "sim/server.h"

#define BUFFER_BYTES (1 << 18)

struct sim_framelog {
    FILE *file;
    bool all;
    size_t cameras;
    bool wanted[];
};

/* "0,3,7-9" into a set. */
static int parse_cameras(const char *text, bool *set, size_t n)
{
    while (*text) {
        char *end;
        long from = strtol(text, &end, 10), to = from;
        if (end == text)
            return E_SYNTAX;
        if (*end == '-') {
            text = end + 1;
            to = strtol(text, &end, 10);
            if (end == text)
                return E_SYNTAX;
        }
        if ((*end && *end != ',') || from < 0 || to < from || (size_t)to >= n)
            return E_SYNTAX;
        for (long i = from; i <= to; i++)
            set[i] = true;
        text = end + (*end == ',');
    }
    return 0;
}

int sim_framelog_open(const struct sim_options *o, struct sim_framelog **ret, struct err *reterr)
{
    struct sim_framelog *f = calloc(1, sizeof(*f) + (size_t)o->cameras * sizeof(bool));
    if (!f)
        return -ENOMEM;
    f->cameras = (size_t)o->cameras;
    f->all = !o->frames_log_cameras;
    if (!f->all && parse_cameras(o->frames_log_cameras, f->wanted, f->cameras) < 0) {
        free(f);
        return err_set(reterr, E_SYNTAX,
                       "--frames-log-cameras wants numbers below --cameras, like 0,3,7-9");
    }
    f->file = fopen(o->frames_log, "we");
    if (!f->file) {
        int r = -errno;
        free(f);
        return err_set(reterr, r, "%s: %s", o->frames_log, strerror(-r));
    }
    setvbuf(f->file, NULL, _IOFBF, BUFFER_BYTES);
    *ret = f;
    return 0;
}

void sim_framelog_close(struct sim_framelog *f)
{
    if (!f)
        return;
    fclose(f->file);
    free(f);
}

void sim_framelog_flush(struct sim_framelog *f)
{
    fflush(f->file);
}

bool sim_framelog_wants(const struct sim_framelog *f, int camera)
{
    return f->all || f->wanted[camera];
}

void sim_framelog_write(struct sim_framelog *f, const struct sim_note *n, int64_t wall_us)
{
    const struct sim_session *ss = n->player->session;
    const struct sim_au *au = &n->program->aus[n->index];
    char time[TIME_TEXT], hex[2 * SIM_SHA + 1];
    if (!sim_framelog_wants(f, ss->camera->id))
        return;
    fprintf(f->file,
            "{\"camera\":%d,\"stream\":\"%s\",\"session\":%llu,\"program\":\"%s\",\"au\":%lld,"
            "\"rtp\":%u,\"wall_us\":%lld,\"time\":\"%s\","
            "\"key\":%s,\"damaged\":%s,\"nals\":[",
            ss->camera->id, ss->stream ? "sub" : "main", (unsigned long long)ss->number,
            n->program->name, (long long)(n->loop * (int64_t)n->program->count + n->index),
            n->timestamp, (long long)wall_us, time_format(wall_us, time),
            au->key ? "true" : "false", n->damaged ? "true" : "false");
    for (uint32_t i = 0; i < au->nal_count; i++) {
        const struct sim_nal *nal = &n->program->nals[au->nal + i];
        fprintf(f->file, "%s{\"size\":%u,\"sha256\":\"%s\"}", i ? "," : "", nal->len,
                hex_encode(nal->sha, SIM_SHA, hex));
    }
    fputs("]}\n", f->file);
}

void sim_truth_write(struct sim_server *s, const struct sim_note *n)
{
    const struct sim_session *ss = n->player->session;
    const struct sim_au *au = &n->program->aus[n->index];
    char time[TIME_TEXT];
    int64_t taken = sim_player_taken_us(n->player, n->program, n->index, n->loop);
    if (!n->program->truth)
        return;
    fprintf(s->truth,
            "{\"camera\":%d,\"stream\":\"%s\",\"scene\":\"%s\",\"frame\":%u,\"wall_us\":%lld,"
            "\"time\":\"%s\","
            "\"rtp\":%u,\"width\":%u,\"height\":%u,\"objects\":%s}\n",
            ss->camera->id, ss->stream ? "sub" : "main", n->program->name, au->picture,
            (long long)taken, time_format(taken, time), n->timestamp, n->program->width,
            n->program->height, n->program->truth[au->picture].objects);
}
