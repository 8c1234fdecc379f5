#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the web process costs: bench/web.py [timeline] [live] [seek]. Needs $LETHE_BIN; prints one line for each figure.

timeline  500 cameras and 30 days in the index, whole screens and single ones, over HTTP
live      64 cameras at 10 pictures a second and 300 kbit/s from a stand-in for the recorder, one viewer; CPU of `lethe web`
seek      playlist, head and first segment at random times of what two simulated cameras recorded
"""
import json
import os
import pathlib
import random
import shutil
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests/system"))
from openapi import Client  # noqa: E402

LETHE = os.environ.get("LETHE_BIN", "build/lethe")
PASSWORD = "correct horse battery"
DAY, MINUTE = 86400_000000, 60_000000


def lethe(*args, **kw):
    r = subprocess.run([LETHE, *map(str, args)], capture_output=True, text=True, check=False, **kw)
    assert r.returncode == 0, r.stderr
    return r.stdout


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Web:
    """`lethe web` alone, on a data directory with cameras in its register and a user."""

    def __init__(self, cameras):
        self.data = pathlib.Path(tempfile.mkdtemp(prefix="lethe-web-bench-"))
        rows = "id,main,enabled\n" + "".join(f"cam-{i:03d},rtsp://127.0.0.1/x,no\n" for i in range(cameras))
        (self.data / "cameras.csv").write_text(rows)
        lethe("camera", "import", self.data / "cameras.csv", "--data", self.data)
        lethe("user", "add", "bench", "--role", "operator", "--data", self.data, "--password-file", "-", input=PASSWORD)
        (self.data / "run").mkdir(exist_ok=True)

    def start(self):
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        self.port = listener.getsockname()[1]
        self.web = subprocess.Popen([LETHE, "web", "--data", self.data, "--listen-fd", str(listener.fileno())],
                                    pass_fds=[listener.fileno()], stderr=subprocess.DEVNULL)
        listener.close()
        self.client = Client(self.port)
        assert self.client.ask("POST", "/api/v1/session", {"user": "bench", "password": PASSWORD}).status == 201

    def cpu(self):
        fields = pathlib.Path(f"/proc/{self.web.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self):
        for line in pathlib.Path(f"/proc/{self.web.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) * 1024
        return 0

    def close(self):
        self.web.terminate()
        self.web.wait(10)
        shutil.rmtree(self.data)


def middle(values):
    return sorted(values)[len(values) // 2]


# ---- timeline ----

def fill(data, cameras, now):
    """Coverage with five breaks a day, the breaks as gaps, activity of each minute."""
    db = sqlite3.connect(data / "lethe.db")
    db.execute("PRAGMA synchronous = OFF")
    start = (now - 30 * DAY) // DAY * DAY
    hour = b"".join(struct.pack(">BHHBB", 1, random.randrange(1000), 20, 1, 0) for _ in range(60))
    for i in range(cameras):
        name = f"cam-{i:03d}"
        db.execute("INSERT OR IGNORE INTO camera_id(id) VALUES(?)", (name,))
        key = db.execute("SELECT key FROM camera_id WHERE id = ?", (name,)).fetchone()[0]
        spans, gaps, at = [], [], start
        while at < now:
            end = at + random.randrange(3, 7) * DAY // 24
            spans += [(key, view, at, end) for view in (0, 1)]
            gaps.append((name, end, end + 40_000000, "stream-lost", "the camera closed the connection"))
            at = end + 40_000000
        db.executemany("INSERT INTO coverage VALUES(?, ?, ?, ?)", spans)
        db.executemany("INSERT INTO gap VALUES(?, ?, ?, ?, ?)", gaps)
        db.executemany("INSERT INTO activity_hour VALUES(?, ?, ?)", [(key, start // 3600_000000 + h, hour) for h in range(720)])
        db.executemany("INSERT INTO activity_day VALUES(?, ?, ?)", [(key, start // DAY + d, hour[:24 * 7]) for d in range(30)])
    db.commit()
    db.close()
    # Leaves the log beside the index, which a reader without the right to write needs.
    lethe("camera", "add", "last", "--main", "rtsp://127.0.0.1/x", "--data", data)


def bench_timeline():
    web, now = Web(500), int(time.time() * 1e6)
    fill(web.data, 500, now)
    web.start()
    try:
        thirty = ",".join(f"cam-{i:03d}" for i in range(30))
        for name, cameras, days, buckets in (("500 cameras, 30 days", "*", 30, 300), ("500 cameras, 1 day", "*", 1, 300),
                                             ("30 cameras, 30 days", thirty, 30, 1000), ("30 cameras, 1 day", thirty, 1, 1000), ("1 camera, 1 hour", "cam-007", 1 / 24, 1000)):
            took, size, before = [], 0, web.cpu()
            for _ in range(15):
                wall = time.perf_counter()
                r = web.client.get(f"/api/v1/timeline?cameras={cameras}&from={now - int(days * DAY)}&to={now}&buckets={buckets}",
                                   described=False)
                took.append(time.perf_counter() - wall)
                size = len(r.body)
                assert r.status == 200, r.body
            print(f"timeline, {name}, {buckets} buckets: {middle(took) * 1000:.1f} ms, "
                  f"worst {max(took) * 1000:.1f} ms, {(web.cpu() - before) * 1000 / len(took):.0f} ms of CPU, {size / 1000:.0f} kB")
    finally:
        web.close()


# ---- live ----

def stand_in(path, cameras, stop):
    """A recorder that sends 0.2 s of 300 kbit/s of each camera to whoever connects, five times a second."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen(4)

    def message(kind, camera, payload):
        body = kind + bytes([len(camera)]) + camera + payload
        return struct.pack(">I", len(body)) + body
    client, _ = server.accept()
    names = [f"cam-{i:03d}".encode() for i in range(cameras)]
    client.sendall(b"".join(message(b"C", n, b'{"state":"mosaic","reason":"bench"}') + message(b"I", n, b"\0" * 700)
                            for n in names))
    beat = 0
    while not stop.is_set():
        wall = struct.pack(">q", int(time.time() * 1e6))
        key = beat % 20 == 0
        try:
            for n in names:
                client.sendall(message(b"F", n, wall + bytes([key]) + b"\0" * (30000 if key else 6300)))
        except OSError:
            break
        beat += 1
        time.sleep(0.2)
    client.close()
    server.close()


