#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A node that has recorded: its log by another verifier, its disk against its log, and what a fraud does to that."""
import json
import shutil

import tlogcheck
from harness import Sim, Site, check, finish, run, wait_for


def audit(data, *args):
    r = run("audit", data, "--json", *args)
    return r.returncode, json.loads(r.stdout) if r.stdout.startswith("{") else {"problems": [], "error": r.stderr}


def codes(report):
    return {p["code"] for p in report["problems"]}


def main():
    site = Site({"epoch_minutes": 1})
    sim = Sim(site.folder, cameras=2)
    try:
        site.start()
        site.add("gate-1", sim.url(0))
        site.add("yard", sim.url(1))
        site.recording("gate-1", "yard", frames=50, seconds=60)
        check(wait_for(lambda: run("log", "show", "--data", site.data).stdout.count("entries  5"), 30),
              "start, promise, custodians and two cameras are logged", run("log", "tail", site.data).stdout)
        code, live = audit(site.data)
        check(code == 0 and live["ok"], "a live node keeps what it promises", live)
        site.stop()
        code, whole = audit(site.data, "--footage")
        check(code == 0 and whole["looked_at"]["recordings"] >= 2, "so does its disk, pictures included", whole)
        frauds(site)
        report(site)
    finally:
        sim.stop()
        site.remove()
    finish()


def frauds(site):
    base, copy = site.data, site.folder / "copy"
    recording = next((base / "recordings/gate-1").rglob("*-sealed.mp4")).relative_to(base)

    def fraud(name, code, plant, *args):
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(base, copy, ignore=shutil.ignore_patterns("*.sock"))
        plant()
        status, said = audit(copy, *args)
        check(status == 1 and code in codes(said), name, said)

    def other_camera():
        (copy / "recordings/back-door/2026-01-01").mkdir(parents=True)
        shutil.copy(copy / recording, copy / "recordings/back-door/2026-01-01/000000Z-sealed.mp4")

    def damage():
        raw = bytearray((copy / recording).read_bytes())
        raw[len(raw) // 2] ^= 1
        (copy / recording).write_bytes(raw)

    def forget_shares():
        shutil.rmtree(copy / "keys")

    def alter_log():
        path = max((copy / "log/tile/entries/000.p").iterdir(), key=lambda p: int(p.name))
        raw = bytearray(path.read_bytes())
        raw[-5] ^= 1
        path.write_bytes(raw)

    fraud("a recording in another camera's folder is named", "recording-moved", other_camera)
    fraud("lost shares are named", "shares-missing", forget_shares)
    fraud("an altered entry is named", "log-damaged", alter_log)
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(base, copy, ignore=shutil.ignore_patterns("*.sock"))
    damage()
    said = audit(copy, "--footage")[1]
    check("recording-damaged" in {p["code"] for p in said["problems"] + said["notes"]}, "an altered picture is named", said)
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(base, copy, ignore=shutil.ignore_patterns("*.sock"))
    code, said = audit(copy, "--now", "2100-01-01T00:00:00Z")
    check(code == 1 and {"recording-kept", "shares-kept"} <= codes(said), "what is kept too long is named", codes(said))


def report(site):
    """Another machine has a copy of the log and the register, and makes the same report."""
    key = tlogcheck.Key((site.data / "log/keys").read_text().split()[0])
    head = tlogcheck.check_log(site.data / "log", [key])
    other = site.folder / "other"
    shutil.copytree(site.data / "log", other)
    register = site.folder / "register.txt"
    register.write_text(run("register", "--data", site.data).stdout)
    year = head_year(site)
    here = run("report", site.data, "--year", year).stdout
    there = run("report", other, "--year", year, "--size", head.size, "--register", register).stdout
    check(here and here == there, "the yearly report is the same from a copy of log and register", there[:400])
    check("| gate-1 |" in here and "NOT as logged" not in here, "the register is as logged", here[:800])


def head_year(site):
    text = run("log", "show", site.data, "--entry", 0).stdout
    return int(text.split(" at ")[1][:4])


main()
