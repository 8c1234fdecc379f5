#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Every route that changes something and every command: those that owe the public log an entry are done, and it comes."""
import datetime
import json
import pathlib
import re
import shutil
import time

import harness
from harness import Sim, Site, check, finish, run, skip, wait_for

try:
    from openapi import Client, operations
except ImportError as missing:
    skip("entries", f"needs {missing.name}")
    finish()

PASSWORD = "correct horse battery"
DESIGN = pathlib.Path(__file__).parents[2] / "docs/design/log.md"


def owed():
    """The table of docs/design/log.md: what is done → kind of entry, or None where a reason stands."""
    out, bare = {}, []
    section = DESIGN.read_text().split("## What leaves an entry, and what does not")[1].split("\n## ")[0]
    for line in section.splitlines():
        cells = [c.strip() for c in line.strip("|").split("|")]
        if len(cells) != 3 or not cells[0].startswith("`"):
            continue
        kind = cells[1].strip("`")
        bare += [cells[0]] if kind == "–" and not cells[2] else []
        for name in re.findall(r"`([^`]+)`", cells[0]):
            out[name] = None if kind == "–" else kind
    check(out and not bare, "the table has a reason wherever no entry is owed", str(bare))
    return out


OWED = owed()
ROUTES = {f"{method} {path}" for method, path, _ in operations() if method != "GET"}
COMMANDS = set(re.findall(r"^  (\w[\w ]*?)  +\S", run("help").stdout.split("Commands:")[1], re.M))
check(len(COMMANDS) > 50, f"{len(COMMANDS)} commands are listed")
told = {name for name in OWED if "/" in name}
check(ROUTES == told, f"all {len(ROUTES)} routes that change something are in the table", f"missing {ROUTES - told}, too many {told - ROUTES}")
told = {name for name in OWED if "/" not in name} - {"recorder"}
check(COMMANDS == told, "and all commands", f"missing {COMMANDS - told}, too many {told - COMMANDS}")


DONE = set()


def does(name, act, kind=None, more=1):
    """Do something and wait for its entry."""
    kind = kind or OWED[name]
    before = len(site.entries(kind))
    result = act()
    check(wait_for(lambda: len(site.entries(kind)) >= before + more, 30), f"{name} leaves an entry '{kind}'",
          f"{getattr(result, 'stderr', None) or getattr(result, 'body', None)!r}")
    DONE.add(name)
    return result