def read_for(response, seconds):
    got, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        got += len(response.read1(1 << 20))
    return got


def bench_live():
    web, stop = Web(64), threading.Event()
    web.start()
    sender = threading.Thread(target=stand_in, args=(web.data / "run/live.sock", 64, stop))
    sender.start()
    try:
        connections = []
        for viewers in (1, 4):
            while len(connections) < viewers:
                connections.append(web.client.open("GET", "/api/v1/live?cameras=*", timeout=60))
            for _, r in connections:
                read_for(r, 1)
            others = [threading.Thread(target=read_for, args=(r, 20)) for _, r in connections[1:]]
            for t in others:
                t.start()
            before, wall = web.cpu(), time.monotonic()
            got = read_for(connections[0][1], 20)
            took = time.monotonic() - wall
            print(f"live, 64 cameras, {viewers} viewer{'s' * (viewers > 1)}: {100 * (web.cpu() - before) / took:.1f} % of a core, "
                  f"{got * 8 / took / 1e6:.1f} Mbit/s each, {web.memory() / 1e6:.0f} MB")
            for t in others:
                t.join()
        for c, _ in connections[1:]:
            c.close()
        time.sleep(30)  # the last one reads nothing: its queue must not grow
        print(f"live, a viewer that does not read for 30 s: {web.memory() / 1e6:.0f} MB")
    finally:
        stop.set()
        web.close()
        sender.join()


# ---- seek ----

def bench_seek():
    import re
    folder = pathlib.Path(tempfile.mkdtemp(prefix="lethe-seek-bench-"))
    rtsp, port = free_port(), free_port()
    sim = subprocess.Popen([LETHE, "sim", "--port", str(rtsp), "--cameras", "2"], stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL, text=True)
    sim.stdout.readline()
    (folder / "data").mkdir(mode=0o700)
    (folder / "lethe.yaml").write_text("epoch_minutes: 1\n")
    serve = subprocess.Popen([LETHE, "serve", "--data", folder / "data", "--listen", f"127.0.0.1:{port}", "--config",
                              folder / "lethe.yaml"], stderr=subprocess.DEVNULL)
    try:
        for i in range(2):
            lethe("camera", "add", f"cam-{i}", "--main", f"rtsp://127.0.0.1:{rtsp}/cam{i}/main", "--sub",
                  f"rtsp://127.0.0.1:{rtsp}/cam{i}/sub", "--data", folder / "data")
        lethe("user", "add", "bench", "--role", "operator", "--data", folder / "data", "--password-file", "-", input=PASSWORD)
        began = int(time.time() * 1e6)
        time.sleep(150)
        c, took, thumbs = Client(port), [], []
        c.ask("POST", "/api/v1/session", {"user": "bench", "password": PASSWORD})
        for _ in range(60):
            at = random.randrange(began + 20_000000, int(time.time() * 1e6) - 20_000000)
            base, wall = f"/api/v1/cameras/cam-{random.randrange(2)}", time.perf_counter()
            text = c.get(f"{base}/playback.m3u8?from={at}&to={at + 10 * MINUTE}", described=False).body.decode()
            head = re.search(r'MAP:URI="(\S+)",BYTERANGE="(\d+)@0"', text)
            first = re.search(r"#EXT-X-BYTERANGE:(\d+)@(\d+)\n(\S+)", text)
            c.get(f"{base}/{head[1]}", headers={"Range": f"bytes=0-{int(head[2]) - 1}"}, described=False)
            c.get(f"{base}/{first[3]}", headers={"Range": f"bytes={first[2]}-{int(first[2]) + int(first[1]) - 1}"},
                  described=False)
            took.append(time.perf_counter() - wall)
            wall = time.perf_counter()
            c.get(f"{base}/keyframe.mp4?at={at}", described=False)
            thumbs.append(time.perf_counter() - wall)
        print(f"seek: first segment after {middle(took) * 1000:.1f} ms (median of {len(took)}), thumbnail "
              f"{middle(thumbs) * 1000:.1f} ms")
    finally:
        serve.terminate()
        serve.wait(40)
        sim.terminate()
        sim.wait(10)
        shutil.rmtree(folder)


def main():
    wanted = sys.argv[1:] or ["timeline", "live", "seek"]
    for name in wanted:
        {"timeline": bench_timeline, "live": bench_live, "seek": bench_seek}[name]()


main()
