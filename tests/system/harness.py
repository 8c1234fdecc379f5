# SPDX-License-Identifier: AGPL-3.0-or-later
"""A small site for system tests: simulated cameras, a running node, and what it recorded. Prints TAP."""
import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time

LETHE = os.environ.get("LETHE_BIN", "build/lethe")
MEDIA = pathlib.Path(os.environ["LETHE_MEDIA"]) if os.environ.get("LETHE_MEDIA") else None
_results = []


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def plain():
    """The program without sanitizers: LETHE itself, or the one that was built beside it. None if there is none."""
    text = subprocess.run(["ldd", LETHE], capture_output=True, text=True).stdout
    beside = pathlib.Path(LETHE).resolve().parent.parent / "clang/lethe"
    return LETHE if "libasan" not in text else str(beside) if beside.exists() else None


def check(ok, name, detail=""):
    """One test result; goes on after a failure so that one run shows all."""
    _results.append(bool(ok))
    print(f"{'ok' if ok else 'not ok'} {len(_results)} - {name}", flush=True)
    if not ok and detail:
        print(f"# {detail}", flush=True)
    return ok


def skip(name, why):
    _results.append(True)
    print(f"ok {len(_results)} - {name} # SKIP {why}", flush=True)


def finish():
    print(f"1..{len(_results)}")
    sys.exit(0 if all(_results) and _results else 1)


def run(*args, timeout=120, **kw):
    return subprocess.run([LETHE, *map(str, args)], capture_output=True, text=True, timeout=timeout, **kw)


def wait_for(what, seconds=20, step=0.1):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = what()
        if value:
            return value
        time.sleep(step)
    return None


