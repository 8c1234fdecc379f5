#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""kill -9 of the recorder at random moments: what is older than two seconds is on disk and opens. ROUNDS, CAMERAS."""
import json
import os
import random
import signal
import time

import mp4probe
from harness import Sim, Site, check, finish, run, wait_for

ROUNDS = int(os.environ.get("ROUNDS", 5))
CAMERAS = int(os.environ.get("CAMERAS", 20))
LOGGED = 4  # cameras whose every access unit is compared
seed = int(os.environ.get("SEED", time.time()))
random.seed(seed)
print(f"# seed {seed}, {ROUNDS} rounds, {CAMERAS} cameras")

site = Site({"epoch_minutes": 1, "node": "kill", "mask": "{enabled: false}"}).start()
sim = Sim(site.folder, "--bitrate", "300k", "--size", "640x360", "--scenes", 1, "--frames-log-cameras", ",".join(map(str, range(LOGGED))), cameras=CAMERAS)
names = [f"cam{i}" for i in range(CAMERAS)]
rows = "id,main\n" + "".join(f"{n},{sim.url(i)}\n" for i, n in enumerate(names))
(site.folder / "cameras.csv").write_text(rows)
r = run("camera", "import", site.folder / "cameras.csv", "--data", site.data)
check(r.returncode == 0, "cameras are imported", r.stderr)
check(site.recording(*names, frames=10, seconds=40), "every camera records", site.log_text()[-1500:])

kills = []  # (wall time of the kill, wall time of the first frame after it)
for i in range(ROUNDS):
    time.sleep(random.uniform(1.0, 4.0))
    pid = site.recorder_pid()
    if pid is None:
        continue
    os.kill(pid, signal.SIGKILL)
    killed = time.time()
    back = wait_for(lambda: site.recorder_pid() not in (None, pid), 15) and site.recording(*names, frames=10, seconds=40)
    kills.append((killed, time.time()))
    if not back:
        check(False, f"round {i}: all cameras record again", site.log_text()[-1500:])
        break
check(len(kills) == ROUNDS, f"{ROUNDS} rounds of kill -9, all cameras recorded again after each")
time.sleep(2)
site.stop()
stopped = time.time()
sim.stop()

r = run("fsck", "--data", site.data, "--json", timeout=600)
report = json.loads(r.stdout)
check(report["ok"], "fsck finds nothing wrong after the last start mended it", str(report["problems"])[:600])

for i in range(LOGGED):
    out = site.folder / f"cam{i}.mp4"
    r = site.open(f"cam{i}", out)
    if not check(r.returncode == 0, f"cam{i}: every epoch opens", r.stderr):
        continue
    opened = {tuple(h) for _, h in mp4probe.video(out)}
    missing = unexplained = 0
    sent = sim.sent(i)
    for row in sent:
        if tuple(n["sha256"] for n in row["nals"]) in opened:
            continue
        missing += 1
        at = row["wall_us"] / 1e6
        # allowed: up to 2 s before a kill, and until the cameras were back
        if not any(k - 2.0 <= at <= b for k, b in kills) and at < stopped - 2:
            unexplained += 1
    check(unexplained == 0, f"cam{i}: {len(sent)} access units sent, {missing} missing, all of them within 2 s of a kill or "
          "before the recorder was back", f"{unexplained} others are missing")
    check(json.loads(r.stdout)["gaps"], f"cam{i}: the gaps are named", r.stdout[:300])
if all(__import__("harness")._results):
    site.remove()
finish()