def rfc(t):
    return datetime.datetime.fromtimestamp(t, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


site = Site({"epoch_minutes": 1, "node": "entries", "mask": "{enabled: no}"})
sim = Sim(site.folder, "--size", "320x240", "--scenes", 1, "--bitrate", "200k", log=False)
does("serve", site.start)
DONE.add("recorder")
common = ["--data", site.data, "--config", site.config]
url = sim.url(0)

# ---- cameras, by command and over HTTP
does("camera add", lambda: run("camera", "add", "gate", "--main", url, "--data", site.data))
does("camera set", lambda: run("camera", "set", "gate", "--data", site.data, "--place", "Bridge Street 1"))
(site.folder / "more.csv").write_text(f"id,main\ndoor,{url}\n")
does("camera import", lambda: run("camera", "import", site.folder / "more.csv", "--data", site.data))
does("camera remove", lambda: run("camera", "remove", "door", "--data", site.data, "--yes"))
token = re.findall(r"/#/setup/([\w-]+)", site.log_text())[-1]
admin = Client(site.port)
r = admin.ask("POST", "/api/v1/setup", {"token": token, "user": "admin", "password": PASSWORD})
check(r.status == 201, "an administrator is made", r.body)
does("POST /api/v1/cameras", lambda: admin.ask("POST", "/api/v1/cameras", {"id": "hall", "main": url}))
does("PUT /api/v1/cameras/{id}", lambda: admin.ask("PUT", "/api/v1/cameras/hall", {"place": "Hall"}))
does("PUT /api/v1/cameras/{id}/zones", lambda: admin.ask("PUT", "/api/v1/cameras/hall/zones", {"zones": [[[0, 0], [0.5, 0], [0, 0.5]]]}))
does("POST /api/v1/cameras/{id}/declare-empty", lambda: admin.ask("POST", "/api/v1/cameras/hall/declare-empty", {"empty": True}))
does("DELETE /api/v1/cameras/{id}", lambda: admin.ask("DELETE", "/api/v1/cameras/hall"))
does("POST /api/v1/cameras/import", lambda: admin.ask("POST", "/api/v1/cameras/import", raw=f"id,main\nyard,{url}\n", described=False,
                                                      headers={"Content-Type": "text/csv"}))

# ---- holds, keys
does("hold add", lambda: run("hold", "add", "--data", site.data, "--camera", "gate", "--from", "-5m", "--to", "now", "--until", "7d",
                             "--reason", "court-order", "--json"))
held = json.loads(run("hold", "list", "--data", site.data, "--json").stdout)["holds"][0]["id"]
does("hold remove", lambda: run("hold", "remove", held, "--data", site.data))
does("log rotate", lambda: run("log", "rotate", "--data", site.data))

# ---- a case from order to evidence
check(site.recording("gate", frames=75, seconds=60), "a camera records", site.log_text()[-800:])
began = time.time() - 4
ids = site.identities(3)


def request(session, *extra):
    return run("case", "request", *common, "--camera", "gate", "--from", rfc(began), "--to", rfc(began + 2), "--purpose", "crime", "--basis",
               "hk.pdpo-58", "--reference", "R1", "--session", site.folder / session, "--json", *extra)


def answer(case, verb, who, name, *extra):
    """An answer that is written to a file, for handing in."""
    file, desk = site.folder / name, site.folder / f"desk-{case}"
    shutil.copytree(site.data / "cases" / case, desk, dirs_exist_ok=True)
    r = run("custodian", verb, desk, "--data", site.folder / "nowhere", "--identity", ids[who], "--yes", "--trust", site.data / "log/keys",
            "-o", file, *extra)
    assert r.returncode == 0, r.stderr
    return file


first = json.loads(does("case request", lambda: request("s1")).stdout)["id"]
does("custodian approve", lambda: run("custodian", "approve", first, *common, "--identity", ids[0], "--yes"))
paper = answer(first, "approve", 1, "yes.txt")
does("case approve", lambda: run("case", "approve", first, paper, *common))
does("case open", lambda: run("case", "open", first, *common, "--session", site.folder / "s1", "-o", site.folder / "out.mp4"))
second = json.loads(request("s2").stdout)["id"]
does("custodian refuse", lambda: run("custodian", "refuse", second, *common, "--identity", ids[0], "--yes", "--reason", "too-wide"))
does("case close", lambda: run("case", "close", second, *common), "withdrawal")
does("case close", lambda: (request("s3", "--valid", "1s"), time.sleep(1.2), run("case", "close", "--overdue", *common)), "expiry")  # or the clerk
fourth = json.loads(request("s4").stdout)["id"]
paper = answer(fourth, "refuse", 2, "no.txt", "--reason", "too-wide")
does("case refuse", lambda: run("case", "refuse", fourth, paper, *common))
does("custodian approve", lambda: run("case", "approve", fourth, site.folder / "yes.txt", *common), "rejection")

# ---- the same over HTTP: orders as the requester's page signs them stand in test_case_api.py; here the command's are handed in
leo = admin.ask("POST", "/api/v1/users", {"name": "leo", "password": PASSWORD, "grants": [
    {"role": "investigator", "group": "all"}, {"role": "custodian", "group": "all"}]})
check(leo.status == 201, "a requester is made", leo.body)
leo = Client(site.port)
leo.ask("POST", "/api/v1/session", {"user": "leo", "password": PASSWORD})


def signed_order():
    """An order that the command made for another node of the same name: this one has not seen it."""
    r = run("case", "request", "--data", twin, "--config", site.config, "--camera", "gate", "--from", rfc(began), "--to", rfc(began + 2),
            "--purpose", "crime", "--basis", "hk.pdpo-58", "--reference", "R2", "--session", site.folder / f"s-{time.time_ns()}", "--json")
    assert r.returncode == 0, r.stderr
    case = json.loads(r.stdout)["id"]
    return case, (twin / "cases" / case / "order").read_text()


twin = site.folder / "twin"
twin.mkdir()
for name in ("keys", "practice"):
    shutil.copytree(site.data / name, twin / name)
fifth, note = signed_order()
does("POST /api/v1/cases", lambda: leo.ask("POST", "/api/v1/cases", {"order": note}))
for who in (0, 1):
    paper = answer(fifth, "approve", who, f"http-{who}.txt").read_bytes()
    does("POST /api/v1/cases/{case}/answers", lambda: leo.ask("POST", f"/api/v1/cases/{fifth}/answers", raw=paper, headers={"Content-Type": "text/plain"}))
does("POST /api/v1/cases/{case}/opening", lambda: leo.ask("POST", f"/api/v1/cases/{fifth}/opening"))
does("POST /api/v1/cases/{case}/close", lambda: leo.ask("POST", f"/api/v1/cases/{fifth}/close"))
sixth, note = signed_order()
leo.ask("POST", "/api/v1/cases", {"order": note})
does("POST /api/v1/cases/{case}/withdraw", lambda: leo.ask("POST", f"/api/v1/cases/{sixth}/withdraw"))

site.stop()  # what is exported has to be a file that is closed
site.start()
does("case evidence", lambda: run("case", "evidence", first, *common, "--session", site.folder / "s1", "-o", site.folder / "exhibit.mp4"))
does("case close", lambda: run("case", "close", first, *common))
identity = site.folder / "judge.txt"
run("custodian", "keygen", "--name", "judge", "-o", identity)
does("custodian destroy", lambda: run("custodian", "destroy", "--identity", identity, "--yes", *common))

left = {name for name, kind in OWED.items() if kind} - DONE
check(not left, "nothing of the table was left out", str(left))
r = run("log", "verify", site.data / "log")
check(r.returncode == 0, "the log verifies", r.stderr + r.stdout)

# ---- the yearly report: what the page gives is what anybody makes of plain copies of log and register
year = datetime.datetime.now(datetime.timezone.utc).year
page = Client(site.port).get(f"/report/{year}.md").body
size = re.search(rb"first (\d+) entries", page)
copy = site.folder / "copy"
shutil.copytree(site.data / "log", copy)
(site.folder / "register.txt").write_bytes(Client(site.port).get("/register.txt").body)
r = run("report", copy, "--year", year, "--size", int(size[1]) if size else 0, "--register", site.folder / "register.txt",
        "-o", site.folder / "again.md")
check(r.returncode == 0 and (site.folder / "again.md").read_bytes() == page, "the yearly report is the same from copies", r.stderr)
check(b"## Orders to open original pictures" in page and first.encode() in page, "and tells of the case")
check(Client(site.port).get("/report/soon", described=False).status == 404, "there is no report of no year")
sim.stop()
site.remove()
shutil.rmtree(site.folder, ignore_errors=True)
finish()
