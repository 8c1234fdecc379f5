#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""control.sock of a running node: cameras come, change and go, are looked at, and no answer or index row tells a password."""
import json
import os
import pathlib
import socket

from harness import Sim, Site, check, finish, run, wait_for

TMP = os.environ.get("TMPDIR", "/tmp")
PASSWORD = "geheim-wort"


def ask(site, **request):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(60)
        s.connect(str(site.data / "run/control.sock"))
        s.sendall(json.dumps(request).encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            more = s.recv(65536)
            assert more, f"the recorder closed after {answer!r}"
            answer += more
    check(PASSWORD.encode() not in answer, f"{request['op']}: no password in the answer", answer[:300])
    return json.loads(answer)


password_file = pathlib.Path(TMP) / "password"
password_file.write_text(PASSWORD + "\n")
sim = Sim(TMP, "--size", "640x360", "--scenes", 1, "--bitrate", "400k", "--user", "view", "--password-file", password_file,
          log=False)
site = Site({"node": "control"})
site.start()

r = ask(site, op="probe", url=sim.url(0), user="view", password=PASSWORD, seconds=2)
check(r["ok"] and r["probe"]["ok"] and r["probe"]["tracks"][0]["codec"] == "H.264", "probe tells what the camera offers", str(r)[:400])
r = ask(site, op="probe", url=sim.url(0), user="view", password="wrong", seconds=2)
check(r["ok"] and not r["probe"]["ok"] and r["probe"]["findings"][0]["weight"] == "bad", "a wrong password is a finding", str(r)[:400])

r = ask(site, op="camera.put", camera={"id": "gate", "main": sim.url(0), "user": "view", "password": PASSWORD, "place": "Bridge Street 1"})
check(r["ok"], "a camera is added", str(r))
check(site.recording("gate", frames=40), "and recorded", site.log_text()[-800:])
before = site.camera("gate")["frames_recorded"]

r = ask(site, op="camera.get", id="gate")
check(r["camera"]["user"] == "view" and r["camera"]["password_set"] and r["camera"]["place"] == "Bridge Street 1", "its row is told", str(r))
form = {k: v for k, v in r["camera"].items() if k not in ("password_set", "changed", "declared_empty")}
form["name"] = "Gate, west"
r = ask(site, op="camera.put", replace=True, camera=form)
check(r["ok"] and r["camera"]["name"] == "Gate, west" and r["camera"]["password_set"], "the row comes back with another name", str(r))
check(wait_for(lambda: site.camera("gate")["name"] == "Gate, west", 10), "which the status shows")
r = ask(site, op="probe", id="gate", seconds=2)
check(r["ok"] and r["probe"]["ok"], "it is looked at with its own credentials", str(r)[:400])

r = ask(site, op="mask.set", id="gate", zones=[[[0, 0], [0.5, 0], [0.5, 0.5]]])
check(r["ok"] and len(r["camera"]["zones"]) == 1, "zones are set", str(r))
r = ask(site, op="mask.declare_empty", id="gate", empty=True)
check(r["ok"] and r["camera"]["declared_empty"], "the place is declared empty", str(r))
check(wait_for(lambda: (site.camera("gate") or {}).get("frames_recorded", 0) > before + 50, 20) and
      all(g["reason"] != "changed" for g in site.camera("gate")["gaps"]), "none of that interrupted the recording",
      str(site.camera("gate"))[:400])

for name in ("lethe.db", "lethe.db-wal"):
    check(PASSWORD.encode() not in (site.data / name).read_bytes(), f"{name} holds no password")
check(PASSWORD not in site.log_text(), "the log neither")

r = ask(site, op="camera.remove", id="gate")
check(r["ok"] and wait_for(lambda: site.camera("gate") is None, 10), "the camera is removed, recording ends")
check(ask(site, op="camera.list")["cameras"] == [], "and gone from the list")
check(site.stop() == 0, "the node ends")
r = run("fsck", "--data", site.data, "--json")
check(json.loads(r.stdout)["ok"], "fsck finds nothing", r.stdout[:400])
site.remove()
sim.stop()
finish()
