#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The database is locked for an hour: cameras are recorded all the time, and nothing is missing afterwards. LOCK_SECONDS."""
import json
import os
import pathlib
import sqlite3
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "system"))
from harness import Sim, Site, check, finish, run, wait_for  # noqa: E402

SECONDS = int(os.environ.get("LOCK_SECONDS", 3600))
CAMERAS = 4


def lock(path):
    db = sqlite3.connect(path, timeout=10, isolation_level=None)
    for _ in range(200):
        try:
            db.execute("BEGIN EXCLUSIVE")
            return db
        except sqlite3.OperationalError:
            time.sleep(0.05)
    raise RuntimeError("the database could not be locked")


def recorded():
    return [c["frames_recorded"] for c in sorted(site.status()["cameras"], key=lambda c: c["id"])]


site = Site({"node": "locked", "epoch_minutes": 1, "mask": "{enabled: false}"}).start()
sim = Sim(site.folder, "--bitrate", "300k", "--size", "640x360", cameras=CAMERAS, log=False)
for k in range(CAMERAS):
    site.add(f"cam{k}", sim.url(k))
check(site.recording(*[f"cam{k}" for k in range(CAMERAS)], frames=40), "every camera records")
pid, began = site.recorder_pid(), time.monotonic()
db = lock(site.data / "lethe.db")
before, stood = recorded(), []
while time.monotonic() - began < SECONDS:
    time.sleep(min(20, SECONDS / 3))
    now = recorded()
    stood += [(round(time.monotonic() - began), k) for k in range(CAMERAS) if now[k] <= before[k]]
    before = now
check(not stood, f"with the database locked for {SECONDS} s every camera was recorded all the time", str(stood[:10]))
check(site.recorder_pid() == pid, "and the recorder never restarted")
db.execute("COMMIT")
db.close()
check(wait_for(lambda: all(c["frames_received"] - c["frames_recorded"] < 100 for c in site.status()["cameras"]), 30),
      "the index follows once it may")
time.sleep(70)  # an epoch more
sim.stop()
time.sleep(4)
cameras = site.status()["cameras"]
lost = sum(c["frames_lost"] for c in cameras)
check(lost == 0 and all(c["frames_received"] == c["frames_recorded"] for c in cameras), f"no frame is lost ({lost})",
      json.dumps([{k: c[k] for k in ("frames_received", "frames_recorded", "frames_lost")} for c in cameras]))
site.stop()
r = run("fsck", "--data", site.data, "--json", timeout=600)
check(r.returncode == 0, "fsck finds nothing", r.stdout[-600:] + r.stderr[-300:])
for k in range(CAMERAS):
    r = site.open(f"cam{k}", site.folder / f"out{k}.mp4")
    gaps = json.loads(r.stdout)["gaps"] if r.returncode == 0 else None
    inside = [g for g in gaps or [] if g["from"] > "2020-01-01T00:00:00Z" and g["to"] < "2100-01-01T00:00:00Z"]
    check(r.returncode == 0 and not inside, f"cam{k} opens whole, without a gap between begin and end", r.stderr + str(inside))
site.remove()
finish()