class Sim:
    def __init__(self, folder, *args, cameras=1, port=None, log=True, command=None):
        self.port = port or free_port()
        self.log_path = pathlib.Path(folder) / f"sent-{self.port}.jsonl"
        self.args = ["--port", self.port, "--cameras", cameras, *args]
        if log:
            self.args += ["--frames-log", self.log_path]
        self.errors = open(pathlib.Path(folder) / f"sim-{self.port}.log", "a")
        self.start()

    def start(self):
        self.process = subprocess.Popen([LETHE, "sim", *map(str, self.args)], stdout=subprocess.PIPE, stderr=self.errors,
                                        text=True)
        line = self.process.stdout.readline()
        assert line.startswith("ready"), f"simulator said {line!r}"

    def url(self, camera, stream="main"):
        return f"rtsp://127.0.0.1:{self.port}/cam{camera}/{stream}"

    def sent(self, camera, stream="main"):
        """Access units sent for one camera, in order."""
        rows = []
        with open(self.log_path) as f:
            for line in f:
                if not line.endswith("\n"):
                    break
                row = json.loads(line)
                if row["camera"] == camera and row["stream"] == stream:
                    rows.append(row)
        return rows

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Site:
    """A node in a temporary folder. `settings` become lethe.yaml."""

    def __init__(self, settings=None, base=None, env=None, wrap=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lethe-test-", dir=base))
        self.data = self.folder / "data"
        self.port = free_port()
        self.config = self.folder / "lethe.yaml"
        self.config.write_text("".join(f"{k}: {v}\n" for k, v in (settings or {}).items()))
        self.env = {**os.environ, **(env or {})}
        self.wrap = wrap or []
        self.node = None

    def start(self):
        self.log = open(self.folder / "node.log", "a")
        self.node = subprocess.Popen([*self.wrap, LETHE, "serve", "--data", self.data, "--config", self.config, "--listen",
                                      f"127.0.0.1:{self.port}"], stdout=self.log, stderr=self.log, env=self.env)
        assert wait_for(self.status, 30), "the node did not start: " + self.log_text()[-2000:]
        return self

    def log_text(self):
        return (self.folder / "node.log").read_text()

    def stop(self, seconds=30):
        if self.node and self.node.poll() is None:
            self.node.send_signal(signal.SIGTERM)
            try:
                self.node.wait(seconds)
            except subprocess.TimeoutExpired:
                self.node.kill()
                self.node.wait()
                return None
        return self.node.returncode if self.node else None

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def status(self):
        r = run("status", "--data", self.data, "--json", timeout=20)
        return json.loads(r.stdout) if r.returncode == 0 and r.stdout else None

    def camera(self, name):
        s = self.status()
        return next((c for c in s["cameras"] if c["id"] == name), None) if s else None

    def add(self, name, url, *args):
        r = run("camera", "add", name, "--main", url, "--data", self.data, *args)
        assert r.returncode == 0, r.stderr

    def recording(self, *names, frames=1, seconds=30):
        """Waits until every named camera has recorded @frames frames."""
        def ready():
            s = self.status()
            if not s:
                return False
            found = {c["id"]: c for c in s["cameras"]}
            return all(n in found and found[n]["frames_recorded"] >= frames for n in names)
        return wait_for(ready, seconds)

    def child_pids(self, kind):
        """Process ids of the node's children of a role, such as "masker"."""
        out = subprocess.run(["pgrep", "-P", str(self.node.pid), "-f", f"lethe {kind} "], capture_output=True, text=True).stdout
        return [int(p) for p in out.split()]

    def recordings(self, name, view="masked"):
        """Rows of the index, oldest first: path, start in seconds UTC, end reason."""
        with contextlib.closing(sqlite3.connect(f"file:{self.data}/lethe.db?mode=ro", uri=True)) as db:
            return [(self.data / p, s / 1e6, r) for p, s, r in db.execute(
                "SELECT path, start_us, end_reason FROM recording JOIN camera_id ON camera_id.key = recording.camera"
                " WHERE camera_id.id = ? AND view = ? AND state < 2 ORDER BY start_us", (name, 1 if view == "masked" else 0))]

    def activity(self, name):
        """Minutes of a camera's activity, packed as src/index/sqlite_activity.c says."""
        with contextlib.closing(sqlite3.connect(f"file:{self.data}/lethe.db?mode=ro", uri=True)) as db:
            rows = db.execute("SELECT minutes FROM activity_hour JOIN camera_id ON camera_id.key = activity_hour.camera"
                              " WHERE camera_id.id = ? ORDER BY hour", (name,)).fetchall()
        entries = [e for (blob,) in rows for e in struct.iter_unpack(">BHHBB", blob) if e[0]]
        return [dict(zip(("known", "motion_max", "motion_mean", "persons_max", "vehicles_max"), e)) for e in entries]

    def entries(self, kind=None):
        """Texts of the public log's entries, of one kind or all, straight from its static files."""
        best = []
        for bundle in (self.data / "log/tile/entries").rglob("*"):
            data, at, found = bundle.read_bytes() if bundle.is_file() else b"", 0, []
            while at + 2 <= len(data):
                n = int.from_bytes(data[at:at + 2], "big")
                found.append(data[at + 2:at + 2 + n].decode())
                at += 2 + n
            best = max(best, found, key=len)
        return [e for e in best if not kind or e.startswith(f"lethe-log/v1 {kind}\n")]

    def control(self, **request):
        """One request to control.sock and its answer."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(20)
            s.connect(str(self.data / "run" / "control.sock"))
            s.sendall(json.dumps(request).encode() + b"\n")
            return json.loads(s.makefile().readline())

    def recorder_pid(self):
        out = subprocess.run(["pgrep", "-P", str(self.node.pid), "-f", "recorder"], capture_output=True, text=True).stdout
        return int(out.split()[0]) if out.split() else None

    def identities(self, count=2):
        return [self.data / "practice" / f"custodian-{i}.txt" for i in range(1, count + 1)]

    def open(self, name, out, start="2020-01-01T00:00:00Z", end="2100-01-01T00:00:00Z", identities=None, timeout=300):
        args = ["open", "--data", self.data, "--camera", name, "--from", start, "--to", end, "-o", out, "--json"]
        for i in identities if identities is not None else self.identities():
            args += ["--identity", i]
        return run(*args, timeout=timeout)


def subsequence(small, big):
    """True if @small is a run of consecutive elements of @big; returns its start or -1."""
    if not small:
        return -1
    for at in range(len(big) - len(small) + 1):
        if big[at] == small[0] and big[at:at + len(small)] == small:
            return at
    return -1
