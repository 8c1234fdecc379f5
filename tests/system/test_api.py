#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The web API of a running node with simulated cameras: every route and role, live, playback, export, and attacks."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import tempfile
import time

import harness
from harness import check, free_port, skip, wait_for

try:
    from openapi import Client, operations
except ImportError as missing:
    harness.skip("api", f"needs {missing.name}")
    harness.finish()

PASSWORD = "correct horse battery"
ROLES = {"viewer": {"live", "status"}, "operator": {"live", "playback", "status"},
         "investigator": {"live", "playback", "export", "request", "status"}, "custodian": {"playback", "custody"}, "auditor": {"status", "audit"},
         "administrator": {"live", "playback", "status", "administer"}}


def stamp(us):
    return str(int(us))


def now_us():
    return int(time.time() * 1e6)


class Site:
    """Simulated cameras, and `lethe serve` with its own web server."""

    def __init__(self, cameras=2, config="", application=False):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lethe-api-"))
        self.data, self.port, self.rtsp = self.folder / "data", free_port(), free_port()
        self.log = open(self.folder / "log", "w+")
        self.tls = "self_signed" in config
        settings = self.folder / "lethe.yaml"
        text = f"listen: 127.0.0.1:{self.port}\n{config}"
        if application:
            self.make_application()
            text += f"web: {self.folder}/web\n"
        settings.write_text(text)
        self.sim = None
        if cameras:
            self.sim = subprocess.Popen([harness.LETHE, "sim", "--port", str(self.rtsp), "--cameras", str(cameras)],
                                        stdout=subprocess.PIPE, stderr=self.log, text=True)
            self.sim.stdout.readline()
        self.serve = subprocess.Popen([harness.LETHE, "serve", "--data", self.data, "--config", settings],
                                      stdout=self.log, stderr=self.log)
        wait_for(lambda: self.listening() and (self.data / "run/control.sock").exists(), 60)
        for i in range(cameras):
            url = f"rtsp://127.0.0.1:{self.rtsp}/cam{i}"
            r = harness.run("camera", "add", f"cam-{i}", "--main", f"{url}/main", "--sub", f"{url}/sub", "--data",
                            self.data, "--group", ["north", "south"][i % 2])
            assert r.returncode == 0, r.stderr

    def make_application(self):
        (self.folder / "web/assets").mkdir(parents=True)
        (self.folder / "web/index.html").write_text("<!doctype html><title>app</title>")
        (self.folder / "web/assets/app-1234.js").write_text("export {};")
        (self.folder / "web/.secret.js").write_text("no")
        os.symlink("/etc/passwd", self.folder / "web/passwd.txt")

    def listening(self):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def token(self):
        self.log.flush()
        return re.findall(r"/#/setup/([\w-]+)", (self.folder / "log").read_text())[-1]

    def client(self, **kw):
        return Client(self.port, tls=self.tls, **kw)

    def signed_in(self, user, password=PASSWORD):
        c = self.client()
        r = c.ask("POST", "/api/v1/session", {"user": user, "password": password})
        assert r.status == 201, (user, r.status, r.body)
        return c

    def user(self, name, *grants):
        r = self.admin.ask("POST", "/api/v1/users", {"name": name, "password": PASSWORD, "grants": list(grants)})
        assert r.status == 201, r.body
        return self.signed_in(name)

    def close(self):
        for p in (self.serve, self.sim):
            if p:
                p.terminate()
        for p in (self.serve, self.sim):
            if p:
                try:
                    p.wait(40)
                except subprocess.TimeoutExpired:
                    p.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


# ---- set-up, sessions ----

def set_up(site):
    c = site.client()
    check(c.get("/api/v1/site").json()["setup_needed"], "a new node needs set-up")
    check(c.get("/api/v1/session").status == 401, "nobody is signed in")
    for bad, name in (({"token": "x" * 43, "user": "root", "password": PASSWORD}, "a wrong token"),):
        check(c.ask("POST", "/api/v1/setup", bad).status == 403, f"set-up refuses {name}")
    good = {"token": site.token(), "user": "admin", "password": PASSWORD}
    check(c.ask("POST", "/api/v1/setup", {**good, "password": "short"}).status == 422, "set-up refuses a short password")
    check(c.ask("POST", "/api/v1/setup", {**good, "user": "../x"}).status == 422, "set-up refuses an odd name")
    r = c.ask("POST", "/api/v1/setup", good)
    check(r.status == 201 and c.cookie, "the link makes the first administrator", r.body)
    flags = r.headers["Set-Cookie"]
    check("HttpOnly" in flags and "SameSite=Strict" in flags and "Path=/" in flags, "the cookie is guarded", flags)
    check(site.client().ask("POST", "/api/v1/setup", {**good, "user": "two"}).status == 403, "the link works once")
    check(not c.get("/api/v1/site").json()["setup_needed"], "set-up is over")
    site.admin = c


