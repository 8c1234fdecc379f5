#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the public log says of hours and days: the hourly manifest, what was forgotten, what is kept shorter than promised."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

import harness

FAKETIME = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
PLAIN = harness.plain()  # libfaketime and sanitizers exclude each other
if not FAKETIME or not PLAIN:
    harness.skip("hours", "needs libfaketime and a build without sanitizers")
    harness.finish()
harness.LETHE = PLAIN
from harness import Sim, Site, check, finish, run, skip, wait_for  # noqa: E402

HOUR = 3600


def at(site, offset):
    """The node's wall clock from its next start on."""
    site.env.update(LD_PRELOAD=str(FAKETIME), FAKETIME=f"{offset:+d}", FAKETIME_DONT_FAKE_MONOTONIC="1", DONT_FAKE_MONOTONIC="1")


def before_the_hour(seconds, later=0):
    """An offset that puts the clock @seconds before a full hour."""
    return int(HOUR - time.time() % HOUR - seconds) + later * HOUR


def number(entry, key):
    return int(re.search(rf"^{key} (\d+)$", entry, re.M)[1])


def sealed():
    return set((site.data / "recordings").rglob("*-sealed.mp4"))


def small_disk(folder):
    folder.mkdir()
    return os.geteuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", folder], capture_output=True).returncode == 0


base = pathlib.Path(tempfile.mkdtemp(prefix="lethe-hours-"))
sim = Sim(base, "--size", "640x360", "--scenes", 1, "--bitrate", "6M", "--fps", 15, cameras=2, log=False)

# ---- beside the rest: a disk that is too small for what was promised
small = base / "small"
tight = None
if small_disk(small):
    tight = Site({"node": "tight", "epoch_minutes": 1, "mask": "{enabled: no}", "disk": "{reserve: 70M, when_full: oldest-first}"})
    tight.data = small / "data"
    tight.start()
    tight.add("cam", sim.url(0))
    tight.add("dam", sim.url(1))

# ---- an hour that ends
site = Site({"node": "hours", "epoch_minutes": 1, "retention_days": 1, "mask": "{enabled: no}"})
at(site, before_the_hour(40))
site.start()
site.add("gate", sim.url(0))
check(site.recording("gate", frames=40), "a camera records in the last minute of an hour", site.log_text()[-800:])
site.stop()
recorded = sealed()
at(site, before_the_hour(-85))  # what ends with the hour has 90 s to be closed
site.start()
check(wait_for(lambda: site.entries("manifest"), 40, 0.5), "when the hour is over, its manifest is told", str(site.entries())[-600:])
check(any(number(e, "recordings") == len(recorded) for e in site.entries("manifest")), "with what was recorded in it", str(site.entries("manifest")))
site.stop()

# ---- a day and some hours later: a node that was away for more than a day would not believe its clock
at(site, before_the_hour(-200, later=20))
site.start()
time.sleep(5)
check(not recorded - sealed() and not site.entries("erasure"), "twenty hours later nothing is forgotten: the day is not over")
site.stop()
at(site, before_the_hour(1800, later=30))
site.start()
check(wait_for(lambda: not recorded & sealed(), 90, 0.5), "a day later it is", str(recorded & sealed()))
site.stop()
at(site, before_the_hour(-85, later=30))
site.start()
check(wait_for(lambda: site.entries("erasure"), 40, 0.5), "and when the hour is over that is told", site.log_text()[-800:])
gone = (site.entries("erasure") or [""])[0]
check("\nreason retention\n" in gone and number(gone, "recordings") >= len(recorded) and number(gone, "share-files") >= 1,
      "with recordings and shares", gone)
r = run("audit", site.data, env=site.env)
site.stop()
check(r.returncode == 0, "the audit agrees", r.stdout[-800:] + r.stderr[-400:])

if tight:
    check(wait_for(lambda: tight.entries("shortfall"), 120, 1), "a disk that is too small is told", tight.log_text()[-800:])
    short = (tight.entries("shortfall") or [""])[0]
    check("\npromised-days 30\n" in short and number(short, "actual-hours") == 0, "with what was promised and what is", short)
    tight.stop()
    subprocess.run(["umount", "-l", small])
    tight.remove()
else:
    skip("shortfall", "mounting is not allowed here")
sim.stop()
site.remove()
shutil.rmtree(base, ignore_errors=True)
finish()
