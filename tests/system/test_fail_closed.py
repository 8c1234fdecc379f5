#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Masking fails closed: whatever happens to maskers and streams, no picture of a person as it was filmed gets into a masked
file or to a live viewer, and the originals are recorded without a loss. What a person looks like is known from the
opened originals, where persons are from the simulator. With $LETHE_KEEP, a folder, bad pictures are kept there.
"""
import json
import os
import signal
import subprocess
import time

from harness import Sim, Site, check, finish, wait_for
from maskview import Live, Truth, empty_place, exposures, keep, leaks, read_truth, timed

W, H = 640, 360
TMP = os.environ.get("TMPDIR", "/tmp")

faults = os.path.join(TMP, "faults.txt")
with open(faults, "w", encoding="utf-8") as f:
    f.write("""at 18s cam1 loss 15% for 4s
at 25s cam1 skip 7
at 28s cam1 garbage 4k
at 31s cam1 param-change
at 37s cam1 drop
at 42s cam1 ts-jump 1h
at 47s cam1 cut
""")
truth_path = os.path.join(TMP, "truth.jsonl")
sim = Sim(TMP, "--size", f"{W}x{H}", "--fps", 10, "--gop", 20, "--scenes", 2, "--scene", "empty-first", "--scene-seconds", 60,
          "--bitrate", "700k", "--faults", faults, "--truth", truth_path, cameras=4)
# steady: nothing is wrong with the camera. rough: everything is. swapped: its address changes to another place.
site = Site({"node": "closed", "mask": "{workers: 2, learn: 5s}"}).start()
site.add("steady", sim.url(0))
site.add("rough", sim.url(1))
site.add("swapped", sim.url(2))
names = ("steady", "rough", "swapped")
swapped_at = None


def mask(name):
    c = site.camera(name)
    return c["mask"] if c else {"state": "?", "frames_recorded": 0, "masker": None}


def masker_of(name):
    """Process id of the masker that has the camera now."""
    number = mask(name)["masker"]
    for pid in site.child_pids("masker"):
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            args = f.read().split(b"\0")
        if args[args.index(b"--number") + 1] == str(number).encode():
            return pid
    return None


def states_since(name, n):
    return [s["state"] for s in live.states(name)[n:]]


def sees(name, state, what, seconds=20):
    before = len(live.states(name)) - 1
    return check(wait_for(lambda: state in states_since(name, max(before, 0)), seconds), what,
                 f"{states_since(name, 0)[-8:]} {mask(name)}")


def returns(name, what, seconds=40):
    n = mask(name)["frames_recorded"]
    return check(wait_for(lambda: mask(name)["frames_recorded"] > n + 10, seconds), what, f"{mask(name)}\n{site.log_text()[-1200:]}")


live = Live(site.data, ["*"])
check(wait_for(lambda: all(mask(n)["frames_recorded"] > 20 for n in names), 60), "three cameras have a masked view",
      str([mask(n) for n in names]))
site.control(op="mask.declare_empty", id="steady", empty=True)
check(wait_for(lambda: mask("steady")["state"] == "declared", 60), "a place that was declared empty is learnt and shown",
      str(mask("steady")))

os.kill(masker_of("steady"), signal.SIGKILL)
sees("steady", "no-masker", "masker killed: viewers are told")
returns("steady", "and a new one covers, then shows")
after_kill = len(live.states("steady"))

pid = masker_of("steady")
os.kill(pid, signal.SIGSTOP)
sees("steady", "late", "masker stopped: late after 2 s")
n = len(live.of("steady", "F"))
time.sleep(3)
check(len(live.of("steady", "F")) == n, "no picture while it is stopped")
os.kill(pid, signal.SIGCONT)
returns("steady", "and it catches up when it goes on")

end = time.monotonic() + 8
while time.monotonic() < end:  # starved: a tenth of the time
    os.kill(pid, signal.SIGSTOP)
    time.sleep(0.9)
    os.kill(pid, signal.SIGCONT)
    time.sleep(0.1)
returns("steady", "masker starved, then fed")

swapped_at = time.time()
r = subprocess.run([os.environ.get("LETHE_BIN", "build/lethe"), "camera", "set", "swapped", "--main", sim.url(3), "--data",
                    str(site.data)], capture_output=True, text=True)
check(r.returncode == 0, "a camera's address changes to another place", r.stderr)
check(wait_for(lambda: mask("swapped")["state"] == "covered", 15), "which is covered until it is known", str(mask("swapped")))
returns("swapped", "and then has a masked view")

pid = masker_of("steady")
os.kill(pid, signal.SIGSTOP)  # what a detector that hangs for good looks like from outside
check(wait_for(lambda: pid not in site.child_pids("masker"), 40), "a masker that hangs is replaced")
returns("steady", "and its cameras come back", 60)
check(wait_for(lambda: len(read_truth(truth_path, 0, "main")) > 900, 120, 1), "people were there all the time")

check("declared" not in states_since("steady", after_kill), "no declaration outlives the masker that was told",
      str(states_since("steady", after_kill)))
before = site.camera("steady")
check(before["frames_lost"] == 0 and not before["gaps"][1:], "originals: nothing lost, no gap", str(before["gaps"])[:600])
check(0 <= before["frames_received"] - before["frames_recorded"] <= 30, "frames in = frames recorded", str(before)[:300])
check(site.camera("rough")["frames_recorded"] > 300, "the broken camera is recorded as well as can be")
code = site.stop()
check(code == 0, f"the node stops ({code})", site.log_text()[-800:])
ends = [r for _, _, r in site.recordings("steady")]
check("masker-late" in ends and "masker-lost" in ends, "masked recordings end with the reason", str(ends))
sealed = [r for _, _, r in site.recordings("steady", "sealed")]
check(set(sealed) <= {"epoch", "shutdown"}, "and sealed ones as if nothing had been", str(sealed))

# ---- what was to be seen
for name, camera in (("steady", 0), ("rough", 1), ("swapped", 2)):
    out = site.folder / f"{name}.mp4"
    spans = [(None, None, camera)]
    if name == "swapped":
        spans = [(None, swapped_at, 2), (swapped_at + 1, None, 3)]
    stamp = lambda t: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(t))
    for start, stop, number in spans:
        out.unlink(missing_ok=True)
        r = site.open(name, out, stamp(start) if start else "2020-01-01T00:00:00Z", stamp(stop) if stop else "2100-01-01T00:00:00Z")
        if not check(r.returncode == 0, f"{name}: originals open", r.stderr):
            continue
        first = json.loads(r.stdout)["first"]
        base = time.mktime(time.strptime(first[:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone + float("0." + first[20:-1])
        originals = timed(out, base, W, H)
        truth = Truth(truth_path, number, "main", W, H)
        place = empty_place(originals, truth)
        blind = leaks(originals[::3], originals, truth, place)
        check(len(exposures(blind)) * 2 > len(blind), f"{name}: unmasked pictures would be found ({len(exposures(blind))} of {len(blind)})")
        share = sum(s for _, s, _ in blind) / max(1, sum(p for _, _, p in blind))
        check(blind and share > 0.15, f"{name}: the measure sees people in originals ({share:.2f} of their structure)")
        pictures = [p for path, at, _ in site.recordings(name) for p in timed(path, at, W, H)]
        shown = []
        for i, (init, fragments) in enumerate(live.streams(name)):
            path = site.folder / f"{name}-live-{i}.mp4"
            path.write_bytes(init + b"".join(x[2] for x in fragments))
            raw = timed(path, 0, W, H)
            offset = fragments[0][0] / 1e6 - raw[0][0] if raw else 0
            shown += [(t + offset, p) for t, p in raw]
        for what, seen in (("files", pictures), ("live", shown)):
            found = leaks(seen, originals, truth, place)
            bad = [(round(t - base, 1), s, p) for t, s, p in exposures(found)]
            for t, _, _ in bad if "LETHE_KEEP" in os.environ else ():
                keep(os.environ["LETHE_KEEP"], f"{name}-{number}-{what}", t + base, seen, originals)
            check(len(found) > 50 and not bad, f"{name}: no person is seen in masked {what} ({len(found)} pictures with people)",
                  f"{len(bad)} bad: {bad[:8]}")
sim.stop()
site.remove()
finish()
