/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "sim/mangle.h"
#include "sim/server.h"

struct sim_session *sim_session_new(struct sim_server *s, struct sim_camera *camera, int stream)
{
    struct sim_session *ss = calloc(1, sizeof(*ss));
    if (!ss)
        return NULL;
    ss->server = s;
    ss->camera = camera;
    ss->stream = stream;
    ss->heard_us = s->now_us;
    ss->number = ++s->stats.sessions_made;
    snprintf(ss->id, sizeof(ss->id), "%08X%08X", (unsigned)sim_random(s), (unsigned)sim_random(s));
    for (int i = 0; i < SIM_TRACKS; i++) {
        ss->player[i] = (struct sim_player){
            .session = ss, .track = i, .program = camera->stream[stream].track[i]};
        list_init(&ss->player[i].wheel);
    }
    list_append(&s->sessions, &ss->link);
    return ss;
}

static bool leader_plays(struct sim_session *ss)
{
    struct sim_session *other;
    list_foreach (other, &ss->server->sessions, link)
        if (other != ss && other->leader && other->camera == ss->camera &&
            other->stream == ss->stream)
            return true;
    return false;
}

void sim_session_play(struct sim_session *ss)
{
    if (ss->playing)
        return;
    ss->leader = ss->server->truth && !leader_plays(ss);
    for (int i = 0; i < SIM_TRACKS; i++)
        if (ss->player[i].set_up)
            sim_player_start(&ss->player[i]);
    ss->playing = true;
    ss->camera->playing[ss->stream]++;
    if (ss->server->faults)
        sim_faults_played(ss);
}

void sim_session_pause(struct sim_session *ss)
{
    if (!ss->playing)
        return;
    for (int i = 0; i < SIM_TRACKS; i++)
        sim_player_stop(&ss->player[i]);
    ss->playing = ss->leader = false;
    ss->camera->playing[ss->stream]--;
}

void sim_session_free(struct sim_session *ss)
{
    if (!ss)
        return;
    sim_session_pause(ss);
    if (ss->conn)
        ss->conn->session = NULL;
    ss->conn = NULL;
    list_remove(&ss->link);
    list_append(&ss->server->dead_sessions, &ss->link);
}

void sim_session_reap(struct sim_server *s)
{
    while (!list_empty(&s->dead_sessions)) {
        struct sim_session *ss = list_entry(s->dead_sessions.next, struct sim_session, link);
        list_remove(&ss->link);
        for (int i = 0; i < SIM_TRACKS; i++)
            sim_mangle_free(ss->player[i].mangle);
        free(ss);
    }
}

struct sim_session *sim_session_find(struct sim_server *s, const char *id)
{
    struct sim_session *ss;
    size_t n = strcspn(id, "; ");
    list_foreach (ss, &s->sessions, link)
        if (strlen(ss->id) == n && !memcmp(ss->id, id, n))
            return ss;
    return NULL;
}

void sim_session_sweep(struct sim_server *s)
{
    struct sim_session *ss, *tmp;
    int64_t limit = (int64_t)s->o->session_timeout_s * SECOND_US;
    list_foreach_safe (ss, tmp, &s->sessions, link) {
        if (s->now_us - ss->heard_us <= limit)
            continue;
        if (s->stats.timed_out++ < SIM_TOLD)
            log_info("sim", "camera %d: nothing heard from its reader for %d s, session ended",
                     ss->camera->id, s->o->session_timeout_s);
        if (ss->conn)
            sim_conn_close(ss->conn, false, NULL);
        else
            sim_session_free(ss);
    }
}
