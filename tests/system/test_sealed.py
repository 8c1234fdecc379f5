#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Nothing readable on disk, and no opening with too few or the wrong custodians."""
import pathlib
import shutil
import subprocess
import time

import mp4probe
from harness import Sim, Site, check, finish, run

site = Site({"node": "sealed"}).start()
sims = {"avc": Sim(site.folder, "--size", "640x360", "--scenes", 1, "--slices", 2, log=False),
        "hevc": Sim(site.folder, "--size", "640x360", "--scenes", 1, "--scene-seconds", 6, "--codec", "h265", log=False)}
for name, sim in sims.items():
    site.add(name, sim.url(0))
check(site.recording(*sims, frames=200, seconds=60), "both cameras record", site.log_text()[-1500:])
recorder = site.recorder_pid()
environ = pathlib.Path(f"/proc/{recorder}/environ").read_bytes() if recorder else b""
cmdline = pathlib.Path(f"/proc/{recorder}/cmdline").read_bytes() if recorder else b""
site.stop()
for sim in sims.values():
    sim.stop()

# ---- no 16-byte run of slice or SEI payload is on the disk
SEALED = {"avc": lambda h: h & 31 in (1, 2, 3, 4, 5, 6), "hevc": lambda h: (h >> 1) & 63 < 32 or (h >> 1) & 63 in (39, 40)}
runs = set()
for name in sims:
    out = site.folder / f"{name}.mp4"
    r = site.open(name, out)
    check(r.returncode == 0, f"{name}: two of three custodians open it", r.stderr)
    data, tracks = mp4probe.read(out)
    track = next(t for t in tracks.values() if t.handler == "vide")
    for _, _, offset, size in track.samples:
        for nal in mp4probe.nals(data, offset, size):
            if not SEALED[name](nal[0]):
                continue
            header = 1 if name == "avc" else 2
            keep = header + (len(nal) - header) % 16  # up to 15 bytes stay clear, by the rule all16
            for at in range(keep, len(nal) - 15, 16):
                run16 = nal[at:at + 16]
                if len(set(run16)) > 4:  # cabac_zero_words and filler are no secrets
                    runs.add(run16)
check(len(runs) > 10000, f"{len(runs)} runs of 16 bytes of the originals to look for")
found, searched = 0, 0
for path in site.data.rglob("*"):
    if not path.is_file():
        continue
    blob = path.read_bytes()
    searched += len(blob)
    found += sum(1 for at in range(len(blob) - 15) if blob[at:at + 16] in runs)
check(found == 0 and searched > 1e6, f"none of them in {searched} bytes of the data directory", f"{found} found")

# ---- secrets are where they belong only
secrets = [line.encode() for i in site.identities(3) for line in i.read_text().splitlines() if line.startswith("AGE-SECRET")]
check(len(secrets) == 3, "the practice custodians have their identities")
log = site.log_text().encode()
leaks = [p for p in site.data.rglob("*") if p.is_file() and "practice" not in p.parts
         and any(s in p.read_bytes() for s in secrets)]
check(not leaks, "no custodian secret elsewhere in the data directory", str(leaks))
check(not any(s in log or s in environ or s in cmdline for s in secrets), "nor in the log, environment or command line")
check(all(i.stat().st_mode & 0o77 == 0 for i in site.identities(3)), "identity files are for their owner alone")

# ---- refusals
out = site.folder / "refused.mp4"
r = site.open("avc", out, identities=site.identities(1))
check(r.returncode != 0 and not out.exists() and "2" in r.stderr, "one custodian of two opens nothing: " + r.stderr.strip())
r = site.open("avc", out, identities=[site.identities(1)[0]] * 2)
check(r.returncode != 0 and not out.exists(), "the same custodian twice opens nothing: " + r.stderr.strip())
stranger = site.folder / "stranger.txt"
run("custodian", "keygen", "-o", stranger)
r = site.open("avc", out, identities=[site.identities(1)[0], stranger])
check(r.returncode != 0 and not out.exists(), "a stranger's identity opens nothing: " + r.stderr.strip())

# a recording of one camera passed off as another's: the share's context says no
swapped = site.folder / "swapped"
shutil.copytree(site.data, swapped)
avc = sorted((swapped / "recordings" / "avc").rglob("*sealed*.mp4"))[0]
hevc = sorted((swapped / "recordings" / "hevc").rglob("*sealed*.mp4"))[0]
blob = bytearray(avc.read_bytes())
at = blob.find(b"uuid")
check(at > 0 and b"avc" in blob, "the recording names its camera")
(swapped / "lethe.db").unlink()
for extra in ("lethe.db-wal", "lethe.db-shm"):
    (swapped / extra).unlink(missing_ok=True)
target = swapped / "recordings" / "hevc" / avc.parent.name
for f in target.glob("*.mp4"):
    f.unlink()
shutil.copy(avc, target / avc.name)
ids = [i for p in site.identities() for i in ("--identity", p)]
r = run("open", "--data", swapped, "--camera", "hevc", "--from", "2020-01-01T00:00:00Z", "--to", "2100-01-01T00:00:00Z",
        "-o", out, *ids)
check(r.returncode != 0 and not out.exists(), "another camera's recording is refused: " + r.stderr.strip()[-300:])

# ---- stock FFmpeg without a key sees nothing
r = subprocess.run(["ffmpeg", "-v", "error", "-i", sorted((site.data / "recordings" / "avc").rglob("*sealed*.mp4"))[0], "-frames:v", "5",
                    "-f", "null", "-"], capture_output=True, text=True)
check(r.stderr.strip() != "", "a player without the key shows errors, not pictures")
site.remove()
finish()
