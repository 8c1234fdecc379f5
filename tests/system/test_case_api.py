#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A case over HTTP: order, answers, opening, sealed bytes, end; who may do what; and what is turned away, with its entry."""
import base64
import datetime
import hashlib
import json
import os
import re
import shutil
import subprocess
import time

from harness import Sim, Site, check, finish, run, skip, wait_for

try:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from openapi import Client
except ImportError as missing:
    skip("case api", f"needs {missing.name}")
    finish()

PASSWORD = "correct horse battery"
site = Site({"epoch_minutes": 1, "node": "hall-1", "cases": "{camera_hours: 2}", "mask": "{enabled: no}"}).start()
sim = Sim(site.folder, "--size", "320x240", "--scenes", 1, "--scene-seconds", 6, "--bitrate", "300k", cameras=2, log=False)
site.add("gate", sim.url(0), "--group", "north")
site.add("door", sim.url(1), "--group", "south")
check(site.recording("gate", "door", frames=75, seconds=60), "two cameras record", site.log_text()[-800:])
boundary = time.time() + 60 - time.time() % 60
time.sleep(max(0, boundary + 6 - time.time()))
span = (boundary - 4, boundary + 3)


def rfc(t):
    return datetime.datetime.fromtimestamp(t, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Session:
    """What a requester's page holds: a signing key and an age identity, made here with other libraries than the program's."""

    def __init__(self, name):
        self.file = site.folder / name
        said = subprocess.run(["age-keygen", "-o", self.file], capture_output=True, text=True)
        assert said.returncode == 0, said.stderr
        self.recipient = re.search(r"age1\w+", said.stderr + self.file.read_text())[0]
        self.key = Ed25519PrivateKey.generate()
        self.public = b"\x01" + self.key.public_key().public_bytes_raw()
        self.id = hashlib.sha256(b"session\n" + self.public).digest()[:4]
        self.vkey = f"session+{self.id.hex()}+{base64.b64encode(self.public).decode()}"

    def order(self, cameras=("gate",), times=span, valid=3600, purpose="crime", node="hall-1", made=None, urgent=None, case=None):
        now = int(made or time.time())
        self.case = case or os.urandom(8).hex()
        lines = ["lethe-order/v1", f"id {self.case}", f"node {node}", *(f"camera {c}" for c in sorted(cameras)), f"from {rfc(times[0])}",
                 f"to {rfc(times[1])}", f"purpose {purpose}", "basis hk.pdpo-58", f"reference {os.urandom(32).hex()}",
                 f"requester {self.vkey}", f"session {self.recipient}", f"made {rfc(now)}", f"not-after {rfc(now + valid)}",
                 f"urgent {rfc(now + urgent) if urgent else 'no'}", ""]
        text = "\n".join(lines)
        signature = base64.b64encode(self.id + self.key.sign(text.encode())).decode()
        return f"{text}\n\u2014 session {signature}\n"


token = re.findall(r"/#/setup/([\w-]+)", site.log_text())[-1]
admin = Client(site.port)
check(admin.ask("POST", "/api/v1/setup", {"token": token, "user": "admin", "password": PASSWORD}).status == 201, "an administrator is made")


def user(name, *grants):
    r = admin.ask("POST", "/api/v1/users", {"name": name, "password": PASSWORD, "grants": [{"role": role, "group": group} for role, group in grants]})
    assert r.status == 201, r.body
    c = Client(site.port)
    assert c.ask("POST", "/api/v1/session", {"user": name, "password": PASSWORD}).status == 201
    return c


leo, custodian, auditor = user("leo", ("investigator", "north")), user("judge", ("custodian", "all")), user("ann", ("auditor", "all"))
ben, viewer, nobody = user("ben", ("investigator", "south")), user("vic", ("viewer", "all")), Client(site.port)
ids = site.identities(3)
common = ["--data", site.data, "--config", site.config]


def answer(case, verb, who, *extra):
    """What a custodian's tool makes of the case file that the server hands out, on another machine."""
    desk, file = site.folder / f"desk-{case}", site.folder / f"answer-{case}-{who}-{verb}"
    if file.exists():
        return file.read_text()
    if not desk.exists():
        shutil.copytree(site.data / "cases" / case, desk)
    r = run("custodian", verb, desk, "--data", site.folder / "nowhere", "--identity", ids[who], "--yes", "--trust", site.data / "log/keys",
            "-o", file, *extra)
    assert r.returncode == 0, r.stderr
    return file.read_text()


def hand_in(c, case, text):
    return c.ask("POST", f"/api/v1/cases/{case}/answers", raw=text.encode(), headers={"Content-Type": "text/plain"})


def refused(r, status, *words):
    return r.status == status and all(w in r.json()["error"] for w in words)


# ---- the whole round
codes = leo.get("/api/v1/cases/codes").json()
check(any(p["code"] == "crime" for p in codes["purposes"]) and codes["limits"]["camera_hours"] == 2 and codes["threshold"] == 2
      and codes["custodians"] == 3 and codes["log_vkey"].startswith("hall-1/log+"), "code list, limits and the log's key are told", str(codes)[:300])
s = Session("session-1")
r = leo.ask("POST", "/api/v1/cases", {"order": s.order()})
check(r.status == 201 and r.json()["state"] == "logged" and r.json()["entry"] is not None, "an order is taken and logged", r.body)
case = s.case
check(len(site.entries("order")) == 1, "with its entry")
r = leo.get(f"/api/v1/cases/{case}")
check(r.json()["order"].startswith("lethe-order/v1\n") and "gate" in r.json()["words"] and r.json()["proof"].startswith("c2sp.org/tlog-proof@v1"),
      "it is shown with its words and its proof", r.body[:300])
r = custodian.get(f"/api/v1/cases/{case}/bundle")
check(r.status == 200 and r.json()["format"] == "lethe-case/v1", "a custodian gets the case's file", r.body[:200])
r = leo.ask("POST", f"/api/v1/cases/{case}/opening")
check(refused(r, 409, "2 custodians must approve"), f"no approval opens nothing: {r.json().get('error')}")
check(leo.get(f"/api/v1/cases/{case}/recordings").status == 409, "and shows no recording")
r = hand_in(custodian, case, answer(case, "approve", 0))
check(r.status == 201 and r.json()["approved"] == [1] and "1" in r.json()["missing"], "the first approval is counted", r.body)
r = hand_in(custodian, case, answer(case, "approve", 0))
check(refused(r, 409, "counts once"), f"the same custodian twice counts once: {r.json().get('error')}")
check(leo.ask("POST", f"/api/v1/cases/{case}/opening").status == 409, "one approval opens nothing")
r = hand_in(custodian, case, answer(case, "approve", 1))
check(r.status == 201 and r.json()["state"] == "approved" and r.json()["missing"] is None, "with the second it is approved", r.body)
check(not site.entries("opening"), "nothing is opened yet")
r = leo.ask("POST", f"/api/v1/cases/{case}/opening")
opening = r.json()
check(r.status == 200 and len(opening["approvals"]) == 2 and opening["case"]["state"] == "open" and len(site.entries("opening")) == 1,
      "opening it is logged, and gives what the session needs", r.body[:300])
armour = opening["approvals"][0]
armour = armour[armour.index("-----BEGIN AGE"):]
plain = subprocess.run(["age", "-d", "-i", s.file], input=armour, capture_output=True, text=True)
check(plain.returncode == 0 and plain.stdout.count("\nshare ") == 2, "stock age decrypts the shares for the session: one for each epoch", plain.stderr)
check(leo.ask("POST", f"/api/v1/cases/{case}/opening").status == 200 and len(site.entries("opening")) == 1, "looking again is the same opening")
r = leo.get(f"/api/v1/cases/{case}/recordings").json()
check(len(r["recordings"]) == 2 and not r["gaps"] and {x["camera"] for x in r["recordings"]} == {"gate"}, "two recordings across the epoch boundary", str(r))
first = r["recordings"][0]
address = f"/api/v1/cases/{case}/recordings/{first['recording']}/sealed.mp4"
body = leo.get(address).body
kids = bytes.fromhex(first["kid"])
path = next(p for p in (site.data / "recordings/gate").rglob("*-sealed.mp4") if kids in p.read_bytes()[:8192])
check(body == path.read_bytes()[:len(body)] and len(body) >= first["bytes"] > 10000, "the bytes are those of the disk: ciphertext")
part = leo.get(address, headers={"Range": "bytes=4096-8191"})
check(part.status == 206 and part.body == body[4096:8192], "in ranges, too")
r = hand_in(custodian, case, answer(case, "refuse", 2, "--reason", "too-wide"))
check(r.status == 201 and r.json()["state"] == "open" and r.json()["refused"] == [{"custodian": 3, "reason": "too-wide"}], "a third refuses later, without effect", r.body)

# ---- who may
for c, name, want in ((nobody, "nobody", 401), (viewer, "a viewer", 403), (auditor, "an auditor", 403), (custodian, "a custodian", 403)):
    got = {c.ask("POST", "/api/v1/cases", {"order": s.order()}).status, c.ask("POST", f"/api/v1/cases/{case}/opening").status,
           c.ask("POST", f"/api/v1/cases/{case}/close").status, c.get(address).status, c.get(f"/api/v1/cases/{case}/recordings").status}
    check(got == {want}, f"{name} orders, opens, sees and closes nothing", str(got))
check(hand_in(leo, case, "x").status == 403, "a requester hands in no answers")
check(ben.get(f"/api/v1/cases/{case}").status == 404 and ben.get(address).status == 404 and ben.get("/api/v1/cases").json()["cases"] == [],
      "whoever has no right to the camera does not learn of the case")
check(refused(leo.ask("POST", "/api/v1/cases", {"order": s.order(cameras=("gate", "door"))}), 403, "may not ask"), "nobody orders cameras out of reach")
check([c["id"] for c in auditor.get("/api/v1/cases").json()["cases"]] == [case], "an auditor sees it in the list")

# ---- what is turned away
r = leo.get("/api/v1/cases/0123456789abcdef")
check(refused(r, 404, "no such case") and str(site.data) not in r.json()["error"], "an unknown case is not there, and no path is told")
other = leo.get(f"/api/v1/cases/{case}/recordings").json()["recordings"][0]["recording"].replace("gate@", "door@")
check(leo.get(f"/api/v1/cases/{case}/recordings/{other}/sealed.mp4").status == 404, "no other camera's bytes")
early = f"gate@{int((span[0] - 600) * 1e6)}"
check(leo.get(f"/api/v1/cases/{case}/recordings/{early}/sealed.mp4").status == 404, "nor another time's")
for name in ("gate@1/../../x", "../../keys", "gate", "@", "gate@-1", "gate@99999999999999999999"):
    check(leo.get(f"/api/v1/cases/{case}/recordings/{name.replace('/', '%2F')}/sealed.mp4", described=False).status == 404, f"'{name}' is no recording")
t = Session("session-2")
note = t.order()
second = t.case
check(leo.ask("POST", "/api/v1/cases", {"order": note}).status == 201, "a second order")
before = len(site.entries("rejection"))
for name, bad, status, words in (
        ("replayed", note, 409, "once"),
        ("altered", t.order().replace("purpose crime", "purpose other"), 422, ""),
        ("for another node", t.order(node="hall-2"), 422, "node"),
        ("too wide", t.order(times=(span[0] - 3 * 3600, span[1])), 422, "camera hours"),
        ("of the future", t.order(times=(span[0], time.time() + 900)), 422, "future"),
        ("made yesterday", t.order(made=time.time() - 86400), 422, ""),
        ("without a purpose of the list", t.order(purpose="curiosity"), 422, "purpose"),
        ("no order", "hello", 422, "")):
    r = leo.ask("POST", "/api/v1/cases", {"order": bad})
    check(refused(r, status, words) or (status == 422 and r.status == 403 and "may not ask" in r.json()["error"] and name == "no order"),
          f"an order {name}: {r.status} {r.json().get('error')}")
check(len(site.entries("rejection")) > before, "what was replayed has its entry")
t2 = Session("session-3")
leo.ask("POST", "/api/v1/cases", {"order": t2.order()})
r = hand_in(custodian, t2.case, answer(case, "approve", 1))
check(refused(r, 422, "another order"), f"an approval of another order: {r.json().get('error')}")
changed = answer(t2.case, "approve", 0).replace("custodian 1", "custodian 2")
check(refused(hand_in(custodian, t2.case, changed), 422, "not signed by custodian"), "an approval under another's number")
late = Session("session-4")
r = leo.ask("POST", "/api/v1/cases", {"order": late.order(valid=2)})
paper = answer(late.case, "approve", 0) if r.status == 201 else ""
check(wait_for(lambda: leo.get(f"/api/v1/cases/{late.case}").json()["state"] == "expired", 10), "a case whose time is over ends by itself", site.log_text()[-500:])
check(len(site.entries("expiry")) == 1 and refused(hand_in(custodian, late.case, paper), 410), "with its entry, and takes no answer")
urgent = Session("session-5")
leo.ask("POST", "/api/v1/cases", {"order": urgent.order(urgent=2)})
check(wait_for(lambda: leo.get(f"/api/v1/cases/{urgent.case}").json()["state"] == "expired", 10), "an urgent one that nobody confirmed, too")
sure = Session("session-6")
leo.ask("POST", "/api/v1/cases", {"order": sure.order(urgent=60)})
for who in range(3):
    left = hand_in(custodian, sure.case, answer(sure.case, "approve", who)).json()["seconds_left"]
    check((left > 3000) == (who == 2), f"an urgent one with {who + 1} approvals has {left} s left: the third confirms it")
r = leo.ask("POST", f"/api/v1/cases/{second}/withdraw")
check(r.status == 200 and r.json()["state"] == "withdrawn" and len(site.entries("withdrawal")) == 1, "an order is withdrawn", r.body)
check(leo.ask("POST", f"/api/v1/cases/{second}/close").status == 409, "and not closed after that")

# ---- the end
r = leo.ask("POST", f"/api/v1/cases/{case}/close")
check(r.status == 200 and r.json()["state"] == "closed" and len(site.entries("closing")) == 1, "the case is closed", r.body)
check(leo.get(address).status == 410 and leo.get(f"/api/v1/cases/{case}/recordings").status == 410
      and leo.ask("POST", f"/api/v1/cases/{case}/opening").status == 410, "and gives nothing any more")

# ---- a clerk that is away
pid = site.child_pids("clerk")
check(len(pid) == 1, "the clerk is a process of its own", str(pid))
os.kill(pid[0], 9)
check(wait_for(lambda: leo.get("/api/v1/cases").status == 200, 20), "one that dies is started again")

# ---- nothing in clear on the server
secrets = [line.split()[-1].encode() for f in (s.file, t.file) for line in f.read_text().splitlines() if line.startswith("AGE-SECRET")]
shares = [line.split()[-1] for line in plain.stdout.splitlines() if line.startswith("share ")]
needles = secrets + [x.encode() for x in shares] + [bytes.fromhex(x) for x in shares]
leaks = [p for p in site.data.rglob("*") if p.is_file() and "practice" not in p.parts and any(n in p.read_bytes() for n in needles)]
check(len(needles) >= 6 and not leaks, "no session key and no share in clear in the data directory", str(leaks))
broken = [b for c in (leo, custodian, auditor, ben, viewer, admin) for b in c.broken]
check(not broken, "all answers are as described", "; ".join(broken[:6]))
sim.stop()
site.remove()
finish()