def sessions(site):
    planted = site.client()
    planted.cookie = "lethe_session=" + "A" * 43
    before = planted.cookie
    r = planted.ask("POST", "/api/v1/session", {"user": "admin", "password": PASSWORD})
    check(r.status == 201 and planted.cookie != before, "signing in takes no session from outside")
    other = site.client()
    other.cookie = before
    check(other.get("/api/v1/session").status == 401, "the planted session is worth nothing")
    first = planted.cookie
    planted.ask("POST", "/api/v1/session", {"user": "admin", "password": PASSWORD})
    other.cookie = first
    check(other.get("/api/v1/session").status == 401, "signing in again ends the session before")
    kept = planted.cookie
    check(planted.ask("DELETE", "/api/v1/session").status == 204 and planted.cookie is None, "signing out")
    other.cookie = kept
    check(other.get("/api/v1/session").status == 401, "a session that was signed out is over")
    c = site.user("carol", {"role": "viewer", "group": "all"})
    twin = site.signed_in("carol")
    r = c.ask("PUT", "/api/v1/session", {"password": "wrong password", "new_password": "another password"})
    check(r.status == 401, "a password cannot be changed without the old one")
    r = c.ask("PUT", "/api/v1/session", {"password": PASSWORD, "new_password": "another password"})
    check(r.status == 204 and c.get("/api/v1/session").status == 200, "changing the password keeps this session")
    check(twin.get("/api/v1/session").status == 401, "and ends the others")
    text = (site.data / "web/web.db").read_bytes() + (site.data / "web/web.db-wal").read_bytes()
    secrets = [PASSWORD.encode(), c.cookie.partition("=")[2].encode(), site.token().encode()]
    check(not any(s in text for s in secrets), "the database holds no password and no session")


def forgery(site):
    c = site.admin
    put = ("PUT", "/api/v1/layouts", {"a": 1})
    check(c.ask(*put).status == 204, "a change from an own page")
    for origin in ("http://evil.example", "http://127.0.0.1:1", "https://127.0.0.1:%d" % site.port, "null"):
        r = c.ask(*put, headers={"Origin": origin}, described=False)
        check(r.status == 403 and r.json()["code"] == "E_ORIGIN", f"a change from {origin} is refused", r.body)
    r = c.ask(*put, headers={"Origin": None}, described=False)
    check(r.status == 403, "a change with a session and without Origin is refused")
    r = site.client().ask("POST", "/api/v1/session", {"user": "admin", "password": PASSWORD},
                          headers={"Origin": "http://evil.example"}, described=False)
    check(r.status == 403 and not r.headers.get("Set-Cookie"), "nobody is signed in from another site")
    r = c.ask("GET", "/api/v1/layouts", headers={"Host": "evil.example"}, described=False)
    check(r.status == 421, "another Host is refused")


# ---- every route and role ----

def sample_path(path):
    """A real camera for reading, one that is not there for changes."""
    values = {"{id}": "cam-0", "{name}": "nobody-here", "{token}": "999999", "{recording}": "12345", "{segment}": "99.m4s"}
    for name, value in values.items():
        path = path.replace(name, value)
    span = f"from={now_us() - 60000000}&to={now_us()}"
    query = {"/live": "?cameras=cam-0", "/timeline": f"?cameras=cam-0&{span}", "/playback.m3u8": f"?{span}",
             "/keyframe.mp4": f"?at={now_us()}", "/export": f"?{span}", "masked.mp4": f"?{span}"}
    return path + next((q for end, q in query.items() if path.endswith(end)), "")


def first_status(c, method, path):
    """The status alone; live answers do not end."""
    body = None if method == "GET" else b"{}"
    connection = c.connect(20)
    headers = c.headers(method, {"Content-Type": "application/json"} if body else None)
    connection.request(method, path, body, headers)
    status = connection.getresponse().status
    connection.close()
    return status


def routes_and_roles(site):
    people = {role: site.user(role + "-1", {"role": role, "group": "all"}) for role in ROLES}
    wrong = []
    count = 0
    for method, path, op in operations():
        verb = op["x-verb"]
        if verb == "none" or path == "/api/v1/session":
            continue
        target = sample_path(path)
        if method in ("PUT", "DELETE", "POST"):
            target = target.replace("cam-0", "cam-77")
        anonymous = first_status(site.client(), method, target)
        if anonymous != 401:
            wrong.append(f"{method} {target}: {anonymous} for nobody")
        for role, c in people.items():
            allowed = verb == "any" or verb in ROLES[role]
            status = first_status(c, method, target)
            count += 1
            if (status in (401, 403)) == allowed or status >= 500 and status != 503:
                wrong.append(f"{method} {target}: {status} for {role}, {'allowed' if allowed else 'forbidden'}")
    check(not wrong, f"{count} pairs of route and role", "\n# ".join(wrong))
    site.people = people
    return people


