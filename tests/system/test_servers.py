#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Servers that we did not write: GStreamer's (plain, Digest, RTSPS with a pin) and VLC's are recorded, and every slice that
was opened stands in the served clip, in order, none missing in between."""
import hashlib
import os
import pathlib
import shutil
import subprocess
import time

import mp4probe
from harness import LETHE, Site, check, finish, free_port, skip, wait_for

BUILD = pathlib.Path(os.environ.get("LETHE_BUILD", pathlib.Path(LETHE).parent))
GST = BUILD / "tests/system/gst_rtsp_server"
SECONDS = 40
site = Site({"retention_days": 1}).start()
folder = site.folder
for shown in (folder, folder.parent):  # VLC runs as another user
    os.chmod(shown, os.stat(shown).st_mode | 0o055)
servers = []


def clip(name, codec, *options):
    path = folder / f"{name}.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=size=320x240:rate=15:duration={SECONDS}", "-c:v",
                    codec, "-g", "15", "-pix_fmt", "yuv420p", *options, "-tag:v", "hvc1" if codec == "libx265" else "avc1",
                    path], check=True, timeout=300)
    return path


def spawn(name, args):
    log = open(folder / f"{name}.server.log", "w")
    servers.append(subprocess.Popen([str(a) for a in args], stdout=log, stderr=log, start_new_session=True))


def listens(port):
    return subprocess.run(["bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{port}"], stderr=subprocess.DEVNULL).returncode == 0


def gstreamer(name, path, codec, *more):
    port = free_port()
    launch = f"( filesrc location={path} ! qtdemux ! {codec}parse ! rtp{codec}pay config-interval=-1 name=pay0 )"
    spawn(name, [GST, port, launch, *more])
    wait_for(lambda: listens(port), 60)
    return port


def certificate():
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=camera", "-keyout",
                    folder / "tls.key", "-out", folder / "tls.crt"], check=True, capture_output=True)
    der = subprocess.run(["openssl", "x509", "-in", folder / "tls.crt", "-outform", "der"], check=True,
                         capture_output=True).stdout
    return hashlib.sha256(der).hexdigest()


def slices(path):
    """Hashes of the slices of an MP4, in order."""
    data, tracks = mp4probe.read(path)
    t = next(t for t in tracks.values() if t.handler == "vide")
    h265 = t.entries[0].startswith("h")
    kept = []
    for _, _, offset, size in t.samples:
        for nal in mp4probe.nals(data, offset, size):
            kind = nal[0] >> 1 & 0x3f if h265 else nal[0] & 0x1f
            if kind < 32 if h265 else 1 <= kind <= 5:
                kept.append(hashlib.sha256(nal).hexdigest())
    return kept


def judge(name, path):
    out = folder / f"{name}.out.mp4"
    r = site.open(name, out)
    if not check(r.returncode == 0, f"{name}: opens", r.stderr):
        return
    sent, got = slices(path), slices(out)
    at = sent.index(got[0]) if got and got[0] in sent else -1
    # A file that is served again after its end begins anew: one run is looked at, that up to the first repetition.
    run = next((i for i in range(1, len(got)) if got[i] == got[0]), len(got))
    check(at >= 0 and run >= 30 and got[:run] == sent[at:at + run], f"{name}: {run} slices, none changed, none missing",
          f"first at {at} of {len(sent)}, {len(got)} opened")


cases = {}
if GST.exists():
    b = clip("h264", "libx264", "-bf", "2", "-x264-params", "slices=3:sync-lookahead=0")
    cases["gst-h264"] = b
    site.add("gst-h264", f"rtsp://127.0.0.1:{gstreamer('gst-h264', b, 'h264')}/test")
    h = clip("h265", "libx265", "-x265-params", "log-level=error:bframes=2")
    cases["gst-h265"] = h
    site.add("gst-h265", f"rtsp://127.0.0.1:{gstreamer('gst-h265', h, 'h265')}/test")
    cases["gst-digest"] = b
    site.add("gst-digest", f"rtsp://user:secret@127.0.0.1:{gstreamer('gst-digest', b, 'h264', 'user', 'secret', 'digest')}/test")
    cases["gst-tls"] = b
    pin = certificate()
    port = gstreamer("gst-tls", b, "h264", "tls", folder / "tls.crt", folder / "tls.key")
    site.add("gst-tls", f"rtsps://127.0.0.1:{port}/test", "--pin", pin)
    cases["gst-udp"] = b
    site.add("gst-udp", f"rtsp://127.0.0.1:{gstreamer('gst-udp', b, 'h264')}/test", "--transport", "udp")
else:
    skip("GStreamer's server", "libgstrtspserver was not there when this was built")

if shutil.which("cvlc"):
    v = clip("vlc", "libx264", "-bf", "0")
    port = free_port()
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env", f"HOME={folder}/vlc"]
    (folder / "vlc").mkdir(mode=0o777)
    os.chmod(folder / "vlc", 0o777)
    spawn("vlc", [*(as_nobody if os.geteuid() == 0 else []), "cvlc", "-I", "dummy", "--no-audio", "--loop", v, "--sout",
                  f"#rtp{{sdp=rtsp://127.0.0.1:{port}/test}}", "--sout-keep"])
    wait_for(lambda: listens(port), 60)
    cases["vlc-h264"] = v
    site.add("vlc-h264", f"rtsp://127.0.0.1:{port}/test")
else:
    skip("VLC's server", "cvlc is not installed")

try:
    check(site.recording(*cases, frames=60, seconds=90), "every camera records",
          str([(c["id"], c["state"], c.get("reason")) for c in site.status()["cameras"]]))
    time.sleep(2)
    check(site.stop() == 0, "the node ends in order", site.log_text()[-500:])
finally:
    for server in servers:
        server.terminate()
    for server in servers:
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
for name, path in cases.items():
    judge(name, path)
site.remove()
finish()
