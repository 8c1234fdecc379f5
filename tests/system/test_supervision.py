#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""lethe serve as a service manager and a murderer see it. TAP; needs $LETHE_BIN and takes about 40 s."""
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
import urllib.request

BIN = os.environ.get("LETHE_BIN", "build/lethe")
TMP = os.environ.get("TMPDIR") or tempfile.mkdtemp()
failures = 0


def wait(what, seconds, check):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = check()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {seconds} s")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


class Serve:
    """One lethe serve on its own data directory, with a service manager's socket."""

    def __init__(self, name, data=None, wrap=(), ready=True):
        self.data = data or f"{TMP}/{name}"
        self.port = free_port()
        self.log_path = f"{TMP}/{name}-{time.monotonic_ns()}.log"
        self.notes = []
        path = f"{TMP}/notify-{time.monotonic_ns()}"
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(path)
        os.chmod(path, 0o777)
        threading.Thread(target=self._listen, daemon=True).start()
        env = dict(os.environ, NOTIFY_SOCKET=path, WATCHDOG_USEC="1000000")
        env.pop("JOURNAL_STREAM", None)
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([*wrap, BIN, "serve", "--data", self.data, "--listen",
                                             f"localhost:{self.port}"], stderr=log, env=env)
        if ready:
            wait("READY=1", 30, lambda: any("READY=1" in n for n in self.notes) or self.process.poll() is not None)
            wait("web", 30, lambda: self.child("web")["phase"] == "up" or self.process.poll() is not None)
            expect(self.process.poll() is None, f"lethe serve has ended: {self.log()}")  # or we would kill process 0

    def _listen(self):
        while True:
            self.notes.append(self.notify.recv(4096).decode())

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def child(self, name):
        try:
            with open(f"{self.data}/run/serve.json", encoding="utf-8") as f:
                return next(c for c in json.load(f)["children"] if c["name"] == name)
        except FileNotFoundError:
            return {"phase": "", "pid": 0, "restarts": 0, "death": ""}

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=20) as r:
            return r.read().decode()

    def stop(self, sig=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(sig)
        return self.process.wait(40)


def expect(condition, text):
    if not condition:
        raise AssertionError(text)


def first_run():
    s = Serve("first")
    try:
        expect(os.stat(s.data).st_mode & 0o777 == 0o700, "data directory is not 0700")
        expect(os.stat(f"{s.data}/run").st_mode & 0o777 == 0o700, "run directory is not 0700")
        expect(len([f for f in os.listdir(f"{s.data}/practice") if f.startswith("custodian-")]) == 3, "no practice set")
        expect("Practice custodians." in s.get("/status"), "the page does not warn of practice custodians")
        expect(json.loads(s.get("/healthz"))["ok"], "not healthy")
        wait("WATCHDOG=1", 5, lambda: "WATCHDOG=1" in s.notes)
        expect(any("STATUS=" in n and "recorder up" in n for n in s.notes), "no STATUS=")
    finally:
        code = s.stop()
    expect(code == 0, f"exit code {code}")
    log = s.log()
    expect(-1 < log.find("web has stopped") < log.find("recorder has stopped"), "not stopped in order")
    expect(any("STOPPING=1" in n for n in s.notes), "no STOPPING=1")


def one_instance_only():
    s = Serve("one")
    try:
        other = subprocess.run([BIN, "serve", "--data", s.data, "--listen", f"localhost:{free_port()}"],
                               capture_output=True, text=True, timeout=20, check=False)
        expect(other.returncode != 0, "a second instance runs on the same data directory")
        expect(f"in use by process {s.process.pid}" in other.stderr, other.stderr)
        expect(s.process.poll() is None, "the first instance suffered")
    finally:
        s.stop()


def restarts_what_dies():
    s = Serve("dies")
    try:
        recorder, web = s.child("recorder")["pid"], s.child("web")["pid"]
        os.kill(recorder, signal.SIGKILL)
        wait("recorder again", 20, lambda: s.child("recorder")["restarts"] == 1 and s.child("recorder")["phase"] == "up")
        expect(s.child("recorder")["death"] == "was killed by SIGKILL", s.child("recorder")["death"])
        expect(s.child("web")["pid"] == web and alive(web), "web suffered from the recorder's death")
        expect("was killed by SIGKILL; starting it again in 0.2 s" in s.log(), "the death is not in the log")
        recorder = s.child("recorder")["pid"]
        os.kill(web, signal.SIGSEGV)
        wait("web gone", 20, lambda: not alive(web))  # the dying one still takes a connection, and drops it
        s.get("/healthz")  # waits in the backlog of the listening socket that outlives the process
        expect(s.child("recorder")["pid"] == recorder and alive(recorder), "the recorder suffered from web's death")
        expect("recorder process was killed by SIGKILL" in s.get("/status"), "the page does not tell of the death")
    finally:
        s.stop()


def aborts_a_hung_recorder():
    s = Serve("hung")
    try:
        os.kill(s.child("recorder")["pid"], signal.SIGSTOP)
        began = time.monotonic()
        wait("restart", 40, lambda: s.child("recorder")["restarts"] == 1 and s.child("recorder")["phase"] == "up")
        took = time.monotonic() - began
        expect(13 < took < 30, f"restarted after {took:.1f} s")
        expect("alarm: recorder has given no sign of life for 15 s" in s.log(), "no alarm in the log")
        expect("was aborted (SIGABRT)" in s.child("recorder")["death"], s.child("recorder")["death"])
    finally:
        s.stop()


def children_die_with_the_parent():
    s = Serve("orphans")
    pids = [s.child("recorder")["pid"], s.child("web")["pid"]]
    s.process.kill()
    s.process.wait()
    again = Serve("orphans-2", data=s.data)  # waits for the old recorder to close its files
    try:
        expect(not any(alive(p) for p in pids), "a child outlived its parent")
    finally:
        code = again.stop()
    expect(code == 0, f"exit code {code}")


def plain_http_stays_at_home():
    for address in ("0.0.0.0:18080", "[::]:18080", "192.0.2.1:18080"):
        r = subprocess.run([BIN, "serve", "--data", f"{TMP}/home", "--listen", address], capture_output=True, text=True,
                           timeout=20, check=False)
        expect(r.returncode != 0 and "this machine only" in r.stderr, f"{address}: {r.returncode} {r.stderr}")


def children_are_restricted():
    s = Serve("restricted")
    try:
        for name in ("recorder", "web", "masker-0"):
            status = {}
            pid = s.child(name)["pid"]
            for _ in range(200):  # a masker opens its models before it gives up the right to open anything
                with open(f"/proc/{pid}/status", encoding="utf-8") as f:
                    status = dict(line.split(":", 1) for line in f if ":" in line)
                if status["Seccomp"].strip() == "2":
                    break
                time.sleep(0.1)
            expect(status["NoNewPrivs"].strip() == "1", f"{name}: new privileges")
            expect(status["Seccomp"].strip() == "2", f"{name}: no system call filter")
            expect(int(status["CapEff"], 16) & ~0x2 == 0, f"{name}: capabilities {status['CapEff']}")
            expect(int(status["CapBnd"], 16) == 0 or os.geteuid() != 0, f"{name}: bounding set {status['CapBnd']}")
            with open(f"/proc/{pid}/limits", encoding="utf-8") as f:
                core = next(line.split() for line in f if line.startswith("Max core"))
            expect(core[4] == "0" and core[5] == "0", f"{name}: core dumps {core}")
            with open(f"/proc/{pid}/environ", encoding="utf-8", errors="replace") as f:
                expect("NOTIFY_SOCKET" not in f.read(), f"{name}: has the service manager's socket")
    finally:
        s.stop()


def root_becomes_the_user():
    """In a mount namespace whose /etc/passwd has the user "lethe"."""
    if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode:
        return "needs root and mount namespaces"
    passwd = f"{TMP}/passwd"
    shutil.copy("/etc/passwd", passwd)
    with open(passwd, "a", encoding="utf-8") as f:
        f.write("lethe:x:54321:54321::/nonexistent:/usr/sbin/nologin\n")
    os.chmod(TMP, os.stat(TMP).st_mode | 0o055)
    wrap = ["unshare", "-m", "sh", "-c", f"mount --bind {passwd} /etc/passwd && exec \"$@\"", "sh"]
    s = Serve("user", wrap=wrap)
    try:
        for pid in (s.process.pid, s.child("recorder")["pid"], s.child("web")["pid"]):
            expect(os.stat(f"/proc/{pid}").st_uid in (0, 54321), "who is this")
            with open(f"/proc/{pid}/status", encoding="utf-8") as f:
                uid = next(line.split()[1:] for line in f if line.startswith("Uid:"))
            expect(uid == ["54321"] * 4, f"process {pid} has user ids {uid}")
        expect(os.stat(s.data).st_uid == 54321, "the data directory was not given away")
        recorder = s.child("recorder")["pid"]
    finally:
        s.process.kill()
        s.process.wait()
    wait("end of the recorder whose parent was killed", 20, lambda: not alive(recorder))
    os.chown(s.data, 0, 0)
    refused = Serve("user-2", data=s.data, wrap=wrap, ready=False)
    expect(refused.process.wait(20) != 0 and "chown -R 54321" in refused.log(), refused.log())
    return None


def main():
    global failures
    for test in (first_run, one_instance_only, restarts_what_dies, aborts_a_hung_recorder, children_die_with_the_parent,
                 plain_http_stays_at_home, children_are_restricted, root_becomes_the_user):
        try:
            skip = test()
            print(f"ok {test.__name__}" + (f" # SKIP {skip}" if skip else ""), flush=True)
        except Exception as e:  # pylint: disable=broad-except
            failures += 1
            print(f"not ok {test.__name__}\n  {type(e).__name__}: {e}", flush=True)
    sys.exit(1 if failures else 0)


main()
