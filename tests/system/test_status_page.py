#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The web process alone, with a stand-in for the recorder. TAP; needs $LETHE_BIN."""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

BIN = os.environ.get("LETHE_BIN", "build/lethe")
TMP = os.environ.get("TMPDIR") or tempfile.mkdtemp()
HERE = os.path.dirname(os.path.abspath(__file__))
HEADERS = {"content-security-policy": "default-src 'none'", "x-content-type-options": "nosniff",
           "referrer-policy": "no-referrer", "x-frame-options": "DENY"}


class Page:
    """`lethe web` on a socket of ours, beside fake_recorder.py with the arguments given (none: no recorder)."""

    def __init__(self, *recorder):
        self.data = tempfile.mkdtemp(dir=TMP)
        os.mkdir(f"{self.data}/run")
        self.recorder = None
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        self.port = listener.getsockname()[1]
        self.web = subprocess.Popen([BIN, "web", "--data", self.data, "--listen-fd", str(listener.fileno())],
                                    pass_fds=[listener.fileno()], stderr=subprocess.DEVNULL)
        listener.close()
        if recorder:
            path = f"{self.data}/run/recorder.sock"
            self.recorder = subprocess.Popen([sys.executable, f"{HERE}/fake_recorder.py", path, *map(str, recorder)])
            while not os.path.exists(path):
                time.sleep(0.02)

    def raw(self, request, patience=15):
        with socket.create_connection(("127.0.0.1", self.port), timeout=patience) as s:
            s.sendall(request)
            answer = b""
            while chunk := s.recv(65536):
                answer += chunk
        return answer

    def get(self, path, method="GET", host="localhost", body=b""):
        request = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        head, _, rest = self.raw(request.encode() + body).partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:])}
        return int(lines[0].split()[1]), headers, rest.decode("utf-8", "replace")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for p in (self.web, self.recorder):
            if p:
                p.terminate()
                p.wait(10)
        shutil.rmtree(self.data)


def expect(condition, text):
    if not condition:
        raise AssertionError(text)


def addresses_and_headers():
    with Page(4) as p:
        for path, kind in (("/status", "text/html"), ("/healthz", "application/json"),
                           ("/metrics", "text/plain"), ("/status.js", "text/javascript"), ("/status.css", "text/css"),
                           ("/favicon.svg", "image/svg+xml")):
            code, headers, body = p.get(path)
            expect(code == 200 and body, f"{path}: {code}")
            expect(headers["content-type"].startswith(kind), f"{path}: {headers['content-type']}")
            for name, value in HEADERS.items():
                expect(headers.get(name, "").startswith(value), f"{path}: {name} is {headers.get(name)}")
        expect("'unsafe" not in headers["content-security-policy"], "the policy allows inline code")
        code, headers, _ = p.get("/")
        application = code == 200 and headers["content-type"].startswith("text/html")  # one is built beside the program
        expect(application or (code == 302 and headers["location"] == "/status"), "/ does not lead to the status page")
        expect(p.get("/api/v1/status")[0] == 401, "the API answers without sign-in")
        expect(p.get("/status", method="HEAD")[2] == "", "HEAD has a body")


def refusals_are_one_json_sentence():
    with Page(4) as p:
        for code, args in ((404, {"path": "/nothing"}), (404, {"path": "/../run/recorder.sock"}),
                           (405, {"path": "/", "method": "POST", "body": b"x=1"}),
                           (405, {"path": "/", "method": "DELETE"}), (414, {"path": "/" + "a" * 4000}),
                           (421, {"path": "/", "host": "evil.example"}),
                           (421, {"path": "/", "host": "localhost.evil.example"})):
            got, headers, body = p.get(**args)
            expect(got == code, f"{args}: {got} instead of {code}")
            expect(json.loads(body)["error"].endswith("."), body)
            expect(code != 405 or headers["allow"] == "GET, HEAD", "405 without Allow")
        for host in ("localhost:1", "127.0.0.1", "[::1]:8080"):
            expect(p.get("/healthz", host=host)[0] == 200, f"{host} is refused")


