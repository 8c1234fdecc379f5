#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Masked views from camera to file and live viewer: what is recorded, what plays, what the index and live.sock say."""
import json
import os
import subprocess
import time

from harness import Sim, Site, check, finish, run, wait_for
from maskview import Live, probe_times

TMP = os.environ.get("TMPDIR", "/tmp")
sim = Sim(TMP, "--size", "960x540", "--sub-size", "640x360", "--scenes", 2, "--scene-seconds", 8, cameras=4)
site = Site({"node": "masked", "epoch_minutes": 1, "mask": "{workers: 2, learn: 5s}"}).start()


def masked(name):
    c = site.camera(name)
    return c["mask"] if c and c.get("mask") else {"state": "", "frames_recorded": 0, "masker": None, "fps": 0}


def probe(path):
    r = subprocess.run(["ffprobe", "-v", "error", "-count_frames", "-show_entries",
                        "stream=codec_name,profile,width,height,nb_read_frames:format=duration", "-of", "json", str(path)],
                       capture_output=True, text=True)
    j = json.loads(r.stdout or "{}")
    return (j.get("streams") or [{}])[0], float(j.get("format", {}).get("duration", 0)), r.stderr


site.add("both", sim.url(0), "--sub", sim.url(0, "sub"))
site.add("one", sim.url(1))
site.add("off", sim.url(2), "--disabled") if "--disabled" in run("camera", "add", "--help").stdout else None
check(wait_for(lambda: masked("both")["frames_recorded"] > 20 and masked("one")["frames_recorded"] > 20, 60),
      "both kinds of cameras have a masked view", f"{masked('both')} {masked('one')}\n{site.log_text()[-1500:]}")
check(site.camera("one")["frames_lost"] == 0 and site.camera("both")["frames_lost"] == 0, "and originals lose nothing")
for name in ("both", "one"):
    m = masked(name)
    check(m["state"] in ("covered", "mosaic", "detector", "declared") and m["reason"], f"{name}: state in words", str(m))
    check(m["masker"] in (0, 1) and 5 < m["fps"] < 12, f"{name}: a masker gives about 10 pictures a second", str(m))
shown = run("status", "--data", site.data).stdout
check(masked("both")["state"] in shown, "lethe status shows the state", shown)

# ---- live
live = Live(site.data, ["both"])
check(wait_for(lambda: len(live.of("both", "F")) >= 15, 20), "live.sock delivers", f"{len(live.messages)} {live.error}")
kinds = [m[1] for m in live.of("both")]
check(kinds[0] == "C" and "I" in kinds and kinds.index("I") < kinds.index("F"), "state, then initialisation, then fragments",
      str(kinds[:10]))
first = live.of("both", "F")[0]
began = live.messages[0][0]
check(first[4] & 1 == 1 and first[0] - began < 1.0, "the first picture comes at once and is a key frame")
check(not live.of("one"), "only what was asked for")
late = [m for m in live.of("both", "F")][-5:]
spans = [b[3] - a[3] for a, b in zip(late, late[1:])]
check(all(100_000 <= s <= 400_000 for s in spans), "fragments of about 0.2 s", str(spans))
state = live.states("both")[-1]
check({"state", "reason", "at", "objects"} <= set(state), "a state has what live.md says", str(state))
live.subscribe(["both", "one"])
check(wait_for(lambda: live.of("one", "F"), 10), "another camera is added to the set")
live.subscribe(["one"])
time.sleep(1)
n = len(live.of("both"))
time.sleep(1.5)
check(len(live.of("both")) == n, "a camera that left the set is silent")
init, fragments = live.streams("one")[0]
path = site.folder / "live.mp4"
path.write_bytes(init + b"".join(f[2] for f in fragments))
stream, seconds, said = probe(path)
check(stream.get("codec_name") == "h264" and int(stream.get("nb_read_frames", 0)) >= len(fragments) and not said,
      f"what live.sock sent plays ({stream.get('nb_read_frames')} pictures)", said)
bad = Live(site.data, ["*"])
bad.send(b"X")
check(wait_for(lambda: not bad.is_alive(), 10), "who does not speak the language is cut off")

# ---- epochs, files
check(wait_for(lambda: len(site.recordings("both")) >= 2, 90), "an epoch ends", str(site.recordings("both")))
time.sleep(3)
live.subscribe(["*"])
code = site.stop()
check(code == 0, f"the node stops ({code})")
check(live.states("one")[-1]["state"] in ("no-stream", "off"), "viewers are told of the end", str(live.states("one")[-1]))
for name in ("both", "one"):
    rows = site.recordings(name)
    check(len(rows) >= 2 and all(p.exists() for p, _, _ in rows), f"{name}: masked recordings are in the index")
    check([r for _, _, r in rows][:-1] == ["epoch"] * (len(rows) - 1) and rows[-1][2] == "shutdown", f"{name}: reasons of their ends",
          str(rows))
    for path, start, _ in rows:
        stream, seconds, said = probe(path)
        check(stream.get("codec_name") == "h264" and not said, f"{path.name} plays", said)
        r = subprocess.run(["ffmpeg", "-v", "error", "-i", str(path), "-f", "null", "-"], capture_output=True, text=True)
        check(r.returncode == 0 and not r.stderr, f"{path.name} decodes without a word", r.stderr[:300])
        check(abs(int(stream.get("width", 0)) - 640) <= 2 and int(stream["height"]) == 360, f"{path.name} is 640x360", str(stream))
    if len(rows) >= 2:
        times = probe_times(rows[0][0])
        gap = rows[1][1] - (rows[0][1] + times[-1])
        check(0 < gap < 0.5, f"{name}: no gap between epochs", f"{gap} s")
    sealed = site.recordings(name, "sealed")
    check(abs(sealed[0][1] - rows[0][1]) < 15, f"{name}: masked and sealed view are of the same time")
minutes = site.activity("both")
check(len(minutes) >= 2 and max(m["motion_max"] for m in minutes) > 0, "motion by the minute is in the index", str(minutes))
r = run("fsck", "--data", site.data, "--verify", "--json")
check(r.returncode == 0 and json.loads(r.stdout)["ok"], "fsck is content with masked recordings", r.stdout[:500] + r.stderr)
r = site.open("both", site.folder / "out.mp4")
check(r.returncode == 0, "lethe open opens originals beside masked ones", r.stderr)
sim.stop()
site.remove()
finish()
