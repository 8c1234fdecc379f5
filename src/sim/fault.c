/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "sim/fault.h"

#include "sim/server.h"

const char *const sim_method_names[SIM_METHODS] = {"OPTIONS", "DESCRIBE", "SETUP", "PLAY", "PAUSE", "TEARDOWN",
                                                   "GET_PARAMETER", "SET_PARAMETER", "ANY"};

int sim_faults_load(const char *path, struct sim_faults **ret, struct err *reterr)
{
    return err_set(reterr, E_UNSUPPORTED, "%s: fault scripts are not in this build", path);
}

void sim_faults_free(struct sim_faults *f)
{
    (void)f;
}

bool sim_faults_have_event(const struct sim_faults *f, enum sim_event_id e)
{
    return false;
}

int sim_faults_start(struct sim_server *s)
{
    return 0;
}

void sim_faults_run(struct sim_server *s)
{
    (void)s;
}

void sim_faults_played(struct sim_session *ss)
{
    (void)ss;
}

const struct sim_rule *sim_faults_reply(struct sim_server *s, int camera, int stream, enum sim_method m)
{
    return NULL;
}
