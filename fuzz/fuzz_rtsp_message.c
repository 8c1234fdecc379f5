/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "rtsp/auth.h"
#include "rtsp/message.h"
#include "rtsp/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use_text(struct span s)
{
    char text[RTSP_URL_BYTES], out[RTSP_URL_BYTES];
    struct rtsp_url u;
    if (span_copy(s, text, sizeof(text)) < 0)
        return;
    rtsp_url_parse(text, &u, NULL);
    rtsp_url_base(text, "rtsp://camera/live", out);
    rtsp_url_join("rtsp://camera/live", text, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rtsp_message m;
    int n = rtsp_message_parse((const char *)data, size, &m);
    if (n <= 0)
        return 0;
    if ((size_t)n > size)
        abort();
    uint32_t cseq;
    char id[128], answer[4096];
    unsigned timeout;
    struct rtsp_transport_reply t;
    struct rtsp_auth a = {.user = "user", .password = "password"};
    rtsp_message_cseq(&m, &cseq);
    rtsp_session_header(rtsp_message_get(&m, "Session"), id, sizeof(id), &timeout);
    rtsp_transport_header(rtsp_message_get(&m, "Transport"), &t);
    if (rtsp_auth_challenge(&a, &m) >= 0)
        rtsp_auth_answer(&a, "PLAY", "rtsp://camera/live", "0011", answer, sizeof(answer));
    for (int i = 0; i < m.headers; i++)
        use_text(m.header[i].value);
    return 0;
}
