#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Cameras that come and go for an hour: memory and descriptors flat, every frame accounted for. SOAK_SECONDS, CAMERAS."""
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "system"))
from harness import Sim, Site, check, finish, run, wait_for  # noqa: E402

SECONDS = int(os.environ.get("SOAK_SECONDS", 3600))
CAMERAS = int(os.environ.get("CAMERAS", 200))
SETTLE = min(120, SECONDS // 4)  # until pools and caches have their size

site = Site({"node": "soak", "epoch_minutes": 1, "mask": "{enabled: false}"}).start()
faults = site.folder / "faults"
faults.write_text("".join(f"every {20 + k % 40}s cam{k} {('drop', 'reset', 'stall 12s', 'ts-jump 1h', 'seq-jump', 'garbage')[k % 6]}\n"
                          for k in range(CAMERAS)))
sim = Sim(site.folder, "--bitrate", "300k", "--size", "640x360", "--faults", faults, cameras=CAMERAS, log=False)
rows = "id,main\n" + "".join(f"cam{k},{sim.url(k)}\n" for k in range(CAMERAS))
(site.folder / "cameras.csv").write_text(rows)
r = run("camera", "import", site.folder / "cameras.csv", "--data", site.data)
check(r.returncode == 0, "cameras are imported", r.stderr)
check(site.recording(*[f"cam{k}" for k in range(CAMERAS)], frames=10, seconds=60), "every camera records")
pid = site.recorder_pid()


def sample():
    rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    rss = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Rss:"))
    return rss / 1024, len(os.listdir(f"/proc/{pid}/fd"))


began, samples = time.monotonic(), []
while time.monotonic() - began < SECONDS:
    time.sleep(min(10, SECONDS / 20))
    if time.monotonic() - began > SETTLE:
        samples.append(sample())
third = max(1, len(samples) // 3)
early, late = samples[:third], samples[-third:]
mean = lambda rows, i: sum(x[i] for x in rows) / len(rows)  # noqa: E731
check(site.recorder_pid() == pid, "the recorder was never restarted", site.log_text()[-800:])
check(mean(late, 0) < mean(early, 0) * 1.1 + 10, f"memory is flat: {mean(early, 0):.0f} MiB early, {mean(late, 0):.0f} MiB late")
check(mean(late, 1) < mean(early, 1) * 1.1 + 20, f"descriptors are flat: {mean(early, 1):.0f} early, {mean(late, 1):.0f} late")
sim.stop()
time.sleep(4)
cameras = site.status()["cameras"]
total = {k: sum(c[k] for c in cameras) for k in ("frames_received", "frames_recorded", "frames_lost")}
check(total["frames_received"] == total["frames_recorded"] + total["frames_lost"], f"frames in = recorded + lost: {total}")
check(all(c["gaps"] or c["reconnects"] == 0 for c in cameras), "a camera that was away has named gaps")
site.stop()
r = run("fsck", "--data", site.data, timeout=600)
check(r.returncode == 0, "fsck finds nothing", r.stdout[-600:] + r.stderr[-300:])
site.remove()
finish()
