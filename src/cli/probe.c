/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `lethe probe URL`: watch a camera for some seconds as the recorder would, and say what it offers. */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/hex.h"
#include "cli/camera.h"
#include "cli/output.h"
#include "recorder/probe.h"
#include "rtsp/url.h"

static void print_track(const struct probe_track *t, int index)
{
    char bits[32];
    printf("%s      %s", index ? "sound  " : "picture", media_codec_name(t->track.codec));
    if (t->track.width)
        printf(", %ux%u", t->track.width, t->track.height);
    if (t->track.channels)
        printf(", %u Hz, %u channel%s", t->track.clock_rate, t->track.channels,
               t->track.channels == 1 ? "" : "s");
    if (t->frames && !index)
        printf(", %.1f pictures a second", probe_fps(t));
    if (t->frames)
        printf(", %s", cli_bits(probe_bits(t), bits));
    putchar('\n');
    if (index)
        return;
    if (t->keys > 1)
        printf("key frames   every %.1f s\n", (double)t->longest_key_us / 1e6);
    if (t->reports)
        printf("clock        %+.3f s against this machine\n", (double)t->clock_offset_us / 1e6);
}

static void print(const struct probe *p, bool colour)
{
    static const char *const marks[] = {"WRONG", "CARE ", "note "}, *const codes[] = {"1;31", "33",
                                                                                      "2"};
    struct probe_finding f[PROBE_FINDINGS];
    int n = probe_findings(p, f);
    printf("%s\n", p->url);
    if (p->track[0].seen)
        printf("server       %s\ntransport    %s\n", p->server, p->transport);
    for (int i = 0; i < PROBE_TRACKS; i++)
        if (p->track[i].seen)
            print_track(&p->track[i], i);
    for (int w = PROBE_BAD; w <= PROBE_NOTE; w++) {
        for (int i = 0; i < n; i++) {
            if ((int)f[i].weight != w)
                continue;
            if (colour)
                printf("\033[%sm%s\033[0m  %s\n", codes[w], marks[w], cli_clean(f[i].text));
            else
                printf("%s  %s\n", marks[w], cli_clean(f[i].text));
        }
    }
}

/* Options of the command line into @cfg; strings are those of @in and @url. */
static int configure(const struct cli_args *a, struct camera_input *in, struct rtsp_config *cfg,
                     struct err *reterr)
{
    const char *transport = cli_value(a, "transport", "auto"),
               *file = cli_value(a, "password-file", NULL);
    const char *pin = cli_value(a, "pin", NULL);
    size_t n = 0;
    int t = 0, r = 0;
    while (config_transport_names[t] && strcmp(config_transport_names[t], transport) != 0)
        t++;
    if (!config_transport_names[t])
        return err_set(reterr, E_SYNTAX, "--transport '%.40s' is not tcp, udp or auto", transport);
    if (pin && (hex_decode(pin, cfg->pin_sha256, 32, &n) < 0 || n != 32))
        return err_set(reterr, E_SYNTAX, "--pin: 64 hexadecimal digits are wanted");
    if (file)
        r = camera_read_password(file, in->password, reterr);
    cfg->url = cli_arg(a, 0);
    cfg->user = cli_value(a, "user", NULL);
    cfg->password = file ? in->password : NULL;
    cfg->transport = (enum rtsp_transport)t;
    cfg->audio = true; /* to see whether sound is offered */
    cfg->pinned = pin != NULL;
    cfg->tls_insecure = cli_flag(a, "tls-insecure");
    cfg->once = true;
    return r;
}

static int run(const struct cli_args *a)
{
    struct probe p = {0};
    struct camera_input in = {0};
    struct rtsp_config cfg = {0};
    struct rtsp_url u;
    struct err e = {0};
    long seconds;
    if (cli_int(a, "seconds", 1, 600, 5, &seconds) < 0)
        return 2;
    p.seconds = (int)seconds;
    int r = rtsp_url_parse(cli_arg(a, 0), &u, &e);
    if (r >= 0)
        r = configure(a, &in, &cfg, &e);
    if (r >= 0) {
        camera_redact(cli_arg(a, 0), p.url);
        p.tls = u.tls;
        p.pinned = cfg.pinned;
        if (p.tls)
            probe_certificate(u.host, u.port, p.pin);
        r = probe_watch(&p, &cfg, NULL, &e);
    }
    explicit_bzero(&in, sizeof(in));
    explicit_bzero(&u, sizeof(u));
    if (r < 0)
        return cli_fail(a, &e, r);
    bool ok = p.track[0].frames > 0 && !p.failure[0];
    if (!cli_flag(a, "json"))
        print(&p, cli_colour(STDOUT_FILENO));
    else if (cli_json_print(probe_json(&p)))
        return 1;
    return ok ? 0 : 1;
}

const struct cli_command cli_probe = {
    .name = "probe",
    .summary = "say what a camera offers and what is wrong with it",
    .arguments = "URL",
    .details = "Connects as the recorder would, watches for some seconds and tells server, "
               "transport, codec, size, pictures a "
               "second, bitrate, key frames, clock, and what to change on the camera. Sound is set "
               "up for those seconds to see "
               "whether it is offered; nothing is stored.\n"
               "For rtsps:// the SHA-256 of the certificate is shown, to be pinned with `lethe "
               "camera add --pin`.",
    .options =
        (const struct cli_option[]){
            {"user", "U", "user of the camera"},
            {"password-file", "FILE", "file whose first line is the password; - is standard input"},
            {"transport", "tcp|udp|auto", "how media comes"},
            {"pin", "HEX", "SHA-256 of the rtsps certificate"},
            {"tls-insecure", NULL, "rtsps without checking the certificate"},
            {"seconds", "N", "how long to watch (default: 5)"},
            {"json", NULL, "print JSON"},
            {0},
        },
    .examples = "# A camera before it is added\nlethe probe rtsp://10.0.0.7/stream1 --user view "
                "--password-file gate.txt",
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
