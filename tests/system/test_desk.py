#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The custodian's desk: its code against the command line, and the page in Chromium from a local file."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

from harness import LETHE, Sim, Site, check, finish, run

source = pathlib.Path(os.environ.get("LETHE_SRC", pathlib.Path(__file__).resolve().parents[2]))
desk, e2e = source / "web" / "desk", source / "tests" / "e2e"
for folder, probe in ((desk, "node_modules/age-encryption"), (e2e, "node_modules/playwright-core")):
    if not (folder / probe).exists() and subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=folder, capture_output=True).returncode != 0:
        print("1..0 # SKIP npm cannot install what the desk is made of")
        sys.exit(77)

site = Site({"epoch_minutes": 1, "node": "hall-1", "mask": "{enabled: false}"}).start()
sim = Sim(site.folder, "--size", "320x240", "--scenes", 1, log=False)
site.add("gate", sim.url(0))
check(site.recording("gate", frames=40, seconds=60), "the camera records", site.log_text()[-1500:])
time.sleep(5)
common = ["--data", site.data, "--config", site.config]
ids = site.identities(3)
out = site.folder / "desk.html"
r = subprocess.run(["npx", "vite", "build", "--outDir", str(site.folder / "built"), "--emptyOutDir"], cwd=desk, capture_output=True, text=True)
built = site.folder / "built" / "desk.html"
check(built.exists() and not re.search(r'(src|href)="[^#"]', built.read_text()), "the desk is one file that loads nothing", r.stdout + r.stderr)


def request(name):
    r = run("case", "request", *common, "--camera", "gate", "--from", "-4s", "--to", "now", "--purpose", "crime", "--basis", "hk.pdpo-58",
            "--reference", "x", "--session", site.folder / name, "--json")
    return json.loads(r.stdout)["id"] if r.returncode == 0 else print(r.stderr)


def lines(r):
    for line in r.stdout.splitlines():
        if line.startswith(("ok - ", "not ok - ")):
            check(line.startswith("ok"), line.split(" - ", 1)[1])
    if r.returncode:
        print("# " + r.stderr[-2000:].replace("\n", "\n# "))
        check(False, "the script ends well")


case = request("s1.txt")
lines(subprocess.run(["node", "core.test.mjs", pathlib.Path(LETHE).resolve(), site.data, site.config, case, ids[0], ids[1]], cwd=desk,
                     capture_output=True, text=True))
case = request("s2.txt")
run("case", "bundle", case, *common, "-o", site.folder / "case.json")
key, answer = site.folder / "log.key", site.folder / "approval.txt"
shutil.copy(site.data / "log" / "keys", key)
if pathlib.Path(os.environ.get("LETHE_CHROMIUM", "/usr/bin/chromium")).exists():
    lines(subprocess.run(["node", "desk.mjs", built, site.folder / "case.json", ids[0], key, answer, *([os.environ["LETHE_SHOTS"]] if
                          "LETHE_SHOTS" in os.environ else [])], cwd=e2e, capture_output=True, text=True, timeout=240))
    r = run("case", "approve", case, answer, *common, "--json")
    check(r.returncode == 0, "the node takes what the page signed", r.stderr)
else:
    run("custodian", "approve", case, *common, "--identity", ids[0], "--yes")
check(run("custodian", "approve", case, *common, "--identity", ids[1], "--yes").returncode == 0, "a second custodian approves by command line")
r = run("case", "open", case, *common, "--session", site.folder / "s2.txt", "-o", site.folder / "gate.mp4", "--json")
check(r.returncode == 0 and json.loads(r.stdout)["frames"] > 30, "and the pictures open", r.stderr)
site.stop()
sim.stop()
site.remove()
finish()
