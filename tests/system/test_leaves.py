#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""From what happens to what the public log says: a node that starts, cameras that change, a logger that is away."""
import os
import signal
import sqlite3
import subprocess

from harness import LETHE, Sim, Site, check, finish, run, wait_for

TMP = os.environ.get("TMPDIR", "/tmp")


def kinds(site):
    return [e.split("\n")[0].split(" ")[1] for e in site.entries()]


def logger_pid(site):
    out = subprocess.run(["pgrep", "-P", str(site.node.pid), "-f", "logger"], capture_output=True, text=True).stdout
    return int(out.split()[0]) if out.split() else None


sim = Sim(TMP, "--size", "320x240", "--scenes", 1, "--bitrate", "200k", log=False)
site = Site({"node": "leaves", "mask": "{enabled: no}"})
site.start()
check(wait_for(lambda: {"node-start", "policy", "custodians"} <= set(kinds(site)), 30), "a start says who and what", str(kinds(site)))
site.add("gate", sim.url(0))
check(wait_for(lambda: kinds(site).count("camera") == 1, 30), "a camera that is added by a command is told", str(kinds(site)))
entry = next(e for e in site.entries() if " camera\n" in e)
check("\ncamera gate\nchange added\n" in entry and str(sim.port) not in entry, "without its address", entry)

# ---- a logger that is away
pid = logger_pid(site)
os.kill(pid, signal.SIGSTOP)
run("camera", "set", "gate", "--data", site.data, "--place", "Bridge Street 1")
run("camera", "set", "gate", "--data", site.data, "--retention-days", 7)
check(site.recording("gate", frames=40), "recording does not wait for the log")
os.kill(pid, signal.SIGCONT)
check(wait_for(lambda: kinds(site).count("camera") == 3, 60), "what was told meanwhile comes late", str(kinds(site)))
os.kill(logger_pid(site), signal.SIGKILL)
run("camera", "remove", "gate", "--data", site.data, "--yes")
check(wait_for(lambda: kinds(site).count("camera") == 4, 60), "and is neither lost nor doubled by a death", str(kinds(site)))
check("change removed" in site.entries()[-1], "in order", site.entries()[-1])

# ---- holds
r = run("hold", "add", "--data", site.data, "--camera", "gate", "--from", "-5m", "--to", "now", "--until", "3s", "--reason", "court-order")
check(r.returncode == 0, "a hold is made", r.stderr)
check(wait_for(lambda: kinds(site).count("hold") == 2, 60), "told, and told again when it ends by itself", str(kinds(site)))
check(all(f"\nchange {c}\ncamera gate\n" in e for c, e in zip(("added", "ended"), (e for e in site.entries() if " hold\n" in e))),
      "with camera and change", "".join(site.entries()[-2:]))
check("nothing is held" in run("hold", "list", "--data", site.data).stdout, "nothing is held then")

# ---- another start, the same promises
site.stop()
site.start()
check(wait_for(lambda: kinds(site).count("node-start") == 2, 30), "another start is told", str(kinds(site)))
check(kinds(site).count("policy") == 1 and kinds(site).count("custodians") == 1, "what is as it was is not", str(kinds(site)))
r = run("log", "verify", site.data / "log")
check(r.returncode == 0, "the log verifies", r.stderr + r.stdout)

# ---- masked views that are missing for a minute: a recorder without its maskers
site.stop()
recorder = subprocess.Popen([LETHE, "recorder", "--data", site.data], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def waiting():
    db = sqlite3.connect(f"file:{site.data}/lethe.db?mode=ro", uri=True, timeout=10)
    try:
        return [text for (text,) in db.execute("SELECT text FROM outbox WHERE kind = 'masking'")]
    finally:
        db.close()


check(wait_for(lambda: any("\nchange failed\n" in t for t in waiting()), 150, 2), "masking that fails is told", str(waiting()))
recorder.terminate()
check(recorder.wait(60) == 0, "and the recorder ends")
site.remove()
sim.stop()
finish()