def unknown_things(site):
    c = site.admin
    for method, path, status in (("GET", "/api/v1/nothing", 404), ("POST", "/api/v1/cameras/cam-0", 405),
                                 ("GET", "/api/v1/cameras/UPPER", 404), ("GET", "/api/v1/cameras/none", 404),
                                 ("PATCH", "/api/v1/users", 405), ("GET", "/api/v1/live", 400),
                                 ("GET", "/api/v1/live?cameras=none", 404), ("GET", "/api/v1/live?cameras=,,", 400),
                                 ("GET", "/api/v1/timeline?cameras=*&from=2&to=1", 400),
                                 ("GET", "/api/v1/timeline?cameras=*&from=x&to=1", 400),
                                 ("GET", "/api/v1/timeline?cameras=*&from=1&to=2&buckets=0", 422),
                                 ("GET", "/api/v1/timeline?cameras=*&from=1&to=2&buckets=-1", 400),
                                 ("GET", "/api/v1/timeline?cameras=*&from=1&to=99999999999999999999", 400),
                                 ("GET", "/api/v1/cameras/cam-0/masked.mp4?from=1&to=86400000002", 422),
                                 ("GET", "/api/v1/cameras/cam-0/masked.mp4?from=1&to=2", 404),
                                 ("GET", "/api/v1/cameras/cam-0/keyframe.mp4?at=1", 404),
                                 ("GET", "/api/v1/cameras/cam-0/keyframe.mp4", 400),
                                 ("GET", "/api/v1/cameras/cam-0/live/init-999.mp4", 404),
                                 ("DELETE", "/api/v1/tokens/99999999999999999999", 404)):
        r = c.ask(method, path, described=status != 405)
        check(r.status == status and r.json()["error"] and r.json()["code"], f"{method} {path}: {status}",
              f"{r.status} {r.body[:200]}")


def broken_bodies(site):
    c = site.admin
    for raw, kind, status in ((b"", "application/json", 400), (b"[]", "application/json", 400),
                              (b'{"user":', "application/json", 400), (b'{"user":1,"password":2}', "application/json", 400),
                              (b'{"user":"a","password":"b","more":1}', "application/json", 400),
                              (b'{"user":"a","user":"a","password":"b"}', "application/json", 400),
                              (b'{"user":"\xff","password":"b"}', "application/json", 400),
                              (b"user=a&password=b", "application/x-www-form-urlencoded", 415),
                              (b"[" * 60000, "application/json", 400)):
        r = c.ask("POST", "/api/v1/session", raw=raw, headers={"Content-Type": kind}, described=False)
        check(r.status == status, f"body {raw[:40]!r}: {status}", f"{r.status} {r.body[:200]}")
    r = c.ask("PUT", "/api/v1/layouts", raw=b'{"a":"' + b"x" * 70000 + b'"}', headers={"Content-Type": "application/json"})
    check(r.status == 413, "a body over 64 KiB is refused", r.status)
    with socket.create_connection(("127.0.0.1", site.port), 20) as s:
        s.sendall(f"PUT /api/v1/layouts HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nCookie: {c.cookie}\r\nOrigin: {c.origin()}\r\n"
                  "Content-Type: application/json\r\nContent-Length: 999999999999\r\n\r\n".encode())
        check(b" 413 " in s.recv(4096), "a body of a terabyte is refused before it comes")
    check(c.ask("PUT", "/api/v1/layouts", {"walls": [{"name": "門", "cameras": ["cam-0", None]}]}).status == 204, "layouts")
    check(c.get("/api/v1/layouts").json()["walls"][0]["name"] == "門", "layouts come back as they were put")


def traversal(site):
    secrets = (b"AGE-SECRET", b"root:", b"SQLite format")
    bad = []
    for path in ("/../data/practice/custodian-1.txt", "/..%2f..%2fetc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd",
                 "/api/v1/cameras/..%2f..%2fpractice/keyframe.mp4?at=1", "/api/v1/cameras/cam-0/recordings/..%2f1/masked.mp4",
                 "/api/v1/cameras/cam-0/live/..%2f..%2fx.m4s", "/api/v1/cameras/cam-0%00/live.mp4",
                 "/api/v1/cameras/cam-0/recordings/%2fetc%2fpasswd/masked.mp4", "/assets/../../../etc/passwd"):
        with socket.create_connection(("127.0.0.1", site.port), 20) as s:
            s.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\nCookie: {site.admin.cookie}\r\n\r\n".encode())
            answer = b""
            while chunk := s.recv(65536):
                answer += chunk
        if any(x in answer for x in secrets) or b" 200 " in answer[:20]:
            bad.append(path)
    check(not bad, "no address leads out of what is served", bad)


# ---- accounts ----

