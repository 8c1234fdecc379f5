#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A case by command line: order, log, two approvals, pictures that are bit for bit the camera's; and what must not work."""
import datetime
import json
import pathlib
import shutil
import subprocess
import time

import mp4probe
from harness import LETHE, Sim, Site, check, finish, run, skip, subsequence

site = Site({"epoch_minutes": 1, "node": "hall-1", "cases": "{camera_hours: 2}"}).start()
sim = Sim(site.folder, "--size", "640x360", "--scenes", 1, "--scene-seconds", 6, cameras=2, log=True)
for i, name in enumerate(("gate", "door")):
    site.add(name, sim.url(i))
check(site.recording("gate", "door", frames=50, seconds=60), "both cameras record", site.log_text()[-1500:])


def seconds_into_minute():
    return time.time() % 60


# a span over one epoch boundary that ends in the past
start = time.time()
if seconds_into_minute() > 50:
    time.sleep(12)
    start = time.time()
boundary = start + 60 - start % 60
time.sleep(max(0, boundary + 14 - time.time()))
span = (boundary - 5, boundary + 8)


def rfc(t):
    return datetime.datetime.fromtimestamp(t, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


common = ["--data", site.data, "--config", site.config]
ids = site.identities(3)


def request(session, *extra, cameras=("gate",), times=span, purpose="crime", basis="hk.pdpo-58"):
    args = ["case", "request", *common, "--from", rfc(times[0]), "--to", rfc(times[1]), "--purpose", purpose, "--basis", basis,
            "--reference", "RN26001234", "--session", session, "--json", *extra]
    for c in cameras:
        args += ["--camera", c]
    return run(*args)


def approve(case, who, *extra):
    return run("custodian", "approve", case, *common, "--identity", who, "--yes", "--json", *extra)


def open_case(case, session, out, *extra):
    return run("case", "open", case, *common, "--session", session, "-o", out, "--json", *extra)


def show(case):
    return json.loads(run("case", "show", case, *common, "--json").stdout)


def says(r, *words):
    return r.returncode != 0 and all(w in r.stderr for w in words) and "Sanitizer" not in r.stderr


session, out = site.folder / "session.txt", site.folder / "gate.mp4"
began = time.time()
r = request(session)
check(r.returncode == 0, "an order is taken", r.stderr)
case = json.loads(r.stdout)["id"]
check(session.stat().st_mode & 0o77 == 0 and "# reference salt: " in session.read_text(), "the session's key is the requester's alone")
folder = site.data / "cases" / case
check((folder / "proof").read_text().startswith("c2sp.org/tlog-proof@v1"), "it is in the log, with a proof")
words = run("custodian", "show", case, *common, "--lang", "zh-Hant").stdout
check("調查已報案的罪行" in words and "gate" in words, "the custodian reads it in words", words)

check(says(open_case(case, session, out), "2 custodians must approve, 0 did") and not out.exists(), "no approval opens nothing")
r = approve(case, ids[0])
check(r.returncode == 0, "the first custodian approves", r.stderr)
check(says(open_case(case, session, out), "1 did") and not out.exists(), "one approval opens nothing")
check(says(approve(case, ids[0]), "counts once"), "the same custodian twice counts once")
check(says(open_case(case, session, out), "1 did") and not out.exists(), "and still opens nothing")

# the second one works on a machine of their own: the folder is copied there, the answer comes back as a file
desk, answer, policy = site.folder / "desk", site.folder / "approval.txt", site.folder / "trusted-log"
shutil.copytree(folder, desk)
shutil.copy(site.data / "log" / "keys", policy)
r = run("custodian", "approve", desk, "--data", site.folder / "nowhere", "--identity", ids[2], "--yes", "--trust", policy, "-o", answer)
check(r.returncode == 0 and answer.exists(), "the second approves a copy of the folder, with the log's key pinned", r.stderr)
r = run("case", "approve", case, answer, *common, "--json")
check(r.returncode == 0 and json.loads(r.stdout)["state"] == "approved", "the answer is handed in", r.stderr)
r = open_case(case, session, out)
check(r.returncode == 0, "the session opens it", r.stderr)
print(f"# from order to picture in {time.time() - began:.1f} s")
result = json.loads(r.stdout) if r.returncode == 0 else {"gaps": [1]}
check(not result["gaps"], "without a gap", str(result["gaps"]))
opened = [hashes for _, hashes in mp4probe.video(out)]
sent = [[n["sha256"] for n in row["nals"]] for row in sim.sent(0)]
check(len(opened) > 150 and subsequence(opened, sent) >= 0,
      f"{len(opened)} pictures across an epoch boundary, NAL unit for NAL unit what the camera sent")

# the same span by the identities themselves: equal to the byte
other = site.folder / "all.mp4"
r = run("open", "--data", site.data, "--camera", "gate", "--from", rfc(span[0]), "--to", rfc(span[1]), "-o", other,
        "--identity", ids[0], "--identity", ids[1])
check(r.returncode == 0 and other.read_bytes() == out.read_bytes(), "bit for bit what 'lethe open' gives", r.stderr)

# stock age reads an approval's shares with the session's key
armour = answer.read_text()
armour = armour[armour.index("-----BEGIN AGE"):]
r = subprocess.run(["age", "-d", "-i", session], input=armour, capture_output=True, text=True)
check(r.returncode == 0 and r.stdout.startswith("lethe-shares/v1\n") and r.stdout.count("\nshare ") == 2,
      "stock age decrypts the shares for the session", r.stderr)
r = subprocess.run(["age", "-d", "-i", ids[1]], input=armour, capture_output=True, text=True)
check(r.returncode != 0, "and for nobody else")

r = run("custodian", "refuse", case, *common, "--identity", ids[1], "--yes", "--reason", "too-wide", "--json")
check(r.returncode == 0 and show(case)["state"] == "open", "a third refuses later, without effect", r.stderr)

# ---- evidence: one file, checked offline, with everything that can go wrong found and located
exhibit = site.folder / "exhibit.mp4"
r = run("case", "evidence", case, *common, "--session", session, "-o", exhibit, "--json")
check(says(r, "no manifest yet") and not exhibit.exists(), "not of a recording that is still being written: " + r.stderr.strip())
site.stop()  # from here on without a node: the log is opened under its own lock
r = run("case", "evidence", case, *common, "--session", session, "-o", exhibit, "--json")
check(r.returncode == 0, "evidence is exported", r.stderr)
keys = site.folder / "log.keys"
shutil.copy(site.data / "log" / "keys", keys)


def verify(path, *extra):
    r = run("verify", path, "--trust", keys, "--json", *extra)
    return json.loads(r.stdout) if r.stdout else {"ok": None, "problems": [{"what": "none", "text": r.stderr}], "stderr": r.stderr}


v = verify(exhibit)
check(v["ok"] and v["order_logged"] and v["log_pinned"] and v["approvals"] == 2 and v["fragments"] == v["fragments_right"] > 10,
      f"it verifies: {v.get('fragments')} fragments, 2 approvals, order in the log", str(v))
r = subprocess.run(["ffmpeg", "-v", "error", "-i", exhibit, "-map", "0:v", "-c", "copy", "-bsf:v", "h264_mp4toannexb", "-f", "data", "-"],
                   capture_output=True)
s = subprocess.run(["ffmpeg", "-v", "error", "-i", out, "-map", "0:v", "-c", "copy", "-bsf:v", "h264_mp4toannexb", "-f", "data", "-"],
                   capture_output=True)
check(len(s.stdout) > 10000 and s.stdout[:100000] in r.stdout, "stock FFmpeg reads the same pictures out of it as out of the opened file")
sheet = pathlib.Path(str(exhibit) + ".txt").read_text()
commands = sheet[sheet.index("HOW TO CHECK"):]
script = "set -e\n" + "\n".join(l for l in commands[:commands.index("\n4. ")].splitlines() if l and not l.startswith(("   ", "HOW", "1. ", "2. ", "3. ")))
r = subprocess.run(["bash", "-c", script], cwd=site.folder, capture_output=True, text=True)
check(r.returncode == 0 and "OK" in r.stdout and "decoded" in r.stdout and "Verified Successfully" in r.stdout and not r.stderr.strip(),
      "the stock tools of its cover sheet say so too: sha256sum, ffmpeg, openssl", r.stdout + r.stderr)
check("<pre>" in pathlib.Path(str(exhibit) + ".html").read_text(), "the cover sheet is a page as well")
blob = exhibit.read_bytes()
bad = site.folder / "bad.mp4"


def damaged(name, data, what, second=None):
    bad.write_bytes(data)
    v = verify(bad)
    first = next((p for p in v["problems"] if p["what"] == what), None)
    ok = v["ok"] is False and first and (second is None or first.get("at", "").startswith(second))
    check(ok, f"{name}: {first['text'] if first else ''}", str(v["problems"])[:600])


moofs = [i for i in range(len(blob)) if blob.startswith(b"moof", i)]
mdats = [i for i in range(len(blob)) if blob.startswith(b"mdat", i)]
box = blob.rindex(b"uuid")
head = int(blob[box:].split(b"head-bytes ")[1].split(b"\n")[0])
starts = [head + (m - head) // 4096 * 4096 for m in moofs]


def flip(at, bit=1):
    data = bytearray(blob)
    data[at] ^= bit
    return bytes(data)


damaged("one bit of a picture", flip(mdats[3] + 500), "fragment", rfc(span[0])[:16])
damaged("one bit of a moof", flip(moofs[5] + 30), "fragment")
damaged("one bit of padding", flip(moofs[2] - 40), "fragment")
damaged("one bit of the head", flip(blob.index(b"suep") + 12), "head")
damaged("one bit of the statement", flip(box + 60), "statement")
damaged("one bit of the index", flip(blob.index(b'"manifest": "') + 200), "index")
damaged("a dropped fragment", blob[:starts[4]] + blob[starts[5]:], "fragment")
damaged("the end cut off", blob[:box + 400], "statement")
damaged("half of the file", blob[:len(blob) // 2], "statement")
(site.folder / "other.keys").write_text("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n")
wrong = json.loads(run("verify", exhibit, "--trust", site.folder / "other.keys", "--json").stdout)
check(not wrong["ok"] and any(p["what"] == "proof" for p in wrong["problems"]), "another log's key: the proof does not hold")
recording = sorted((site.data / "recordings" / "gate").rglob("*-sealed.mp4"))[0]
check(verify(recording)["ok"], "a sealed recording verifies by its own manifest")

for where in (pathlib.Path(LETHE).resolve().parent / "lethe-verify",):
    if where.exists():
        r = subprocess.run([where, "--trust", keys, exhibit], capture_output=True, text=True)
        bad.write_bytes(flip(mdats[3] + 500))
        b = subprocess.run([where, "--trust", keys, bad], capture_output=True, text=True)
        check(r.returncode == 0 and "VERIFIED" in r.stdout and b.returncode == 1 and "PROBLEM fragment at" in b.stdout,
              "the small program lethe-verify says the same", r.stdout + r.stderr + b.stdout)
        break
else:
    skip("lethe-verify", "it is not built with sanitizers")

# ---- attacks
fake = site.folder / "fake"


def attack(name, change, *expected, trust=True):
    shutil.rmtree(fake, ignore_errors=True)
    shutil.copytree(second, fake)
    change(fake)
    target = site.folder / "stolen.txt"
    r = approve(fake, ids[0], *(["--trust", policy] if trust else []), "-o", target)
    check(says(r, *expected) and not target.exists(), f"{name}: {r.stderr.strip()}")


session2 = site.folder / "session-2.txt"
r = request(session2, times=(span[0], span[0] + 2))
case2 = json.loads(r.stdout)["id"]
second = site.data / "cases" / case2
attack("an order that is not in the log", lambda d: (d / "proof").unlink(), "no proof")
attack("the proof of another order", lambda d: shutil.copy(folder / "proof", d / "proof"), "not proved to be in the log")
attack("a changed order", lambda d: (d / "order").write_text((d / "order").read_text().replace("camera gate", "camera door")),
       "not signed by the key that it names")
attack("shares of a later epoch beside its own", lambda d: shutil.copy(folder / "shares", d / "shares"), "lies outside the order")
stranger = site.folder / "stranger.txt"
run("custodian", "keygen", "--name", "stranger", "-o", stranger)
r = approve(case2, stranger)
check(says(r, "none of the custodian set"), "a stranger's identity approves nothing: " + r.stderr.strip())
r = run("case", "approve", case2, answer, *common)
check(says(r, "another order"), "an approval of another order is not taken: " + r.stderr.strip())
changed = site.folder / "changed.txt"
changed.write_text(answer.read_text().replace("custodian 3", "custodian 2"))
r = run("case", "approve", case, changed, *common)
check(says(r, "not signed by custodian"), "nor one under another custodian's number: " + r.stderr.strip())
for who in ids[:2]:
    check(approve(case2, who).returncode == 0, "the second case is approved")
r = open_case(case2, session, site.folder / "no.mp4")
check(says(r, "for another session"), "another session's key opens nothing: " + r.stderr.strip())
r = open_case(case2, session2, site.folder / "no.mp4", "--to", rfc(span[1]))
check(says(r, "not inside that of the order"), "nothing beyond the span: " + r.stderr.strip())
r = open_case(case2, session2, site.folder / "no.mp4", "--camera", "door")
check(says(r, "not in the order"), "nor another camera: " + r.stderr.strip())
check(says(request(site.folder / "s3", times=(span[0] - 3 * 3600, span[1])), "camera hours"), "limits of the node hold")
check(says(request(site.folder / "s3", times=(span[0], time.time() + 3600)), "future"), "no order for the future")
check(says(request(site.folder / "s3", purpose="curiosity"), "no purpose"), "no purpose of one's own")
check(not (site.folder / "s3").exists(), "a session without an order leaves no key behind")
r = request(site.folder / "s4", "--valid", "1s", times=(span[0], span[0] + 2))
late = json.loads(r.stdout)["id"]
time.sleep(1.5)
check(says(approve(late, ids[0]), "ran out"), "an expired order is not approved")
r = run("case", "close", "--overdue", *common)
check(r.returncode == 0 and show(late)["state"] == "expired" and show(case2)["state"] != "expired", "what is overdue is ended by a timer", r.stderr)
check(says(run("case", "close", "0123456789abcdef", *common), "no case"), "an unknown case")
r = run("case", "close", case, *common, "--json")
check(r.returncode == 0 and json.loads(r.stdout)["state"] == "closed", "the case is closed", r.stderr)
check(says(open_case(case, session, site.folder / "again.mp4"), "is closed"), "and opens nothing any more")
listed = json.loads(run("case", "list", *common, "--json").stdout)["cases"]
check({c["id"]: c["state"] for c in listed} == {case: "closed", case2: "approved", late: "expired"}, "all cases are listed", str(listed))

# ---- a week later: a new identity with the same signing key; when retention is over the old one is destroyed
week = [site.folder / "judge-47.txt", site.folder / "judge-48.txt"]
run("custodian", "keygen", "--name", "judge", "-o", week[0])
r = run("custodian", "rotate", "--identity", week[0], "-o", week[1], "--json")
rotated = json.loads(r.stdout) if r.returncode == 0 else {}
key_line = [l for l in week[1].read_text().splitlines() if l.startswith("# signing key: ")]
check(rotated and rotated["recipient"] != rotated["replaces"] and key_line[0] in week[0].read_text(), "rotated: new recipient, same signer", r.stderr)
old_secret = [l for l in week[0].read_text().splitlines() if l.startswith("AGE-SECRET")][0].encode()
inode = open(week[0], "rb")
r = run("custodian", "destroy", "--identity", week[0], "--yes", *common)
check(r.returncode == 0 and not week[0].exists() and old_secret not in inode.read(), "the old one is overwritten and gone", r.stderr)

# ---- the log tells all of it, and nothing of who asked
entries = b"".join(p.read_bytes() for p in sorted((site.data / "log" / "tile" / "entries").rglob("*")) if p.is_file())
for kind in ("order", "approval", "refusal", "opening", "export", "closing", "rejection", "identity-destroyed"):
    check(f"lethe-log/v1 {kind}\n".encode() in entries, f"the log has the {kind}")
check(b"RN26001234" not in entries, "the reference of the file is not in it")

# ---- secrets
secrets = [l for f in (*ids, session, session2) for l in f.read_text().splitlines() if l.startswith(("AGE-SECRET", "# signing key"))]
leaks = [p for p in site.data.rglob("*") if p.is_file() and "practice" not in p.parts
         and any(s.split()[-1].encode() in p.read_bytes() for s in secrets)]
check(not leaks, "no identity, session key or share in clear in the data directory", str(leaks))
sim.stop()
site.remove()
finish()
