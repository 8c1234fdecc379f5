/* SPDX-License-Identifier: AGPL-3.0-or-later */
#ifndef RECORDER_CONTROL_PRIVATE_H
#define RECORDER_CONTROL_PRIVATE_H
/* What the files of control share. */
#include <pthread.h>
#include <stdatomic.h>

#include "recorder/camera_row.h"
#include "recorder/control.h"
#include "recorder/control_request.h"

struct control {
    struct control_config cfg;
    int listen_fd;
    char path[108];
    pthread_t acceptor;
    atomic_bool stopping;
    pthread_mutex_t change; /* held while something is changed: read, merge, write */
    pthread_mutex_t lock;   /* guards what follows */
    pthread_cond_t idle;
    int fd[CONTROL_CONNECTIONS]; /* -1: free */
    int connections;
};

/*
 * Do what @r asks. @ret gets the keys of the answer beside "ok"; after an error @part names the field
 * that is wrong, or stays NULL.
 */
int control_do(struct control *c, const struct control_request *r, json_t **ret, const char **part,
               struct err *reterr);
/* The index of DATA; E_NOTFOUND when there is none, which means that the volume is away. */
int control_index(struct control *c, bool read_only, struct index **ret, struct err *reterr);

/* A row without credentials, but for who logs in, and whether a password is known. */
json_t *control_row(const struct index_camera *c);
int control_answer_row(const struct index_camera *c, json_t **ret);
/* What a new camera is before the request says something. */
struct camera_input control_defaults(const struct control *c);
/* @o over what @in holds; @before is what is there already, or NULL. */
int control_read_row(json_t *o, struct camera_input *in, const struct index_camera *before,
                     struct index_camera *ret, const char **part, struct err *reterr);

/* One op each; 0 and @ret, or an error. */
int control_camera_list(struct index *ix, json_t **ret, struct err *reterr);
int control_camera_get(struct index *ix, const char *id, json_t **ret, struct err *reterr);
int control_camera_put(struct control *c, struct index *ix, const struct control_request *r,
                       json_t **ret, const char **part, struct err *reterr);
int control_camera_remove(struct index *ix, const char *id, json_t **ret, struct err *reterr);
int control_camera_import(struct control *c, struct index *ix, const struct control_request *r,
                          json_t **ret, struct err *reterr);
int control_mask_set(struct index *ix, const struct control_request *r, json_t **ret,
                     const char **part, struct err *reterr);
int control_declare_empty(struct control *c, struct index *ix, const struct control_request *r,
                          json_t **ret, struct err *reterr);
int control_hold_list(struct index *ix, json_t **ret, struct err *reterr);
int control_hold_add(struct control *c, struct index *ix, const struct control_request *r,
                     json_t **ret, const char **part, struct err *reterr);
int control_hold_remove(struct control *c, struct index *ix, const char *id, json_t **ret,
                        struct err *reterr);
int control_probe(struct control *c, const struct control_request *r, json_t **ret,
                  const char **part, struct err *reterr);
#endif
