#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A whole case under strace: no epoch key, share in clear, session key or plaintext picture is ever written by the server.

Everything that any process of the node hands to the kernel (write, pwrite, writev, send) is kept and searched, and so are
the data directory and, at the end, the memory of the web process. Needs root, strace, age, ffmpeg.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "system"))
from harness import Sim, Site, check, finish, run, wait_for  # noqa: E402
from openapi import Client  # noqa: E402

PASSWORD = "correct horse battery"
CALLS = "write,pwrite64,writev,pwritev,pwritev2,sendto,sendmsg,sendmmsg"


def rfc(t):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(t))


# ---- GF(256) of AES, for the key that two shares give (docs/format/shares.md)
def multiply(a, b):
    out = 0
    while b:
        out ^= a if b & 1 else 0
        a = (a << 1) ^ (0x11b if a & 0x80 else 0)
        b >>= 1
    return out


def inverse(a):
    out = 1
    for _ in range(254):
        out = multiply(out, a)
    return out


def combine(shares):
    """Lagrange at 0; each share is y… with its x as the last byte."""
    secret = bytearray(len(shares[0]) - 1)
    for i, share in enumerate(shares):
        weight = 1
        for j, other in enumerate(shares):
            if i != j:
                weight = multiply(weight, multiply(other[-1], inverse(other[-1] ^ share[-1])))
        for k in range(len(secret)):
            secret[k] ^= multiply(weight, share[k])
    return bytes(secret)


trace = pathlib.Path(os.environ.get("TMPDIR", "/tmp")) / f"case-trace-{os.getpid()}"
site = Site({"epoch_minutes": 1, "node": "hall-1", "mask": "{enabled: no}"},
            wrap=["strace", "-f", "-o", trace, "-e", f"trace={CALLS}", "-xx", "-s", "4194304", "--"])
site.start()
sim = Sim(site.folder, "--size", "320x240", "--scenes", 1, "--bitrate", "300k", cameras=1, log=False)
site.add("gate", sim.url(0))
check(site.recording("gate", frames=75, seconds=90), "a camera records under strace", site.log_text()[-800:])
boundary = time.time() + 60 - time.time() % 60
time.sleep(max(0, boundary + 8 - time.time()))
token = re.findall(r"/#/setup/([\w-]+)", site.log_text())[-1]
admin = Client(site.port)
admin.ask("POST", "/api/v1/setup", {"token": token, "user": "admin", "password": PASSWORD})
admin.ask("POST", "/api/v1/users", {"name": "leo", "password": PASSWORD, "grants": [{"role": r, "group": "all"} for r in ("investigator", "custodian")]})
leo = Client(site.port)
leo.ask("POST", "/api/v1/session", {"user": "leo", "password": PASSWORD})

# The requester's machine: a twin of the node's keys, so that the session is made away from the node.
twin, session = site.folder / "twin", site.folder / "session.txt"
twin.mkdir()
for name in ("keys", "practice"):
    subprocess.run(["cp", "-r", site.data / name, twin / name], check=True)
r = run("case", "request", "--data", twin, "--config", site.config, "--camera", "gate", "--from", rfc(boundary - 5), "--to", rfc(boundary + 4),
        "--purpose", "crime", "--basis", "hk.pdpo-58", "--reference", "R1", "--session", session, "--json")
case = json.loads(r.stdout)["id"]
r = leo.ask("POST", "/api/v1/cases", {"order": (twin / "cases" / case / "order").read_text()})
check(r.status == 201, "the order is taken", r.body)
for who, identity in enumerate(site.identities(2)):
    desk, paper = site.folder / f"desk-{who}", site.folder / f"paper-{who}"
    subprocess.run(["cp", "-r", site.data / "cases" / case, desk], check=True)
    r = run("custodian", "approve", desk, "--data", site.folder / "nowhere", "--identity", identity, "--yes", "--trust", site.data / "log/keys", "-o", paper)
    r = leo.ask("POST", f"/api/v1/cases/{case}/answers", raw=paper.read_bytes(), headers={"Content-Type": "text/plain"})
    check(r.status == 201, f"approval {who + 1}", r.body)