def markup_in_names_stays_text():
    with Page(40, "hostile") as p:
        for path in ("/status", "/status?q=%3Cscript%3Ealert(1)%3C/script%3E&show=%22%3E%3Cscript%3E&page=%3Cscript%3E"):
            body = p.get(path)[2]
            expect(body.count("<script") == 1 and "<img" not in body, f"{path}: foreign markup in the page")
            expect(" style=" not in body, f"{path}: inline style, which the policy forbids")
        expect("&lt;script&gt;" in p.get("/status")[2], "the hostile name is not shown at all")


def two_thousand_cameras():
    with Page(2000) as p:
        began = time.monotonic()
        code, _, body = p.get("/status")
        took = time.monotonic() - began
        expect(code == 200 and body.count("<tr class=") == 100, "not 100 rows a page")
        expect(took < 3 and len(body) < 200_000, f"{took:.2f} s, {len(body)} bytes")
        expect("page 1 of 20" in body, "no pages")
        expect(body.index("waiting</span>") < body.index("recording</span>"), "problems do not stand first")
        expect(p.get("/status?q=cam0042")[2].count("<tr class=") == 1, "the filter does not find one camera")


def recorder_that_does_not_answer():
    with Page() as p:  # no socket at all
        expect(p.get("/healthz")[0] == 503, "healthy without a recorder")
        expect("does not answer" in p.get("/status")[2], "the page does not say so")
        expect("lethe_up 0" in p.get("/metrics")[2], "metrics do not say so")
    for mode in ("silent", "slow", "garbage"):
        with Page(4, mode) as p:
            began = time.monotonic()
            code, _, body = p.get("/healthz")
            took = time.monotonic() - began
            expect(code == 503 and json.loads(body)["reasons"], f"{mode}: {code} {body}")
            expect(took < 5, f"{mode}: answered after {took:.1f} s")


def old_numbers_are_shown_as_old():
    with Page(4) as p:
        expect("as of" not in p.get("/status")[2], "fresh numbers are called old")
        p.recorder.kill()
        p.recorder.wait()
        time.sleep(1.2)
        code, _, body = p.get("/status")
        expect(code == 503 and "as of" in body and "cam0001" in body, "the last known state is gone")


def broken_requests_and_idle_connections():
    with Page(4) as p:
        idle = [socket.create_connection(("127.0.0.1", p.port)) for _ in range(40)]
        for garbage in (b"\0" * 100, b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00" * 20, b"GET / HTTP/1.1\r\nHost: localhost\r\n"
                        + b"X: " + b"y" * 100_000, b"GET /%00%ff%zz?q=%ff%00 HTTP/1.0\r\n\r\n"):
            try:
                p.raw(garbage, 3)
            except OSError:
                pass
        threads = [threading.Thread(target=p.get, args=("/status",)) for _ in range(20)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(20)
        expect(not any(t.is_alive() for t in threads), "a visitor waits for ever")
        expect(p.get("/healthz")[0] == 200 and p.web.poll() is None, "the server suffered")
        for s in idle:
            s.close()


def script_parses():
    if not shutil.which("node"):
        return "needs node"
    with Page(4) as p:
        path = f"{TMP}/status.js"
        with open(path, "w", encoding="utf-8") as f:
            f.write(p.get("/status.js")[2])
        r = subprocess.run(["node", "--check", path], capture_output=True, text=True, check=False)
        expect(r.returncode == 0, r.stderr)
    return None


def ends_on_sigterm():
    with Page(4) as p:
        p.get("/healthz")
        p.web.send_signal(signal.SIGTERM)
        expect(p.web.wait(10) == 0, f"exit code {p.web.returncode}")


def main():
    failures = 0
    for test in (addresses_and_headers, refusals_are_one_json_sentence, markup_in_names_stays_text, two_thousand_cameras,
                 recorder_that_does_not_answer, old_numbers_are_shown_as_old, broken_requests_and_idle_connections,
                 script_parses, ends_on_sigterm):
        try:
            skip = test()
            print(f"ok {test.__name__}" + (f" # SKIP {skip}" if skip else ""), flush=True)
        except Exception as e:  # pylint: disable=broad-except
            failures += 1
            print(f"not ok {test.__name__}\n  {type(e).__name__}: {e}", flush=True)
    sys.exit(1 if failures else 0)


main()
