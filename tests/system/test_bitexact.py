#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the camera sent is what is opened: NAL unit for NAL unit, across epochs, a reconnect and a parameter change."""
import pathlib
import subprocess
import time

import mp4probe
from harness import MEDIA, Sim, Site, check, finish, skip, subsequence

site = Site({"epoch_minutes": 1, "node": "bitexact"}).start()
cases = []  # (camera id, simulator, index of the camera there)


def camera(name, *args, media=None):
    sim = Sim(site.folder, "--frames-log-cameras", "0", *(["--media", media] if media else ["--size", "640x360", "--scenes", 1, "--scene-seconds", 6]), *args)
    site.add(name, sim.url(0))
    cases.append((name, sim, 0))


for codec in ("h264", "h265"):
    for bframes in (0, 2):
        for slices in (1, 4):
            camera(f"{codec}-b{bframes}-s{slices}", "--codec", codec, "--bframes", bframes, "--slices", slices, "--bitrate",
                   "500k")
if MEDIA:
    camera("clip-h264", media=MEDIA / "intel_one-by-one-person_part1_768x432.mp4")
    camera("clip-h265", media=MEDIA / "intel_store-aisle_h265_480x270.mp4")
    camera("clip-baseline", media=MEDIA / "intel_person-bicycle-car_part1_768x432.mp4")

(site.folder / "faults").write_text("at 8s cam0 drop\nat 16s cam0 param-change\n")
camera("reconnect", "--faults", site.folder / "faults")
names = [name for name, _, _ in cases]
started = time.time()
check(site.recording(*names, frames=25), "every camera records", site.log_text()[-1500:])
time.sleep(max(0, started + 60 - started % 60 + 5 - time.time()))  # five seconds into the next epoch
time.sleep(max(0, started + 30 - time.time()))
site.stop()
for _, sim, _ in cases:
    sim.stop()


def runs_of(opened, sent):
    """The opened access units as runs of consecutive sent ones: list of (start, length), or None at the first stranger."""
    at, runs = 0, []
    index = {}
    for i, s in enumerate(sent):
        index.setdefault(tuple(s), []).append(i)
    while at < len(opened):
        best = (0, 0)
        for i in index.get(tuple(opened[at]), []):
            if runs and i < runs[-1][0] + runs[-1][1]:
                continue
            n = 0
            while at + n < len(opened) and i + n < len(sent) and opened[at + n] == sent[i + n]:
                n += 1
            if n > best[1]:
                best = (i, n)
        if not best[1]:
            return None
        runs.append(best)
        at += best[1]
    return runs


for name, sim, index in cases:
    out = site.folder / f"{name}.mp4"
    r = site.open(name, out)
    if not check(r.returncode == 0, f"{name}: opens", r.stderr):
        continue
    files = list((site.data / "recordings" / name).rglob("*sealed*.mp4"))
    check(len(files) >= 2, f"{name}: crosses an epoch ({len(files)} files)")
    opened = [hashes for _, hashes in mp4probe.video(out)]
    sent = [[n["sha256"] for n in row["nals"]] for row in sim.sent(index)]
    runs = runs_of(opened, sent)
    check(runs is not None, f"{name}: no access unit was changed ({len(opened)} opened, {len(sent)} sent)")
    if runs is None:
        continue
    wanted = 1 if name != "reconnect" else 3
    check(len(runs) <= wanted, f"{name}: none missing in between", f"runs {runs[:6]}")
    check(runs[0][0] == 0 or name == "reconnect", f"{name}: starts with the first access unit sent", str(runs[0]))
    check(len(sent) - (runs[-1][0] + runs[-1][1]) <= 3, f"{name}: ends with the last", f"{runs[-1]} of {len(sent)}")
    probe = subprocess.run(["ffmpeg", "-v", "error", "-i", out, "-enc_time_base", "1:90000", "-fps_mode", "passthrough", "-f", "null", "-"], capture_output=True, text=True)
    check(probe.returncode == 0 and not probe.stderr.strip(), f"{name}: stock FFmpeg decodes it without a complaint",
          probe.stderr[-400:])
if not MEDIA:
    skip("real clips", "LETHE_MEDIA is not set")
site.remove()
finish()
