#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Disks that fail, fill up and vanish, a locked database, a stepped clock: named, alarmed, and mended without a hand."""
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import tempfile
import time

import harness
from harness import Sim, Site, check, finish, run, skip, wait_for

BUILD = pathlib.Path(os.environ.get("LETHE_BUILD", "build"))
FAULTIO = BUILD / "tests/faultio/libfaultio.so"
FAKETIME = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


def sanitized():
    text = subprocess.run(["ldd", os.environ.get("LETHE_BIN", "build/lethe")], capture_output=True, text=True).stdout
    return "libasan" in text


def preload(*libraries):
    """The sanitizer's library must come first."""
    asan = subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True).stdout.strip()
    return " ".join(map(str, ([asan] if sanitized() else []) + list(libraries)))


def grows(site, seconds=20):
    first = site.camera("cam")["frames_recorded"]
    return wait_for(lambda: (site.camera("cam") or {}).get("frames_recorded", 0) > first + 20, seconds)


def kinds(site):
    return {a["kind"] for a in site.status()["alarms"]}


def accounted(site):
    c = site.camera("cam")
    return 0 <= c["frames_received"] - c["frames_recorded"] - c["frames_lost"] <= 60


def new_site(**kw):
    site = Site({"node": "storage"}, **kw)
    site.start()
    site.add("cam", sim.url(0))
    assert site.recording("cam", frames=40), site.log_text()[-2000:]
    return site


def healthy(site, what):
    site.stop()
    r = run("fsck", "--data", site.data, "--json")
    report = json.loads(r.stdout) if r.stdout else {"ok": False, "problems": [r.stderr]}
    check(report["ok"], f"{what}: fsck finds nothing afterwards", str(report["problems"])[:500])
    r = site.open("cam", site.folder / "out.mp4")
    check(r.returncode == 0, f"{what}: what was recorded opens", r.stderr)
    gaps = json.loads(r.stdout)["gaps"] if r.returncode == 0 else []
    check(all(g["reason"] for g in gaps), f"{what}: every gap has a reason ({', '.join(g['reason'] for g in gaps)})")
    site.remove()


sim = Sim("/tmp" if "TMPDIR" not in os.environ else os.environ["TMPDIR"], "--size", "640x360", "--scenes", 1, "--bitrate", "400k",
          log=False)

# ---- write errors, sync errors, a full disk
if not FAULTIO.exists():
    skip("failing disk", f"{FAULTIO} was not built")
else:
    site = Site({"node": "storage"})
    (site.data / "run").mkdir(mode=0o700, parents=True)
    rules = site.data / "run/faults"  # where the recorder may read
    rules.write_text("")
    site.env.update(LD_PRELOAD=preload(FAULTIO), FAULTIO_FILE=str(rules), ASAN_OPTIONS="verify_asan_link_order=0:detect_leaks=0")
    site.start()
    site.add("cam", sim.url(0))
    check(site.recording("cam", frames=40), "a node with a disk that can fail records", site.log_text()[-800:])
    pid = site.recorder_pid()
    for rule, kind in (("write EIO path=sealed.mp4 count=3", "write-failed"), ("sync EIO count=2", None),
                       ("fallocate EOPNOTSUPP", None), ("rename EIO count=2", None)):
        rules.write_text(rule + "\n")
        time.sleep(4)
        rules.write_text("")
        check(grows(site), f"{rule}: recording goes on", json.dumps(site.camera("cam"))[:400] + site.log_text()[-600:])
        if kind:
            check(any(kind in k for k in kinds(site)), f"{rule}: there is an alarm ({kinds(site)})")
        check(accounted(site), f"{rule}: frames in = recorded + lost", str(site.camera("cam"))[:300])
    rules.write_text("write ENOSPC path=sealed.mp4\n")
    check(wait_for(lambda: site.status()["disk"]["state"] != "ok" or "disk-full" in kinds(site), 15),
          "a full disk is told", str(site.status()["disk"]))
    time.sleep(3)
    rules.write_text("")
    check(grows(site, 40), "and recording comes back by itself", str(site.status()["disk"]))
    check(site.recorder_pid() == pid, "all that without a restart")
    time.sleep(7)  # ends that could not be written are tried again every five seconds
    healthy(site, "failing disk")

# ---- database locked
site = new_site()
db = sqlite3.connect(site.data / "lethe.db", timeout=10, isolation_level=None)
for _ in range(50):
    try:
        db.execute("BEGIN EXCLUSIVE")
        break
    except sqlite3.OperationalError:
        time.sleep(0.1)
check(grows(site), "with the database locked, recording goes on")
time.sleep(6)
check(grows(site), "and on")
db.execute("COMMIT")
db.close()
time.sleep(3)
healthy(site, "locked database")

# ---- the volume goes away and comes back
place = pathlib.Path(tempfile.mkdtemp(prefix="lethe-volume-"))
real, mount = place / "real", place / "mount"
real.mkdir()
mount.mkdir()
if os.geteuid() != 0 or subprocess.run(["mount", "--bind", real, mount], capture_output=True).returncode != 0:
    skip("vanished volume", "mounting is not allowed here")
else:
    site = Site({"node": "storage"})
    site.data = mount / "data"
    site.start()
    site.add("cam", sim.url(0))
    check(site.recording("cam", frames=40), "records on a mounted volume")
    subprocess.run(["umount", "-l", mount], check=True)
    time.sleep(6)
    below = [p for p in mount.rglob("*.mp4")]
    check(not below, "nothing is written below the mount point", str(below))
    check("volume" in site.log_text(), "the log names the volume", site.log_text()[-500:])
    subprocess.run(["mount", "--bind", real, mount], check=True)
    check(wait_for(lambda: site.status() and site.status()["disk"]["state"] == "ok", 20), "the volume is found again",
          site.log_text()[-500:])
    check(grows(site), "recording goes on there")
    healthy(site, "vanished volume")
    subprocess.run(["umount", "-l", mount])
shutil.rmtree(place, ignore_errors=True)

# ---- the wall clock is stepped
plain = harness.plain()
if not FAKETIME or not plain:
    skip("stepped clock", "needs libfaketime and a build without sanitizers")
else:
    harness.LETHE = plain
    site = Site({"node": "storage"})
    (site.data / "run").mkdir(mode=0o700, parents=True)
    stamp = site.data / "run/faketime"
    stamp.write_text("+0\n")
    site.env.update(LD_PRELOAD=str(FAKETIME), FAKETIME_TIMESTAMP_FILE=str(stamp), FAKETIME_NO_CACHE="1",
                    DONT_FAKE_MONOTONIC="1", FAKETIME_DONT_FAKE_MONOTONIC="1")
    site.start()
    site.add("cam", sim.url(0))
    check(site.recording("cam", frames=40), "records with a clock that can be stepped", site.log_text()[-800:])
    for step in ("+3600", "+0", "-3600", "+0"):
        stamp.write_text(step + "\n")
        check(wait_for(lambda: "clock-stepped" in kinds(site), 10), f"clock at {step} s: alarm", site.log_text()[-500:])
        check(grows(site), f"clock at {step} s: recording goes on", str(site.camera("cam"))[:400])
        check(site.camera("cam")["frames_lost"] == 0, f"clock at {step} s: no frame lost", str(site.camera("cam"))[:400])
    healthy(site, "stepped clock")
sim.stop()
finish()