def accounts(site):
    a = site.admin
    check(a.ask("POST", "/api/v1/users", {"name": "admin", "password": PASSWORD, "grants": []}).status == 409, "a name twice")
    for bad in ({"role": "king", "group": "all"}, {"role": "viewer", "group": "../"}, {"role": "viewer"},
                {"role": "viewer", "group": "all", "from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}):
        r = a.ask("POST", "/api/v1/users", {"name": "x", "password": PASSWORD, "grants": [bad]})
        check(r.status == 422, f"the grant {bad} is refused", r.body)
    for body in ({"grants": []}, {"disabled": True}):
        r = a.ask("PUT", "/api/v1/users/administrator-1", body)
        check(r.status == 200, f"one of two administrators may lose it: {body}", r.body)
        r = a.ask("PUT", "/api/v1/users/admin", body)
        check(r.status == 409, f"the last one not: {body}", r.body)
        a.ask("PUT", "/api/v1/users/administrator-1",
              {"grants": [{"role": "administrator", "group": "all"}], "disabled": False})
    check(a.ask("DELETE", "/api/v1/users/nobody").status == 404, "a user who is not there")
    d = site.user("dora", {"role": "viewer", "group": "all"})
    check(a.ask("PUT", "/api/v1/users/dora", {"disabled": True}).json()["disabled"], "a user is disabled")
    check(d.get("/api/v1/session").status == 401, "and out at once")
    r = site.client().ask("POST", "/api/v1/session", {"user": "dora", "password": PASSWORD})
    check(r.status == 401, "and cannot come back")
    check(a.ask("DELETE", "/api/v1/users/dora").status == 204, "a user is removed")
    check({u["name"] for u in a.get("/api/v1/users").json()["users"]} >= {"admin", "viewer-1"}, "the list of users")


def tokens(site):
    a = site.admin
    for bad in (["administer"], [], ["fly"]):
        r = a.ask("POST", "/api/v1/tokens", {"user": "admin", "name": "t", "verbs": bad})
        check(r.status == 422, f"no token for {bad}", r.body)
    r = a.ask("POST", "/api/v1/tokens", {"user": "operator-1", "name": "wall", "verbs": ["live", "export"], "days": 1})
    check(r.status == 201, "a token", r.body)
    secret, number = r.json()["secret"], r.json()["token"]["id"]
    for c in (site.client(token=secret), site.client(basic=secret)):
        s = c.get("/api/v1/session").json()
        check(s["verbs"] == ["live"] and s["token"], "it may do what both it and its user may", s)
        check(first_status(c, "GET", sample_path("/api/v1/live")) == 200, "a token watches live")
        check(c.get(sample_path("/api/v1/cameras/{id}/masked.mp4")).status == 403, "it exports nothing")
        check(c.ask("PUT", "/api/v1/session", {"password": PASSWORD, "new_password": PASSWORD}).status == 403,
              "it changes no password")
        check(c.ask("PUT", "/api/v1/layouts", {"b": 2}).status == 204, "it needs no Origin")
    check(secret not in json.dumps(a.get("/api/v1/tokens").json()), "the list of tokens has no secrets")
    check(a.ask("DELETE", f"/api/v1/tokens/{number}").status == 204, "a token is removed")
    check(site.client(token=secret).get("/api/v1/session").status == 401, "and worth nothing")
    check(site.client(token="lethe_" + "A" * 43).get("/api/v1/session").status == 401, "an invented token")


def groups(site):
    n = site.user("nora", {"role": "operator", "group": "north"})
    seen = [c["id"] for c in n.get("/api/v1/cameras").json()["cameras"]]
    check(seen == ["cam-0"], "a grant for a group shows its cameras only", seen)
    span = f"from={now_us() - 60000000}&to={now_us()}"
    check(n.get("/api/v1/cameras/cam-1").status == 404, "another camera is as good as none")
    check(n.get(f"/api/v1/cameras/cam-1/playback.m3u8?{span}").status == 404, "nor is it played")
    check(first_status(n, "GET", "/api/v1/live?cameras=cam-0,cam-1") == 404, "nor watched")
    both = n.get(f"/api/v1/timeline?cameras=*&{span}").json()["cameras"]
    check([c["id"] for c in both] == ["cam-0"], "nor on the timeline")
    status = n.get("/api/v1/status").json()
    check([c["id"] for c in status["cameras"]] == ["cam-0"], "nor in the status")
    check("cam-1" not in json.dumps(n.get("/api/v1/health").json()), "nor in sentences about health")
    g = site.user("gus", {"role": "administrator", "group": "north"})
    check(g.get("/api/v1/users").status == 403, "who administers a group has no say about users")
    check(g.ask("POST", "/api/v1/cameras", {"id": "x", "main": "rtsp://127.0.0.1/x"}).status == 403, "nor about the register")
    check(g.ask("PUT", "/api/v1/cameras/cam-0", {"name": "North gate"}).status == 200, "but about its cameras")
    check(g.ask("PUT", "/api/v1/cameras/cam-0", {"group": "south"}).status == 403, "and gives none to other groups")
    check(g.ask("PUT", "/api/v1/cameras/cam-1", {"name": "x"}).status == 404, "nor touches theirs")


# ---- cameras ----

def cameras(site):
    a = site.admin
    main = f"rtsp://user:geheim@127.0.0.1:{site.rtsp}/cam0/main"
    r = a.ask("POST", "/api/v1/cameras", {"id": "extra", "main": main, "enabled": False, "group": "north"})
    check(r.status == 201 and r.json()["id"] == "extra", "a camera is added", r.body)
    check("geheim" not in r.body.decode(), "its password does not come back", r.body)
    check(a.ask("POST", "/api/v1/cameras", {"id": "extra", "main": main}).status == 409, "an id twice")
    check(a.ask("POST", "/api/v1/cameras", {"id": "Bad Id", "main": main}).status == 400, "an odd id")
    r = a.ask("PUT", "/api/v1/cameras/extra", {"name": "Extra", "main": r.json()["main"]})
    check(r.status == 200 and r.json()["name"] == "Extra", "a change keeps the rest", r.body)
    check("main" not in site.people["viewer"].get("/api/v1/cameras/extra").json(), "viewers see no addresses")
    zones = [[[0.1, 0.1], [0.4, 0.1], [0.4, 0.5]]]
    check(a.ask("PUT", "/api/v1/cameras/extra/zones", {"zones": zones}).status == 204, "zones are put")
    got = a.get("/api/v1/cameras/extra").json()["mask"]["zones"]
    check(got == zones, "and come back", got)
    r = a.ask("PUT", "/api/v1/cameras/extra/zones", {"zones": [[[0, 0], [2, 0], [1, 1]]]})
    check(r.status in (400, 422), "a corner outside of the picture", r.body)
    r = a.ask("POST", "/api/v1/cameras/cam-0/declare-empty", {"empty": True})
    check(r.status == 204, "a place is declared empty", r.body)
    r = a.ask("POST", "/api/v1/probe", {"url": f"rtsp://127.0.0.1:{site.rtsp}/cam0/sub", "seconds": 2})
    check(r.status == 200 and r.json()["ok"], "a probe", r.body)
    rows = [{"id": f"bulk-{i}", "main": "rtsp://127.0.0.1/x", "enabled": False} for i in range(20)]
    r = a.ask("POST", "/api/v1/cameras/import?check=true", {"cameras": rows})
    check(r.status == 200 and not r.json()["problems"] and not r.json()["changed"], "an import is checked", r.body)
    csv = "id,main,enabled\n" + "".join(f"csv-{i},rtsp://127.0.0.1/x,no\n" for i in range(5))
    r = a.ask("POST", "/api/v1/cameras/import", raw=csv.encode(), headers={"Content-Type": "text/csv"})
    check(r.status == 200 and r.json()["changed"] and r.json()["cameras"] == 5, "CSV is imported", r.body)
    ids = [c["id"] for c in a.get("/api/v1/cameras").json()["cameras"]]
    check("csv-4" in ids and "bulk-0" not in ids, "it is there, and what was only checked is not", ids)
    for i in range(5):
        a.ask("DELETE", f"/api/v1/cameras/csv-{i}")
    check(a.ask("DELETE", "/api/v1/cameras/extra").status == 204, "a camera is removed")
    check(a.get("/api/v1/cameras/extra").status == 404, "and gone")


# ---- pictures ----

def read_messages(response, seconds, enough):
    """Messages of /api/v1/live until enough(list) or the time is up."""
    found, data, end = [], b"", time.monotonic() + seconds
    while time.monotonic() < end and not enough(found):
        chunk = response.read1(65536)
        if not chunk:
            break
        data += chunk
        while len(data) >= 4 and len(data) >= 4 + struct.unpack(">I", data[:4])[0]:
            n = struct.unpack(">I", data[:4])[0]
            kind, body, data = chr(data[4]), data[5:4 + n], data[4 + n:]
            camera = body[1:1 + body[0]].decode() if body else ""
            found.append((kind, camera, body[1 + body[0]:] if body else b""))
    return found


def live(site):
    c, r = site.people["viewer"].open("GET", "/api/v1/live?cameras=*", timeout=60)
    check(r.headers["Content-Type"] == "application/x-lethe-live", "live has its own type")
    got = read_messages(r, 60, lambda f: {m[1] for m in f if m[0] == "F"} >= {"cam-0", "cam-1"} and len(f) > 30)
    for camera in ("cam-0", "cam-1"):
        kinds = "".join(m[0] for m in got if m[1] == camera)
        check(re.match(r"C+I", kinds) and "F" in kinds, f"{camera}: state, head, fragments", kinds)
        first = next((m[2] for m in got if m[0] == "F" and m[1] == camera), b"\0" * 20)
        check(first[8] & 1 and first[13:17] == b"moof", f"{camera}: the first fragment begins with a key frame")
        head = next((m[2] for m in got if m[0] == "I" and m[1] == camera), b"")
        check(head[4:8] == b"ftyp", f"{camera}: the head is one")
    c.close()
    leaving = site.user("lena", {"role": "viewer", "group": "all"})
    c, r = leaving.open("GET", "/api/v1/live?cameras=*", timeout=60)
    read_messages(r, 20, lambda f: len(f) > 3)
    site.admin.ask("PUT", "/api/v1/users/lena", {"disabled": True})
    end = time.monotonic() + 45
    while time.monotonic() < end and r.read1(65536):
        pass
    check(r.isclosed() or not r.read1(1), "who may not watch any more is cut off")
    c.close()
    c, r = site.admin.open("GET", "/api/v1/cameras/cam-0/live.mp4", timeout=60)
    data = b""
    while len(data) < 15000:
        data += r.read1(65536)
    c.close()
    path = site.folder / "live.mp4"
    path.write_bytes(data)
    check(probe(path).get("codec_name") == "h264", "live.mp4 is H.264 for FFmpeg")
    r = wait_for(lambda: (lambda x: x if x.status == 200 else None)(site.admin.get("/api/v1/cameras/cam-0/live.m3u8")), 40, 1)
    text = r.body.decode() if r else ""
    check("#EXT-X-MAP" in text, "live HLS", text)
    data = b"".join(site.admin.get(f"/api/v1/cameras/cam-0/{u}").body for u in re.findall(r'live/[\w.-]+', text)[:2])
    path.write_bytes(data)
    check(probe(path).get("codec_name") == "h264", "a live segment is H.264 for FFmpeg")


def probe(path, *more):
    r = subprocess.run(["ffprobe", "-v", "error", "-count_packets", "-show_entries",
                        "stream=codec_name,nb_read_packets,duration", "-of", "json", *more, str(path)],
                       capture_output=True, text=True, check=False)
    streams = json.loads(r.stdout or "{}").get("streams") or [{}]
    return {**streams[0], "errors": r.stderr}


def recorded(site):
    """Waits until half a minute of the masked view has been recorded."""
    span = None

    def ready():
        nonlocal span
        to = now_us()
        r = site.admin.get(f"/api/v1/timeline?cameras=cam-0&from={to - 60000000}&to={to}&buckets=60")
        masked = r.json()["cameras"][0]["masked"]
        if masked.count("z") < 25:
            return False
        start = masked.index("z")
        span = (to - 60000000 + (start + 1) * 1000000, to - 60000000 + (start + 21) * 1000000)
        return True
    wait_for(ready, 120, 1)
    return span


def playback(site):
    span = recorded(site)
    if not check(span, "half a minute was recorded"):
        return None
    site.span = span
    c = site.people["operator"]
    base = "/api/v1/cameras/cam-0"
    r = c.get(f"{base}/playback.m3u8?from={span[0]}&to={span[1]}")
    text = r.body.decode()
    check(r.status == 200 and text.startswith("#EXTM3U") and "#EXT-X-ENDLIST" in text, "a playlist", text[:300])
    durations = [float(d) for d in re.findall(r"#EXTINF:([\d.]+)", text)]
    check(sum(durations) >= 19 and max(durations) < 6, "segments from key frame to key frame", durations)
    segments = re.findall(r"#EXT-X-BYTERANGE:(\d+)@(\d+)\n(\S+)", text)
    head = re.search(r'MAP:URI="(\S+)",BYTERANGE="(\d+)@0"', text)
    data = c.get(f"{base}/{head[1]}", headers={"Range": f"bytes=0-{int(head[2]) - 1}"}).body
    for length, offset, uri in segments[1:2]:
        r = c.get(f"{base}/{uri}", headers={"Range": f"bytes={offset}-{int(offset) + int(length) - 1}"})
        check(r.status == 206 and len(r.body) == int(length), "a byte range", r.status)
        data += r.body
    path = site.folder / "segment.mp4"
    path.write_bytes(data)
    check(probe(path).get("codec_name") == "h264", "a middle segment alone is decodable", probe(path))
    uri = segments[0][2]
    check(c.get(f"{base}/{uri}", headers={"Range": "bytes=99999999999-"}).status == 416, "a range behind the end")
    check(c.get(f"{base}/{uri}", headers={"Range": "bytes=1-2,5-6"}).status == 200, "two ranges: all of it")
    r = c.get(f"{base}/keyframe.mp4?at={span[1]}")
    at = int(r.headers.get("Lethe-Time", 0))
    check(r.status == 200 and 0 <= span[1] - at < 5000000, "a key frame just before the time", (r.status, span[1] - at))
    path.write_bytes(r.body)
    check(probe(path).get("nb_read_packets") == "1", "one picture", probe(path))
    return span


def export(site):
    span, c, base = site.span, site.people["investigator"], "/api/v1/cameras/cam-0"
    query = f"?from={span[0] + 1500000}&to={span[1]}"
    about = c.get(f"{base}/export{query}").json()
    r = c.get(f"{base}/masked.mp4{query}")
    check(r.status == 200 and len(r.body) == about["bytes"] and r.headers["ETag"] == about["etag"], "an export", about)
    check("attachment" in r.headers["Content-Disposition"], "it is a download")
    path = site.folder / "export.mp4"
    path.write_bytes(r.body)
    seen = probe(path)
    check(seen.get("nb_read_packets") == str(about["frames"]) and not seen["errors"], "FFmpeg reads all of it", seen)
    check(abs(float(seen["duration"]) - (about["to_us"] - about["from_us"]) / 1e6) < 0.01 and
          -2000000 < about["from_us"] - span[0] - 1500000 < 2000000, "an edit list cuts its beginning", (seen, about, span))
    half = len(r.body) // 2
    rest = c.get(f"{base}/masked.mp4{query}", headers={"Range": f"bytes={half}-", "If-Range": about["etag"]})
    check(rest.status == 206 and r.body[half:] == rest.body, "a download is resumed")
    other = c.get(f"{base}/masked.mp4{query}", headers={"Range": f"bytes={half}-", "If-Range": '"other"'})
    check(other.status == 200 and other.body == r.body, "a file that changed comes whole")
    out = site.folder / "cli.mp4"
    cli = harness.run("export", "--data", site.data, "--camera", "cam-0", "--from", iso(span[0] + 1500000), "--to",
                      iso(span[1]), "-o", out, "--json")
    check(cli.returncode == 0 and out.read_bytes() == r.body, "lethe export writes the same bytes", cli.stderr)


def iso(us):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(us // 1000000)) + f".{us % 1000000:06d}Z"


def windows(site):
    """A grant with bounds reaches nothing outside of them."""
    span, middle = site.span, (site.span[0] + site.span[1]) // 2
    whole = site.admin.get(f"/api/v1/cameras/cam-0/playback.m3u8?from={span[0]}&to={now_us()}").body.decode()
    last = max(int(start) for start in re.findall(r"recordings/(\d+)/", whole))
    if middle < last + 6000000:  # the bound has to lie inside a recording
        middle = last + 6000000
        span = (span[0], middle + 8000000)
        wait_for(lambda: now_us() > span[1] + 4000000, 30)
    site.user("past", {"role": "operator", "group": "all", "to": iso(now_us() - 1000000)})
    check(site.signed_in("past").get("/api/v1/session").json()["verbs"] == [], "a grant that is over")
    w = site.user("wilma", {"role": "investigator", "group": "all", "from": iso(middle)})
    base = "/api/v1/cameras/cam-0"
    r = w.get(f"{base}/playback.m3u8?from={span[0]}&to={span[1]}")
    first = re.search(r"DATE-TIME:(\S+)", r.body.decode())
    check(first and first[1] >= iso(middle)[:23], "its playlist begins inside", (first and first[1], iso(middle)))
    check(w.get(f"{base}/playback.m3u8?from={span[0]}&to={middle - 5000000}").status == 403, "nothing before it")
    uri = re.findall(r"\n(recordings\S+)", r.body.decode())[0]
    check(w.get(f"{base}/{uri}").status == 403, "not the whole recording")
    check(w.get(f"{base}/{uri}", headers={"Range": "bytes=16384-20000"}).status == 403, "not its beginning")
    length, offset = re.findall(r"BYTERANGE:(\d+)@(\d+)", r.body.decode())[0]
    r = w.get(f"{base}/{uri}", headers={"Range": f"bytes={offset}-{int(offset) + int(length) - 1}"})
    check(r.status == 206, "but its own segments", r.status)
    about = w.get(f"{base}/export?from={span[0]}&to={span[1]}").json()
    check(about["from_us"] >= middle, "its export begins inside", about)
    check(w.get(f"{base}/keyframe.mp4?at={middle - 70000000}").status == 403, "no thumbnail from before")


def gaps_in_order(site):
    """Long gaps and short ones are found apart; they come by the time they began."""
    import sqlite3
    at = now_us() - 20 * 86400_000000
    rows = [(at + s * 1000000, at + (s + n) * 1000000) for s, n in ((0, 1200), (2000, 60), (3000, 900), (5000, 90), (6000, 1))]
    db = sqlite3.connect(site.data / "lethe.db", timeout=20)
    db.executemany("INSERT INTO gap VALUES('cam-0', ?, ?, 'stream-lost', '')", rows)
    db.commit()
    db.close()
    r = site.admin.get(f"/api/v1/timeline?cameras=cam-0&from={at - 1000000}&to={at + 7000_000000}&buckets=300").json()
    found = [(g["from_us"], g["to_us"]) for g in r["cameras"][0]["gaps"]]
    check(found == rows[:4], "gaps come in order, without what is too short to be seen", found)


def nothing_sealed(site):
    """The bytes of originals never come out, whatever is asked for."""
    import sqlite3
    db = sqlite3.connect(f"file:{site.data}/lethe.db?mode=ro", uri=True)
    rows = db.execute("SELECT start_us, path FROM recording WHERE view = 0").fetchall()
    check(rows, "there are originals")
    masked = {r[0] for r in db.execute("SELECT start_us FROM recording WHERE view = 1")}
    wrong = [r for r in rows if r[0] not in masked and
             site.admin.get(f"/api/v1/cameras/cam-0/recordings/{r[0]}/masked.mp4").status != 404]
    check(not wrong, "originals have no address", wrong)
    masked_path = db.execute("SELECT path FROM recording WHERE view = 1 AND path LIKE '%cam-0%' ORDER BY start_us").fetchone()[0]
    sealed_path = db.execute("SELECT path FROM recording WHERE view = 0 AND path LIKE '%cam-0%' ORDER BY start_us").fetchone()[0]
    start = db.execute("SELECT start_us FROM recording WHERE path = ?", (masked_path,)).fetchone()[0]
    db.close()
    # Somebody puts an original in the place of a masked file: its own head tells.
    target = site.data / masked_path
    target.rename(target.with_suffix(".away"))
    shutil.copy(site.data / sealed_path, target)
    try:
        r = site.admin.get(f"/api/v1/cameras/cam-0/recordings/{start}/masked.mp4")
        check(r.status == 403 and "not masked" in r.json()["error"], "an original in a masked file's place is refused", r.body[:200])
        for path in ("playback.m3u8", "masked.mp4", "export"):
            r = site.admin.get(f"/api/v1/cameras/cam-0/{path}?from={start}&to={start + 20000000}")
            check(r.status == 403, f"{path}, too", r.status)
        r = site.admin.get(f"/api/v1/cameras/cam-0/keyframe.mp4?at={start + 5000000}")
        check(r.status == 403, "keyframe.mp4, too", r.status)
    finally:
        target.unlink()
        target.with_suffix(".away").rename(target)


def recorder_away(site):
    for line in subprocess.run(["pgrep", "-P", str(site.serve.pid), "-f", "recorder"], capture_output=True, text=True,
                               check=False).stdout.split():
        os.kill(int(line), 19)  # SIGSTOP: it is there and says nothing
        try:
            a = site.admin
            check(a.get("/api/v1/status").status == 503, "no status without the recorder")
            check(not a.get("/api/v1/health").json()["ok"], "health says so")
            check(len(a.get("/api/v1/cameras").json()["cameras"]) >= 2, "the cameras stay known")
            check(a.get(f"/api/v1/cameras/cam-0/playback.m3u8?from={site.span[0]}&to={site.span[1]}").status == 200,
                  "playback goes on")
        finally:
            os.kill(int(line), 18)


def guessing(site):
    c, statuses, waited = site.client(), [], None
    for _ in range(12):
        r = c.ask("POST", "/api/v1/session", {"user": "viewer-1", "password": "guess guess guess"})
        statuses.append(r.status)
        if r.status == 429:
            waited = r.headers.get("Retry-After")
            break
    check(statuses[-1] == 429 and len(statuses) <= 10 and int(waited or 0) > 0, "guessing is stopped", statuses)
    r = c.ask("POST", "/api/v1/session", {"user": "viewer-1", "password": PASSWORD})
    check(r.status == 429, "and the right password does not help then")
    check(site.people["viewer"].get("/api/v1/session").status == 200, "who is signed in stays so")
    for i in range(30):
        r = c.ask("POST", "/api/v1/session", {"user": f"no-{i}", "password": "guess guess guess"})
        if r.status == 429:
            break
    check(r.status == 429, "many names from one address are stopped, too")


def with_tls():
    site = Site(cameras=0, config="tls:\n  self_signed: true\n", application=True)
    try:
        set_up(site)
        c = site.admin
        check(c.cookie.startswith("__Host-"), "with TLS the cookie is bound to the host", c.cookie[:20])
        r = c.get("/", described=False)
        check(r.status == 200 and b"<title>app" in r.body and r.headers["Cache-Control"] == "no-cache", "the application")
        again = c.get("/", headers={"If-None-Match": r.headers["ETag"]}, described=False)
        check(again.status == 304 and not again.body, "it is not sent twice")
        r = c.get("/assets/app-1234.js", described=False)
        check("immutable" in r.headers["Cache-Control"] and r.headers["Content-Type"].startswith("text/javascript"),
              "assets with a hash in their name are kept")
        csp = r.headers["Content-Security-Policy"]
        check("unsafe" not in csp and "frame-ancestors 'none'" in csp and r.headers["X-Content-Type-Options"] == "nosniff",
              "security headers", csp)
        for path in ("/.secret.js", "/passwd.txt", "/assets/", "/assets"):
            check(c.get(path, described=False).status == 404, f"{path} is not served")
        mode = (site.data / "web/self-signed.key").stat().st_mode & 0o777
        check(mode == 0o600, "the key is for its owner", oct(mode))
        check(not c.broken, "answers are as described", "\n# ".join(c.broken))
    finally:
        site.close()


def main():
    site = Site()
    try:
        set_up(site)
        sessions(site)
        forgery(site)
        routes_and_roles(site)
        unknown_things(site)
        broken_bodies(site)
        traversal(site)
        accounts(site)
        site.people["administrator"] = site.signed_in("administrator-1")
        tokens(site)
        cameras(site)
        live(site)
        if playback(site):
            export(site)
            windows(site)
            gaps_in_order(site)
            nothing_sealed(site)
            recorder_away(site)
        groups(site)
        guessing(site)
        broken = [b for c in (site.admin, *site.people.values()) for b in c.broken]
        check(not broken, "answers are as openapi.yaml describes them", "\n# ".join(broken[:40]))
    finally:
        site.close()
    with_tls()
    harness.finish()


main()
