#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Makes web/test/fixtures/case.json and sealed.mp4 by command line: a case with its order, answers, shares and one recording, and
what `lethe open` says is in it. Not a test: run it anew when a format changes.    case_fixture.py FOLDER"""
import base64
import datetime
import hashlib
import json
import pathlib
import sys
import time

import mp4probe
from harness import Sim, Site, run

out = pathlib.Path(sys.argv[1])
site = Site({"epoch_minutes": 1, "node": "hall-1", "mask": "{enabled: false}"}).start()
sim = Sim(site.folder, "--size", "160x120", "--fps", 5, "--gop", 10, "--bitrate", "30k", "--scenes", 1, log=False)
boundary = 60 * (int(time.time()) // 60 + 1)
time.sleep(max(0, boundary - 12 - time.time()))
site.add("gate", sim.url(0))
site.recording("gate", frames=10, seconds=40)
boundary = 60 * (int(time.time()) // 60 + 1)
time.sleep(boundary + 12 - time.time())
site.stop()
sim.stop()
rfc = lambda t: datetime.datetime.fromtimestamp(t, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
common = ["--data", site.data, "--config", site.config]
session, approvals = site.folder / "session.txt", []
r = run("case", "request", *common, "--camera", "gate", "--from", rfc(boundary - 8), "--to", rfc(boundary + 6), "--purpose", "crime", "--basis", "hk.pdpo-58",
        "--reference", "RN26001234", "--session", session, "--json")
case = json.loads(r.stdout)["id"]
bundle, refusal = site.folder / "case.json", site.folder / "refusal.txt"
run("case", "bundle", case, *common, "-o", bundle)
for i, who in enumerate(site.identities(2)):
    run("custodian", "approve", case, *common, "--identity", who, "--yes", "-o", site.folder / f"a{i}")
    run("case", "approve", case, site.folder / f"a{i}", *common)
    approvals.append((site.folder / f"a{i}").read_text())
sealed = sorted((site.data / "recordings" / "gate").rglob("*sealed*.mp4"), key=lambda p: (str(p.parent), p.name))[-1]
clear = site.folder / "clear.mp4"
r = site.open("gate", clear, start=rfc(boundary), end=rfc(boundary + 60))
assert r.returncode == 0, r.stderr
(out / "sealed.mp4").write_bytes(sealed.read_bytes())
(out / "case.json").write_text(json.dumps({
    "bundle": json.loads(bundle.read_text()), "session": session.read_text(), "reference": "RN26001234", "approvals": approvals,
    "custodians": (site.data / "cases" / case / "custodians").read_text(), "boundary": boundary * 1000,
    "nals": [n for _, hashes in mp4probe.video(clear) for n in hashes],
}, indent=1) + "\n")
site.remove()