opening = leo.ask("POST", f"/api/v1/cases/{case}/opening").json()
sealed = [leo.get(f"/api/v1/cases/{case}/recordings/{x['recording']}/sealed.mp4").body
          for x in leo.get(f"/api/v1/cases/{case}/recordings").json()["recordings"]]
check(len(sealed) == 2 and all(len(b) > 10000 for b in sealed), "the sealed bytes of two epochs come")

# ---- what must not be found: shares, keys, the session's key, pictures
shares = {}
for file in opening["approvals"]:
    plain = subprocess.run(["age", "-d", "-i", session], input=file[file.index("-----BEGIN AGE"):], capture_output=True, text=True).stdout
    for kid, value in re.findall(r"^share (\w{32}) \d+ (\w{66})$", plain, re.M):
        shares.setdefault(kid, []).append(bytes.fromhex(value))
check(len(shares) == 2 and all(len(s) == 2 for s in shares.values()), "two shares for each of two keys")
keys = [combine(s)[:16] for s in shares.values()]  # K; the salt of its commitment stands behind it
out = site.folder / "open.mp4"
last = int(boundary) + 60  # until then the second epoch is written
time.sleep(max(0, last + 5 - time.time()))
r = run("open", "--data", site.data, "--camera", "gate", "--from", rfc(boundary - 5), "--to", rfc(boundary + 4), "-o", out,
        "--identity", site.identities(2)[0], "--identity", site.identities(2)[1])
check(r.returncode == 0, "elsewhere it opens", r.stderr)
stream = subprocess.run(["ffmpeg", "-v", "error", "-i", out, "-map", "0:v", "-c", "copy", "-f", "h264", "-"], capture_output=True).stdout
pictures = [stream[i:i + 16] for i in range(4096, len(stream) - 16, 1499) if len(set(stream[i:i + 16])) > 11]  # no filling
secret = next(line for line in session.read_text().splitlines() if line.startswith("AGE-SECRET"))
needles = {"session key": [secret.encode()], "share": [s for two in shares.values() for s in two], "key": keys, "picture": pictures}
check(len(keys[0]) == 16 and len(pictures) > 40, f"{len(pictures)} places of the pictures, {len(keys)} keys")


def found(data):
    return {name for name, all_of in needles.items() for n in all_of if n in data or (name == "share" and n.hex().encode() in data)}


web = site.node.pid and [int(p) for p in subprocess.run(["pgrep", "-f", f"lethe web --data {site.data}"], capture_output=True, text=True).stdout.split()]
memory = b""
for pid in web or []:
    for line in open(f"/proc/{pid}/maps"):
        lo, hi, rights = re.match(r"(\w+)-(\w+) (\S+)", line).groups()
        if rights.startswith("rw"):
            with open(f"/proc/{pid}/mem", "rb") as mem:
                try:
                    mem.seek(int(lo, 16))
                    memory += mem.read(int(hi, 16) - int(lo, 16))
                except (OSError, ValueError, OverflowError):
                    pass
check(len(memory) > 1 << 20 and not found(memory), f"nothing of it in {len(memory) >> 20} MiB of the web process's memory", str(found(memory)))
leo.ask("POST", f"/api/v1/cases/{case}/close")
sim.stop()
site.stop(60)
hits, total = set(), 0
with open(trace, "rb") as f:
    for line in f:
        data = b"".join(bytes.fromhex(x.replace(b"\\x", b"").decode()) for x in re.findall(rb'"((?:\\x[0-9a-f]{2})+)"', line))
        total += len(data)
        hits |= found(data)
check(total > 1 << 20 and not hits, f"nothing of it in {total >> 20} MiB that the node's processes wrote and sent", str(hits))
disk = {p: found(p.read_bytes()) for p in site.data.rglob("*") if p.is_file() and "practice" not in p.parts}
check(not any(disk.values()), f"nothing of it in {len(disk)} files", str({str(p): h for p, h in disk.items() if h}))
own = found(out.read_bytes() + session.read_bytes() + b"".join(shares[k][0] for k in shares) + keys[0])
check(own == set(needles), "the search finds each of them where they are", str(own))
trace.unlink()
site.remove()
finish()
