/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * A small GStreamer RTSP server as a counterpart that we did not write.
 * gst_rtsp_server PORT LAUNCH [USER PASSWORD [basic|digest]] [tls CERT KEY]; the stream is at /test, LAUNCH is a
 * gst-launch line that ends in a payloader named pay0.
 */
#include <gst/gst.h>
#include <gst/rtsp-server/rtsp-server.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static void add_user(GstRTSPServer *server, GstRTSPMediaFactory *factory, char **arg)
{
    GstRTSPAuth *auth = gst_rtsp_auth_new();
    GstRTSPToken *token =
        gst_rtsp_token_new(GST_RTSP_TOKEN_MEDIA_FACTORY_ROLE, G_TYPE_STRING, "user", NULL);
    bool digest = strcmp(arg[2], "digest") == 0;
    if (digest) {
        gst_rtsp_auth_set_supported_methods(auth, GST_RTSP_AUTH_DIGEST);
        gst_rtsp_auth_add_digest(auth, arg[0], arg[1], token);
    } else {
        gchar *basic = gst_rtsp_auth_make_basic(arg[0], arg[1]);
        gst_rtsp_auth_add_basic(auth, basic, token);
        g_free(basic);
    }
    gst_rtsp_media_factory_add_role(factory, "user", GST_RTSP_PERM_MEDIA_FACTORY_ACCESS,
                                    G_TYPE_BOOLEAN, TRUE, GST_RTSP_PERM_MEDIA_FACTORY_CONSTRUCT,
                                    G_TYPE_BOOLEAN, TRUE, NULL);
    gst_rtsp_token_unref(token);
    gst_rtsp_server_set_auth(server, auth);
    g_object_unref(auth);
}

static gboolean add_tls(GstRTSPServer *server, char **arg)
{
    GError *error = NULL;
    GTlsCertificate *cert = g_tls_certificate_new_from_files(arg[0], arg[1], &error);
    if (!cert) {
        fprintf(stderr, "%s\n", error->message);
        g_error_free(error);
        return FALSE;
    }
    GstRTSPAuth *auth = gst_rtsp_auth_new();
    GstRTSPToken *token =
        gst_rtsp_token_new(GST_RTSP_TOKEN_MEDIA_FACTORY_ROLE, G_TYPE_STRING, "anonymous", NULL);
    gst_rtsp_auth_set_default_token(auth, token);
    gst_rtsp_token_unref(token);
    gst_rtsp_auth_set_tls_certificate(auth, cert);
    gst_rtsp_server_set_auth(server, auth);
    g_object_unref(auth);
    g_object_unref(cert);
    return TRUE;
}

int main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    if (argc < 3) {
        fprintf(stderr,
                "usage: gst_rtsp_server PORT LAUNCH [USER PASSWORD basic|digest | tls CERT KEY]\n");
        return 2;
    }
    GMainLoop *loop = g_main_loop_new(NULL, FALSE);
    GstRTSPServer *server = gst_rtsp_server_new();
    gst_rtsp_server_set_service(server, argv[1]);
    GstRTSPMountPoints *mounts = gst_rtsp_server_get_mount_points(server);
    GstRTSPMediaFactory *factory = gst_rtsp_media_factory_new();
    gst_rtsp_media_factory_set_launch(factory, argv[2]);
    gst_rtsp_media_factory_set_shared(factory, FALSE);
    if (argc == 6 && strcmp(argv[3], "tls") == 0) {
        gst_rtsp_media_factory_add_role(factory, "anonymous", GST_RTSP_PERM_MEDIA_FACTORY_ACCESS,
                                        G_TYPE_BOOLEAN, TRUE, GST_RTSP_PERM_MEDIA_FACTORY_CONSTRUCT,
                                        G_TYPE_BOOLEAN, TRUE, NULL);
        if (!add_tls(server, argv + 4))
            return 1;
    } else if (argc == 6) {
        add_user(server, factory, argv + 3);
    }
    gst_rtsp_mount_points_add_factory(mounts, "/test", factory);
    g_object_unref(mounts);
    if (gst_rtsp_server_attach(server, NULL) == 0)
        return 1;
    printf("ready\n");
    fflush(stdout);
    g_main_loop_run(loop);
    return 0;
}
